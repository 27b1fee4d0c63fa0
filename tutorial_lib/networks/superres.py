"""Video super-resolution by 4: a teacher that looks both ways along the flow, and two compact students without it."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from tutorial_lib.data.degradation import upscale_bicubic
from tutorial_lib.data.pairs import Flows, estimated_flows
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp

SMALLEST = 8      # pixels of a side
SLOPE = 0.1       # of the LeakyReLUs below zero
WINDOW = 8        # frames that are made at once where a film is too long for memory
LENGTH = 5        # frames of a clip, in a training at the laptop scale

State = Mapping[str, torch.Tensor]


class Upscaled(NamedTuple):
    """What a network makes of clips (B, K, 3, h, w).

    frames: (B, K, 3, 4h, 4w), not clipped to [0, 1]. tap: F^SR, (B, K, C, 4h, 4w), the last feature map at high
    resolution before the output convolution, which is distilled. body: (B, K, W, h, w), the last one at low resolution.
    """

    frames: torch.Tensor
    tap: torch.Tensor
    body: torch.Tensor


def convolution(inputs: int, outputs: int, size: int = 3, share: float = 1.0) -> nn.Conv2d:
    """A convolution that keeps the size of what it is given, in pixels and, before a LeakyReLU, in variance.

    share: of such weights that it starts with.
    """
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    layer.weight.data *= share
    nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    """conv - ReLU - conv, added to the input: the residual block without norm of EDVR and BasicVSR."""

    def __init__(self, channels: int):
        super().__init__()
        # Small, so that many of them begin as the identity.
        self.first = convolution(channels, channels, share=0.1)
        self.second = convolution(channels, channels, share=0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.relu(self.first(x)))


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """The same (N, C, H, W) in another order in memory, in which a CPU convolves few channels about twice as fast."""
    return x.contiguous(memory_format=torch.channels_last)


class Body(nn.Sequential):
    """A convolution and residual blocks: (N, inputs, h, w) -> (N, width, h, w)."""

    def __init__(self, inputs: int, width: int, blocks: int):
        super().__init__(convolution(inputs, width), nn.LeakyReLU(SLOPE, True),
                         *(Block(width) for _ in range(blocks)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(channels_last(x))


class Tail(nn.Module):
    """From features at low resolution to a picture four times as large: (N, W, h, w) -> (picture, tap).

    Two sub-pixel convolutions, a convolution whose answer is F^SR, and the output convolution, whose answer is added to
    the bicubic enlargement. Source: Shi et al. 2016 for the pixel shuffle, EDVR for the order.
    """

    def __init__(self, width: int, tap: int):
        super().__init__()
        self.once = convolution(width, 4 * width)
        self.twice = convolution(width, 4 * tap)
        self.tap = convolution(tap, tap)
        # It begins near the bicubic enlargement. With more of random features to be rid of, the first thing that a
        # network learns is to make them small, and then it is slow to make anything of them.
        self.out = convolution(tap, 3, share=0.005)

    def forward(self, features: torch.Tensor, frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = F.leaky_relu(F.pixel_shuffle(self.once(channels_last(features)), 2), SLOPE)                # (N, W, 2h, 2w)
        x = F.leaky_relu(F.pixel_shuffle(self.twice(x), 2), SLOPE)                        # (N, C, 4h, 4w)
        tap = F.leaky_relu(self.tap(x), SLOPE)
        return upscale_bicubic(frame) + self.out(tap).float(), tap.float()      # losses of pixels need float32


class SuperResolver(nn.Module):
    """A network that makes clips four times as large: network(clips (B, K, 3, h, w)) -> `Upscaled`.

    `width`: channels at low resolution, `blocks`: residual blocks (a branch), `tap`: channels of F^SR.
    """

    task = "upscale"
    uses_flow = False
    kind = ""
    at_once = WINDOW
    behind = ahead = 0      # frames before and after a window from which that is made, too

    def __init__(self, width: int, blocks: int, tap: int):
        super().__init__()
        self.configuration = {"kind": self.kind, "width": width, "blocks": blocks, "tap": tap}
        self.width = width
        self.tail = Tail(width, tap)

    def features(self, clips: torch.Tensor, flows: Flows | None) -> torch.Tensor:
        """(B, K, W, h, w), the features at low resolution that the tail makes large."""
        raise NotImplementedError

    def forward(self, clips: torch.Tensor, flows: Flows | None = None) -> Upscaled:
        if clips.dim() != 5 or clips.shape[2] != 3 or min(clips.shape[-2:]) < SMALLEST:
            raise TutorialError(f"Networks for super-resolution take clips (B, K, 3, h, w) from {SMALLEST} pixels a "
                                f"side up, not {tuple(clips.shape)}.")
        features = self.features(clips, flows)
        pictures, tap = self.tail(features.flatten(0, 1), clips.flatten(0, 1))
        return Upscaled(pictures.unflatten(0, clips.shape[:2]), tap.unflatten(0, clips.shape[:2]), features.float())

    def stream(self, frames: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        """The frames (3, h, w) of a film of any length, one after the other, at four times the size and in [0, 1]."""
        return (picture for picture, _ in self.steps(frames))

    @torch.no_grad()
    def steps(
        self, frames: Iterable[torch.Tensor], past: Sequence[torch.Tensor] = (), state: State | None = None
    ) -> Iterator[tuple[torch.Tensor, State]]:
        """What `stream` gives, and beside each picture the state in which it may be gone on behind it.

        In windows of `at_once` frames, each with those `behind` and `ahead` of it, so that length costs no memory. (A
        frame is made large by itself, because all that is large is sixteen times as much.) To go on to the last bit
        after a multiple of `at_once` frames: past is the last `behind` of them, state what came with the last.
        """
        frames = iter(frames)
        known, before = list(past), len(past)       # a window, and how many of these frames lie behind it
        while True:
            known += itertools.islice(frames, before + self.at_once + self.ahead - len(known))
            inner = known[before:before + self.at_once]
            if not inner:
                return
            features = self.features(torch.stack(known)[None], None)[:, before:before + len(inner)]
            for feature, frame in zip(features.unbind(1), inner, strict=True):
                yield self.tail(feature, frame[None])[0][0].clamp(0, 1), {}
            known = known[max(0, before + len(inner) - self.behind):]
            before = min(self.behind, before + len(inner))


class Stacked(SuperResolver):
    """A compact student: three frames on top of each other, not aligned; at the ends the nearest frame stands in.

    Source: in the manner of VSRnet and FastDVDnet, which the paper distils.
    """

    kind = "stacked"
    behind = ahead = 1

    def __init__(self, width: int = 16, blocks: int = 2, tap: int = 16):
        super().__init__(width, blocks, tap)
        self.body = Body(9, width, blocks)

    def features(self, clips: torch.Tensor, flows: Flows | None = None) -> torch.Tensor:
        before = torch.cat((clips[:, :1], clips[:, :-1]), 1)
        after = torch.cat((clips[:, 1:], clips[:, -1:]), 1)
        stacked = torch.cat((before, clips, after), 2)                                  # (B, K, 9, h, w)
        return self.body(stacked.flatten(0, 1)).unflatten(0, clips.shape[:2])


class Recurrent(SuperResolver):
    """A compact student that remembers its own features of the frame before, not aligned; it sees no later frame.

    Source: in the manner of FRVSR and RLSP (Fuoli et al. 2019), without flow.
    """

    kind = "recurrent"

    def __init__(self, width: int = 16, blocks: int = 2, tap: int = 16):
        super().__init__(width, blocks, tap)
        self.body = Body(3 + width, width, blocks)

    def features(self, clips: torch.Tensor, flows: Flows | None = None) -> torch.Tensor:
        found, memory = [], None
        for frame in clips.unbind(1):
            memory = self.remember(frame, memory)
            found.append(memory)
        return torch.stack(found, 1)

    @torch.no_grad()
    def steps(
        self, frames: Iterable[torch.Tensor], past: Sequence[torch.Tensor] = (), state: State | None = None
    ) -> Iterator[tuple[torch.Tensor, State]]:
        """As of every network, behind any picture; what it remembers is all that it needs of the past."""
        memory = state["memory"] if state else None
        for frame in frames:
            memory = self.remember(frame[None], memory)
            yield self.tail(memory, frame[None])[0][0].clamp(0, 1), {"memory": memory}

    def remember(self, frame: torch.Tensor, memory: torch.Tensor | None = None) -> torch.Tensor:
        """The features (B, W, h, w) of a frame after those of the frame before it; None before the first."""
        if memory is None:
            memory = frame.new_zeros(len(frame), self.width, *frame.shape[-2:])
        return self.body(torch.cat((frame, memory.to(frame.dtype)), 1))


class Bidirectional(SuperResolver):
    """The teacher: features go through a clip backwards and forwards along the flow, and meet in every frame.

    Without flows it estimates them. `length`: frames through which features go at most, as many as in a training clip.
    A longer clip is made in windows of so many frames, of which the first and the last are only looked at: what is fed
    back to a network more often than its training has seen can grow without bound (Chiche et al. 2022), as it does here
    in dark places.
    Source: BasicVSR (Chan et al. 2021), with DIS for its flow network.
    """

    kind = "bidirectional"
    uses_flow = True
    behind = ahead = 1

    def __init__(self, width: int = 32, blocks: int = 5, tap: int = 16, length: int = LENGTH):
        super().__init__(width, blocks, tap)
        self.configuration["length"] = length
        self.length, self.at_once = length, max(1, length - self.behind - self.ahead)
        self.back = Body(3 + width, width, blocks)
        self.forth = Body(3 + width, width, blocks)
        self.fuse = convolution(2 * width, width, 1)

    def features(self, clips: torch.Tensor, flows: Flows | None = None) -> torch.Tensor:
        past, future = flows or estimated_flows(clips)
        frames = clips.shape[1]
        if frames <= self.length:
            return self._along(clips, past, future)
        found = []
        for first in range(0, frames, self.at_once):
            begin, end = max(0, first - self.behind), min(frames, first + self.at_once + self.ahead)
            window = self._along(clips[:, begin:end], past[:, begin:end - 1], future[:, begin:end - 1])
            found.append(window[:, first - begin:first - begin + self.at_once])
        return torch.cat(found, 1)

    def _along(self, clips: torch.Tensor, past: torch.Tensor, future: torch.Tensor) -> torch.Tensor:
        last, nothing = clips.shape[1] - 1, clips.new_zeros(len(clips), self.width, *clips.shape[-2:])
        backwards, memory = {}, nothing
        for t in range(last, -1, -1):
            carried = warp(memory, future[:, t]) if t < last else nothing
            memory = backwards[t] = self.back(torch.cat((clips[:, t], carried), 1))
        found = []
        for t in range(last + 1):
            carried = warp(memory, past[:, t - 1]) if t > 0 else nothing
            memory = self.forth(torch.cat((clips[:, t], carried), 1))
            found.append(F.leaky_relu(self.fuse(torch.cat((backwards[t], memory), 1)), SLOPE))
        return torch.stack(found, 1)


@torch.no_grad()
def upscale(network: SuperResolver, frames: torch.Tensor, flows: Flows | None = None) -> torch.Tensor:
    """A clip (K, 3, h, w) in [0, 1] at four times the size, (K, 3, 4h, 4w), clipped to [0, 1]."""
    return network(frames[None], flows).frames[0].clamp(0, 1)
