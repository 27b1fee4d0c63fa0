"""The stages of all papers, and the one way in which any network of the course is trained."""

from dataclasses import replace

from torch import nn

from tutorial_lib.errors import TutorialError
from tutorial_lib.papers.ofd import stages as ofd
from tutorial_lib.papers.std import stages as std
from tutorial_lib.roles import Recipe
from tutorial_lib.stage import Job, Stage

STAGES = ofd.STAGES | std.STAGES


def stage_of(recipe: Recipe) -> Stage:
    """Raises: TutorialError when the recipe changes a setting that its stage does not use."""
    stage = STAGES[recipe.stage]
    unused = sorted({*recipe.changes, *recipe.times} - stage.settings_for(recipe))
    if unused:
        raise TutorialError(f"The stage {recipe.stage} does not use {', '.join(unused)}; a recipe cannot set that.")
    return stage


def prepared(job: Job) -> Job:
    """The job with its final settings.

    Raises: TutorialError when the user set one by hand that would reach nothing.
    """
    stage = stage_of(job.recipe)
    idle = sorted({*job.given} - stage.settings_for(job.recipe))
    if idle:
        raise TutorialError(f"The stage {job.recipe.stage} does not use {', '.join(idle)}; leave it out.")
    return replace(job, settings=stage.adapt(job))


def run(job: Job, **options) -> nn.Module:
    """Trains the network of a prepared job; the one way in which networks of the course come about."""
    return stage_of(job.recipe).train(job, **options)


def used_settings(job: Job) -> dict:
    """The settings of a prepared job that its network depends on: what its manifest names."""
    uses = stage_of(job.recipe).settings_for(job.recipe)
    return {name: value for name, value in job.settings.as_dict().items() if name in uses}
