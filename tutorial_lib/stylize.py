"""A network applied to a video, frame by frame, for as long as the video is."""

import hashlib
import itertools
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn
from tqdm import tqdm

from tutorial_lib import __version__, engines, settings
from tutorial_lib.checkpoint import digest
from tutorial_lib.data.images import fit_longer_side, resize
from tutorial_lib.data.video import (
    PICTURES,
    UnreadableVideo,
    Video,
    VideoWriter,
    check_container,
    join_videos,
    open_video,
)
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path, read_json, write_json
from tutorial_lib.flow.estimate import FlowMethod, estimate_flow_and_mask
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp
from tutorial_lib.threads import Behind, ahead

SMALLEST = 16        # pixels; the networks halve a frame twice and need something left
LARGEST = 4096       # pixels along the longer side, as `size` may ask for
JOB = "job.json"     # in the folder of the segments: what they belong to
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
    flow_method: FlowMethod = "dis",
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

    engine: one of `engines.NEEDS`, or "auto" for the fastest here; a video that is gone on with keeps its engine.
    size: the longer side, in pixels, at which frames are painted, for larger or finer strokes; the video keeps its own
    size.
    Raises: TutorialError when the source cannot be read, the target cannot be written, exists (unless `overwrite`) or
    is the source, for an engine that is not there, or a size outside 16..4096; KeyboardInterrupt, with a sentence on
    how to go on, when stopped by Ctrl-C.
    """
    began = time.monotonic()
    source, target = Path(source), check_container(target)
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise TutorialError(f"A video cannot be painted {size} pixels wide; use a size from {SMALLEST} to {LARGEST}.")
    device = torch.device(device) if device else settings.device()
    if engine != "auto":
        engines.check(engine, device.type)
    video = open_video(source)
    _check_target(source, target, overwrite)
    network = network.to(device)
    job = _fingerprint(network, video, flow_method, device, size)
    if engine == "auto":
        engine = _engine_of(target, job) or _fastest(network, video, device, size, progress)
    parts = _open_parts(target, {**job, "engine": engine})
    try:
        _render(engines.start(network, engine), video, parts, flow_method, device, size, progress)
        whole = parts / f"whole{target.suffix}"
        frames, audio = join_videos(_segments(parts), whole, source if video.has_audio else None)
        _put_in_place(whole, target)
    except UnreadableVideo:
        shutil.rmtree(parts, ignore_errors=True)    # another file is needed, and these segments do not belong to it
        raise
    except KeyboardInterrupt as stop:
        kept = len(_segments(parts)) * SEGMENT
        if kept == 0:
            shutil.rmtree(parts, ignore_errors=True)
            raise KeyboardInterrupt(f"Stopped before {SEGMENT} frames were done; nothing was kept.") from stop
        raise KeyboardInterrupt(
            f"Stopped; about {kept} frames are kept: run the same command again to go on from there."
        ) from stop
    shutil.rmtree(parts, ignore_errors=True)
    return StylizeReport(
        frames=frames,
        seconds=time.monotonic() - began,
        width=video.width + video.width % 2,
        height=video.height + video.height % 2,
        padded=bool(video.width % 2 or video.height % 2),
        audio=audio,
        engine=engine,
    )


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
    network: Callable[..., torch.Tensor], video: Video, parts: Path, flow_method: FlowMethod, device: torch.device,
    size: int | None, progress: bool,
) -> None:
    """Writes the segments that are not there yet."""
    segments = _segments(parts)
    done = len(segments) * SEGMENT
    before = None
    # A teacher with flow looks back at one frame and its own output for it.
    frames = ahead(_painted(video, max(0, done - 1), size))
    if done:
        last = next(frames, None)
        if last is None:
            return                                   # interrupted after the last, shorter segment
        before = (last[0].to(device), load_file(_state(segments[-1]))["output"].to(device))
    bar = tqdm(total=video.number_of_frames, initial=done, unit="frame", disable=not progress)
    with bar, torch.inference_mode():
        number, first = len(segments), next(frames, None)
        while first is not None:
            segment = parts / f"{number:06d}.mp4"
            with VideoWriter(segment, video.width, video.height, video.frame_rate, video.pixel_aspect) as writer:
                with Behind(partial(_write, writer)) as write:
                    for image, time_stamp in itertools.chain([first], itertools.islice(frames, SEGMENT - 1)):
                        image = image.to(device)
                        output = _next_output(network, image, before, flow_method)
                        before = (image, output)
                        write(output, time_stamp)
                        bar.update()
                # Before the segment itself appears: a segment without its state would be of no use.
                with atomic_path(_state(segment)) as temporary:
                    temporary.write_bytes(save({"output": output.cpu().contiguous()}))
            _state(parts / f"{number - 1:06d}.mp4").unlink(missing_ok=True)
            number, first = number + 1, next(frames, None)


def _painted(video: Video, start: int, size: int | None) -> Iterator[tuple[torch.Tensor, Fraction]]:
    """The frames at the size at which they are painted, and their times."""
    for frame in video.frames(start):
        yield _painted_size(frame.image, size), frame.time


def _write(writer: VideoWriter, output: torch.Tensor, time_stamp: Fraction) -> None:
    if output.shape[-2:] != (writer.height, writer.width):
        output = resize(output, writer.height, writer.width)
    writer.write(output, time_stamp)


def _check_target(source: Path, target: Path, overwrite: bool) -> None:
    same = target.resolve() == source.resolve() or (target.exists() and target.samefile(source))
    if same:
        raise TutorialError(f"The target {target} is the source itself; choose another name.")
    if target.is_dir():
        raise TutorialError(f"The target {target} is a folder; give the name of a video file.")
    if target.exists() and not overwrite:
        raise TutorialError(f"{target} exists already; choose another name, or replace it with --overwrite.")


# --- what an interrupted run leaves for the next ---


def _fingerprint(
    network: nn.Module, video: Video, flow_method: FlowMethod, device: torch.device, size: int | None
) -> dict:
    """What must be equal for two runs to give the same frames."""
    path = video.path.resolve()
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES) if path.is_dir() else [path]
    stamps = "".join(f"{f.name} {f.stat().st_size} {f.stat().st_mtime_ns}\n" for f in files)
    return {
        "source": str(path),
        "files": hashlib.sha256(stamps.encode()).hexdigest(),
        "network": f"{network} {getattr(network, 'uses_flow', False)} {digest(network)}",
        "flow": flow_method if isinstance(flow_method, str) else repr(flow_method),
        "device": device.type,
        "size": size,
        "segment": SEGMENT,
        "versions": [__version__, torch.__version__, av.__version__],
    }


def _open_parts(target: Path, fingerprint: dict) -> Path:
    """The folder of the finished segments; those of another job are thrown away."""
    parts = _parts(target)
    if _known(target) != fingerprint:
        shutil.rmtree(parts, ignore_errors=True)
        write_json(parts / JOB, fingerprint)
    return parts


def _engine_of(target: Path, job: dict) -> str | None:
    """The engine that an interrupted run of the same job had, so that the film does not change in the middle."""
    known = _known(target)
    engine = known.pop("engine", None)
    return engine if known == job and engine in engines.installed(job["device"]) else None


def _known(target: Path) -> dict:
    try:
        return read_json(_parts(target) / JOB)
    except TutorialError:
        return {}


def _parts(target: Path) -> Path:
    return target.with_name(f".{target.name}.parts")


def _segments(parts: Path) -> list[Path]:
    """The finished segments, from the first on, up to the first that is missing or whose state cannot be read."""
    numbered = (parts / f"{number:06d}.mp4" for number in itertools.count())
    segments = list(itertools.takewhile(Path.is_file, numbered))
    while segments and not _is_whole(_state(segments[-1])):
        segments.pop()
    return segments


def _is_whole(state: Path) -> bool:
    try:
        return "output" in load_file(state)
    except (OSError, SafetensorError):
        return False


def _state(segment: Path) -> Path:
    """The last output of a segment, to the last bit; the video holds it only after compression."""
    return segment.with_suffix(".safetensors")


def _put_in_place(whole: Path, target: Path) -> None:
    try:
        whole.replace(target)
    except OSError as error:
        raise TutorialError(f"Cannot write {target}: {(error.strerror or str(error)).lower()}.") from error
