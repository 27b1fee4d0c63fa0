"""What the tables are made of: the same trainings with several seeds, and what tells a difference from chance."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from tutorial_lib.evaluation.upscaling_bench import MEAN
from tutorial_lib.papers.std.roles import ROLES, TEACHER
from tutorial_lib.tables.parts import spread

Records = Mapping[tuple[str, int], Mapping]      # by recipe and seed
Measure = Callable[[Mapping], float]             # of the means over the scenes

RIVALS = ("attention", "hint", "imitation")
TWICE = 2       # standard deviations of the paired differences are the spread that a difference has to be beyond


def psnr(row: Mapping) -> float:
    return row["psnr"]


def warping(row: Mapping) -> float:
    return row["warping"]


def once(recipe: str) -> bool:
    """Whether the networks of every seed go with this one of seed 0."""
    return recipe in ROLES and ROLES[recipe].once


def seeds_of(records: Records, *recipes: str) -> list[int]:
    """The seeds that all of some recipes have. One that was made once has those of the others, where it was made."""
    if any((recipe, 0) not in records for recipe in recipes if once(recipe)):
        return []
    asked = [recipe for recipe in recipes if not once(recipe)] or recipes
    return sorted(set.intersection(*({seed for name, seed in records if name == recipe} for recipe in asked)))


def means(records: Records, recipe: str, seed: int) -> Mapping:
    return records[recipe, 0 if once(recipe) else seed]["scores"][MEAN]


def over_seeds(values: Sequence[float]) -> float | list[float] | None:
    """Mean and standard deviation; one value as it is."""
    if not values:
        return None
    return spread(values) if len(values) > 1 else round(values[0], 6)


def middle(value: float | list[float] | None) -> float | None:
    """The mean of what `over_seeds` gives."""
    return value[0] if isinstance(value, list) else value


def measured(records: Records, recipe: str, measure: Measure) -> float | list[float] | None:
    return over_seeds([measure(means(records, recipe, seed)) for seed in seeds_of(records, recipe)])


def differences(records: Records, recipe: str, other: str, measure: Measure) -> list[float]:
    """How much more a recipe measures than another, seed by seed: both began with the same weights."""
    return [measure(means(records, recipe, seed)) - measure(means(records, other, seed))
            for seed in seeds_of(records, recipe, other)]


def shares(records: Records, recipe: str, plain: str) -> list[float]:
    """Of the gap in PSNR between the plain student of a seed and the teacher, what a recipe closes.

    A seed whose teacher is no better than its student has no gap, and no share.
    """
    found = []
    for seed in seeds_of(records, recipe, plain, TEACHER):
        low, high, reached = (psnr(means(records, name, seed)) for name in (plain, TEACHER, recipe))
        if high > low:
            found.append((reached - low) / (high - low))
    return found


def best_rival(records: Records, kind: str) -> str | None:
    """The rival with the highest mean PSNR: whom the paper's method has to beat, chosen by the same scenes, for it."""
    scored = {name: middle(measured(records, name, psnr)) for rival in RIVALS
              if seeds_of(records, name := f"sr-{kind}-{rival}")}
    return max(scored, key=scored.get) if scored else None


def verdict(values: Sequence[float], least: float = 0.0) -> str:
    """Whether paired differences over the seeds are above `least`, as was claimed.

    "holds" or "fails" where their mean is farther from it than twice their standard deviation; otherwise they are
    within the spread. One seed has no spread, and says nothing.
    """
    if len(values) < 2:
        return "one seed: no spread" if values else "not measured"
    away = statistics.mean(values) - least
    if abs(away) <= TWICE * statistics.stdev(values):
        return "within the spread"
    return "holds" if away > 0 else "fails"
