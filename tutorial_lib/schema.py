"""What may stand in a file that somebody else made: it is held against a form before anything is built from it.

A form is a `Rule`, a list of one form (for any number of such entries), or a dictionary of forms; what a dictionary
does not name is let through unseen. `optional` entries may be missing or null, `each` is a dictionary of any names.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tutorial_lib.errors import TutorialError, one_line

LARGEST = 2**63 - 1
SHOWN = 40           # characters of a wrong value that are shown


@dataclass(frozen=True)
class Rule:
    """What a single value has to be, in words and as a test."""

    says: str
    holds: Callable[[object], bool]


@dataclass(frozen=True)
class optional:
    form: "Form"


@dataclass(frozen=True)
class each:
    form: "Form"


Form = Rule | optional | each | list | dict

TEXT = Rule("a text", lambda value: isinstance(value, str))
FLAG = Rule("true or false", lambda value: isinstance(value, bool))
SCALAR = Rule("a number, a text or true or false", lambda value: isinstance(value, str | bool) or _is_number(value))


def whole(least: int = 0, most: int = LARGEST) -> Rule:
    return Rule(f"a whole number from {least} to {most}", lambda value: type(value) is int and least <= value <= most)


def number(least: float = -math.inf) -> Rule:
    words = "a finite number" if least == -math.inf else f"a finite number, at least {least}"
    return Rule(words, lambda value: _is_number(value) and value >= least)


def one_of(*values: str) -> Rule:
    return Rule(f"one of {', '.join(values)}", lambda value: isinstance(value, str) and value in values)


def check(value: object, form: Form, file: object, place: str = "") -> None:
    """Raises: TutorialError for a value that does not fit, naming the file and the place in it."""
    if isinstance(form, optional):
        if value is not None:
            check(value, form.form, file, place)
    elif isinstance(form, list):
        _check_is(value, list, "a list", file, place)
        for n, entry in enumerate(value):
            check(entry, form[0], file, f"{place}[{n}]")
    elif isinstance(form, Rule):
        if not form.holds(value):
            raise _misfit(value, form.says, file, place)
    else:
        _check_is(value, Mapping, "a dictionary", file, place)
        forms = dict.fromkeys(value, form.form) if isinstance(form, each) else form
        for name, inner in forms.items():
            if name in value:
                check(value[name], inner, file, f"{place}.{name}".lstrip("."))
            elif not isinstance(inner, optional):
                raise TutorialError(f"{file} is damaged, or none of this project's: it lacks {place}.{name}."
                                    .replace(" .", " "))


def check_tensors(tensors: Mapping, form: Mapping[str, tuple[int, ...]] | None, file: object) -> None:
    """Raises: TutorialError unless tensors have these names and shapes (any, without a form) and finite numbers."""
    if form is not None:
        found = {name: tuple(value.shape) for name, value in tensors.items()}
        for name in sorted(form.keys() | found.keys()):
            if found.get(name) != form.get(name):
                raise TutorialError(f"{file} is damaged, or none of this project's: {one_line(name)} should be "
                                    f"{form.get(name, 'missing')}, not {found.get(name, 'missing')}.")
    for name, value in tensors.items():
        if not value.isfinite().all():
            raise TutorialError(f"{file} is damaged: {one_line(name)} holds what is no number.")


def _check_is(value: object, kind: type, words: str, file: object, place: str) -> None:
    if not isinstance(value, kind):
        raise _misfit(value, words, file, place)


def _misfit(value: object, says: str, file: object, place: str) -> TutorialError:
    shown = one_line(repr(value))
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."
    return TutorialError(f"{file} is damaged, or none of this project's: {place or 'its content'} should be {says}, "
                         f"not {shown}.")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300       # false for NaN, too


# --- what several modules read ---

# Of a training, or a network alone. `network` is looked at where one is built (`networks.build`).
CHECKPOINT = {"step": optional(whole()), "network": optional({}), "style": optional(TEXT),
              "scale": optional(each(SCALAR)), "plan": optional(TEXT)}
# Beside a finished network.
MANIFEST = {"style": Rule("a text or null", lambda value: value is None or isinstance(value, str)),
            "recipe": optional(TEXT), "seed": whole(), "made_from": optional(each(TEXT)),
            "settings": {"name": TEXT}, "minutes": optional(number(0))}


def checkpoint_about(metadata: Mapping[str, str] | None, file: object) -> dict:
    """What a checkpoint says about itself.

    Raises: KeyError or ValueError when it says nothing, TutorialError when that does not fit.
    """
    try:
        about = json.loads((metadata or {})["settings"])
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    check(about, CHECKPOINT, file)
    return about


def check_resumable(saved, network, optimiser) -> None:
    """Raises: TutorialError unless what a checkpoint holds for going on fits the network and its optimiser.

    saved: a `checkpoint.Checkpoint`. Its averaged weights, if any, its optimiser's tensors by "INDEX.NAME", and its
    losses by "INDEX.TERM", all by shape.
    """
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    parts = {"latest": saved.latest, "optimiser": saved.optimiser, "history": saved.history}
    found = {f"{part}.{name}": tuple(v.shape) for part, tensors in parts.items() for name, v in tensors.items()}
    wanted = {f"history.{name}": (saved.step,) for name in saved.history if re.match(r"\d+\.", name)}
    if saved.latest:
        wanted |= {f"latest.{name}": tuple(v.shape) for name, v in network.state_dict().items()}
    for n, parameter in enumerate(parameters if saved.optimiser else []):
        wanted |= {f"optimiser.{n}.{name}": shape for name, shape in (
            ("step", ()), ("exp_avg", tuple(parameter.shape)), ("exp_avg_sq", tuple(parameter.shape)))}
    differing = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if differing:
        raise TutorialError(
            f"{saved.path} cannot be gone on with: {len(differing)} of its tensors do not fit, the first is "
            f"{differing[0]}; give another file to start anew."
        )
