"""Notebook 4: what a convolution costs, the temporal loss (Eq. 12) and vanilla distillation (Eq. 2)."""

import torch

from tutorial_lib.checks.asking import Answer, Wrong, check, expect, expect_gradient, numbers
from tutorial_lib.flow.warp import warp
from tutorial_lib.losses import residual, temporal


@check
def cost(answer: Answer) -> None:
    """cost(inputs, outputs, size, height, width): the multiply-adds of a convolution, a number."""
    inputs, outputs, size, height, width = given = 3, 4, 5, 8, 10
    pixels, window = height * width, size**2
    right = inputs * outputs * window * pixels

    def counted(*arguments: int) -> torch.Tensor:
        result = answer(*arguments)
        if isinstance(result, tuple | list):
            raise Wrong("one number is wanted, the multiply-adds alone.")
        return result

    expect(counted, given, torch.tensor(float(right)), {sentence: torch.tensor(float(value)) for sentence, value in {
        "this is the number of weights; each is used once for every pixel that comes out: times height * width.":
            right / pixels,
        "this is the number of parameters; each weight is used once for every pixel that comes out: times height * "
        "width (and a bias multiplies nothing).": right / pixels + outputs,
        "a window has size * size pixels, not size.": right / size,
        "one number that comes out looks at a window in *every* map that comes in: times inputs.": right / inputs,
        "there are `outputs` maps to compute: times outputs.": right / outputs,
        "every map that comes out looks at every map that comes in: inputs * outputs, not their sum.":
            right / (inputs * outputs) * (inputs + outputs),
        "these are operations; a multiply-add, one product that is added to a sum, counts once here.": 2 * right,
        "the bias is added, and multiplies nothing; leave it out, as PyTorch's own counter does.":
            right + outputs * pixels,
        "this is from one map to one; several come in, and several come out: times inputs and times "
        "outputs.": window * pixels,
        "a window has size * size pixels, and there are several maps on both sides.": size * pixels,
        "height and width are already those of the maps that come out; nothing is cut off any more.":
            right / pixels * (height - size + 1) * (width - size + 1),
        "height and width are two sides: times height * width, not their sum.": right / pixels * (height + width),
        "these are billions; give the number itself.": right / 1e9,
    }.items()}, "3 maps in, 4 maps out, a window of 5 x 5 and 8 x 10 pixels")


@check
def vanilla_distillation_loss(answer: Answer) -> None:
    """vanilla_distillation_loss(teacher, student): pictures of one shape -> a scalar."""
    teacher, student = numbers(2, 3, 4, 5), numbers(2, 3, 4, 5, seed=1)
    apart = teacher - student
    expect(answer, (teacher, student), residual.vanilla_distillation_loss(teacher, student), {
        "this is a sum, so a larger picture would weigh more; take the mean over all numbers.": apart.square().sum(),
        "squared differences are wanted, not absolute ones.": apart.abs().mean(),
        "the norm in Eq. 2 is squared: leave out the root.": apart.square().mean().sqrt(),
        "the norm in Eq. 2 is squared, and a mean is taken: this is the norm of all differences.": apart.norm(),
        "square first, then take the mean; yours lets what is too bright make up for what is too dark.":
            apart.mean().square(),
        "this is the mean of the differences, unsquared: what is too bright makes up for what is too dark.":
            apart.mean(),
        "this is the mean of the differences, unsquared, and with the other sign.": -apart.mean(),
        "the three colours are numbers, too: divide by N * 3 * H * W (this is .mean()), not by N * H * W.":
            3 * apart.square().mean(),
        "this is a sum over the pixels of each picture, averaged over the pictures; take the mean over all numbers.":
            apart.square().sum() / len(apart),
        "one number for all pictures is wanted; yours has one for each.": apart.square().mean((1, 2, 3)),
        "these are the squares; their mean is wanted, one number.": apart.square(),
    }, "two pictures of 4 x 5 pixels from each")
    expect_gradient(answer, (teacher, student), 1, "no gradient reaches the student, so it could not learn; leave out "
                                                   "detach(), .item() and no_grad().")


@check
def temporal_loss(answer: Answer) -> None:
    """temporal_loss(current, previous, flow, mask): frames, backward flow and mask of N pairs -> a scalar."""
    current, previous = numbers(2, 3, 6, 8), numbers(2, 3, 6, 8, seed=1)
    flow = torch.tensor([-1.5, 0.5])[None, :, None, None] + numbers(2, 2, 6, 8, seed=2)
    mask = (numbers(2, 1, 6, 8, seed=3) > 0.3).float()
    arrived = warp(previous, flow)
    change = current - arrived
    squares = (mask * change).square()
    given = current, previous, flow, mask
    expect(answer, given, temporal.temporal_loss(*given), {
        "where is the mask? Pixels that were hidden in the previous frame have nothing to agree with.":
            change.square().mean(),
        "the previous frame is not warped; what moves would count as flicker.":
            (mask * (current - previous)).square().mean(),
        "your flow points the other way: the flow given is backward already, from the current frame into the "
        "previous one; warp(previous, flow) is all.": (mask * (current - warp(previous, -flow))).square().mean(),
        "the axes of the flow are exchanged; x comes first, and warp knows it.":
            (mask * (current - warp(previous, flow.flip(1)))).square().mean(),
        "the wrong frame is warped: the flow lies on the current frame's grid and says where to look in the "
        "previous one: warp(previous, flow).": (mask * (previous - warp(current, flow))).square().mean(),
        "the mask is the other way round: 1 is a pixel that can be traced, and counts.":
            ((1 - mask) * change).square().mean(),
        "the mask multiplies the current frame alone; it belongs around the whole difference.":
            (mask * current - arrived).square().mean(),
        "the mask multiplies the warped frame alone; it belongs around the whole difference.":
            (current - mask * arrived).square().mean(),
        "the mask lies on the current frame's grid; do not warp it with the previous frame, multiply the difference.":
            (current - warp(mask * previous, flow)).square().mean(),
        "the previous frame is masked before it is warped; the mask lies on the current frame's grid: multiply the "
        "difference alone.": (mask * (current - warp(mask * previous, flow))).square().mean(),
        "both frames are masked, and the previous one before it is warped; the mask lies on the current frame's grid: "
        "multiply the difference alone.": (mask * current - warp(mask * previous, flow)).square().mean(),
        "this is a sum, so a larger picture would weigh more; take the mean.": squares.sum(),
        "this divides by the traceable pixels alone; here the mean goes over all numbers, and masked ones are zeros "
        "in it.": squares.sum() / (3 * mask.sum()),
        "the mean goes over all numbers, colours too: N * 3 * H * W.": squares.sum() / mask.sum(),
        "the three colours are numbers, too: divide by N * 3 * H * W (this is .mean()), not by N * H * W.":
            3 * squares.mean(),
        "squared differences are wanted, not absolute ones.": (mask * change).abs().mean(),
        "the norm in Eq. 12 is squared: leave out the root.": squares.mean().sqrt(),
        "the norm in Eq. 12 is squared, and a mean is taken: this is the norm of all differences.":
            (mask * change).norm(),
        "square first, then take the mean; yours lets what grew brighter make up for what grew darker.":
            (mask * change).mean().square(),
        "one number for all pairs is wanted; yours has one for each.": squares.mean((1, 2, 3)),
        "these are the squares; their mean is wanted, one number.": squares,
    }, "two pairs of frames of 6 x 8 pixels")
    expect_gradient(answer, given, 0, "no gradient reaches the current frame, so nothing could be learned; leave "
                                      "out detach(), .item() and no_grad().")
    expect_gradient(answer, given, 1, "no gradient reaches the previous frame. The student paints both, and Eq. 12 "
                                      "pulls at both; leave out detach().")
