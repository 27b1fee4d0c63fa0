"""The reader's own copies of the notebooks: kept, whatever is corrected, and what `make lab` opens."""

import re
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from scripts import ROOT, loaded


@pytest.fixture
def bring(tmp_path):
    module = loaded("my_notebooks")
    (tmp_path / "student").mkdir()
    for name in ("00_a", "01_b"):
        (tmp_path / "student" / f"{name}.ipynb").write_text(f"{name}, first")
    return lambda: module.bring(tmp_path / "student", tmp_path / "mine")


def texts(folder):
    return {path.name: path.read_text() for path in folder.glob("*.ipynb")}


def test_every_notebook_is_copied_once(bring, tmp_path):
    assert bring() == [] == bring()
    assert texts(tmp_path / "mine") == texts(tmp_path / "student")


def test_what_the_reader_wrote_stays_beside_a_correction(bring, tmp_path):
    bring()
    (tmp_path / "mine" / "00_a.ipynb").write_text("mine")
    assert bring() == []                                    # nothing was corrected
    (tmp_path / "student" / "00_a.ipynb").write_text("00_a, corrected")
    assert "yours stays" in bring()[0]
    assert texts(tmp_path / "mine") == {
        "00_a.ipynb": "mine", "00_a.corrected.ipynb": "00_a, corrected", "01_b.ipynb": "01_b, first"}
    assert bring() == []                                    # said once
    (tmp_path / "student" / "00_a.ipynb").write_text("00_a, corrected again")
    bring()
    assert texts(tmp_path / "mine")["00_a.corrected.ipynb"] == "00_a, corrected again"
    assert texts(tmp_path / "mine")["00_a.ipynb"] == "mine"


def test_a_copy_that_was_never_saved_follows_its_original(bring, tmp_path):
    bring()
    (tmp_path / "student" / "01_b.ipynb").write_text("01_b, corrected")
    assert bring() == []
    assert texts(tmp_path / "mine") == texts(tmp_path / "student")


def test_a_copy_that_was_deleted_comes_again(bring, tmp_path):
    bring()
    (tmp_path / "mine" / "01_b.ipynb").unlink()
    bring()
    assert texts(tmp_path / "mine") == texts(tmp_path / "student")


def test_lab_opens_the_readers_copy_beside_the_whole_course_at_an_address_that_can_be_copied(monkeypatch):
    first = re.search(r"^FIRST := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    server = loaded("lab").Server()
    server.default_url = first
    monkeypatch.setattr(server, "identity_provider", SimpleNamespace(token="abc", token_generated=True), raising=False)
    address = urlsplit(server.display_url.split()[0])
    name = address.path.removeprefix("/lab/tree/notebooks/mine/")
    assert (ROOT / "notebooks" / "student" / name).is_file()
    assert parse_qs(address.query) == {"file-browser-path": ["/"], "token": ["abc"]}
