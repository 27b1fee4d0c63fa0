"""The price of flow: what a frame costs a teacher, which estimates flow for it, and a student, which does not."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm.auto import tqdm

from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.estimate import FlowMethod, estimate_flow
from tutorial_lib.flow.occlusion import erode, traceable_mask
from tutorial_lib.flow.warp import warp
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.settings import Settings, wait_for_gpu

# Frames a second on an NVIDIA P100 at 640x320: the last column of the paper's Table 1.
PAPER = {"teacher_fps": 4.67, "student_fps": 183, "ratio": 183 / 4.67, "hardware": "NVIDIA P100"}

FlowBothWays = Callable[[], tuple[torch.Tensor, torch.Tensor, float]]   # flow, reverse flow, the seconds they took


@dataclass(frozen=True)
class Parts:
    """The seconds of one frame."""

    flow: float       # forward and backward
    mask: float       # consistency mask, erosion, and the warp of the previous output
    network: float

    @property
    def total(self) -> float:
        return self.flow + self.mask + self.network


@dataclass(frozen=True, eq=False)
class Subject:
    """A network that is timed, with the flow method it is given, if any."""

    kind: str               # "teacher" or "student"
    scale: str              # whose widths it has
    network: nn.Module
    flow: str | None = None

    @property
    def name(self) -> str:
        if self.kind == "student":
            return "student"
        return f"teacher, {self.flow}" if self.flow else "teacher without flow"


def subjects(scale: Settings, flows: Sequence[str], device: torch.device | str = "cpu") -> list[Subject]:
    """The teacher with each flow, without any, and the student, in a scale's widths; speed needs no trained weights."""
    with_flow = Teacher(scale.teacher_width, scale.teacher_blocks)
    without = Teacher(scale.teacher_width, scale.teacher_blocks, uses_flow=False)
    student = Student(scale.student_width, scale.student_blocks)
    for network in (with_flow, without, student):
        network.to(device).eval().requires_grad_(False)
    return [
        *(Subject("teacher", scale.name, with_flow, flow) for flow in flows),
        Subject("teacher", scale.name, without),
        Subject("student", scale.name, student),
    ]


def both_ways(frame: torch.Tensor, previous: torch.Tensor, method: FlowMethod) -> FlowBothWays:
    """Estimates and times the flow from `frame` into `previous` and back, as the teacher's mask needs them."""
    def estimate() -> tuple[torch.Tensor, torch.Tensor, float]:
        start = _now()
        flow, reverse = estimate_flow(frame, previous, method), estimate_flow(previous, frame, method)
        return flow, reverse, _now() - start

    return estimate


def raft() -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None:
    """torchvision's RAFT (large, 12 updates) as a flow method, with random weights; None where it cannot be imported.

    Frames need sides of 128 pixels or more, in multiples of 8.
    Source: Teed and Deng 2020.
    """
    try:
        from torchvision.models.optical_flow import raft_large
    except (ImportError, RuntimeError):     # the latter: a torchvision built for another torch
        return None
    network = raft_large().eval().requires_grad_(False)

    def flow(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return network.to(source.device)(2 * source - 1, 2 * target - 1)[-1]

    return flow


@torch.inference_mode()
def teacher_frame(
    teacher: nn.Module, frame: torch.Tensor, previous_output: torch.Tensor, flow_both_ways: FlowBothWays
) -> tuple[torch.Tensor, Parts]:
    """One frame of a video as `stylize_frames` makes it, with a clock between the parts.

    frame, previous_output: (1, 3, H, W). Returns the output (1, 3, H, W) and its `Parts`.
    """
    flow, reverse, flow_seconds = flow_both_ways()
    start = _now()
    mask = traceable_mask(flow, reverse)
    warped, eroded = warp(previous_output, flow), erode(mask)
    masked = _now()
    output = teacher(frame, warped, eroded)
    return output, Parts(flow_seconds, masked - start, _now() - masked)


@torch.inference_mode()
def plain_frame(network: nn.Module, frame: torch.Tensor) -> tuple[torch.Tensor, Parts]:
    """One frame of a network that needs no flow, timed."""
    start = _now()
    output = network(frame)
    return output, Parts(0.0, 0.0, _now() - start)


def measure(
    timed: Sequence[Subject], frame: torch.Tensor, previous: torch.Tensor, flows: Mapping[str, FlowBothWays],
    repeats: int, bar: bool = True,
) -> list[list[Parts]]:
    """Times every subject `repeats` times, in turn, so that a machine that slows down slows all of them.

    frame, previous: (1, 3, H, W), consecutive. flows: {flow of a subject: how to get it}. Returns the `Parts` of
    each subject, one a round; a first round is not counted.
    Raises: TutorialError for fewer than one repeat.
    """
    if repeats < 1:
        raise TutorialError(f"Speed is measured at least once; {repeats} repeats were asked for.")
    timings: list[list[Parts]] = [[] for _ in timed]
    for turn in tqdm(range(repeats + 1), desc="rounds", disable=not bar):
        for subject, rounds in zip(timed, timings, strict=True):
            if subject.flow:
                # The previous frame stands for its stylized self, which has the same size.
                parts = teacher_frame(subject.network, frame, previous, flows[subject.flow])[1]
            else:
                parts = plain_frame(subject.network, frame)[1]
            if turn > 0:
                rounds.append(parts)
    return timings


def multiply_adds(network: nn.Module, frame: torch.Tensor) -> int:
    """Of one frame (1, 3, H, W), in the network alone; norms, activations and resizing are not counted."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(frame)
    return counter.get_total_flops() // 2       # a multiplication and an addition each


def as_rows(timed: Sequence[Subject], timings: Sequence[Sequence[Parts]], frame: torch.Tensor) -> list[dict]:
    """One dictionary a subject: medians, and how they compare with the student of the same scale.

    `ratio_to_student` is a ratio of medians; `ratio_range` holds the least and the greatest ratio within a round.
    `flow_share` is the share of the seconds that goes into estimating flow.
    """
    students = {s.scale: [p.total for p in rounds]
                for s, rounds in zip(timed, timings, strict=True) if s.kind == "student"}
    rows = []
    for subject, rounds in zip(timed, timings, strict=True):
        totals, student = [p.total for p in rounds], students[subject.scale]
        seconds, flow = statistics.median(totals), statistics.median(p.flow for p in rounds)
        ratios = [a / b for a, b in zip(totals, student, strict=True)]
        rows.append({
            "name": subject.name, "scale": subject.scale, "kind": subject.kind, "flow_method": subject.flow,
            "width": subject.network.configuration["width"], "blocks": subject.network.configuration["blocks"],
            "seconds": seconds, "seconds_range": [min(totals), max(totals)],
            "flow": flow,
            "mask": statistics.median(p.mask for p in rounds),
            "network": statistics.median(p.network for p in rounds),
            "flow_share": flow / seconds,
            "ratio_to_student": seconds / statistics.median(student), "ratio_range": [min(ratios), max(ratios)],
            "gmac": multiply_adds(subject.network, frame) / 1e9,
            "parameters": sum(p.numel() for p in subject.network.parameters()),
        })
    return rows


def format_table(report: Mapping) -> str:
    """The report of `data_scripts/measure_speed.py` as text, in milliseconds."""
    width, height = report["size"]
    lines = [
        f"Milliseconds a frame at {width}x{height}, medians of {report['repeats']} interleaved rounds "
        "[least - greatest]",
        f"{report['hardware']}, {report['threads']} threads; torch {report['torch']}, OpenCV {report['opencv']}",
    ]
    for scale in dict.fromkeys(row["scale"] for row in report["rows"]):
        lines += ["", f"{scale + ' widths':21} {'total':>8} {'[range]':>19} {'flow':>8} {'mask+warp':>9} "
                      f"{'network':>8} {'flow is':>8} {'/ student':>9} {'[range]':>15} {'GMAC':>7} {'parameters':>11}"]
        for row in report["rows"]:
            if row["scale"] == scale:
                lines.append(_line(row))
    lines.append("")
    lines += [f"{name}: not measured, {reason}" for name, reason in report["not_measured"].items()]
    paper = report["paper"]
    lines.append(f"The paper, on an {paper['hardware']}: teacher {1000 / paper['teacher_fps']:.1f}, student "
                 f"{1000 / paper['student_fps']:.1f}, {paper['ratio']:.0f} times")
    if any(row["flow_method"] == "DeepFlow" for row in report["rows"]):
        lines.append("DeepFlow is OpenCV's, which leaves out the matching of the original and its time")
    return "\n".join(lines)


def _line(row: Mapping) -> str:
    times = "[{:.1f} - {:.1f}]".format(*(1000 * seconds for seconds in row["seconds_range"]))
    ratios = "[{:.2f} - {:.2f}]".format(*row["ratio_range"])
    return (f"{row['name']:21} {1000 * row['seconds']:8.1f} {times:>19} {1000 * row['flow']:8.1f} "
            f"{1000 * row['mask']:9.1f} {1000 * row['network']:8.1f} {row['flow_share']:8.0%} "
            f"{row['ratio_to_student']:9.2f} {ratios:>15} {row['gmac']:7.2f} {row['parameters']:11,}")


@torch.inference_mode()
def seconds_per_frame(run: Callable[[], object], repeats: int = 5) -> float:
    """The median time of `run()` after one warm-up. Compare two things in one process, as a ratio: machines drift."""
    run()
    times = []
    for _ in range(repeats):
        start = _now()
        run()
        times.append(_now() - start)
    return statistics.median(times)


def _now() -> float:
    wait_for_gpu()
    return time.perf_counter()
