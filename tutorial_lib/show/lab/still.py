"""The lambda lab as one picture, for a page on which no widget runs."""

import base64
import html
import io
from collections.abc import Mapping

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML

from tutorial_lib.data.images import to_pixels
from tutorial_lib.show import figures

CAPTION = ("The lambda lab as a picture, a frame at each of its buttons, and where they lie. Where this notebook runs, "
           "sliders stand here, and everything follows them.")
COLUMNS, SIDE, MAP = 2, 2.6, 4.0        # frames beside each other; inches of a frame and of the map


def picture(data: Mapping, painted: Mapping[str, torch.Tensor], points: Mapping[str, Mapping[str, float]]) -> HTML:
    """Frames by the labels of the presets, (1, 3, H, W), and their points among the networks that are known.

    data: the widget's own; what stands here is taken away by the widget when it comes to life.
    """
    source = base64.b64encode(drawn(data["known"], painted, points)).decode()
    said = "; ".join(f"{label}: e_stab {row['e_stab']:.3f}, style {row['style']:.3f}" for label, row in points.items())
    alt = f"The lambda lab at its presets, a stylized frame each. Expected {said}."
    return HTML(f'<div data-still="{data["still"]}"><img alt="{html.escape(alt)}" style="max-width: 100%" '
                f'src="data:image/jpeg;base64,{source}"><p><em>{CAPTION}</em></p></div>')


def drawn(known: Mapping[str, Mapping], painted: Mapping[str, torch.Tensor],
          points: Mapping[str, Mapping[str, float]]) -> bytes:
    """The picture as a JPEG."""
    *_, height, width = next(iter(painted.values())).shape
    rows = -(-len(painted) // COLUMNS)
    figure = plt.figure(figsize=(COLUMNS * SIDE + MAP, max(3.2, rows * (SIDE * height / width + 0.5))))
    grid = figure.add_gridspec(rows, COLUMNS + 1, width_ratios=[SIDE] * COLUMNS + [MAP])
    for n, (label, frame) in enumerate(painted.items()):
        axis = figure.add_subplot(grid[n // COLUMNS, n % COLUMNS])
        axis.imshow(to_pixels(frame))
        axis.set_title(label, fontsize=10)
        axis.axis("off")
    axis = figure.add_subplot(grid[:, COLUMNS])
    for row in known.values():
        axis.scatter(row["style"], row["e_stab"], s=50, color=row["colour"], zorder=3)
    for row in points.values():
        axis.scatter(row["style"], row["e_stab"], s=110, facecolor="none", edgecolor="black", linewidth=2, zorder=4)
    axis.set_xlabel("style loss: left is better")
    axis.set_ylabel("e_stab: down is steadier")
    axis.margins(0.2)
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    places = {name: (row["style"], row["e_stab"]) for name, row in {**known, **points}.items()}
    figures.name_points(axis, places, {name: figures.ink(name) for name in known})
    buffer = io.BytesIO()
    figure.savefig(buffer, format="jpeg", dpi=100, bbox_inches="tight", pil_kwargs={"quality": 85})
    plt.close(figure)
    return buffer.getvalue()
