"""What the first cell of a notebook does on Colab, or wherever the course is not installed.

    %run ofd/colab/start.py [--next LINK] [--drive]

Installs the course (install.py), says whether there is a GPU and how to turn it on, sets the scale that fits, and gives
the link to the next notebook on Colab. --drive keeps downloads and everything that is made on Google Drive, where the
next notebook, which has a runtime of its own, finds it.
"""

import argparse
import os
import runpy
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DRIVE = Path("/content/drive/MyDrive/ofd")


def scale_for(gpu: str | None) -> str:
    return "colab" if gpu else "laptop"


def gpu_name() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def keep_on_drive() -> None:
    """Mounts Google Drive, after asking the reader, and has everything that is made written there."""
    from google.colab import drive  # Colab's own

    drive.mount(str(DRIVE.parent.parent))
    DRIVE.mkdir(parents=True, exist_ok=True)
    os.environ["OFD_BUILD"] = str(DRIVE)
    os.environ["OFD_CACHE"] = str(DRIVE / "cache")
    free = shutil.disk_usage(DRIVE).free / 2**30
    print(f"What is downloaded and made is kept in {DRIVE}; {free:.0f} GiB are free there.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--next", metavar="LINK", help="of the notebook after this one, on Colab")
    parser.add_argument("--drive", action="store_true")
    arguments = parser.parse_args()
    sys.argv = ["install.py"]
    runpy.run_path(str(HERE / "install.py"), run_name="__main__")
    if arguments.drive:
        keep_on_drive()
    gpu = gpu_name()
    os.environ.setdefault("OFD_SCALE", scale_for(gpu))
    print(f"GPU: {gpu}." if gpu else "No GPU: everything runs, small. To have one, choose T4 GPU in Runtime > "
          "Change runtime type, and run this cell again.")
    print(f"Scale: {os.environ['OFD_SCALE']} (OFD_SCALE; to change it: %env OFD_SCALE=laptop, before the imports).")
    if arguments.next:
        print(f"Next notebook: {arguments.next}")


if __name__ == "__main__":
    main()
