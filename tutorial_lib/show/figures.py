"""Figures with one colour a role, a caption that says what to look for, and alt text."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown, display
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from tutorial_lib.data.images import to_pixels
from tutorial_lib.evaluation.scores import Score
from tutorial_lib.flow.warp import warp
from tutorial_lib.papers import ROLES
from tutorial_lib.zoo import split

INK = "#000000"   # of the input, in every figure

READABLE = 4.5    # contrast of words to what is behind them

HEAVY = 100_000  # bytes; larger pictures are full of strokes, which JPEG keeps in a quarter of what PNG needs


def colour(name: str) -> str:
    """The colour of a role, also of STYLE-ROLE; black for the input, grey for anything else."""
    if name == "input":
        return INK
    return ROLES[role].colour if (role := split(name)[1]) else "#666666"


def ink(name: str) -> str:
    """The colour of a role for words on white: darkened where its contrast is below 4.5 to 1, as WCAG 2 asks."""
    shade = torch.tensor(to_rgb(colour(name)))
    while contrast(shade) < READABLE:
        shade = shade * 0.97
    return to_hex(shade.tolist())


def contrast(shade: torch.Tensor) -> float:
    """Of white to a colour (red, green and blue, 0 to 1), as WCAG 2 has it: from 1 to 21."""
    linear = torch.where(shade <= 0.04045, shade / 12.92, ((shade + 0.055) / 1.055) ** 2.4)
    return float(1.05 / (linear @ torch.tensor([0.2126, 0.7152, 0.0722]) + 0.05))


def show(figure: Figure, caption: str, alt: str | None = None, dpi: int = 100) -> None:
    """Displays a figure with its caption underneath, and closes it. alt: for readers who cannot see it."""
    data = _encoded(figure, dpi, "png")
    if len(data) > HEAVY:
        data = _encoded(figure, dpi, "jpeg", pil_kwargs={"quality": 88})
    plt.close(figure)
    show_picture(data, alt or caption)
    display(Markdown(f"*{caption}*"))


def show_picture(data: bytes, alt: str, width: int | None = None) -> None:
    """Displays a PNG or a JPEG with its alt text; width: in pixels of the page, where it is not the picture's own.

    As HTML: JupyterLab and nbconvert show the picture of an image/png output without its alt text, and both keep an
    <img> as it is. So does GitHub, whose page has the pictures of an image/png output as such <img>s, too.
    """
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    size = f' width="{width}"' if width else ""
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    tag = f'<img alt="{html.escape(alt)}"{size} style="max-width: 100%" src="{source}">'
    display({"text/html": tag, "text/plain": alt}, raw=True)


def _encoded(figure: Figure, dpi: int, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi, bbox_inches="tight", **options)
    return buffer.getvalue()


def images(
    pictures: Mapping[str, torch.Tensor], columns: int | None = None, height: float = 2.4,
    largest: float | None = None,
) -> Figure:
    """Pictures in rows, each under its name: {name: (1, 3, H, W), (3, H, W) or a map (1, H, W)}.

    largest: maps are coloured from 0 to this value, so that they can be compared; without it each map has a
    scale of its own (and one that is the same everywhere comes out black).
    """
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    first = next(iter(pictures.values()))
    ratio = first.shape[-1] / first.shape[-2]
    figure, axes = plt.subplots(rows, columns, figsize=(columns * height * ratio, rows * (height + 0.3)), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, (name, picture) in zip(axes.flat, pictures.items(), strict=False):
        picture = picture[0] if picture.dim() == 4 else picture
        if len(picture) == 1:
            lowest = None if largest is None else 0
            axis.imshow(picture[0].detach().cpu().numpy(), cmap="magma", vmin=lowest, vmax=largest)
        else:
            axis.imshow(to_pixels(picture))
        axis.set_title(name, color=ink(name), fontsize=10)
    figure.tight_layout(pad=0.4)
    return figure


def flow_picture(flow: torch.Tensor, largest: float | None = None) -> torch.Tensor:
    """A flow (1, 2, H, W) as colours (1, 3, H, W): the hue is the direction, the saturation the speed."""
    u, v = flow[0].cpu().numpy()
    speed = np.hypot(u, v)
    largest = largest or max(float(speed.max()), 1e-6)
    hue = np.arctan2(v, u) / (2 * np.pi) % 1
    hsv = np.stack((hue, np.clip(speed / largest, 0, 1), np.ones_like(speed)), -1)
    rgb = plt.matplotlib.colors.hsv_to_rgb(hsv)
    return torch.from_numpy(rgb).permute(2, 0, 1)[None].float()


def error_map(frames: torch.Tensor, flow: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Where two consecutive frames (2, 3, H, W) disagree once the motion is undone: (1, H, W), the paper's Fig. 4."""
    return (mask * (frames[1:] - warp(frames[:1], flow))).abs().mean(1)


def time_slice(frames: torch.Tensor, row: int | None = None, repeat: int = 4) -> torch.Tensor:
    """One row of every frame, stacked downwards: (N, 3, H, W) -> (1, 3, N * repeat, W).

    A steady video gives clean lines (slanted where things move), a flickering one gives noise.
    """
    row = frames.shape[-2] // 2 if row is None else row
    return frames[:, :, row].permute(1, 0, 2).repeat_interleave(repeat, 1)[None]


def losses(history: Sequence[Mapping[str, float]], title: str = "", smooth: int = 9) -> Figure:
    """The terms of a training over its steps, each in a panel of its own scale, with a running mean.

    A term that only some of the steps have (a teacher's stills have no temporal one) is drawn at those steps. Two
    panels stand beside each other; more would be too small on a phone.
    """
    names = list(dict.fromkeys(name for terms in history for name in terms))
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.8 * columns, 2.1 * rows + 0.2), squeeze=False)
    for axis in axes.flat[len(names):]:
        axis.remove()
    for axis, name in zip(axes.flat, names, strict=False):
        steps = np.array([step for step, terms in enumerate(history) if name in terms])
        values = np.array([history[step][name] for step in steps])
        width = min(smooth, len(values))
        mean = np.convolve(values, np.ones(width) / width, "valid")
        axis.plot(steps, values, color="#cccccc", linewidth=1)
        axis.plot(steps[width // 2:][:len(mean)], mean, color=colour("student-ours"))
        axis.set_title(name, fontsize=10)
        axis.set_xlabel("step")
        axis.set_ylim(bottom=0)
    figure.suptitle(title, fontsize=11)
    figure.tight_layout()
    return figure


def bars(values: Mapping[str, float], label: str, floor: float | None = None) -> Figure:
    """One horizontal bar a network, in its role's colour; the floor is the unstylized video's own value."""
    figure, axis = plt.subplots(figsize=(6, 0.42 * len(values) + 0.7))
    names = list(values)[::-1]
    axis.barh(names, [values[name] for name in names], color=[colour(name) for name in names])
    if floor is not None:
        axis.axvline(floor, color=INK, linestyle=":", linewidth=1.5)
        axis.text(floor, len(names) - 0.45, " the input itself", fontsize=8, va="bottom")
    axis.set_xlabel(label)
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return figure


def tradeoff(
    scores: Mapping[str, Score], control: str | None = None, path: Sequence[str] = (),
    label: str = "e_stab, summed over the scenes",
) -> Figure:
    """e_stab against style loss, one point a network: the lower left is where one wants to be.

    control: the name through which a dotted cross is drawn. path: names that a line joins, in this order.
    """
    figure, axis = plt.subplots(figsize=(5.4, 3.6))
    axis.plot([scores[name].style for name in path], [scores[name].e_stab for name in path], color="#cccccc")
    for name, score in scores.items():
        axis.scatter(score.style, score.e_stab, s=60, color=colour(name), zorder=3)
    if control in scores:
        axis.axvline(scores[control].style, color="#bbbbbb", linestyle=":", linewidth=1)
        axis.axhline(scores[control].e_stab, color="#bbbbbb", linestyle=":", linewidth=1)
    axis.set_xlabel("style loss (0 = the style picture's own statistics)")
    axis.set_ylabel(label)
    axis.margins(0.18)
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    name_points(axis, {name: (score.style, score.e_stab) for name, score in scores.items()},
                {name: ink(name) for name in scores})
    return figure


def sizes(rows: Sequence[Mapping], enough: float = 25) -> Figure:
    """Speed against steadiness, a column for each size: its student from scratch above, ours below, joined.

    rows: of results/sizes.json. enough: frames a second, where a dotted line stands.
    """
    figure, axis = plt.subplots(figsize=(5.4, 3.8))
    names, colours = {}, {}
    for row in rows:
        rate, small = row["film"]["frames_per_second"], row["size"].removeprefix("pocket-")
        above, below = row["scratch"]["e_stab"], row["ours"]["e_stab"]
        axis.plot([rate, rate], [above, below], color="#cccccc", zorder=1)
        axis.scatter(rate, above, s=50, color=colour("student-scratch"), zorder=3)
        axis.scatter(rate, below, s=50, color=colour("student-ours"), zorder=3)
        names[small], colours[small] = (rate, below), ink("student-ours")
    axis.axvline(enough, color="#999999", linestyle=":", linewidth=1.2)
    axis.set_xlabel("frames a second, from file to file")
    axis.set_ylabel("e_stab, summed over the scenes")
    axis.margins(0.16, 0.18)
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    name_points(axis, names, colours, fontsize=10)
    return figure


def name_points(
    axis: Axes, places: Mapping[str, tuple[float, float]], colours: Mapping[str, str] | None = None, fontsize: float = 8
) -> None:
    """Writes every name beside its point, in the axes, on the first side where it covers no name, point or line.

    Dotted lines may be crossed, and rather a bit of another than a name far from its point. A name ends where a tab
    does: what stands behind it only tells points of one name apart.
    """
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in axis.transData.transform(list(places.values()))]
    along = np.linspace(0, 1, 60)[:, None]
    ends = [line.get_transform().transform(line.get_xydata()) for line in axis.lines if line.get_linestyle() != ":"]
    inked = np.concatenate([np.zeros((0, 2)), *(a + along * (b - a) for line in ends for a, b in pairwise(line))])
    sides = [((6, 5), "left"), ((6, -11), "left"), ((-6, 5), "right"), ((-6, -11), "right"),
             ((0, 9), "center"), ((0, -16), "center"),
             ((16, 14), "left"), ((16, -20), "left"), ((-16, 14), "right"), ((-16, -20), "right")]
    for name, place in places.items():
        text = axis.annotate(name.partition("\t")[0], place, textcoords="offset points", xytext=(0, 0),
                             fontsize=fontsize, color=(colours or {}).get(name, "black"))

        def at(side: tuple, text: Annotation = text) -> Bbox:
            offset, alignment = side
            text.set(position=offset, ha=alignment)
            return text.get_window_extent()

        def price(side: tuple) -> tuple[bool, int, int]:
            box = at(side)
            far = 15 * (abs(side[0][0]) > 6)
            outside = not (axis.bbox.contains(box.x0, box.y0) and axis.bbox.contains(box.x1, box.y1))
            return outside, sum(box.overlaps(other) for other in taken), box.count_contains(inked) + far

        taken.append(at(min(sides, key=price)))


def spectra(values: Mapping[str, torch.Tensor]) -> Figure:
    """Singular values (K,), largest first, on a logarithmic scale: one line a name, in its role's colour."""
    figure, axis = plt.subplots(figsize=(5.4, 3.2))
    # Names without a role all are grey; markers and dashes tell them apart.
    for (name, gammas), marker, dashes in zip(values.items(), "osD^vP*X", 2 * ["-", "--", ":", "-."], strict=False):
        numbers = np.arange(1, len(gammas) + 1)
        heights = gammas.detach().cpu().clamp_min(1e-6)
        axis.plot(numbers, heights, marker=marker, linestyle=dashes, color=colour(name), label=name)
    axis.set_yscale("log")
    axis.set_xticks(numbers)
    axis.set_xlabel("number of the singular value")
    axis.set_ylabel("singular value")
    axis.legend(fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    return figure
