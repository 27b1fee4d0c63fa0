"""A teacher with flow over three frames: each painting is, warped and masked, the past of the next one."""

from matplotlib.figure import Figure

from tutorial_lib.show.diagrams.boxes import arrow, box, canvas

FRAMES = 3
APART = 3.0      # of two frames


def roll_out() -> Figure:
    figure, axis = canvas(FRAMES * APART - 1, 5.4, (5.4, 5.4 * 5.4 / (FRAMES * APART - 1)))
    inputs, teachers, warps, outputs = 4.9, 3.3, 1.9, 0.5      # heights of the rows
    size = (1.05, 0.8)
    for t in range(FRAMES):
        x = 1 + t * APART
        box(axis, (x, inputs), f"$x_{t}$", "input", size, 15)
        box(axis, (x, teachers), "$T$", "teacher-flow", size, 15)
        box(axis, (x, outputs), f"$y_{t}$", "teacher-flow", size, 15)
        arrow(axis, (x, inputs - 0.4), (x, teachers + 0.4))
        arrow(axis, (x, teachers - 0.4), (x, outputs + 0.4))
        if t == 0:
            continue
        between = x - APART / 2
        box(axis, (between, inputs), f"flow\n$f_{t}, M_{t}$", "", (1.15, 0.95), 12)
        arrow(axis, (x - APART + 0.52, inputs), (between - 0.58, inputs))
        arrow(axis, (x - 0.52, inputs), (between + 0.58, inputs))
        box(axis, (between, warps), "warp\nand mask", "", (1.5, 0.95), 12)
        arrow(axis, (between, inputs - 0.48), (between, warps + 0.48))
        arrow(axis, (x - APART + 0.52, outputs), (between - 0.2, warps - 0.48))
        arrow(axis, (between + 0.75, warps + 0.2), (x - 0.52, teachers - 0.2))
    return figure
