"""What the teacher and the student are built of."""

import torch
import torch.nn.functional as F
from torch import nn


class ConvLayer(nn.Module):
    """Reflection padding and a convolution, then instance norm (affine) and ReLU unless it is the last layer."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, last: bool = False):
        super().__init__()
        self.padding = size // 2
        self.conv = nn.Conv2d(inputs, outputs, size, stride)
        self.norm = nn.Identity() if last else nn.InstanceNorm2d(outputs, affine=True)
        self.last = last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(F.pad(x, [self.padding] * 4, mode="reflect")))
        return x if self.last else F.relu(x)


class ResidualBlock(nn.Module):
    """conv - norm - ReLU - conv - norm, added to the input; no ReLU after the sum."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = ConvLayer(channels, channels, 3)
        self.second = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(self.first(x))


class StyleNetwork(nn.Module):
    """The body that the teacher and the student share: down by 4, residual blocks, up by 4.

    inputs: channels in. width: channels at full resolution (twice and four times that further down).
    (N, inputs, H, W) -> (N, 3, H, W) in (0, 1), at any H and W from 16 pixels up.
    Source: Johnson et al. 2016; the widths of the paper are 32 with 5 blocks (teacher, reference [34])
    and 48 with 4 (student, reference [9]).
    """

    def __init__(self, inputs: int, width: int, blocks: int):
        super().__init__()
        self.down = nn.Sequential(
            ConvLayer(inputs, width, 9),
            ConvLayer(width, 2 * width, 3, stride=2),
            ConvLayer(2 * width, 4 * width, 3, stride=2),
        )
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width) for _ in range(blocks)))
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            ConvLayer(4 * width, 2 * width, 3),
            nn.Upsample(scale_factor=2, mode="nearest"),
            ConvLayer(2 * width, width, 3),
        )
        self.out = ConvLayer(width, 3, 9, last=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[-2:]
        # Two halvings need multiples of 4; the extra rows are mirrored in and cut off again.
        x = F.pad(x, (0, -width % 4, 0, -height % 4), mode="reflect")
        x = self.out(self.up(self.blocks(self.down(x))))
        return torch.sigmoid(x.float())[..., :height, :width]   # losses of pixels need float32, also under autocast


def check_size(image: torch.Tensor) -> None:
    """Raises ValueError for pictures too small for two halvings and a 9 x 9 mirror."""
    if min(image.shape[-2:]) < 16:
        raise ValueError(f"Style networks take pictures from 16 pixels up, not {tuple(image.shape[-2:])}.")


# The mean colour of ImageNet: what "nothing known" looks like to a network that subtracts it.
MEAN_COLOUR = (0.485, 0.456, 0.406)


def mean_colour(like: torch.Tensor) -> torch.Tensor:
    """(1, 3, 1, 1) on the device and in the type of `like`."""
    return torch.tensor(MEAN_COLOUR, device=like.device, dtype=like.dtype)[None, :, None, None]
