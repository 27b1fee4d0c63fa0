"""Notebook 1: the Gram matrix, the style term of one tap, and total variation."""

import torch

from tutorial_lib.checks.asking import Answer, check, expect, expect_gradient, numbers
from tutorial_lib.losses import perceptual


@check
def gram(answer: Answer) -> None:
    """gram(maps): (N, C, H, W) -> (N, C, C)."""
    maps = numbers(2, 3, 4, 5)
    n, c, h, w = maps.shape
    flat = maps.reshape(n, c, h * w)
    right, sums = perceptual.gram(maps), flat @ flat.transpose(1, 2)
    centred = flat - flat.mean(2, keepdim=True)
    expect(answer, (maps,), right, {
        "this is the sum over the pixels; Eq. 1 takes the mean: divide by H * W.": sums,
        "divide by the number of pixels, H * W, and not by the number of all values, C * H * W.": right / c,
        "divide by H * W, not by the number of values of the whole batch.": right / (n * c),
        "this multiplies pixels with pixels; a Gram matrix multiplies maps with maps: "
        "(N, C, H*W) times (N, H*W, C).": flat.transpose(1, 2) @ flat / (h * w),
        "the pictures of the batch are mixed; each has a Gram matrix of its own.":
            (sums.sum(0) / (n * h * w)),
        "the maps are not to be centred: a Gram matrix is no covariance, and how bright a map is counts.":
            centred @ centred.transpose(1, 2) / (h * w),
        "reshape (N, C, H, W) to (N, C, H*W), in this order; yours mixes the values of different maps.":
            perceptual.gram(maps.permute(0, 2, 3, 1).reshape(n, c, h, w)),
        "this is only the diagonal, how strongly each map fires; all pairs are wanted.":
            (torch.diag_embed(flat.square().mean(2)), flat.square().mean(2)),
    }, "two pictures of 4 x 5 pixels with three maps each")
    expect_gradient(answer, (maps,), 0, "no gradient comes through, so nothing could be painted with it; "
                                        "leave out detach(), .item(), .data, torch.tensor(...) and no_grad().")


@check
def tap_style_loss(answer: Answer) -> None:
    """tap_style_loss(maps, style_maps): the style term of one tap, a scalar, for one picture each."""
    maps, style = numbers(1, 3, 4, 5), 2 * numbers(1, 3, 6, 7, seed=1)
    g, s = perceptual.gram(maps), perceptual.gram(style)
    right = (g - s).square().sum() / s.square().sum()
    expect(answer, (maps, style), right, {
        "divide by the size of the style's Gram matrix, ||G(s)||^2, so that every tap weighs the same.":
            (g - s).square().sum(),
        "this is a mean over the entries and not relative to the style's; divide by ||G(s)||^2.":
            (g - s).square().mean(),
        "divide by the style's Gram matrix, not by the painted picture's.": (g - s).square().sum() / g.square().sum(),
        "the norms are squared, both of them.": (g - s).norm() / s.norm(),
        "squared differences are wanted, not absolute ones.": (g - s).abs().sum() / s.abs().sum(),
        "first the sums, above and below the line, then one quotient; yours adds up a quotient for each entry.":
            ((g - s).square() / s.square()).sum(),
        "subtract first, then square: a difference of two sums of squares is not the square of a difference.":
            ((g.square().sum() - s.square().sum()) / s.square().sum(),
             (g.square().sum() - s.square().sum()).abs() / s.square().sum()),
        "this compares how bright the maps are, not their Gram matrices.":
            (maps.mean((2, 3)) - style.mean((2, 3))).square().sum() / style.mean((2, 3)).square().sum(),
    }, "a picture of 4 x 5 pixels and a style picture of 6 x 7")
    expect_gradient(answer, (maps, style), 0, "no gradient reaches the painted picture; leave out detach(), .item() "
                                              "and no_grad().")


@check
def tv_loss(answer: Answer) -> None:
    """tv_loss(image): (N, 3, H, W) -> a scalar."""
    image = numbers(2, 3, 4, 6)
    down, right = image[..., 1:, :] - image[..., :-1, :], image[..., 1:] - image[..., :-1]
    both = perceptual.tv_loss(image)
    expect(answer, (image,), both, {
        "these are the neighbours below only; those to the right count as well.": down.square().mean(),
        "these are the neighbours to the right only; those below count as well.": right.square().mean(),
        "squared differences are wanted, not absolute ones.": down.abs().mean() + right.abs().mean(),
        "this is a sum, so a larger picture would weigh more; take the mean of each direction.":
            down.square().sum() + right.square().sum(),
        "each difference is to be squared before the mean, or upward and downward steps cancel.": (
            down.mean() + right.mean(), down.mean().square() + right.mean().square()),
        "the two directions have different numbers of pairs; take the mean of each, then add, and not one mean of all.":
            torch.cat([down.flatten(), right.flatten()]).square().mean(),
        "some pairs are left out to make the two sizes equal; take the mean of each direction by itself, then add.":
            down[..., :-1].square().mean() + right[..., :-1, :].square().mean(),
        "the mean of each direction is taken by itself, and the two are added, not averaged.": both / 2,
        "the last row and the first are no neighbours (torch.roll makes them so); compare [1:] with [:-1].":
            (image - image.roll(1, 2)).square().mean() + (image - image.roll(1, 3)).square().mean(),
    }, "two pictures of 4 x 6 pixels")
    expect_gradient(answer, (image,), 0, "no gradient comes through; leave out detach(), .item() and no_grad().")
