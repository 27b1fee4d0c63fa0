"""PSNR and SSIM as the field of super-resolution takes them."""

import torch
import torch.nn.functional as F

from tutorial_lib.errors import TutorialError

BT601 = (65.481, 128.553, 24.966)      # of R, G and B in [0, 1]; 16 is added, and all of it is over 255
WINDOW, SIGMA = 11, 1.5                # of SSIM's Gaussian
K1, K2 = 0.01, 0.03


def luma(frames: torch.Tensor) -> torch.Tensor:
    """BT.601's Y of pictures (N, 3, H, W) in [0, 1]: (N, 1, H, W) from 16/255 to 235/255, as MATLAB's rgb2ycbcr."""
    weights = torch.tensor(BT601, dtype=frames.dtype, device=frames.device)
    return (torch.einsum("c,nchw->nhw", weights, frames)[:, None] + 16) / 255


def psnr(picture: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The peak signal-to-noise ratio of each picture (N, C, H, W) in [0, 1], in decibels: (N,), infinite if equal."""
    error = (picture.double() - truth.double()).square().mean((1, 2, 3))
    return -10 * torch.log10(error)


def ssim(picture: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The structural similarity of each picture (N, C, H, W) in [0, 1], the mean over its channels: (N,).

    Raises: TutorialError for pictures of fewer than 11 pixels a side.
    Source: Wang et al. 2004: a Gaussian window of 11 pixels and sigma 1.5, only where it lies inside the picture.
    """
    if min(picture.shape[-2:]) < WINDOW:
        raise TutorialError(f"SSIM looks through a window of {WINDOW} pixels; these pictures have "
                            f"{picture.shape[-1]}x{picture.shape[-2]}.")
    x, y = (video.double().flatten(0, 1)[:, None] for video in (picture, truth))            # (N C, 1, H, W)
    row = torch.exp(-0.5 * ((torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2) / SIGMA) ** 2)
    row = row / row.sum()

    def blurred(values: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.conv2d(values, row[None, None, None]), row[None, None, :, None])

    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    likeness = ((2 * mean_x * mean_y + K1**2) * (2 * covariance + K2**2)
                / ((mean_x**2 + mean_y**2 + K1**2) * (var_x + var_y + K2**2)))
    return likeness.mean((1, 2, 3)).unflatten(0, picture.shape[:2]).mean(1)


def compared(
    video: torch.Tensor, truth: torch.Tensor, channels: str = "Y", border: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two videos (N, 3, H, W) as the measures take them: rounded to 8 bits, on BT.601's Y or in RGB, without a border.

    channels: "Y" (Vid4, Vimeo-90K) or "RGB" (REDS). border: pixels that are left out at each side.
    Raises: TutorialError for other channels, videos of different shapes, or a border that leaves nothing.
    """
    if channels not in ("Y", "RGB"):
        raise TutorialError(f"PSNR and SSIM are taken on Y or in RGB, not {channels!r}.")
    if video.shape != truth.shape:
        raise TutorialError(f"The video {tuple(video.shape)} and its truth {tuple(truth.shape)} differ in shape.")
    if border < 0 or 2 * border >= min(video.shape[-2:]):
        raise TutorialError(f"A border of {border} pixels leaves nothing of pictures of "
                            f"{video.shape[-1]}x{video.shape[-2]}.")
    inner = slice(border, video.shape[-2] - border), slice(border, video.shape[-1] - border)
    kept = ((part.double().clamp(0, 1) * 255).round()[(..., *inner)] / 255 for part in (video, truth))
    return tuple(map(luma, kept)) if channels == "Y" else tuple(kept)
