"""What the networks are trained on: short clips with flow and masks, and single stills."""

import functools
from dataclasses import dataclass, fields

import numpy as np
import torch

from tutorial_lib.data import photographs, textures
from tutorial_lib.data.images import fit_longer_side, resize
from tutorial_lib.data.rendering import Scene
from tutorial_lib.data.scenes import random_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.estimate import FlowMethod, estimate_flow_and_mask, flows_from_reference
from tutorial_lib.settings import Settings

SCENE_FRAMES = 48       # how many rendered frames the stills are drawn from, beside the photographs
SHARE_OF_SCENES = 0.45


@dataclass(frozen=True, eq=False)
class Clip:
    """K frames, the flow between neighbours, and the flow from the reference frame K // 2 into every frame."""

    frames: torch.Tensor            # (K, 3, H, W)
    backward_flows: torch.Tensor    # (K-1, 2, H, W): [t-1] leads from frame t into frame t-1
    backward_masks: torch.Tensor    # (K-1, 1, H, W), on frame t's grid
    reference_flows: torch.Tensor   # (K, 2, H, W), on the reference's grid; its own flow is 0
    reference_masks: torch.Tensor   # (K, 1, H, W), likewise; its own mask is 1

    def to(self, device: torch.device | str) -> "Clip":
        return Clip(*(getattr(self, part.name).to(device) for part in fields(self)))


def clip_from_scene(scene: Scene, start: int = 0, length: int | None = None, pass_name: str = "final") -> Clip:
    """A clip of a rendered scene with its exact flow; without a length, to the scene's end.

    Raises: TutorialError when the scene is too short.
    """
    length = scene.number_of_frames - start if length is None else length
    if start < 0 or length < 2 or start + length > scene.number_of_frames:
        raise TutorialError(
            f"Scene {scene.name!r} has {scene.number_of_frames} frames; a clip of {length} from frame {start} on "
            "does not fit (a clip has at least 2)."
        )
    times = range(start, start + length)
    reference = start + length // 2
    return Clip(
        torch.cat([scene.frame(t, pass_name) for t in times]),
        torch.cat([scene.flow(t, t - 1) for t in times[1:]]),
        torch.cat([scene.mask(t, t - 1) for t in times[1:]]),
        torch.cat([scene.flow(reference, t) for t in times]),
        torch.cat([scene.mask(reference, t) for t in times]),
    )


def clip_from_frames(frames: torch.Tensor, method: FlowMethod = "dis") -> Clip:
    """A clip of any frames (K, 3, H, W), with estimated flow.

    Raises: TutorialError for fewer than 2 frames, another shape or an unknown method.
    """
    if frames.dim() != 4 or frames.shape[1] != 3 or len(frames) < 2:
        raise TutorialError(f"A clip is made of frames (K, 3, H, W) with K at least 2, not {tuple(frames.shape)}.")
    backward = [estimate_flow_and_mask(frames[t][None], frames[t - 1][None], method) for t in range(1, len(frames))]
    backward_flows, backward_masks = (torch.cat(part) for part in zip(*backward, strict=True))
    return Clip(frames, backward_flows, backward_masks, *flows_from_reference(frames, len(frames) // 2, method))


class RenderedClips:
    """`settings.clips` rendered clips with exact flow, each of a random scene of its own.

    The i-th depends on nothing but the settings' sizes, the seed and i. Clips that were once made are kept in 8 bits a
    colour and 16 bits a flow value (.7 MB for five frames of 128x96; in all .1 GB at the laptop scale, 2 at colab, 28
    at paper), and the first access already gives what will be kept, so every access gives the same bits;
    `cache=False` renders each time instead.
    """

    def __init__(self, settings: Settings, seed: int | None = None, cache: bool = True) -> None:
        self.settings = settings
        self.seed = settings.seed if seed is None else seed
        self._kept: dict[int, Clip] | None = {} if cache else None

    def __len__(self) -> int:
        return self.settings.clips

    def key(self, i: int) -> str:
        """What tells this clip from any other, for files about it."""
        s = self.settings
        return f"rendered-{self.seed}-{s.width}x{s.height}x{s.clip_length}-{checked(i, len(self))}"

    def __getitem__(self, i: int) -> Clip:
        i = checked(i, len(self))
        if self._kept is not None and i in self._kept:
            return unpacked(self._kept[i])
        s = self.settings
        scene_seed = int(np.random.default_rng((self.seed, i)).integers(2**62))
        made = packed(clip_from_scene(random_scene(scene_seed, s.height, s.width, s.clip_length)))
        if self._kept is not None:
            self._kept[i] = made
        return unpacked(made)


def stills(settings: Settings, seed: int, n: int) -> torch.Tensor:
    """The n-th batch of single training pictures, (settings.plain_batch, 3, H, W).

    Random crops of the TRAINING photographs, the gray ones tinted, mixed with frames of random scenes; mirrored at
    random and a little changed in light and colour. A batch depends only on the seed and n, so an interrupted
    training goes on with the same pictures.
    """
    rng = np.random.default_rng((seed, n))
    batch = []
    for _ in range(settings.plain_batch):
        if rng.random() < SHARE_OF_SCENES:
            image = _scene_frame(seed, int(rng.integers(SCENE_FRAMES)), settings.height, settings.width)
            least = 0.7
        else:
            image, least = _still_photograph(rng, 2.5 * max(settings.height, settings.width)), 0.4
        batch.append(_jittered(rng, _random_crop(rng, image, least, settings.height, settings.width)))
    return torch.cat(batch)


def _still_photograph(rng: np.random.Generator, size: float) -> torch.Tensor:
    colourful = rng.random() < 0.6
    names = [name for name in photographs.TRAINING if (name not in photographs.GRAY) == colourful]
    image = _shrunk_photograph(names[rng.integers(len(names))], round(size))
    return image if colourful else textures.duotone(image, *textures.palette(rng))


@functools.lru_cache(maxsize=32)
def _shrunk_photograph(name: str, size: int) -> torch.Tensor:
    image = photographs.load_photograph(name)
    return fit_longer_side(image, size) if size < max(image.shape[-2:]) else image


@functools.lru_cache(maxsize=2 * SCENE_FRAMES)
def _scene_frame(seed: int, number: int, height: int, width: int) -> torch.Tensor:
    # Far from the seeds of the clips, so that the stills are of other scenes; a little larger, to be cropped.
    scene_seed = int(np.random.default_rng((seed, number, 7)).integers(2**62))
    return random_scene(scene_seed, round(1.4 * height), round(1.4 * width), 3).frame(1)


def _random_crop(rng: np.random.Generator, image: torch.Tensor, least: float, height: int, width: int) -> torch.Tensor:
    """A part of the picture in the right proportions, from `least` of its size up to all that fits."""
    full_height, full_width = image.shape[-2:]
    share = rng.uniform(least, 1) * min(full_height / height, full_width / width)
    rows, columns = min(full_height, round(height * share)), min(full_width, round(width * share))
    top, left = int(rng.integers(full_height - rows + 1)), int(rng.integers(full_width - columns + 1))
    crop = resize(image[..., top:top + rows, left:left + columns], height, width)
    return crop.flip(3) if rng.random() < 0.5 else crop


def _jittered(rng: np.random.Generator, image: torch.Tensor) -> torch.Tensor:
    gray = image.mean(1, keepdim=True)
    middle = gray.mean()
    image = gray + (image - gray) * rng.uniform(0.75, 1.25)          # saturation
    image = middle + (image - middle) * rng.uniform(0.85, 1.15)      # contrast
    gain = torch.from_numpy(rng.uniform(0.94, 1.06, (1, 3, 1, 1)) * rng.uniform(0.85, 1.12)).float()
    return (image * gain).clamp(0, 1)


def packed(clip: Clip) -> Clip:
    """8 bits a colour and a mask, 16 bits a flow value: a quarter to a half of the memory."""
    return Clip(
        (clip.frames.clamp(0, 1) * 255).round().byte(),
        clip.backward_flows.half(), clip.backward_masks.byte(),
        clip.reference_flows.half(), clip.reference_masks.byte(),
    )


def unpacked(clip: Clip) -> Clip:
    return Clip(
        clip.frames.float() / 255,
        clip.backward_flows.float(), clip.backward_masks.float(),
        clip.reference_flows.float(), clip.reference_masks.float(),
    )


def checked(i: int, count: int) -> int:
    """A clip's number, if it is one of `count`."""
    if not 0 <= i < count:
        # IndexError, because it is what ends a plain `for clip in clips`.
        raise IndexError(f"There are {count} clips, 0 to {count - 1}; {i} is none of them.")
    return i
