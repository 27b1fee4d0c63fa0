"""The pocket student: a network for the screen in real time, at a quarter of the size from its first layer on."""

import torch
import torch.nn.functional as F
from torch import nn

from tutorial_lib.networks.layers import ConvLayer, ResidualBlock, check_size, mean_colour

FOLD = 4      # pixels along each side that become channels of one place
LAST = 32     # channels after the doubling


class Separable(nn.Module):
    """A residual block of two depthwise 3x3 convolutions, each followed by a mixture of the channels (1x1)."""

    def __init__(self, channels: int):
        super().__init__()

        def half(last: bool) -> list[nn.Module]:
            return [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, groups=channels),
                    nn.Conv2d(channels, channels, 1), nn.InstanceNorm2d(channels, affine=True),
                    *([] if last else [nn.ReLU()])]

        self.body = nn.Sequential(*half(last=False), *half(last=True))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x)


class Pocket(nn.Module):
    """One frame in, one stylized frame out, like `Student`, for a fraction of the work.

    forward(frame (N, 3, H, W) in [0, 1]) -> (N, 3, H, W) in (0, 1), from 16 pixels up.
    Every 4x4 pixels are folded into 48 channels, so no convolution ever sees a full-sized map, and the most expensive
    layers of `Student`, its first two and its last two, are gone. separable: blocks of depthwise convolutions.
    Source: the folding is the sub-pixel convolution of Shi et al. 2016, forwards and backwards; the blocks are those
    of Johnson et al. 2016.
    """

    uses_flow = False

    def __init__(self, width: int = 32, blocks: int = 5, separable: bool = False):
        super().__init__()
        self.configuration = {"kind": "pocket", "width": width, "blocks": blocks, "separable": separable}
        block = Separable if separable else ResidualBlock
        self.first = ConvLayer(3 * FOLD**2, width, 3)
        self.blocks = nn.Sequential(*(block(width) for _ in range(blocks)))
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.last = ConvLayer(width, LAST, 3)
        self.out = ConvLayer(LAST, 3 * 2**2, 3, last=True)

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        check_size(frame)
        height, width = frame.shape[-2:]
        # The fold needs multiples of 4; the extra rows are mirrored in and cut off again.
        x = F.pad(frame - mean_colour(frame), (0, -width % FOLD, 0, -height % FOLD), mode="reflect")
        x = self.blocks(self.first(F.pixel_unshuffle(x, FOLD)))                         # (N, width, H/4, W/4)
        x = F.pixel_shuffle(self.out(self.last(self.up(x))), 2)                     # (N, 3, H, W)
        return torch.sigmoid(x.float())[..., :height, :width]   # losses of pixels need float32, also under autocast
