"""The paper's Fig. 1 as the course understands it: four networks, two differences, and what is kept."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tutorial_lib.show.diagrams.boxes import arrow, box, canvas

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
    figure, axis = canvas(10, 8.9, (5.2, 4.6))
    _box(axis, LEFT, TRAINED, COLUMN, TALL, "$T$\nteacher with flow", "teacher-flow")
    _box(axis, LEFT, PLAIN, COLUMN, TALL, "$T_0$\nteacher without flow", "teacher-plain")
    _box(axis, RIGHT, TRAINED, COLUMN, TALL, "$S$\nours", "student-ours", "-", 3.5)
    _box(axis, RIGHT, PLAIN, COLUMN, TALL, "$S_0$\nplain student", "student-plain")
    _box(axis, 4.4, PLAIN, 1.2, TRAINED + TALL - PLAIN, "a\nframe\nof the\nfilm", "input", "-")
    for y in (TRAINED + TALL / 2, PLAIN + TALL / 2):
        arrow(axis, (4.4, y), (LEFT + COLUMN, y))
        arrow(axis, (5.6, y), (RIGHT, y))
    for left, above, difference, role in ((LEFT, "flow, its last picture", "$T - T_0$", "teacher-flow"),
                                          (RIGHT, "style, content, low rank", "$S - S_0$", "student-ours")):
        middle = left + COLUMN / 2
        axis.text(middle, 8.45, above, ha="center", va="center", fontsize=11)
        arrow(axis, (middle, 8.15), (middle, TRAINED + TALL))
        for y, sign in ((TRAINED, "$-$"), (PLAIN, "$=$")):
            axis.text(middle, y - 0.32, sign, ha="center", va="center", fontsize=15)
        _box(axis, left, 2.2, COLUMN, 1.05, difference, role)
    arrow(axis, (LEFT + COLUMN, 2.7), (RIGHT, 2.7), both_ends=True)
    axis.text(5, 1.75, "residual loss: the two are to be alike", ha="center", va="center", fontsize=11)
    axis.text(5, 0.95, "dashed border: thrown away after the training", ha="center", va="center", fontsize=11)
    axis.text(5, 0.35, "thick border: stays, and paints", ha="center", va="center", fontsize=11)
    return figure


def _box(axis: Axes, left: float, low: float, width: float, height: float, text: str, role: str,
         border: str = "--", linewidth: float = 1.5) -> None:
    """A box by its left and lower edges."""
    box(axis, (left + width / 2, low + height / 2), text, role, (width, height), border=border, linewidth=linewidth)
