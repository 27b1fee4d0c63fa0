"""Notebook 8."""

import torch
import torch.nn.functional as F

from answers.answer import Answers
from tutorial_lib.evaluation import e_stab, verdict
from tutorial_lib.flow.warp import pixel_grid, warp


def change(frames, flows, masks):
    return masks * (frames[1:] - warp(frames[:-1], flows))


def rms(error):
    return error.square().mean().sqrt()


def in_place(frames, flows, masks):
    masks *= 0.5
    return e_stab(frames, flows, masks)


def pair_by_pair(frames, flows, masks):
    total = 0.0
    for t in range(1, len(frames)):
        total += F.mse_loss(masks[t - 1] * frames[t], masks[t - 1] * warp(frames[t - 1][None], flows[t - 1][None])[0])
    return (total / (len(frames) - 1)) ** 0.5


def by_norms(frames, flows, masks):
    squares = torch.linalg.vector_norm(change(frames, flows, masks), dim=(1, 2, 3)) ** 2
    return torch.sqrt(squares.mean() / frames[0].numel()).item()


def by_a_sampling_of_ones_own(frames, flows, masks):
    height, width = frames.shape[-2:]
    at = (pixel_grid(height, width) + flows).permute(0, 2, 3, 1)
    at = 2 * at / torch.tensor([width - 1, height - 1]) - 1
    past = F.grid_sample(frames[:-1], at, align_corners=True, padding_mode="border")
    return rms(masks * (frames[1:] - past))


def corners_not_aligned(frames, flows, masks):
    height, width = frames.shape[-2:]
    at = (pixel_grid(height, width) + flows).permute(0, 2, 3, 1)
    at = 2 * at / torch.tensor([width - 1, height - 1]) - 1
    return rms(masks * (frames[1:] - F.grid_sample(frames[:-1], at, align_corners=False)))


RULES = {
    "e_stab": lambda row, other: row.e_stab < other.e_stab,
    "relative": lambda row, other: row.relative_e_stab < other.relative_e_stab,
    "style": lambda row, other: row.style <= 1.05 * other.style,
    "content": lambda row, other: row.content <= 1.05 * other.content,
    "std": lambda row, other: row.std >= 0.9 * other.std,
    "sharpness": lambda row, other: row.sharpness >= 0.7 * other.sharpness,
}


def rule(without=None, **changed):
    """The verdict's rule without one of its parts, or with another in its place."""
    rules = {name: part for name, part in (RULES | changed).items() if name != without}
    return lambda row, control: all(part(row, control) for part in rules.values())


def by_ifs(row, control):
    if row.e_stab >= control.e_stab or row.relative_e_stab >= control.relative_e_stab:
        return False
    for loss in ("style", "content"):
        if getattr(row, loss) / getattr(control, loss) - 1 > 0.05:
            return False
    return not (row.std / control.std < 0.9 or row.sharpness / control.sharpness < 0.7)


def near(name):
    return lambda row, other: abs(getattr(row, name) / getattr(other, name) - 1) <= 0.05


def sizes(layer):
    return (layer.in_channels, layer.out_channels, *layer.kernel_size)


def product(of):
    def answer(layer, height, width):
        count = 1
        for part in of(layer, height, width):
            count *= part
        return count

    return answer


def counted_with_ones(layer, height, width):
    """Ones everywhere: what comes out is the number of products."""
    stack = torch.ones(1, layer.in_channels, *(((size - 1) * step + k) for size, step, k in zip(
        (height, width), layer.stride, layer.kernel_size, strict=True)))
    return F.conv2d(stack, torch.ones_like(layer.weight), stride=layer.stride, groups=layer.groups).sum()


ANSWERS = {
    "stability_error": Answers(
        wrong={
            "no root": (lambda *g: change(*g).square().mean(), "root is missing"),
            "D = HW": (lambda *g: (change(*g).square().sum(1).mean()).sqrt(), "root of 3"),
            "norm not squared": (
                lambda *g: (change(*g).flatten(1).norm(dim=1) / g[0][0].numel()).mean().sqrt(), "norm is squared"),
            "absolute": (lambda *g: change(*g).abs().mean(), "absolute"),
            "mean of roots": (lambda *g: change(*g).square().mean((1, 2, 3)).sqrt().mean(), "one root"),
            "N pairs": (lambda *g: (change(*g).square().sum() / g[0].numel()).sqrt(), "N - 1"),
            "a sum over pairs": (lambda *g: change(*g).square().mean((1, 2, 3)).sum().sqrt(), "over the pairs"),
            "a sum over pixels": (lambda *g: change(*g).square().sum((1, 2, 3)).mean().sqrt(), "divides by D"),
            "traceable pixels only": (
                lambda *g: (change(*g).square().sum() / (3 * g[2].sum())).sqrt(), "stay in D"),
            "no mask": (lambda f, w, m: rms(f[1:] - warp(f[:-1], w)), "masks are missing"),
            "masked before": (lambda f, w, m: rms(m * f[1:] - warp(m * f[:-1], w)), "comes last"),
            "no warp": (lambda f, w, m: rms(m * f.diff(dim=0)), "warp is missing"),
            "the wrong frame": (lambda f, w, m: rms(m * (f[:-1] - warp(f[1:], w))), "wrong frame"),
            "the flow turned round": (lambda f, w, m: e_stab(f, -w, m), "other way"),
            "against the first": (lambda f, w, m: rms(m * (f[1:] - warp(f[:1].expand_as(f[1:]), w))), "with the first"),
            "in place": (in_place, "changes what it was given"),
            "corners not aligned": (corners_not_aligned, "is right, and yours"),
            "one number a pair": (lambda *g: change(*g).square().mean((1, 2, 3)).sqrt(), "shape"),
        },
        right={
            "pair by pair": pair_by_pair,
            "by norms": by_norms,
            "with its own sampling": by_a_sampling_of_ones_own,
        }),
    "steadier": Answers(
        wrong={
            "e_stab alone": (lambda row, control: row.e_stab < control.e_stab, "constant grey"),
            "the wrong way round": (lambda row, control: rule()(control, row), "has to pass"),
            "no style": (rule("style"), "paid for with style"),
            "no content": (rule("content"), "what the film shows"),
            "no contrast": (rule("std"), "pale film"),
            "no sharpness": (rule("sharpness"), "the blur"),
            "no relative e_stab": (rule("relative"), "e_stab / std"),
            "relative e_stab alone": (rule("e_stab"), "e_stab itself"),
            "or equal": (rule(e_stab=lambda a, b: a.e_stab <= b.e_stab,
                              relative=lambda a, b: a.relative_e_stab <= b.relative_e_stab), "< and not <="),
            "no tolerance": (rule(style=lambda a, b: a.style <= b.style), "4 % more"),
            "ten per cent": (rule(style=lambda a, b: a.style <= 1.1 * b.style), "8 % more"),
            "sharpness as strict as contrast": (
                rule(sharpness=lambda a, b: a.sharpness >= 0.9 * b.sharpness), "80 %"),
            "contrast as strict as style": (rule(std=lambda a, b: a.std >= 0.95 * b.std), "92 %"),
            "absolute differences": (rule(style=near("style"), content=near("content")), "no fault"),
            "contrast on both sides": (rule(std=lambda a, b: 0.9 <= a.std / b.std <= 1.1), "more contrast"),
            "style and content together": (
                rule("content", style=lambda a, b: a.style + a.content <= 1.05 * (b.style + b.content)),
                "each by itself"),
            "divided by the contrast": (
                lambda row, control: row.e_stab / row.std < control.e_stab / control.std and rule()(row, control),
                "no contrast to divide by"),
            "words": (verdict, "True or False"),
            "above the floor": (lambda row, control: row.e_stab >= row.floor and rule()(row, control), "the floor"),
        },
        right={
            "all of them": rule(),
            "by ifs": by_ifs,
            "by the verdict's words": lambda row, control: verdict(row, control) == "steadier",
        }),
    "multiply_adds": Answers(
        wrong={
            "two each": (product(lambda la, h, w: (2, la.weight.numel(), h, w)), "count as one"),
            "no input maps": (product(lambda la, h, w: (*sizes(la)[1:], h, w)), "all the input maps"),
            "no output maps": (product(lambda la, h, w: (sizes(la)[0], *sizes(la)[2:], h, w)), "map that comes out"),
            "weights alone": (product(lambda la, h, w: (la.weight.numel(),)), "at every place of the output"),
            "one side of the output": (product(lambda la, h, w: (la.weight.numel(), w)), "height times width"),
            "no kernel": (product(lambda la, h, w: (*sizes(la)[:2], h, w)), "weight of its window"),
            "kernel squared": (
                product(lambda la, h, w: (*sizes(la)[:2], sizes(la)[2] ** 2, h, w)), "squares the first"),
            "one side of the kernel": (product(lambda la, h, w: (*sizes(la)[:3], h, w)), "two sides"),
            "with the bias": (
                lambda la, h, w: (la.weight.numel() + la.bias.numel()) * h * w, "bias"),
            "all parameters": (lambda la, h, w: sum(p.numel() for p in la.parameters()), "once"),
            "groups forgotten": (product(lambda la, h, w: (*sizes(la), h, w)), "in groups"),
            "divided by the stride": (
                product(lambda la, h, w: (la.weight.numel(), h // la.stride[0], w // la.stride[1])), "stride"),
        },
        right={
            "from the weights": lambda la, h, w: la.weight.numel() * h * w,
            "from the sizes": product(lambda la, h, w: (*sizes(la), h, w, 1 / la.groups)),
            "counted with ones": counted_with_ones,
        }),
}
