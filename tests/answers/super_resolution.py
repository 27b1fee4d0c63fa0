"""Notebook 9."""

import torch
import torch.nn.functional as F

from answers.answer import Answers
from tutorial_lib.losses import space_time


def plane(row):
    return row[:, None] * row[None]


def blur(padded, weights, **options):
    return F.conv2d(padded, weights.expand(3, 1, *weights.shape[-2:]), groups=3, **options)


def blur_and_keep(padded, row):
    return blur(padded, plane(row), stride=4)


def in_two_passes(padded, row):
    colours = padded.flatten(0, 1)[:, None]
    colours = F.conv2d(colours, row[None, None, None], stride=(1, 4))
    return F.conv2d(colours, row[None, None, :, None], stride=(4, 1)).view(len(padded), 3, *_quarter(padded))


def _quarter(padded):
    return tuple((side - 4) // 4 for side in padded.shape[-2:])


def by_shifts(padded, row):
    height, width = (side - 4 for side in padded.shape[-2:])
    return sum(row[y] * row[x] * padded[..., y:y + height:4, x:x + width:4] for y in range(5) for x in range(5))


def blurred(padded, row):
    return blur(padded, plane(row))


def kept(picture, first=0):
    return picture[..., first::4, first::4]


def attention_map(features):
    return features.pow(2).sum(dim=1, keepdim=True)


def channel_by_channel(features):
    total = 0
    for channel in features.unbind(1):
        total = total + channel * channel
    return total[:, None]


def lstm_step(i, f, o, g, cell):
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def by_methods(i, f, o, g, cell):
    cell = (f.sigmoid() * cell).add(i.sigmoid() * g.tanh())
    return [o.sigmoid() * cell.tanh(), cell]


def by_exponentials(i, f, o, g, cell):
    i, f, o = (1 / (1 + torch.exp(-gate)) for gate in (i, f, o))
    new = f * cell + i * (2 * torch.sigmoid(2 * g) - 1)
    return o * new.tanh(), new


def out(o, cell):
    return torch.sigmoid(o) * torch.tanh(cell), cell


def in_place(i, f, o, g, cell):
    cell *= torch.sigmoid(f)
    cell += torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def no_sigmoid(i, f, o, g, cell):
    cell = f * cell + i * torch.tanh(g)
    return o * torch.tanh(cell), cell


def gated_cell(i, f, o, g, cell):
    h, _ = lstm_step(i, f, o, g, cell)
    return h, h


S, T = torch.sigmoid, torch.tanh

ANSWERS = {
    "blur_and_keep": Answers(
        wrong={
            "no blur": (lambda p, r: p[..., 2:-2:4, 2:-2:4], "nothing is blurred"),
            "no blur, from the corner": (lambda p, r: p[..., :-4:4, :-4:4], "nothing is blurred"),
            "nothing dropped": (blurred, "keep every fourth"),
            "rows alone": (lambda p, r: kept(blur(p, r[None])[..., 2:-2, :]), "along the rows alone"),
            "columns alone": (lambda p, r: kept(blur(p, r[:, None])[..., 2:-2]), "along the columns alone"),
            "a mean of squares of pixels": (lambda p, r: F.avg_pool2d(p[..., 2:-2, 2:-2], 4), "another degradation"),
            "the second kept": (lambda p, r: kept(blurred(p, r), 1), "the second"),
            "the third kept": (lambda p, r: kept(blurred(p, r), 2), "the third"),
            "the last kept": (lambda p, r: kept(blurred(p, r), 3), "the last"),
            "every second": (lambda p, r: blur(p, plane(r), stride=2), "factor is four"),
            "rows dropped alone": (lambda p, r: blur(p, plane(r), stride=(4, 1)), "every column"),
            "columns dropped alone": (lambda p, r: blur(p, plane(r), stride=(1, 4)), "every row"),
            "colours added": (lambda p, r: F.conv2d(p, plane(r).expand(1, 3, 5, 5), stride=4), "added up"),
            "colours mixed": (lambda p, r: F.conv2d(p, plane(r).expand(3, 3, 5, 5) / 3, stride=4), "one grey"),
            "a row repeated": (lambda p, r: blur(p, r.expand(5, 5), stride=4), "add up to 5"),
            "padded again": (lambda p, r: blur(p, plane(r), stride=4, padding=2), "padded once more"),
            "black": (lambda p, r: 0 * kept(blurred(p, r)), "off by up to"),
        },
        right={"by groups": blur_and_keep, "in two passes": in_two_passes, "by shifts": by_shifts}),
    "attention_map": Answers(
        wrong={
            "no squares": (lambda x: x.sum(1, keepdim=True), "without squares"),
            "absolute": (lambda x: x.abs().sum(1, keepdim=True), "the paper squares"),
            "a maximum": (lambda x: x.abs().amax(1, keepdim=True), "largest channel"),
            "a mean": (lambda x: x.square().mean(1, keepdim=True), "mean over the channels"),
            "a norm": (lambda x: x.norm(dim=1, keepdim=True), "leave the root out"),
            "squared afterwards": (lambda x: x.sum(1, keepdim=True) ** 2, "signs cancel"),
            "no keepdim": (lambda x: (x**2).sum(1), "keepdim=True"),
            "over the frames": (lambda x: (x**2).sum(0), "over the frames"),
            "over the pixels": (lambda x: (x**2).sum((2, 3)), "over the pixels"),
            "one number": (lambda x: (x**2).sum(), "one number"),
            "squares alone": (lambda x: x * x, "over the channels"),
            "normalised": (lambda x: space_time.attention_map(x, normalised=True), "normalised"),
            "a softmax": (lambda x: attention_map(x).flatten(1).softmax(1).view(2, 1, 4, 5), "softmax"),
            "detached": (lambda x: attention_map(x.detach()), "no gradient"),
            "ones": (lambda x: torch.ones_like(x[:, :1]), "off by up to"),
        },
        right={
            "by squares": attention_map,
            "channel by channel": channel_by_channel,
            "by einsum": lambda x: torch.einsum("kchw,kchw->khw", x, x)[:, None],
            "by a norm": lambda x: torch.linalg.vector_norm(x, dim=1, keepdim=True) ** 2,
            "from behind": lambda x: (x * x).sum(-3, keepdim=True),
        }),
    "lstm_step": Answers(
        wrong={
            "exchanged": (lambda *given: lstm_step(*given)[::-1], "return h, cell"),
            "the cell alone": (lambda *given: lstm_step(*given)[1], "two tensors are wanted"),
            "one number each": (lambda *given: tuple(x.mean() for x in lstm_step(*given)), "of the shape"),
            "no sigmoid": (no_sigmoid, "go through a sigmoid"),
            "f and i exchanged": (lambda i, f, o, g, c: lstm_step(f, i, o, g, c), "f and i are exchanged"),
            "no old cell": (lambda i, f, o, g, c: out(o, S(i) * T(g)), "where is the old cell"),
            "nothing new": (lambda i, f, o, g, c: out(o, S(f) * c), "nothing new"),
            "nothing forgotten": (lambda i, f, o, g, c: out(o, c + S(i) * T(g)), "ever forgotten"),
            "all comes in": (lambda i, f, o, g, c: out(o, S(f) * c + T(g)), "all of the new"),
            "no tanh of g": (lambda i, f, o, g, c: out(o, S(f) * c + S(i) * g), "no tanh"),
            "a sigmoid of g": (lambda i, f, o, g, c: out(o, S(f) * c + S(i) * S(g)), "only ever add"),
            "h from the old cell": (lambda i, f, o, g, c: (S(o) * T(c), lstm_step(i, f, o, g, c)[1]), "old one"),
            "no tanh of the cell": (
                lambda i, f, o, g, c: (S(o) * (new := lstm_step(i, f, o, g, c)[1]), new), "tanh is missing"),
            "no output gate": (
                lambda i, f, o, g, c: (T(new := lstm_step(i, f, o, g, c)[1]), new), "output gate is missing"),
            "o without a sigmoid": (
                lambda i, f, o, g, c: (o * T(new := lstm_step(i, f, o, g, c)[1]), new), "as well"),
            "the cell gated": (gated_cell, "belongs to h alone"),
            "one gate": (lambda i, f, o, g, c: out(o, S(f) * c + (1 - S(f)) * T(g)), "another cell"),
            "in place": (in_place, "changes what it was given"),
            "the cell detached": (lambda i, f, o, g, c: lstm_step(i, f, o, g, c.detach()), "reaches the old cell"),
            "g detached": (lambda i, f, o, g, c: lstm_step(i, f, o, g.detach(), c), "reaches g"),
            "zeros": (lambda *given: (0 * given[4], 0 * given[4]), "off by up to"),
        },
        right={"as in the formula": lstm_step, "by methods": by_methods, "by exponentials": by_exponentials}),
}
