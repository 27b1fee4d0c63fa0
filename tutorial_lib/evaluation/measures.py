"""Eq. 14 and what is measured beside it: a steady video is worth nothing if the picture is gone."""

import torch
import torch.nn.functional as F

from tutorial_lib.data.clips import Clip
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp


def e_stab(frames: torch.Tensor, flows: torch.Tensor, masks: torch.Tensor, gap: int = 1) -> float:
    """The temporal error of a video: how much a frame differs from the one `gap` frames before, its motion undone.

    frames: (N, 3, H, W) in [0, 1]. flows: (N-gap, 2, H, W), flows[t-gap] leads from frame t into frame t-gap. masks:
    (N-gap, 1, H, W), 1 = traceable, used as given. Returns the square root of the mean over the N-gap pairs and all
    3*H*W elements, masked ones included as zeros.
    Raises: TutorialError when there are no more frames than the gap, or the numbers or sizes differ.
    Source: Eq. 14, in the reading that gives the published magnitudes (the norm squared, D = 3*H*W, N-1 pairs).
    """
    if len(frames) < 2:
        raise TutorialError("The temporal error needs at least two frames.")
    if not 1 <= gap < len(frames):
        raise TutorialError(
            f"{len(frames)} frames have no two that are {gap} apart; the gap is from 1 to {len(frames) - 1}."
        )
    if not len(frames) - gap == len(flows) == len(masks):
        raise TutorialError(
            f"{len(frames)} frames need {len(frames) - gap} flows and masks, not {len(flows)} and {len(masks)}."
        )
    return (masks * (frames[gap:] - warp(frames[:-gap], flows))).square().mean().sqrt().item()


def e_stab_forward(frames: torch.Tensor, forward_flows: torch.Tensor, masks: torch.Tensor, gap: int = 1) -> float:
    """`e_stab` where only the flow from each frame into a *later* one is known, as in Sintel: the video run backwards.

    forward_flows[t] and masks[t] lie on frame t's grid and lead into frame t+gap.
    """
    return e_stab(frames.flip(0), forward_flows.flip(0), masks.flip(0), gap)


def sharpness(frames: torch.Tensor) -> float:
    """The mean absolute Laplacian of the luma of (N, 3, H, W): what blur takes away."""
    luma = torch.einsum("c,nchw->nhw", torch.tensor([0.299, 0.587, 0.114], device=frames.device), frames)[:, None]
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], device=frames.device)[None, None]
    return F.conv2d(luma, kernel).abs().mean().item()


def agreement(one: torch.Tensor, another: torch.Tensor, masks: torch.Tensor) -> float:
    """The correlation of two videos (N, 3, H, W) over the pixels where masks (N, 1, H, W) are 1: from -1 to 1.

    Of the flicker of two networks it says whether they flicker alike, and so how much of one's is left when the other's
    is taken away.
    """
    seen = masks.bool().expand_as(one)
    return torch.corrcoef(torch.stack((one[seen], another[seen])))[0, 1].item()       # of (2, pixels)


def instability(video: torch.Tensor, clip: Clip, gap: int = 1) -> float:
    """`e_stab` of what a network made of a clip (N, 3, H, W), by the motion that is known of the clip.

    Raises: TutorialError when no motion over this gap is known.
    """
    if gap in clip.motions:
        return e_stab_forward(video, *_on(video, clip, gap), gap)
    if -gap in clip.motions:
        return e_stab(video, *_on(video, clip, -gap), gap)
    raise TutorialError(f"No motion over {gap} frames is known of the clip {clip.name!r}.")


def _on(video: torch.Tensor, clip: Clip, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    motion = clip.motions[step].to(video.device)
    return motion.flows, motion.masks
