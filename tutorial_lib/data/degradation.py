"""What makes a large picture small: the two degradations of the field, by name, and the way back that asks nothing.

BI is the antialiased bicubic reduction of MATLAB's imresize; BD a Gaussian blur of which every fourth pixel is kept. A
network that learned to undo one is off by more than a pixel on the other (BD keeps the *first* of four pixels, BI the
middle between the second and the third), so the two are never mixed.
"""

import math

import torch
import torch.nn.functional as F

from tutorial_lib.errors import TutorialError

FACTOR = 4
DEGRADATIONS = ("BI", "BD")
WORDS = {"BI": "antialiased bicubic reduction", "BD": "Gaussian blur, of which every fourth pixel is kept"}
SIGMA, RADIUS = 1.6, 6      # of BD's Gaussian, in pixels of the large picture
SMALLEST = 32               # pixels of a large picture's side: a quarter of it still is a picture


def _cubic(x: float) -> float:
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def kernel(degradation: str) -> tuple[torch.Tensor, int]:
    """The weights of one row of pixels, and how many of them lie before the pixel 4x that makes the small pixel x.

    Raises: TutorialError for another degradation than BI and BD.
    """
    if degradation == "BI":     # Keys' cubic, four times as wide, around the middle of the pixels 4x ... 4x + 3
        before, weights = 6, [_cubic((k - 6 - (FACTOR - 1) / 2) / FACTOR) for k in range(4 * FACTOR)]
    elif degradation == "BD":
        before, weights = RADIUS, [math.exp(-0.5 * (k / SIGMA) ** 2) for k in range(-RADIUS, RADIUS + 1)]
    else:
        raise TutorialError(f"Unknown degradation {degradation!r}; there are {' and '.join(DEGRADATIONS)}.")
    row = torch.tensor(weights, dtype=torch.float64)
    return row / row.sum(), before


def degrade(frames: torch.Tensor, degradation: str = "BI", rounded: bool = True) -> torch.Tensor:
    """Pictures (N, C, H, W) in [0, 1] at a quarter of the size; sides that are no multiple of 4 lose what is left over.

    rounded: to 8 bits a colour, as a file holds them. Beyond the border the picture is mirrored, edge pixels included.
    Raises: TutorialError for an unknown degradation, or pictures of fewer than 32 pixels a side.
    """
    height, width = (side - side % FACTOR for side in frames.shape[-2:])
    if min(height, width) < SMALLEST:
        raise TutorialError(f"Pictures of {frames.shape[-1]}x{frames.shape[-2]} pixels are too small to be made "
                            f"{FACTOR} times smaller; {SMALLEST} pixels a side are the least.")
    row, before = kernel(degradation)
    row = row.to(frames)
    small = frames[..., :height, :width]
    for side in (-1, -2):
        length = small.shape[side]
        places = torch.arange(-before, length - FACTOR + len(row) - before, device=frames.device)
        places = torch.where(places < 0, -1 - places, places)                   # ... 1 0 | 0 1 2
        places = torch.where(places >= length, 2 * length - 1 - places, places)
        padded = small.index_select(side, places).movedim(side, -1)             # (N, C, rows, length + ...)
        small = F.conv1d(padded.reshape(-1, 1, padded.shape[-1]), row[None, None], stride=FACTOR)
        small = small.reshape(*padded.shape[:-1], -1).movedim(-1, side)
    small = small.clamp(0, 1)
    return (small * 255).round() / 255 if rounded else small


def upscale_bicubic(frames: torch.Tensor) -> torch.Tensor:
    """(N, C, h, w) -> (N, C, 4h, 4w): what every network starts from, and has to beat."""
    return F.interpolate(frames.float(), scale_factor=FACTOR, mode="bicubic", align_corners=False)
