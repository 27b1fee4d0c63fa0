"""Clips for super-resolution: large frames, the small ones that a degradation makes of them, and how those move."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from tutorial_lib.data.clips import Clip, checked
from tutorial_lib.data.degradation import FACTOR, degrade, upscale_bicubic
from tutorial_lib.data.frames import Frames
from tutorial_lib.data.scenes import random_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import write_tensors
from tutorial_lib.flow.estimate import FlowMethod, estimate_flow
from tutorial_lib.settings import build_folder

# Without the noise, the blur and the soft lens of the final pass: a truth of which a share is noise asks a network for
# what nobody can know.
PASS = "clean"
DRAWN = 3       # places of which a patch is cut from the richest


class Flows(NamedTuple):
    """How the small frames of clips move: (B, K-1, 2, h, w), in their own pixels.

    past[:, t - 1] leads from frame t into frame t - 1, future[:, t] from frame t into frame t + 1.
    """

    past: torch.Tensor
    future: torch.Tensor

    def to(self, device: torch.device | str) -> "Flows":
        return Flows(self.past.to(device), self.future.to(device))


@dataclass(frozen=True, eq=False)
class Pair:
    """A batch of clips and their truth, four times as large.

    small: (B, K, 3, h, w). truth: (B, K, 3, 4h, 4w). flows: of the small frames, where they are known.
    """

    small: torch.Tensor
    truth: torch.Tensor
    flows: Flows | None = None

    def to(self, device: torch.device | str) -> "Pair":
        return Pair(self.small.to(device), self.truth.to(device), self.flows and self.flows.to(device))


def reduced_flow(flow: torch.Tensor) -> torch.Tensor:
    """A flow (N, 2, 4h, 4w) as the small frames show it, (N, 2, h, w) in their pixels."""
    return F.avg_pool2d(flow, FACTOR) / FACTOR


def estimated_flows(clips: torch.Tensor, method: FlowMethod = "dis") -> Flows:
    """The flows of small clips (B, K, 3, h, w), estimated on their bicubic enlargements.

    DIS stops at half of a picture's resolution, and a quarter of a picture has few pixels to begin with.
    """
    large = upscale_bicubic(clips.flatten(0, 1)).clamp(0, 1).unflatten(0, clips.shape[:2])      # (B, K, 3, 4h, 4w)
    first, second = large[:, :-1].flatten(0, 1), large[:, 1:].flatten(0, 1)

    def between(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if len(source) == 0:
            return clips.new_zeros(len(clips), 0, 2, *clips.shape[-2:])
        return reduced_flow(estimate_flow(source, target, method)).unflatten(0, (len(clips), -1))

    return Flows(between(second, first), between(first, second))


def exact_flows(clip: Clip) -> Flows:
    """What a clip knows of its motion, `backward` and `forward`, as its small frames show it; a batch of one."""
    return Flows(*(reduced_flow(motion.flows)[None] for motion in (clip.backward, clip.forward)))


def joined(pairs: Sequence[Pair]) -> Pair:
    """Several pairs of one size as one batch."""
    flows = Flows(*(torch.cat(part) for part in zip(*(pair.flows for pair in pairs), strict=True))) \
        if all(pair.flows is not None for pair in pairs) else None
    return Pair(torch.cat([pair.small for pair in pairs]), torch.cat([pair.truth for pair in pairs]), flows)


class Sizes(Protocol):
    """What settings have to say of the training patches."""

    height: int         # of a rendered scene, in pixels of the truth
    width: int
    clips: int          # scenes
    patches: int        # cut out of each scene
    patch: int          # pixels of a small patch's side
    clip_length: int
    degradation: str
    seed: int


class Pairs:
    """`clips` scenes, of each of which `patches` patches are cut, each a `Pair` of a batch of one.

    Each is the one with the most detail of `DRAWN` places: scenes have skies and painted walls, from which there is
    nothing to learn. A patch stays at its place through its clip and is the same at every visit, so what a frozen
    network says of it can be remembered. The flow is estimated on the whole small frames, as it is where networks are
    used. Patches that were once made are kept in the build folder for every training on them, the pictures in 8 bits a
    colour and the flow in 16 a value (.3 MB for five frames of 32x32; in all .5 GB at the laptop scale).
    """

    def __init__(self, settings: Sizes):
        self.settings = settings
        self.folder = build_folder() / "pairs"

    def truth(self, number: int, rng: np.random.Generator) -> torch.Tensor:
        """The large frames of a scene, (K, 3, H, W) in [0, 1], the same for the same random numbers."""
        raise NotImplementedError

    def source(self) -> str:
        """What tells these scenes from those of another source."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.settings.clips * self.settings.patches

    def key(self, i: int) -> str:
        """What tells this patch from any other, for files about it."""
        s = self.settings
        return (f"{self.source()}-{s.degradation}-{s.seed}-{s.clip_length}-{s.patch}x{s.patches}-"
                f"{checked(i, len(self))}")

    def __getitem__(self, i: int) -> Pair:
        path = self.folder / f"{self.key(i)}.safetensors"
        if not path.exists():
            scene = i // self.settings.patches
            for n, patch in enumerate(self._made(scene)):
                name = self.key(scene * self.settings.patches + n)
                write_tensors(self.folder / f"{name}.safetensors", patch)
        kept = load_file(path)
        flows = Flows(kept["past"].float(), kept["future"].float())
        return Pair(kept["small"].float() / 255, kept["truth"].float() / 255, flows)

    def _made(self, number: int) -> list[dict[str, torch.Tensor]]:
        s = self.settings
        rng = np.random.default_rng((s.seed, number, 2021))
        truth = (self.truth(number, rng) * 255).round().byte()
        small = degrade(truth.float() / 255, s.degradation)
        past, future = estimated_flows(small[None])
        lost = F.avg_pool2d((upscale_bicubic(small) - truth / 255.0).square(), FACTOR).mean((0, 1))      # (h, w)
        made = []
        for _ in range(s.patches):
            places = [[int(rng.integers(side - s.patch + 1)) for side in lost.shape] for _ in range(DRAWN)]
            cuts = [tuple(slice(first, first + s.patch) for first in place) for place in places]
            rows, columns = max(cuts, key=lambda cut: lost[cut].mean().item())
            large = (slice(FACTOR * part.start, FACTOR * part.stop) for part in (rows, columns))
            cut = {"small": (small * 255).round().byte()[None, ..., rows, columns],
                   "truth": truth[(None, ..., *large)],
                   "past": past[..., rows, columns].half(), "future": future[..., rows, columns].half()}
            made.append({name: part.contiguous() for name, part in cut.items()})
        return made


class RenderedPairs(Pairs):
    """`Pairs` of rendered scenes of `width` x `height` pixels.

    Raises: TutorialError when the patches do not fit into the scenes.
    """

    def __init__(self, settings: Sizes):
        super().__init__(settings)
        if min(settings.height, settings.width) < FACTOR * settings.patch:
            raise TutorialError(f"Patches of {FACTOR * settings.patch} pixels do not fit into scenes of "
                                f"{settings.width}x{settings.height}; make them smaller.")

    def source(self) -> str:
        return f"rendered-{self.settings.width}x{self.settings.height}"

    def truth(self, number: int, rng: np.random.Generator) -> torch.Tensor:
        s = self.settings
        scene = random_scene(int(rng.integers(2**62)), s.height, s.width, s.clip_length)
        return torch.cat([scene.frame(t, PASS) for t in range(s.clip_length)])


class FramePairs(Pairs):
    """`Pairs` of film clips whose frames lie in files: `clips` of them drawn at random, each from a random frame on.

    Raises: TutorialError when a clip is shorter than a training clip, or its pictures are smaller than a patch.
    """

    def __init__(self, settings: Sizes, sequences: Sequence[Frames]):
        super().__init__(settings)
        self.sequences = sequences
        short = [one.name for one in sequences if len(one.files) < settings.clip_length]
        if short or not sequences:
            raise TutorialError(f"{len(short)} of {len(sequences)} clips have fewer than {settings.clip_length} frames"
                                f"{', the first is ' + short[0] if short else ''}; give longer ones.")

    def source(self) -> str:
        names = "\n".join(f"{one.name} {one.files[0].parent.resolve()}" for one in self.sequences)
        return hashlib.sha256(names.encode()).hexdigest()[:16]

    def truth(self, number: int, rng: np.random.Generator) -> torch.Tensor:
        s = self.settings
        sequence = self.sequences[int(rng.integers(len(self.sequences)))]
        first = int(rng.integers(len(sequence.files) - s.clip_length + 1))
        frames = sequence.read(first, s.clip_length)
        frames = frames[..., :frames.shape[-2] // FACTOR * FACTOR, :frames.shape[-1] // FACTOR * FACTOR]
        if min(frames.shape[-2:]) < FACTOR * s.patch:
            raise TutorialError(f"Patches of {FACTOR * s.patch} pixels do not fit into {sequence.name} of "
                                f"{frames.shape[-1]}x{frames.shape[-2]}; make them smaller.")
        return frames
