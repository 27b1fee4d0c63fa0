"""What does Eq. 5 ask for? The plain students beside the target that the residual would give them, before any training.

    python data_scripts/measure_residual.py [--style mosaic] [--seed 0] [--output results]

For the plain student that was drawn to the plain teacher and the one that never saw it: how far its flicker agrees with
the plain teacher's, and the e_stab and style loss of the student, of the target S0 + T - T0, and of T itself, over the
test scenes (final pass, exact flow, 256x109, 8 frames). Written: residual.json and residual.txt.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch

from tutorial_lib import evaluation, workshop
from tutorial_lib.arguments import seed
from tutorial_lib.data.clips import Motion
from tutorial_lib.files import write_report
from tutorial_lib.flow.warp import warp
from tutorial_lib.losses.residual import residual_target
from tutorial_lib.networks.teacher import roll_out
from tutorial_lib.settings import Settings, scale

STARTS = ("student-plain", "unaligned-plain")


def flicker(video: torch.Tensor, backward: Motion) -> torch.Tensor:
    """What changes between frames once the motion is undone."""
    return video[1:] - warp(video[:-1], backward.flows)


@torch.inference_mode()
def measure(networks: Mapping[str, torch.nn.Module], style: str, settings: Settings) -> list[dict]:
    """A row a plain student; e_stab summed over the scenes, style averaged, the correlation over all pixels."""
    judge = evaluation.judge_of(style, settings)
    scenes = evaluation.test_scenes(settings, steps=(1, -1))
    teacher, plain = networks["teacher-flow"], networks["teacher-plain"]
    rows = []
    for start in STARTS:
        student = networks[start]
        scores: dict[str, list] = {"student": [], "target": [], "teacher": []}
        own, other = [], []
        for scene in scenes:
            with_flow = roll_out(teacher, scene.frames, scene.backward.flows, scene.backward.masks)
            videos = {"student": student(scene.frames), "teacher": with_flow}
            without = plain(scene.frames)
            videos["target"] = residual_target(with_flow, without, videos["student"])
            own.append(flicker(videos["student"], scene.backward))
            other.append(flicker(without, scene.backward))
            for name, video in videos.items():
                scores[name].append(evaluation.score(name, video, scene, judge))
        masks = torch.cat([scene.backward.masks for scene in scenes])
        agreement = evaluation.agreement(torch.cat(own), torch.cat(other), masks)
        row = {"start": start, "agreement": round(agreement, 3)}
        for name, of_scenes in scores.items():
            total = evaluation.total(of_scenes)
            row |= {f"e_stab_{name}": round(total.e_stab, 4), f"style_{name}": round(total.style, 4)}
        rows.append(row)
    return rows


def table(rows: list[Mapping]) -> str:
    lines = [f"{'plain student':16} {'agreement':>9} {'e_stab':>8} {'target':>8} {'teacher':>8}   "
             f"{'style':>8} {'target':>8} {'teacher':>8}"]
    lines += [f"{r['start']:16} {r['agreement']:9.2f} {r['e_stab_student']:8.4f} {r['e_stab_target']:8.4f} "
              f"{r['e_stab_teacher']:8.4f}   {r['style_student']:8.4f} {r['style_target']:8.4f} "
              f"{r['style_teacher']:8.4f}" for r in rows]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--scale", default=None)
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--output", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    settings = scale(arguments.scale).but(seed=arguments.seed)
    shop = workshop.Workshop(arguments.style, settings, workshop.folder(settings))
    networks = {name: shop[name].cpu() for name in ("teacher-flow", "teacher-plain", *STARTS)}
    small = settings.but(evaluation_height=109, evaluation_width=256, evaluation_frames=8)
    rows = measure(networks, arguments.style, small)
    write_report(arguments.output / "residual.json", {"style": arguments.style, "seed": arguments.seed, "rows": rows},
                 table(rows))
