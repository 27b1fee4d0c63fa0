"""What a frame costs. Seconds cannot be foretold; what is done with them can."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import cv2
import pytest
import torch
from scripts import loaded
from torch import nn

from tutorial_lib import speed
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.settings import scale
from tutorial_lib.speed import Parts, Subject
from tutorial_lib.stylize import stylize_clip

SCRIPT = Path(__file__).parent.parent / "data_scripts" / "measure_speed.py"


# --- multiply-adds ---


def test_multiply_adds_of_a_convolution():
    # 16 x 26 places, 8 outputs, each the sum of 3 x 5 x 5 products.
    assert speed.multiply_adds(nn.Conv2d(3, 8, 5), torch.rand(1, 3, 20, 30)) == 16 * 26 * 8 * 3 * 5 * 5


def by_hand(inputs: int, w: int, blocks: int, pixels: int) -> int:
    """The convolutions of Johnson et al. 2016, from their table."""
    ends = 81 * pixels * (inputs * w + w * 3)
    down = 9 * (pixels // 4 * w * 2 * w + pixels // 16 * 2 * w * 4 * w)
    up = 9 * (pixels // 4 * 4 * w * 2 * w + pixels * 2 * w * w)
    return ends + down + 2 * blocks * 9 * pixels // 16 * (4 * w) ** 2 + up


@pytest.mark.parametrize(("network", "inputs"), [(Student(48, 4), 3), (Teacher(32, 5), 7)])
def test_multiply_adds_of_the_papers_networks(network, inputs):
    sizes = network.configuration
    frame = torch.rand(1, 3, 320, 640, device="meta")       # shapes only: no work is done
    counted = speed.multiply_adds(network.to("meta"), frame)
    assert counted == by_hand(inputs, sizes["width"], sizes["blocks"], 320 * 640)


# --- the clock ---


def test_the_timed_teacher_paints_what_stylize_paints(noise):
    teacher = Teacher(8, 1).eval()
    picture = noise(1, 3, 6, 8)
    picture = nn.functional.interpolate(picture, (48, 64), mode="bicubic").clamp(0, 1)
    previous, frame = picture[..., :-3], picture[..., 3:]
    first, second = stylize_clip(teacher, torch.cat((previous, frame))).split(1)
    output, parts = speed.teacher_frame(teacher, frame, first, speed.both_ways(frame, previous, "dis"))
    assert torch.equal(output, second)
    assert not torch.allclose(output, speed.plain_frame(teacher, frame)[0], atol=1e-4)
    assert min(parts.flow, parts.mask, parts.network) > 0


def test_flow_is_asked_for_in_both_directions(noise):
    a, b, asked = noise(1, 3, 16, 16), noise(1, 3, 16, 16), []

    def method(source, target):
        asked.append((source, target))
        return torch.full((1, 2, 16, 16), float(len(asked)))

    flow, reverse, seconds = speed.both_ways(a, b, method)()
    assert [(s is a, t is b) for s, t in asked] == [(True, True), (False, False)]
    assert flow.eq(1).all() and reverse.eq(2).all() and seconds > 0


class Recorder(nn.Module):
    def __init__(self, name: str, calls: list):
        super().__init__()
        self.name, self.calls = name, calls

    def forward(self, frame, warped_previous=None, mask=None):
        self.calls.append((self.name, warped_previous is not None))
        return frame


def test_subjects_take_turns_and_the_first_round_is_not_counted(noise):
    calls, frame = [], noise(1, 3, 16, 16)
    still = torch.zeros(1, 2, 16, 16)
    timed = [Subject("teacher", "x", Recorder("a", calls), "far"), Subject("student", "x", Recorder("b", calls))]
    timings = speed.measure(timed, frame, frame, {"far": lambda: (still, still, 12.5)}, 2, bar=False)
    assert calls == [("a", True), ("b", False)] * 3
    assert [len(found) for found in timings] == [2, 2]
    assert all(parts.flow == 12.5 and 12.5 < parts.total < 25 for parts in timings[0])     # the flow's own clock
    assert all(parts.flow == parts.mask == 0 < parts.network for parts in timings[1])
    with pytest.raises(TutorialError, match="0 repeats"):
        speed.measure(timed, frame, frame, {}, 0)


# --- the table ---


@pytest.fixture
def rows():
    timed = [Subject("teacher", "x", Teacher(8, 1), "slow"), Subject("teacher", "x", Teacher(8, 1)),
             Subject("student", "x", Student(8, 1))]
    timings = [
        [Parts(8, 1, 1), Parts(16, 2, 2), Parts(12, 2, 1)],         # 10, 20, 15
        [Parts(0, 0, 4), Parts(0, 0, 6), Parts(0, 0, 5)],
        [Parts(0, 0, 2), Parts(0, 0, 10), Parts(0, 0, 3)],
    ]
    return speed.as_rows(timed, timings, torch.rand(1, 3, 16, 16))


def test_the_arithmetic_of_the_rows(rows):
    with_flow, without, student = rows
    assert (with_flow["seconds"], with_flow["seconds_range"]) == (15, [10, 20])
    assert (with_flow["flow"], with_flow["mask"], with_flow["network"]) == (12, 2, 1)
    assert with_flow["flow_share"] == 12 / 15
    assert with_flow["ratio_to_student"] == 15 / 3
    assert with_flow["ratio_range"] == [20 / 10, 15 / 3]            # in each round: 5, 2, 5
    assert (without["ratio_to_student"], without["flow_share"], without["mask"]) == (5 / 3, 0, 0)
    assert (student["ratio_to_student"], student["ratio_range"]) == (1, [1, 1])
    assert [row["name"] for row in rows] == ["teacher, slow", "teacher without flow", "student"]
    assert student["parameters"] == sum(p.numel() for p in Student(8, 1).parameters())
    assert student["gmac"] == by_hand(3, 8, 1, 256) / 1e9


def test_the_table_shows_the_rows(rows):
    report = {"size": [16, 8], "repeats": 3, "threads": 1, "hardware": "an abacus", "torch": "2", "opencv": "5",
              "paper": speed.PAPER, "not_measured": {"RAFT": "not importable here"}, "rows": rows}
    table = speed.format_table(report)
    line = next(line for line in table.splitlines() if line.startswith("teacher, slow"))
    assert line.removeprefix("teacher, slow").split()[:9] == [
        "15000.0", "[10000.0", "-", "20000.0]", "12000.0", "2000.0", "1000.0", "80%", "5.00"]
    for words in ("16x8", "an abacus", "RAFT: not measured, not importable here", "214.1, student 5.5, 39 times"):
        assert words in table
    assert "DeepFlow" not in table


def test_the_papers_widths():
    found = speed.subjects(scale("paper"), ["DIS"])
    assert [subject.name for subject in found] == ["teacher, DIS", "teacher without flow", "student"]
    assert [(s.network.configuration["width"], s.network.configuration["blocks"]) for s in found] == [
        (32, 5), (32, 5), (48, 4)]


# --- RAFT, where there is one ---


def test_no_raft_without_torchvision(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "torchvision.models.optical_flow", raising=False)
    assert speed.raft() is None


def test_raft_sees_the_frames_from_minus_one_to_one(monkeypatch):
    class Raft(nn.Module):
        def forward(self, source, target):
            assert (source.min(), source.max(), target.max()) == (-1, 1, 0)
            return [torch.zeros(1, 2, 8, 8), torch.ones(1, 2, 8, 8)]        # one flow an update, the last is the best

    module = ModuleType("optical_flow")
    module.raft_large = Raft
    for name in ("torchvision", "torchvision.models"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "torchvision.models.optical_flow", module)
    frame = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8).repeat(1, 3, 1, 1)
    assert speed.raft()(frame, frame / 2).eq(1).all()


# --- the command, with another environment's DeepFlow ---


@pytest.fixture
def script(monkeypatch):
    """measure_speed.main, in this process, at a tiny size."""
    module = loaded("measure_speed")
    threads = torch.get_num_threads(), cv2.getNumThreads()

    def run(*arguments):
        size = ("--width", "48", "--height", "32", "--repeats", "2", "--threads", "1")
        monkeypatch.setattr(sys, "argv", ["measure_speed.py", *size, *map(str, arguments)])
        module.main()

    yield run
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])


DEEPFLOW = """
import time
import numpy as np
__version__ = "5.1"
def setNumThreads(n): pass
class DeepFlow:
    def calc(self, source, target, flow):
        assert source.dtype == np.uint8 and source.shape == (32, 48) and not np.array_equal(source, target)
        time.sleep(0.05)
        return np.zeros((32, 48, 2), np.float32)
class optflow:
    createOptFlow_DeepFlow = DeepFlow
"""


@pytest.fixture
def contrib(tmp_path):
    """Makes a "python" of another environment: this one, with the given cv2 before its own."""
    def make(code: str) -> Path:
        (tmp_path / "cv2.py").write_text(code)
        path = tmp_path / "python"
        path.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make


@pytest.mark.skipif(sys.platform == "win32", reason="the other environment's python is a shell script here")
def test_the_report(script, contrib, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OFD_DEVICE", "cpu")
    script("--contrib-python", contrib(DEEPFLOW), "--output", tmp_path / "speed.json")
    report = json.loads((tmp_path / "speed.json").read_text())
    assert (report["size"], report["repeats"], report["threads"]) == ([48, 32], 2, 1)
    assert (report["torch"], report["opencv"], report["opencv_contrib"]) == (torch.__version__, cv2.__version__, "5.1")
    assert "cores" in report["hardware"]
    assert "RAFT" in report["not_measured"]         # it is missing, or the frames are too small for it
    names = ["teacher, DeepFlow", "teacher, DIS", "teacher without flow", "student"]
    assert [(row["scale"], row["name"]) for row in report["rows"]] == [
        (name, row) for name in ("paper", "laptop") for row in names]
    for row in report["rows"]:
        assert set(row) == {"name", "scale", "kind", "flow_method", "width", "blocks", "seconds", "seconds_range",
                            "flow", "mask", "network", "flow_share", "ratio_to_student", "ratio_range", "gmac",
                            "parameters"}
        assert row["seconds_range"][0] <= row["seconds"] <= row["seconds_range"][1]
    deepflow, dis, without, student = report["rows"][:4]
    assert deepflow["flow"] >= 0.1                  # there and back
    assert 0 < dis["flow"] < 0.1 and without["flow"] == 0
    assert (deepflow["parameters"], student["parameters"]) == (1_689_603, 3_098_307)
    assert (tmp_path / "speed.txt").read_text() == capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="the other environment's python is a shell script here")
@pytest.mark.parametrize(("code", "words"), [
    ("__version__ = '5.1'", "its OpenCV has no DeepFlow"),
    ("raise ModuleNotFoundError(name='cv2')", "it has no cv2"),
    (DEEPFLOW.replace("time.sleep(0.05)", "raise SystemExit"), "it does not answer"),
])
def test_a_contrib_python_without_deepflow(script, contrib, tmp_path, code, words):
    python = contrib(code)
    with pytest.raises(TutorialError, match=f"{python} gives no DeepFlow: {words}; --contrib-python takes the python"):
        script("--contrib-python", python, "--output", tmp_path / "speed.json")
    assert not (tmp_path / "speed.json").exists()


def test_a_missing_contrib_python_is_one_sentence(tmp_path):
    command = [sys.executable, SCRIPT, "--width", "48", "--height", "32", "--contrib-python", tmp_path / "python",
               "--output", tmp_path / "speed.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.strip() == (
        f"{tmp_path / 'python'} cannot be started (no such file or directory); --contrib-python takes the python of "
        "an environment with opencv-contrib-python-headless and numpy.")
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_is_no_json(script, tmp_path):
    with pytest.raises(TutorialError, match=r"\.json file .* not .*speed\.txt"):
        script("--output", tmp_path / "speed.txt")


def test_the_committed_text_is_that_of_the_committed_numbers():
    results = Path(__file__).parent.parent / "results"
    report = json.loads((results / "speed.json").read_text())
    assert report["paper"] == speed.PAPER
    assert (results / "speed.txt").read_text().strip() == speed.format_table(report).strip()
    assert "teacher 214.1, student 5.5, 39 times" in speed.format_table(report)


def test_the_first_run_is_not_timed_and_the_median_counts(monkeypatch):
    """Of 9, 1, 2 and 9 seconds, the first of which is the warm-up."""
    clock, durations = [0.0], [9.0, 1.0, 2.0, 9.0]
    monkeypatch.setattr(speed, "_now", lambda: clock[0])

    def run():
        clock[0] += durations.pop(0)

    assert speed.seconds_per_frame(run, repeats=3) == 2.0
    assert durations == []
