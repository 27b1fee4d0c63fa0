"""Notebook 4."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from answers.answer import Answers
from tutorial_lib.flow.warp import warp


def cost(inputs, outputs, size, height, width):
    return inputs * outputs * size * size * height * width


def cost_by_a_layer(inputs, outputs, size, height, width):
    return nn.Conv2d(inputs, outputs, size, bias=False).weight.numel() * height * width


def cost_by_loops(inputs, outputs, size, height, width):
    count = 0
    for _ in range(outputs):
        for _ in range(inputs):
            count += size * size * height * width
    return count


def apart(current, previous, flow, mask):
    return mask * (current - warp(previous, flow))


def temporal_loss(current, previous, flow, mask):
    return apart(current, previous, flow, mask).pow(2).mean()


def in_place(current, previous, flow, mask):
    current -= warp(previous, flow)
    return (mask * current).square().mean()


def pair_by_pair(current, previous, flow, mask):
    total = 0
    for a, b, f, m in zip(current, previous, flow, mask, strict=True):
        total = total + ((a - warp(b[None], f[None])[0]) * m).square().mean()
    return total / len(current)


ANSWERS = {
    "cost": Answers(
        wrong={
            "the weights": (lambda i, o, s, h, w: i * o * s**2, "number of weights"),
            "the parameters": (lambda i, o, s, h, w: i * o * s**2 + o, "number of parameters"),
            "size not squared": (lambda i, o, s, h, w: i * o * s * h * w, "size \\* size"),
            "inputs forgotten": (lambda i, o, s, h, w: o * s * s * h * w, "times inputs"),
            "outputs forgotten": (lambda i, o, s, h, w: i * s * s * h * w, "times outputs"),
            "inputs and outputs added": (lambda i, o, s, h, w: (i + o) * s * s * h * w, "not their sum"),
            "two operations": (lambda *given: 2 * cost(*given), "counts once"),
            "with bias": (lambda i, o, s, h, w: (i * s * s + 1) * o * h * w, "bias"),
            "one map to one": (lambda i, o, s, h, w: s * s * h * w, "from one map to one"),
            "one row of one map": (lambda i, o, s, h, w: s * h * w, "several maps on both sides"),
            "the border cut off": (lambda i, o, s, h, w: cost(i, o, s, h - s + 1, w - s + 1), "nothing is cut off"),
            "height and width added": (lambda i, o, s, h, w: i * o * s * s * (h + w), "two sides"),
            "in billions": (lambda *given: cost(*given) / 1e9, "billions"),
            "a pair": (lambda i, o, s, h, w: (i * o * s * s, cost(i, o, s, h, w)), "alone"),
            "pixels that come in": (lambda i, o, s, h, w: i * o * s * s * 4 * h * w, "is right, and yours"),
        },
        right={
            "a product": cost,
            "by math.prod": lambda i, o, s, h, w: math.prod((i, o, s, s, h, w)),
            "by a layer": cost_by_a_layer,
            "by loops": cost_by_loops,
            "as a tensor": lambda *given: torch.tensor(cost(*given)),
        }),
    "vanilla_distillation_loss": Answers(
        wrong={
            "a sum": (lambda t, s: F.mse_loss(s, t, reduction="sum"), "larger picture"),
            "a sum over each picture": (lambda t, s: (t - s).square().sum() / len(t), "averaged over the pictures"),
            "absolute": (lambda t, s: F.l1_loss(s, t), "absolute"),
            "a root": (lambda t, s: F.mse_loss(s, t).sqrt(), "leave out the root"),
            "a norm": (lambda t, s: torch.linalg.vector_norm(t - s), "norm of all differences"),
            "the mean first": (lambda t, s: (t - s).mean() ** 2, "square first"),
            "not squared": (lambda t, s: (t - s).mean(), "unsquared"),
            "not squared, other sign": (lambda t, s: (s - t).mean(), "other sign"),
            "divided by N*H*W": (lambda t, s: (t - s).square().sum() / t[:, 0].numel(), "three colours"),
            "one for each picture": (lambda t, s: (t - s).square().flatten(1).mean(1), "one for each"),
            "squares": (lambda t, s: (t - s) ** 2, "their mean"),
            "detached": (lambda t, s: F.mse_loss(s.detach(), t), "gradient"),
            "a float": (lambda t, s: F.mse_loss(s, t).item(), "gradient"),
        },
        right={
            "by squares": lambda t, s: ((t - s) ** 2).mean(),
            "by mse_loss": lambda t, s: F.mse_loss(s, t.detach()),
            "by a norm": lambda t, s: (t - s).norm() ** 2 / t.numel(),
        }),
    "temporal_loss": Answers(
        wrong={
            "no mask": (lambda c, p, f, m: F.mse_loss(c, warp(p, f)), "where is the mask"),
            "no warp": (lambda c, p, f, m: (m * (c - p)).square().mean(), "not warped"),
            "the other sign": (lambda c, p, f, m: temporal_loss(c, p, -f, m), "points the other way"),
            "y before x": (lambda c, p, f, m: temporal_loss(c, p, f[:, [1, 0]], m), "x comes first"),
            "the wrong frame": (lambda c, p, f, m: (m * (warp(c, f) - p)).square().mean(), "wrong frame"),
            "the mask inverted": (lambda c, p, f, m: temporal_loss(c, p, f, 1 - m), "other way round"),
            "only the current masked": (lambda c, p, f, m: F.mse_loss(m * c, warp(p, f)), "current frame alone"),
            "only the warped masked": (lambda c, p, f, m: F.mse_loss(c, m * warp(p, f)), "warped frame alone"),
            "the mask warped": (lambda c, p, f, m: F.mse_loss(c, warp(m * p, f)), "do not warp it"),
            "masked before and after": (
                lambda c, p, f, m: temporal_loss(c, m * p, f, m), "before it is warped"),
            "both masked, then warped": (
                lambda c, p, f, m: F.mse_loss(m * c, warp(m * p, f)), "both frames are masked"),
            "a sum": (lambda *given: apart(*given).square().sum(), "larger picture"),
            "over the traceable": (
                lambda c, p, f, m: apart(c, p, f, m).square().sum() / m.expand_as(c).sum(), "traceable pixels alone"),
            "over the mask": (lambda c, p, f, m: apart(c, p, f, m).square().sum() / m.sum(), "colours too"),
            "divided by N*H*W": (lambda c, p, f, m: 3 * temporal_loss(c, p, f, m), "three colours"),
            "absolute": (lambda *given: apart(*given).abs().mean(), "absolute"),
            "a root": (lambda *given: apart(*given).square().mean() ** 0.5, "leave out the root"),
            "a norm": (lambda *given: torch.norm(apart(*given)), "norm of all differences"),
            "the mean first": (lambda *given: apart(*given).mean().square(), "square first"),
            "one for each pair": (lambda *given: apart(*given).square().flatten(1).mean(1), "one for each"),
            "squares": (lambda *given: apart(*given).square(), "their mean"),
            "the current detached": (lambda c, *given: temporal_loss(c.detach(), *given), "reaches the current"),
            "the previous detached": (lambda c, p, f, m: temporal_loss(c, p.detach(), f, m), "reaches the previous"),
            "in place": (in_place, "changes what it was given"),
            "zero": (lambda c, p, f, m: (0 * c).sum(), "is right, and yours"),
        },
        right={
            "as in the paper": temporal_loss,
            "by mse_loss": lambda c, p, f, m: F.mse_loss(m * c, m * warp(p, f)),
            "the mask once": lambda c, p, f, m: (m * (warp(p, f) - c).square()).mean(),
            "by a norm": lambda c, p, f, m: apart(c, p, f, m).norm() ** 2 / c.numel(),
            "pair by pair": pair_by_pair,
            "by choosing pixels": lambda c, p, f, m: (
                torch.where(m > 0, c - warp(p, f), 0.0).square().sum() / c.numel()),
        }),
}
