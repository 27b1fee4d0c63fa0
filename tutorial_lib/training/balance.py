"""How the terms of a loss are balanced: what they pull with, and what a style needs."""

import math
from collections.abc import Collection, Sequence

import torch
from torch import nn

from tutorial_lib.data.clips import Clip
from tutorial_lib.losses.temporal import temporal_loss
from tutorial_lib.settings import Settings
from tutorial_lib.training.loop import Terms

SQUARES = ("lambda_flow", "lambda_res", "lambda_temp")    # of the losses that are squared differences of pixels
USUAL = 0.0148    # `unsteadiness` of mosaic's plain teacher, for which the lambdas were chosen


def gradient_norms(network: nn.Module, terms: Terms) -> dict[str, float]:
    """The norm of the gradient of each unweighted term: what the lambdas have to balance."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    norms = {}
    for name, term in terms.items():
        if name != "total":
            gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
            norms[name] = sum(g.square().sum() for g in gradients if g is not None).sqrt().item()
    return norms


@torch.no_grad()
def unsteadiness(network: nn.Module, clips: Sequence[Clip], most: int = 20) -> float:
    """`temporal_loss` between the neighbouring frames that a network paints, mean over the first clips."""
    device = next(network.parameters()).device
    losses = []
    for index in range(min(most, len(clips))):
        clip = clips[index].to(device)
        stylized = network(clip.frames)                                                     # (K, 3, H, W)
        losses.append(temporal_loss(stylized[1:], stylized[:-1], clip.backward.flows, clip.backward.masks).item())
    return sum(losses) / len(losses)


def steadiness(teacher_plain: nn.Module, clips: Sequence[Clip]) -> float:
    """What the lambdas of the losses of steadiness are multiplied by in a style, known by its plain teacher.

    These losses are squared differences of pixels and Eq. 1 is not, so in a style that flickers with less contrast than
    the one for which the lambdas were chosen they would hardly count. In steps of the root of two, so that a seed does
    not change it.
    """
    steps = round(2 * math.log2(USUAL / max(unsteadiness(teacher_plain, clips), 1e-9)))
    return 2 ** (min(max(steps, -8), 8) / 2)


def steadier(settings: Settings, factor: float, given: Collection[str] = ()) -> Settings:
    """The same settings with `factor` times the lambdas of the losses of steadiness, except those that were `given`."""
    return settings.but(**{name: factor * getattr(settings, name) for name in SQUARES if name not in given})
