"""What the diagrams are drawn with: boxes in their role's colour, and arrows between them."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from tutorial_lib.show import figures

Place = tuple[float, float]
PAPER = 0.82      # how much white a box's colour is mixed with, so that black text on it is read easily


def canvas(width: float, height: float, shape: tuple[float, float]) -> tuple[Figure, Axes]:
    """An empty sheet, `shape` inches large, whose coordinates run from 0 to width and height, y upwards."""
    figure, axis = plt.subplots(figsize=shape)
    axis.set(xlim=(0, width), ylim=(0, height))
    axis.axis("off")
    figure.subplots_adjust(0, 0, 1, 1)
    return figure, axis


def pale(colour: str) -> tuple[float, ...]:
    """A colour mixed with white."""
    return tuple(PAPER + (1 - PAPER) * part for part in plt.matplotlib.colors.to_rgb(colour))


def box(axis: Axes, place: Place, text: str, role: str = "", size: Place = (1.0, 0.6), fontsize: float = 12,
        border: str = "-", linewidth: float = 1.8) -> None:
    """A box around a place, with its text. role: whose colour it has; grey without one. border: "-", or "--" dashed."""
    colour = figures.colour(role)
    (x, y), (width, height) = place, size
    axis.add_patch(FancyBboxPatch(
        (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.08",
        edgecolor=colour, facecolor="white" if role == "input" else pale(colour), linewidth=linewidth,
        linestyle=border, zorder=2))
    axis.text(x, y, text, ha="center", va="center", fontsize=fontsize, linespacing=1.35, zorder=3)


def arrow(axis: Axes, start: Place, end: Place, colour: str = figures.INK, bend: float = 0.0,
          dashes: str | Sequence = "-", linewidth: float = 1.5, both_ends: bool = False) -> None:
    """An arrow. bend: how far it swings to one side, relative to its length."""
    head = "head_width=0.25,head_length=0.5"
    axis.annotate("", end, start, zorder=1, arrowprops={
        "arrowstyle": f"{'<|-|>' if both_ends else '-|>'},{head}", "color": colour, "linewidth": linewidth,
        "shrinkA": 0, "shrinkB": 1, "linestyle": dashes, "connectionstyle": f"arc3,rad={bend}"})
