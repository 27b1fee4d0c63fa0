import errno
import os
import resource
import signal
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import av
import cv2
import numpy as np
import pytest
import torch
from films import film, onset, picture, read_frames, sound_of, stamps

from tutorial_lib.data import video as video_module
from tutorial_lib.data.images import to_pixels, to_tensor, write_image
from tutorial_lib.data.video import UnreadableVideo, VideoWriter, check_sound, join_videos, open_video
from tutorial_lib.errors import TutorialError

RATE = Fraction(24)


def write(path, pictures, times=None, rate=RATE, **options):
    height, width = pictures[0].shape[:2]
    with VideoWriter(path, width, height, rate, **options) as writer:
        for number, pixels in enumerate(pictures):
            writer.write(to_tensor(pixels), times[number] if times else number / rate)
    return path


def distance(image: torch.Tensor, pixels: np.ndarray) -> float:
    return float(np.abs(to_pixels(image).astype(int) - pixels).mean())


# --- reading ---


def test_a_file_gives_its_size_rate_times_and_colours(tmp_path):
    pictures = [picture(n) for n in range(5)]
    video = open_video(film(tmp_path / "a.mp4", pictures))
    assert (video.height, video.width, video.number_of_frames, video.frame_rate) == (48, 64, 5, 25)
    for _ in range(2):                                          # it can be read again
        frames = list(video)
        assert [frame.time for frame in frames] == [Fraction(n, 25) for n in range(5)]
        for frame, pixels in zip(frames, pictures, strict=True):
            assert frame.image.shape == (1, 3, 48, 64) and frame.image.dtype == torch.float32
            assert distance(frame.image, pixels) < 2
    assert [frame.time for frame in video.frames(3)] == [Fraction(3, 25), Fraction(4, 25)]
    assert list(video.frames(9)) == []


def test_frames_can_be_left_out_by_their_times(tmp_path, monkeypatch):
    """What is left out costs neither a conversion nor, in a folder, a picture's reading."""
    path = film(tmp_path / "a.mp4", [picture(n) for n in range(5)])
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(5):
        write_image(folder / f"{number}.png", to_tensor(picture(number)))
    for source, step, work in ((path, Fraction(1, 25), "_rgb"), (folder, Fraction(1, 24), "read_image")):
        whole, asked, done = open_video(source), [], []
        function = getattr(video_module, work)
        monkeypatch.setattr(video_module, work, lambda *a, function=function, done=done: done.append(1) or function(*a))
        frames = list(whole.frames(1, skip=lambda time, asked=asked: asked.append(time) or len(asked) != 3))
        assert asked == [n * step for n in range(1, 5)] and len(done) == 1
        assert frames[0].time == 3 * step and distance(frames[0].image, picture(3)) < 2


@pytest.mark.parametrize("matrix, full", [(1, False), (6, False), (1, True), (9, False)])
def test_the_colour_matrix_and_range_of_the_file_are_obeyed(tmp_path, matrix, full):
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0], red[..., 1] = 220, 40
    path = film(tmp_path / "a.mp4", [red], matrix=matrix, full=full)
    assert distance(read_frames(path), red) < 3


@pytest.mark.parametrize("height, matrix", [(48, 6), (720, 1)])
def test_a_file_that_names_no_matrix_is_taken_as_browsers_take_it(tmp_path, height, matrix):
    red = np.zeros((height, 64, 3), np.uint8)
    red[..., 0] = 220
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
        frame = av.VideoFrame.from_ndarray(red, format="rgb24").reformat(format="yuv420p", dst_colorspace=matrix)
        frame.colorspace = 2
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert av.open(str(path)).streams.video[0].codec_context.colorspace == 2
    assert distance(read_frames(path), red) < 3                 # BT.601 below 720 lines, else BT.709


@pytest.mark.parametrize("turn, quarters", [(90, 1), (180, 2), (-90, 3)])
def test_a_phone_held_sideways_gives_upright_frames(tmp_path, turn, quarters):
    pixels = picture(0)
    video = open_video(film(tmp_path / "a.mp4", [pixels], turn=turn))
    upright = np.rot90(pixels, quarters)
    assert (video.height, video.width) == upright.shape[:2]
    assert distance(next(iter(video)).image, upright) < 2


def test_a_mirrored_video_is_mirrored_back(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(0, hflip=True)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24")))
        output.mux(stream.encode(None))
    frame = read_frames(path)
    assert distance(frame, picture(0)[:, ::-1]) < distance(frame, picture(0))


def test_one_frame_of_one_pixel(tmp_path):
    pixel = np.array([[[200, 30, 90]]], np.uint8)
    video = open_video(film(tmp_path / "a.mkv", [pixel], codec="ffv1", pixels="bgr0"))
    assert (video.height, video.width) == (1, 1)
    frames = list(video)
    assert len(frames) == 1 and to_pixels(frames[0].image).tolist() == pixel.tolist()


def test_broadcasts_that_start_anywhere_start_at_zero(tmp_path):
    path = film(tmp_path / "a.ts", [picture(n) for n in range(5)], times=[2 + Fraction(n, 25) for n in range(5)])
    assert stamps(path)[0] >= 2
    assert [frame.time for frame in open_video(path)] == [Fraction(n, 25) for n in range(5)]


def test_folders_in_the_order_of_their_numbers_gray_and_transparent_included(tmp_path):
    cv2.imwrite(str(tmp_path / "frame_10.png"), np.full((20, 30, 4), (0, 0, 0, 0), np.uint8))     # all transparent
    cv2.imwrite(str(tmp_path / "frame_9.png"), np.full((20, 30), 51, np.uint8))                   # gray
    cv2.imwrite(str(tmp_path / "frame_2.png"), np.full((20, 30, 3), (255, 0, 0), np.uint8))       # blue, in BGR
    (tmp_path / "notes.txt").write_text("not a frame")
    (tmp_path / "._frame_1.png").write_text("what macOS leaves behind")
    video = open_video(tmp_path)
    assert (video.height, video.width, video.number_of_frames) == (20, 30, 3)
    colours = [[round(c, 3) for c in frame.image[0, :, 0, 0].tolist()] for frame in video]
    assert colours == [[0, 0, 1], [0.2, 0.2, 0.2], [1, 1, 1]]
    assert [frame.time for frame in video] == [0, Fraction(1, 24), Fraction(1, 12)]
    assert len(list(video.frames(2))) == 1


def test_a_single_picture_is_a_video_of_one_frame(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture(0)[..., ::-1])
    assert distance(read_frames(tmp_path / "a.png"), picture(0)) == 0


def test_names_that_look_like_addresses_or_patterns(tmp_path):
    path = tmp_path / "12:30 100%03d 'näh'.mp4"
    write(path, [picture(0)])
    assert len(read_frames(path)) == 1


@pytest.fixture(scope="module")
def bad_inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    film(folder / "whole.mp4", [picture(n) for n in range(30)])
    whole = (folder / "whole.mp4").read_bytes()
    (folder / "no_index.mp4").write_bytes(whole[: len(whole) // 2])
    write(folder / "index_first.mp4", [picture(n) for n in range(30)])
    write(folder / "matroska.mkv", [picture(n) for n in range(30)])
    film(folder / "riff.avi", [picture(n) for n in range(30)], codec="mpeg4", ticks=25)
    (folder / "almost.mkv").write_bytes((folder / "matroska.mkv").read_bytes()[:-1])
    for name in ("index_first.mp4", "matroska.mkv", "riff.avi"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) * 7 // 10])
    (folder / "text.mp4").write_text("hello " * 500)
    (folder / "text.txt").write_text("hello\n" * 500)
    (folder / "empty.mp4").touch()
    (folder / "broken.png").write_text("hello")
    (folder / "nothing").mkdir()
    film(folder / "changing.h264", [picture(0), picture(1)])
    with open(folder / "changing.h264", "ab") as stream:
        stream.write(film(tmp_path_factory.mktemp("b") / "b.h264", [picture(0, 64, 80)]).read_bytes())
    with av.open(str(folder / "song.mp4"), "w") as output:
        stream = output.add_stream("aac", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="flt", layout="mono")
        frame.sample_rate = 44_100
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return folder


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("missing.mp4", "There is no video"),
        ("text.mp4", "is not a video"),
        ("text.txt", "not a video but a text file"),
        ("empty.mp4", "empty file"),
        ("song.mp4", "no video stream"),
        ("no_index.mp4", "truncated: "),
        ("index_first.mp4", "truncated: "),
        ("matroska.mkv", "truncated: "),
        ("almost.mkv", "truncated: "),
        ("riff.avi", "truncated: "),
        ("nothing", "holds no pictures"),
        ("broken.png", "not a picture"),
        ("changing.h264", "changes its size at frame 2"),
    ],
)
def test_bad_inputs_are_one_sentence_each(bad_inputs, name, sentence):
    with pytest.raises(TutorialError, match=sentence) as caught:
        read_frames(bad_inputs / name)
    assert name in str(caught.value) and str(caught.value).count("\n") == 0


def test_a_live_recording_does_not_know_its_length(tmp_path):
    film(tmp_path / "plain.mkv", [picture(n) for n in range(3)])
    with av.open(str(tmp_path / "plain.mkv")) as source, \
            av.open(str(tmp_path / "live.mkv"), "w", options={"live": "1"}) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    assert len(read_frames(tmp_path / "live.mkv")) == 3


@pytest.mark.parametrize("boxes, stated", [
    ([(20, b"ftyp"), (30, b"moov")], 50),
    ([(20, b"ftyp"), (1, b"mdat", 40), (16, b"free")], 76),     # the length in eight bytes
    ([(20, b"ftyp"), (0, b"mdat")], 20),                        # to the end of the file
    ([(20, b"ftyp"), (30, b"else")], 20),
])
def test_the_boxes_of_an_mp4_state_its_length(tmp_path, boxes, stated):
    content = b""
    for length, name, *longer in boxes:
        box = length.to_bytes(4, "big") + name + b"".join(n.to_bytes(8, "big") for n in longer)
        content += box.ljust(longer[0] if longer else length, b"\0")
    (tmp_path / "a.mp4").write_bytes(content)
    assert video_module._stated_size(tmp_path / "a.mp4") == stated


def test_damage_in_the_middle_says_after_how_many_frames(tmp_path):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(30)]
    path = film(tmp_path / "a.mp4", noise)
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + 4 + (len(data) - 4000) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    with pytest.raises(UnreadableVideo, match=r"damaged after \d+ frames"):
        read_frames(path)


def test_pictures_of_different_sizes(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((20, 30, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.zeros((20, 31, 3), np.uint8))
    with pytest.raises(UnreadableVideo, match=r"2.png is 31x20 pixels and 1.png 30x20"):
        read_frames(tmp_path)


# --- writing ---


def test_what_is_written_plays_in_browsers(tmp_path):
    write(tmp_path / "a.mp4", [picture(n) for n in range(3)])
    with av.open(str(tmp_path / "a.mp4")) as written:
        context = written.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert context.profile in ("High", "Main", "Constrained Baseline")
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")            # it can start before it is whole


def test_colours_size_and_times_survive_the_round_trip(tmp_path):
    pictures = [picture(n, 48, 64) for n in range(10)]
    write(tmp_path / "a.mp4", pictures, rate=Fraction(30_000, 1001))
    video = open_video(tmp_path / "a.mp4")
    assert (video.height, video.width, video.frame_rate) == (48, 64, Fraction(30_000, 1001))
    for number, frame in enumerate(video):
        assert frame.time == number * Fraction(1001, 30_000)
        assert distance(frame.image, pictures[number]) < 3
        bias = to_pixels(frame.image).astype(int).mean((0, 1)) - pictures[number].mean((0, 1))
        assert np.abs(bias).max() < 2                           # a wrong matrix or range shifts a channel by ten


@pytest.mark.parametrize("suffix, exact", [(".mp4", True), (".mov", True), (".mkv", False)])
def test_every_frame_keeps_its_own_time(tmp_path, suffix, exact):
    times = [Fraction(t) for t in ("0", "1/30", "1/10", "1/3", "1001/2000", "2")]
    write(tmp_path / f"a{suffix}", [picture(n) for n in range(6)], times=times)
    got = stamps(tmp_path / f"a{suffix}")
    assert got == times if exact else max(abs(a - b) for a, b in zip(got, times, strict=True)) <= Fraction(1, 1000)


@pytest.mark.parametrize("height, width", [(17, 33), (1, 1), (16, 15)])
def test_odd_sizes_get_one_more_pixel_of_the_edge(tmp_path, height, width):
    pixels = picture(0)[:height, :width]
    write(tmp_path / "a.mp4", [pixels])
    got = read_frames(tmp_path / "a.mp4")
    assert got.shape[-2:] == (height + height % 2, width + width % 2)
    assert distance(got, np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")) < 4


@pytest.mark.parametrize(
    "suffix_in, codec, suffix_out, kind",
    [
        (".mp4", "aac", ".mp4", "copied"),
        (".mkv", "libopus", ".mp4", "copied"),
        (".mkv", "pcm_s16le", ".mp4", "encoded"),
        (".mkv", "libopus", ".mov", "encoded"),
        (".mkv", "pcm_s16le", ".mkv", "copied"),
        (".mp4", None, ".mp4", "none"),
    ],
)
def test_sound_is_taken_over_in_time(tmp_path, suffix_in, codec, suffix_out, kind, monkeypatch):
    if codec == "libopus":
        monkeypatch.setattr("films.RATE", 48_000)               # the only rate that Opus knows
    pictures = [picture(n) for n in range(25)]
    source = film(tmp_path / f"in{suffix_in}", pictures, audio=codec)
    silent = write(tmp_path / "silent.mp4", pictures, rate=Fraction(25))
    assert join_videos([silent], tmp_path / f"out{suffix_out}", audio_from=source) == (25, kind)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["silent.mp4", f"in{suffix_in}", f"out{suffix_out}"])
    assert len(read_frames(tmp_path / f"out{suffix_out}")) == 25
    if codec:
        before, after = sound_of(source), sound_of(tmp_path / f"out{suffix_out}")
        assert abs(onset(after) - onset(before)) < 0.003
        assert abs(len(after) - len(before)) < 4096
        if codec == "aac":                                      # Matroska rounds times to milliseconds
            np.testing.assert_array_equal(before[: len(after)], after[: len(before)])


@pytest.mark.parametrize(
    "codec, rate, suffix, kind, written",
    [
        ("libmp3lame", 8_000, ".mp4", "encoded", 8_000),        # MP4 takes MP3 from 16,000 Hz on
        ("libmp3lame", 8_000, ".mkv", "copied", 8_000),
        ("libmp3lame", 16_000, ".mp4", "copied", 16_000),
        ("pcm_s16le", 11_127, ".mp4", "encoded", 12_000),       # a rate of the first Macintoshes, which AAC has not
        ("pcm_s16le", 1_000, ".mp4", "encoded", 8_000),
        ("pcm_s16le", 96_000, ".mp4", "encoded", 48_000),
        ("flac", 11_127, ".mov", "encoded", 12_000),
    ],
)
def test_sound_of_any_rate_is_taken_over(tmp_path, monkeypatch, codec, rate, suffix, kind, written):
    monkeypatch.setattr("films.RATE", rate)
    pictures = [picture(n) for n in range(25)]
    source = film(tmp_path / "in.mkv", pictures, audio=codec)
    silent = write(tmp_path / "silent.mp4", pictures, rate=Fraction(25))
    check_sound(source, tmp_path / f"out{suffix}")
    assert join_videos([silent], tmp_path / f"out{suffix}", audio_from=source) == (25, kind)
    with av.open(str(tmp_path / f"out{suffix}")) as joined:
        assert joined.streams.audio[0].sample_rate == written
    monkeypatch.setattr("films.RATE", 44_100)
    assert abs(onset(sound_of(tmp_path / f"out{suffix}")) - onset(sound_of(source))) < 0.01


def test_sound_and_pictures_are_stored_side_by_side(tmp_path):
    times = [Fraction(n) for n in range(25)]                       # longer than FFmpeg waits for a packet to sort in
    source = film(tmp_path / "in.mp4", [picture(n) for n in range(25)], times, audio="aac")
    silent = write(tmp_path / "silent.mp4", [picture(n) for n in range(25)], times)
    join_videos([silent], tmp_path / "out.mp4", audio_from=source)
    with av.open(str(tmp_path / "out.mp4")) as joined:
        packets = [p for p in joined.demux() if p.dts is not None]
        stored = [float(p.dts * p.time_base) for p in sorted(packets, key=lambda p: p.pos)]
    assert len({p.stream_index for p in packets}) == 2
    assert max(earlier - later for earlier, later in pairwise(stored)) < 1.5


def test_two_frames_at_one_time_follow_each_other(tmp_path):
    write(tmp_path / "a.mp4", [picture(n) for n in range(3)], [Fraction(0), Fraction(0), Fraction(1)])
    first, second, third = stamps(tmp_path / "a.mp4")
    assert first == 0 and 0 < second < Fraction(1, 1000) and third == 1


def test_pixels_that_are_not_square_stay_so(tmp_path):
    write(tmp_path / "a.mp4", [picture(0)], pixel_aspect=Fraction(16, 15))
    assert open_video(tmp_path / "a.mp4").pixel_aspect == Fraction(16, 15)


def test_parts_are_joined_without_a_change(tmp_path):
    pictures = [picture(n) for n in range(9)]
    times = [Fraction(n * n, 60) for n in range(9)]                # the second part starts between two milliseconds
    write(tmp_path / "a.mp4", pictures[:4], times[:4])
    write(tmp_path / "b.mp4", pictures[4:], times[4:])
    assert join_videos([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "c.mp4") == (9, "none")
    assert stamps(tmp_path / "c.mp4") == times
    parts = torch.cat([read_frames(tmp_path / "a.mp4"), read_frames(tmp_path / "b.mp4")])
    assert torch.equal(read_frames(tmp_path / "c.mp4"), parts)


PROCESSORS = """
import os, sys
from fractions import Fraction
from tutorial_lib.data.scenes import random_scene
from tutorial_lib.data.video import VideoWriter
scene, all_of_them = random_scene(7, 180, 320, 12), os.sched_getaffinity(0)
for name, processors in (("one", {min(all_of_them)}), ("all", all_of_them)):
    os.sched_setaffinity(0, processors)
    with VideoWriter(f"{sys.argv[1]}/{name}.mp4", 320, 180, Fraction(24)) as writer:
        for n in range(12):
            writer.write(scene.frame(n), Fraction(n, 24))
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2,
                    reason="needs two processors, and to be able to leave one out")
def test_a_film_does_not_depend_on_the_number_of_processors(tmp_path):
    """Or a film that is gone on with elsewhere would be another one."""
    subprocess.run([sys.executable, "-c", PROCESSORS, tmp_path], check=True)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "all.mp4").read_bytes()


def test_nothing_is_left_after_a_failure(tmp_path):
    target = tmp_path / "a.mp4"
    target.write_text("what was here before")
    with pytest.raises(ZeroDivisionError), VideoWriter(target, 64, 48, RATE) as writer:
        writer.write(to_tensor(picture(0)), 0)
        raise ZeroDivisionError
    with pytest.raises(TutorialError, match="no frame"), VideoWriter(target, 64, 48, RATE):
        pass
    with pytest.raises(TutorialError, match="64x47 pixels does not fit"), VideoWriter(target, 64, 48, RATE) as writer:
        writer.write(torch.zeros(1, 3, 47, 64), 0)
    part = write(tmp_path / "part.mp4", [picture(0)])
    with pytest.raises(TutorialError, match=r"Cannot write .*a\.mp4"):
        join_videos([part, tmp_path / "missing.mp4"], target)
    assert target.read_text() == "what was here before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "part.mp4"]


def test_unknown_container(tmp_path):
    with pytest.raises(TutorialError, match=r"should end in .mp4, .mov or .mkv"):
        VideoWriter(tmp_path / "a.gif", 64, 48, RATE)


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on the size of files")
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    # The limit on a file's size fails a write just as a full disk does.
    script = (
        "import sys, torch\n"
        "from fractions import Fraction\n"
        "from tutorial_lib.data.video import VideoWriter\n"
        "from tutorial_lib.errors import TutorialError\n"
        "try:\n"
        "    with VideoWriter(sys.argv[1], 128, 128, Fraction(24)) as writer:\n"
        "        for n in range(40): writer.write(torch.rand(1, 3, 128, 128), Fraction(n, 24))\n"
        "except TutorialError as error: print(error)\n"
    )

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    target = tmp_path / "a.mp4"
    done = subprocess.run(
        [sys.executable, "-c", script, target], preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith(f"Cannot write {target}: file too large"), done.stdout + done.stderr
    assert done.stdout.count("\n") == 1 and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_space_left(tmp_path, monkeypatch):
    def full(*_):
        raise av.error.OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")

    sentence = r"Cannot write .*a.mp4: no space left on device"
    with pytest.raises(TutorialError, match=sentence), VideoWriter(tmp_path / "a.mp4", 64, 48, RATE) as writer:
        monkeypatch.setattr(video_module, "_encodable", full)
        writer.write(torch.zeros(1, 3, 48, 64), 0)
    assert list(tmp_path.iterdir()) == []


# Not getrusage: its peak includes that of the process that started this one.
MEMORY = r"""
import re, sys
from tutorial_lib.data.video import VideoWriter, open_video
def copy(path):
    video = open_video(path)
    with VideoWriter(sys.argv[3], 128, 96, video.frame_rate) as writer:
        for frame in video:
            writer.write(frame.image, frame.time)
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1024
short = copy(sys.argv[1])
print(copy(sys.argv[2]) - short)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak of memory from /proc")
def test_memory_does_not_grow_with_length(tmp_path):
    short = film(tmp_path / "short.mp4", [picture(n, 96, 128) for n in range(40)])
    long = film(tmp_path / "long.mp4", [picture(n, 96, 128) for n in range(400)])
    script = [sys.executable, "-c", MEMORY, short, long, tmp_path / "out.mp4"]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 15                              # MiB; 360 more frames would be 50
