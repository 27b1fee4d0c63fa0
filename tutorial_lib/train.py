"""One role trained from the command line: what it starts from is named by files or by names of the zoo."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import nn

from tutorial_lib import papers, zoo
from tutorial_lib.data import styles
from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.data.tuples import MANIFEST, TupleClips, find_videos, fingerprint, prepare_tuples
from tutorial_lib.errors import TutorialError
from tutorial_lib.papers.stages import prepared, run, stage_of
from tutorial_lib.roles import Recipe
from tutorial_lib.settings import Settings, build_folder, device
from tutorial_lib.stage import Job

IN_MEMORY = 2 * 10**9   # bytes; above, targets are kept on the disk and clips rendered anew (the paper scale)

# By the stage that makes a network: which flag names it, and what it has to be.
FLAGS = {"teacher-flow": ("teacher-flow", "teacher with flow"), "teacher-plain": ("teacher-plain", "teacher"),
         "student-plain": ("start", "student"), "pocket-plain": ("start", "pocket")}


def train(
    role: str,
    style: str,
    scale: Settings,
    output: Path,
    steps: int | None = None,
    videos: Path | None = None,
    networks: Mapping[str, str | None] | None = None,
    given: Mapping[str, float] | None = None,
) -> None:
    """Trains one role of the course in a style, and writes `output`; run again, it goes on.

    networks: what it is made from, {flag: file or name of the zoo}: "teacher-plain" for a teacher with flow; both
    teachers and the "start" for a distillation. A plain student is drawn to a plain teacher if one is named.
    given: settings that are taken as they are, whatever the role and the style would make of them.
    Raises: TutorialError when a network that the role needs is not named or is of another kind, one is named that it
    does not need, or a setting is negative.
    """
    below = [f"{name} is {value}" for name, value in (given or {}).items() if not 0 <= value < math.inf]
    if below:
        raise TutorialError(f"{', '.join(below)}; a weight of a loss is 0 or a positive number.")
    recipe = with_what_is_there(papers.ROLES[role].recipe, networks or {})
    _check_needed(role, recipe, networks or {})
    needed = {name: _load(role, name, networks or {}) for name in recipe.needs}
    settings = recipe.settings(scale).but(**(given or {}))
    folder = _folder(videos) if _bytes_of_targets(settings) > IN_MEMORY else None
    job = prepared(Job(recipe, settings, needed, lambda wanted: _clips(wanted, videos),
                       recipe.scale(scale), style, given=(given or {}).keys(), targets=folder))
    run(job, path=output, steps=steps, about={**styles.record(style), "videos": str(videos) if videos else None})


def with_what_is_there(recipe: Recipe, networks: Mapping[str, str | None]) -> Recipe:
    """The recipe of a plain student that no teacher is named for is that of one that never saw a teacher."""
    alone = stage_of(recipe).uses_with and networks.get("teacher-plain") is None
    return replace(recipe, needs=()) if alone else recipe


def _load(role: str, needed: str, networks: Mapping[str, str | None]) -> nn.Module:
    """The network that stands for a role, if it can."""
    flag, wanted = FLAGS[papers.ROLES[needed].recipe.stage]
    name = networks.get(flag)
    if name is None:
        raise TutorialError(f"The role {role} needs --{flag} NAME_OR_FILE: a checkpoint, or a network of the zoo.")
    network = zoo.load(name).to(device())
    kind = type(network).__name__.lower() + (" with flow" if network.uses_flow else "")
    if kind != wanted:
        raise TutorialError(f"--{flag} {name} is a {kind}, not a {wanted}.")
    return network


def _check_needed(role: str, recipe: Recipe, networks: Mapping[str, str | None]) -> None:
    """Raises TutorialError for a network that would be left aside without a word."""
    used = {FLAGS[papers.ROLES[name].recipe.stage][0] for name in recipe.needs}
    idle = sorted(f"--{flag}" for flag, name in networks.items() if name is not None and flag not in used)
    if idle:
        raise TutorialError(f"The role {role} is not made from {' and '.join(idle)}; leave it out.")


def _bytes_of_targets(settings: Settings) -> int:
    return settings.clips * settings.clip_length * 3 * settings.height * settings.width * 2    # fp16


def _folder(videos: Path | None) -> Path:
    """Where the targets of these clips are kept: clips of other videos have the same keys."""
    source = hashlib.sha256(str(videos.resolve()).encode()).hexdigest()[:16] if videos else "rendered"
    return build_folder() / "targets" / source


def _clips(settings: Settings, videos: Path | None) -> RenderedClips | TupleClips:
    """Rendered clips, the tuples of a prepared folder, or those of videos, prepared when they are first asked for."""
    if videos is None:
        return RenderedClips(settings, cache=_bytes_of_targets(settings) <= IN_MEMORY)
    if (videos / MANIFEST).is_file():
        return TupleClips(videos, settings)
    files = find_videos(videos)
    s = settings
    name = f"{fingerprint(files)}-{s.width}x{s.height}x{s.clip_length}-{s.clips}-{s.seed}"
    folder = build_folder() / "tuples" / name
    prepare_tuples(files, folder, s.height, s.width, s.clips, s.clip_length, s.seed)
    return TupleClips(folder, settings)
