"""A network applied to a video, frame by frame, for as long as the video is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from tutorial_lib import engines, settings
from tutorial_lib.checkpoint import digest
from tutorial_lib.data.images import fit_longer_side
from tutorial_lib.data.video import Video
from tutorial_lib.errors import TutorialError
from tutorial_lib.film import FilmReport, State, Step, write_film
from tutorial_lib.flow.estimate import FlowMethod, estimate_flow_and_mask
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp

SMALLEST = 16        # pixels; the networks halve a frame twice and need something left
LARGEST = 4096       # pixels along the longer side, as `size` may ask for
SEGMENT = 150        # frames that are finished and kept at a time: what an interruption costs at most

Motion = tuple[torch.Tensor, torch.Tensor]      # a flow and its mask
Before = tuple[torch.Tensor, torch.Tensor]      # a frame and the network's output for it


@dataclass(frozen=True)
class StylizeReport(FilmReport):
    """What `stylize_video` wrote."""

    engine: str = "torch"


@torch.no_grad()
def stylize_frames(
    network: Callable[..., torch.Tensor],
    frames: Iterable[torch.Tensor],
    flow_method: FlowMethod = "dis",
    motions: Iterable[Motion] | None = None,
) -> Iterator[torch.Tensor]:
    """The stylized frames, one at a time.

    A student is called as network(frame). A teacher with flow (a network whose attribute `uses_flow` is true) is called
    as network(frame, warped_previous, mask): its own previous output, moved to the current frame by the backward flow,
    and the eroded mask of where that can be trusted; for the first frame as network(frame).

    frames: (1, 3, H, W) each, of any size from one pixel up. motions: the exact (flow (1, 2, H, W), mask (1, 1, H, W))
    of each frame but the first; without them they are estimated. Yields (1, 3, H, W) in [0, 1].
    Raises: TutorialError for an unknown flow method, or a flow of another size.
    Source: reference [34] of the paper (Ruder et al. 2018).
    """
    motions, before = iter(motions) if motions is not None else None, None
    for frame in frames:
        exact = next(motions) if motions is not None and before is not None else None
        output = _next_output(network, frame, before, flow_method, exact)
        before = (frame, output)
        yield output


def stylize_clip(
    network: Callable[..., torch.Tensor],
    frames: torch.Tensor,
    flows: torch.Tensor | None = None,
    masks: torch.Tensor | None = None,
    flow_method: FlowMethod = "dis",
) -> torch.Tensor:
    """A clip in memory, stylized frame by frame as `stylize_frames` does: (N, 3, H, W) -> (N, 3, H, W).

    flows (N-1, 2, H, W) and masks (N-1, 1, H, W): exact backward flows and where they hold, for a teacher with flow;
    flows[t-1] leads from frame t into t-1. Without them they are estimated.
    Raises: TutorialError when only one of flows and masks is given, or not N-1 of each.
    """
    if (flows is None) != (masks is None):
        raise TutorialError("Exact flows need their masks and masks their flows; give both or neither.")
    if flows is not None and not len(flows) == len(masks) == len(frames) - 1:
        raise TutorialError(
            f"A clip of {len(frames)} frames has {len(frames) - 1} backward flows and masks; "
            f"{len(flows)} and {len(masks)} were given."
        )
    motions = None if flows is None else zip(flows.split(1), masks.split(1), strict=True)
    return torch.cat(list(stylize_frames(network, frames.split(1), flow_method, motions)))


def stylize_video(
    network: nn.Module,
    source: str | Path,
    target: str | Path,
    flow_method: FlowMethod | None = None,
    device: torch.device | str | None = None,
    overwrite: bool = False,
    progress: bool = True,
    engine: str = "torch",
    size: int | None = None,
) -> StylizeReport:
    """Writes `source` (a video, or a folder of pictures), stylized, as `target`: H.264 in .mp4, .mov or .mkv.

    Size, orientation, the time stamp of every frame and the sound stay. The frames pass one at a time, so length costs
    no memory. Every 150 frames are kept in a folder beside the target, named .TARGET.parts; when a run is interrupted,
    the same call goes on after the last of them. The network is moved to `device` (without one: the GPU, if any).

    flow_method: of a teacher with flow; without one, "dis".
    overwrite: the target may be replaced, and the finished frames of another film for it thrown away.
    engine: one of `engines.NEEDS`, or "auto" for the fastest here; a video that is gone on with keeps its engine.
    size: the longer side, in pixels, at which frames are painted, for larger or finer strokes; the video keeps its own
    size.
    Raises: TutorialError when the source cannot be read, the target cannot be written, exists (unless `overwrite`), is
    the source, is being written by another run or was begun as another film, for an engine that is not there, a size
    outside 16..4096, a flow method without a teacher with flow, or a network that gives no numbers; KeyboardInterrupt,
    with a sentence on how to go on, when stopped by Ctrl-C.
    """
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise TutorialError(f"A video cannot be painted {size} pixels wide; use a size from {SMALLEST} to {LARGEST}.")
    if getattr(network, "uses_flow", False):
        flow_method = "dis" if flow_method is None else flow_method
    elif flow_method is not None:
        raise TutorialError("This network uses no optical flow, only a teacher with flow does: leave the method out.")
    device = torch.device(device) if device else settings.device()
    if engine != "auto":
        engines.check(engine, device.type)
    painter = _Painter(network, flow_method, device, engine, size)
    report = write_film(painter, source, target, overwrite, progress)
    return StylizeReport(**asdict(report), engine=painter.decided["engine"])


class _Painter:
    """A `film.Maker`: a network, in an engine, at a size. A teacher with flow looks back at one frame and what it made
    of it."""

    context = 1

    def __init__(self, network: nn.Module, flow_method: FlowMethod | None, device: torch.device, engine: str,
                 painted_size: int | None):
        self.network, self.flow_method, self.device = network, flow_method, device
        self.engine, self.painted_size, self.segment = engine, painted_size, SEGMENT
        self._settle(None, None)
        self.job = {
            "network": f"{network} {getattr(network, 'uses_flow', False)} {digest(network)}",
            "flow": flow_method if isinstance(flow_method, str | None) else repr(flow_method),
            "device": device.type,
            "size": painted_size,
        }

    def size(self, video: Video) -> tuple[int, int]:
        return video.height, video.width

    def decide(self, before: Mapping) -> None:
        """The engine and the threads: OpenVINO's sums depend on their number, which is that of the processors that a
        process may use."""
        known = before.get("engine") if before.get("engine") in engines.installed(self.device.type) else None
        self._settle(known if self.engine == "auto" else self.engine, before.get("threads") or torch.get_num_threads())

    def begin(self, video: Video, progress: bool) -> None:
        self.network = self.network.to(self.device)
        self._settle(self.decided["engine"] or self._fastest(video, progress), self.decided["threads"])
        self.paint = engines.start(self.network, self.decided["engine"], self.decided["threads"])

    def prepared(self, image: torch.Tensor) -> torch.Tensor:
        return image if self.painted_size is None else fit_longer_side(image, self.painted_size)

    def steps(self, frames: Iterator[torch.Tensor], past: Sequence[torch.Tensor], state: State) -> Iterator[Step]:
        before = (past[0].to(self.device), state["output"].to(self.device)) if past else None
        for frame in frames:
            frame = frame.to(self.device)
            output = _next_output(self.paint, frame, before, self.flow_method)
            before = (frame, output)
            yield Step(output, {"output": output})

    def _settle(self, engine: str | None, threads: int | None) -> None:
        versions = engines.versions([engine]) if engine else None      # another version may round otherwise
        self.decided = {"engine": engine, "threads": threads, "engine_versions": versions}

    def _fastest(self, video: Video, progress: bool) -> str:
        """The fastest engine for frames as large as the video's first one is painted."""
        size = self.prepared(next(iter(video)).image).shape[-2:]
        return "torch" if min(size) < SMALLEST else engines.fastest(self.network, size, progress)


def _next_output(
    network: Callable[..., torch.Tensor],
    frame: torch.Tensor,
    before: Before | None,
    flow_method: FlowMethod,
    exact: Motion | None = None,
) -> torch.Tensor:
    if before is None or not getattr(network, "uses_flow", False):
        return _apply(network, frame)
    previous_frame, previous_output = before
    flow, mask = exact or estimate_flow_and_mask(frame, previous_frame, flow_method)
    return _apply(network, frame, warp(previous_output, flow), erode(mask))


def _apply(network: Callable[..., torch.Tensor], *images: torch.Tensor) -> torch.Tensor:
    """The network on images (1, C, H, W) that may be smaller than it can take."""
    height, width = images[0].shape[-2:]
    bottom, right = max(0, SMALLEST - height), max(0, SMALLEST - width)
    if bottom or right:
        images = [F.pad(image, (0, right, 0, bottom), mode="replicate") for image in images]
    return network(*images)[..., :height, :width]
