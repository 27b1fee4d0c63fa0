"""A network applied to a video, frame by frame, for as long as the video is."""

import hashlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from tutorial_lib import __version__, engines, settings
from tutorial_lib.checkpoint import digest
from tutorial_lib.data.images import fit_longer_side, resize
from tutorial_lib.data.video import (
    LONGEST_GAP,
    PICTURES,
    UnreadableVideo,
    Video,
    VideoWriter,
    check_container,
    check_sound,
    join_videos,
    open_video,
)
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.estimate import FlowMethod, estimate_flow_and_mask
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp
from tutorial_lib.lock import only_writer
from tutorial_lib.threads import Behind, ahead
from tutorial_lib.unfinished import Unfinished

SMALLEST = 16        # pixels; the networks halve a frame twice and need something left
LARGEST = 4096       # pixels along the longer side, as `size` may ask for
SEGMENT = 150        # frames that are finished and kept at a time: what an interruption costs at most

Motion = tuple[torch.Tensor, torch.Tensor]      # a flow and its mask
Step = tuple[torch.Tensor, torch.Tensor]        # a frame and the network's output for it


@dataclass(frozen=True)
class StylizeReport:
    """What `stylize_video` wrote."""

    frames: int      # in the whole file
    seconds: float   # of this call
    width: int       # of the file
    height: int
    padded: bool     # one pixel was added to an odd side, because H.264 takes even ones only
    audio: str       # "copied", "encoded" (as AAC) or "none"
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
    began = time.monotonic()
    source, target = Path(source), check_container(target)
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise TutorialError(f"A video cannot be painted {size} pixels wide; use a size from {SMALLEST} to {LARGEST}.")
    if getattr(network, "uses_flow", False):
        flow_method = "dis" if flow_method is None else flow_method
    elif flow_method is not None:
        raise TutorialError("This network uses no optical flow, only a teacher with flow does: leave the method out.")
    device = torch.device(device) if device else settings.device()
    if engine != "auto":
        engines.check(engine, device.type)
    video, unfinished = open_video(source), Unfinished(target)
    _check_names(source, target, unfinished)
    if video.has_audio:
        check_sound(source, target)
    with only_writer(target):
        job = _fingerprint(network, video, flow_method, device, size)
        known, threads = _begun_with(unfinished, job)
        known = known if engine == "auto" else engine
        threads = threads or torch.get_num_threads()
        film = unfinished.finished({**job, "engine": known, "threads": threads})    # all but the clearing up was done
        if film is None:
            if target.exists() and not overwrite:
                raise TutorialError(f"{target} exists already; choose another name, or replace it with --overwrite.")
            network = network.to(device)
            known = known or _fastest(network, video, device, size, progress)
            unfinished.begin({**job, "engine": known, "threads": threads}, discard=overwrite)
            film = _film(engines.start(network, known, threads), video, unfinished, flow_method, device, size, progress)
        unfinished.clear()
    return StylizeReport(
        frames=film["frames"],
        seconds=time.monotonic() - began,
        width=video.width + video.width % 2,
        height=video.height + video.height % 2,
        padded=bool(video.width % 2 or video.height % 2),
        audio=film["audio"],
        engine=known,
    )


def _film(
    network: Callable[..., torch.Tensor], video: Video, unfinished: Unfinished, flow_method: FlowMethod | None,
    device: torch.device, size: int | None, progress: bool,
) -> dict:
    """Puts the film in its place and says what it is: its frames and its audio."""
    try:
        _render(network, video, unfinished, flow_method, device, size, progress)
        frames, audio = join_videos(unfinished.segments(), unfinished.whole(), video.path if video.has_audio else None)
        film = {"frames": frames, "audio": audio}
        unfinished.finish(film)
        return film
    except BaseException as error:
        kept = len(unfinished.segments()) * SEGMENT
        if kept == 0 or isinstance(error, UnreadableVideo):     # which makes another file necessary
            unfinished.clear()
        if not isinstance(error, KeyboardInterrupt):
            raise
        if kept == 0:
            raise KeyboardInterrupt(f"Stopped before {SEGMENT} frames were done; nothing was kept.") from error
        raise KeyboardInterrupt(
            f"Stopped; about {kept} frames are kept: run the same command again to go on from there."
        ) from error


def _next_output(
    network: Callable[..., torch.Tensor],
    frame: torch.Tensor,
    before: Step | None,
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


def _fastest(network: nn.Module, video: Video, device: torch.device, size: int | None, progress: bool) -> str:
    """The fastest engine by the video's first frame."""
    frame = _painted_size(next(iter(video)).image, size).to(device)
    if min(frame.shape[-2:]) < SMALLEST:
        return "torch"
    return engines.fastest(network, frame, progress)


def _painted_size(frame: torch.Tensor, size: int | None) -> torch.Tensor:
    return frame if size is None else fit_longer_side(frame, size)


def _render(
    network: Callable[..., torch.Tensor], video: Video, unfinished: Unfinished, flow_method: FlowMethod | None,
    device: torch.device, size: int | None, progress: bool,
) -> None:
    """Writes the segments that are not there yet."""
    segments = unfinished.segments()
    done = len(segments) * SEGMENT
    before = None
    # A teacher with flow looks back at one frame and its own output for it.
    frames = ahead(_painted(video, max(0, done - 1), size))
    if done:
        last = next(frames, None)
        if last is None:
            return                                   # interrupted after the last, shorter segment
        before = (last[0].to(device), unfinished.last_output(segments).to(device))
    bar = tqdm(total=video.number_of_frames, initial=done, unit="frame", disable=not progress)
    with bar, torch.inference_mode():
        number, first = len(segments), next(frames, None)
        while first is not None:
            segment = unfinished.segment(number)
            with VideoWriter(segment, video.width, video.height, video.frame_rate, video.pixel_aspect) as writer:
                with Behind(partial(_write, writer)) as write:
                    for image, time_stamp in itertools.chain([first], itertools.islice(frames, SEGMENT - 1)):
                        image = image.to(device)
                        output = _next_output(network, image, before, flow_method)
                        before = (image, output)
                        write(output, time_stamp)
                        bar.update()
                unfinished.keep_output(number, output)
            if number:
                unfinished.forget_output(number - 1)
            number, first = number + 1, next(frames, None)


def _painted(video: Video, start: int, size: int | None) -> Iterator[tuple[torch.Tensor, Fraction]]:
    """The frames at the size at which they are painted, and their times."""
    before = None
    for frame in video.frames(start):
        if before is not None and frame.time - before >= LONGEST_GAP:
            hours, most = float(frame.time - before) / 3600, float(LONGEST_GAP) / 3600
            raise UnreadableVideo(
                f"The frame of {video.path} after {float(before):.0f} s comes {hours:.1f} hours later, and more than "
                f"{most:.1f} cannot be written; cut the video there, or give it an even frame rate."
            )
        before = frame.time
        yield _painted_size(frame.image, size), frame.time


def _write(writer: VideoWriter, output: torch.Tensor, time_stamp: Fraction) -> None:
    if not output.isfinite().all():
        raise TutorialError(
            f"At {float(time_stamp):.2f} s the network gives values that are no numbers, which would be black; take "
            "another network, or train this one anew with a smaller learning rate."
        )
    if output.shape[-2:] != (writer.height, writer.width):
        output = resize(output, writer.height, writer.width)
    writer.write(output, time_stamp)


def _check_names(source: Path, target: Path, unfinished: Unfinished) -> None:
    same = target.resolve() == source.resolve() or (target.exists() and target.samefile(source))
    if same:
        raise TutorialError(f"The target {target} is the source itself; choose another name.")
    if target.is_dir():
        raise TutorialError(f"The target {target} is a folder; give the name of a video file.")
    if unfinished.is_source(source):
        raise TutorialError(
            f"The source {source} lies where unfinished frames of {target} would be kept; choose another target."
        )


def _begun_with(unfinished: Unfinished, job: dict) -> tuple[str | None, int | None]:
    """The engine and the threads of an interrupted run of the same job, so that the film does not change in the middle.

    (OpenVINO's sums depend on the number of threads, which is that of the processors that a process may use.)
    """
    known = unfinished.job()
    engine, threads = known.pop("engine", None), known.pop("threads", None)
    if known != job:
        return None, None
    return engine if engine in engines.installed(job["device"]) else None, threads


def _fingerprint(
    network: nn.Module, video: Video, flow_method: FlowMethod | None, device: torch.device, size: int | None
) -> dict:
    """What must be equal for two runs to give the same frames."""
    path = video.path.resolve()
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES) if path.is_dir() else [path]
    stamps = "".join(f"{f.name} {f.stat().st_size} {f.stat().st_mtime_ns}\n" for f in files)
    return {
        "source": str(path),
        "files": hashlib.sha256(stamps.encode()).hexdigest(),
        "network": f"{network} {getattr(network, 'uses_flow', False)} {digest(network)}",
        "flow": flow_method if isinstance(flow_method, str | None) else repr(flow_method),
        "device": device.type,
        "size": size,
        "segment": SEGMENT,
        "versions": [__version__, torch.__version__, av.__version__],
    }
