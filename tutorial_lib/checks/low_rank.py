"""Notebook 6: the traceable matrix, its nuclear norm, and the rank loss."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tutorial_lib.checks.asking import Answer, Wrong, check, close, expect, expect_gradient, numbers
from tutorial_lib.flow.warp import warp
from tutorial_lib.losses import low_rank


@check
def traceable_matrix(answer: Answer) -> None:
    """traceable_matrix(frames, flows, masks): (K, 3, H, W), (K, 2, H, W), (K, 1, H, W) -> (K, 3HW)."""
    k, h, w = 3, 5, 6
    frames, masks = numbers(k, 3, h, w), (numbers(k, 1, h, w, seed=1) > 0.3).float()
    flows = torch.tensor([[2.0, 1], [0, 0], [-1.5, 0.5]])[..., None, None].expand(k, 2, h, w).contiguous()
    aligned = warp(frames, flows)
    right = low_rank.traceable_matrix(frames, flows, masks)
    rows = masks * aligned
    # A column is a pixel's colour; in which order they stand does not matter, if it is the same in every row.
    reordered = {"pixel by pixel": rows.permute(0, 2, 3, 1), "column by column": rows.mT}
    got = answer(frames.clone(), flows.clone(), masks.clone())
    if isinstance(got, torch.Tensor) and any(close(got, other.flatten(1)) for other in reordered.values()):
        right = got.detach()
    expect(answer, (frames, flows, masks), right, {
        "the masks are not used: what cannot be traced has to be black.": aligned.flatten(1),
        "the masks lie on the middle frame's grid, so warp first and mask afterwards.":
            warp(masks * frames, flows).flatten(1),
        "your flow points the other way: it leads from the middle frame into frame t, and warp looks up there, so give "
        "it as it is; with a minus, frame 0 came out shifted by 4 pixels.": (masks * warp(frames, -flows)).flatten(1),
        "x and y of the flow are exchanged: flows[:, 0] goes to the right, flows[:, 1] down.":
            (masks * warp(frames, flows.flip(1))).flatten(1),
        "the motion is still in it: warp every frame with its flow first.": (masks * frames).flatten(1),
        "each frame has a mask of its own in Eq. 6; yours keeps only the pixels that all frames show.":
            (masks.amin(0) * aligned).flatten(1),
        "the masks are upside down: 1 means traceable.": ((1 - masks) * aligned).flatten(1),
        "this is the matrix on its side: a row is a frame, a column a pixel.": right.T,
        "this reads across the frames; each frame has to become one row: flatten(1).":
            rows.flatten(1).T.reshape(k, -1),
        "this is one long row; each frame is a row of its own: flatten(1) keeps the first dimension.": rows.flatten(),
        "the three colours are averaged; a row holds all three of every pixel, 3HW numbers.": rows.mean(1).flatten(1),
        "these are still pictures; lay each in one row: flatten(1).": rows,
        "the pixels that cannot be traced stay in the matrix, as zeros; here their columns are left out.":
            aligned[:, :, masks.amin(0)[0].bool()].flatten(1),
    }, "three frames of 5 x 6 pixels")
    expect_gradient(answer, (frames, flows, masks), 0, "no gradient reaches the frames; leave out detach(), .data and "
                                                       "no_grad().")


@check
def nuclear_norm(answer: Answer) -> None:
    """nuclear_norm(matrix): (K, L), K much smaller than L, -> a scalar: the sum of the singular values."""
    matrix = numbers(3, 40) - 0.3
    values = torch.linalg.svdvals(matrix.double())
    with Decompositions() as seen:
        expect(answer, (matrix,), values.sum(), {
            "these are the eigenvalues of X X^T, the squares of the singular values; take their roots before the sum.":
                values.square().sum(),
            "this is the root of the sum (the Frobenius norm); take the root of each, then the sum.":
                values.square().sum().sqrt(),
            "this is the largest singular value alone; the norm is the sum of all.": values[0],
            "this is the smallest singular value alone; the norm is the sum of all.": values[-1],
            "this is the mean; the norm is the sum.": values.mean(),
            "the largest singular value is left out; in the norm it is in the sum.": values[1:].sum(),
            "this is the rank, how many singular values are not zero; their sum is wanted.": torch.tensor(3.0),
            "these are the singular values; their sum is wanted.": (values, values.flip(0)),
            "this adds the absolute values of all entries; the nuclear norm adds the singular values.":
                matrix.abs().sum(),
            "this is the trace of the matrix, not the sum of its singular values.": matrix[:, :3].trace(),
        }, "three rows of 40 numbers")
    if max(seen.sizes, default=0) > len(matrix):
        raise Wrong("the number is right, but a matrix with 40 columns was taken apart for it; the small one, X X^T, "
                    "with 3 x 3 numbers, is enough (a clip has 100,000 columns).")
    expect_gradient(answer, (matrix,), 0, "no gradient comes through; leave out detach() and .item().")
    copies = numbers(1, 40).repeat(4, 1)
    for rows, name in ((copies, "four copies of a row"), (torch.zeros(4, 40), "a black clip")):
        value = answer(asked := rows.clone().requires_grad_())
        if not torch.isfinite(value):
            raise Wrong(f"for {name} the norm is no number: an eigenvalue that should be 0 comes out just below, and "
                        "has no root; clamp_min() it.")
        slope, = torch.autograd.grad(value, asked)
        if not torch.isfinite(slope).all():
            raise Wrong(f"for {name} the norm is right, but its gradient is no number: a root has no slope at zero. "
                        "Keep the eigenvalues a little above it: clamp_min(1e-12). (A part of the largest eigenvalue "
                        "is no guard where that one is 0, too.)")
    one = torch.linalg.svdvals(copies.double())[0]
    if not close(value := answer(copies), one):
        raise Wrong(f"four copies of a row have one singular value that is not zero, {one:.4g}; yours add up to "
                    f"{value:.4g}. Is the guard too large? Or is it rounding: squaring costs half the digits, so "
                    ".double() comes first.")
    nearly = numbers(1, 4000).repeat(5, 1) + 1e-4 * numbers(5, 4000, seed=1)
    if not close(answer(nearly), torch.linalg.svdvals(nearly.double()).sum(), tolerance=3e-5):
        raise Wrong("for five rows that are nearly equal the small singular values drown in rounding: squaring costs "
                    "half the digits, and float32 has seven; go to .double() first, and keep the guard tiny.")


class Decompositions(TorchDispatchMode):
    """Notes the larger side of every matrix of which singular values or eigenvalues are taken."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        if any(name in function.name() for name in ("linalg_svd", "linalg_eigh", "linalg_eig")):
            self.sizes.append(max(arguments[0].shape))
        return function(*arguments, **(options or {}))


@check
def rank_loss(answer: Answer) -> None:
    """rank_loss(wanted, painted): two matrices (K, L) -> a scalar, Eq. 11."""
    wanted, painted = 0.5 * numbers(2, 40)[[0, 1, 0]], numbers(3, 40, seed=1)      # of rank 2 and 3
    a, b = (torch.linalg.svdvals(matrix.double()) for matrix in (wanted, painted))
    right = (a.sum() - b.sum()).square()
    expect(answer, (wanted, painted), right, {
        "the difference is to be squared; as it is, it could fall for ever.": a.sum() - b.sum(),
        "the difference is to be squared, not taken as it is, or without its sign.": b.sum() - a.sum(),
        "this is the norm of the difference of two clips; the loss is the difference of their norms: the pictures "
        "themselves are free.": torch.linalg.svdvals((wanted - painted).double()).sum(),
        "this is the squared norm of the difference of two clips; the loss is the squared difference of their norms.":
            torch.linalg.svdvals((wanted - painted).double()).sum().square(),
        "this compares the singular values one by one; Eq. 11 compares their sums.":
            ((a - b).square().sum(), (a - b).square().mean()),
        "square the difference, not the two norms.": (a.sum().square() - b.sum().square(),
                                                      b.sum().square() - a.sum().square()),
        "this compares the matrices entry by entry; Eq. 11 compares one number of each, the nuclear norm.":
            (wanted - painted).square().mean(),
        "these are Frobenius norms; nuclear norms are wanted.": (wanted.norm() - painted.norm()).square(),
        "only the largest singular values are compared; the norm is the sum of all.": (a[0] - b[0]).square(),
        "Eq. 11 is not relative: nothing is divided by the wanted norm.": right / a.sum().square(),
        "these are the ranks, which have no gradient; nuclear norms are wanted.": torch.ones(()),
        "only norms below the wanted one are punished here; Eq. 11 punishes both sides.": torch.zeros(()),
    }, "two clips of three rows with 40 numbers")
    expect(answer, (painted, wanted), right, {
        "only norms above the wanted one are punished here; Eq. 11 punishes both sides.": torch.zeros(()),
    }, "a painted clip whose norm is below the wanted one")
    expect_gradient(answer, (wanted, painted), 1, "no gradient reaches the painted clip; leave out detach(), .item().")
