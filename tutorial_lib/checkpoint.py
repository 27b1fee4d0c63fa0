"""Checkpoints: safetensors only, written whole or not at all, with what they are about as one JSON string.

One file holds a training's weights, optimiser state, step and losses so far, so that they can never disagree. Where the
weights are averaged over the steps, `weights` is the average, which one uses, and `latest` is what the training goes
on from. A file with weights alone is what the zoo ships. Nothing is pickled: loading a stranger's file runs none of
its code.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.optim.swa_utils import AveragedModel

from tutorial_lib.errors import TutorialError
from tutorial_lib.files import write_tensors
from tutorial_lib.schema import check_resumable, checkpoint_about


@dataclass(frozen=True)
class Checkpoint:
    """What one file holds: tensors by name, and a dictionary that went through JSON."""

    path: Path
    weights: dict[str, torch.Tensor]
    about: dict
    step: int = 0
    optimiser: dict[str, torch.Tensor] = field(default_factory=dict)
    latest: dict[str, torch.Tensor] = field(default_factory=dict)    # only where `weights` is an average
    history: dict[str, torch.Tensor] = field(default_factory=dict)   # each term of the loss at every step; NaN: none

    def terms(self) -> list[dict[str, float]]:
        """The terms of the loss, step by step."""
        columns = {name.partition(".")[2]: values.tolist() for name, values in sorted(
            self.history.items(), key=lambda item: int(item[0].partition(".")[0]))}
        return [{name: value for name, value in zip(columns, row, strict=True) if value == value}
                for row in zip(*columns.values(), strict=True)]


def save(
    path: str | Path,
    network: nn.Module,
    about: dict,
    step: int = 0,
    optimiser: torch.optim.Optimizer | None = None,
    dtype: torch.dtype | None = None,
    average: AveragedModel | None = None,
    history: Sequence[Mapping[str, float]] = (),
) -> None:
    """Writes the weights (as `dtype`, if given) and, with an optimiser, all that a resumed training needs.

    about: what JSON can hold of the network and its training; it comes back from `read`. average: of the network over
    the steps. history: the terms of the loss at every step.
    Raises: TutorialError when the file cannot be written (a full disk, say); an older file then stays.
    """
    used = network if average is None else average.module
    tensors = {f"weights.{name}": _plain(value, dtype) for name, value in used.state_dict().items()}
    if average is not None:
        tensors |= {f"latest.{name}": _plain(value) for name, value in network.state_dict().items()}
    if optimiser is not None:
        for index, state in optimiser.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimiser.{index}.{name}"] = _plain(torch.as_tensor(value))
    names = sorted({name: None for terms in history for name in terms}, key=lambda name: name == "total")
    for index, name in enumerate(names):
        values = [terms.get(name, math.nan) for terms in history]
        tensors[f"history.{index}.{name}"] = torch.tensor(values, dtype=torch.float64)
    metadata = {"settings": json.dumps({**about, "step": step}, sort_keys=True)}
    write_tensors(path, tensors, metadata)


def read(path: str | Path) -> Checkpoint:
    """Reads what `save` wrote.

    Raises: TutorialError when there is no such file, it is no checkpoint of this project, or its weights are NaN.
    """
    path = Path(path)
    if not path.is_file():
        raise TutorialError(f"There is no checkpoint {path}.")
    parts: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "optimiser": {}, "latest": {}, "history": {}}
    try:
        with safe_open(path, framework="pt") as file:
            about = checkpoint_about(file.metadata(), path)
            for key in file.keys():  # noqa: SIM118 (safe_open is no dictionary)
                kind, name = key.split(".", 1)
                # A copy: what is mapped from the file would keep Windows from replacing it.
                parts[kind][name] = file.get_tensor(key).clone()
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise TutorialError(f"{path} is not a checkpoint of this project, or is damaged ({error}).") from error
    for name, value in (parts["weights"] | parts["latest"]).items():
        if not value.isfinite().all():
            raise TutorialError(
                f"{path} holds weights that are no numbers ({name}), with which nothing can be painted; take another "
                "network, or train this one anew."
            )
    return Checkpoint(path, about=about, step=about.pop("step", 0), **parts)


def restore(
    checkpoint: Checkpoint,
    network: nn.Module,
    optimiser: torch.optim.Optimizer | None = None,
    average: AveragedModel | None = None,
) -> None:
    """Puts a checkpoint's weights in place, and the optimiser's state and the average if these are given.

    Raises: TutorialError when the checkpoint belongs to another architecture, or to a training that averages its
    weights and this one does not, or the other way round.
    """
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    saved = {name: tuple(value.shape) for name, value in checkpoint.weights.items()}
    if wanted != saved:
        names = sorted(name for name in wanted.keys() | saved.keys() if wanted.get(name) != saved.get(name))
        first = names[0]
        raise TutorialError(
            f"{checkpoint.path} belongs to another architecture: {len(names)} tensors differ, the first is {first} "
            f"({saved.get(first, 'missing')} in the file, {wanted.get(first, 'missing')} in the network)."
        )
    if optimiser is not None and bool(checkpoint.latest) != (average is not None):
        raise TutorialError(f"{checkpoint.path} was trained with{'' if checkpoint.latest else 'out'} averaged weights; "
                            "go on with it in the same way.")
    if optimiser is not None:
        check_resumable(checkpoint, network, optimiser)
    used = network if average is None else average.module
    used.load_state_dict({name: value.float() for name, value in checkpoint.weights.items()})
    if average is not None:
        network.load_state_dict(checkpoint.latest)
        average.n_averaged.fill_(checkpoint.step)
    if optimiser is not None:
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in checkpoint.optimiser.items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def digest(network: nn.Module) -> str:
    """The first 16 hex digits of the SHA-256 of a network's weights: tells one network from another."""
    total = hashlib.sha256()
    for name, value in network.state_dict().items():
        total.update(name.encode())
        total.update(_plain(value).numpy().tobytes())
    return total.hexdigest()[:16]


def _plain(value: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
    return value.detach().to("cpu", dtype if value.is_floating_point() else None).contiguous()
