"""Measure a training step of every stage, the kernels of the losses, and the memory of a distillation.

    python data_scripts/measure_training.py [--rounds 5] [--threads N] [--output results/training.json]

Writes the report as JSON and, beside it, as a table. Run it on a machine that does nothing else. Speed needs no trained
weights, and VGG-16 no download.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from tutorial_lib import timing
from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.files import write_report
from tutorial_lib.flow.warp import warp
from tutorial_lib.losses.low_rank import nuclear_norm
from tutorial_lib.losses.perceptual import PerceptualLoss, gram, perceptual_loss, tv_loss
from tutorial_lib.losses.temporal import temporal_loss
from tutorial_lib.losses.total import total_loss
from tutorial_lib.networks.features import VGG16Features, load_features
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.papers.ofd.roles import POCKET, ROLES
from tutorial_lib.settings import Settings, scale
from tutorial_lib.training import new_pocket, new_student

HEIGHT, WIDTH = 360, 640
RESULTS = Path(__file__).parent.parent / "results" / "training.json"
Job = Callable[[], object]


def precisely(dtype: torch.dtype | None, job: Job) -> Job:
    def in_autocast() -> object:
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            return job()

    return in_autocast


# --- one job in several ways: two frames, Eq. 1 and L_temp ---


def pair_step(network: nn.Module, judge: PerceptualLoss, dtype: torch.dtype | None, remembered: bool) -> Job:
    """A step of ReCoNet's kind. remembered: the content features of the input are known from before."""
    size = HEIGHT, WIDTH
    frames, flow, mask = torch.rand(2, 3, *size), torch.rand(1, 2, *size), torch.ones(1, 1, *size)
    with torch.no_grad():
        known = precisely(dtype, lambda: judge.content_of(frames))()

    def step() -> None:
        network.zero_grad(set_to_none=True)
        painted = network(frames)
        if remembered:
            terms = {**judge.fidelity(painted, known), "tv": tv_loss(painted)}
            loss = sum(judge.weights[name] * term for name, term in terms.items())
        else:
            loss = judge(painted, frames)
        (loss + temporal_loss(painted[1:], painted[:1], flow, mask)).backward()

    return precisely(dtype, step)


def forward(network: nn.Module) -> Job:
    frame = torch.rand(1, 3, HEIGHT, WIDTH)
    return torch.no_grad()(lambda: network(frame))


def pairs() -> dict[str, Job]:
    """ReCoNet's own job, and what ships."""
    style, half = torch.rand(1, 3, 256, 256), torch.bfloat16
    torch.manual_seed(0)
    wide, usual, pocket = Student(48, 4), new_student(scale("laptop")), new_pocket(scale("laptop"))
    vgg = PerceptualLoss(VGG16Features().requires_grad_(False).to(memory_format=torch.channels_last), style)
    small = PerceptualLoss(load_features("compact"), style)
    return {
        "ReCoNet, one frame forward, float32": forward(wide),
        "ReCoNet with VGG-16, float32": pair_step(wide, vgg, None, False),
        "ReCoNet with VGG-16, float32, content remembered": pair_step(wide, vgg, None, True),
        "ReCoNet with VGG-16, bfloat16, content remembered": pair_step(wide, vgg, half, True),
        "laptop student with compact, float32": pair_step(usual, small, None, False),
        "laptop student with compact, bfloat16": pair_step(usual, small, half, False),
        "pocket with compact, float32": pair_step(pocket, small, None, False),
        "pocket with compact, bfloat16": pair_step(pocket, small, half, False),
        "pocket with compact, bfloat16, content remembered": pair_step(pocket, small, half, True),
    }


# --- a step of every stage, as it is trained ---


def stages(settings: Settings, dtype: torch.dtype | None) -> dict[str, Job]:
    judge = perceptual_loss(load_features(settings.features), "mosaic", settings)
    clip = RenderedClips(settings.but(clips=1))[0]
    stills, previous = clip.frames[:settings.plain_batch], clip.frames[:1]
    teacher = Teacher(settings.teacher_width, settings.teacher_blocks)
    students = {"student": new_student(settings), "pocket": new_pocket(settings)}

    def plain(network: nn.Module) -> Job:
        return lambda: judge(network(stills), stills).backward()

    def with_past() -> None:
        flow, mask = clip.backward.flows[:1], clip.backward.masks[:1]
        painted = teacher(clip.frames[1:2], warp(previous, flow), mask)
        (judge(painted, clip.frames[1:2]) + temporal_loss(painted, previous, flow, mask)).backward()

    def distilled(network: nn.Module) -> Job:
        target, norm = torch.rand_like(clip.frames), torch.tensor(100.0)
        return lambda: total_loss(network(clip.frames), clip, judge, settings, target, norm)["total"].backward()

    jobs = {"teacher-plain": plain(teacher), "teacher-flow": with_past}
    for name, network in students.items():
        jobs |= {f"{name}-plain": plain(network), f"{name}, Eq. 13": distilled(network)}
    return {name: precisely(dtype, job) for name, job in jobs.items()}


# --- the kernels of the losses, and the plain way to write them ---


def kernels() -> dict[str, Job]:
    frames, flows = torch.rand(5, 3, HEIGHT, WIDTH), torch.randn(5, 2, HEIGHT, WIDTH)
    taps, matrix = torch.rand(2, 96, HEIGHT // 2, WIDTH // 2), torch.rand(5, 3 * HEIGHT * WIDTH)
    channels_last = taps.to(memory_format=torch.channels_last)      # as the perceptual networks give them

    def there_and_back(function: Callable[..., torch.Tensor], *tensors: torch.Tensor) -> Job:
        first = tensors[0].clone().requires_grad_(True)
        return lambda: function(first, *tensors[1:]).sum().backward()

    return {
        "warp": there_and_back(warp, frames, flows), "warp, by hand": there_and_back(plain_warp, frames, flows),
        "gram": there_and_back(gram, channels_last), "gram, plain": there_and_back(plain_gram, channels_last),
        "gram, channels first": there_and_back(gram, taps),
        "gram, plain, channels first": there_and_back(plain_gram, taps),
        "nuclear norm": there_and_back(nuclear_norm, matrix),
        "nuclear norm, plain (SVD)": there_and_back(lambda m: torch.linalg.svdvals(m).sum(), matrix),
    }


def plain_warp(image: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Without grid_sample: four neighbours, gathered and weighted."""
    n, c, h, w = image.shape
    x = (torch.arange(w) + flow[:, 0]).clamp(0, w - 1)
    y = (torch.arange(h)[:, None] + flow[:, 1]).clamp(0, h - 1)
    left, top = x.floor().clamp(max=w - 2), y.floor().clamp(max=h - 2)
    right_share, low_share = (x - left)[:, None], (y - top)[:, None]
    flat = image.reshape(n, c, h * w)

    def at(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        index = (rows * w + columns).long().reshape(n, 1, h * w).expand(n, c, h * w)
        return flat.gather(2, index).reshape(n, c, h, w)

    upper = at(top, left) * (1 - right_share) + at(top, left + 1) * right_share
    lower = at(top + 1, left) * (1 - right_share) + at(top + 1, left + 1) * right_share
    return upper * (1 - low_share) + lower * low_share


def plain_gram(features: torch.Tensor) -> torch.Tensor:
    """As it is usually written, with the channels first."""
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[-1]


# --- memory ---


def peaks() -> list[dict]:
    """The most memory of a process that does one step of Eq. 13, as pixels and K grow; Linux alone tells."""
    rows = []
    if not Path("/proc/self/status").is_file():
        return rows
    for height, width, length in ((96, 128, 3), (96, 128, 5), (192, 256, 3), (192, 256, 5), (384, 512, 5)):
        for kind in ("none", "student", "pocket"):
            asked = [sys.executable, __file__, "--one-step", kind, str(height), str(width), str(length)]
            answer = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
            rows.append({"network": kind, "height": height, "width": width, "frames": length,
                         "mib": float(answer.split()[-1])})
    return rows


def one_step(kind: str, height: int, width: int, length: int) -> None:
    settings = scale("laptop").but(height=height, width=width, clip_length=length)
    if kind != "none":
        stages(settings, None)[f"{kind}, Eq. 13"]()
    # Not getrusage: what it calls the most memory begins with that of the process that started this one.
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(int(line.split()[1]) / 1024)


# --- the report ---


def as_text(report: dict) -> str:
    lines = [f"Milliseconds, medians of {report['rounds']} interleaved rounds [least - greatest]", report["machine"],
             f"\nA step on two frames of {WIDTH}x{HEIGHT}, Eq. 1 and L_temp; x: forward passes of a ReCoNet in float32"]
    unit = report["pairs"]["ReCoNet, one frame forward, float32"]["seconds"]
    lines += [f"  {name:52}{timing.in_words(row)} {row['seconds'] / unit:6.2f} x"
              for name, row in report["pairs"].items()]
    for name, rows in report["stages"].items():
        lines += ["", f"A step of each stage, {name}"]
        lines += [f"  {stage:52}{timing.in_words(row)}" for stage, row in rows.items()]
    lines += ["", f"Kernels, forward and backward, {WIDTH}x{HEIGHT}"]
    lines += [f"  {name:52}{timing.in_words(row)}" for name, row in report["kernels"].items()]
    if report["memory"]:
        lines += ["", "The most memory of a step of Eq. 13, in MiB beyond what the imports need"]
    least = {(r["height"], r["width"], r["frames"]): r["mib"] for r in report["memory"] if r["network"] == "none"}
    lines += [f"  {row['network']:10}{row['frames']} frames of {row['width']}x{row['height']:<8}"
              f"{row['mib'] - least[row['height'], row['width'], row['frames']]:8.0f}"
              for row in report["memory"] if row["network"] != "none"]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="(default here: %(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE.json")
    parser.add_argument("--one-step", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.one_step:
        kind, *sizes = arguments.one_step
        return one_step(kind, *map(int, sizes))

    def timed(jobs: dict[str, Job]) -> dict:
        return {name: timing.summary(seconds) for name, seconds in timing.in_turn(jobs, arguments.rounds).items()}

    laptop = scale("laptop")
    screen = ROLES[POCKET].recipe.scale(laptop)
    report = {
        "machine": timing.machine(), "rounds": arguments.rounds, "pairs": timed(pairs()),
        "stages": {f"{s.width}x{s.height}, {'bfloat16' if dtype else 'float32'}": timed(stages(s, dtype))
                   for s in (laptop, screen) for dtype in (None, torch.bfloat16)},
        "kernels": timed(kernels()), "memory": peaks(),
    }
    write_report(arguments.output, report, as_text(report))
