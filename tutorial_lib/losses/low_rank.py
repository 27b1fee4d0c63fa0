"""Eq. 6-11: a steady clip, its motion undone, is K times the same picture: a matrix of low rank."""

import torch

from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp


def traceable_matrix(frames: torch.Tensor, flows: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The rows of Eq. 6: every frame of a clip warped to its middle one, and masked.

    frames: (K, 3, H, W). flows: (K, 2, H, W), from the reference frame tau = K // 2 into each frame.
    masks: (K, 1, H, W) on the reference's grid. Returns (K, L) with L = 3*H*W.
    Raises: TutorialError when the numbers of frames differ.
    Source: Eq. 6 (where L = H*W counts pixels; a picture has three values a pixel).
    """
    if not len(frames) == len(flows) == len(masks):
        raise TutorialError(
            f"A clip needs a flow and a mask for each frame: {len(frames)} frames, {len(flows)} flows, "
            f"{len(masks)} masks."
        )
    return (masks * warp(frames, flows)).flatten(1)                                         # (K, 3HW)


def singular_values(matrix: torch.Tensor) -> torch.Tensor:
    """The singular values of (..., K, L) with K much smaller than L, in ascending order: (..., K).

    They are the square roots of the eigenvalues of the K x K Gram matrix, ten times cheaper than an SVD of
    K x L. Squaring doubles the digits that are needed, hence float64; and the square root has no slope at
    zero, hence the guard, a relative one so that it is small against any picture. Apple's GPUs have no float64: a
    matrix on one is brought to the processor, and its singular values stay there.
    """
    matrix = (matrix.cpu() if matrix.is_mps else matrix).double()                           # (..., K, L)
    eigenvalues = torch.linalg.eigvalsh(matrix @ matrix.mT)                                 # (..., K)
    guard = 1e-14 * eigenvalues[..., -1:].detach() + torch.finfo(torch.float64).tiny
    return eigenvalues.clamp_min(guard).sqrt()


def nuclear_norm(matrix: torch.Tensor) -> torch.Tensor:
    """The sum of the singular values: (K, L) -> scalar, (B, K, L) -> (B,).

    Raw, not normalised: it grows with the square root of the number of pixels, so a lambda belongs to a resolution.
    Source: Eq. 7-9.
    """
    return _like(matrix, singular_values(matrix).sum(-1))


def low_rank_loss(wanted: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
    """The squared difference of two nuclear norms, (B,) or scalars, mean over B.

    wanted: the teacher's norm (Eq. 10), or the input's (Eq. 11), which the paper finds the better model.
    """
    return (wanted - student).square().mean()


def common_mask(masks: torch.Tensor) -> torch.Tensor:
    """The pixels that are traceable in every frame of a clip: masks (K, 1, H, W) -> the same shape, all K equal.

    Beyond the paper. With a mask of its own, a row differs from the others wherever it alone is hidden, and the
    norm counts that as a change of the picture.
    """
    return masks.amin(0).expand_as(masks)


def rank_excess(matrix: torch.Tensor) -> torch.Tensor:
    """The nuclear norm over the largest singular value, less 1: 0 for K times the same picture, at most K - 1.

    (K, L) -> scalar, (B, K, L) -> (B,). Beyond the paper: without the division a paler or darker picture has a lower
    norm, and the distance of two norms is mostly one of brightness.
    """
    values = singular_values(matrix)                                                        # (..., K), ascending
    return _like(matrix, values.sum(-1) / values[..., -1] - 1)


def _like(matrix: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    return value.to(matrix.dtype).to(matrix.device)    # in this order: float64 must not reach a GPU that has none
