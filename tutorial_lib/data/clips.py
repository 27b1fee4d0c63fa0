"""Frames and how they move: the one container for what networks are trained on and for what they are scored on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from tutorial_lib.data.rendering import Scene
from tutorial_lib.data.scenes import random_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.estimate import FlowMethod, estimate_flow_and_mask, flows_from_reference
from tutorial_lib.settings import Settings


@dataclass(frozen=True, eq=False)
class Motion:
    """Where the pixels of some frames are seen in other frames.

    flows: (N, 2, H, W), pixels. masks: (N, 1, H, W), 1 = traceable. Both lie on the grid of the frame that the flow
    starts from.
    """

    flows: torch.Tensor
    masks: torch.Tensor

    def to(self, device: torch.device | str) -> "Motion":
        return Motion(self.flows.to(device), self.masks.to(device))

    def __getitem__(self, part: slice) -> "Motion":
        return Motion(self.flows[part], self.masks[part])


@dataclass(frozen=True, eq=False)
class Clip:
    """N frames, and what is known of how they move.

    motions[step] leads from every frame t into frame t + step, where there is one, in the order of t. motions[-1] is
    the backward flow of the losses and of the teacher, motions[1] the forward flow that MPI Sintel ships, and
    motions[4] is for e_stab at a gap of 4 frames.
    from_middle leads from the middle frame, N // 2, into every frame, as Eq. 6 needs it; into itself the flow is 0.
    """

    frames: torch.Tensor                                    # (N, 3, H, W)
    motions: Mapping[int, Motion] = field(default_factory=dict)
    from_middle: Motion | None = None
    name: str = ""
    pass_name: str = ""                                     # of a rendered scene: "clean" or "final"

    @property
    def backward(self) -> Motion:
        """From every frame but the first into the one before it: `backward.flows[t - 1]` lies on frame t."""
        return self.motions[-1]

    @property
    def forward(self) -> Motion:
        """From every frame but the last into the one after it."""
        return self.motions[1]

    def to(self, device: torch.device | str) -> "Clip":
        return replace(
            self, frames=self.frames.to(device),
            motions={step: motion.to(device) for step, motion in self.motions.items()},
            from_middle=self.from_middle and self.from_middle.to(device),
        )


def filmed(scene: Scene, pass_name: str = "final", steps: Sequence[int] = (1,)) -> Clip:
    """A whole rendered scene with its exact motion over each of `steps` frames: what networks are scored on.

    Raises: TutorialError for an unknown pass, or a scene that is not longer than its largest step.
    """
    count = scene.number_of_frames
    if count < 2:
        raise TutorialError(f"A scene with flow needs at least 2 frames; {scene.name!r} has {count}.")
    longest = max(map(abs, steps), default=0)
    if longest >= count:
        raise TutorialError(f"Scene {scene.name!r} has {count} frames, of which none are {longest} apart.")
    frames = torch.cat([scene.frame(t, pass_name) for t in range(count)])
    return Clip(frames, motions_of(scene, range(count), steps), None, scene.name, pass_name)


def motions_of(scene: Scene, times: range, steps: Iterable[int]) -> dict[int, Motion]:
    """The exact motions of some consecutive frames of a scene, as `Clip` holds them."""
    return {step: _motion(scene, [(t, t + step) for t in times if t + step in times]) for step in steps}


def _motion(scene: Scene, pairs: Sequence[tuple[int, int]]) -> Motion:
    return Motion(torch.cat([scene.flow(t, s) for t, s in pairs]), torch.cat([scene.mask(t, s) for t, s in pairs]))


def clip_from_scene(scene: Scene, start: int = 0, length: int | None = None, pass_name: str = "final") -> Clip:
    """A training clip of a rendered scene, with its exact flow; without a length, to the scene's end.

    It has the motions that the losses need: backward, and from the middle frame.
    Raises: TutorialError when the scene is too short.
    """
    length = scene.number_of_frames - start if length is None else length
    if start < 0 or length < 2 or start + length > scene.number_of_frames:
        raise TutorialError(
            f"Scene {scene.name!r} has {scene.number_of_frames} frames; a clip of {length} from frame {start} on "
            "does not fit (a clip has at least 2)."
        )
    times = range(start, start + length)
    middle = start + length // 2
    return Clip(
        torch.cat([scene.frame(t, pass_name) for t in times]),
        motions_of(scene, times, (-1,)),
        _motion(scene, [(middle, t) for t in times]),
        scene.name, pass_name,
    )


def clip_from_frames(frames: torch.Tensor, method: FlowMethod = "dis") -> Clip:
    """A training clip of any frames (K, 3, H, W), with estimated flow.

    Raises: TutorialError for fewer than 2 frames, another shape or an unknown method.
    """
    if frames.dim() != 4 or frames.shape[1] != 3 or len(frames) < 2:
        raise TutorialError(f"A clip is made of frames (K, 3, H, W) with K at least 2, not {tuple(frames.shape)}.")
    return Clip(frames, {-1: estimated_motion(frames, -1, method)},
                Motion(*flows_from_reference(frames, len(frames) // 2, method)))


def estimated_motion(frames: torch.Tensor, step: int, method: FlowMethod = "dis") -> Motion:
    """The motion of frames (N, 3, H, W) over `step`, by a flow method."""
    pairs = [(t, t + step) for t in range(len(frames)) if 0 <= t + step < len(frames)]
    parts = [estimate_flow_and_mask(frames[t][None], frames[s][None], method) for t, s in pairs]
    return Motion(*(torch.cat(part) for part in zip(*parts, strict=True)))


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

    def __getstate__(self) -> dict:
        """Without the clips that were made: what they are made from says it all."""
        return {**vars(self), "_kept": None if self._kept is None else {}}

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


def packed(clip: Clip) -> Clip:
    """8 bits a colour and a mask, 16 bits a flow value: a quarter to a half of the memory."""
    def small(motion: Motion) -> Motion:
        return Motion(motion.flows.half(), motion.masks.byte())

    return Clip((clip.frames.clamp(0, 1) * 255).round().byte(), {-1: small(clip.backward)}, small(clip.from_middle))


def unpacked(clip: Clip) -> Clip:
    """What `packed` kept of a training clip, as float32."""
    def full(motion: Motion) -> Motion:
        return Motion(motion.flows.float(), motion.masks.float())

    return Clip(clip.frames.float() / 255, {-1: full(clip.backward)}, full(clip.from_middle))


def checked(i: int, count: int) -> int:
    """A clip's number, if it is one of `count`."""
    if not 0 <= i < count:
        # IndexError, because it is what ends a plain `for clip in clips`.
        raise IndexError(f"There are {count} clips, 0 to {count - 1}; {i} is none of them.")
    return i
