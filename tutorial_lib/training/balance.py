"""How the terms of a loss are balanced: what they pull with, and what a style needs."""

import math
from collections.abc import Collection, Iterable, Sequence

import torch
from torch import nn

from tutorial_lib.data.clips import Clip
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.losses.temporal import temporal_loss
from tutorial_lib.settings import Settings
from tutorial_lib.training.loop import Terms

SQUARES = ("lambda_flow", "lambda_res", "lambda_temp")    # of the losses that are squared differences of pixels
USUAL = 45.0    # Eq. 1 over the temporal loss of mosaic's plain teacher, for which the lambdas were chosen


Gradients = tuple[torch.Tensor | None, ...]     # one a parameter that learns, None where a term does not reach it


def gradients_of(network: nn.Module, terms: Terms) -> dict[str, Gradients]:
    """The gradient of each unweighted term."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return {name: torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
            for name, term in terms.items() if name != "total"}


def _norm(gradients: Iterable[torch.Tensor | None]) -> float:
    return sum(g.square().sum() for g in gradients if g is not None).sqrt().item()


def gradient_norms(network: nn.Module, terms: Terms) -> dict[str, float]:
    """The norm of the gradient of each unweighted term: what the lambdas have to balance."""
    return {name: _norm(gradients) for name, gradients in gradients_of(network, terms).items()}


def pulls_of(
    network: nn.Module, terms: Terms, reference: str, where_it_reaches: bool = False
) -> dict[str, tuple[float, float]]:
    """The norm of the gradient of each unweighted term, and beside it that of the term `reference`.

    where_it_reaches: of `reference` over the weights that the term reaches, instead of over all.
    """
    found = gradients_of(network, terms)
    of_reference = found.pop(reference)
    return {name: (_norm(gradients), _norm(
        known for known, g in zip(of_reference, gradients, strict=True) if g is not None or not where_it_reaches))
        for name, gradients in found.items()}


@torch.no_grad()
def steadiness(teacher_plain: nn.Module, clips: Sequence[Clip], perceptual: PerceptualLoss, most: int = 20) -> float:
    """What the lambdas of the losses of steadiness are multiplied by in a style, known by its plain teacher.

    These losses are squared differences of pixels, and what they have to hold their own against is Eq. 1. In a style
    that flickers with little contrast, or one whose Eq. 1 stays high, they would hardly count. So the factor keeps the
    ratio of Eq. 1 to the temporal loss, both of the first clips as the plain teacher paints them, where it was when the
    lambdas were chosen. In powers of two, so that a seed does not change it.
    """
    device = next(teacher_plain.parameters()).device
    perceived = moved = 0.0
    for index in range(min(most, len(clips))):
        clip = clips[index].to(device)
        stylized = teacher_plain(clip.frames)                                               # (K, 3, H, W)
        perceived += perceptual(stylized, clip.frames).item()
        moved += temporal_loss(stylized[1:], stylized[:-1], clip.backward.flows, clip.backward.masks).item()
    ratio = perceived / max(moved, 1e-9)
    return 2.0 ** min(max(round(math.log2(ratio / USUAL)), -4), 4)


def steadier(settings: Settings, factor: float, given: Collection[str] = ()) -> Settings:
    """The same settings with `factor` times the lambdas of the losses of steadiness, except those that were `given`."""
    return settings.but(**{name: factor * getattr(settings, name) for name in SQUARES if name not in given})
