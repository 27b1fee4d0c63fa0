"""A film made of another: read, turned frame by frame into something else and written, for as long as it is.

What `stylize` and `upscale` share: frames pass one at a time, sound, times and orientation stay, and what an
interrupted run has finished is kept for the next one.
"""

import contextlib
import hashlib
import itertools
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import av
import torch
from tqdm import tqdm

from tutorial_lib import __version__
from tutorial_lib.data.images import resize
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
from tutorial_lib.lock import only_writer
from tutorial_lib.threads import Behind, ahead
from tutorial_lib.unfinished import Unfinished

State = Mapping[str, torch.Tensor]


class Step(NamedTuple):
    """A frame that was made, (1, 3, H, W) in [0, 1], and what has to be known of the past to go on behind it."""

    output: torch.Tensor
    state: State


class Maker(Protocol):
    """What turns the frames of a film into others.

    job: what has to be equal, beside the source, for two runs to give the same frames; in words of `unfinished`.
    decided: what is settled only when a film is begun, by name; one that is gone on with keeps it.
    context: frames before the next one that have to be seen again to go on. segment: frames that are finished and kept
    at a time, which is what an interruption costs at most.
    """

    job: Mapping
    decided: Mapping
    context: int
    segment: int

    def size(self, video: Video) -> tuple[int, int]:
        """Height and width of what is made of a video.

        Raises: TutorialError where that cannot be written.
        """

    def decide(self, before: Mapping) -> None:
        """Settles `decided` as an interrupted run of the same job has it; before is empty where there was none."""

    def begin(self, video: Video, progress: bool) -> None:
        """Makes ready to make frames, and settles what is left of `decided`."""

    def prepared(self, image: torch.Tensor) -> torch.Tensor:
        """A frame of the source (1, 3, H, W) as `steps` is to be given it."""

    def steps(self, frames: Iterator[torch.Tensor], past: Sequence[torch.Tensor], state: State) -> Iterator[Step]:
        """One step for each frame. past: the `context` frames before them, fewer at the film's start; state: as of the
        frame before them, empty at the film's start."""


@dataclass(frozen=True)
class FilmReport:
    """What `write_film` wrote."""

    frames: int      # in the whole file
    seconds: float   # of this call
    width: int       # of the file
    height: int
    padded: bool     # one pixel was added to an odd side, because H.264 takes even ones only
    audio: str       # "copied", "encoded" (as AAC) or "none"


def write_film(
    maker: Maker, source: str | Path, target: str | Path, overwrite: bool = False, progress: bool = True
) -> FilmReport:
    """Writes what `maker` makes of `source`, a video or a folder of pictures, as `target`: H.264 in .mp4, .mov, .mkv.

    Orientation, the time stamp of every frame and the sound stay. The frames pass one at a time, so length costs no
    memory. Every `maker.segment` frames are kept in a folder beside the target, named .TARGET.parts; when a run is
    interrupted, the same call goes on after the last of them.

    overwrite: the target may be replaced, and the finished frames of another film for it thrown away.
    Raises: TutorialError when the source cannot be read, the target cannot be written, exists (unless `overwrite`), is
    the source, is being written by another run or was begun as another film, or for frames that are no numbers;
    KeyboardInterrupt, with a sentence on how to go on, when stopped by Ctrl-C.
    """
    began = time.monotonic()
    source, target = Path(source), check_container(target)
    video, unfinished = open_video(source), Unfinished(target)
    _check_names(source, target, unfinished)
    if video.has_audio:
        check_sound(source, target)
    height, width = maker.size(video)
    with only_writer(target):
        job = {**maker.job, **_fingerprint(video), "segment": maker.segment}
        maker.decide(_decided_before(unfinished, job, maker.decided))
        film = unfinished.finished({**job, **maker.decided})        # all but the clearing up was done
        if film is None:
            if target.exists() and not overwrite:
                raise TutorialError(f"{target} exists already; choose another name, or replace it with --overwrite.")
            unfinished.check(job, discard=overwrite)                # before the maker is begun, which can take a while
            maker.begin(video, progress)
            unfinished.begin({**job, **maker.decided}, discard=overwrite)
            film = _film(maker, video, unfinished, progress)
        unfinished.clear()
    return FilmReport(
        frames=film["frames"],
        seconds=time.monotonic() - began,
        width=width + width % 2,
        height=height + height % 2,
        padded=bool(width % 2 or height % 2),
        audio=film["audio"],
    )


def _film(maker: Maker, video: Video, unfinished: Unfinished, progress: bool) -> dict:
    """Puts the film in its place and says what it is: its frames and its audio."""
    try:
        _render(maker, video, unfinished, progress)
        frames, audio = join_videos(unfinished.segments(), unfinished.whole(), video.path if video.has_audio else None)
        film = {"frames": frames, "audio": audio}
        unfinished.finish(film)
        return film
    except BaseException as error:
        kept = len(unfinished.segments()) * maker.segment
        if kept == 0 or isinstance(error, UnreadableVideo):     # which makes another file necessary
            unfinished.clear()
        if not isinstance(error, KeyboardInterrupt):
            raise
        if kept == 0:
            raise KeyboardInterrupt(f"Stopped before {maker.segment} frames were done; nothing was kept.") from error
        raise KeyboardInterrupt(
            f"Stopped; about {kept} frames are kept: run the same command again to go on from there."
        ) from error


def _render(maker: Maker, video: Video, unfinished: Unfinished, progress: bool) -> None:
    """Writes the segments that are not there yet."""
    segments = unfinished.segments()
    done = len(segments) * maker.segment
    context = min(done, maker.context)
    with contextlib.closing(ahead(_timed(maker, video, done - context))) as frames:
        past = [image for image, _ in itertools.islice(frames, context)]
        if len(past) < context:
            return                                   # interrupted after the last, shorter segment
        bar = tqdm(total=video.number_of_frames, initial=done, unit="frame", disable=not progress)
        with bar, torch.inference_mode():
            times = deque[Fraction]()
            images = (times.append(moment) or image for image, moment in frames)
            steps = maker.steps(images, past, unfinished.state(segments) if segments else {})
            number, first = len(segments), next(steps, None)
            while first is not None:
                with _writer(unfinished.segment(number), maker.size(video), video) as writer:
                    with Behind(partial(_write, writer)) as write:
                        for step in itertools.chain([first], itertools.islice(steps, maker.segment - 1)):
                            write(step.output, times.popleft())
                            bar.update()
                    unfinished.keep_state(number, step.state)
                if number:
                    unfinished.forget_state(number - 1)
                number, first = number + 1, next(steps, None)


def _writer(path: Path, size: tuple[int, int], video: Video) -> VideoWriter:
    height, width = size
    return VideoWriter(path, width, height, video.frame_rate, video.pixel_aspect)


def _timed(maker: Maker, video: Video, start: int) -> Iterator[tuple[torch.Tensor, Fraction]]:
    """The frames as they are to be given to the maker, and their times."""
    before = None
    for frame in video.frames(start):
        if before is not None and frame.time - before >= LONGEST_GAP:
            hours, most = float(frame.time - before) / 3600, float(LONGEST_GAP) / 3600
            raise UnreadableVideo(
                f"The frame of {video.path} after {float(before):.0f} s comes {hours:.1f} hours later, and more than "
                f"{most:.1f} cannot be written; cut the video there, or give it an even frame rate."
            )
        before = frame.time
        yield maker.prepared(frame.image), frame.time


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


def _decided_before(unfinished: Unfinished, job: Mapping, decided: Mapping) -> dict:
    """What an interrupted run of the same job had decided, so that the film does not change in the middle."""
    known = unfinished.job()
    before = {name: known.pop(name) for name in decided if name in known}
    return before if known == job else {}


def _fingerprint(video: Video) -> dict:
    """What tells this source from any other, and this program from another version."""
    path = video.path.resolve()
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES) if path.is_dir() else [path]
    stamps = "".join(f"{f.name} {f.stat().st_size} {f.stat().st_mtime_ns}\n" for f in files)
    return {
        "source": str(path),
        "files": hashlib.sha256(stamps.encode()).hexdigest(),
        "versions": [__version__, torch.__version__, av.__version__],
    }
