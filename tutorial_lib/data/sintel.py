"""Films with ground truth in MPI Sintel's folder layout, read and written.

    ROOT/training/clean/SCENE/frame_0001.png ...        and the same under final/
    ROOT/training/flow/SCENE/frame_0001.flo             frame 1 to frame 2; one fewer than frames
    ROOT/training/occlusions/SCENE/frame_0001.png       255 where that flow leads to nothing that is seen

The files count from 1. Only the forward flow is there, so these films are scored backwards in time
(`evaluation.measures.e_stab_forward`). Sintel's own occlusion maps say nothing of pixels that leave the picture; they
are found from the flow here. Source: Butler et al. 2012.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from tutorial_lib.data.clips import Clip, Motion
from tutorial_lib.data.flo import read_flo, write_flo
from tutorial_lib.data.images import read_image, resize, write_image
from tutorial_lib.data.rendering import PASSES, Scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import inside


def scene_names(root: str | Path, pass_name: str = "final") -> list[str]:
    """The names of the scenes under a Sintel folder, in alphabetical order.

    Raises: TutorialError when there is no such folder, pass or scene.
    """
    if pass_name not in PASSES:
        raise TutorialError(f"Unknown pass {pass_name!r}; the passes are {', '.join(PASSES)}.")
    root = Path(root)
    folder = root / "training" / pass_name
    if not folder.is_dir():
        raise TutorialError(
            f"{root} is not a Sintel folder: it has no training/{pass_name}; give the folder that holds `training`, "
            "or make one with data_scripts/render_scenes.py."
        )
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if not names:
        raise TutorialError(f"{folder} holds no scenes; make some with data_scripts/render_scenes.py.")
    return names


def load_scene(
    root: str | Path, scene: str, pass_name: str = "final", frames: int | None = None, width: int | None = None
) -> Clip:
    """Reads a scene with its forward motion, at most its first `frames` frames, in a width if one is given.

    Resized flow is scaled with the picture; a resized mask keeps only pixels that were traceable all over.
    Raises: TutorialError for a missing folder, scene, pass, flow or occlusion map, and when sizes or numbers differ.
    """
    names = scene_names(root, pass_name)
    if scene not in names:
        raise TutorialError(f"There is no scene {scene!r} in {root}; there are {', '.join(names)}.")
    if frames is not None and frames < 2:
        raise TutorialError(f"A scene with flow needs at least 2 frames; {frames} asked for.")
    if width is not None and width < 16:
        raise TutorialError(f"A scene of a width of {width} pixels is too small; 16 is the least.")
    training = Path(root) / "training"
    pictures = sorted((training / pass_name / scene).glob("frame_*.png"))[:frames]
    if len(pictures) < 2:
        raise TutorialError(f"{training / pass_name / scene} has {len(pictures)} frames; a scene needs at least 2.")
    flows, masks = [], []
    for picture in pictures[:-1]:
        flow_file = training / "flow" / scene / f"{picture.stem}.flo"
        if not flow_file.is_file():
            raise TutorialError(
                f"There is no {flow_file}: a scene of {len(pictures)} frames needs {len(pictures) - 1} flows; "
                "write or download it again."
            )
        flows.append(read_flo(flow_file)[None])
        masks.append(_not_occluded(training / "occlusions" / scene / picture.name, flows[-1]))
    images = [read_image(picture) for picture in pictures]
    for picture, image in zip(pictures, images, strict=True):
        if image.shape[-2:] != flows[0].shape[-2:]:
            raise TutorialError(
                f"{picture} has {_size(image)} pixels and the flow of the scene {_size(flows[0])}; "
                "they must be of one size."
            )
    film, flow, mask = _resized(torch.cat(images), _joined(flows, scene), _joined(masks, scene), width)
    return Clip(film, {1: Motion(flow, mask * inside(flow))}, None, scene, pass_name)


def write_scene(root: str | Path, scene: Scene, on_frame: Callable[[int], None] | None = None) -> None:
    """Writes both passes of a rendered scene, its flow and its occlusion maps under a Sintel folder.

    on_frame: called with the number of each frame that is done, for a progress bar.
    Raises: TutorialError when files cannot be written, or a longer scene of that name is already there.
    """
    training = Path(root) / "training"
    for pass_name in PASSES:
        present = len(list((training / pass_name / scene.name).glob("frame_*.png")))
        if present > scene.number_of_frames:
            raise TutorialError(
                f"{training / pass_name / scene.name} already holds {present} frames, more than the "
                f"{scene.number_of_frames} to be written; delete it or choose another folder."
            )
    for t in range(scene.number_of_frames):
        for pass_name in PASSES:
            write_image(training / pass_name / scene.name / f"frame_{t + 1:04d}.png", scene.frame(t, pass_name))
        if on_frame:
            on_frame(t)
    # The flow last: a writing that was interrupted lacks flow, which reading notices, instead of ending early.
    for t in range(scene.number_of_frames - 1):
        name = f"frame_{t + 1:04d}"
        write_flo(training / "flow" / scene.name / f"{name}.flo", scene.flow(t, t + 1))
        hidden = (1 - scene.mask(t, t + 1)).expand(-1, 3, -1, -1)
        write_image(training / "occlusions" / scene.name / f"{name}.png", hidden)


def _not_occluded(path: Path, flow: torch.Tensor) -> torch.Tensor:
    """(1, 1, H, W), 1 where the occlusion map is black."""
    if not path.is_file():
        raise TutorialError(f"There is no occlusion map {path}; write or download the scene again.")
    occluded = read_image(path)[:, :1]
    if occluded.shape[-2:] != flow.shape[-2:]:
        raise TutorialError(
            f"{path} has {_size(occluded)} pixels and the flow {_size(flow)}; they must be of one size."
        )
    return (occluded < 0.5).float()


def _joined(fields: list[torch.Tensor], scene: str) -> torch.Tensor:
    sizes = sorted({_size(field) for field in fields})
    if len(sizes) > 1:
        raise TutorialError(f"The flows of the scene {scene!r} differ in size: {', '.join(sizes)}.")
    return torch.cat(fields)


def _resized(
    frames: torch.Tensor, flows: torch.Tensor, masks: torch.Tensor, width: int | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    full_height, full_width = frames.shape[-2:]
    if width is None or width == full_width:
        return frames, flows, masks
    height = max(16, round(full_height * width / full_width))
    factor = torch.tensor([width / full_width, height / full_height])[:, None, None]
    whole = (resize(masks, height, width) > 0.999).float()
    return resize(frames, height, width), resize(flows, height, width) * factor, whole


def _size(image: torch.Tensor) -> str:
    return f"{image.shape[-1]}x{image.shape[-2]}"
