"""Eq. 13: everything at once."""

import torch

from tutorial_lib.data.clips import Clip
from tutorial_lib.losses.low_rank import (
    common_mask,
    low_rank_loss,
    nuclear_norm,
    rank_excess,
    traceable_matrix,
)
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.losses.residual import vanilla_distillation_loss
from tutorial_lib.losses.temporal import temporal_loss
from tutorial_lib.settings import Settings


def total_loss(
    student: torch.Tensor,
    clip: Clip,
    perceptual: PerceptualLoss,
    settings: Settings,
    target: torch.Tensor | None = None,
    input_norm: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """The named terms of Eq. 13 for one clip, and under "total" their weighted sum.

    student: the student's frames (K, 3, H, W) for `clip`. target: `residual_target` of the clip, needed when
    lambda_res is not 0. input_norm: the nuclear norm of the input (or teacher) clip, needed when lambda_rank is
    not 0. A term whose lambda is 0 is neither computed nor named. Sums over the frames, as in the paper:

        sum_t (lambda_percep L_percep + lambda_res L_res) + sum_{t>1} lambda_temp L_temp + lambda_rank L_rank

    (lambda_percep is 1 in the paper, and 0 only to show what becomes of the others alone.)
    """
    frames, middle = len(student), clip.from_middle
    terms, weights = {}, {}
    if settings.lambda_percep:
        terms["perceptual"] = frames * perceptual(student, clip.frames)
        weights["perceptual"] = settings.lambda_percep
    if settings.lambda_res:
        # Eq. 5 compares two differences; moved to one side it compares the student with one frozen picture.
        terms["residual"] = frames * vanilla_distillation_loss(target, student)
        weights["residual"] = settings.lambda_res
    if settings.lambda_temp:
        pairs = temporal_loss(student[1:], student[:-1], clip.backward.flows, clip.backward.masks)
        terms["temporal"] = (frames - 1) * pairs
        weights["temporal"] = settings.lambda_temp
    if settings.lambda_rank:
        matrix = traceable_matrix(student, middle.flows, middle.masks)                      # (K, L), L = 3HW
        terms["rank"] = low_rank_loss(input_norm, nuclear_norm(matrix))
        weights["rank"] = settings.lambda_rank
    if settings.lambda_excess:
        # Beyond the paper: Eq. 11 over the pixels that all frames show, and whatever the brightness.
        seen = common_mask(middle.masks)                                                    # (K, 1, H, W)
        wanted, excess = (rank_excess(traceable_matrix(video, middle.flows, seen)) for video in (clip.frames, student))
        terms["excess"] = low_rank_loss(wanted, excess)
        weights["excess"] = settings.lambda_excess
    return {**terms, "total": sum(weights[name] * term for name, term in terms.items())}
