"""The pocket student from top to bottom: how large the maps are at each layer, and how many there are."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tutorial_lib.networks.pocket import FOLD, LAST, Pocket
from tutorial_lib.show.diagrams.boxes import arrow, box, canvas, pale
from tutorial_lib.show.figures import colour

CAPTION = ("Top to bottom: the pocket student. The bars on the right are as wide as the maps are: look for how little "
           "happens at full size.")
ALT = ("A column of boxes from top to bottom. A frame with 3 maps at full size; the fold, which makes 48 maps at a "
       "quarter of the size; a 3 by 3 convolution to the network's own channels; the residual blocks, at a quarter of "
       "the size; an enlargement to half the size; a 3 by 3 convolution to 32 maps and one to 12 maps at half the "
       "size; and the unfold, which makes the painting with 3 maps at full size. Beside every box a bar shows how "
       "large its maps are.")

CENTRE, WIDTH, HEIGHT, STEP = 3.05, 5.9, 0.66, 0.98      # of the boxes, and from one to the next
LEFT, FULL = 6.55, 3.3                                   # of the bars: the left edge, and the width of full size


def rows(network: Pocket) -> list[tuple[str, int, float, bool]]:
    """(what it does, maps that come out, their side in sides of the frame, whether it has weights)."""
    width, blocks = network.configuration["width"], network.configuration["blocks"]
    quarter, half = 1 / FOLD, 2 / FOLD
    return [
        ("a frame", 3, 1.0, False),
        (f"fold {FOLD} x {FOLD} pixels", 3 * FOLD**2, quarter, False),
        ("convolution 3 x 3", width, quarter, True),
        (f"{blocks} residual blocks", width, quarter, True),
        ("enlarge twofold", width, half, False),
        ("convolution 3 x 3", LAST, half, True),
        ("convolution 3 x 3", 3 * 2**2, half, True),
        ("unfold 2 x 2 pixels", 3, 1.0, False),
    ]


def draw(network: Pocket) -> Figure:
    """A box for each step, in the colour of ours where it has weights, and a bar as wide as its maps are."""
    steps = rows(network)
    high = STEP * len(steps) + 0.75
    figure, axis = canvas(10, high, (5.2, 5.2 * high / 10))
    axis.text(CENTRE, high - 0.35, "layer, and maps that come out", ha="center", va="center", fontsize=11)
    axis.text(LEFT + FULL / 2, high - 0.35, "their width", ha="center", va="center", fontsize=11)
    for number, (text, maps, side, learns) in enumerate(steps):
        y = high - 0.75 - STEP * number - HEIGHT / 2
        box(axis, (CENTRE, y), f"{text}: {maps}", "student-ours" if learns else "", (WIDTH, HEIGHT), 12)
        _bar(axis, y, side)
        if number:
            arrow(axis, (CENTRE, y + STEP - HEIGHT / 2), (CENTRE, y + HEIGHT / 2))
    return figure


def _bar(axis: Axes, y: float, side: float) -> None:
    shade = colour("student-ours")
    axis.add_patch(Rectangle((LEFT, y - 0.2), FULL * side, 0.4, facecolor=pale(shade), edgecolor=shade, linewidth=1.2))
    words = {1.0: "W", 0.5: "W / 2", 0.25: "W / 4"}[side]
    inside = side == 1.0
    axis.text(LEFT + (FULL / 2 if inside else FULL * side + 0.15), y, words, ha="center" if inside else "left",
              va="center", fontsize=11)
