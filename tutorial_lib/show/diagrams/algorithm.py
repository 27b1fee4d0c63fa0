"""Algorithm 1 as a loop: what is computed once a clip, what at every step, and how far the gradient goes."""

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from tutorial_lib.show.diagrams.boxes import arrow, box, canvas
from tutorial_lib.show.figures import INK, colour

ALT = ("A clip goes to the student and, once, to three frozen networks: the teacher with flow, the teacher without, "
       "and the plain student. Student and frozen networks meet in four terms, which add up to the total loss. Its "
       "gradient goes back to the student alone, and the next clip is drawn.")
QUIET = "#666666"      # what is frozen


def draw() -> Figure:
    figure, axis = canvas(10, 11, (4.8, 5.3))
    box(axis, (5.2, 10.2), "a clip at random", "input", (4.2, 1.0), 11)

    axis.add_patch(FancyBboxPatch((3.85, 6.45), 5.9, 2.35, "round,pad=0.1", fill=False, linestyle="--",
                                  edgecolor=QUIET))
    axis.text(6.8, 8.45, "frozen: once a clip,\nthen remembered", ha="center", va="center", fontsize=10, color=QUIET)
    for x, name, role in ((4.65, "T", "teacher-flow"), (6.1, "T0", "teacher-plain"), (7.55, "S0", "student-plain")):
        box(axis, (x, 7.05), name, role, (1.2, 0.9), 11)
    box(axis, (8.98, 7.05), r"$\|X\|_*$", "input", (1.3, 0.9), 11)
    box(axis, (1.9, 7.4), "S\nstudent", "student-ours", (1.9, 1.4), 11, linewidth=3.5)

    terms = {1.3: ("$L_{percep}$", "frames"), 3.75: (r"$L_{res}$", "frames"),
             6.2: (r"$L_{temp}$", "pairs"), 8.65: (r"$L_{rank}$", "clip")}
    for x, (name, of) in terms.items():
        box(axis, (x, 4.3), f"{name}\n{of}", "input", (2.1, 1.3), 11)
        arrow(axis, (1.9, 6.6), (x, 5.05), colour("student-ours"))
        arrow(axis, (x, 3.55), (5.0 + 0.35 * (x - 5.0), 2.4), INK)
    arrow(axis, (6.1, 6.3), (4.1, 5.05), QUIET)
    arrow(axis, (8.98, 6.3), (8.9, 5.05), QUIET)
    box(axis, (5.0, 1.8), r"times $\lambda$, added: $L_{total}$", "input", (5.4, 1.0), 11)

    arrow(axis, (4.0, 9.6), (2.3, 8.25), INK)
    arrow(axis, (6.4, 9.6), (6.8, 9.0), INK)
    # The way back: from the total under and beside everything, to the student and to nobody else.
    way = colour("student-temp")
    axis.plot([2.2, 0.12, 0.12], [1.8, 1.8, 7.4], color=way, linestyle="--", linewidth=2)
    arrow(axis, (0.1, 7.4), (0.9, 7.4), way)
    axis.text(0.0, 0.55, "Dashed: the gradient, and Adam's step.\nThen the next clip.", fontsize=10, color=INK,
              va="center")
    return figure
