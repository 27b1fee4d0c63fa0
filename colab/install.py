"""The course in Colab's own Python: installs what is missing and changes nothing that is there.

    %run colab/install.py

As a cell of a notebook, so that what comes can be imported at once; `python colab/install.py` serves every Python that
is started later. --dry-run only says what is missing.

A plain `pip install -e .` would do harm on Colab. Its torch fits its GPU, and its ipywidgets the page that draws them;
its OpenCV may bear another name than ours, and a second one over the same folder takes DeepFlow out of the first.
"""

import argparse
import importlib
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from importlib import metadata, util
from pathlib import Path

try:
    from packaging import requirements, utils, version
except ImportError:                                     # pip always has its own copy
    from pip._vendor.packaging import requirements, utils, version

ROOT = Path(__file__).resolve().parent.parent
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def present() -> dict[str, str]:
    """{name: version} of every installed package; of two copies, the one that is imported."""
    found: dict[str, str] = {}
    for package in metadata.distributions():
        if package.metadata["Name"]:
            found.setdefault(utils.canonicalize_name(package.metadata["Name"]), package.version)
    return found


def missing(wanted: Sequence[str], here: Mapping[str, str], has_opencv: bool) -> list[str]:
    """What of `wanted` is not `here`. Any OpenCV will do, under whichever name it came.

    Raises: SystemExit when a package is here in a version that the course cannot use.
    """
    lacking = []
    for line in wanted:
        requirement = requirements.Requirement(line)
        found = here.get(utils.canonicalize_name(requirement.name))
        if requirement.name.startswith("opencv-") and has_opencv:
            continue
        if found is None:
            lacking.append(line)
        elif not requirement.specifier.contains(found, prereleases=True):
            raise SystemExit(
                f"{requirement.name} {found} is here, the course needs {requirement.specifier}, and nothing was "
                f"changed; if nothing else needs {found}, install \"{line}\" and run this again."
            )
    return lacking


def install(*what: str, keeping: Mapping[str, str]) -> None:
    """Installs with pip, which must keep every {name: version}."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "here.txt"
        file.write_text("".join(f"{name}=={number}\n" for name, number in keeping.items() if _is_version(number)))
        done = subprocess.run([*PIP, "-c", str(file), *what], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}pip could not install {' '.join(what)}; its reason stands above.")


def _is_version(text: str) -> bool:
    """Some packages of a Linux distribution have versions that pip cannot read; it does not replace those either."""
    try:
        version.Version(text)
    except version.InvalidVersion:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dry-run", action="store_true", help="say what is missing, and install nothing")
    arguments = parser.parse_args()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    here = present()
    lacking = missing(project["dependencies"], here, util.find_spec("cv2") is not None)
    print(f"Missing: {', '.join(lacking) or 'nothing'}.")
    if arguments.dry_run:
        return
    if lacking:
        install(*lacking, keeping=here)
    install("--no-deps", "--editable", str(ROOT), keeping={})
    # A Python reads the note that an editable install leaves only when it starts; this one is running.
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    importlib.invalidate_caches()
    print("The course is installed, everything that was there is as it was, and tutorial_lib can be imported.")


if __name__ == "__main__":
    main()
