"""Eq. 6: a clip, its motion undone, as the rows of a matrix. Three frames of 2 x 3 pixels, all numbers shown."""

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tutorial_lib.losses.low_rank import traceable_matrix

ALT = ("Above, three frames of two by three pixels, each number a colour; the camera moves by one pixel a frame. "
       "In the middle, the same frames seen from frame 1: equal numbers stand in equal places, and frames 0 and 2 have "
       "a black column that cannot be traced. Below, each frame is a row of six numbers; the three rows are equal but "
       "for the black pixels.")

COLOURS = plt.get_cmap("summer_r", 12)     # light enough for black numbers


def clip() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Frames (3, 1, 2, 3) of a wall of 2 x 5 pixels, flows from the middle one (3, 2, 2, 3), and masks (3, 1, 2, 3)."""
    wall = torch.tensor([[1.0, 2, 3, 4, 5], [6, 7, 8, 9, 10]])
    frames = torch.stack([wall[None, :, t:t + 3] for t in range(3)])
    flows, masks = torch.zeros(3, 2, 2, 3), torch.ones(3, 1, 2, 3)
    flows[0, 0], flows[2, 0] = 1, -1          # what frame 1 has at x stands in frame 0 at x + 1, in frame 2 at x - 1
    masks[0, ..., 2], masks[2, ..., 0] = 0, 0
    return frames, flows, masks


def draw() -> Figure:
    """Frames, frames without their motion, rows."""
    frames, flows, masks = clip()
    rows = traceable_matrix(frames, flows, masks).round()
    aligned = rows.reshape(frames.shape)
    figure, axis = plt.subplots(figsize=(5.2, 5.0))
    for t in range(3):
        axis.text(0.9 + 4 * t + 1.5, -0.35, f"frame {t}", ha="center", fontsize=12)
        _grid(axis, frames[t, 0], 0.9 + 4 * t, 0)
        _grid(axis, aligned[t, 0], 0.9 + 4 * t, 4)
        axis.annotate("", (2.4 + 4 * t, 3.85), (2.4 + 4 * t, 2.15), arrowprops={"arrowstyle": "-|>", "color": "black"})
        axis.text(3.0, 8.55 + t, f"row {t}", ha="right", va="center", fontsize=12)
    axis.text(6.4, 3.0, " warp to frame 1, black out ", ha="center", va="center", fontsize=12,
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    axis.annotate("", (6.4, 7.9), (6.4, 6.15), arrowprops={"arrowstyle": "-|>", "color": "black"})
    axis.text(6.4, 6.9, " each frame a row of X ", ha="center", va="center", fontsize=12,
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    _grid(axis, rows, 3.4, 8.05)
    axis.set(xlim=(0.2, 12.6), ylim=(11.2, -1))
    axis.set_aspect("equal")
    axis.axis("off")
    return figure


def _grid(axis: Axes, numbers: torch.Tensor, left: float, top: float) -> None:
    """Cells with their numbers, black where there is none."""
    for y, row in enumerate(numbers.tolist()):
        for x, value in enumerate(row):
            axis.add_patch(plt.Rectangle((left + x, top + y), 1, 1, facecolor=COLOURS(int(value)) if value else "black",
                                         edgecolor="white"))
            if value:
                axis.text(left + x + 0.5, top + y + 0.5, f"{value:g}", ha="center", va="center", fontsize=12)
