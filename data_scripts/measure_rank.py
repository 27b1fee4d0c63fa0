"""Where does Eq. 11 pull? The slope of the nuclear norm in the student's weights, beside brightness and flicker.

    python data_scripts/measure_rank.py [--styles mosaic ...] [--clips 8] [--output results]

For the shipped plain student, where the distillation starts, and ours, where it ends, over the first training clips of
the scale: what the nuclear norm of Eq. 6 is made of, in how many clips Eq. 11 asks for a smaller one, and the cosine
between the gradient of the norm and those of the mean brightness and of the temporal loss (Eq. 12). 1: a step down the
one is a step down the other; 0: it leaves it where it is. Beside them the same for the tail over common pixels.
Written: rank.json and rank.txt.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from collections.abc import Mapping
from pathlib import Path
from statistics import mean

import torch

from tutorial_lib import evaluation, zoo
from tutorial_lib.arguments import whole
from tutorial_lib.data.clips import Clip, RenderedClips
from tutorial_lib.files import write_report
from tutorial_lib.losses import low_rank, temporal
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.settings import Settings, scale

STUDENTS = ("student-plain", "student-ours")


def measure(style: str, settings: Settings) -> list[dict]:
    """A row a student, mean over the clips. The weights in the loss are those that ours was trained with."""
    trained = zoo.manifest(f"{style}-student-ours")["settings"]
    settings = settings.but(**{name: trained[name] for name in ("style_weight", "lambda_rank")})
    clips = RenderedClips(settings)
    judge = evaluation.judge_of(style, settings)
    rows = []
    for name in STUDENTS:
        student = zoo.load(f"{style}-{name}").requires_grad_(True)
        found = [of_clip(student, clips[index], judge, settings) for index in range(settings.clips)]
        means = {key: round(mean(f[key] for f in found), 4) for key in found[0]}
        rows.append({"style": style, "student": name, **means})
    return rows


def of_clip(student: torch.nn.Module, clip: Clip, judge: PerceptualLoss, settings: Settings) -> dict[str, float]:
    flows, masks = clip.from_middle.flows, clip.from_middle.masks
    y, K = student(clip.frames), len(clip.frames)
    *rest, first = low_rank.singular_values(low_rank.traceable_matrix(y, flows, masks))
    *common, _ = low_rank.singular_values(low_rank.traceable_matrix(y, flows, low_rank.common_mask(masks)))
    still = low_rank.singular_values((masks * y[K // 2].expand_as(y)).flatten(1))      # copies: only the holes differ
    norm = first + sum(rest)
    input_norm = low_rank.nuclear_norm(low_rank.traceable_matrix(clip.frames, flows, masks))
    terms = {"norm": norm, "brightness": y.mean(), "common": sum(common), "perceptual": K * judge(y, clip.frames),
             "flicker": temporal.temporal_loss(y[1:], y[:-1], clip.backward.flows, clip.backward.masks)}
    slopes = {name: slope(term, student) for name, term in terms.items()}
    pull = settings.lambda_rank * 2 * (norm - input_norm).abs() * slopes["norm"].norm()     # of lambda_rank L_rank
    return {"input": input_norm.item(), "norm": norm.item(), "first": first.item(), "tail": sum(rest).item(),
            "holes": still[:-1].sum().item(), "shrink": float(norm > input_norm),
            "brightness": cosine(slopes["norm"], slopes["brightness"]),
            "flicker": cosine(slopes["norm"], slopes["flicker"]),
            "common_flicker": cosine(slopes["common"], slopes["flicker"]),
            "pull": (pull / slopes["perceptual"].norm()).item()}


def slope(term: torch.Tensor, network: torch.nn.Module) -> torch.Tensor:
    gradients = torch.autograd.grad(term, list(network.parameters()), retain_graph=True)
    return torch.cat([gradient.flatten() for gradient in gradients]).double()


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return (a @ b / (a.norm() * b.norm())).item()


def table(rows: list[Mapping], clips: int) -> str:
    lines = [
        f"Mean over {clips} training clips",
        f"{'':27}{'nuclear norm (Eq. 6)':>23}{'':23}{'slope of it, of':>24}{'slope of the':>16}",
        f"{'':27}{'input':>7}{'student':>9}{'first':>7}{'tail':>7}{'holes':>7}{'shrink':>9}{'brightness':>14}"
        f"{'flicker':>10}{'common tail':>15}{'pull':>8}"]
    lines += [f"{r['style']:13}{r['student']:14}{r['input']:7.1f}{r['norm']:9.1f}{r['first']:7.1f}{r['tail']:7.1f}"
              f"{r['holes']:7.1f}{r['shrink']:9.0%}{r['brightness']:+14.2f}{r['flicker']:+10.2f}"
              f"{r['common_flicker']:+15.2f}{r['pull']:8.0%}" for r in rows]
    lines += ["shrink: in how many clips Eq. 11 asks for a smaller norm. holes: the tail of K copies of the painted",
              "middle frame. slope: its cosine with that of the mean colour and that of L_temp; with L_temp for the",
              "tail over common pixels. pull: the gradient of lambda_rank L_rank as a share of Eq. 1's."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--styles", nargs="+", default=zoo.styles())
    parser.add_argument("--scale", default=None)
    parser.add_argument("--clips", type=whole(1), default=8)
    parser.add_argument("--output", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    settings = scale(arguments.scale).but(clips=arguments.clips)
    rows = [row for style in arguments.styles for row in measure(style, settings)]
    write_report(arguments.output / "rank.json", {"clips": arguments.clips, "rows": rows}, table(rows, arguments.clips))
