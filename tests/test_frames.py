"""The layouts of Vimeo-90K, REDS and Vid4, in small."""

import pytest
import torch

from tutorial_lib.data.frames import REDS4, VID4, sequences
from tutorial_lib.data.images import write_image
from tutorial_lib.data.pairs import FramePairs
from tutorial_lib.errors import TutorialError
from tutorial_lib.papers.std.settings import scale


def clip(folder, names, height=8, width=12, start=0):
    for n, name in enumerate(names):
        write_image(folder / name, torch.full((1, 3, height, width), (start + n) / 255))


SEVEN = [f"im{n}.png" for n in range(1, 8)]


@pytest.fixture
def vimeo(tmp_path):
    for n, name in enumerate(("00001/0001", "00001/0002", "00002/0001")):
        clip(tmp_path / "sequences" / name, SEVEN, start=10 * n)
    (tmp_path / "sep_trainlist.txt").write_text("00001/0002\n00002/0001\n")
    (tmp_path / "sep_testlist.txt").write_text("00001/0001\n\n")
    return tmp_path


def test_vimeo_is_read_by_its_lists(vimeo):
    assert [one.name for one in sequences("vimeo90k", vimeo, "train")] == ["00001/0002", "00002/0001"]
    (test,) = sequences("vimeo90k", vimeo)
    frames = test.read(2, 3)
    assert frames.shape == (3, 3, 8, 12)
    assert (frames[:, 0, 0, 0] * 255).round().tolist() == [2, 3, 4]


def test_reds_tests_on_its_four_and_trains_on_the_others(tmp_path):
    for name in (*REDS4, "001", "240"):
        clip(tmp_path / "train_sharp" / name, ["00000000.png", "00000001.png"])
    assert [one.name for one in sequences("reds", tmp_path)] == list(REDS4)
    assert [one.name for one in sequences("reds", tmp_path, "train")] == ["001", "240"]


@pytest.mark.parametrize("folder", ["", "GT"])
def test_vid4_is_its_four_clips(tmp_path, folder):
    for name in VID4:
        clip(tmp_path / folder / name, ["b.png", "a.png"])
    found = sequences("vid4", tmp_path)
    assert [one.name for one in found] == list(VID4)
    assert [path.name for path in found[0].files] == ["a.png", "b.png"]


def test_a_folder_that_does_not_match_its_list_is_said(vimeo):
    (vimeo / "sequences" / "00002" / "0001" / "im4.png").unlink()
    with pytest.raises(TutorialError, match="lacks 1 of 2 clips, the first is 00002/0001: each is a folder of seven"):
        sequences("vimeo90k", vimeo, "train")
    assert len(sequences("vimeo90k", vimeo)) == 1
    for text in ("../../etc 00001/0001", "/etc/passwd", "00001", ""):
        (vimeo / "sep_testlist.txt").write_text(text)
        with pytest.raises(TutorialError, match="is no list of Vimeo-90K"):
            sequences("vimeo90k", vimeo)
    (vimeo / "sep_testlist.txt").unlink()
    with pytest.raises(TutorialError, match=r"lacks sep_testlist.txt; give the folder of Vimeo-90K that holds it"):
        sequences("vimeo90k", vimeo)


@pytest.mark.parametrize(("data_set", "split", "message"), [
    ("vimeo", "test", "Unknown data set 'vimeo'; there are vimeo90k, reds, vid4"),
    ("vid4", "train", "vid4 has no split 'train'"), ("reds", "val", "reds has no split 'val'"),
    ("reds", "train", "holds no training clip in train_sharp/"),
    ("reds", "test", "lacks 4 of 4 clips, the first is 000"),
    ("vid4", "test", "lacks 4 of 4 clips, the first is calendar"),
])
def test_what_is_not_there_is_said(tmp_path, data_set, split, message):
    with pytest.raises(TutorialError, match=message):
        sequences(data_set, tmp_path, split)
    with pytest.raises(TutorialError, match=r"There is no folder|Unknown|no split"):
        sequences(data_set, tmp_path / "nowhere", split)


def test_a_clip_has_one_size(vimeo):
    write_image(vimeo / "sequences" / "00001" / "0001" / "im3.png", torch.zeros(1, 3, 9, 12))
    with pytest.raises(TutorialError, match=r"im3.png has 12x9 pixels and the first frame of 00001/0001 12x8"):
        sequences("vimeo90k", vimeo)[0].read()


# --- training on them ---


def test_patches_are_cut_from_the_frames_of_files(tmp_path, monkeypatch, noise):
    monkeypatch.setenv("OFD_BUILD", str(tmp_path / "build"))
    pictures = noise(4, 3, 50, 70)
    for n, picture in enumerate(pictures):
        write_image(tmp_path / "train_sharp" / "001" / f"{n}.png", picture)
    found = sequences("reds", tmp_path, "train")
    pairs = FramePairs(scale("smoke").but(patches=1, clips=6), found)
    starts = set()
    for pair in (pairs[i] for i in range(len(pairs))):
        first = next(n for n in range(2) if any(
            torch.equal(pair.truth[0, 0], _bytes(pictures[n])[:, top:top + 48, left:left + 48])
            for top in (0,) for left in range(0, 21, 4)))
        starts.add(first)
    assert starts == {0, 1}
    with pytest.raises(TutorialError, match=r"1 of 1 clips have fewer than 5 frames, the first is 001"):
        FramePairs(scale("smoke").but(clip_length=5), found)
    with pytest.raises(TutorialError, match=r"Patches of 64 pixels do not fit into 001 of 68x48"):
        _ = FramePairs(scale("smoke").but(patch=16), found)[0]


def _bytes(picture):
    return (picture * 255).round() / 255
