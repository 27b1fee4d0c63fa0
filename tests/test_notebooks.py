"""The notebooks as files: up to date with their sources, readable on a page without a kernel, and alive with one."""

import errno
import json
import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient
from pages import pictures
from scripts import loaded

from tutorial_lib.errors import TutorialError
from tutorial_lib.lock import only_writer

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
SOURCES = sorted((NOTEBOOKS / "src").glob("[0-9][0-9]_*.py"))
LONGEST_TEXT = 90            # words of a markdown cell
LONGEST_HEADER = 120         # what one will learn, needs, how long it takes, and the links
LARGEST = 2_000_000          # bytes; GitHub shows nothing that is much larger
WIDGET = "application/vnd.jupyter.widget-view+json"

each_notebook = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def _neighbours(monkeypatch):
    """The scripts find each other as they do when they are run."""
    monkeypatch.syspath_prepend(ROOT / "data_scripts")


@pytest.fixture
def updater():
    return loaded("update_notebooks")


def notebook_of(source: Path) -> nbformat.NotebookNode:
    path = NOTEBOOKS / f"{source.stem}.ipynb"
    assert path.is_file(), f"{path.name} is missing; run: make notebooks"
    return nbformat.read(path, as_version=4)


def outputs_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def is_stub(cell: nbformat.NotebookNode) -> bool:
    return "yours" in cell.metadata.get("tags", [])


def words(markdown: str) -> int:
    """The words that are read: formulas, tables, addresses, markup and folded hints left out."""
    text = re.sub(r"\$\$.*?\$\$|```.*?```|<details>.*?</details>", " ", markdown, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)|<[^>]*>|^\|.*$", " ", text, flags=re.MULTILINE)
    return len([word for word in text.split() if re.search(r"\w", word)])


def test_there_are_notebooks():
    assert SOURCES


@each_notebook
def test_a_notebook_has_the_cells_of_its_source(source, updater):
    assert updater.cells_of(notebook_of(source)) == updater.cells_of(updater.fresh(source)), "run: make notebooks"


@each_notebook
def test_an_answer_is_seen_by_those_alone_who_unfold_it(source):
    cells = notebook_of(source).cells
    stubs = [place for place, cell in enumerate(cells) if is_stub(cell)]
    assert stubs
    for place in stubs:
        stub, answer, check = cells[place:place + 3]
        assert "raise NotImplementedError()" in stub.source
        assert re.fullmatch(r"<details><summary>.*?: a solution</summary>.*</details>", answer.source, flags=re.DOTALL)
        name = re.search(r"<code>(\w+)</code>", answer.source)[1]
        assert f"def {name}(" in stub.source
        assert check.source == f"checks.{name}({name})" and check.outputs[-1].text == f"{name}: right.\n"
    assert "SOLUTION" not in (NOTEBOOKS / f"{source.stem}.ipynb").read_text()


def test_drift_is_noticed(updater, tmp_path, monkeypatch, capsys):
    (tmp_path / "src").mkdir()
    script = tmp_path / "src" / "00_small.py"
    script.write_text("# %% [markdown]\n# # Title\n\n# %%\nprint(1)\n")
    monkeypatch.setattr(updater, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["update_notebooks.py"])
    assert updater.main() == 0
    monkeypatch.setattr(sys, "argv", ["update_notebooks.py", "--check"])
    assert updater.main() == 0
    script.write_text(script.read_text().replace("print(1)", "print(2)"))
    assert updater.main() == 1
    assert "00_small.ipynb" in capsys.readouterr().err


@pytest.fixture
def runner(monkeypatch):
    """data_scripts/run_notebooks.py, whose notebooks are executed by nobody."""
    module = loaded("run_notebooks")
    monkeypatch.setattr(module.NotebookClient, "execute", lambda self: None)
    return module


def test_an_older_executed_notebook_survives_a_full_disk(runner, tmp_path, monkeypatch):
    source, target = NOTEBOOKS / f"{SOURCES[0].stem}.ipynb", tmp_path / "a.ipynb"
    target.write_text("older")

    def full(notebook, path, real=nbformat.write):
        real(notebook, path)
        with open(path, "r+") as stream:        # what a disk that becomes full leaves behind
            stream.truncate(100)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch, pytest.raises(TutorialError, match=r"Cannot write .*a\.ipynb: no space left"):
        patch.setattr(nbformat, "write", full)
        runner.execute(source, target)
    assert target.read_text() == "older" and [path.name for path in tmp_path.iterdir()] == ["a.ipynb"]
    with only_writer(target), pytest.raises(TutorialError, match="Another run is writing"):
        runner.execute(source, target)
    runner.execute(source, target)
    solved = loaded("folding").solved(nbformat.read(source, as_version=4).cells)
    assert nbformat.read(target, as_version=4).cells == solved


@each_notebook
def test_a_notebook_opens_with_its_title_and_its_time(source):
    first = notebook_of(source).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(rf"# {int(source.stem[:2])}\b", first.source)
    assert re.search(r"about \d+ minutes? on a laptop without a GPU", first.source)
    assert "OFD_SCALE" in first.source


@each_notebook
def test_a_notebook_was_executed_without_an_error(source):
    notebook = notebook_of(source)
    assert not [o.ename for o in outputs_of(notebook) if o.output_type == "error"]
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and not is_stub(cell)]
    assert counts == list(range(1, len(counts) + 1)), "not executed from top to bottom; run: make notebooks"


@each_notebook
def test_a_notebook_is_one_that_a_web_page_can_show(source):
    notebook = notebook_of(source)
    assert "widgets" not in notebook.metadata
    assert not [o for o in outputs_of(notebook) if WIDGET in o.get("data", {})]
    assert (NOTEBOOKS / f"{source.stem}.ipynb").stat().st_size < LARGEST


@each_notebook
def test_texts_are_short(source):
    header, *rest = notebook_of(source).cells
    too_long = {cell.source[:60]: words(cell.source) for cell in rest
                if cell.cell_type == "markdown" and words(cell.source) > LONGEST_TEXT}
    assert words(header.source) <= LONGEST_HEADER
    assert not too_long


@each_notebook
def test_every_picture_has_alt_text_on_the_page(source):
    found = pictures(notebook_of(source))
    assert found
    assert all(picture.get("alt") for picture in found)


MOVE_THE_CONTROLS = """
import hashlib, json

told = []
lab.send = lambda content, buffers=None: told.append((content, buffers))

def asked(**message):
    told.clear()
    lab._asked(lab, message)
    (content, buffers), = told
    shown = hashlib.sha256(buffers[0]).hexdigest() if buffers else None
    return {"shown": shown, "content": content}

def along(axis):
    return [axis["origin"] + part * (axis["trained"][-1] - axis["origin"]) for part in (0, 0.25, 0.5, 0.75, 1)]

axes = {key: [asked(kind="paint", number=1, strengths={key: strength}, frame=0) for strength in along(axis)]
        for key, axis in lab.data["axes"].items()}
presets = {label: asked(kind="paint", number=1, strengths=strengths, frame=0)
           for label, strengths in lab.data["presets"].items()}
frames = [asked(kind="paint", number=1, strengths={}, frame=n) for n in range(lab.data["frames"])]
measured = asked(kind="measure", strengths=lab.data["presets"]["L_temp alone"])
here.tell = lambda report: told.append((report, None))
before = here.report
lab._asked(lab, {"kind": "train", "strengths": {}, "seconds": 0.01})
here.wait()
trained = {"before": before.step, "after": here.report.step, "problem": here.report.problem,
           "strengths": dict(here.report.strengths), "first": dict(before.strengths)}
print(json.dumps({"axes": axes, "presets": presets, "frames": frames, "measured": measured, "trained": trained}))
"""


def test_every_control_of_the_lab_changes_what_it_says_over_its_whole_range(monkeypatch, tmp_path):
    monkeypatch.setenv("OFD_SCALE", "smoke")
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    notebook = jupytext.read(NOTEBOOKS / "src" / "07_total_loss.py")
    notebook.cells.append(nbformat.v4.new_code_cell(MOVE_THE_CONTROLS))
    folder = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=folder).execute()
    seen = json.loads(notebook.cells[-1].outputs[-1].text)
    assert len(seen["axes"]) >= 2
    for key, answers in seen["axes"].items():
        for part in ("estimate", "pull"):
            assert len({str(answer["content"][part]) for answer in answers}) == 5, (key, part)
        assert len({answer["shown"] for answer in answers}) == 5, key
    assert len({answer["shown"] for answer in seen["presets"].values()}) == len(seen["presets"]) == 4
    assert len({answer["shown"] for answer in seen["frames"]}) == len(seen["frames"]) >= 3
    assert seen["measured"]["content"]["kind"] == "measured" and "e_stab" in seen["measured"]["content"]["words"]
    trained = seen["trained"]
    assert trained["before"] > 1 and trained["after"] >= 1 and not trained["problem"]
    assert trained["strengths"] == {} and trained["first"] == {"temp": 1.0}
    # On a page without a kernel a picture stands where the lab was.
    pages = [output.data.get("text/html", "") for cell in notebook.cells if cell.cell_type == "code"
             for output in cell.outputs if "data" in output]
    assert [html for html in pages if "data-still" in html and "<img alt=" in html]
