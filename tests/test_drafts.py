"""Notebooks that wait for their results: they run, and are written as the others are."""

import json
import os
from pathlib import Path

import jupytext
import pytest
import test_notebooks
import test_prose
from nbclient import NotebookClient

DRAFTS = sorted((Path(__file__).parent.parent / "notebooks" / "drafts").glob("[0-9][0-9]_*.py"))

each_draft = pytest.mark.parametrize("source", DRAFTS, ids=lambda path: path.stem)


def test_no_draft_is_a_notebook_of_the_course_already():
    assert not {path.name for path in DRAFTS} & {path.name for path in test_notebooks.SOURCES}


@each_draft
def test_a_draft_runs_to_its_end(source, tmp_path, monkeypatch):
    for name, value in {"OFD_SCALE": "smoke", "OFD_DEVICE": "cpu", "OFD_BUILD": str(tmp_path)}.items():
        monkeypatch.setitem(os.environ, name, value)
    notebook = jupytext.read(source)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(source.parent)}}
                   ).execute()
    checked = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]
    said = ["".join(output.text for output in cell.outputs) for cell in checked]    # a busy kernel sends it in parts
    assert said and all(sentence.endswith(": right.\n") for sentence in said)
    assert all(picture.get("alt") for picture in test_notebooks.pictures(notebook))
    shown = json.dumps(notebook.cells)
    assert "Traceback" not in shown and "Warning" not in shown


@each_draft
def test_a_draft_asks_and_tells_as_the_notebooks_do(source):
    test_prose.test_what_is_asked_of_a_reader_is_asked_in_one_way(source)
    test_prose.test_a_question_has_answers_an_exercise_a_hint_and_a_solution(source)
    header, *rest = (cell for cell in jupytext.read(source).cells if cell.cell_type == "markdown")
    too_long = {cell.source[:60]: test_notebooks.words(cell.source) for cell in rest
                if test_notebooks.words(cell.source) > test_notebooks.LONGEST_TEXT}
    assert test_notebooks.words(header.source) <= test_notebooks.LONGEST_HEADER and not too_long
