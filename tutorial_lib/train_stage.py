"""One stage of the training from the command line: what it starts from is named by files or zoo names."""

import hashlib
from pathlib import Path

import torch

from tutorial_lib import recipes, training, zoo
from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.data.tuples import MANIFEST, TupleClips, find_videos, fingerprint, prepare_tuples
from tutorial_lib.errors import TutorialError
from tutorial_lib.losses.perceptual import perceptual_loss
from tutorial_lib.networks.features import load_features
from tutorial_lib.settings import Settings, build_folder, device

IN_MEMORY = 2 * 10**9   # bytes; above, targets are kept on the disk and clips rendered anew (the paper scale)


def train_stage(
    stage: str,
    style: str,
    settings: Settings,
    output: Path,
    steps: int | None = None,
    videos: Path | None = None,
    teacher_flow: str | None = None,
    teacher_plain: str | None = None,
    start: str | None = None,
) -> None:
    """Trains teacher-plain, teacher-flow, student-plain or distill, and writes `output`; run again, it goes on.

    teacher-flow starts from the plain teacher given as `teacher_plain`; student-plain is drawn to it if one is given;
    distill needs both teachers and the plain student as `start`, and trains what the zoo calls student-ours-temp. The
    losses of steadiness are as strong as the style needs (`training.strength`).
    Raises: TutorialError when a network that the stage needs is not given, or is of another kind.
    """
    if stage == "distill":
        settings = settings.but(**recipes.ROLES["student-ours-temp"].changes)
    perceptual = perceptual_loss(load_features(settings.features), style, settings)
    perceptual = perceptual.to(device())
    options = {"steps": steps, "path": output, "about": {"style": style, "videos": str(videos) if videos else None}}
    if stage == "teacher-plain":
        training.train_plain(training.new_teacher(settings).to(device()), perceptual, settings, **options)
    elif stage == "teacher-flow":
        plain = _needed(stage, "--teacher-plain", teacher_plain, "teacher")
        clips = _clips(settings, videos)
        settings = training.raised(settings, training.strength(plain, clips))
        training.train_teacher(plain, clips, perceptual, settings, **options)
    elif stage == "student-plain":
        agree_with = _needed(stage, "--teacher-plain", teacher_plain) if teacher_plain else None
        student = training.new_student(settings).to(device())
        training.train_plain(student, perceptual, settings, agree_with=agree_with, **options)
    else:
        plain_student = _needed(stage, "--start", start, "student")
        with_flow = _needed(stage, "--teacher-flow", teacher_flow, "teacher with flow")
        plain, clips = _needed(stage, "--teacher-plain", teacher_plain), _clips(settings, videos)
        settings = training.raised(settings, training.strength(plain, clips) * recipes.stronger(stage, style))
        targets = training.FrozenTargets(
            clips, with_flow, plain, plain_student,
            folder=_folder(videos) if _bytes_of_targets(settings) > IN_MEMORY else None,
        )
        training.distill(plain_student, targets, perceptual, settings, **options)


def _bytes_of_targets(settings: Settings) -> int:
    return settings.clips * settings.clip_length * 3 * settings.height * settings.width * 2    # fp16


def _folder(videos: Path | None) -> Path:
    """Where the targets of these clips are kept: clips of other videos have the same keys."""
    source = hashlib.sha256(str(videos.resolve()).encode()).hexdigest()[:16] if videos else "rendered"
    return build_folder() / "targets" / source


def _needed(stage: str, flag: str, name: str | None, kind: str | None = None) -> torch.nn.Module:
    if name is None:
        raise TutorialError(f"The stage {stage} needs {flag} NAME_OR_FILE: a checkpoint, or a network of the zoo.")
    network = zoo.load(name).to(device())
    found = type(network).__name__.lower() + (" with flow" if network.uses_flow else "")
    if kind is not None and not found.startswith(kind):
        raise TutorialError(f"{flag} {name} is a {found}, not a {kind}.")
    return network


def _clips(settings: Settings, videos: Path | None) -> RenderedClips | TupleClips:
    """Rendered clips, the tuples of a prepared folder, or those of videos, prepared when they are first asked for."""
    if videos is None:
        return RenderedClips(settings, cache=_bytes_of_targets(settings) <= IN_MEMORY)
    if (videos / MANIFEST).is_file():
        return TupleClips(videos, settings)
    found = find_videos(videos)
    s = settings
    name = f"{fingerprint(found)}-{s.width}x{s.height}x{s.clip_length}-{s.clips}-{s.seed}"
    folder = build_folder() / "tuples" / name
    prepare_tuples(found, folder, s.height, s.width, s.clips, s.clip_length, s.seed)
    return TupleClips(folder, settings)
