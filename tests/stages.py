"""Every stage of a training at the smoke scale, by name: what the resume tests run and kill."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from tutorial_lib import training
from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.losses.perceptual import perceptual_loss
from tutorial_lib.networks.features import load_features
from tutorial_lib.papers import ROLES
from tutorial_lib.papers.stages import prepared, stage_of
from tutorial_lib.papers.stages import run as run_job
from tutorial_lib.papers.std import settings as std
from tutorial_lib.papers.std import stages as std_stages
from tutorial_lib.settings import Settings, scale
from tutorial_lib.stage import Job


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


class SuperResolution:
    """The same for the second paper: the stages by roles, with networks of random weights for those they need."""

    def __init__(self, settings: std.Settings | None = None):
        self.settings = settings or std.scale("smoke")

    def job(self, role: str, **changes) -> Job:
        recipe = ROLES[role].recipe
        made = {"sr-teacher": std_stages.new_teacher, "sr-memory": std_stages.new_memory,
                "sr-stacked-plain": lambda settings: std_stages.new_student("stacked", settings.but(seed=5)),
                "sr-recurrent-plain": lambda settings: std_stages.new_student("recurrent", settings.but(seed=5))}
        networks = {name: made[name](self.settings).eval().requires_grad_(False) for name in recipe.needs}
        settings = recipe.settings(self.settings).but(**changes)
        return prepared(Job(recipe, settings, networks, stage_of(recipe).clips, self.settings))

    def run(self, role: str, path: Path | None = None, steps: int | None = None,
            callback: Callable | None = None) -> nn.Module:
        return run_job(self.job(role), path=path, steps=steps, callback=callback, bar=False, save_every=1)


NAMES = ("plain teacher", "teacher with flow", "plain student", "distillation")
RESOLVING = ("sr-teacher", "sr-memory", "sr-stacked-plain", "sr-recurrent-both", "sr-stacked-hint",
             "sr-stacked-time-learned")


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])
