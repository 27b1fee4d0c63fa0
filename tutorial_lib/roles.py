"""What a network of the course is: how it is made, what it is called, and whom it is judged against.

Plain data: the command line lists the roles without waiting for PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tutorial_lib.settings import Settings


@dataclass(frozen=True)
class Recipe:
    """How a network is made, at any scale.

    stage: the name of a `stage.Stage`. needs: the roles of the networks that it is made from, in the stage's order.
    base: settings of the scale that are multiplied for a whole family of networks, which share what is measured there.
    times: settings of this recipe that are multiplied; changes: settings that are set, afterwards. options: what else
    the stage is told.
    """

    stage: str
    needs: tuple[str, ...] = ()
    changes: Mapping[str, float] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, float] = field(default_factory=dict)

    def settings(self, scale: Settings) -> Settings:
        """The settings of a scale as this recipe has them."""
        return self.scale(scale).times(**self.times).but(**self.changes)

    def scale(self, scale: Settings) -> Settings:
        """The settings of a scale as the recipe's whole family has them."""
        return scale.times(**self.base)


@dataclass(frozen=True)
class Role:
    """A network by its part in the course. Every list of networks, names and colours is made from these.

    label: in words. colour: in every figure. ships: whether the zoo has it, where it was trained.
    control: the role against which its gain is measured, trained as long and from the same start.
    once: whether the networks of every seed are made from the one of seed 0, because it takes too long for each.
    """

    name: str
    label: str
    colour: str
    recipe: Recipe
    ships: bool = False
    control: str | None = None
    once: bool = False


def by_name(*groups: tuple[Role, ...]) -> dict[str, Role]:
    """{name: role}, in order; no name twice."""
    roles = [role for group in groups for role in group]
    names = {role.name: role for role in roles}
    assert len(names) == len(roles), "two roles of one name"
    return names
