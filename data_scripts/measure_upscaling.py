"""Measure what a frame costs every network for super-resolution, and what a training step costs by each method.

    python data_scripts/measure_upscaling.py [--scale laptop] [--rounds 15] [--output results/std/speed.json]

All are timed in turn, eight small frames of 320x180 a round as `upscale` makes them, so that a machine that slows down
slows all of them; run it on one that does nothing else. Time does not depend on the weights, so these are new; a plain
student and a distilled one are timed both, and should not differ. The steps are in the precision that trainings have
here, and what the teacher says is remembered by then, as after a training's first pass. Writes the report as JSON and,
beside it, as a table.
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
from tutorial_lib.data.pairs import RenderedPairs
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.evaluation.upscaling import BICUBIC
from tutorial_lib.files import write_report
from tutorial_lib.networks.superres import WINDOW, SuperResolver
from tutorial_lib.papers.std.roles import MEMORY, STUDENTS, TEACHER, ZOO, distilled
from tutorial_lib.papers.std.settings import Settings, scale
from tutorial_lib.papers.std.stages import Distillation, new_memory, new_student, new_teacher
from tutorial_lib.roles import Role
from tutorial_lib.settings import SCALES, device, precision
from tutorial_lib.stage import Job

HEIGHT, WIDTH = 180, 320
METHODS = ("space", "time", "both", "attention", "hint", "imitation")
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


def steps(settings: Settings) -> dict[str, Callable[[], object]]:
    """{name: a training step of a student}: by the reconstruction alone, and with what a method adds to it."""
    taught = {TEACHER: new_teacher(settings), MEMORY: new_memory(settings)}
    numbers = precision(device())
    taught = {name: network.eval().requires_grad_(False).to(device()) for name, network in taught.items()}

    def stepping(role: Role) -> Callable[[], object]:
        needed = {name: taught[name] for name in role.recipe.needs}
        job = Job(role.recipe, role.recipe.settings(settings), needed, RenderedPairs, settings)
        distillation = Distillation(job)
        optimiser = torch.optim.Adam(distillation.trained.parameters(), settings.learning_rate)

        def step() -> None:
            with torch.autocast(device().type, numbers, enabled=numbers is not None):
                loss = distillation.loss(0)["total"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

        return step

    def plain(kind: str) -> Role:
        return Role(f"sr-{kind}-plain", "", "", distilled(kind))

    return {role.name: stepping(role) for kind in STUDENTS
            for role in (plain(kind), *(ZOO[f"sr-{kind}-{method}"] for method in METHODS))}


def as_text(report: dict) -> str:
    lines = [f"Milliseconds a small frame of {report['width']}x{report['height']}, medians of {report['rounds']} "
             "interleaved rounds [least - greatest]", report["machine"], ""]
    lines += [f"{row['row']:24}{timing.in_words(row)}" for row in report["rows"]]
    lines += ["", "Milliseconds a training step", ""]
    lines += [f"{row['row']:24}{timing.in_words(row)}" for row in report["training"]]
    return "\n".join(lines)


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
    stepped = timing.in_turn(steps(scale(arguments.scale)), arguments.rounds)
    report = {"machine": timing.machine(), "rounds": arguments.rounds, "height": height, "width": width, "rows": rows,
              "training": [{"row": name, **timing.summary(found)} for name, found in stepped.items()]}
    write_report(arguments.output, report, as_text(report))
