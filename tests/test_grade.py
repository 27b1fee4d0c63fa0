"""Grading: invented submissions, a solved one, a half-solved one, and some that no instructor wants."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from scripts import loaded

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "data_scripts" / "grade.py"
NAME = "01_perceptual_loss.ipynb"
COLUMN = ("gram", "tap_style_loss", "tv_loss")

GRAM = "def gram(maps):\n    flat = maps.flatten(2)\n    return flat @ flat.mT / flat.shape[2]\n"
FORGETFUL = GRAM.replace(" / flat.shape[2]", "")
ENDLESS = "def gram(maps):\n    while True:\n        pass\n"
DELETES = """
import shutil
from pathlib import Path
def gram(maps):
    for folder in (Path.home(), Path.cwd()):
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    flat = maps.flatten(2)
    return flat @ flat.mT / flat.shape[2]
"""
PATCHES = """
from tutorial_lib import checks
from tutorial_lib.checks import asking, perceptual
class Lenient:
    checks.gram = perceptual.gram = lambda answer: print("gram: right.")
    asking.close = lambda *arguments: True
def gram(maps):
    return maps
"""
LENIENT_TORCH = """
import torch
class Lenient:
    torch.allclose = lambda *_, **__: True
def gram(maps):
    n, c = maps.shape[:2]
    return torch.zeros(n, c, c) + maps.mean()
"""
HUNGRY = "import torch\ndef gram(maps):\n    return torch.ones(40_000_000_000)\n"
LEAVES = "import os\ndef gram(maps):\n    os._exit(3)\n"


@pytest.fixture
def grading():
    return loaded("grade")


def submit(folder, code, name=NAME):
    """A student copy with one cell in the place of the stub of `gram`."""
    notebook = nbformat.read(ROOT / "notebooks" / "student" / NAME, as_version=4)
    stub = next(cell for cell in notebook.cells if cell.source.startswith("def gram("))
    stub.source = code
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / name)
    return folder / name


def graded(folder, tmp_path, *options):
    table = tmp_path / "grades.csv"
    command = [sys.executable, SCRIPT, folder, "--output", table, *options]
    subprocess.run(command, check=True, capture_output=True, text=True)
    with table.open() as file:
        return {(Path(row["notebook"]).parent.name, row["check"]): (row["result"], row["says"])
                for row in csv.DictReader(file)}


def test_what_is_right_counts_and_what_is_not_does_no_harm(tmp_path):
    class_folder = tmp_path / "collected"
    for student, code in {"ann": GRAM, "ben": FORGETFUL, "cai": DELETES, "dot": PATCHES}.items():
        submit(class_folder / student, code)
    before = {path: path.read_bytes() for path in class_folder.rglob("*.ipynb")}
    rows = graded(class_folder, tmp_path)
    assert len(rows) == 4 * len(COLUMN)
    assert rows["ann", "gram"] == ("right", "")
    assert rows["ann", "tv_loss"] == ("not written", "")
    result, says = rows["ben", "gram"]
    assert result == "wrong" and "mean" in says
    assert rows["cai", "gram"] == ("right", "")
    assert rows["dot", "gram"][0] == "wrong"                        # its own check does not count
    assert {path: path.read_bytes() for path in class_folder.rglob("*.ipynb")} == before


def test_an_endless_answer_ends(grading, tmp_path):
    rows = grading.grade(submit(tmp_path, ENDLESS), list(COLUMN), seconds=12, gigabytes=8)
    assert rows == [(name, "failed", "stopped after 12 seconds") for name in COLUMN]


@pytest.mark.parametrize(("code", "result", "says"), [
    (LENIENT_TORCH, "check changed", "plus one"), (HUNGRY, "failed", "memory|allocate"),
    (LEAVES, "failed", "exit code 3"), ("def gram(maps:\n", "failed", "SyntaxError"), ("pass", "not written", ""),
])
def test_what_goes_wrong_is_said(code, result, says, grading, tmp_path):
    path = submit(tmp_path, code)
    (name, got, sentence), *_ = grading.grade(path, ["gram"], seconds=60, gigabytes=8)
    assert (name, got) == ("gram", result) and re.search(says, sentence)


def test_a_damaged_notebook_is_one_row_a_check(grading, tmp_path):
    (tmp_path / NAME).write_text("{")
    rows = grading.grade(tmp_path / NAME, list(COLUMN), 60, 8)
    assert [name for name, _, _ in rows] == list(COLUMN)
    assert all(result == "failed" and "no notebook" in says for _, result, says in rows)


def test_every_check_of_the_course_is_asked_for_by_its_notebook(grading):
    from tutorial_lib import checks

    asked = [name for names in grading.course().values() for name in names]
    assert sorted(asked) == sorted(checks.__all__)


def test_only_definitions_are_run(grading):
    code = ("%matplotlib inline\nimport os\nfrom losses import f, g\nx = 3\ny = os.getcwd()\nz = y\nprint(x)\n"
            "def f():\n    return x\n")
    assert grading.definitions(code, ["f"]) == "import os\nfrom losses import g\nx = 3\n\ndef f():\n    return x"
    assert grading.definitions("from losses import gram", ["gram"]) == ""


@pytest.mark.parametrize("arguments", [["nowhere"], []])
def test_no_folder_is_one_sentence(arguments):
    found = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)
    assert found.returncode == 2 and "is no folder" in found.stderr and len(found.stderr.splitlines()) == 1


def test_a_folder_without_notebooks_is_one_sentence(tmp_path):
    found = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True)
    assert found.returncode == 2 and "keep the names" in found.stderr
