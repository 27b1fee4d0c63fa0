"""Style pictures: painted by code, so that none has to be downloaded, or any picture file."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from tutorial_lib.data.images import fit_longer_side, read_image, resize, to_tensor
from tutorial_lib.data.paintings.candy import candy
from tutorial_lib.data.paintings.mosaic import mosaic
from tutorial_lib.data.paintings.swirls import swirls
from tutorial_lib.data.paintings.waves import waves
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import sha256_of
from tutorial_lib.settings import zoo_folder


class Description(NamedTuple):
    """What is printed beside a style picture."""

    caption: str    # what to look for
    alt: str        # what there is to see, for those who cannot see it


STYLES = {"mosaic": mosaic, "swirls": swirls, "waves": waves, "candy": candy}
DESCRIPTIONS = {
    "mosaic": Description(
        "The painting. Look for the tiles and the dark joints: they are what the networks imitate.",
        "A square mosaic of a peacock inside a border.",
    ),
    "swirls": Description(
        "The painting. Look for the short strokes that bend around the stars: they are what the networks imitate.",
        "A painted night sky with two large swirls and yellow stars, above round dark trees and a golden field.",
    ),
    "waves": Description(
        "The painting. Look for the dark outlines and the flat blue stripes: they are what the networks imitate.",
        "A woodblock print of a tall breaking wave with white foam, in front of mountains and a red sun.",
    ),
    "candy": Description(
        "The painting. Look for the thick black contours and the bright fields between them: they are what the "
        "networks imitate.",
        "Flowers made of coloured rings, with stems and leaves, in front of bright patches outlined in black.",
    ),
}

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
SMALLEST, LARGEST = 16, 4096  # sides in pixels: the networks' minimum, and what memory bears
_CANVAS = 1024


def names() -> tuple[str, ...]:
    """The names of the painted styles."""
    return tuple(STYLES)


def paint(name: str, size: int = 512, seed: int = 0) -> torch.Tensor:
    """A style painted by code: (1, 3, size, size), the same picture for the same seed at every size.

    Raises: TutorialError for an unknown name, a size below 16 or above 4096 pixels, or a negative seed.
    """
    if name not in STYLES:
        raise TutorialError(f"Unknown style {name!r}; the painted styles are {', '.join(STYLES)}.")
    _check_size(size)
    if seed < 0:
        raise TutorialError(f"A style cannot be painted from the seed {seed}; use 0 or a positive whole number.")
    # Painted large and then shrunk: finer lines than one pixel fade instead of turning into steps.
    canvas = to_tensor(_canvas(name, max(size, _CANVAS), seed))
    return resize(canvas, size, size).clamp(0, 1)


def describe(name: str | Path) -> Description:
    """The caption and the alt text of a style picture; general ones where the picture is none of the painted styles."""
    return DESCRIPTIONS.get(name) or Description(
        "The style picture. Look for its colours and its smallest shapes: they are what the networks imitate.",
        f"The style picture {Path(name).stem}.",
    )


def has_picture(name_or_path: str | Path) -> bool:
    """Whether `load_style` finds a picture. (Of starry_night only what a network sees in it ships.)"""
    if name_or_path in STYLES:
        return True
    try:
        return _picture_file(name_or_path).is_file()
    except TutorialError:
        return False


def load_style(name_or_path: str | Path, size: int | None = None) -> torch.Tensor:
    """A style picture as (1, 3, H, W) with the longer side `size`.

    name_or_path: a painted style, or else the path of a picture, or else the name of a PNG or JPEG picture, without
    its suffix, in the folder that the variable OFD_ZOO names. A file with the name of a painted style is reached by a
    path with a folder in it ("./mosaic"). size: in pixels; without one, a painted style has 512 x 512 and a file its
    own.
    Raises: TutorialError when it is neither a style nor a file, no picture, a size below 16 or above 4096
    pixels, or a picture with a side below 16 pixels.
    """
    if size is not None:
        _check_size(size)
    if isinstance(name_or_path, str) and name_or_path in STYLES:
        return paint(name_or_path, size or 512)
    picture = read_image(_picture_file(name_or_path))
    if size is not None:
        picture = fit_longer_side(picture, size).clamp(0, 1)
    height, width = picture.shape[-2:]
    if min(height, width) < SMALLEST:
        raise TutorialError(
            f"The style picture {name_or_path} has {width} x {height} pixels at this size; "
            f"use one with at least {SMALLEST} on each side."
        )
    return picture


def record(style: str | Path | None) -> dict[str, str | None]:
    """What a training notes of its style: how it was named, and the SHA-256 of its picture where that is a file."""
    is_file = style is not None and style not in STYLES and has_picture(style)
    return {"style": str(style) if style else None, "picture": sha256_of(_picture_file(style)) if is_file else None}


def differing(then: Mapping, now: Mapping) -> list[str]:
    """What differs between two records of a style: a picture is its content, however it is named.

    Where one of them names no picture (a style that is painted by code, or a record older than this), the name counts.
    """
    if then.get("picture") and now.get("picture"):
        return [] if then["picture"] == now["picture"] else ["style picture"]
    return [] if then.get("style") == now.get("style") else ["style"]


def is_another(noted: Mapping, style: str | Path) -> bool:
    """Whether `style` stands here for another picture than the one that a training noted.

    Not where that one noted none (it was painted by code), or none is here (its Gram matrices may be kept).
    """
    return bool(noted.get("picture")) and has_picture(style) and record(style)["picture"] != noted["picture"]


def _picture_file(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.is_file():
        return path
    folder = zoo_folder()
    if folder and path.name == str(name_or_path):
        for file in sorted(folder.iterdir()):
            if file.stem == path.name and file.suffix.lower() in PICTURE_SUFFIXES:
                return file
    raise TutorialError(
        f"{str(name_or_path)!r} is neither a picture file nor a style; the painted styles are {', '.join(STYLES)}, "
        "and a picture in the folder that OFD_ZOO names is found by its name without the suffix."
    )


def _check_size(size: int) -> None:
    if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or not SMALLEST <= size <= LARGEST:
        raise TutorialError(f"A style cannot be {size} pixels wide; use a whole number from {SMALLEST} to {LARGEST}.")


@lru_cache(maxsize=8)
def _canvas(name: str, size: int, seed: int) -> np.ndarray:
    """The painting as pixels: 3 MB at 1024, where the tensors that are made from it would be 12."""
    pixels = STYLES[name](size, np.random.default_rng(seed))
    return cv2.convertScaleAbs(np.clip(pixels, 0, 255))
