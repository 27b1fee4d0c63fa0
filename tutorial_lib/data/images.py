"""Pictures as tensors: float32, RGB, [0, 1], (1, 3, H, W)."""

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path

MOST_PIXELS = 10**8     # 1.2 GB as float32; no camera makes more
_ALONE = threading.Lock()


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """uint8 RGB pixels (H, W, 3) as an image (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255


def to_pixels(image: torch.Tensor) -> np.ndarray:
    """An image (1, 3, H, W) or (3, H, W) as uint8 RGB pixels (H, W, 3), rounded and clipped."""
    image = image[0] if image.dim() == 4 else image
    return (image.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def read_image(path: str | Path) -> torch.Tensor:
    """A picture file as (1, 3, H, W); grayscale is repeated, transparency is laid on white.

    Raises: TutorialError when there is no such file, it is no picture, has more than 100 million pixels, or colours of
    neither 8 nor 16 bits.
    """
    path = Path(path)
    if not path.is_file():
        raise TutorialError(f"There is no picture {path}.")
    with _quiet():
        width, height = _stated_size(path)
        if width * height > MOST_PIXELS:
            raise TutorialError(
                f"{path} has {width}x{height} pixels, and {MOST_PIXELS:,} are the most; make it smaller."
            )
        pixels = _decoded(path)
    if pixels is None:
        raise TutorialError(f"{path} is not a picture that can be read (PNG and JPEG can), or it is damaged.")
    return to_tensor(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _stated_size(path: Path) -> tuple[int, int]:
    """(width, height) as the file's first bytes say it; (0, 0) where they say nothing that Pillow knows."""
    try:
        with Image.open(path) as picture:
            return picture.size
    except Image.DecompressionBombError as error:
        raise TutorialError(f"{path} has too many pixels, {MOST_PIXELS:,} are the most; make it smaller.") from error
    except PermissionError:
        raise
    except Exception:       # of damaged files Pillow raises nearly anything; the decoder says what is to be said
        return 0, 0


def _decoded(path: Path) -> np.ndarray | None:
    """(H, W, 3) uint8, BGR; None for what is no picture."""
    # IMREAD_UNCHANGED keeps transparency, but it ignores the orientation that cameras store beside the pixels: a
    # picture without transparency is decoded again, upright.
    encoded = np.fromfile(path, np.uint8)
    try:
        raw = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
        if raw is None:
            return None
        if raw.dtype not in (np.uint8, np.uint16):
            raise TutorialError(f"{path} holds {raw.dtype} colours; save it with 8 or 16 bits a colour.")
        if raw.ndim < 3 or raw.shape[2] != 4:
            return cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise
        return None         # an assertion of OpenCV about the file
    white = np.iinfo(raw.dtype).max
    alpha = raw[..., 3:].astype(np.float32) / white
    blended = raw[..., :3].astype(np.float32) * alpha + white * (1 - alpha)
    return np.round(blended / white * 255).astype(np.uint8)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What OpenCV's libraries print about a picture themselves goes nowhere; what is to be said is said in a sentence.

    They write to the number of stderr, past Python, so only one thread at a time can be in here.
    """
    with _ALONE, contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):      # there is no stderr
            kept = os.dup(2)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, 2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, nowhere)
            os.dup2(nowhere, 2)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")         # Pillow's, of many pixels and odd bytes
        yield


def write_image(path: str | Path, image: torch.Tensor) -> None:
    """Writes (1, 3, H, W) or (3, H, W) as the format of the suffix, whole or not at all."""
    with atomic_path(path) as temporary:
        done, encoded = cv2.imencode(Path(path).suffix, cv2.cvtColor(to_pixels(image), cv2.COLOR_RGB2BGR))
        if not done:
            raise TutorialError(f"Cannot write {path} as a picture.")
        temporary.write_bytes(encoded.tobytes())


def resize(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(N, C, H, W) to another size, antialiased, so that shrinking a texture does not make it flicker."""
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(image, (height, width), mode="bilinear", antialias=True, align_corners=False)


def fit_longer_side(image: torch.Tensor, size: int) -> torch.Tensor:
    """(N, C, H, W) scaled so that the longer side is `size`, the proportions kept."""
    factor = size / max(image.shape[-2:])
    height, width = (max(1, round(side * factor)) for side in image.shape[-2:])
    return resize(image, height, width)
