"""Score networks on validation scenes, by which lambdas and style weights are chosen, so that no test scene does it.

    python data_scripts/validate.py CONTROL NETWORK... [--style mosaic] [--judge FILE] [--screen]

The scenes are random ones of the training photographs, from seeds that no training uses, at the size of the test
scenes, because the price in style grows with it; with --screen, that of the pocket students. The first network is the
control.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from dataclasses import replace

import torch

from tutorial_lib import evaluation, zoo
from tutorial_lib.arguments import whole
from tutorial_lib.data.clips import Clip, filmed
from tutorial_lib.data.scenes import random_scene
from tutorial_lib.papers.ofd.roles import POCKET, ROLES
from tutorial_lib.settings import Settings, device, scale

FIRST_SEED = 900_000    # trainings draw theirs at random from 62 bits


def scenes(settings: Settings, count: int) -> list[Clip]:
    size = settings.evaluation_height, settings.evaluation_width, settings.evaluation_frames
    made = [filmed(random_scene(FIRST_SEED + n, *size)) for n in range(count)]
    return [replace(clip, name=f"validation {n}") for n, clip in enumerate(made)]


def line(name: str, row: evaluation.Score, control: evaluation.Score) -> str:
    def change(key: str) -> str:
        return f"{getattr(row, key):.4f} ({getattr(row, key) / getattr(control, key) - 1:+.1%})"

    return (f"{name}: e_stab {change('e_stab')}, e/std {change('relative_e_stab')}, style {change('style')}, "
            f"content {change('content')}, sharpness {change('sharpness')}: {evaluation.verdict(row, control)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="+", help="names of the zoo, or files; the first is the control")
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--judge", help="another perceptual network than the scale's")
    parser.add_argument("--scale", default=None)
    parser.add_argument("--count", type=whole(1), default=6, help="of scenes")
    parser.add_argument("--screen", action="store_true", help="at the size and by the strokes of the pocket students")
    arguments = parser.parse_args()
    settings = scale(arguments.scale)
    settings = ROLES[POCKET].recipe.scale(settings) if arguments.screen else settings
    settings = settings.but(evaluation_frames=min(8, settings.evaluation_frames))
    judge = evaluation.judge_of(arguments.style, settings, arguments.judge).to(device())
    films, control = scenes(settings, arguments.count), None
    for name in arguments.networks:
        with torch.inference_mode():
            row = evaluation.evaluate({name: zoo.load(name).to(device())}, films, judge)[name][-1]
        control = control or row
        print(line(name, row, control), flush=True)
