"""Eq. 12: two consecutive stylized frames should agree where one can be followed into the other."""

import torch

from tutorial_lib.flow.warp import warp


def temporal_loss(
    current: torch.Tensor, previous: torch.Tensor, flow: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """The mean squared difference between a frame and the previous one warped to it, after masking.

    current, previous: stylized frames (N, 3, H, W). flow: (N, 2, H, W), backward, from `current` into
    `previous`. mask: (N, 1, H, W), 1 = traceable. Returns a scalar, averaged over all N*3*H*W elements, masked
    ones included as zeros.
    Raises: TutorialError when flow and frames differ in size.
    Source: Eq. 12.
    """
    return (mask * (current - warp(previous, flow))).square().mean()
