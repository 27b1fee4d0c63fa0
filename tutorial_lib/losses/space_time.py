"""Space-time distillation: spatial attention maps, and the memory cells of a ConvLSTM that runs along a clip."""

from typing import Literal

import torch
import torch.nn.functional as F

Power = Literal["square", "absolute", "maximum"]

EPSILON = 1e-3     # of the Charbonnier loss, in colours: below it, it is a square
TINY = 1e-12
COLLAPSED = 1e-3   # the spread of memory cells, as a share of the features', below which they hold nothing


def charbonnier(picture: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The mean of sqrt(difference^2 + EPSILON^2) over all elements; any equal shapes.

    Source: Charbonnier et al. 1994, as in EDVR; here with the mean instead of the sum.
    """
    return ((picture - truth).square() + EPSILON**2).sqrt().mean()


# --- space ---


def attention_map(features: torch.Tensor, power: Power = "square", normalised: bool = False) -> torch.Tensor:
    """Where a feature map (..., C, H, W) is active: (..., 1, H, W).

    power: the sum over the channels of the squares (the paper's), of the absolute values, or the largest absolute
    value. normalised: divided by the map's own root mean square, so that a common factor of the features is no matter.
    Source: the paper's M; Zagoruyko and Komodakis 2017.
    """
    active = features.float().abs()
    if power == "square":
        found = active.square().sum(-3, keepdim=True)
    elif power == "absolute":
        found = active.sum(-3, keepdim=True)
    else:
        found = active.amax(-3, keepdim=True)
    return found / (found.square().mean((-2, -1), keepdim=True) + TINY).sqrt() if normalised else found


def space_loss(
    student: torch.Tensor, teacher: torch.Tensor, power: Power = "square", normalised: bool = False
) -> torch.Tensor:
    """L_SD: the mean squared difference of the attention maps of two clips' features (B, K, C, H, W).

    The numbers of channels may differ.
    Source: the paper's L_SD, with the mean over frames and pixels.
    """
    return F.mse_loss(attention_map(student, power, normalised), attention_map(teacher, power, normalised))


# --- time ---


def time_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """L_TD: the mean squared difference of two clips' final memory cells (B, hidden, H, W)."""
    return F.mse_loss(student, teacher)


def spread(cells: torch.Tensor) -> torch.Tensor:
    """How much memory cells (B, hidden, H, W) tell one place from another: their variance, the mean over channels."""
    return (cells - cells.mean((0, 2, 3), keepdim=True)).square().mean()


def relative_time_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """L_TD as a share of the spread of the teacher's memory cells.

    It does not fall when the cells of both shrink together, which is how L_TD can report a success that is none.
    """
    return time_loss(student, teacher) / (spread(teacher) + TINY)


def has_collapsed(cells: torch.Tensor, features: torch.Tensor, least: float = COLLAPSED) -> bool:
    """Whether memory cells (B, hidden, H, W) hold next to nothing of the features (B, C, H, W) that were remembered.

    That is a spread of less than `least` of theirs.
    """
    return bool(spread(cells) < least * spread(features))
