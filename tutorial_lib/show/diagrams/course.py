"""The paper's Fig. 1 as the course understands it: four networks, two differences, and what is kept."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from tutorial_lib.show.figures import INK, colour

CAPTION = ("Teachers left, students right. Look for the two differences, which are to become alike, and for what is "
           "left when the training is over: the box with the thick border.")
ALT = ("A diagram. A frame of the film goes into four networks. On the left the teacher with flow, T, which also gets "
       "the optical flow and its own last picture, and the teacher without flow, T0. On the right ours, S, and the "
       "plain student, S0. Below the teachers stands their difference T minus T0, below the students S minus S0, and a "
       "double arrow asks that the two become alike: the residual loss. Style, content and the low rank of the film "
       "teach S, too. Everything but S has a dashed border: it is thrown away after the training.")

LEFT, RIGHT, COLUMN = 0.1, 6.0, 3.9     # the left edges of the two columns, and their width
PLAIN, TRAINED, TALL = 3.9, 5.9, 1.4    # the lower edges of the networks' rows, and the height of their boxes


def course() -> Figure:
    """T, T0, S and S0, what each is given, and what is learned from what; legible at 390 pixels' width."""
    figure, axis = plt.subplots(figsize=(5.2, 4.6))
    axis.set(xlim=(0, 10), ylim=(0, 8.9))
    axis.axis("off")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.99)
    _box(axis, LEFT, TRAINED, COLUMN, TALL, "$T$\nteacher with flow", "teacher-flow")
    _box(axis, LEFT, PLAIN, COLUMN, TALL, "$T_0$\nteacher without flow", "teacher-plain")
    _box(axis, RIGHT, TRAINED, COLUMN, TALL, "$S$\nours", "student-ours", kept=True)
    _box(axis, RIGHT, PLAIN, COLUMN, TALL, "$S_0$\nplain student", "student-plain")
    _box(axis, 4.4, PLAIN, 1.2, TRAINED + TALL - PLAIN, "a\nframe\nof the\nfilm", "input")
    for y in (TRAINED + TALL / 2, PLAIN + TALL / 2):
        _arrow(axis, (4.4, y), (LEFT + COLUMN, y))
        _arrow(axis, (5.6, y), (RIGHT, y))
    for left, above, difference, role in ((LEFT, "flow, its last picture", "$T - T_0$", "teacher-flow"),
                                          (RIGHT, "style, content, low rank", "$S - S_0$", "student-ours")):
        middle = left + COLUMN / 2
        axis.text(middle, 8.45, above, ha="center", va="center", fontsize=11)
        _arrow(axis, (middle, 8.15), (middle, TRAINED + TALL))
        for y, sign in ((TRAINED, "$-$"), (PLAIN, "$=$")):
            axis.text(middle, y - 0.32, sign, ha="center", va="center", fontsize=15)
        _box(axis, left, 2.2, COLUMN, 1.05, difference, role)
    _arrow(axis, (LEFT + COLUMN, 2.7), (RIGHT, 2.7), "<->")
    axis.text(5, 1.75, "residual loss: the two are to be alike", ha="center", va="center", fontsize=11)
    axis.text(5, 0.95, "dashed border: thrown away after the training", ha="center", va="center", fontsize=11)
    axis.text(5, 0.35, "thick border: stays, and paints", ha="center", va="center", fontsize=11)
    return figure


def _box(axis: Axes, left: float, low: float, width: float, height: float, text: str, role: str,
         kept: bool = False) -> None:
    """Dark letters on a pale tint of the role's colour."""
    edge = colour(role)
    tint = "white" if role == "input" else tuple(0.85 + 0.15 * part for part in to_rgb(edge))
    axis.add_patch(FancyBboxPatch(
        (left, low), width, height, boxstyle="round,pad=0,rounding_size=0.15", facecolor=tint, edgecolor=edge,
        linewidth=3.5 if kept else 1.5, linestyle="-" if kept or role == "input" else "--"))
    axis.text(left + width / 2, low + height / 2, text, ha="center", va="center", fontsize=12, color=INK,
              linespacing=1.35)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], style: str = "->") -> None:
    axis.annotate("", end, start, arrowprops={
        "arrowstyle": style, "color": INK, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0})
