"""The student: one frame in, one stylized frame out, nothing remembered."""

import torch
from torch import nn

from tutorial_lib.networks.layers import StyleNetwork, check_size, mean_colour


class Student(nn.Module):
    """An image network of any width; the paper's is `Student(48, 4)` with 3,098,307 parameters.

    forward(frame (N, 3, H, W) in [0, 1]) -> (N, 3, H, W) in (0, 1).
    smooth: the shift-equivariant variant of `StyleNetwork`, which goes beyond the paper.
    Source: ReCoNet (Gao et al. 2018), reference [9] of the paper.
    """

    uses_flow = False

    def __init__(self, width: int = 48, blocks: int = 4, smooth: bool = False):
        super().__init__()
        self.configuration = {"kind": "student", "width": width, "blocks": blocks, "smooth": smooth}
        self.body = StyleNetwork(3, width, blocks, smooth)

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        check_size(frame)
        return self.body(frame - mean_colour(frame))
