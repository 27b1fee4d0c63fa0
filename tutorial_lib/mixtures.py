"""Networks between trained ones, without any training.

Students that were fine-tuned from one start can be mixed: the weights between two of them are those of a network whose
pictures, and whose scores, lie between theirs. A *task vector* is what a training has added to the weights of a common
start. Along an axis, the strength of one setting, task vectors of trained strengths are interpolated. Across axes they
are added, and the sum is shortened (`share_of`): what they have in common would count several times.
Source: task arithmetic (Ilharco et al. 2023), rewarded soups (Rame et al. 2023).
"""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from tutorial_lib.errors import TutorialError

Weights = Mapping[str, torch.Tensor]
POWER = 1.75        # between 1, which adds in full, and 2, as if nothing was in common


def task_vector(network: nn.Module, start: nn.Module) -> dict[str, torch.Tensor]:
    """What a training has added to the weights of its start, by their names, in float32.

    Raises: TutorialError when the two are not of one shape.
    """
    before, after = start.state_dict(), network.state_dict()
    if {name: part.shape for name, part in before.items()} != {name: part.shape for name, part in after.items()}:
        raise TutorialError("Two networks of different sizes cannot be mixed; give two of one architecture.")
    return {name: after[name].float() - before[name].float() for name in before}


def moved(start: nn.Module, *shares: tuple[float, Weights]) -> nn.Module:
    """A copy of a network whose weights are moved by shares of task vectors."""
    mixed = copy.deepcopy(start)
    weights = mixed.state_dict()
    for name, value in weights.items():
        change = sum(share * vector[name] for share, vector in shares)
        weights[name] = (value.float() + change).to(value.dtype)
    mixed.load_state_dict(weights)
    return mixed.eval().requires_grad_(False)


@dataclass(frozen=True)
class Axis:
    """The strengths of one setting at which a network was trained: {strength: task vector}.

    origin: the strength of the start, where the task vector is zero: 0 for a lambda, 1 for a factor of a weight.
    """

    trained: Mapping[float, Weights]
    origin: float = 0.0

    @property
    def strengths(self) -> list[float]:
        return sorted({*self.trained, self.origin})

    def between(self, strength: float) -> list[tuple[float, float]]:
        """The strengths next to one, without the origin, and their shares: (share, strength).

        Halfway is halfway on a logarithmic scale; from 0, which is on none, to the smallest strength on a linear one.
        Raises: TutorialError beyond the range that was trained.
        """
        known = self.strengths
        if not known[0] <= strength <= known[-1]:
            raise TutorialError(f"Strengths from {known[0]:g} to {known[-1]:g} were trained; {strength:g} was not.")
        low, high = next((low, high) for low, high in pairwise(known) if low <= strength <= high)
        part = ((strength - low) / (high - low) if low == 0 else math.log(strength / low) / math.log(high / low))
        return [(share, end) for share, end in ((1 - part, low), (part, high)) if share and end != self.origin]

    def vector(self, strength: float) -> dict[str, torch.Tensor]:
        """The task vector at a strength; at the origin it is empty. Raises: as `between`."""
        parts = [(share, self.trained[end]) for share, end in self.between(strength)]
        return {name: sum(share * part[name] for share, part in parts) for name in parts[0][1]} if parts else {}


def mix(start: nn.Module, axes: Mapping[str, Axis], strengths: Mapping[str, float]) -> nn.Module:
    """The network at these strengths: {axis: strength}; an axis that is not named stays at its origin.

    Raises: TutorialError for an unknown axis, or a strength beyond its range.
    """
    vectors = vectors_at(axes, strengths)
    share = share_of(vectors)
    return moved(start, *((share, vector) for vector in vectors))


def vectors_at(axes: Mapping[str, Axis], strengths: Mapping[str, float]) -> list[Weights]:
    """The task vectors of the axes that have left their origin. Raises: as `mix`."""
    check(axes, strengths)
    return [vector for name, strength in strengths.items() if (vector := axes[name].vector(strength))]


def check(axes: Mapping[str, Axis], strengths: Mapping[str, float]) -> None:
    """Raises: TutorialError for an unknown axis, or a strength beyond its range."""
    unknown = strengths.keys() - axes.keys()
    if unknown:
        raise TutorialError(f"There is no axis {', '.join(sorted(unknown))}; there are {', '.join(axes)}.")
    for name, strength in strengths.items():
        axes[name].between(strength)


def share_of(vectors: Sequence[Weights]) -> float:
    """How much of each task vector goes into their sum: the norm of their lengths with the exponent `POWER`, over the
    sum of their lengths. 1 for one; 0.74 for two of equal length, 0.55 for four.

    Task vectors of one start have something in common, whatever the losses: even two that a higher and a lower style
    weight made point the same way in part. Added in full, it counts once for every axis. The exponent was chosen by
    four students that were trained off the axes (LAB_TRIES in papers/ofd/roles.py).
    """
    lengths = [math.hypot(*(part.norm().item() for part in vector.values())) for vector in vectors]
    return sum(length**POWER for length in lengths) ** (1 / POWER) / sum(lengths) if any(lengths) else 1.0
