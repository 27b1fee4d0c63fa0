"""Run the checks of the course on a folder of collected notebooks, and write what came of them as a table.

    python data_scripts/grade.py FOLDER [--output FILE.csv] [--seconds 60] [--gigabytes 8]

Of each notebook NN_*.ipynb in the folder or below it, the imports and functions are run, and each function that the
course's notebook of that number checks is checked; its other cells are not run. Every notebook has a process of its
own, with limits of time and memory, in an empty folder that is its home as well, and the course's modules are imported
anew before the checks, so that one that the notebook has changed does not count. THIS IS NO SANDBOX: a notebook can do
whatever you can. Grade what strangers wrote in a container or on a machine that holds nothing else.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import ast
import contextlib
import csv
import importlib
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import jupytext
import nbformat
from tqdm import tqdm

from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path

SOURCES = Path(__file__).parent.parent / "notebooks" / "src"
COLUMNS = ("notebook", "check", "result", "says")
RIGHT, WRONG, UNWRITTEN, FAILED, CHANGED = "right", "wrong", "not written", "failed", "check changed"


# --- what is asked ---


def checks_of(source: Path) -> list[str]:
    """The functions that a notebook of the course checks, in order."""
    cells = jupytext.read(source).cells
    checked = "\n".join(cell.source for cell in cells if "check" in cell.metadata.get("tags", []))
    return re.findall(r"^checks\.(\w+)\(", checked, flags=re.MULTILINE)


def course() -> dict[str, list[str]]:
    """{the number of a notebook: its checks}."""
    return {source.stem[:2]: checks_of(source) for source in sorted(SOURCES.glob("[0-9][0-9]_*.py"))}


def definitions(code: str, names: Collection[str]) -> str:
    """The imports, functions, classes and plain constants of a cell; what would only compute or show is left out.

    So are imports under the names of what is checked: the notebook goes on with the course's own functions.
    """
    lines = (line if not line.lstrip().startswith(("%", "!")) else "" for line in code.splitlines())
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:
        return code                       # fails where it is run, with its own message
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    body = [part for part in tree.body if isinstance(part, kept) or _is_constant(part)]
    for part in body:
        if isinstance(part, ast.Import | ast.ImportFrom):
            part.names = [alias for alias in part.names if (alias.asname or alias.name) not in names]
    return ast.unparse(ast.Module([part for part in body if getattr(part, "names", True)], []))


def _is_constant(part: ast.stmt) -> bool:
    computed = (ast.Call, ast.Name, ast.Attribute, ast.Subscript, ast.comprehension)
    return isinstance(part, ast.Assign) and not any(isinstance(node, computed) for node in ast.walk(part.value))


# --- in the notebook's own process ---


def answer(cells: list[str], names: list[str], gigabytes: float) -> list[tuple[str, str, str]]:
    """Runs the cells and checks the functions of these names: (name, result, sentence) each."""
    limit = int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    namespace: dict = {"__name__": "__main__"}
    failures = {}
    for cell in cells:
        try:
            exec(compile(cell, "<notebook>", "exec"), namespace)     # this is the point of the script
        except Exception as error:
            failures |= {name: _sentence(error) for name in names if re.search(rf"\bdef {name}\b", cell)}
    for name in [name for name in sys.modules if name.split(".")[0] == "tutorial_lib"]:
        del sys.modules[name]
    checks = importlib.import_module("tutorial_lib.checks")
    return [(name, FAILED, failures[name]) if name in failures
            else (name, *_checked(getattr(checks, name), namespace.get(name))) for name in names]


def _checked(check: Callable, function: object) -> tuple[str, str]:
    if not callable(function):
        return UNWRITTEN, "there is no such function"
    try:
        check(function)
    except NotImplementedError:
        return UNWRITTEN, ""
    except AssertionError as error:
        return WRONG, _sentence(error, kind=False)
    except Exception as error:
        return FAILED, _sentence(error)
    try:
        check(lambda *given, **named: function(*given, **named) + 1)
    except Exception:
        return RIGHT, ""
    return CHANGED, "it takes this answer plus one as well"


def _sentence(error: BaseException, kind: bool = True) -> str:
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if kind else text


# --- around it ---


def grade(path: Path, names: list[str], seconds: float, gigabytes: float) -> list[tuple[str, str, str]]:
    """The checks of one collected notebook: (name, result, sentence) each."""
    try:
        notebook = nbformat.read(path, as_version=4)
        cells = [definitions(cell.source, names) for cell in notebook.cells if cell.cell_type == "code"]
    except Exception as error:
        return [(name, FAILED, f"no notebook: {_sentence(error)}") for name in names]
    job = json.dumps({"cells": cells, "names": names, "gigabytes": gigabytes})
    with tempfile.TemporaryDirectory() as home:
        surroundings = {**os.environ, "HOME": home, "OFD_BUILD": home, "OFD_SCALE": "smoke", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, Path(__file__).resolve(), "--answer"], cwd=home, env=surroundings, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            said, _ = process.communicate(job, timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return [(name, FAILED, f"stopped after {seconds:g} seconds") for name in names]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)     # what it has started goes, too
    try:
        return [tuple(row) for row in json.loads(said)]
    except (json.JSONDecodeError, TypeError):
        return [(name, FAILED, f"its process ended with exit code {process.returncode}") for name in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--output", type=Path, help="(default: FOLDER/grades.csv)")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each notebook (default %(default)s)")
    parser.add_argument("--gigabytes", type=float, default=8.0, help="of memory for each (default %(default)s)")
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.answer:
        out = sys.stdout
        with contextlib.redirect_stdout(io.StringIO()):
            rows = answer(**json.load(sys.stdin))
        print(json.dumps(rows), file=out)
        return
    if arguments.folder is None or not arguments.folder.is_dir():
        raise TutorialError(f"{arguments.folder or 'Nothing'} is no folder; give that of the collected notebooks.")
    asked = course()
    found = [path for path in sorted(arguments.folder.rglob("*.ipynb"))
             if asked.get(path.name[:2]) and ".ipynb_checkpoints" not in path.parts]
    if not found:
        raise TutorialError(f"There is no notebook NN_*.ipynb in {arguments.folder}; keep the names of the course.")
    output = arguments.output or arguments.folder / "grades.csv"
    with atomic_path(output) as temporary, temporary.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for path in tqdm(found, unit="notebook"):
            rows = grade(path, asked[path.name[:2]], arguments.seconds, arguments.gigabytes)
            table.writerows((path.relative_to(arguments.folder), *row) for row in rows)
            right = sum(result == RIGHT for _, result, _ in rows)
            tqdm.write(f"{path.relative_to(arguments.folder)}: {right} of {len(rows)} right")
    print(output)

