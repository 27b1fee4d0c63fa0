"""Videos in and out: files of any kind or folders of pictures in, H.264 that every browser plays out.

A video is read and written one frame at a time: a long one needs no more memory than a short one.
"""

import contextlib
import heapq
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import torch
import torch.nn.functional as F
from av.video.reformatter import Interpolation

from tutorial_lib.data.images import read_image, to_pixels, to_tensor
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
PICTURE_RATE = Fraction(24)    # of a folder of pictures, which has no clock of its own; 24 is Sintel's

# Ticks per second of what is written: a multiple of 90,000 (phones), 30,000 (rates as 30000/1001) and 600 (QuickTime).
TICKS = 360_000
ENCODER_THREADS = 2
LONGEST_GAP = Fraction(2**31, TICKS)    # seconds between two frames, 1 h 39 min: beyond, MP4 silently writes none

# What each container takes as it is; any other sound is encoded again as AAC.
COPIED_AUDIO = {
    ".mp4": {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"},
    ".mov": {"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le"},
    ".mkv": {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac", "vorbis", "pcm_s16le"},
}
FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)     # Hz, that every player knows

BT601, BT709 = 6, 1            # numbers of ITU-T H.273, which FFmpeg uses
MP4_BOXES = {b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"free", b"skip", b"wide", b"uuid", b"meta", b"styp"}
MATRICES = {BT709, 4, 5, BT601, 7, 9}
# Without these, chroma is repeated instead of interpolated and edges of saturated colours become jagged.
SMOOTH = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


Skip = Callable[[Fraction], bool]


class UnreadableVideo(TutorialError):
    """A video that cannot be read, or not to its end."""


@dataclass(frozen=True)
class VideoFrame:
    """One frame: image (1, 3, H, W), RGB in [0, 1], upright, and its time in seconds from the video's start."""

    image: torch.Tensor
    time: Fraction


@dataclass(frozen=True)
class Video:
    """A video that can be iterated over, any number of times, for its `VideoFrame`s."""

    path: Path
    height: int                  # as displayed, after rotation
    width: int
    frame_rate: Fraction         # the average, where frames come at varying intervals
    number_of_frames: int | None  # None where the file does not say
    pixel_aspect: Fraction       # width of a pixel over its height; 1 but for old camcorders and DVDs
    has_audio: bool
    _frames: Callable[[int, Skip], Iterator[VideoFrame]] = field(repr=False)

    def __iter__(self) -> Iterator[VideoFrame]:
        return self.frames()

    def frames(self, start: int = 0, skip: Skip | None = None) -> Iterator[VideoFrame]:
        """The frames from number `start` on; none where the video has no more than `start`.

        skip: asked with the time of each of them; where it says yes, the frame is left out before its colours are
        converted, or its picture is read.
        """
        return self._frames(start, skip or (lambda time: False))


def open_video(path: str | Path) -> Video:
    """A video file, a folder of numbered pictures, or one picture, as a `Video`.

    Phones store a video on its side, with a rotation to be applied when it is shown: the frames come upright.
    Raises: UnreadableVideo (a TutorialError) when there is no such file or it is no video; and, from the iteration,
    when the file is cut off or the pictures of a folder differ in size.
    """
    path = Path(path)
    if path.is_dir():
        return _open_pictures(path, _numbered_pictures(path))
    if not path.is_file():
        raise UnreadableVideo(f"There is no video {path}.")
    if path.stat().st_size == 0:
        raise UnreadableVideo(f"{path} is an empty file, not a video.")
    if path.suffix.lower() in PICTURES:
        return _open_pictures(path, [path])
    _check_whole(path)
    with _open_file(path) as (container, stream):
        first = next(_decoded(path, container, stream), None)
        if first is None:
            raise UnreadableVideo(f"{path} has a video stream, but not one frame of it can be decoded.")
        matrix = _display_matrix(first)
        sideways = _is_sideways(matrix)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        return Video(
            path=path,
            height=first.width if sideways else first.height,
            width=first.height if sideways else first.width,
            frame_rate=_frame_rate(stream),
            number_of_frames=stream.frames or None,
            pixel_aspect=1 / aspect if sideways else aspect,
            has_audio=bool(container.streams.audio),
            _frames=lambda start, skip: _file_frames(path, matrix, start, skip),
        )


class VideoWriter:
    """Writes frames as H.264 (yuv420p, BT.709) in a context: `with VideoWriter(...) as w: w.write(image, time)`.

    The file appears when the block ends well, and not at all otherwise. Both sides of such a video are even: an odd
    one gets one more pixel, a copy of the edge.

    path: .mp4, .mov or .mkv (which keeps time to the millisecond only). width, height: of the images.
    frame_rate: what the file states as its average. pixel_aspect: width of a pixel over its height.
    Raises: TutorialError for another suffix, an image of another size, no frame at all, or a full disk.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        frame_rate: Fraction,
        pixel_aspect: Fraction = Fraction(1),
    ):
        self.path = check_container(path)
        self.width, self.height = width, height
        self.frame_rate = frame_rate.limit_denominator(1001)
        self.pixel_aspect = pixel_aspect

    def __enter__(self) -> "VideoWriter":
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            stack.enter_context(_write_errors(self.path))
            self._output = _create(temporary)
            stack.callback(self._abandon)
            self._stream = self._add_stream()
            self._last_tick = -1
            self._stack = stack.pop_all()
        return self

    def write(self, image: torch.Tensor, time: Fraction) -> None:
        """Adds a frame (1, 3, H, W) or (3, H, W), shown from `time` on, in seconds."""
        if image.shape[-2:] != (self.height, self.width):
            height, width = image.shape[-2:]
            raise TutorialError(
                f"A frame of {width}x{height} pixels does not fit into {self.path}, "
                f"which is {self.width}x{self.height}."
            )
        # Two frames with the same time stamp would make the file invalid.
        self._last_tick = max(round(time * TICKS), self._last_tick + 1)
        frame = _encodable(image)
        frame.pts, frame.time_base = self._last_tick, Fraction(1, TICKS)
        self._mux(frame)

    def __exit__(self, kind, error, trace) -> bool:
        if error is not None:
            return self._stack.__exit__(kind, error, trace)
        with self._stack:
            if self._last_tick < 0:
                raise TutorialError(f"{self.path} was not written, because it was given no frame.")
            self._mux(None)
            self._output.close()
        return False

    def _mux(self, frame: av.VideoFrame | None) -> None:
        with _write_errors(self.path):
            self._output.mux(self._stream.encode(frame))

    def _abandon(self) -> None:
        # After a failure the file is deleted anyway, and finishing it may fail for the same reason.
        with contextlib.suppress(av.error.FFmpegError, OSError):
            self._output.close()

    def _add_stream(self) -> av.VideoStream:
        stream = self._output.add_stream("libx264", rate=self.frame_rate)
        stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
        stream.pix_fmt = "yuv420p"
        # Without B-frames every packet is decoded in the order in which it is shown, so that files can be joined
        # without encoding again (`join_videos`) and no time stamp needs shifting.
        stream.options = {"crf": "18", "preset": "veryfast", "bf": "0"}
        context = stream.codec_context
        context.time_base = Fraction(1, TICKS)
        # x264's choices depend on the number of its threads, and the usual one on the processors that a process may
        # use: a film that is gone on with elsewhere would not be the same.
        context.thread_count = ENCODER_THREADS
        context.sample_aspect_ratio = self.pixel_aspect.limit_denominator(255)
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = 1       # 16..235, which is what players assume
        return stream


def join_videos(
    parts: Sequence[str | Path], target: str | Path, audio_from: str | Path | None = None
) -> tuple[int, str]:
    """Puts files of `VideoWriter` with the same size behind each other, without encoding again, and adds sound.

    Every frame keeps its time stamp, so the parts must have been written with times that go on. Returns the number
    of frames and what became of the sound: "copied", "encoded" or "none".
    Raises: TutorialError when the target cannot be written.
    """
    suffix = check_container(target).suffix.lower()
    with contextlib.ExitStack() as stack:
        temporary = stack.enter_context(atomic_path(target))
        stack.enter_context(_write_errors(target))
        output = stack.enter_context(_create(temporary))
        first = stack.enter_context(av.open(_file_url(Path(parts[0]))))
        stream = output.add_stream_from_template(first.streams.video[0])
        packets = [_picture_packets(parts, stream)]
        audio = "none"
        if audio_from:
            source = stack.enter_context(av.open(_file_url(Path(audio_from)), metadata_errors="replace"))
            sound, audio = _sound_packets(source, output, suffix)
            packets.append(sound)
        frames = 0
        for _, packet in heapq.merge(*packets, key=lambda timed: timed[0]):
            frames += packet.stream_index == stream.index
            output.mux_one(packet)
    return frames, audio


def check_sound(path: str | Path, target: str | Path) -> None:
    """Raises TutorialError if `join_videos` could not take the sound of a file over: better said before than after."""
    with av.open(_file_url(Path(path)), metadata_errors="replace") as source:
        _tracks(source, check_container(target).suffix.lower())


def check_container(path: str | Path) -> Path:
    """The path, if its suffix is one that can be written; else TutorialError."""
    path = Path(path)
    if path.suffix.lower() not in COPIED_AUDIO:
        raise TutorialError(f"{path} should end in .mp4, .mov or .mkv, the kinds of video that can be written.")
    return path


# --- reading ---


def _numbered_pictures(folder: Path) -> list[Path]:
    pictures = [p for p in folder.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith(".")]
    if not pictures:
        raise UnreadableVideo(f"The folder {folder} holds no pictures; a video of PNG or JPEG frames was expected.")
    # frame_2 comes before frame_10
    return sorted(pictures, key=lambda p: [(int(n or 0), text) for text, n in re.findall(r"(\D*)(\d*)", p.name)])


def _open_pictures(path: Path, pictures: list[Path]) -> Video:
    height, width = _picture(pictures[0]).shape[-2:]

    def frames(start: int, skip: Skip) -> Iterator[VideoFrame]:
        for number, picture in enumerate(pictures[start:], start):
            if skip(number / PICTURE_RATE):
                continue
            image = _picture(picture)
            if image.shape[-2:] != (height, width):
                h, w = image.shape[-2:]
                raise UnreadableVideo(
                    f"{picture} is {w}x{h} pixels and {pictures[0].name} {width}x{height}; "
                    "the frames of a video must be of one size."
                )
            yield VideoFrame(image, number / PICTURE_RATE)

    return Video(path, height, width, PICTURE_RATE, len(pictures), Fraction(1), False, frames)


def _picture(path: Path) -> torch.Tensor:
    try:
        return read_image(path)
    except TutorialError as error:
        raise UnreadableVideo(str(error)) from error


def _file_url(path: Path) -> str:
    # FFmpeg would take the front of "12:30 holiday.mp4" for a network protocol.
    return f"file:{path}"


@contextlib.contextmanager
def _open_file(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    try:
        # metadata_errors: a title in some old encoding is no reason to refuse a video.
        container = av.open(_file_url(path), metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise UnreadableVideo(f"{path} is not a video that can be read, or its end is missing.") from error
    with container:
        # FFmpeg reads text files as a terminal's screen, and the cover of a song as a video.
        streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if container.format.name == "tty":
            raise UnreadableVideo(f"{path} is not a video but a text file.")
        if not streams:
            raise UnreadableVideo(f"{path} contains no video stream, only sound or data.")
        if streams[0].codec_context is None:
            raise UnreadableVideo(f"{path} is coded in a way that this FFmpeg cannot decode; convert it to H.264.")
        streams[0].thread_type = "AUTO"
        yield container, streams[0]


def _decoded(path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    number = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except av.error.FFmpegError as error:
            # A recorded broadcast may start between two key frames; nothing before the first one can be decoded.
            if number == 0 and not isinstance(error, av.error.EOFError):
                continue
            raise _damaged(path, number) from error
        for frame in frames:
            if frame.is_corrupt:
                raise _damaged(path, number)
            yield frame
            number += 1


def _damaged(path: Path, number: int) -> UnreadableVideo:
    return UnreadableVideo(f"{path} is truncated or damaged after {number} frames; copy or download it again.")


def _check_whole(path: Path) -> None:
    """Raises UnreadableVideo for a truncated file, whose end FFmpeg would take for the end of the film."""
    size, stated = path.stat().st_size, _stated_size(path)
    if stated > size:
        raise UnreadableVideo(
            f"{path} is truncated: {size:,} of its {stated:,} bytes are there; copy or download it again."
        )


def _stated_size(path: Path) -> int:
    """The length in bytes that the file claims for itself; 0 where its format makes no such claim."""
    with open(path, "rb") as stream:
        head = stream.read(64)
        if head[:4] == b"RIFF":                                     # AVI
            return 8 + int.from_bytes(head[4:8], "little")
        if head[:4] == b"\x1a\x45\xdf\xa3":                         # Matroska, WebM: a header, then one segment
            length, digits = _ebml_number(head[4:])
            segment = 4 + digits + length                           # where it starts, with four bytes of name
            length, digits = _ebml_number(head[segment + 4:])
            is_live = length == (1 << 7 * digits) - 1               # a live recording does not know its length
            return 0 if is_live else segment + 4 + digits + length
        end, box = 0, head                                          # MP4, MOV: a row of boxes
        while box[4:8] in MP4_BOXES:
            length = int.from_bytes(box[:4], "big")
            if length == 1:                                         # then a longer number follows the name
                length = int.from_bytes(box[8:16], "big")
            if length < 8:                                          # 0: to the end of the file
                break
            end += length
            if end > path.stat().st_size:                           # up to 2**64, where no file can be searched
                break
            stream.seek(end)
            box = stream.read(16)
        return end


def _ebml_number(data: bytes) -> tuple[int, int]:
    """The number at the start of `data`, and its bytes: one more than the first of them has leading zeros."""
    length = 9 - data[0].bit_length() if data else 1
    return int.from_bytes(data[:length], "big") & ((1 << 7 * length) - 1), length


def _file_frames(path: Path, matrix: np.ndarray, start: int, skip: Skip) -> Iterator[VideoFrame]:
    with _open_file(path) as (container, stream):
        beginning = _beginning(container)
        time, size = None, None
        for number, frame in enumerate(_decoded(path, container, stream)):
            if frame.pts is not None:
                time = frame.pts * frame.time_base - beginning
            else:
                time = Fraction(0) if time is None else time + 1 / _frame_rate(stream)
            size = size or (frame.width, frame.height)
            if (frame.width, frame.height) != size:
                raise UnreadableVideo(f"{path} changes its size at frame {number}; every frame must be of one size.")
            if number >= start and not skip(time):
                yield VideoFrame(to_tensor(_upright(_rgb(frame), matrix)), time)


def _beginning(container: av.container.InputContainer) -> Fraction:
    """The time stamp at which the file starts; broadcasts start anywhere."""
    streams = (*container.streams.video, *container.streams.audio)
    starts = [s.start_time * s.time_base for s in streams if s.start_time is not None]
    return max(min(starts, default=Fraction(0)), Fraction(0))    # before 0 lies the sound encoder's delay, never heard


def _frame_rate(stream: av.VideoStream) -> Fraction:
    return stream.average_rate or stream.guessed_rate or Fraction(25)


def _rgb(frame: av.VideoFrame) -> np.ndarray:
    """(H, W, 3) uint8."""
    matrix = frame.colorspace
    if matrix not in MATRICES:
        matrix = BT709 if frame.height >= 720 else BT601    # what browsers assume for a file that does not say
    return frame.reformat(
        format="rgb24", src_colorspace=matrix, dst_colorspace=matrix, interpolation=SMOOTH
    ).to_ndarray()


def _display_matrix(frame: av.VideoFrame) -> np.ndarray:
    """The signs of the 2x2 part of the matrix [[a, b], [c, d]] that leads from stored to displayed (x, y)."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return np.eye(2, dtype=int)
    matrix = np.frombuffer(bytes(data), np.int32)[[0, 1, 3, 4]].reshape(2, 2)
    # Rotations by other angles than a quarter turn exist on paper only; the nearest quarter turn is taken.
    largest = np.abs(matrix) >= np.abs(matrix).max()
    return np.sign(matrix) * largest


def _is_sideways(matrix: np.ndarray) -> bool:
    return matrix[0, 0] == 0


def _upright(pixels: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(H, W, 3) turned and mirrored as the display matrix says: x' = a x + c y, y' = b x + d y."""
    if _is_sideways(matrix):
        pixels = pixels.transpose(1, 0, 2)
    flip_x, flip_y = matrix.sum(0) < 0
    return pixels[:: -1 if flip_y else 1, :: -1 if flip_x else 1]


# --- writing ---


@contextlib.contextmanager
def _write_errors(target: str | Path) -> Iterator[None]:
    try:
        yield
    except av.error.FFmpegError as error:
        raise TutorialError(f"Cannot write {target}: {(error.strerror or str(error)).lower()}.") from error


def _create(path: Path) -> av.container.OutputContainer:
    # faststart: the index comes first, so that a browser can start before it has the whole file.
    # movie_timescale: the start of the first frame would otherwise be rounded to the millisecond.
    options = {"movflags": "+faststart", "movie_timescale": str(TICKS)}
    return av.open(_file_url(path), "w", options={} if path.suffix.lower() == ".mkv" else options)


def _encodable(image: torch.Tensor) -> av.VideoFrame:
    image = image[None] if image.dim() == 3 else image
    height, width = image.shape[-2:]
    even = F.pad(image.detach().float(), (0, width % 2, 0, height % 2), mode="replicate")
    frame = av.VideoFrame.from_ndarray(to_pixels(even), format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=1, interpolation=SMOOTH)


Timed = tuple[Fraction, av.Packet]


def _picture_packets(parts: Sequence[str | Path], stream: av.VideoStream) -> Iterator[Timed]:
    for part in parts:
        with av.open(_file_url(Path(part))) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.dts is not None:      # the last one is empty: it tells a decoder to flush
                    packet.stream = stream
                    yield packet.dts * packet.time_base, packet


class _Track(NamedTuple):
    """One stream of sound, and how it is taken over."""

    stream: av.AudioStream
    rate: int | None     # Hz, of the AAC that it becomes; None: it is copied

    def add_to(self, output: av.container.OutputContainer) -> av.AudioStream:
        if self.rate is None:
            return output.add_stream_from_template(self.stream)
        layout = "mono" if self.stream.codec_context.channels == 1 else "stereo"
        return output.add_stream("aac", rate=self.rate, layout=layout)      # its encoder resamples


def _tracks(source: av.container.InputContainer, suffix: str) -> list[_Track]:
    """Every sound of a file that can be decoded: copied where the container takes it, else as AAC."""
    tracks = []
    for stream in source.streams.audio:
        context = stream.codec_context
        if context is None:
            continue                            # no decoder: a codec that FFmpeg does not know
        known = context.codec.canonical_name in COPIED_AUDIO[suffix]        # "opus" for libopus, too
        rate = next((rate for rate in AAC_RATES if rate >= context.sample_rate), AAC_RATES[-1])
        ways = [_Track(stream, None)] * known + [_Track(stream, rate)]
        track = next((way for way in ways if _is_taken(way, suffix)), None)
        if track is None:
            raise TutorialError(
                f"The sound of {source.name.removeprefix('file:')} ({context.name}, {context.sample_rate} Hz) cannot "
                f"be written into a {suffix} file, not even as AAC; take another kind of file, or leave the sound out."
            )
        tracks.append(track)
    return tracks


def _is_taken(track: _Track, suffix: str) -> bool:
    """Whether such a file can begin with this sound: MP4, say, takes MP3 but not at every rate."""
    try:
        with av.open(io.BytesIO(), "w", format=FORMATS[suffix]) as trial:
            track.add_to(trial)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _sound_packets(
    source: av.container.InputContainer, output: av.container.OutputContainer, suffix: str
) -> tuple[Iterator[Timed], str]:
    """The packets of all sound in `source` for streams that are added to `output`, and how they are made."""
    tracks = _tracks(source, suffix)
    if not tracks:
        return iter(()), "none"
    targets = {track.stream.index: track.add_to(output) for track in tracks}
    encoded = {track.stream.index for track in tracks if track.rate is not None}
    return _sound(source, targets, encoded, _beginning(source)), "encoded" if encoded else "copied"


def _sound(
    source: av.container.InputContainer, targets: dict[int, av.AudioStream], encoded: set[int], beginning: Fraction
) -> Iterator[Timed]:
    streams = [s for s in source.streams.audio if s.index in targets]
    # Damage in the sound ends the sound, not the film.
    with contextlib.suppress(av.error.InvalidDataError):
        for packet in source.demux(streams):
            target = targets[packet.stream.index]
            shift = round(beginning / packet.time_base)
            if packet.stream.index not in encoded:
                if packet.dts is not None:
                    packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                    packet.stream = target
                    yield packet.dts * packet.time_base, packet
                continue
            for frame in packet.decode():
                frame.pts -= round(beginning / frame.time_base)
                yield from ((p.dts * p.time_base, p) for p in target.encode(frame))
    for stream in streams:
        if stream.index in encoded:
            target = targets[stream.index]
            yield from ((p.dts * p.time_base, p) for p in target.encode(None))
