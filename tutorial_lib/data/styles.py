"""Style pictures: painted by code, so that none has to be downloaded, or any picture file."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch

from tutorial_lib.data.images import fit_longer_side, read_image, resize, to_tensor
from tutorial_lib.data.paintings.candy import candy
from tutorial_lib.data.paintings.mosaic import mosaic
from tutorial_lib.data.paintings.swirls import swirls
from tutorial_lib.data.paintings.waves import waves
from tutorial_lib.errors import TutorialError

STYLES = {"mosaic": mosaic, "swirls": swirls, "waves": waves, "candy": candy}

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


def load_style(name_or_path: str | Path, size: int | None = None) -> torch.Tensor:
    """A painted style by its name, or any picture file by its path, as (1, 3, H, W) with the longer side `size`.

    Without a size, a painted style has 512 x 512 pixels and a file its own; a file with the name of a style
    is reached by a path with a folder in it ("./mosaic").

    Raises: TutorialError when it is neither a style nor a file, no picture, a size below 16 or above 4096
    pixels, or a picture with a side below 16 pixels.
    """
    if size is not None:
        _check_size(size)
    if isinstance(name_or_path, str) and name_or_path in STYLES:
        return paint(name_or_path, size or 512)
    if not Path(name_or_path).is_file():
        raise TutorialError(
            f"{str(name_or_path)!r} is neither a picture file nor a style; the painted styles are {', '.join(STYLES)}."
        )
    picture = read_image(name_or_path)
    if size is not None:
        picture = fit_longer_side(picture, size).clamp(0, 1)
    height, width = picture.shape[-2:]
    if min(height, width) < SMALLEST:
        raise TutorialError(
            f"The style picture {name_or_path} has {width} x {height} pixels at this size; "
            f"use one with at least {SMALLEST} on each side."
        )
    return picture


def _check_size(size: int) -> None:
    if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or not SMALLEST <= size <= LARGEST:
        raise TutorialError(f"A style cannot be {size} pixels wide; use a whole number from {SMALLEST} to {LARGEST}.")


@lru_cache(maxsize=8)
def _canvas(name: str, size: int, seed: int) -> np.ndarray:
    """The painting as pixels: 3 MB at 1024, where the tensors that are made from it would be 12."""
    pixels = STYLES[name](size, np.random.default_rng(seed))
    return cv2.convertScaleAbs(np.clip(pixels, 0, 255))
