"""The films that networks are scored on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from tqdm.auto import tqdm

from tutorial_lib.data.clips import Clip, estimated_motion, filmed
from tutorial_lib.data.images import fit_longer_side
from tutorial_lib.data.rendering import PASSES
from tutorial_lib.data.scenes import TEST_SCENES, test_scene
from tutorial_lib.data.sintel import load_scene, scene_names
from tutorial_lib.data.video import open_video
from tutorial_lib.errors import TutorialError
from tutorial_lib.settings import Settings

REAL_FRAMES, REAL_SIDE = 60, 512


def rendered_films(
    settings: Settings, steps: Sequence[int] = (1,), names: Sequence[str] = TEST_SCENES,
    passes: Sequence[str] = PASSES, bar: bool = True,
) -> list[Clip]:
    """The rendered test scenes at the evaluation's size and length, with their exact motion over each of `steps`.

    The passes of a scene share its motions. A step that is longer than the films is left out.
    """
    size = settings.evaluation_height, settings.evaluation_width, settings.evaluation_frames
    steps = [step for step in steps if abs(step) < settings.evaluation_frames]
    films = []
    for name in tqdm(names, desc="rendering", disable=not bar):
        scene, motions = test_scene(name, *size), None
        for pass_name in passes:
            film = filmed(scene, pass_name, steps if motions is None else ())
            motions = motions or film.motions
            films.append(Clip(film.frames, motions, None, name, pass_name))
    return films


def sintel_films(root: Path, settings: Settings, passes: Sequence[str] = PASSES) -> list[Clip]:
    """The five scenes of MPI Sintel, or whatever scenes are there, with their forward motion."""
    return [load_scene(root, name, pass_name, settings.evaluation_frames, width=settings.evaluation_width)
            for pass_name in passes for name in sintel_names(root)]


def sintel_names(root: Path) -> list[str]:
    """Those of the test scenes that are in the folder, or else every scene in it."""
    known = scene_names(root)
    return [name for name in TEST_SCENES if name in known] or known


def test_scenes(
    settings: Settings, pass_name: str = "final", root: Path | None = None, steps: Sequence[int] = (1,)
) -> list[Clip]:
    """One pass of the test scenes at the scale's size: rendered, or of MPI Sintel in the folder `root`.

    steps: of the rendered scenes' exact motions; -1 is what a teacher can be given as an upper bound.
    Raises: TutorialError for an unknown pass, or a folder that is none of Sintel's.
    """
    if pass_name not in PASSES:
        raise TutorialError(f"Unknown pass {pass_name!r}; the passes are {', '.join(PASSES)}.")
    if root is not None:
        return sintel_films(root, settings, (pass_name,))
    return rendered_films(settings, steps, passes=(pass_name,), bar=False)


test_scenes.__test__ = False  # a function for films, which pytest would take for a test by its name


def real_films(paths: Iterable[Path], limit: int = REAL_FRAMES, side: int = REAL_SIDE) -> list[Clip]:
    """Videos and folders of frames. Their motion is not known: it is estimated on them, and so is the mask.

    Raises: TutorialError when one cannot be read, has but one frame, or is named as another one.
    """
    films, paths = [], [Path(path) for path in paths]
    named = Counter(path.stem for path in paths)
    twice = [path for path in paths if named[path.stem] > 1]
    if twice:
        raise TutorialError(f"{twice[0]} and {twice[1]} would be one film in the results; give them different names.")
    for path in paths:
        frames = []
        for frame in open_video(path):
            image = frame.image
            frames.append(fit_longer_side(image, side).clamp(0, 1) if max(image.shape[-2:]) > side else image)
            if len(frames) == limit:
                break
        if len(frames) < 2:
            raise TutorialError(f"{path} has one frame; the temporal error needs at least two.")
        video = torch.cat(frames)
        films.append(Clip(video, {1: estimated_motion(video, 1)}, None, path.stem, "real"))
    return films
