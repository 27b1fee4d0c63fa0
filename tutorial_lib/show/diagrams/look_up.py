"""How a warp looks a pixel up: from its place in frame t, along the flow, in between four pixels of frame t-1."""

from math import floor

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tutorial_lib.papers import ROLES
from tutorial_lib.show.diagrams.boxes import arrow, canvas, pale

ARROW, PIXEL = (ROLES[name].colour for name in ("student-ours-temp", "teacher-flow"))
GAP = 0.9


def weights(place: tuple[float, float]) -> dict[tuple[int, int], float]:
    """{(x, y): weight} of the four pixels around a place between pixels."""
    x, y = place
    left, top = floor(x), floor(y)
    return {(left + i, top + j): (1 - abs(x - left - i)) * (1 - abs(y - top - j)) for j in (0, 1) for i in (0, 1)}


def look_up(pixel: tuple[int, int], flow: tuple[float, float], side: int = 5) -> Figure:
    """Two pictures of side x side pixels, and where `pixel` (x, y) of the current one is looked up in the other."""
    figure, axis = canvas(2 * side + GAP + 0.2, side + 1.1, (5.4, 5.4 * (side + 1.1) / (2 * side + GAP + 0.2)))
    found = pixel[0] + flow[0], pixel[1] + flow[1]
    right = side + GAP      # of the current frame's left edge

    def centre(place: tuple[float, float], left: float = 0.0) -> tuple[float, float]:
        """In the sheet's coordinates, where y runs upwards."""
        return 0.1 + left + place[0] + 0.5, side - place[1] - 0.5 + 0.1

    def square(place: tuple[int, int], left: float, **look: object) -> None:
        x, y = centre(place, left)
        axis.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, **look))

    for left, name in ((0.0, "frame t-1"), (right, "frame t")):
        axis.text(0.1 + left + side / 2, side + 0.5, name, ha="center", va="center", fontsize=13)
        for x in range(side):
            for y in range(side):
                square((x, y), left, facecolor="white", edgecolor="#999999", linewidth=0.8)
    for place, weight in weights(found).items():
        square(place, 0.0, facecolor=pale(PIXEL), edgecolor=PIXEL, linewidth=1.5)
        x, y = centre(place)
        away = 0.2 * (1 if y > centre(found)[1] else -1)
        axis.text(x, y + away, f"{weight:.2g}", ha="center", va="center", fontsize=12)
    square(pixel, 0.0, facecolor="none", edgecolor="black", linewidth=1.5, linestyle=":")
    square(pixel, right, facecolor=PIXEL, edgecolor="black", linewidth=1.5)
    x, y = centre(pixel, right)
    axis.text(x, y, "p", ha="center", va="center", fontsize=13, color="white")
    arrow(axis, (x - 0.5, y), centre(pixel), bend=0.25, dashes=(0, (2, 2)))
    arrow(axis, centre(pixel), centre(found), ARROW)
    axis.plot(*centre(found), marker="o", markersize=5, color=ARROW, zorder=3)
    axis.text(*centre((side / 2 - 0.5, side - 1)), f"f(p) = ({flow[0]:+g}, {flow[1]:+g})", ha="center", va="center",
              fontsize=13, backgroundcolor="white")
    return figure
