"""The lambda lab without its sliders: trained students, their mixtures, and what was measured of them."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn

from tutorial_lib import checkpoint, evaluation, mixtures, zoo
from tutorial_lib.data.clips import Clip
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import read_json
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.losses.total import total_loss
from tutorial_lib.mixtures import Axis, task_vector
from tutorial_lib.papers import ROLES
from tutorial_lib.papers.ofd.roles import AXES, CONTROL, LAB_START, OURS, POCKET, POCKET_CONTROL, TEMP
from tutorial_lib.schema import FLAG, TEXT, each, number, optional, whole
from tutorial_lib.settings import Settings
from tutorial_lib.training.balance import gradient_norms
from tutorial_lib.training.targets import FrozenTargets

SCORES = ("e_stab", "style", "content")
SCORED = {name: number(0) for name in SCORES}
# Points off the axes that were really trained, beside what is mixed there, what the lab expects there, and the task
# vectors added in full (measure_lab.py).
# moves: how far e_stab goes along an axis, as a share of the start's. fails: the axes on which nothing may be mixed.
HONESTY = {
    "rows": [{"strengths": each(number(0)), "trained": SCORED, "mixed": SCORED, "expected": SCORED,
              "added": SCORED}],
    "mean": number(0), "worst": number(0), "pairs": whole(), "of": whole(1), "moves": each(number(0)),
    "holds": FLAG, "fails": [TEXT],
}
RECORD = {
    "style": TEXT,
    # {axis: {strength: scores}}; the scores of the start; those of networks of the zoo beside it.
    "axes": each(each(SCORED)), "origin": SCORED, "zoo": each(SCORED),
    # The slope of each unweighted term of Eq. 13 where the trainings began, at the plain student, and what it is
    # multiplied by at strength 1.
    "slopes": each(number(0)), "weights": each(number(0)),
    # {role: digest} of what was measured.
    "made_from": optional(each(TEXT)), "honesty": optional(HONESTY),
    # The mixture with both ends of a lab between students.
    "corner": optional(SCORED),
}
EQ1 = ("style_weight", "content_weight", "tv_weight")
WEIGHTS = (*EQ1, "lambda_res", "lambda_temp", "lambda_rank")

# The lambdas of the paper over its perceptual loss of about 1e6, which is about 1 here.
PAPER = {"lambda_res": 4e2, "lambda_temp": 1.0, "lambda_rank": 1e-4}

# Students from one start, and the plain one that they were trained from: of a lab, and of styles without one.
POCKETS = {"start": POCKET_CONTROL, "ours": POCKET, "temp": "pocket-temp", "both": "pocket-ours-temp",
           "plain": "pocket-plain"}
LAB = {**POCKETS, "start": LAB_START}
STUDENTS = {"start": CONTROL, "ours": OURS, "temp": TEMP, "both": "student-ours-temp", "plain": "student-plain"}


class Lambdas:
    """A student for any strengths of the lambdas, {axis: strength}, and what to expect of it. Nothing is trained here.

    An axis that is not named is at its origin, where the start was trained: without the lambda, or at a weight's own
    value. record: as `RECORD` describes it; without scores (`is_scored`), until `scored` has measured them.
    """

    family: Mapping[str, str] = MappingProxyType(LAB)

    def __init__(self, record: Mapping, axes: Mapping[str, Axis], start: nn.Module, settings: Mapping[str, str]):
        """settings: {axis: the setting that it multiplies}."""
        self.record, self.axes, self.start, self.settings = record, axes, start, settings
        self.origin = {key: axis.origin for key, axis in axes.items()}

    @classmethod
    def shipped(cls, style: str, load: Callable[[str], nn.Module] = zoo.load) -> "Lambdas":
        """The lab of a style: of its own networks where they are in the zoo, else between its students (`Between`).

        Raises: TutorialError for a style without students to mix, or a record of other networks than those there.
        """
        path = record_of(style)
        if path is None:
            return Between.of(style, load)
        record = read_json(path, RECORD)
        networks = {name: load(f"{style}-{name}") for name in lab_roles()}
        for name, digest in (record.get("made_from") or {}).items():
            if name not in networks or checkpoint.digest(networks[name]) != digest:
                raise TutorialError(f"{path} was measured with another {name}; run measure_lab.py again, or delete it.")
        return cls.trained(networks, record)

    @classmethod
    def trained(cls, networks: Mapping[str, nn.Module], record: Mapping) -> "Lambdas":
        """The lab of its own networks, by their roles (`lab_roles`)."""
        start = networks[LAB_START]
        axes = {key: Axis({strength: task_vector(networks[f"lab-{key}-x{strength:g}"], start)
                           for strength in axis.strengths}, axis.origin) for key, axis in AXES.items()}
        return cls(record, axes, start, {key: axis.setting for key, axis in AXES.items()})

    @property
    def is_scored(self) -> bool:
        return "origin" in self.record

    def network(self, strengths: Mapping[str, float]) -> nn.Module:
        """The mixture. Raises: TutorialError beyond what was trained."""
        return mixtures.mix(self.start, self.axes, self.effective(strengths))

    def effective(self, strengths: Mapping[str, float]) -> dict[str, float]:
        """The strengths at which lambdas weigh as much beside the start's Eq. 1 as these do beside their own.

        Adam follows the direction of a gradient and not its length: a lambda beside twice the pull of Eq. 1 is half a
        lambda. So what was trained beside the start's style weight is looked up at lambdas that many times smaller.
        Raises: as `network`.
        """
        mixtures.check(self.axes, strengths)
        more = self.eq1(strengths) / self.eq1({}) if self.eq1({}) else 1.0
        return {key: strength if self.axes[key].origin else min(strength / more, self.axes[key].strengths[-1])
                for key, strength in strengths.items()}

    def eq1(self, strengths: Mapping[str, float]) -> float:
        """What Eq. 1 pulls at these strengths: the sum of its slopes, weighted."""
        weights = self.at(strengths)
        return sum(self.record.get("slopes", {}).get(name, 0.0) * weights.get(name, 0.0) for name in EQ1)

    def scored(self, films: Sequence[Clip], judge: PerceptualLoss, slopes: Mapping[str, float],
               beside: Mapping[str, nn.Module] | None = None) -> "Lambdas":
        """The same lab with scores: each trained point, the start, and networks beside them, on these films.

        slopes: of the terms at the plain student (`slopes_at`).
        """
        ends = {key: {f"{end:g}": scores_of(self.network({key: end}), films, judge) for end in axis.trained}
                for key, axis in self.axes.items()}
        made = copy.copy(self)
        made.record = {**self.record, "axes": ends, "origin": scores_of(self.start, films, judge),
                       "zoo": {name: scores_of(network, films, judge) for name, network in (beside or {}).items()},
                       "slopes": dict(slopes)}
        return made

    def estimated(self, strengths: Mapping[str, float]) -> dict[str, float]:
        """The scores to expect, interpolated: the axes change them by factors that were measured along them, of which
        the mixture's share is taken as it is of the task vectors.
        """
        strengths = self.effective(strengths)
        factors, whole = dict.fromkeys(SCORES, 0.0), mixtures.share_of(mixtures.vectors_at(self.axes, strengths))
        for key, strength in strengths.items():
            for share, end in self.axes[key].between(strength):
                measured = self.record["axes"][key][f"{end:g}"]
                for name in SCORES:
                    factors[name] += whole * share * math.log(measured[name] / self.record["origin"][name])
        return {name: self.record["origin"][name] * math.exp(factors[name]) for name in SCORES}

    def at(self, strengths: Mapping[str, float]) -> dict[str, float]:
        """The weights of Eq. 13 at these strengths, by their settings."""
        factors = {self.settings[key]: strength for key, strength in {**self.origin, **strengths}.items()}
        return {name: weight * factors.get(name, 1.0) for name, weight in self.record["weights"].items()}

    def pull(self, strengths: Mapping[str, float]) -> dict[str, float]:
        """The share of each term of Eq. 13 in the gradient where the trainings began; sums to 1."""
        pulls = {name: self.record["slopes"][name] * weight for name, weight in self.at(strengths).items()}
        return {name: pull / sum(pulls.values()) for name, pull in pulls.items()}

    # --- for whoever shows it ---

    @property
    def described(self) -> dict[str, dict]:
        """{axis: what a slider has to know}: its setting, what that is at strength 1 (unit), and the strengths with a
        network of their own (origin, trained); moves, {setting: its values at strength 0 and 1}, where several settings
        move together.
        """
        return {key: {"setting": self.settings[key], "unit": self.record["weights"].get(self.settings[key], 1.0),
                      "origin": axis.origin, "trained": sorted(axis.trained)} for key, axis in self.axes.items()}

    @property
    def presets(self) -> dict[str, dict[str, float]]:
        """Some strengths by their names. The paper's as far as the trained range goes."""
        paper = {key: PAPER[setting] / self.record["weights"][setting]
                 for key, setting in self.settings.items() if setting in PAPER}
        return {"everything off": {}, "L_temp alone": {"temp": 1.0}, "ours": {"res": 1.0, "rank": 1.0, "style": 2.2},
                "the paper's": {key: min(value, self.axes[key].strengths[-1]) for key, value in paper.items()}}

    @property
    def alone(self) -> bool:
        """Whether each axis moves alone, through trained points: where mixtures were measured and found wanting."""
        honesty = self.record.get("honesty")
        return bool(honesty) and not honesty["holds"]

    @property
    def fails(self) -> list[str]:
        """The axes that have trained points and nothing between."""
        return [*self.axes] if self.alone else [*(self.record.get("honesty") or {"fails": []})["fails"]]

    @property
    def words(self) -> str:
        """How far what is mixed is from what is trained."""
        honesty = self.record.get("honesty")
        if honesty is None:
            return "How far a mixture is from a student that was really trained there was not measured."
        if self.alone:
            return ("Mixtures were measured and are too far from what is trained, so each slider moves alone, from one "
                    "trained student to the next.")
        return (f"In {len(honesty['rows'])} points off the axes that were really trained as well, the mixture's e_stab "
                f"is within {honesty['worst']:.0%} of the trained one, {honesty['mean']:.1%} on average.")


class Between(Lambdas):
    """A lab of the students that every zoo has: "ours" and "temp" are axes from the student from scratch, 0, to the
    trained one, 1. A training's weights of Eq. 13 move together along such an axis.
    """

    def __init__(self, record: Mapping, axes: Mapping[str, Axis], start: nn.Module,
                 values: Mapping[str, Mapping[str, float]], family: Mapping[str, str] = POCKETS):
        """values: {axis: {setting: its value at strength 1}}; at strength 0 it is record["weights"]."""
        super().__init__(record, axes, start, {key: f"share of {family[key]}" for key in axes})
        self.values, self.family = values, family

    @classmethod
    def of(cls, style: str, load: Callable[[str], nn.Module] = zoo.load) -> "Between":
        """Of the pocket students where a zoo has all of them, else of the paper's."""
        family = next((family for family in (POCKETS, STUDENTS) if has(style, family)), None)
        if family is None:
            raise TutorialError(f"There are no students of {style} to mix; the lambda lab needs "
                                f"{', '.join(f'{style}-{STUDENTS[part]}' for part in ('start', 'ours', 'temp'))}.")
        networks = {part: load(f"{style}-{family[part]}") for part in ("start", "ours", "temp")}
        weights = {part: weights_of(zoo.manifest(f"{style}-{family[part]}")["settings"]) for part in networks}
        start = networks.pop("start")
        return cls({"style": style, "weights": weights.pop("start")},
                   {part: Axis({1.0: task_vector(network, start)}) for part, network in networks.items()},
                   start, weights, family)

    def scored(self, films: Sequence[Clip], judge: PerceptualLoss, slopes: Mapping[str, float],
               beside: Mapping[str, nn.Module] | None = None) -> "Between":
        made = super().scored(films, judge, slopes, beside)
        own = {self.family["start"]: made.record["origin"],
               **{self.family[key]: ends["1"] for key, ends in made.record["axes"].items()}}
        made.record["zoo"] = {**own, **made.record["zoo"]}
        made.record["corner"] = scores_of(self.network(dict.fromkeys(self.axes, 1.0)), films, judge)
        return made

    def estimated(self, strengths: Mapping[str, float]) -> dict[str, float]:
        """As for any lab; and where both axes have left the start, towards what was measured with both at their ends.

        Two trainings that fight the same flicker do not save it twice: the product of their factors is far too low.
        """
        alone, both = super().estimated(strengths), super().estimated(dict.fromkeys(self.axes, 1.0))
        share = math.prod(strengths.get(key, 0.0) for key in self.axes)
        return {name: alone[name] * (self.record["corner"][name] / both[name]) ** share for name in SCORES}

    def effective(self, strengths: Mapping[str, float]) -> dict[str, float]:
        """Themselves: along an axis the weights of Eq. 1 moved with the lambdas when its end was trained."""
        mixtures.check(self.axes, strengths)
        return dict(strengths)

    def at(self, strengths: Mapping[str, float]) -> dict[str, float]:
        return {name: value + sum(strength * (self.values[key][name] - value) for key, strength in strengths.items())
                for name, value in self.record["weights"].items()}

    @property
    def described(self) -> dict[str, dict]:
        usual = self.record["weights"]
        return {key: {**axis, "moves": {name: [usual[name], value] for name, value in self.values[key].items()
                                        if value != usual[name]}} for key, axis in super().described.items()}

    @property
    def presets(self) -> dict[str, dict[str, float]]:
        return {"everything off": {}, "L_temp alone": {"temp": 1.0}, "ours": {"ours": 1.0},
                "all of Eq. 13": {"ours": 1.0, "temp": 1.0}}


def record_of(style: str) -> Path | None:
    """The file of what was measured of a style's own lab, where the zoo has one."""
    start = f"{style}-{LAB_START}"
    path = zoo.path_of(start).with_name(f"{style}-lab.json") if start in zoo.names() else None
    return path if path is not None and path.is_file() else None


def has(style: str, family: Mapping[str, str]) -> bool:
    """Whether a zoo has the students of a style that `Between` needs of this family."""
    there = zoo.names()
    return all(f"{style}-{family[part]}" in there for part in ("start", "ours", "temp", "plain"))


def lab_roles() -> list[str]:
    """The roles that a lab is mixed from: its start, and the students on its axes."""
    return [LAB_START, *(f"lab-{key}-x{strength:g}" for key, axis in AXES.items() for strength in axis.strengths)]


def weights_of(settings: Mapping[str, float]) -> dict[str, float]:
    """The weights of Eq. 13 among the settings of a manifest."""
    return {name: settings[name] for name in WEIGHTS}


def scores_of(network: nn.Module, films: Sequence[Clip], judge: PerceptualLoss) -> dict[str, float]:
    """e_stab summed over films, style and content averaged."""
    with torch.inference_mode():
        row = evaluation.evaluate({"it": network}, films, judge, bar=False)["it"][-1]
    return {name: getattr(row, name) for name in SCORES}


def slopes_at(network: nn.Module, targets: FrozenTargets, judge: PerceptualLoss, settings: Settings,
              size: Sequence[int] | None = None, clips: int = 4) -> dict[str, float]:
    """The norm of the gradient of each unweighted term of Eq. 13 at a student, mean over the first clips.

    settings: those of the clips. size: height and width of the frames to which the lambda_rank belongs that will be
    multiplied with them, where the clips have others.
    """
    place = next(network.parameters()).device
    student, found = copy.deepcopy(network).requires_grad_(True), dict.fromkeys(WEIGHTS, 0.0)
    unweighted = settings.but(lambda_percep=0.0, lambda_res=1.0, lambda_temp=1.0, lambda_rank=1.0, lambda_excess=0.0)
    count = min(clips, len(targets))
    for n in range(count):
        clip, target, norm = (part.to(place) for part in targets[n])
        y = student(clip.frames)                                                            # (K, 3, H, W)
        terms = {f"{name}_weight": len(y) * term for name, term in judge.terms(y, clip.frames).items()}
        lambdas = total_loss(y, clip, judge, unweighted, target, norm)
        terms |= {"lambda_res": lambdas["residual"], "lambda_temp": lambdas["temporal"], "lambda_rank": lambdas["rank"]}
        for name, norm_of_slope in gradient_norms(student, terms).items():
            found[name] += norm_of_slope / count
    if size is not None:
        found["lambda_rank"] *= for_size(1.0, size, (settings.height, settings.width))
    return found


def for_size(lambda_rank: float, then: Sequence[int], now: Sequence[int]) -> float:
    """A lambda_rank for frames of another size, height and width: the squared nuclear norm grows with the pixels."""
    return lambda_rank * math.prod(then) / math.prod(now)


def family_settings(lambdas: Lambdas, settings: Settings) -> Settings:
    """The settings of a scale as the students of a lab have them: the size of their frames and of their strokes."""
    return ROLES[lambdas.family["start"]].recipe.scale(settings)
