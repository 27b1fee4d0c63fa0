"""The data sets of video super-resolution from a server on this machine: in two goes, and what is refused."""

import io
import runpy
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from serving import http_site

from tutorial_lib.data.frames import VID4, sequences
from tutorial_lib.errors import TutorialError

SCRIPT = Path(__file__).parent.parent / "data_scripts" / "download_vsr.py"
PICTURE = cv2.imencode(".png", np.zeros((8, 12, 3), np.uint8))[1].tobytes()
SEVEN = [f"im{n}.png" for n in range(1, 8)]
MEMBERS = {
    "vimeo90k": {"vimeo_septuplet/sep_trainlist.txt": b"00001/0001\n", "vimeo_septuplet/sep_testlist.txt":
                 b"00001/0002\n", "vimeo_septuplet/readme.txt": b"-", **{
                     f"vimeo_septuplet/sequences/00001/000{n}/{frame}": PICTURE for n in (1, 2) for frame in SEVEN}},
    "reds": {f"train/train_sharp/{clip}/0000000{n}.png": PICTURE
             for clip in ("000", "001", "011", "015", "020") for n in range(2)},
    "vid4": {f"Vid4/{kind}/{clip}/00000000.png": PICTURE for kind in ("GT", "BIx4") for clip in VID4},
}


def archive(members):
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return kept.getvalue()


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["download_vsr.py", *map(str, arguments)])
    runpy.run_path(str(SCRIPT))["main"]()


@pytest.mark.parametrize("data_set", MEMBERS)
def test_a_data_set_comes_in_two_goes_and_is_read_by_its_lists(data_set, tmp_path, monkeypatch, capsys):
    content = archive(MEMBERS[data_set])
    with http_site({"a.zip": content}) as site:
        site.stops_after = len(content) // 2
        address = ("--folder", tmp_path / "x", "--address", f"{site.address}/a.zip")
        with pytest.raises(TutorialError):
            run(monkeypatch, data_set, *address)
        assert not (tmp_path / "x" / "a.zip").exists()
        site.stops_after = None
        run(monkeypatch, data_set, *address)
        assert [asked for _, asked in site.asked] == [None, f"bytes={len(content) // 2}-"]
    wanted = {"vimeo90k": "1 for train, 1 for test", "reds": "1 for train, 4 for test", "vid4": "clips 4 for test"}
    assert wanted[data_set] in capsys.readouterr().out
    files = [path for one in sequences(data_set, tmp_path / "x") for path in one.files]
    assert files and all(path.read_bytes() == PICTURE for path in files)
    assert not list((tmp_path / "x").rglob("*readme*")) and not list((tmp_path / "x").rglob("*BIx4*"))


def test_an_archive_that_lacks_a_clip_of_its_list_is_said(tmp_path, monkeypatch):
    members = {name: content for name, content in MEMBERS["vimeo90k"].items() if "0002/im3" not in name}
    with (http_site({"a.zip": archive(members)}) as site,
          pytest.raises(TutorialError, match="lacks 1 of 1 clips, the first is 00001/0002")):
        run(monkeypatch, "vimeo90k", "--folder", tmp_path, "--address", f"{site.address}/a.zip")


def test_an_evil_archive_writes_nothing(tmp_path, monkeypatch):
    members = {**MEMBERS["reds"], "train_sharp/../../evil.png": PICTURE}
    with http_site({"a.zip": archive(members)}) as site, pytest.raises(TutorialError):
        run(monkeypatch, "reds", "--folder", tmp_path / "x", "--address", f"{site.address}/a.zip")
    assert not list(tmp_path.rglob("*.png"))


def test_vid4_has_no_address_of_its_own(tmp_path, monkeypatch):
    with pytest.raises(TutorialError, match="vid4 has no address of its own: name that of an archive with --address"):
        run(monkeypatch, "vid4", "--folder", tmp_path)
