"""The lambda lab without its sliders: trained students, their mixtures, and what was measured of them."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from tutorial_lib import mixtures, zoo
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import read_json
from tutorial_lib.mixtures import Axis, task_vector
from tutorial_lib.papers.ofd.roles import AXES, POCKET_CONTROL
from tutorial_lib.schema import TEXT, each, number

SCORES = ("e_stab", "style", "content")
SCORED = {name: number(0) for name in SCORES}
RECORD = {
    "style": TEXT,
    # {axis: {strength: scores}}; the scores of the start; those of networks of the zoo beside it.
    "axes": each(each(SCORED)), "origin": SCORED, "zoo": each(SCORED),
    # The slope of each unweighted term of Eq. 13 at the start, and what it is multiplied by at strength 1.
    "slopes": each(number(0)), "weights": each(number(0)),
}


class Lambdas:
    """A student for any strengths of the lambdas, {axis: strength}, and what to expect of it. Nothing is trained here.

    An axis that is not named is at its origin, where the start was trained: without the lambda, or at a weight's own
    value.
    """

    def __init__(self, record: Mapping, axes: Mapping[str, Axis], start: nn.Module, settings: Mapping[str, str]):
        """settings: {axis: the setting that it multiplies}."""
        self.record, self.axes, self.start, self.settings = record, axes, start, settings
        self.origin = {key: axis.origin for key, axis in axes.items()}

    @classmethod
    def shipped(cls, style: str, load: Callable[[str], nn.Module] = zoo.load) -> "Lambdas":
        """Raises: TutorialError for a style without a lab."""
        path = Path(zoo.FOLDER, f"{style}-lab.json")
        if not path.is_file():
            there = sorted(file.stem.removesuffix("-lab") for file in zoo.FOLDER.glob("*-lab.json"))
            raise TutorialError(f"There is no lambda lab for {style}; there is one for {', '.join(there) or 'none'}.")
        start = load(f"{style}-{POCKET_CONTROL}")
        axes = {key: Axis({strength: task_vector(load(f"{style}-lab-{key}-x{strength:g}"), start)
                           for strength in axis.strengths}, axis.origin) for key, axis in AXES.items()}
        return cls(read_json(path, RECORD), axes, start, {key: axis.setting for key, axis in AXES.items()})

    def network(self, strengths: Mapping[str, float]) -> nn.Module:
        """The mixture. Raises: TutorialError beyond what was trained."""
        return mixtures.mix(self.start, self.axes, strengths)

    def estimated(self, strengths: Mapping[str, float]) -> dict[str, float]:
        """The scores to expect: each axis changes them by the factor that was measured along it, interpolated."""
        factors = dict.fromkeys(SCORES, 0.0)
        for key, strength in strengths.items():
            for share, end in self.axes[key].between(strength):
                measured = self.record["axes"][key][f"{end:g}"]
                for name in SCORES:
                    factors[name] += share * math.log(measured[name] / self.record["origin"][name])
        return {name: self.record["origin"][name] * math.exp(factors[name]) for name in SCORES}

    def pull(self, strengths: Mapping[str, float]) -> dict[str, float]:
        """The share of each term of Eq. 13 in the gradient at the start; sums to 1."""
        factors = {self.settings[key]: strength for key, strength in {**self.origin, **strengths}.items()}
        pulls = {name: self.record["slopes"][name] * weight * factors.get(name, 1.0)
                 for name, weight in self.record["weights"].items()}
        return {name: pull / sum(pulls.values()) for name, pull in pulls.items()}
