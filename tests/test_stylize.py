import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch
from films import film, onset, picture, read_frames, sound_of, stamps
from test_engines import need
from torch import nn

from tutorial_lib import engines, stylize
from tutorial_lib import film as making
from tutorial_lib.data import video
from tutorial_lib.data.images import to_tensor, write_image
from tutorial_lib.data.video import UnreadableVideo, VideoWriter
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.teacher import Teacher, roll_out
from tutorial_lib.stylize import StylizeReport, stylize_clip, stylize_frames, stylize_video


class Negative(nn.Module):
    """A student that can be checked by eye. It keeps what it was given."""

    uses_flow = False

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.calls = []

    def forward(self, frame):
        assert min(frame.shape[-2:]) >= 16
        self.calls.append((frame,))
        return 1 - self.scale * frame


class Remembering(Negative):
    """A teacher with flow: mixes what it sees with what it did before."""

    uses_flow = True

    def forward(self, frame, warped_previous=None, mask=None):
        self.calls.append((frame, warped_previous, mask))
        if warped_previous is None:
            return 1 - frame
        return (1 - frame) * (1 - 0.7 * mask) + 0.7 * mask * warped_previous


def clip(count=4, height=40, width=56):
    return torch.cat([to_tensor(picture(n, height, width)) for n in range(count)])


def make(path, count=12, **options):
    return film(path, [picture(n) for n in range(count)], **options)


def run(network, source, target, **options):
    return stylize_video(network, source, target, device="cpu", progress=False, **options)


@pytest.fixture
def short_segments(monkeypatch):
    monkeypatch.setattr(stylize, "SEGMENT", 5)


# --- clips in memory ---


def test_a_student_sees_one_frame_at_a_time():
    frames = clip()
    assert torch.equal(stylize_clip(Negative(), frames), 1 - frames)


def test_a_teacher_gets_its_own_warped_output_and_the_eroded_mask():
    frames, network = clip(), Remembering()
    flows = torch.randn(3, 2, 40, 56, generator=torch.Generator().manual_seed(0)) * 3
    masks = torch.ones(3, 1, 40, 56)
    masks[:, :, 20, 20] = 0
    outputs = stylize_clip(network, frames, flows, masks)
    assert network.calls[0][1] is None
    for t in (1, 2, 3):
        frame, previous, mask = network.calls[t]
        assert torch.equal(frame, frames[t : t + 1])
        assert torch.equal(previous, warp(outputs[t - 1 : t], flows[t - 1 : t]))
        assert torch.equal(mask, erode(masks[t - 1 : t]))
        assert mask.sum() == 40 * 56 - 49                       # a 7x7 minimum filter


def test_a_teacher_at_work_is_the_teacher_in_training():
    teacher = Teacher(8, 1).eval()
    flows, masks = torch.full((3, 2, 40, 56), 1.5), torch.ones(3, 1, 40, 56)
    with torch.no_grad():
        expected = roll_out(teacher, clip(), flows, masks)
    torch.testing.assert_close(stylize_clip(teacher, clip(), flows, masks), expected)


def test_estimated_flow_leads_from_the_current_frame_back(monkeypatch):
    asked = []

    def method(source, target):
        asked.append((source, target))
        return torch.zeros_like(source[:, :2])

    frames = clip(2)
    stylize_clip(Remembering(), frames, flow_method=method)
    assert torch.equal(asked[0][0], frames[1:]) and torch.equal(asked[0][1], frames[:1])


def test_frames_stream():
    """A frame is asked for when its output is, so a film of any length fits into memory."""
    taken = []

    def source():
        for frame in clip(6).split(1):
            taken.append(1)
            yield frame

    outputs = stylize_frames(Remembering(), source())
    for number in (1, 2, 3):
        next(outputs)
        assert len(taken) == number


@pytest.mark.parametrize("network", [Negative(), Remembering()])
def test_frames_that_are_smaller_than_a_network_can_take(network):
    frames = clip(2, 1, 1)
    assert stylize_clip(network, frames).shape == (2, 3, 1, 1)
    assert torch.equal(stylize_clip(Negative(), frames), 1 - frames)


def test_flows_and_masks_that_do_not_fit():
    with pytest.raises(TutorialError, match="give both or neither"):
        stylize_clip(Negative(), clip(), flows=torch.zeros(3, 2, 40, 56))
    with pytest.raises(TutorialError, match="4 frames has 3 backward flows and masks; 4 and 4 were given"):
        stylize_clip(Negative(), clip(), torch.zeros(4, 2, 40, 56), torch.ones(4, 1, 40, 56))
    with pytest.raises(TutorialError, match="Unknown flow method 'raft'; the methods are dis"):
        stylize_clip(Remembering(), clip(), flow_method="raft")


# --- videos ---


def test_a_video_keeps_size_times_and_sound(tmp_path, short_segments):
    times = [Fraction(n * n, 60) for n in range(12)]
    source = make(tmp_path / "in.mp4", times=times, audio="aac")
    report = run(Negative(), source, tmp_path / "new folder" / "out.mp4")
    target = tmp_path / "new folder" / "out.mp4"
    assert report == StylizeReport(12, report.seconds, 64, 48, False, "copied") and report.seconds > 0
    assert stamps(target) == times
    assert (read_frames(target) - (1 - read_frames(source))).abs().mean() < 0.01
    assert abs(onset(sound_of(target)) - onset(sound_of(source))) < 0.001
    assert [p.name for p in target.parent.iterdir()] == ["out.mp4"]


def test_a_video_is_the_clip(tmp_path, short_segments):
    source = make(tmp_path / "in.mp4")
    run(Remembering(), source, tmp_path / "out.mp4")
    assert (read_frames(tmp_path / "out.mp4") - stylize_clip(Remembering(), read_frames(source))).abs().mean() < 0.02


def test_a_turned_phone_video_comes_out_upright(tmp_path):
    report = run(Negative(), make(tmp_path / "in.mp4", 2, turn=90), tmp_path / "out.mp4")
    assert (report.width, report.height) == (48, 64)
    assert (read_frames(tmp_path / "out.mp4") - (1 - read_frames(tmp_path / "in.mp4"))).abs().mean() < 0.01


@pytest.mark.parametrize("height, width", [(1, 1), (17, 33)])
def test_folders_of_odd_and_tiny_pictures(tmp_path, height, width):
    for number in range(3):
        write_image(tmp_path / "in" / f"{number}.png", to_tensor(picture(number)[:height, :width]))
    report = run(Remembering(), tmp_path / "in", tmp_path / "in" / "out.mp4")
    assert (report.frames, report.padded, report.audio) == (3, True, "none")
    assert (report.height, report.width) == (height + 1, width + 1)
    assert read_frames(tmp_path / "in" / "out.mp4").shape == (3, 3, height + 1, width + 1)


def test_one_frame(tmp_path):
    assert run(Negative(), make(tmp_path / "in.mp4", 1), tmp_path / "out.mkv").frames == 1


def test_a_target_is_never_lost(tmp_path):
    source, target = make(tmp_path / "in.mp4", 2), tmp_path / "out.mp4"
    link = tmp_path / "link.mp4"
    link.symlink_to(source)
    for same in (source, link, tmp_path / "." / "x" / ".." / "in.mp4"):
        with pytest.raises(TutorialError, match="is the source itself"):
            run(Negative(), source, same, overwrite=True)
    target.write_text("precious")
    with pytest.raises(TutorialError, match="exists already"):
        run(Negative(), source, target)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(TutorialError, match="is a folder"):
        run(Negative(), source, tmp_path / "folder.mp4", overwrite=True)
    assert target.read_text() == "precious"
    run(Negative(), source, target, overwrite=True)
    assert len(read_frames(target)) == 2


def test_bad_names(tmp_path):
    with pytest.raises(TutorialError, match=r"should end in \.mp4"):
        run(Negative(), make(tmp_path / "in.mp4", 1), tmp_path / "out.gif")
    with pytest.raises(TutorialError, match="There is no video"):
        run(Negative(), tmp_path / "missing.mp4", tmp_path / "out.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def test_a_source_that_breaks_off_leaves_nothing(tmp_path, short_segments):
    for number in range(8):
        write_image(tmp_path / "in" / f"{number}.png", torch.zeros(1, 3, 20, 20 + (number == 7)))
    with pytest.raises(UnreadableVideo, match=r"7\.png is 21x20"):
        run(Negative(), tmp_path / "in", tmp_path / "out.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


# --- interruption ---


class Interrupted(Remembering):
    """Presses Ctrl-C, or fails, at one frame."""

    def __init__(self, at, error=KeyboardInterrupt):
        super().__init__()
        self.at, self.error = at, error

    def forward(self, *images):
        if len(self.calls) == self.at:
            raise self.error
        return super().forward(*images)

    def __repr__(self):
        return repr(Remembering())                              # the next run has the same network


def test_ctrl_c_and_again(tmp_path, short_segments):
    source, target = make(tmp_path / "in.mp4", 12), tmp_path / "out.mp4"
    run(Remembering(), source, tmp_path / "straight.mp4")
    with pytest.raises(KeyboardInterrupt, match="about 5 frames are kept: run the same command again"):
        run(Interrupted(7), source, target)
    assert not target.exists()
    with pytest.raises(KeyboardInterrupt, match="about 10 frames are kept"):
        run(Interrupted(6), source, target)
    network = Remembering()
    assert run(network, source, target).frames == 12
    assert len(network.calls) == 2 and network.calls[0][1] is not None
    assert torch.equal(read_frames(target), read_frames(tmp_path / "straight.mp4"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.mp4", "straight.mp4"]


def test_ctrl_c_at_the_very_end(tmp_path, short_segments, monkeypatch):
    source, target = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4"

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(making, "join_videos", interrupted)
        run(Remembering(), source, target)
    network = Remembering()
    assert run(network, source, target).frames == 7
    assert network.calls == []


@pytest.mark.parametrize("paint", ["a video", "a clip"])
def test_flow_is_estimated_by_the_method_that_is_asked_for(paint, tmp_path, monkeypatch):
    asked = []

    def estimated(frame, previous, method):
        asked.append(method)
        return torch.zeros_like(frame[:, :2]), torch.ones_like(frame[:, :1])

    monkeypatch.setattr(stylize, "estimate_flow_and_mask", estimated)
    if paint == "a video":
        run(Remembering(), make(tmp_path / "in.mp4", 3), tmp_path / "out.mp4", flow_method="dis-fast")
    else:
        stylize_clip(Remembering(), clip(3), flow_method="dis-fast")
    assert asked == ["dis-fast"] * 2


def heavier():
    network = Remembering()
    network.scale.data += 1e-6
    return network


@pytest.mark.parametrize("other, network, options", [
    ("flow method", Remembering, {"flow_method": "dis-fast"}), ("style or network", heavier, {}),
    ("flow method and another style or network", Negative, {}), ("engine", Remembering, {"engine": "torch-bfloat16"}),
    ("size", Remembering, {"size": 32}),
])
def test_finished_frames_of_another_film_are_not_lost(tmp_path, short_segments, other, network, options):
    source, target = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(6), source, target)
    kept = {path.name: path.read_bytes() for path in (tmp_path / ".out.mp4.parts").iterdir()}
    painter = network()
    with pytest.raises(TutorialError, match=rf"out\.mp4 was begun with another {other}, and about 5 frames of it are "
                       "done: give the command that it was begun with"):
        run(painter, source, target, **options)
    assert painter.calls == []
    assert {path.name: path.read_bytes() for path in (tmp_path / ".out.mp4.parts").iterdir()} == kept
    again = Remembering()
    run(again, source, target)
    assert len(again.calls) == 2
    target.unlink()
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(6), source, target)
    run(painter, source, target, overwrite=True, **options)
    assert len(painter.calls) == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_another_engine_is_called_that_and_not_another_version(tmp_path, short_segments):
    """Other packages are behind it, so both differ."""
    need("onnxruntime")
    source, target, student = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4", Student(4, 1).eval()
    write, written = making._write, []

    def interrupted(*arguments):
        written.append(1)
        if len(written) == 7:
            raise KeyboardInterrupt
        write(*arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(making, "_write", interrupted)
        run(student, source, target, engine="torch")
    with pytest.raises(TutorialError, match="begun with another engine, and about 5 frames of it are done"):
        run(student, source, target, engine="onnxruntime")


def test_another_source_is_another_film(tmp_path, short_segments):
    source, target = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(6), source, target)
    os.utime(source, (1, 1))
    for changed in (source, make(tmp_path / "other.mp4", 7)):
        with pytest.raises(TutorialError, match="begun with another source, and about 5"):
            run(Remembering(), changed, target)


def test_a_film_without_a_finished_segment_has_nothing_to_lose(tmp_path, short_segments):
    source, target = make(tmp_path / "in.mp4", 3), tmp_path / "out.mp4"
    unfinished = making.Unfinished(target)
    unfinished.begin({"of": "another"}, discard=False)
    assert run(Remembering(), source, target).frames == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_what_is_not_ours_is_never_deleted(tmp_path, short_segments):
    """Somebody's own folder of that name, as the source or not, also behind a link; a file of that name."""
    parts, target = tmp_path / ".out.mp4.parts", tmp_path / "out.mp4"
    for number in range(6):
        write_image(parts / f"{number}.png", to_tensor(picture(number)))
    (parts / "000000.mp4").write_text("precious")
    kept = {path.name: path.read_bytes() for path in parts.iterdir()}
    source = make(tmp_path / "in.mp4", 7)
    for given in (parts, parts / "000000.mp4"):
        with pytest.raises(TutorialError, match=r"lies where unfinished frames|is not a video"):
            run(Negative(), given, target, overwrite=True)
    with pytest.raises(TutorialError, match=r"out\.mp4\.parts is where .* but it is not a folder of this program"):
        run(Negative(), source, target, overwrite=True)
    assert {path.name: path.read_bytes() for path in parts.iterdir()} == kept
    parts.rename(tmp_path / "elsewhere")
    parts.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TutorialError, match="not a folder of this program"):
        run(Negative(), source, target, overwrite=True)
    parts.unlink()
    parts.write_text("precious")
    with pytest.raises(TutorialError, match="not a folder of this program"):
        run(Negative(), source, target, overwrite=True)
    assert parts.read_text() == "precious" and not target.exists()
    assert {path.name: path.read_bytes() for path in (tmp_path / "elsewhere").iterdir()} == kept


def test_finished_segments_are_no_source_for_the_same_film(tmp_path, short_segments):
    source, target = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(6), source, target)
    segment = tmp_path / ".out.mp4.parts" / "000000.mp4"
    before = segment.read_bytes()
    with pytest.raises(TutorialError, match="lies where unfinished frames"):
        run(Negative(), segment, target, overwrite=True)
    assert segment.read_bytes() == before


def test_what_somebody_put_beside_the_segments_stays(tmp_path, short_segments):
    source, target = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(6), source, target)
    (tmp_path / ".out.mp4.parts" / "notes.txt").write_text("precious")
    run(Remembering(), source, target)
    assert [path.name for path in (tmp_path / ".out.mp4.parts").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_film_that_only_had_to_be_cleared_up_is_done(tmp_path, short_segments, monkeypatch, overwrite):
    source, target = make(tmp_path / "in.mp4", 7, audio="aac"), tmp_path / "out.mp4"
    with monkeypatch.context() as patch:
        patch.setattr(making.Unfinished, "clear", lambda self: None)
        first = run(Remembering(), source, target, engine="torch")
    assert (tmp_path / ".out.mp4.parts" / "job.json").exists()
    before = target.read_bytes()
    network = Remembering()
    assert replace(run(network, source, target, overwrite=overwrite, engine="auto"), seconds=first.seconds) == first
    assert network.calls == [] and target.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
    with pytest.raises(TutorialError, match="exists already"):
        run(network, source, target)


def test_a_file_that_has_taken_the_films_place_is_not_taken_for_it(tmp_path, short_segments, monkeypatch):
    source, target = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4"
    with monkeypatch.context() as patch:
        patch.setattr(making.Unfinished, "clear", lambda self: None)
        run(Remembering(), source, target)
    target.unlink()
    target.write_text("precious")
    with pytest.raises(TutorialError, match="exists already"):
        run(Remembering(), source, target)
    assert target.read_text() == "precious"
    target.unlink()
    assert run(Negative(), source, target).frames == 7          # the frames of a film that was made are no loss


class Meanwhile(Negative):
    """Starts other runs while it is in one."""

    def __init__(self, others):
        super().__init__()
        self.others = others

    def forward(self, frame):
        if not self.calls:
            self.others()
        return super().forward(frame)


def test_two_runs_never_write_one_film_and_two_films_have_no_quarrel(tmp_path, short_segments):
    source, target = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4"

    def others():
        with pytest.raises(TutorialError, match=r"Another run is writing .*out\.mp4; wait"):
            run(Remembering(), source, target, overwrite=True)
        assert run(Remembering(), source, tmp_path / "another.mp4").frames == 7

    assert run(Meanwhile(others), source, target).frames == 7
    assert (read_frames(target) - (1 - read_frames(source))).abs().mean() < 0.01
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another.mp4", "in.mp4", "out.mp4"]


def test_every_kill_goes_on_to_the_same_film(tmp_path):
    """At everything that the file system is asked to change, from the first folder to the last."""
    script = Path(__file__).with_name("kill_stylize.py")
    make(tmp_path / "in.mp4", 3)
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    kills = done.stdout.splitlines()
    assert len(kills) > 40 and all(line.endswith("the same film") for line in kills), done.stdout


@pytest.mark.parametrize("program", [making, torch, av], ids=["ours", "torch", "av"])
def test_frames_of_another_version_are_made_again(program, tmp_path, short_segments, monkeypatch):
    """It may paint or write otherwise, and the film would change in the middle."""
    source, target = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(6), source, target, overwrite=True)
    monkeypatch.setattr(program, "__version__", f"{program.__version__}1")
    network = Remembering()
    run(network, source, target, overwrite=True)
    assert len(network.calls) == 7


def test_damaged_parts_are_made_again(tmp_path, short_segments):
    source, target = make(tmp_path / "in.mp4", 12), tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(11), source, target)
    parts = tmp_path / ".out.mp4.parts"
    assert sorted(p.name for p in parts.iterdir()) == ["000000.mp4", "000001.mp4", "000001.safetensors", "job.json"]
    assert json.loads((parts / "job.json").read_text())["flow"] == "dis"
    (parts / "000001.safetensors").write_bytes(b"half")
    network = Remembering()
    assert run(network, source, target).frames == 12
    assert len(network.calls) == 12


def test_a_full_disk_is_one_sentence_and_what_is_done_is_kept(tmp_path, short_segments):
    source, target = make(tmp_path / "in.mp4", 12), tmp_path / "out.mp4"
    full = OSError(28, "No space left on device")
    with pytest.raises(TutorialError, match=r"Cannot write .*no space left on device"):
        run(Interrupted(7, full), source, target)
    assert not target.exists()
    network = Remembering()
    run(network, source, target)
    assert len(network.calls) == 7


# --- what cannot be ---


class Broken(Negative):
    """Gives NaN from one frame on."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def forward(self, frame):
        return super().forward(frame) * (float("nan") if len(self.calls) >= self.at else 1)


@pytest.mark.parametrize("at, seconds, kept", [(0, "00", []), (8, "28", [".out.mp4.parts"])])
def test_a_network_that_gives_no_numbers_makes_no_film(tmp_path, short_segments, at, seconds, kept):
    with pytest.raises(TutorialError, match=rf"At 0\.{seconds} s the network gives values that are no numbers"):
        run(Broken(at), make(tmp_path / "in.mp4", 12), tmp_path / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == [*kept, "in.mp4"]


def test_a_gap_that_mp4_cannot_hold_is_said(tmp_path, short_segments):
    """It would silently become none, within a segment and between two of them."""
    for number in (3, 5):
        times = [Fraction(n, 25) + (n >= number) * 6_000 for n in range(7)]
        source = make(tmp_path / f"{number}.mkv", 7, times=times)
        with pytest.raises(UnreadableVideo, match=r"comes 1\.7 hours later, and more than 1\.7 cannot be written"):
            run(Negative(), source, tmp_path / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3.mkv", "5.mkv"]
    times = [Fraction(0), Fraction(5_900), Fraction(5_901)]
    run(Negative(), make(tmp_path / "long.mkv", 3, times=times), tmp_path / "out.mp4")
    assert stamps(tmp_path / "out.mp4") == times


def test_sound_that_cannot_be_written_is_said_before_the_first_frame(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "_is_taken", lambda track, suffix: False)
    network = Negative()
    with pytest.raises(TutorialError, match=r"The sound of .*in\.mp4 \(aac, 44100 Hz\) cannot be written"):
        run(network, make(tmp_path / "in.mp4", 2, audio="aac"), tmp_path / "out.mp4")
    assert network.calls == [] and [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_flow_method_without_a_teacher_with_flow_is_said(tmp_path):
    source = make(tmp_path / "in.mp4", 2)
    with pytest.raises(TutorialError, match="uses no optical flow"):
        run(Negative(), source, tmp_path / "out.mp4", flow_method="dis")
    run(Remembering(), source, tmp_path / "out.mp4", flow_method="dis")


# --- engines and sizes ---


def test_it_paints_at_another_size_and_keeps_that_of_the_video(tmp_path, short_segments):
    source, network = make(tmp_path / "in.mp4", 7), Remembering()
    report = run(network, source, tmp_path / "out.mp4", size=128)
    assert {tuple(image.shape[-2:]) for images in network.calls for image in images if image is not None} == {(96, 128)}
    assert (report.width, report.height) == (64, 48)
    straight = run(Remembering(), source, tmp_path / "straight.mp4") and read_frames(tmp_path / "straight.mp4")
    assert (read_frames(tmp_path / "out.mp4") - straight).abs().mean() < 0.03


@pytest.mark.parametrize("size", [15, 4097])
def test_sizes_that_cannot_be(tmp_path, size):
    with pytest.raises(TutorialError, match="use a size from 16 to 4096"):
        run(Negative(), make(tmp_path / "in.mp4", 1), tmp_path / "out.mp4", size=size)


def test_the_network_runs_in_the_engine_that_is_asked_for(tmp_path, monkeypatch):
    asked, start = [], engines.start
    monkeypatch.setattr(engines, "start", lambda network, name, n: asked.append(name) or start(network, name, n))
    source = make(tmp_path / "in.mp4", 2)
    assert run(Negative(), source, tmp_path / "a.mp4", engine="torch-bfloat16").engine == "torch-bfloat16"
    monkeypatch.setattr(engines, "fastest", lambda network, size, progress: "torch")
    assert run(Negative(), source, tmp_path / "b.mp4", engine="auto").engine == "torch"
    assert asked == ["torch-bfloat16", "torch"]


def test_the_fastest_is_found_at_the_size_that_is_painted(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(engines, "fastest", lambda network, size, progress: seen.append(tuple(size)) or "torch")
    run(Negative(), make(tmp_path / "in.mp4", 2), tmp_path / "out.mp4", engine="auto", size=32)
    assert seen == [(24, 32)]


def test_a_film_that_is_gone_on_with_keeps_its_engine(tmp_path, short_segments, monkeypatch):
    source, target = make(tmp_path / "in.mp4", 12), tmp_path / "out.mp4"
    monkeypatch.setattr(engines, "fastest", lambda network, size, progress: "torch-bfloat16")
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(7), source, target, engine="auto")
    monkeypatch.setattr(engines, "fastest", lambda network, size, progress: "torch")
    network = Remembering()
    assert run(network, source, target, engine="auto").engine == "torch-bfloat16"
    assert len(network.calls) == 7


def test_a_film_does_not_change_the_version_of_its_engine_in_the_middle(tmp_path, short_segments, monkeypatch):
    source, target = make(tmp_path / "in.mp4", 12), tmp_path / "out.mp4"
    monkeypatch.setattr(engines, "fastest", lambda network, size, progress: "torch-bfloat16")
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(7), source, target, engine="auto")
    monkeypatch.setattr(engines, "versions", lambda names: dict.fromkeys(names, "a newer one"))
    with pytest.raises(TutorialError, match="begun with another version of the engine, and about 5 frames"):
        run(Remembering(), source, target, engine="auto")
    assert run(Remembering(), source, target, engine="auto", overwrite=True).frames == 12


def test_a_film_of_another_kind_is_refused_before_engines_are_measured(tmp_path, short_segments, monkeypatch):
    source, target, measured = make(tmp_path / "in.mp4", 12), tmp_path / "out.mp4", []
    monkeypatch.setattr(engines, "fastest", lambda network, size, progress: measured.append(size) or "torch")
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(7), source, target, engine="auto")
    with pytest.raises(TutorialError, match="begun with another size"):
        run(Remembering(), source, target, engine="auto", size=32)
    assert measured == [(48, 64)]


def test_frames_are_decoded_and_encoded_while_the_network_paints(tmp_path, monkeypatch):
    """Each in a thread of its own: what makes a film faster than the sum of the three."""
    threads = {}

    class Painter(Negative):
        def forward(self, frame):
            threads.setdefault("paint", threading.current_thread())
            return super().forward(frame)

    def noting(name, function):
        def noted(*arguments):
            threads.setdefault(name, threading.current_thread())
            return function(*arguments)
        return noted

    monkeypatch.setattr(VideoWriter, "write", noting("encode", VideoWriter.write))
    monkeypatch.setattr(stylize._Painter, "prepared", noting("decode", stylize._Painter.prepared))
    run(Painter(), make(tmp_path / "in.mp4", 4), tmp_path / "out.mp4")
    assert set(threads) == {"decode", "paint", "encode"} and len(set(threads.values())) == 3


def test_a_film_that_is_gone_on_with_keeps_its_number_of_threads(tmp_path, short_segments, monkeypatch):
    """OpenVINO gives other numbers with another one."""
    source, target, asked, start = make(tmp_path / "in.mp4", 12), tmp_path / "out.mp4", [], engines.start
    monkeypatch.setattr(engines, "start", lambda network, name, n: asked.append(n) or start(network, name, n))
    for here, network in ((3, Interrupted(7)), (1, Remembering())):
        monkeypatch.setattr(torch, "get_num_threads", lambda here=here: here)
        with suppress(KeyboardInterrupt):
            run(network, source, target)
    assert asked == [3, 3] and len(network.calls) == 7


@pytest.mark.parametrize("engine", engines.AUTOMATIC)
def test_a_teacher_is_gone_on_with_to_the_last_bit(tmp_path, short_segments, engine):
    need(engine)
    source, target = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4"
    torch.manual_seed(3)
    teacher = Teacher(8, 1).eval()
    painted, write = [], making._write

    def interrupted(*frame):
        painted.append(frame)
        if len(painted) == 7:
            raise KeyboardInterrupt
        write(*frame)

    run(teacher, source, tmp_path / "whole.mp4", engine=engine)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt, match="about 5 frames"):
        patch.setattr(making, "_write", interrupted)
        run(teacher, source, target, engine=engine)
    run(teacher, source, target, engine=engine)
    assert target.read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_an_engine_that_is_none(tmp_path):
    with pytest.raises(TutorialError, match="Unknown engine 'fast'"):
        run(Negative(), make(tmp_path / "in.mp4", 1), tmp_path / "out.mp4", engine="fast")
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


SCRIPT = """
import sys, time, torch
sys.path.insert(0, sys.argv[1])
from test_stylize import Remembering, run, stylize
stylize.SEGMENT = 5
class Slow(Remembering):
    def forward(self, *images):
        print("call", flush=True)
        time.sleep(float(sys.argv[4]))
        return super().forward(*images)
torch.set_num_threads(1)
print(run(Slow(), sys.argv[2], sys.argv[3]))
"""


def test_a_killed_process_goes_on_after_its_last_segment(tmp_path):
    source, target = make(tmp_path / "in.mp4", 14), tmp_path / "out.mp4"

    def start(target, pause):
        command = [sys.executable, "-c", SCRIPT, Path(__file__).parent, source, target, str(pause)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    killed = start(target, 0.1)
    for _ in range(7):
        assert killed.stdout.readline() == "call\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not target.exists()
    again, straight = start(target, 0), start(tmp_path / "straight.mp4", 0)
    output = again.communicate()[0]
    straight.communicate()
    assert output.count("call") == 9 and re.search("frames=14,", output)
    assert torch.equal(read_frames(target), read_frames(tmp_path / "straight.mp4"))
    assert stamps(target) == stamps(source)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.mp4", "straight.mp4"]


def test_the_progress_bar_starts_where_the_work_does(tmp_path, short_segments, capfd):
    source, target = make(tmp_path / "in.mp4", 7), tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(6), source, target)
    stylize_video(Remembering(), source, target, device="cpu")
    shown = capfd.readouterr().err
    assert "5/7" in shown and "7/7" in shown
