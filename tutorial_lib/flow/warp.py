"""Moving an image along a flow."""

import torch
import torch.nn.functional as F

from tutorial_lib.errors import TutorialError


def check_flow(image: torch.Tensor, flow: torch.Tensor) -> None:
    """Raises TutorialError unless `flow` is (N, 2, H, W) on the grid of `image` (N, C, H, W)."""
    if flow.dim() != 4 or flow.shape[1] != 2:
        raise TutorialError(f"A flow has the shape (N, 2, H, W); this one has {tuple(flow.shape)}.")
    if flow.shape[-2:] != image.shape[-2:]:
        (h, w), (fh, fw) = image.shape[-2:], flow.shape[-2:]
        raise TutorialError(f"The flow is {fw}x{fh} pixels and the image {w}x{h}; they must be of one size.")


def pixel_grid(height: int, width: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """The coordinates of every pixel, (1, 2, H, W), x first."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float32, device=device),
        torch.arange(width, dtype=torch.float32, device=device),
        indexing="ij",
    )
    return torch.stack((x, y))[None]


def warp(image: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Samples `image` at p + flow(p), bilinearly, for every pixel p.

    With the backward flow of frame t, `warp(previous, flow)` is the previous frame as seen at time t. Beyond
    the border the nearest edge pixel is taken; a traceability mask marks those pixels as 0.

    image: (N, C, H, W). flow: (N, 2, H, W), pixels, x to the right, y down. Returns (N, C, H, W).
    Raises: TutorialError when the two differ in size.
    Source: the W of Eq. 6, 12 and 14; spatial transformers (Jaderberg et al. 2015) for the sampling.
    """
    check_flow(image, flow)
    height, width = image.shape[-2:]
    target = pixel_grid(height, width, flow.device) + flow                                  # (N, 2, H, W)
    # grid_sample wants [-1, 1] from the first pixel's centre to the last one's; a side of one pixel has no span.
    span = torch.tensor([max(width - 1, 1), max(height - 1, 1)], device=flow.device, dtype=flow.dtype)
    grid = 2 * target.permute(0, 2, 3, 1) / span - 1                                        # (N, H, W, 2)
    # In the flow's precision: coordinates in bfloat16 would be off by whole pixels.
    image = image.to(grid.dtype)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=True)


def inside(flow: torch.Tensor) -> torch.Tensor:
    """1 where p + flow(p) is still in the picture, else 0. (N, 2, H, W) -> (N, 1, H, W)."""
    height, width = flow.shape[-2:]
    x, y = (pixel_grid(height, width, flow.device) + flow).unbind(1)
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))[:, None].to(flow.dtype)


def compose(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The flow a -> c from a -> b on a's grid and b -> c on b's grid, all (N, 2, H, W)."""
    return first + warp(second, first)
