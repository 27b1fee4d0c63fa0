"""The teacher: it also sees its own previous frame, carried here by optical flow."""

import torch
from torch import nn

from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp
from tutorial_lib.networks.layers import StyleNetwork, check_size, mean_colour


class Teacher(nn.Module):
    """An image network with 4 more input channels; the paper's is `Teacher(32, 5)` with 1.68 M parameters.

    forward(frame, warped_previous=None, mask=None) -> (N, 3, H, W) in (0, 1).
    frame: (N, 3, H, W) in [0, 1]. warped_previous: the previous *stylized* frame warped to this one by the
    backward flow. mask: (N, 1, H, W), 1 = traceable, eroded by the caller (`flow.occlusion.erode`). Where the
    mask is 0 the previous frame is replaced by the mean colour, which is zero after the mean is subtracted.
    Without a previous frame (the first of a video, or a still) both are zeros: the network is then an
    ordinary image network. `uses_flow` says whether it was trained to use them: the plain teacher was not.
    Source: Ruder et al. 2018, reference [34] of the paper.
    """

    def __init__(self, width: int = 32, blocks: int = 5, uses_flow: bool = True):
        super().__init__()
        self.configuration = {"kind": "teacher", "width": width, "blocks": blocks, "uses_flow": uses_flow}
        self.uses_flow = uses_flow
        self.body = StyleNetwork(7, width, blocks)

    def forward(
        self,
        frame: torch.Tensor,
        warped_previous: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        check_size(frame)
        mean = mean_colour(frame)
        if warped_previous is None:
            past = frame.new_zeros(len(frame), 4, *frame.shape[-2:])
        else:
            if mask is None:
                mask = torch.ones_like(warped_previous[:, :1])
            past = torch.cat(((warped_previous - mean) * mask, mask), 1)                      # (N, 4, H, W)
        return self.body(torch.cat((frame - mean, past), 1))


def roll_out(teacher: nn.Module, frames: torch.Tensor, flows: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The teacher's output for a clip whose backward flows are known: each frame sees the one before it.

    frames: (K, 3, H, W). flows: (K-1, 2, H, W), [t-1] from frame t into frame t-1. masks: (K-1, 1, H, W), not
    yet eroded. Returns (K, 3, H, W).
    """
    outputs = [teacher(frames[:1])]
    for frame, flow, mask in zip(frames[1:], flows, masks, strict=True):
        outputs.append(teacher(frame[None], warp(outputs[-1], flow[None]), erode(mask[None])))
    return torch.cat(outputs)
