"""The copies that are handed out: made from the sources, without a solution, and running to the end without one."""

import os
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
STUDENT = ROOT / "notebooks" / "student"
COPIES = sorted(STUDENT.glob("*.ipynb"))

each_copy = pytest.mark.parametrize("path", COPIES, ids=lambda path: path.stem)


def test_every_notebook_has_its_copy():
    assert [path.stem for path in COPIES] == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_the_copies_are_those_of_the_sources(tmp_path):
    python = os.environ.get("OFD_INSTRUCTOR", ROOT / ".venv-instructor" / "bin" / "python")
    assert Path(python).is_file(), "run: make student"
    script = ROOT / "data_scripts" / "make_student.py"
    subprocess.run([python, script, "--output", tmp_path], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        path.name: path.read_text() for path in COPIES}, "run: make student"


@each_copy
def test_a_copy_asks_for_what_the_notebook_asks_for(path):
    def asked(notebook):
        return [(cell.source, cell.metadata.tags) for cell in notebook.cells
                if {"yours", "check"} & set(cell.metadata.get("tags", []))]

    here, there = (nbformat.read(place, as_version=4) for place in (path, ROOT / "notebooks" / path.name))
    assert asked(here) == asked(there) and len(asked(here)) >= 2


@each_copy
def test_a_copy_holds_no_solution(path):
    notebook = nbformat.read(path, as_version=4)
    assert "SOLUTION" not in path.read_text() and "a solution</summary>" not in path.read_text()
    assert not [cell for cell in notebook.cells if cell.get("outputs")]
    stubs = [cell for cell in notebook.cells if "yours" in cell.metadata.get("tags", [])]
    assert all("raise NotImplementedError()" in cell.source for cell in stubs)
    checked = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]
    assert len(stubs) == len(checked)


@each_copy
def test_an_unsolved_copy_runs_to_its_end(path, monkeypatch, tmp_path):
    monkeypatch.setenv("OFD_SCALE", "smoke")
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    notebook = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(STUDENT)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=folder).execute()
    failed = [(output.ename, cell.metadata.get("tags", [])) for cell in notebook.cells
              for output in cell.get("outputs", []) if output.output_type == "error"]
    checked = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]
    assert [name for name, _ in failed] == ["NotImplementedError"] * len(checked)
    assert all("check" in tags for _, tags in failed)
