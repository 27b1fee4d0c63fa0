"""Builds a stand-in for Colab and tries the course's way in there; `make colab` then runs every notebook in it.

    python colab/stand_in.py FOLDER

FOLDER becomes an environment with Colab's versions (colab/versions.txt), into which the first cell of a notebook brings
the course, inside a running kernel and from a local clone. Fails when a package that was there has changed.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NEWER = (13, 12)              # Colab's own Python is 3.13

THEN = """\
import os
import sys

import tutorial_lib.data.video
import tutorial_lib.show.figures
import tutorial_lib.show.widgets

assert sys.prefix == {prefix!r}, sys.prefix
assert tutorial_lib.__file__.startswith(os.getcwd()), tutorial_lib.__file__
assert os.environ["OFD_SCALE"] == {scale!r}, os.environ["OFD_SCALE"]
"""
NOT_CLONED = (".git", ".venv*", "/build", "/data", "__pycache__", "*.egg-info", ".*_cache")      # "/": in ROOT alone


def lines_of(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def run(*command: str | Path, **options) -> str:
    # Without PYTHONPATH, or the course could be imported before it is installed.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True, env=clean,
                          **options).stdout


def python_3(minor: int) -> str | None:
    """A Python of this version with pip, also one that pyenv has and does not offer here."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    test = f"import ensurepip, pip, sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
    for name in (f"python3.{minor}", *map(str, sorted(pyenv.glob(f"3.{minor}.*/bin/python")))):
        try:
            run(name, "-c", test, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            continue
        return name
    return None


def cuda_packages(python: str, torch: str) -> int | None:
    """How many packages with parts of CUDA this torch would bring to this Python; None if pip cannot tell."""
    options = ("--dry-run", "--ignore-installed", "--quiet", "--disable-pip-version-check", "--report", "-")
    try:
        report = json.loads(run(python, "-m", "pip", "install", *options, torch, stderr=subprocess.DEVNULL))
    except (subprocess.CalledProcessError, json.JSONDecodeError):
        return None
    return sum(package["metadata"]["name"].startswith("nvidia-") for package in report["install"])


def choose_python(torch: str) -> str:
    """The Python nearest to Colab's for which this torch comes without CUDA, else the one that runs this; says why."""
    reasons = []
    for minor in NEWER:
        python = python_3(minor)
        number = cuda_packages(python, torch) if python else None
        if number == 0:
            reasons.append(f"for it {torch} comes without CUDA")
            break
        there = f"would bring {number} packages of CUDA" if number else "cannot be had"
        reasons.append(f"for 3.{minor} {torch} {there}" if python else f"3.{minor} is not here")
    else:
        python, minor = sys.executable, sys.version_info[1]
    print(f"The stand-in takes Python 3.{minor}: {', '.join(reasons)}.", flush=True)
    return python


def environment(folder: Path, python: str) -> Path:
    """A new, empty environment; returns its Python."""
    shutil.rmtree(folder, ignore_errors=True)
    run(python, "-m", "venv", folder)
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def install(python: Path, *what: str) -> None:
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what)


def freeze(python: Path) -> set[str]:
    lines = run(python, "-m", "pip", "freeze", "--all", "--disable-pip-version-check").splitlines()
    return {line for line in lines if not line.startswith("#")}


def clone_of(root: Path, folder: Path) -> str:
    """A repository with the files as they are now; returns its address."""
    everywhere = shutil.ignore_patterns(*(name for name in NOT_CLONED if not name.startswith("/")))
    at_the_top = {name[1:] for name in NOT_CLONED if name.startswith("/")}
    shutil.copytree(root, folder, ignore=lambda place, names: everywhere(place, names) | (
        at_the_top & set(names) if Path(place) == root else set()))
    author = ("-c", "user.name=stand-in", "-c", "user.email=stand-in@localhost")
    for command in (("init", "--quiet"), ("add", "--all"), (*author, "commit", "--quiet", "--message", "As it is now")):
        run("git", "-C", folder, *command)
    return folder.as_uri()


def in_a_kernel(python: Path, source: str, folder: Path) -> None:
    """Runs a cell with the environment's own nbconvert and kernel."""
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = folder / "way_in.ipynb"
    notebook.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 4}))
    run(python, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", "--log-level=ERROR", notebook)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    torch = next(line for line in lines_of(ROOT / "requirements.lock") if line.startswith("torch=="))
    colab = lines_of(HERE / "versions.txt")
    base = choose_python(torch)

    python = environment(folder, base)
    install(python, torch, *colab)
    before = freeze(python)
    opened = folder / "opened"
    opened.mkdir(parents=True)
    address = clone_of(ROOT, folder / "clone")
    first = (HERE / "first_cell.txt").read_text(encoding="utf-8").format(address=address, next="")
    scale = os.environ.get("OFD_SCALE", "laptop")       # the reader's own choice stays
    start = time.monotonic()
    in_a_kernel(python, first + THEN.format(prefix=str(folder), scale=scale), opened)
    seconds = time.monotonic() - start
    after = freeze(python)
    run(python, HERE / "install.py")                    # from here on the files themselves, as they change
    shutil.rmtree(opened / "ofd")
    shutil.rmtree(folder / "clone")
    if before - after:
        print(f"The way in changed what was there: {', '.join(sorted(before - after))}.", file=sys.stderr)
        return 1
    print(f"In {seconds:.0f} s the way in left {len(before)} packages as they were and added:",
          *sorted(after - before), sep="\n  ")

    # Where OpenCV has come as the contributed modules alone, a second one would take DeepFlow away.
    contrib = next(line for line in colab if line.startswith("opencv-contrib-python=="))
    python = environment(folder / "contrib", base)
    install(python, "--no-deps", contrib)
    said = run(python, HERE / "install.py", "--dry-run")
    shutil.rmtree(folder / "contrib")
    if "opencv" in said or "av" not in said:
        print(f"Beside {contrib} the way in would install: {said}", file=sys.stderr)
        return 1
    print(f"Beside {contrib} alone it would bring no second OpenCV.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"This failed: {shlex.join(error.cmd)}")
