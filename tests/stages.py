"""Every stage of a training at the smoke scale, by name: what the resume tests run and kill."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from tutorial_lib import training
from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.losses.perceptual import perceptual_loss
from tutorial_lib.networks.features import load_features
from tutorial_lib.settings import Settings, scale


class Stages:
    """The smallest real pipeline: compact features, rendered clips, networks with random weights."""

    def __init__(self, settings: Settings | None = None, style: str = "mosaic"):
        self.settings = settings or scale("smoke")
        self.clips = RenderedClips(self.settings)
        self.perceptual = perceptual_loss(load_features(self.settings.features), style, self.settings)
        self.teacher_plain = training.new_teacher(self.settings)
        self.student_plain = training.new_student(self.settings)
        self.teacher_flow = training.new_teacher(self.settings.but(seed=5))

    def targets(self, **options) -> training.FrozenTargets:
        frozen = (n.eval().requires_grad_(False) for n in (self.teacher_flow, self.teacher_plain, self.student_plain))
        return training.FrozenTargets(self.clips, *frozen, **options)

    def run(self, stage: str, path: Path | None = None, steps: int | None = None,
            callback: Callable | None = None) -> nn.Module:
        options = {"path": path, "steps": steps, "callback": callback, "bar": False, "save_every": 1}
        if stage == "plain teacher":
            training.train_plain(network := self.teacher_plain, self.perceptual, self.settings, **options)
        elif stage == "plain student":
            training.train_plain(network := self.student_plain, self.perceptual, self.settings,
                                 agree_with=self.teacher_plain, **options)
        elif stage == "teacher with flow":
            network, _ = training.train_teacher(
                self.teacher_plain, self.clips, self.perceptual, self.settings, **options)
        else:
            network, _ = training.distill(
                self.student_plain, self.targets(), self.perceptual, self.settings, **options)
        return network


NAMES = ("plain teacher", "teacher with flow", "plain student", "distillation")


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])
