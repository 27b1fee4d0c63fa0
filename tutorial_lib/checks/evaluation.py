"""Notebook 8: Eq. 14, the rule of a verdict, and what a convolution costs."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from tutorial_lib.checks.asking import Answer, Wrong, check, expect, numbers
from tutorial_lib.evaluation import Score, e_stab
from tutorial_lib.flow.warp import warp


@check
def stability_error(answer: Answer) -> None:
    """stability_error(frames, flows, masks): Eq. 14, a float or a scalar."""
    frames = numbers(5, 3, 5, 6)      # four pairs: with three, their sum would be mistaken for D = HW
    frames[2] += 0.5 * frames[1]      # so that the pairs differ by unlike amounts
    flows = torch.tensor([1.0, 0.0])[None, :, None, None].expand(4, 2, 5, 6).contiguous()
    masks = torch.ones(4, 1, 5, 6)
    masks[..., -1], masks[1, :, :2] = 0, 0

    def change(current: torch.Tensor, previous: torch.Tensor, flows: torch.Tensor = flows) -> torch.Tensor:
        return masks * (current - warp(previous, flows))

    off = change(frames[1:], frames[:-1])
    right = torch.tensor(e_stab(frames, flows, masks))
    expect(answer, (frames, flows, masks), right, {
        "the root is missing: Eq. 14 is the root of a mean of squares.": right**2,
        "D is 3HW, the number of all values of a frame; with HW the error is larger by the root of 3.": 3**0.5 * right,
        "the norm is squared, in the reading that is taken here.":
            (off.flatten(1).norm(dim=1) / off[0].numel()).mean().sqrt(),
        "squared differences are wanted, not absolute ones.": off.abs().mean(),
        "this is the root of each pair's mean, and then the mean; Eq. 14 takes one root, at the end.":
            off.square().mean((1, 2, 3)).sqrt().mean(),
        "N frames have N - 1 pairs: divide by N - 1, and not by N.": (off.square().mean() * 4 / 5).sqrt(),
        "this is the sum over the pairs; Eq. 14 takes the mean.": (off.square().mean((1, 2, 3)).sum()).sqrt(),
        "this is the sum over the pixels; Eq. 14 divides by D.": (off.square().sum((1, 2, 3)).mean()).sqrt(),
        "pixels that are not traceable count as zeros and stay in D; yours leaves them out of the mean.":
            (off.square().sum() / (3 * masks.sum())).sqrt(),
        "the masks are missing: where a pixel cannot be followed, nothing can be compared.":
            (frames[1:] - warp(frames[:-1], flows)).square().mean().sqrt(),
        "the mask comes last, on what is left after the warp; yours has masked the frames before they are compared.":
            (masks * frames[1:] - warp(masks * frames[:-1], flows)).square().mean().sqrt(),
        "the warp is missing: this compares a pixel with what stood in its place one frame before.":
            (masks * (frames[1:] - frames[:-1])).square().mean().sqrt(),
        "the wrong frame is warped: flows[t-1] lies on frame t and leads into frame t-1, so it is the previous "
        "frame that is looked up.": change(frames[:-1], frames[1:]).square().mean().sqrt(),
        "your flow points the other way: every frame came out shifted by twice the motion.":
            change(frames[1:], frames[:-1], -flows).square().mean().sqrt(),
        "every frame is compared with the one before it, frames[t] with frames[t-1]; yours with the first.":
            change(frames[1:], frames[:1].expand(4, -1, -1, -1)).square().mean().sqrt(),
    }, "five frames of 5 x 6 pixels that move by one pixel")


# --- a verdict ---

CONTROL = Score("control", "film", e_stab=0.10, style=0.50, content=0.40, std=0.20, sharpness=0.10, floor=0.02)

# What differs from the control; whether it is steadier at the same style; what to say to whom finds otherwise.
CASES = (
    ({"e_stab": 0.08}, True,
     "a network that is steadier by a fifth, and equal in everything else, has to pass."),
    ({"e_stab": 0.12}, False, "a network that flickers more than its control passes; a lower e_stab is better."),
    ({}, False, "a network that is just as steady as its control passes; it has to be steadier: < and not <=."),
    ({"e_stab": 0.0, "std": 0.0, "style": 4.0, "sharpness": 0.0}, False,
     "your rule is taken in by constant grey: no style, no contrast, no detail."),
    ({"e_stab": 0.05, "style": 0.60}, False, "a fifth more style loss passes; steadiness was paid for with style."),
    ({"e_stab": 0.05, "content": 0.48}, False,
     "a fifth more content loss passes: nobody knows any more what the film shows."),
    ({"e_stab": 0.05, "std": 0.14}, False,
     "a picture with 70 % of the contrast passes; a pale film differs less from itself."),
    ({"e_stab": 0.05, "sharpness": 0.05}, False, "a picture with half the sharpness passes; that is the blur."),
    ({"e_stab": 0.097, "std": 0.19}, False,
     "e_stab fell by 3 % and the contrast by 5 %: that is paler and not steadier. Compare e_stab / std, too "
     "(`relative_e_stab`)."),
    ({"e_stab": 0.11, "std": 0.30}, False,
     "e_stab rose by 10 % and the contrast by half: relative to it that is less, but e_stab itself has to be lower, "
     "too."),
    ({"e_stab": 0.08, "style": 0.52, "content": 0.415}, True,
     "4 % more style or content loss still counts as the same; up to 5 % is allowed."),
    ({"e_stab": 0.05, "style": 0.30, "content": 0.48}, False,
     "style and content are limited each by itself: less of the one does not pay for more of the other."),
    ({"e_stab": 0.05, "style": 0.54}, False, "8 % more style loss passes; up to 5 % of the control's is allowed."),
    ({"e_stab": 0.08, "sharpness": 0.08}, True, "80 % of the sharpness is allowed; below 70 % it is not."),
    ({"e_stab": 0.07, "std": 0.185}, True, "92 % of the contrast is allowed; below 90 % it is not."),
    ({"e_stab": 0.08, "style": 0.30, "content": 0.20}, True,
     "a *lower* style or content loss is no fault; only more of it is, so take no absolute differences."),
    ({"e_stab": 0.08, "std": 0.30, "sharpness": 0.20}, True, "more contrast and detail than the control is no fault."),
)


@check
def steadier(answer: Answer) -> None:
    """steadier(row, control): whether a score is steadier than the control's at the same style, True or False."""
    for change, right, sentence in CASES:
        row = replace(CONTROL, network="another", **change)
        try:
            got = answer(row, CONTROL)
        except ZeroDivisionError:
            raise Wrong("a constant picture has no contrast to divide by; take `relative_e_stab`, which knows that.") \
                from None
        if got is None:
            raise Wrong("the function returns nothing; does it end with `return`, whatever the scores are?")
        if isinstance(got, torch.Tensor) and got.numel() == 1:
            got = got.item()
        if not isinstance(got, bool | np.bool_ | int):
            raise Wrong(f"True or False is wanted, and this is a {type(got).__name__}.")
        if bool(got) != right:
            raise Wrong(sentence)
    for faults in ({"e_stab": 0.0}, {"e_stab": 0.05, "style": 0.6}):
        if answer(replace(CONTROL, floor=0.5, **faults), replace(CONTROL, floor=0.5)) != ("style" not in faults):
            raise Wrong("the floor is the input's own e_stab; it is no part of this rule.")


# --- what a convolution costs ---


@check
def multiply_adds(answer: Answer) -> None:
    """multiply_adds(layer, height, width): how many multiplications a convolution makes for (C, height, width)."""
    height, width = 4, 6
    layer = nn.Conv2d(3, 8, (3, 5))
    values, area = 8 * height * width, 15
    right = values * 3 * area
    numbered = {
        "a multiplication and its addition count as one.": 2 * right,
        "every value that comes out looks at all the input maps; times the number of those.": values * area,
        "every map that comes out has weights of its own; times the number of those.": right / 8,
        "a weight is used once at every place of the output: times height and width.": right / (height * width),
        "a weight is used at every place, height times width of them.": right / height,
        "a value needs a product for every weight of its window: times the kernel's height and width.": right / area,
        "the kernel's height and width are two numbers, 3 and 5 here; yours squares the first.": right * 9 / 15,
        "the kernel's height and width are two numbers, 3 and 5 here; yours squares the second.": right * 25 / 15,
        "the window has two sides: times the kernel's height and its width.": right / 5,
        "the bias is added and multiplies nothing; leave it out.": right + values,
        "these are all the layer's weights and biases, once; they are used again at every place.":
            right / (height * width) + 8,
    }
    expect(answer, (layer, height, width), torch.tensor(float(right)),
           {sentence: torch.tensor(float(value)) for sentence, value in numbered.items()},
           "3 maps in, 8 out, a kernel of 3 x 5, an output of 4 x 6 pixels", 1e-6)
    grouped = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=4)
    right = grouped.weight.numel() * height * width
    expect(answer, (grouped, height, width), torch.tensor(float(right)), {
        "in groups, a map that comes out looks at its own group of the input maps alone; `layer.weight` has the "
        "shape that counts.": torch.tensor(4.0 * right),
        "height and width are those of the output already; the stride has done its work.": torch.tensor(right / 4),
        "height and width are those of the output; the stride does not enlarge them.": torch.tensor(right * 4.0),
    }, "8 maps in 4 groups, a kernel of 3 x 3, stride 2, an output of 4 x 6 pixels", 1e-6)
