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


class BlurPool(nn.Module):
    """Halves a picture after a 4 x 4 binomial blur, so that a shift of one pixel changes the answer little.

    A convolution with stride 2 answers to where an edge falls between its steps: a flicker of its own when the
    edge moves. Source: Zhang 2019, "Making convolutional networks shift-invariant again".
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        row = torch.tensor([1.0, 3, 3, 1], device=x.device, dtype=x.dtype) / 8
        channels = int(x.shape[1])      # a number also where the network is traced: a kernel has a known shape
        kernel = (row[:, None] * row).expand(channels, 1, 4, 4)
        return F.conv2d(F.pad(x, [1] * 4, mode="reflect"), kernel, stride=2, groups=channels)


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
    (N, inputs, H, W) -> (N, 3, H, W) in (0, 1), at any H and W from 16 pixels up. smooth: blurred halving and
    bilinear doubling, with the same weights, for a network that follows the shifts of its input more closely.
    Source: Johnson et al. 2016; the widths of the paper are 32 with 5 blocks (teacher, reference [34])
    and 48 with 4 (student, reference [9]).
    """

    def __init__(self, inputs: int, width: int, blocks: int, smooth: bool = False):
        super().__init__()

        def halve(channels: int) -> list[nn.Module]:
            convolution = ConvLayer(channels, 2 * channels, 3, stride=1 if smooth else 2)
            return [convolution, BlurPool()] if smooth else [convolution]

        def double() -> nn.Module:
            return nn.Upsample(scale_factor=2, mode="bilinear" if smooth else "nearest")

        self.down = nn.Sequential(ConvLayer(inputs, width, 9), *halve(width), *halve(2 * width))
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width) for _ in range(blocks)))
        self.up = nn.Sequential(
            double(),
            ConvLayer(4 * width, 2 * width, 3),
            double(),
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
