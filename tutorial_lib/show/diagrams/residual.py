"""Eq. 3 to 5: four networks in four boxes, and the two differences that are to be alike."""

from matplotlib.figure import Figure

from tutorial_lib.show.diagrams.boxes import arrow, box, canvas

ALT = ("Four boxes in two columns. Left the teachers: T0, without flow, below and T, with flow, above; the arrow from "
       "T0 up to T is the teachers' change, Eq. 3. Right the students: S0, plain, below and S, trained, above; the "
       "arrow from S0 up to S is the student's change, Eq. 4. Eq. 5 asks that the two arrows be alike. The border of "
       "S is thick, because it alone learns; the others are dashed, because they are frozen.")

SIZE = 2.25, 0.92      # of a box


def draw() -> Figure:
    """The four pictures of one frame. Plain ones stand below, and an arrow up is what makes one steady."""
    figure, axis = canvas(5.8, 5.0, (5.2, 4.1))
    left, right, low, high = 1.2, 4.6, 1.1, 3.8
    axis.text(left, 4.65, "teachers", ha="center", fontsize=12)
    axis.text(right, 4.65, "students", ha="center", fontsize=12)
    box(axis, (left, low), "$T_0$  without flow", "teacher-plain", SIZE, border="--", linewidth=2.5)
    box(axis, (left, high), "$T$  with flow", "teacher-flow", SIZE, border="--", linewidth=2.5)
    box(axis, (right, low), "$S_0$  plain", "student-plain", SIZE, border="--", linewidth=2.5)
    box(axis, (right, high), "$S$  trained", "student-ours", SIZE, linewidth=4)
    middle, half = (low + high) / 2, SIZE[1] / 2
    for x, letter, equation, side, edge in ((left, "T", 3, -0.15, "right"), (right, "S", 4, 0.15, "left")):
        arrow(axis, (x, low + half), (x, high - half), linewidth=2.5)
        axis.text(x + side, middle, f"$\\Delta {letter}$\nEq. {equation}", ha=edge, va="center", fontsize=12)
    arrow(axis, (left + 0.15, middle), (right - 0.15, middle), "#444444", dashes="--", both_ends=True)
    axis.text((left + right) / 2, middle + 0.12, "alike? Eq. 5", ha="center", fontsize=12)
    axis.text((left + right) / 2, 0.15, "dashed border: frozen.   thick: learns.", ha="center", fontsize=11)
    return figure
