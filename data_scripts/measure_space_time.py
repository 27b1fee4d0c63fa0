"""What do the terms of space-time distillation ask for, and is what they ask for of any help?

    python data_scripts/measure_space_time.py [--seed 0] [--output results/std]

Of every student that is trained, by the validation scenes: its PSNR, and how near it came to the teacher in what each
term compares, the attention maps, the memory cells and the frames. Who is nearer to the teacher's map and no nearer to
the truth was asked for the wrong thing. Beside it, how far the map of the teacher tells where a student is worse than
its teacher is, and the cosine between the gradient of each term and that of the reconstruction loss over the weights
that all terms reach, at the first weights and at those of the plain student: +1 pulls where the truth pulls, 0 pulls
elsewhere, -1 against it; and how strongly each term pulls there.
Written: targets.json and targets.txt.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from tutorial_lib import quality, workshop
from tutorial_lib.arguments import seed
from tutorial_lib.data.clips import Clip
from tutorial_lib.data.degradation import degrade
from tutorial_lib.data.pairs import RenderedPairs
from tutorial_lib.evaluation import upscaling
from tutorial_lib.files import write_report
from tutorial_lib.losses.space_time import attention_map, relative_time_loss
from tutorial_lib.networks.superres import SuperResolver, Upscaled
from tutorial_lib.papers.std.roles import ATTEMPTS, MEMORY, STUDENTS, TEACHER, ZOO
from tutorial_lib.papers.std.settings import Settings, scale
from tutorial_lib.papers.std.stages import Distillation, balanced, new_student
from tutorial_lib.roles import Recipe
from tutorial_lib.stage import Job
from tutorial_lib.training.balance import gradients_of, pulls_of

RESULTS = Path(__file__).parent.parent / "results" / "std"
BATCHES = 48        # over which gradients are added up


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    return torch.corrcoef(torch.stack((one.flatten(), other.flatten())))[0, 1].item()


# --- how near, and to what good ---


@torch.no_grad()
def seen(network: SuperResolver, film: Clip, settings: Settings) -> Upscaled:
    small = degrade(film.frames, settings.degradation)[None]
    found = network(small)
    return found._replace(frames=found.frames.clamp(0, 1))


class Lesson(NamedTuple):
    """A validation scene with what the teacher makes of it, which is asked once for all students."""

    film: Clip
    taught: Upscaled
    cells: torch.Tensor


@torch.no_grad()
def lessons(teacher: SuperResolver, memory: nn.Module, settings: Settings) -> list[Lesson]:
    found = []
    for film in upscaling.films(settings):
        taught = seen(teacher, film, settings)
        found.append(Lesson(film, taught, memory(taught.tap)[:, -1]))
    return found


@torch.no_grad()
def nearness(student: SuperResolver, memory: nn.Module, scenes: Sequence[Lesson], settings: Settings) -> dict:
    """The mean over the validation scenes. "space" and "time": L_SD and L_TD, as shares of what the teacher's map and
    memory cells vary by. "frames": dB between the frames of both. "tells": how far the teacher's map correlates with
    how much farther from the truth the student is at a pixel than the teacher. "size": the mean of the student's map
    as a share of the teacher's; "places": how far the two maps correlate."""
    rows = []
    for film, taught, cells in scenes:
        mine, truth = seen(student, film, settings), film.frames[None]
        ours, theirs = (attention_map(found.tap) for found in (mine, taught))
        own, others = ((found.frames - truth).abs().mean(2, keepdim=True) for found in (mine, taught))
        rows.append({
            "psnr": quality.psnr(*quality.compared(mine.frames[0], truth[0])).mean().item(),
            "space": ((ours - theirs).square().mean() / theirs.var()).item(),
            "time": relative_time_loss(memory(mine.tap)[:, -1], cells).item(),
            "frames": quality.psnr(*quality.compared(mine.frames[0], taught.frames[0])).mean().item(),
            "tells": correlation(theirs, own - others),
            "size": (ours.mean() / theirs.mean()).item(), "places": correlation(ours, theirs),
        })
    return {name: round(sum(row[name] for row in rows) / len(rows), 4) for name in rows[0]}


# --- where each term pulls ---


def cosines(student: SuperResolver, distillation: Distillation, batches: int) -> dict[str, float]:
    """Between the gradient of L_rec and that of each other term, each summed over some batches.

    Over the weights that all terms reach. The output convolution is behind the features that most of them compare; it
    starts near zero, and so has nearly all of L_rec's gradient at first: with it every cosine of the others would be
    near zero, wherever they pull.
    """
    distillation.student.load_state_dict(student.state_dict())
    sums: dict[str, torch.Tensor] = {}
    for step in range(batches):
        found = gradients_of(distillation.student, distillation.terms(step))
        reached = [all(one is not None for one in ones) for ones in zip(*found.values(), strict=True)]
        for name, gradients in found.items():
            sums[name] = sums.get(name, 0) + torch.cat([one.flatten() for one in compress(gradients, reached)])
    wanted = sums.pop("reconstruction")
    return {name: round(torch.cosine_similarity(wanted, pull, 0).item(), 3) for name, pull in sums.items()}


def strengths(student: SuperResolver, distillation: Distillation, batches: int) -> dict[str, float]:
    """What each term pulls with, times its lambda, as a share of L_rec, over the weights that the term reaches."""
    distillation.student.load_state_dict(student.state_dict())
    mine: Counter = Counter()
    reference: Counter = Counter()
    for step in range(batches):
        found = pulls_of(distillation.student, distillation.terms(step), "reconstruction", where_it_reaches=True)
        for name, (pull, whole) in found.items():
            mine[name] += getattr(distillation.settings, f"lambda_{name}") * pull
            reference[name] += whole
    return {name: round(mine[name] / reference[name], 4) for name in mine}


def distillation_of(kind: str, networks: Mapping[str, nn.Module], settings: Settings) -> Distillation:
    """All terms but the hint, whose regressor would have to learn first, with the lambdas of a training."""
    recipe = Recipe("sr-distill", (TEACHER, MEMORY), {"lambda_hint": 0.0}, options={"kind": kind, "memory": "frozen"})
    job = Job(recipe, recipe.settings(settings), networks, RenderedPairs, settings)
    return Distillation(replace(job, settings=balanced(job)))


# --- the report ---


def as_text(report: Mapping) -> str:
    lines = ["Validation scenes. L_SD, L_TD: as shares of the variance of the teacher's maps and cells. frames: PSNR",
             "against the teacher's. tells: the correlation of the teacher's map with how much farther from the truth",
             "the student is than the teacher. "
             "size: the mean of the student's map, as a share of the teacher's; places:",
             "the correlation of the two maps.", "", f"{'student':32}" + "".join(f"{name:>8}" for name in (
                 "PSNR", "L_SD", "L_TD", "frames", "tells", "size", "places"))]
    lines += [f"{row['row']:32}{row['psnr']:8.3f}{row['space']:8.3f}{row['time']:8.3f}{row['frames']:8.2f}"
              f"{row['tells']:+8.2f}{row['size']:8.2f}{row['places']:+8.2f}" for row in report["students"]]
    terms = [name for name in report["pulls"][0] if name not in ("row", "at")]
    lines += ["", "Cosine between a term's gradient and the reconstruction loss's, over the weights that all reach", "",
              f"{'student':14}{'at':18}" + "".join(f"{name:>12}" for name in terms)]
    lines += [f"{row['row']:14}{row['at']:18}" + "".join(f"{row[name]:+12.2f}" for name in terms)
              for row in report["pulls"]]
    lines += ["", "What a term pulls with, times its lambda, as a share of the reconstruction loss's pull, over the",
              "weights that it reaches", "", f"{'student':14}{'at':18}" + "".join(f"{name:>12}" for name in terms)]
    lines += [f"{row['row']:14}{row['at']:18}" + "".join(f"{row[name]:12.3f}" for name in terms)
              for row in report["strengths"]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scale", default=None)
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    settings = scale(arguments.scale).but(seed=arguments.seed)
    shop = workshop.Workshop(None, settings, workshop.folder(settings))
    taught = {name: shop[name].cpu() for name in (TEACHER, MEMORY)}
    plain = {kind: shop[f"sr-{kind}-plain"].cpu() for kind in STUDENTS}
    trained = [name for name in (*ZOO, *ATTEMPTS) if name.startswith(tuple(f"sr-{kind}-" for kind in STUDENTS))
               and shop.path(name).with_suffix(".json").is_file()]
    scenes = lessons(taught[TEACHER], taught[MEMORY], settings)
    students = [{"row": name, **nearness(shop[name].cpu(), taught[MEMORY], scenes, settings)} for name in trained]
    pulls, pulled = [], []
    for kind, words in STUDENTS.items():
        distillation = distillation_of(kind, taught, settings)
        for at, student in (("the first weights", new_student(kind, settings)), ("plain, trained", plain[kind])):
            pulls.append({"row": words, "at": at, **cosines(student, distillation, BATCHES)})
            pulled.append({"row": words, "at": at, **strengths(student, distillation, BATCHES)})
    report = {"scale": settings.name, "seed": settings.seed, "students": students, "pulls": pulls,
              "strengths": pulled}
    write_report(arguments.output / "targets.json", report, as_text(report))
