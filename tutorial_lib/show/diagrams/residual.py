"""Eq. 3 to 5: four networks in four boxes, and the two differences that are to be alike."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tutorial_lib.show.figures import colour

ALT = ("Four boxes in two columns. Left the teachers: T0, without flow, below and T, with flow, above; the arrow from "
       "T0 up to T is the teachers' change, Eq. 3. Right the students: S0, plain, below and S, trained, above; the "
       "arrow from S0 up to S is the student's change, Eq. 4. Eq. 5 asks that the two arrows be alike. The border of "
       "S is thick, because it alone learns; the others are dashed, because they are frozen.")

WIDTH, HEIGHT = 2.25, 0.92


def draw() -> Figure:
    """The four pictures of one frame. Plain ones stand below, and an arrow up is what makes one steady."""
    figure, axis = plt.subplots(figsize=(5.2, 4.1))
    left, right, low, high = 1.2, 4.6, 0.6, 3.3
    axis.text(left, 4.15, "teachers", ha="center", fontsize=12)
    axis.text(right, 4.15, "students", ha="center", fontsize=12)
    _box(axis, left, low, "$T_0$", "without flow", colour("teacher-plain"))
    _box(axis, left, high, "$T$", "with flow", colour("teacher-flow"))
    _box(axis, right, low, "$S_0$", "plain", colour("student-plain"))
    _box(axis, right, high, "$S$", "trained", colour("student-ours"), learns=True)
    for x, letter, equation in ((left, "T", 3), (right, "S", 4)):
        axis.annotate("", (x, high - HEIGHT / 2), (x, low + HEIGHT / 2),
                      arrowprops={"arrowstyle": "-|>", "linewidth": 2.5, "mutation_scale": 20, "color": "black"})
        side, edge = (-0.15, "right") if x == left else (0.15, "left")
        axis.text(x + side, (low + high) / 2, f"$\\Delta {letter}$\nEq. {equation}", ha=edge, va="center", fontsize=12)
    axis.annotate("", (right - 0.15, (low + high) / 2), (left + 0.15, (low + high) / 2),
                  arrowprops={"arrowstyle": "<|-|>", "linewidth": 1.5, "linestyle": "--", "color": "#444444"})
    axis.text((left + right) / 2, (low + high) / 2 + 0.12, "alike? Eq. 5", ha="center", fontsize=12)
    axis.text((left + right) / 2, -0.35, "dashed border: frozen.   thick: learns.", ha="center", fontsize=11)
    axis.set(xlim=(0, 5.8), ylim=(-0.5, 4.5))
    axis.axis("off")
    return figure


def _box(axis: Axes, x: float, y: float, name: str, words: str, edge: str, learns: bool = False) -> None:
    axis.add_patch(plt.Rectangle((x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT, facecolor="white", edgecolor=edge,
                                 linewidth=4 if learns else 2.5, linestyle="-" if learns else "--"))
    axis.text(x, y, f"{name}  {words}", ha="center", va="center", fontsize=12)
