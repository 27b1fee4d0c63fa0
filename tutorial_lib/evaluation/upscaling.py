"""How near a network for super-resolution comes to the truth, and how steadily: by the field's conventions."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from tutorial_lib import quality
from tutorial_lib.data.clips import Clip, filmed
from tutorial_lib.data.degradation import FACTOR, degrade, upscale_bicubic
from tutorial_lib.data.pairs import PASS, exact_flows
from tutorial_lib.data.scenes import TEST_SCENES, test_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation.measures import instability
from tutorial_lib.networks.superres import SuperResolver, upscale
from tutorial_lib.papers.std.settings import Settings
from tutorial_lib.papers.std.stages import validation_films

BICUBIC = "bicubic"      # stands where a network stands, and has to be beaten


@dataclass(frozen=True)
class Score:
    """What a video is worth, the mean over its frames.

    psnr (dB) and ssim: of pictures rounded to 8 bits, on BT.601's Y or in RGB, without the stated border. warping: the
    warping error by the exact flow, Eq. 14 of the first paper; truth_warping: that of the truth itself, below which a
    video has only become too smooth or too still.
    """

    psnr: float
    ssim: float
    warping: float
    truth_warping: float


def score(video: torch.Tensor, film: Clip, channels: str = "Y", border: int = 0) -> Score:
    """Scores a video (N, 3, H, W) against the film that it should be.

    Raises: TutorialError for a video of another size, or a film of which no motion is known.
    """
    pair = quality.compared(video, film.frames, channels, border)
    return Score(quality.psnr(*pair).mean().item(), quality.ssim(*pair).mean().item(),
                 instability(video, film), instability(film.frames, film))


def mean(scores: Sequence[Score]) -> Score:
    """The mean of several films, each of the same weight."""
    return Score(*(sum(getattr(one, name) for one in scores) / len(scores)
                   for name in ("psnr", "ssim", "warping", "truth_warping")))


def films(settings: Settings, scenes: str = "validation") -> list[Clip]:
    """The films that networks are scored on, their sides multiples of 4.

    scenes: "validation", of the training photographs, by which everything is chosen; "test", of the others.
    Raises: TutorialError for other scenes.
    """
    s = settings
    if scenes == "validation":
        return list(validation_films(s.height, s.width, s.clip_length, s.validation_scenes))
    if scenes != "test":
        raise TutorialError(f"The scenes are validation and test, not {scenes!r}.")
    size = s.evaluation_height // FACTOR * FACTOR, s.evaluation_width // FACTOR * FACTOR, s.evaluation_frames
    return [filmed(test_scene(name, *size), PASS, (-1, 1)) for name in TEST_SCENES]


@torch.no_grad()
def made_large(network: SuperResolver | str, film: Clip, degradation: str = "BI", exact: bool = False) -> torch.Tensor:
    """What a network, or `BICUBIC`, makes of a film's small frames: (N, 3, H, W) in [0, 1].

    exact: a teacher is given the exact flow instead of estimating it, as an upper bound.
    """
    small = degrade(film.frames, degradation)
    if network == BICUBIC:
        return upscale_bicubic(small).clamp(0, 1)
    place = next(network.parameters()).device
    flows = exact_flows(film).to(place) if exact else None
    return upscale(network, small.to(place), flows).cpu()


def xt_slice(video: torch.Tensor, row: int) -> torch.Tensor:
    """One row of every frame of (N, 3, H, W), one below the other: (3, N, W). What is steady draws straight lines.

    Raises: TutorialError for a row outside the pictures.
    """
    if not 0 <= row < video.shape[-2]:
        raise TutorialError(f"The pictures have the rows 0 to {video.shape[-2] - 1}, not {row}.")
    return video[:, :, row].movedim(0, 1)
