"""A style's students as files that a page mixes and paints with: a graph, weights in half precision, and their meaning.

The graph has the weights as inputs, so one session paints with any mixture. A page reads FOLDER/STYLE.json, which names
the other two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from tutorial_lib import engines, zoo
from tutorial_lib.data.images import resize, to_pixels, to_tensor
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path, write_json
from tutorial_lib.lambdas import Lambdas
from tutorial_lib.mixtures import Axis, task_vector
from tutorial_lib.papers.ofd.roles import POCKET, POCKET_CONTROL

# Where no lab was trained: students of which each makes an axis, and how far beyond its training one may go: as far as
# was measured (measure_mixtures.py).
STUDENTS = {"ours": POCKET, "temp": "pocket-temp", "ours-temp": "pocket-ours-temp"}
FURTHEST = 1.3
WORDS = {
    "res": "residual distillation, Eq. 5", "temp": "the temporal loss, Eq. 12", "rank": "low rank, Eq. 11",
    "style": "the weight of the style in Eq. 1",
    "ours": "residual and low rank: Eq. 13 without its temporal loss", "ours-temp": "all of Eq. 13",
}
POCKETS = {"from scratch": {}, "ours": {"ours": 1.0}, "L_temp": {"temp": 1.0}, "ours with L_temp": {"ours-temp": 1.0}}
CHECKED = (50, 66)      # height and width of the frame by which a page knows that it paints as PyTorch does


@dataclass(frozen=True)
class Lab:
    """What a page shows of a style. presets: {a button's label: its strengths}."""

    style: str
    lambdas: Lambdas
    presets: Mapping[str, Mapping[str, float]]


def styles() -> list[str]:
    """The styles that have a start and at least one student to mix with it."""
    there = zoo.names()
    return [style for style in zoo.styles() if f"{style}-{POCKET_CONTROL}" in there
            and any(f"{style}-{role}" in there for role in STUDENTS.values())]


def lab_of(style: str, load: Callable[[str], nn.Module] = zoo.load) -> Lab:
    """The lambda lab of a style where it was trained and measured, else its pocket students: one strength an axis.

    Raises: TutorialError for a style that has neither, or whose lab is damaged.
    """
    if style not in styles():
        raise TutorialError(f"There are no pocket students of {style} to mix; there are some of "
                            f"{', '.join(styles()) or 'no style'}.")
    if zoo.path_of(f"{style}-{POCKET_CONTROL}").with_name(f"{style}-lab.json").is_file():
        trained = Lambdas.shipped(style, load)
        return Lab(style, trained, trained.presets)
    start, there = load(f"{style}-{POCKET_CONTROL}"), zoo.names()
    axes = {key: stretched(task_vector(load(f"{style}-{role}"), start))
            for key, role in STUDENTS.items() if f"{style}-{role}" in there}
    presets = {label: strengths for label, strengths in POCKETS.items() if strengths.keys() <= axes.keys()}
    return Lab(style, Lambdas({}, axes, start, dict.fromkeys(axes, "share")), presets)


def stretched(vector: Mapping[str, torch.Tensor]) -> Axis:
    """An axis of shares of one task vector: at 1 stands the trained student, and a little beyond it nothing new."""
    return Axis({FURTHEST: {name: FURTHEST * value for name, value in vector.items()}})


def write(lab: Lab, folder: Path, frame: torch.Tensor) -> Path:
    """Writes the style's three files and returns the .json.

    frame: (1, 3, H, W), of which a small picture goes along, with PyTorch's painting of it.
    Raises: TutorialError when a file cannot be written.
    """
    lambdas = lab.lambdas
    start = lambdas.start.state_dict()
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
    with atomic_path(folder / f"{lab.style}.bin") as temporary:
        halves = b"".join(flat(weights).half().numpy().tobytes() for weights in (start, *vectors))
        temporary.write_bytes(halves + shown.tobytes() + painted.tobytes())
    record, target = lambdas.record, folder / f"{lab.style}.json"
    write_json(target, {
        "style": lab.style, "graph": graph, "weights": f"{lab.style}.bin",
        "parameters": [[name, list(value.shape)] for name, value in start.items()],
        "axes": {key: {"words": WORDS[key], "setting": lambdas.settings[key], "origin": axis.origin,
                       "unit": record.get("weights", {}).get(lambdas.settings[key], 1.0),
                       "trained": sorted(axis.trained)} for key, axis in lambdas.axes.items()},
        "presets": {label: dict(strengths) for label, strengths in lab.presets.items()},
        "scores": {name: record[name] for name in ("origin", "axes")} if record else None,
        "honesty": record.get("honesty"),
        "check": {"strengths": strengths, "height": CHECKED[0], "width": CHECKED[1]},
    })
    return target


def flat(weights: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """All numbers of some weights, one after the other, in the order of their names there."""
    return torch.cat([value.detach().cpu().flatten() for value in weights.values()])
