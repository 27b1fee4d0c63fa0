"""Where a flow can be trusted: the forward-backward consistency check."""

import torch
import torch.nn.functional as F

from tutorial_lib.flow.warp import check_flow, inside, warp


def traceable_mask(flow: torch.Tensor, reverse_flow: torch.Tensor) -> torch.Tensor:
    """1 where a pixel can be followed along `flow` and back, 0 where it cannot.

    A pixel is untraceable if it leaves the picture, if the way there and back does not close (occlusion),
    or if the flow changes abruptly (a motion boundary, where estimated flow is a guess).

    flow, reverse_flow: (N, 2, H, W), pixels; the second on the grid that the first leads into.
    Returns (N, 1, H, W).
    Raises: TutorialError when the two differ in size.
    Source: Sundaram et al. 2010, with the constants of Ruder et al. 2018 (reference [34] of the paper).
    """
    check_flow(flow, reverse_flow)
    way_back = warp(reverse_flow, flow)
    open_loop = (flow + way_back).square().sum(1, keepdim=True)
    lengths = flow.square().sum(1, keepdim=True) + way_back.square().sum(1, keepdim=True)
    occluded = open_loop >= 0.01 * lengths + 0.5

    right = F.pad(flow[..., :, 1:] - flow[..., :, :-1], (0, 1, 0, 0))
    down = F.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1))
    steepness = (right.square() + down.square()).sum(1, keepdim=True)   # |grad u|^2 + |grad v|^2
    boundary = steepness > 0.01 * flow.square().sum(1, keepdim=True) + 0.002

    return inside(flow) * (~occluded & ~boundary).to(flow.dtype)


def erode(mask: torch.Tensor, size: int = 7) -> torch.Tensor:
    """The mask (N, 1, H, W) shrunk by a `size` x `size` minimum filter, as the teacher takes it (reference [34])."""
    return -F.max_pool2d(-mask, size, stride=1, padding=size // 2)
