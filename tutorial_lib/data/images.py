"""Pictures as tensors: float32, RGB, [0, 1], (1, 3, H, W)."""

from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """uint8 RGB pixels (H, W, 3) as an image (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255


def to_pixels(image: torch.Tensor) -> np.ndarray:
    """An image (1, 3, H, W) or (3, H, W) as uint8 RGB pixels (H, W, 3), rounded and clipped."""
    image = image[0] if image.dim() == 4 else image
    return (image.detach().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def read_image(path: str | Path) -> torch.Tensor:
    """A picture file as (1, 3, H, W); grayscale is repeated, transparency is laid on white.

    Raises: TutorialError when there is no such file or it is no picture.
    """
    path = Path(path)
    if not path.is_file():
        raise TutorialError(f"There is no picture {path}.")
    # IMREAD_UNCHANGED keeps transparency, but it ignores the orientation that cameras store beside the pixels: a
    # picture without transparency is decoded again, upright.
    encoded = np.fromfile(path, np.uint8)
    raw = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    if raw is None:
        raise TutorialError(f"{path} is not a picture that can be read (PNG and JPEG can).")
    if raw.ndim == 3 and raw.shape[2] == 4:
        white = np.iinfo(raw.dtype).max if raw.dtype != np.float32 else 1.0
        alpha = raw[..., 3:].astype(np.float32) / white
        blended = raw[..., :3].astype(np.float32) * alpha + white * (1 - alpha)
        pixels = np.round(blended / white * 255).astype(np.uint8)
    else:
        pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    return to_tensor(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


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
