import os

import cv2
import numpy as np
import pytest
import torch

from tutorial_lib.data import images
from tutorial_lib.data.images import fit_longer_side, read_image, resize, to_pixels, to_tensor, write_image
from tutorial_lib.errors import TutorialError


def test_pixels_round_trip():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    assert np.array_equal(to_pixels(to_tensor(pixels)), pixels)
    assert to_pixels(torch.full((3, 2, 2), 7.0)).max() == 255


def test_a_png_round_trip_is_exact_and_rgb(tmp_path):
    image = torch.zeros(1, 3, 5, 6)
    image[:, 0] = 1                                                    # red, not blue
    write_image(tmp_path / "red.png", image)
    assert torch.equal(read_image(tmp_path / "red.png"), image)


def test_gray_is_repeated_and_transparency_laid_on_white(tmp_path):
    cv2.imwrite(str(tmp_path / "gray.png"), np.full((4, 5), 51, np.uint8))
    assert torch.allclose(read_image(tmp_path / "gray.png"), torch.full((1, 3, 4, 5), 0.2))
    rgba = np.zeros((4, 5, 4), np.uint8)                              # black, invisible on the left
    rgba[:, 3:, 3] = 255
    cv2.imwrite(str(tmp_path / "rgba.png"), rgba)
    image = read_image(tmp_path / "rgba.png")
    assert image[..., :3].min() == 1
    assert image[..., 3:].max() == 0


def test_sixteen_bits_are_scaled_not_cut(tmp_path):
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((4, 5, 3), 40000, np.uint16))
    assert read_image(tmp_path / "deep.png").mean().item() == pytest.approx(40000 / 65535, abs=0.005)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_picture_is_said(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(TutorialError, match="not a picture"):
        read_image(path)


@pytest.mark.parametrize(("kind", "words"), [(np.float32, "float32"), (np.float64, "float64"), (np.int32, "int32")])
def test_colours_of_other_kinds_are_refused_not_guessed(tmp_path, kind, words):
    path = tmp_path / "deep.tiff"
    path.write_bytes(cv2.imencode(".tiff", np.full((4, 5, 3), 7, kind))[1].tobytes())
    with pytest.raises(TutorialError, match=f"holds {words} colours; save it with 8 or 16 bits"):
        read_image(path)


def test_a_picture_too_large_for_memory_is_refused_by_its_first_bytes(tmp_path, monkeypatch):
    write_image(tmp_path / "a.png", torch.zeros(3, 20, 30))
    assert read_image(tmp_path / "a.png").shape == (1, 3, 20, 30)
    monkeypatch.setattr(images, "MOST_PIXELS", 599)
    monkeypatch.setattr(images, "_decoded", None)          # it is not even tried
    with pytest.raises(TutorialError, match="30x20 pixels, and 599 are the most"):
        read_image(tmp_path / "a.png")


def test_what_libraries_print_about_a_picture_is_not_seen_and_stderr_is_as_before(tmp_path, capfd):
    write_image(tmp_path / "a.png", torch.rand(3, 40, 60))
    spoilt = bytearray((tmp_path / "a.png").read_bytes())
    spoilt[len(spoilt) // 2] ^= 255
    (tmp_path / "a.png").write_bytes(spoilt)
    with pytest.raises(TutorialError, match="damaged"):
        read_image(tmp_path / "a.png")
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_a_missing_picture_is_said(tmp_path):
    with pytest.raises(TutorialError, match="There is no picture"):
        read_image(tmp_path / "missing.png")


def test_sizes():
    image = torch.rand(1, 3, 30, 60)
    assert fit_longer_side(image, 20).shape == (1, 3, 10, 20)
    assert resize(image, 7, 9).shape == (1, 3, 7, 9)
    stripes = (torch.arange(60) % 2).float().expand(1, 3, 30, 60)     # finer than the small picture can show
    assert resize(stripes, 15, 30)[..., 2:-2].std() < 0.02            # averaged, not aliased
