"""A style's students as files that a page mixes and paints with: a graph, weights in half precision, and their meaning.

The graph has the weights as inputs, so one session paints with any mixture. A page reads FOLDER/STYLE.json, which names
the other two.
"""

from collections.abc import Mapping
from pathlib import Path

import torch

from tutorial_lib import engines, zoo
from tutorial_lib.data.images import resize, to_pixels, to_tensor
from tutorial_lib.files import atomic_path, write_json
from tutorial_lib.lambdas import POCKETS, Lambdas, has, record_of
from tutorial_lib.mixtures import Axis

WORDS = {
    "res": "residual distillation, Eq. 5", "temp": "the temporal loss, Eq. 12", "rank": "low rank, Eq. 11",
    "style": "the weight of the style in Eq. 1",
    "ours": "residual and low rank: Eq. 13 without its temporal loss",
}
CHECKED = (50, 66)      # height and width of the frame by which a page knows that it paints as PyTorch does


def styles() -> list[str]:
    """The styles whose lab is one of pocket students, which are quick enough for a browser."""
    return [style for style in zoo.styles() if record_of(style) or has(style, POCKETS)]


def write(lambdas: Lambdas, folder: Path, frame: torch.Tensor) -> Path:
    """Writes the style's three files and returns the .json.

    frame: (1, 3, H, W), of which a small picture goes along, with PyTorch's painting of it.
    Raises: TutorialError when a file cannot be written.
    """
    record = lambdas.record
    style, start = record["style"], lambdas.start.state_dict()
    vectors = [{name: axis.trained[end][name] for name in start}
               for axis in lambdas.axes.values() for end in sorted(axis.trained)]
    strengths = {key: axis.strengths[-1] / 2 for key, axis in lambdas.axes.items()}
    shown = to_pixels(resize(frame, *CHECKED))
    with torch.inference_mode():
        painted = to_pixels(lambdas.network(strengths)(to_tensor(shown)))
    size = lambdas.start.configuration
    graph = f"pocket-{'separable-' if size['separable'] else ''}{size['width']}x{size['blocks']}.onnx"
    with atomic_path(folder / graph) as temporary:
        temporary.write_bytes(engines.to_onnx_without_weights(lambdas.start))
    with atomic_path(folder / f"{style}.bin") as temporary:
        halves = b"".join(flat(weights).half().numpy().tobytes() for weights in (start, *vectors))
        temporary.write_bytes(halves + shown.tobytes() + painted.tobytes())
    target = folder / f"{style}.json"
    write_json(target, {
        "style": style, "graph": graph, "weights": f"{style}.bin",
        "parameters": [[name, list(value.shape)] for name, value in start.items()],
        "axes": {key: {"words": WORDS[key], **axis, "dots": dots(lambdas.axes[key])}
                 for key, axis in lambdas.described.items()},
        "rises": rises(lambdas),
        "presets": {label: dict(strengths) for label, strengths in lambdas.presets.items()},
        "scores": {name: record[name] for name in ("origin", "axes")} if lambdas.is_scored else None,
        "honesty": record.get("honesty"),
        "check": {"strengths": strengths, "height": CHECKED[0], "width": CHECKED[1]},
    })
    return target


def rises(lambdas: Lambdas) -> dict[str, float]:
    """{axis: by how much of itself the pull of Eq. 1 rises when its strength rises by 1}, of weights of Eq. 1 alone."""
    usual = lambdas.eq1({})
    return {key: lambdas.eq1({key: axis.origin + 1}) / usual - 1 for key, axis in lambdas.axes.items()
            if axis.origin and usual}


def dots(axis: Axis) -> list[list[float]]:
    """The products of an axis's task vectors with one another, from which a page has the length of any between them."""
    rows = torch.stack([flat(axis.trained[end]) for end in sorted(axis.trained)])
    return (rows @ rows.T).tolist()


def flat(weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """All numbers of some weights, one after the other, in the order of their names there."""
    return torch.cat([value.detach().cpu().flatten() for value in weights.values()])
