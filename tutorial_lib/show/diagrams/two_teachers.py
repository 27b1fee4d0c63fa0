"""The two teachers: what each is given, how the one comes of the other, and what becomes of both."""

from matplotlib.figure import Figure

from tutorial_lib.show.diagrams.boxes import arrow, box, canvas


def two_teachers() -> Figure:
    figure, axis = canvas(10, 7.1, (5.4, 5.4 * 0.71))
    columns = {
        "teacher-flow": (7.5, "teacher\nwith flow", "$T$", ("frame", "warped past", "mask")),
        "teacher-plain": (2.5, "teacher\nwithout flow", "$T_0$", ("frame", "zeros", "zeros")),
    }
    for role, (x, name, letter, given) in columns.items():
        for row, (what, channels) in enumerate(zip(given, (3, 3, 1), strict=True)):
            y = 6.7 - 0.8 * row
            box(axis, (x, y), f"{what}, {channels}", "input" if what == "frame" else "", (3.6, 0.64), 12)
        arrow(axis, (x, 4.75), (x, 4.2))
        box(axis, (x, 3.55), f"{letter}: {name}", role, (3.6, 1.25), 12)
        arrow(axis, (x, 2.92), (x, 2.4))
        box(axis, (x, 2.0), "its painting", role, (3.6, 0.7), 12)
        arrow(axis, (x, 1.65), (5.0 + (1.1 if x > 5 else -1.1), 1.0))
    arrow(axis, (4.35, 3.55), (5.65, 3.55))
    axis.text(5, 3.78, "fine-\ntuned", ha="center", va="bottom", fontsize=11)
    box(axis, (5, 0.6), r"$\Delta T = T - T_0$: what the student is taught", "student-ours", (8.2, 0.75), 12)
    return figure
