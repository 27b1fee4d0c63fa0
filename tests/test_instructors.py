"""The guide for instructors: what it says comes out of the notebooks does, and what it names is there."""

import re
from pathlib import Path

import nbformat
import pytest

from tutorial_lib import checks

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
EXPECTED = re.findall(r"^\| (\d\d) \| ([^|]+?) \| (-?[\d.]+) \| ([\d.]+) \|$", GUIDE, flags=re.MULTILINE)


def printed(number):
    path, = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return "".join(output.get("text", "") for cell in cells for output in cell.outputs)


def test_every_notebook_has_something_to_expect():
    assert {number for number, *_ in EXPECTED} == {path.name[:2] for path in (ROOT / "notebooks").glob("*.ipynb")}


@pytest.mark.parametrize(("number", "words", "wanted", "tolerance"), EXPECTED, ids=lambda part: part[:20])
def test_what_is_expected_comes_out(number, words, wanted, tolerance):
    found = re.search(rf"{re.escape(words)}\s+([-+]?\d[\d.]*)", printed(number))
    assert found, f"notebook {number} does not print: {words}"
    assert abs(float(found[1].rstrip(".")) - float(wanted)) <= float(tolerance)


def test_the_functions_that_students_write_are_those_that_are_checked():
    table = GUIDE.partition("## Four sessions")[2].partition("##")[0]
    named = set(re.findall(r"`(\w+)`", table))
    assert named and named <= set(checks.__all__)


def test_the_files_that_it_names_are_there():
    named = re.findall(r"`((?:notebooks|colab|data_scripts|tutorial_lib)/[\w/]+\.(?:py|txt))`", GUIDE)
    assert named and all((ROOT / name).is_file() for name in named)
