"""One training of one network: what it is given, and what kinds of training there are."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.roles import Recipe
from tutorial_lib.settings import Settings


@dataclass(frozen=True)
class Job:
    """A training, with everything that reaches it.

    settings: the scale's as the recipe has them. networks: by the names in `recipe.needs`, frozen. clips_of: the
    training clips at some settings. scale: the settings of the recipe's family (`Recipe.scale`). given: the settings
    that a user set by hand, which nothing may change. targets: a folder for what frozen networks say, None for memory.
    """

    recipe: Recipe
    settings: Settings
    networks: Mapping[str, nn.Module]
    clips_of: Callable[[Settings], Sequence]
    scale: Settings
    style: str | None = None
    given: Collection[str] = ()
    targets: Path | None = None

    def clips(self) -> Sequence:
        return self.clips_of(self.settings)


@dataclass(frozen=True)
class Stage:
    """A kind of training.

    train(job, **options) -> the network; options are those of `training.loop.train`: path, steps, save_every, callback,
    bar, about. uses: the settings that decide what it ends with; uses_with: further ones, where the recipe needs
    networks and the stage could do without. adapt: settings that depend on the other networks. clips: what it is
    trained on where the user names nothing else, by the settings.
    """

    train: Callable[..., nn.Module]
    uses: Collection[str]
    adapt: Callable[[Job], Settings] = lambda job: job.settings
    uses_with: Collection[str] = ()
    clips: Callable[[Settings], Sequence] = RenderedClips

    def settings_for(self, recipe: Recipe) -> set[str]:
        """The settings that decide what a recipe's training ends with."""
        return {*self.uses, *(self.uses_with if recipe.needs else ())}
