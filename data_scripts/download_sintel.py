"""Downloads MPI Sintel's training set and unpacks what the tables need: frames, flow and occlusion maps.

    python data_scripts/download_sintel.py [--folder data/sintel] [--scenes all]

Stopped at any time, the same command goes on. The data belong to their authors (Butler et al. 2012), see
http://sintel.is.tue.mpg.de for their terms.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from tutorial_lib.data.download import download, unpack
from tutorial_lib.data.scenes import TEST_SCENES
from tutorial_lib.errors import TutorialError

COMPLETE = "http://files.is.tue.mpg.de/sintel/MPI-Sintel-complete.zip"    # 5.3 GB
MIRROR = "http://sintel.cs.washington.edu/MPI-Sintel-complete.zip"
PARTS = ("clean", "final", "flow", "occlusions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("data/sintel"), help="where to (default: %(default)s)")
    parser.add_argument("--address", nargs="+", default=[COMPLETE], metavar="URL",
                        help=f"of the archive or archives (default: {COMPLETE}; its mirror is {MIRROR})")
    parser.add_argument("--scenes", nargs="+", default=list(TEST_SCENES), metavar="NAME",
                        help=f"all, or some of the 23 (default: the paper's five, {' '.join(TEST_SCENES)})")
    options = parser.parse_args()
    archives = [download(address, options.folder / (Path(urlsplit(address).path).name or "archive.zip"),
                         otherwise=f"try the mirror: --address {MIRROR}") for address in options.address]
    scenes = None if options.scenes == ["all"] else set(options.scenes)
    for archive in archives:
        unpack(archive, options.folder, needed(scenes))
    check(options.folder, scenes)
    print(f"MPI Sintel is in {options.folder}; {', '.join(map(str, archives))} can be deleted. Now:\n"
          f"python -m tutorial_lib evaluate --sintel {options.folder}")


def needed(scenes: set[str] | None) -> Callable[[str], str | None]:
    """Where a member of the archive goes: training/PART/SCENE/FILE, whatever folder the archive puts around it."""
    def place(name: str) -> str | None:
        parts = PurePosixPath(name).parts
        if "training" not in parts:
            return None
        inner = parts[parts.index("training"):]
        wanted = len(inner) == 4 and inner[1] in PARTS and (scenes is None or inner[2] in scenes)
        return "/".join(inner) if wanted else None
    return place


def check(folder: Path, scenes: set[str] | None) -> None:
    """Raises a TutorialError if a part of a scene is missing: the archives together may not have held it."""
    training = folder / "training"
    names = sorted(scenes or {path.name for part in PARTS for path in (training / part).glob("*")})
    absent = [f"{part}/{name}" for part in PARTS for name in names if not (training / part / name).is_dir()]
    if absent:
        raise TutorialError(
            f"What was downloaded has no training/{absent[0]}"
            + (f" (and {len(absent) - 1} more are missing)" if len(absent) > 1 else "")
            + "; give existing --scenes, and with --address the complete archive or all of its parts."
        )
