"""What is collected of one check."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Answers:
    """wrong: {the mistake: (the function, what the check's sentence contains)}. right: {the way: the function}."""

    wrong: dict[str, tuple[Callable, str]]
    right: dict[str, Callable]
