from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tutorial_lib.data import styles
from tutorial_lib.data.images import resize, write_image
from tutorial_lib.errors import TutorialError

NAMES = styles.names()
each = pytest.mark.parametrize("name", NAMES)


def correlation(first: torch.Tensor, second: torch.Tensor) -> float:
    return torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1].item()


def test_there_are_at_least_four_styles_each_with_a_painter():
    assert {"mosaic", "swirls", "waves", "candy"} <= set(NAMES)
    assert all(callable(styles.STYLES[name]) for name in NAMES)


@each
def test_a_painting_is_an_image(name):
    picture = styles.paint(name, 96)
    assert picture.shape == (1, 3, 96, 96) and picture.dtype == torch.float32
    assert picture.min() >= 0 and picture.max() <= 1


@each
def test_the_same_seed_paints_the_same_picture(name):
    assert np.array_equal(styles._canvas(name, 1024, 0), styles._canvas.__wrapped__(name, 1024, 0))


@each
def test_a_changed_tensor_does_not_change_the_next_one(name):
    first = styles.paint(name, 64)
    kept = first.clone()
    first.zero_()
    assert torch.equal(styles.paint(name, 64), kept)


@each
def test_other_seeds_paint_other_pictures(name):
    other = torch.from_numpy(styles.STYLES[name](256, np.random.default_rng(1))).permute(2, 0, 1)[None]
    assert (other / 255 - styles.paint(name, 256)).abs().mean() > 0.04


def test_the_styles_differ_from_each_other():
    pictures = [styles.paint(name, 128) for name in NAMES]
    for index, first in enumerate(pictures):
        for second in pictures[index + 1 :]:
            assert (first - second).abs().mean() > 0.15


@each
def test_small_and_large_renders_are_the_same_picture(name):
    assert correlation(resize(styles.paint(name, 512), 128, 128), styles.paint(name, 128)) > 0.99


@each
def test_the_painters_themselves_do_not_depend_on_the_size(name):
    # paint() shrinks one canvas of 1024 pixels, so the painter is asked for another.
    small = np.clip(styles.STYLES[name](640, np.random.default_rng(0)), 0, 255) / 255
    small = resize(torch.from_numpy(small).permute(2, 0, 1)[None].float(), 64, 64)
    assert correlation(small, styles.paint(name, 64)) > 0.98


@each
def test_a_painting_is_rich_at_several_scales(name):
    picture = styles.paint(name)
    gray = picture.mean(1, keepdim=True)
    assert picture.std(dim=(2, 3)).mean() > 0.15
    assert (picture.amax(1) - picture.amin(1)).mean() > 0.2  # colourful
    for size, least in ((512, 0.03), (128, 0.05), (32, 0.03)):  # grain, strokes, shapes
        small = resize(gray, size, size)
        steps = small.diff(dim=-1).abs().mean() + small.diff(dim=-2).abs().mean()
        assert steps / 2 > least, size


@each
def test_no_part_of_a_painting_is_flat(name):
    gray = styles.paint(name).mean(1, keepdim=True)
    blocks = F.unfold(gray, 16, stride=16).std(1)
    assert blocks.min() > 0.006
    assert blocks.quantile(0.05) > 0.015


def test_a_painted_style_has_512_pixels_unless_told():
    assert torch.equal(styles.load_style("waves"), styles.paint("waves", 512))
    assert torch.equal(styles.load_style("waves", 80), styles.paint("waves", 80))


def test_a_file_keeps_its_size_or_is_scaled_by_its_longer_side(tmp_path):
    path = tmp_path / "own.png"
    write_image(path, styles.paint("candy", 64)[..., :48, :])
    assert styles.load_style(path).shape == (1, 3, 48, 64)
    assert styles.load_style(str(path), 32).shape == (1, 3, 24, 32)
    assert torch.allclose(styles.load_style(path), styles.paint("candy", 64)[..., :48, :], atol=1 / 255)


@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 4)])
def test_gray_and_transparent_files_are_accepted(tmp_path, shape):
    path = tmp_path / "own.png"
    cv2.imwrite(str(path), np.full(shape, 0, np.uint8))
    picture = styles.load_style(path)
    assert picture.shape == (1, 3, 40, 50)
    assert torch.all(picture == (1.0 if len(shape) == 3 else 0.0))  # transparent means white


def test_a_file_with_the_name_of_a_style_is_reached_by_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done, encoded = cv2.imencode(".png", np.zeros((20, 30), np.uint8))
    assert done
    (tmp_path / "mosaic").write_bytes(encoded.tobytes())
    assert styles.load_style("mosaic").shape == (1, 3, 512, 512)
    assert styles.load_style("./mosaic").shape == (1, 3, 20, 30)


@pytest.mark.parametrize("file", ["night.png", "night.jpg", "night.JPEG"])
def test_a_picture_among_ones_own_networks_is_found_by_name(tmp_path, monkeypatch, file):
    write_image(tmp_path / file, styles.paint("candy", 64))
    (tmp_path / "night.csv").write_text("no picture")
    (tmp_path / "own").mkdir()
    write_image(tmp_path / "own" / "mosaic.png", styles.paint("candy", 64))
    monkeypatch.setenv("OFD_ZOO", str(tmp_path))
    assert torch.equal(styles.load_style("night", 32), styles.load_style(tmp_path / file, 32))
    monkeypatch.setenv("OFD_ZOO", str(tmp_path / "own"))
    assert torch.equal(styles.load_style("mosaic", 32), styles.paint("mosaic", 32))       # the painted one first
    for name in ("night", "../night", str(tmp_path / "own" / "mosaic")):
        with pytest.raises(TutorialError, match="neither a picture file nor a style"):
            styles.load_style(name)
    monkeypatch.delenv("OFD_ZOO")
    with pytest.raises(TutorialError, match="in the folder that OFD_ZOO names"):
        styles.load_style("night")


def test_every_painted_style_has_texts_of_its_own():
    assert set(styles.DESCRIPTIONS) == set(NAMES)
    texts = [text for name in NAMES for text in styles.describe(name)]
    assert len(set(texts)) == 2 * len(NAMES)
    for caption, alt in map(styles.describe, [*NAMES, "starry_night", "folder/own.jpg", Path("own.png")]):
        assert "Look for" in caption and caption.endswith("imitate.")
        assert alt.endswith(".") and "\n" not in caption + alt
    assert styles.describe("folder/own.jpg").alt == "The style picture own."
    for file in ("./mosaic", Path("mosaic")):
        assert styles.describe(file) not in styles.DESCRIPTIONS.values()


def test_an_unknown_style_is_answered_with_the_known_ones():
    for call in (styles.load_style, styles.paint):
        with pytest.raises(TutorialError, match=r"'nothing'.*mosaic, swirls, waves, candy"):
            call("nothing")


def test_a_file_that_is_no_picture_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no picture")
    with pytest.raises(TutorialError, match="not a picture"):
        styles.load_style(path)


def test_a_picture_that_is_or_becomes_too_small_is_refused(tmp_path):
    path = tmp_path / "own.png"
    cv2.imwrite(str(path), np.zeros((15, 100, 3), np.uint8))
    with pytest.raises(TutorialError, match=r"100 x 15.*at least 16"):
        styles.load_style(path)
    cv2.imwrite(str(path), np.zeros((40, 100, 3), np.uint8))
    with pytest.raises(TutorialError, match=r"32 x 13.*at least 16"):
        styles.load_style(path, 32)


@pytest.mark.parametrize("size", [15, 0, -4, 5000, 64.0, True])
def test_a_size_out_of_bounds_is_refused(size):
    for call in (styles.load_style, styles.paint):
        with pytest.raises(TutorialError, match="whole number from 16 to 4096"):
            call("mosaic", size)


def test_a_negative_seed_is_refused():
    with pytest.raises(TutorialError, match="seed -1"):
        styles.paint("mosaic", 64, seed=-1)


def test_a_picture_is_noted_by_its_content(tmp_path, monkeypatch):
    write_image(tmp_path / "s.png", torch.zeros(1, 3, 20, 20))
    write_image(tmp_path / "copy.png", torch.zeros(1, 3, 20, 20))
    write_image(tmp_path / "other.png", torch.ones(1, 3, 20, 20))
    paths = [str(tmp_path / name) for name in ("s.png", "copy.png", "other.png")]
    noted = [styles.record(path) for path in paths]
    assert [record["style"] for record in noted] == paths
    assert noted[0]["picture"] == noted[1]["picture"] != noted[2]["picture"]
    monkeypatch.setenv("OFD_ZOO", str(tmp_path))
    assert styles.record("s") == {"style": "s", "picture": noted[0]["picture"]}
    for name in ("mosaic", "starry_night", None):           # painted by code, kept by its Gram matrices, none
        assert styles.record(name) == {"style": name, "picture": None}
