"""What the widgets share: a frame as the file that a page shows."""

import cv2
import torch

from tutorial_lib.data.images import to_pixels


def jpeg(frame: torch.Tensor, quality: int = 90) -> bytes:
    """(1, 3, H, W) or (3, H, W) as a JPEG file."""
    return cv2.imencode(".jpg", to_pixels(frame)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
