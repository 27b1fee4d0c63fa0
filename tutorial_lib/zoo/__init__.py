"""The networks that ship with the course: STYLE-ROLE, half precision, each with a manifest beside it."""

import json
from pathlib import Path

from torch import nn

from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.build import load_network

FOLDER = Path(__file__).parent

ROLES = {
    "teacher-flow": "teacher with flow",
    "teacher-plain": "teacher without flow",
    "student-plain": "plain student, the start of the others",
    "student-scratch": "student from scratch",
    "student-temp": "student with L_temp",
    "student-ours": "ours",
    "student-ours-temp": "ours with L_temp",
}
EXTRAS = {"student-ours-plus": "ours, beyond the paper (+)"}    # where it was trained


def names() -> list[str]:
    """The names of the shipped networks, style by style, in the order of `ROLES`, then `EXTRAS`."""
    found = {path.stem for path in FOLDER.glob("*.safetensors")}
    return [f"{style}-{role}" for style in styles() for role in (*ROLES, *EXTRAS) if f"{style}-{role}" in found]


def styles() -> list[str]:
    """The styles of which there is at least one network."""
    return sorted({style for path in FOLDER.glob("*.safetensors") for role in ROLES
                   if (style := path.stem.removesuffix(f"-{role}")) != path.stem})


def load(name: str | Path) -> nn.Module:
    """A shipped network by its name, or any checkpoint of a student or teacher by its path; in eval mode, frozen.

    A student is called as student(frame), a teacher as teacher(frame, warped_previous=None, mask=None).
    Raises: TutorialError for a name that is neither, naming the known ones.
    """
    shipped = FOLDER / f"{name}.safetensors"
    if shipped.is_file():
        return load_network(shipped)
    if Path(name).is_file():
        return load_network(name)
    raise TutorialError(
        f"Unknown network {str(name)!r}; give the path of a checkpoint, or one of {', '.join(names()) or '(none yet)'}."
    )


def manifest(name: str) -> dict:
    """How a shipped network was made (settings, seed, command, minutes) and what it scores.

    Raises: TutorialError for an unknown name.
    """
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        raise TutorialError(f"Unknown network {name!r}; the shipped ones are {', '.join(names())}.")
    return json.loads(path.read_text())
