"""What two trainings of one recipe differ by: a smaller difference of two networks says nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tutorial_lib.papers.ofd.roles import CONTROL, OURS
from tutorial_lib.tables.parts import Records, gain, holds, spread, sums

DEVIATIONS = 2     # of the standard deviations over the seeds, that a change has to exceed


@dataclass(frozen=True)
class Noise:
    """How much a gain moves from seed to seed, in one style and pass.

    Most networks have one seed. They are measured by the spread of the gain of ours against scratch, which is about
    that of every student against scratch and wider than that between two students which are distilled.
    """

    records: Records = field(default_factory=dict)
    style: str = ""
    pass_name: str = ""

    def spread(self, recipe: str, other: str, key: str = "e_stab") -> list[float] | None:
        """Mean and standard deviation of the gain over the seeds that both networks have; None for fewer than two."""
        seeds = sorted(seed for s, r, seed in self.records if (s, r) == (self.style, recipe))
        pairs = [[sums(self.records, self.style, name, self.pass_name, seed) for name in (recipe, other)]
                 for seed in seeds]
        gains = [gain(own[key], base[key]) for own, base in pairs if own and base and key in own and key in base]
        return spread(gains) if len(gains) > 1 else None

    def usual(self, key: str = "e_stab") -> float | None:
        """The standard deviation for those of one seed; None where nothing has more."""
        known = self.spread(OURS, CONTROL, key)
        return known and known[1]

    def says(self, recipe: str, other: str, change: float, key: str = "e_stab") -> str:
        """`holds` for a change of `key` from `other` to `recipe`: by the mean over the seeds where there are some."""
        mean, deviation = self.spread(recipe, other, key) or (change, self.usual(key) or 0)
        return holds(mean, DEVIATIONS * deviation)

    def described(self, keys: Mapping[str, str]) -> str:
        """How it is judged, in a sentence. keys: the measures and their names in words."""
        known = [f"{name} {deviation:.1%}" for key, name in keys.items() if (deviation := self.usual(key)) is not None]
        if not known:
            return "One seed: nothing is known of the noise, and the sign alone is told."
        return (f"Within the noise: a change of at most {DEVIATIONS} standard deviations over the seeds, its own or, "
                f"for networks of one seed, that of ours against scratch ({', '.join(known)}).")
