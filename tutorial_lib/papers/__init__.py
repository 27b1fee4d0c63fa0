"""A folder for each paper of the course: its roles, its stages and its tables. Everything else serves all of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from tutorial_lib.papers.ofd import roles as ofd
from tutorial_lib.papers.std import roles as std
from tutorial_lib.roles import Role


@dataclass(frozen=True)
class Paper:
    """A paper by its networks. groups: what `train_zoo.py` trains by one name. paints: whether they have a style."""

    name: str
    groups: Mapping[str, Mapping[str, Role]]
    roles: Mapping[str, Role]
    shipped: Mapping[str, Role]
    paints: bool


PAPERS = {
    "ofd": Paper("ofd", ofd.GROUPS, ofd.ROLES, ofd.SHIPPED, paints=True),
    "std": Paper("std", std.GROUPS, std.ROLES, std.SHIPPED, paints=False),
}
# Of all papers; their stages are in `papers.stages`, which needs PyTorch.
ROLES = {name: role for paper in PAPERS.values() for name, role in paper.roles.items()}
assert len(ROLES) == sum(len(paper.roles) for paper in PAPERS.values()), "two papers have a role of one name"


def paper_of(role: str) -> Paper:
    """The paper that a role belongs to."""
    return next(paper for paper in PAPERS.values() if role in paper.roles)
