"""Measure what a frame costs every network for super-resolution, and the bicubic enlargement, as `upscale` makes it.

    python data_scripts/measure_upscaling.py [--scale laptop] [--rounds 15] [--output results/std/speed.json]

All are timed in turn, eight small frames of 320x180 a round, so that a machine that slows down slows all of them; run
it on one that does nothing else. Time does not depend on the weights, so these are new; a plain student and a distilled
one are timed both, and should not differ. Writes the report as JSON and, beside it, as a table.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from tutorial_lib import timing
from tutorial_lib.arguments import whole
from tutorial_lib.data.degradation import degrade, upscale_bicubic
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.evaluation.upscaling import BICUBIC
from tutorial_lib.files import write_report
from tutorial_lib.networks.superres import WINDOW, SuperResolver
from tutorial_lib.papers.std.roles import STUDENTS, TEACHER
from tutorial_lib.papers.std.settings import Settings, scale
from tutorial_lib.papers.std.stages import new_student, new_teacher
from tutorial_lib.settings import SCALES, device

HEIGHT, WIDTH = 180, 320
RESULTS = Path(__file__).parent.parent / "results" / "std" / "speed.json"


def networks(settings: Settings) -> dict[str, SuperResolver]:
    """By the names of their roles; the distilled student is built as its training does it."""
    found = {TEACHER: new_teacher(settings)}
    for kind in STUDENTS:
        found |= {f"sr-{kind}-{method}": new_student(kind, settings) for method in ("plain", "both")}
    return {name: network.to(device()).eval().requires_grad_(False) for name, network in found.items()}


def jobs(settings: Settings, frames: torch.Tensor) -> dict[str, Callable[[], object]]:
    """{name: makes all frames (K, 3, h, w) large, one after the other}."""
    frames = frames.to(device())

    def streamed(network: SuperResolver) -> Callable[[], object]:
        return lambda: list(network.steps(frames))

    bicubic = {BICUBIC: lambda: [upscale_bicubic(frame[None]) for frame in frames]}
    return bicubic | {name: streamed(network) for name, network in networks(settings).items()}


def as_text(report: dict) -> str:
    lines = [f"Milliseconds a small frame of {report['width']}x{report['height']}, medians of {report['rounds']} "
             "interleaved rounds [least - greatest]", report["machine"], ""]
    return "\n".join((*lines, *(f"{row['row']:24}{timing.in_words(row)}" for row in report["rows"])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scale", choices=SCALES, help="of the networks (default: OFD_SCALE, else laptop)")
    parser.add_argument("--rounds", type=whole(1), default=15)
    parser.add_argument("--height", type=whole(8, 1080), default=HEIGHT)
    parser.add_argument("--width", type=whole(8, 1920), default=WIDTH)
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE.json")
    arguments = parser.parse_args()
    height, width = arguments.height, arguments.width
    scene = test_scene("alley_2", 4 * height, 4 * width, WINDOW)
    small = degrade(torch.cat([scene.frame(t, "clean") for t in range(WINDOW)]))
    with torch.inference_mode():
        seconds = timing.in_turn(jobs(scale(arguments.scale), small), arguments.rounds)
    rows = [{"row": name, **timing.summary([value / WINDOW for value in found])} for name, found in seconds.items()]
    report = {"machine": timing.machine(), "rounds": arguments.rounds, "height": height, "width": width, "rows": rows}
    write_report(arguments.output, report, as_text(report))
