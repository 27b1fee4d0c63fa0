"""Notebook 3."""

import torch
import torch.nn.functional as F

from answers.answer import Answers
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp

FILTER = torch.tensor([[[-1.0, 1.0]]])


def edges_by_conv(signal, stride=2, kernel=FILTER):
    return F.relu(F.conv1d(signal[None, None], kernel, stride=stride))[0, 0]


def edges_in_a_loop(signal):
    return torch.stack([(signal[n + 1] - signal[n]).clamp(min=0) for n in range(0, len(signal), 2)])


def rolled(teacher, frames, flows, masks, past=None, trust=None):
    past = past or (lambda made, t: warp(made[-1], flows[t - 1:t]))
    trust = trust or (lambda t: erode(masks[t - 1:t]))
    made = [teacher(frames[:1])]
    for t in range(1, len(frames)):
        made.append(teacher(frames[t:t + 1], past(made, t), trust(t)))
    return torch.cat(made)


def rolled_by_zip(teacher, frames, flows, masks):
    outputs = [teacher(frames[0].unsqueeze(0))]
    for frame, flow, mask in zip(frames[1:], flows, masks, strict=True):
        outputs += [teacher(frame[None], warp(outputs[-1], flow[None]), erode(mask[None]))]
    return torch.cat(outputs, 0)


def rolled_from_nothing(teacher, frames, flows, masks):
    """The first frame, too, with a past: of zeros, with mask 0."""
    result = torch.empty_like(frames)
    past, trusted = torch.zeros_like(frames[:1]), torch.zeros_like(masks[:1])
    for t in range(len(frames)):
        result[t] = teacher(frames[t:t + 1], past, trusted)[0]
        if t + 1 < len(frames):
            trusted = erode(masks[t:t + 1])
            past = trusted * warp(result[t:t + 1].clone(), flows[t:t + 1])
    return result


def pair(teacher, judge, frames, flow, mask, weight, *, past=None, given=None, shrunk=True, given_mask=None,
         beside_mask=None, distance=None, judged=None):
    """As in the course, with one thing changed."""
    trusted = erode(mask) if shrunk else mask
    past = warp(teacher(frames[:1]).detach(), flow) if past is None else past
    y = teacher(frames[1:], past if given is None else given, trusted if given_mask is None else given_mask)
    gap = (trusted if beside_mask is None else beside_mask) * (y - past)
    temporal = gap.square().mean() if distance is None else distance(gap)
    return (judge(y, frames[1:]) if judged is None else judged(y)) + weight * temporal


def pair_without_no_grad(teacher, judge, frames, flow, mask, weight):
    with torch.no_grad():
        past = warp(teacher(frames[:1]), flow)
    trusted = erode(mask)
    painting = teacher(frames[1:], past, trusted)
    return judge(painting, frames[1:]) + weight * F.mse_loss(trusted * painting, trusted * past)


def pair_masked_first(teacher, judge, frames, flow, mask, weight):
    previous, current = frames.split(1)
    m = erode(mask)
    past = m * warp(teacher(previous), flow).detach()
    painting = teacher(current, past, m)
    total = 0.0
    for channel in (painting * m - past)[0]:
        total = total + channel.pow(2).mean() / 3
    return weight * total + judge(painting, current)


def pair_masked_too_early(teacher, judge, frames, flow, mask, weight):
    m = erode(mask)
    past = m * warp(teacher(frames[:1]).detach(), flow)
    y = teacher(frames[1:], past, m)
    return judge(y, frames[1:]) + weight * F.mse_loss(y, past)


def pair_attached(teacher, judge, frames, flow, mask, weight, given=True, beside=True, compared=True):
    past, m = warp(teacher(frames[:1]), flow), erode(mask)
    y = teacher(frames[1:], past if given else past.detach(), m)
    gap = (y if compared else y.detach()) - (past if beside else past.detach())
    return judge(y, frames[1:]) + weight * (m * gap).square().mean()


ANSWERS = {
    "strided_edges": Answers(
        wrong={
            "a stride of 1": (lambda s: edges_by_conv(s, 1), "goes on by one"),
            "the filter turned round": (lambda s: edges_by_conv(s, kernel=FILTER.flip(2)), "does not turn it round"),
            "without ReLU": (lambda s: s[1::2] - s[::2], "ReLU is missing"),
            "absolute": (lambda s: (s[1::2] - s[::2]).abs(), "downwards"),
            "from the second place": (lambda s: F.relu(s[2::2] - s[1:-1:2]), "begins at 1 and 2"),
            "averaged": (lambda s: (s[1::2] + s[::2]) / 2, "subtracts them"),
            "every second value": (lambda s: s[::2], "compares two neighbours"),
            "whether there is an edge": (lambda s: (s[1::2] > s[::2]).float(), "how high"),
            "with a channel": (lambda s: edges_by_conv(s)[None], "take the one"),
            "as conv1d left it": (lambda s: edges_by_conv(s)[None, None], "take the two"),
            "zeros": (lambda s: 0 * s[::2], "is right, and yours"),
        },
        right={
            "by slices": lambda s: F.relu(s[1::2] - s[::2]),
            "by conv1d": edges_by_conv,
            "in a loop": edges_in_a_loop,
        }),
    "roll_out": Answers(
        wrong={
            "the mask as it is": (lambda *a: rolled(*a, trust=lambda t: a[3][t - 1:t]), "shrink it first"),
            "no mask": (lambda *a: rolled(*a, trust=lambda t: None), "trust its past everywhere"),
            "the mask warped": (
                lambda *a: rolled(*a, trust=lambda t: warp(erode(a[3][t - 1:t]), a[2][t - 1:t])), "only the past"),
            "the mask warped, then eroded": (
                lambda *a: rolled(*a, trust=lambda t: erode(warp(a[3][t - 1:t], a[2][t - 1:t]))), "only the past"),
            "not warped": (lambda *a: rolled(*a, lambda made, t: made[-1]), "where things were"),
            "the frame before": (
                lambda *a: rolled(*a, lambda made, t: warp(a[1][t - 1:t], a[2][t - 1:t])), "previous \\*painting"),
            "the first painting": (lambda *a: rolled(*a, lambda made, t: warp(made[0], a[2][t - 1:t])), "always"),
            "painted anew": (
                lambda *a: rolled(*a, lambda made, t: warp(a[0](a[1][t - 1:t]), a[2][t - 1:t])), "anew"),
            "the other sign": (
                lambda *a: rolled(*a, lambda made, t: warp(made[-1], -a[2][t - 1:t])), "the other way"),
            "flows from the end": (
                lambda *a: rolled(*a, lambda made, t: warp(made[-1], a[2][-t][None])), "another order"),
            "one flow too early": (
                lambda *a: rolled(*a, lambda made, t: warp(made[-1], a[2][t - 2][None]),
                                  lambda t: erode(a[3][t - 2][None])), "the one before it"),
            "one flow too late": (
                lambda *a: rolled(*a, lambda made, t: warp(made[-1], a[2][t:t + 1])), "K - 1 flows"),
            "one index too far": (
                lambda *a: rolled(*a, lambda made, t: warp(made[-1], a[2][t][None])), "K - 1 flows"),
            "without a past": (lambda teacher, frames, *_: torch.cat([teacher(f) for f in frames.split(1)]), "without"),
            "masked, without the mask": (
                lambda *a: rolled(*a, lambda made, t: erode(a[3][t - 1:t]) * warp(made[-1], a[2][t - 1:t]),
                                  lambda t: None), "third argument"),
            "zipped from the first frame": (
                lambda teacher, frames, *a: rolled(teacher, torch.cat([frames[:1], frames[:-1]]), *a), "twice"),
            "no batch dimension of the flow": (
                lambda *a: rolled(*a, lambda made, t: warp(made[-1], a[2][t - 1])), "K - 1 flows"),
            "without the first": (lambda *a: rolled(*a)[1:], "first painting is missing"),
            "the last alone": (lambda *a: rolled(*a)[-1:], "all K"),
            "stacked": (lambda *a: rolled(*a)[:, None], "torch.cat"),
            "no batch dimension": (lambda teacher, frames, *_: teacher(frames[0]), r"frames\[t:t \+ 1\]"),
            "all at once": (lambda teacher, frames, *_: teacher(frames), "One at a time"),
            "mask and past exchanged": (
                lambda teacher, frames, flows, masks: teacher(frames[1:2], masks[:1], frames[:1]), "in order"),
            "a list": (lambda *a: [rolled(*a)], "a tensor is wanted"),
        },
        right={
            "frame by frame": rolled,
            "by zip": rolled_by_zip,
            "from nothing, masked beforehand": rolled_from_nothing,
        }),
    "loss_of_a_pair": Answers(
        wrong={
            "no weight": (lambda *a: pair(*a[:5], 1.0), "weight of the temporal term is missing"),
            "the weight on both": (
                lambda *a: pair(*a, judged=lambda y: a[5] * a[1](y, a[2][1:])), "temporal term alone"),
            "no judge": (lambda *a: pair(*a, judged=lambda y: 0), "judge is missing"),
            "no temporal term": (lambda *a: pair(*a[:5], 0.0), "temporal term is missing"),
            "judged beside the first frame": (
                lambda *a: pair(*a, judged=lambda y: a[1](y, a[2][:1])), "second\\* frame"),
            "the judge's arguments": (lambda *a: pair(*a, judged=lambda y: a[1](a[2][1:], y)), "painting first"),
            "both paintings judged": (
                lambda *a: pair(*a) + a[1](a[0](a[2][:1]), a[2][:1]), "only the new painting"),
            "no erosion": (lambda *a: pair(*a, shrunk=False), "shrink the mask"),
            "no erosion for the teacher": (lambda *a: pair(*a, given_mask=a[4]), "it trusts, too"),
            "no erosion for the loss": (lambda *a: pair(*a, beside_mask=a[4]), "belongs to the temporal"),
            "no mask in the loss": (lambda *a: pair(*a, beside_mask=torch.ones_like(a[4])), "multiply by the mask"),
            "the mean where the mask is 1": (
                lambda *a: pair(*a, distance=lambda g: g.square().sum() / (3 * erode(a[4]).sum())), "that count"),
            "over the mask": (
                lambda *a: pair(*a, distance=lambda g: g.square().sum() / erode(a[4]).sum()), "that count"),
            "a sum": (lambda *a: pair(*a, distance=lambda g: g.square().sum()), "larger picture"),
            "the colours added up": (lambda *a: pair(*a, distance=lambda g: g.square().sum(1).mean()), "three colours"),
            "a root": (lambda *a: pair(*a, distance=lambda g: g.square().mean().sqrt()), "without a root"),
            "absolute": (lambda *a: pair(*a, distance=lambda g: g.abs().mean()), "not absolute"),
            "the past masked too early": (pair_masked_too_early, "their difference"),
            "nothing warped": (lambda *a: pair(*a, past=a[0](a[2][:1]).detach()), "for the teacher and for the loss"),
            "the loss not warped": (
                lambda *a: pair(*a, past=a[0](a[2][:1]).detach(), given=warp(a[0](a[2][:1]).detach(), a[3])),
                "compares with the previous painting where it was"),
            "the frame before": (lambda *a: pair(*a, past=warp(a[2][:1], a[3])), "previous \\*painting"),
            "the other sign": (
                lambda *a: pair(*a, past=warp(a[0](a[2][:1]).detach(), -a[3])), "the other way"),
            "no past given": (lambda *a: pair(*a, given_mask=torch.zeros_like(a[4])), "not seen its past"),
            "the frames exchanged": (lambda t, j, f, *a: pair(t, j, f.flip(0), *a), "wrong order"),
            "attached": (pair_attached, "still attached"),
            "attached where it is given": (lambda *a: pair_attached(*a, beside=False), "teacher is given"),
            "attached where it is compared": (lambda *a: pair_attached(*a, given=False), "compared with"),
            "the painting detached": (lambda *a: pair_attached(*a, given=False, compared=False), "never the new"),
            "both detached": (
                lambda *a: pair_attached(*a, given=False, beside=False, compared=False), "both sides"),
            "nothing learned": (lambda *a: pair(*a).detach(), "no gradient"),
            "a float": (lambda *a: pair(*a).item(), "no gradient"),
            "no batch dimension": (lambda t, j, f, *a: t(f[0]), "batch dimension"),
        },
        right={
            "detached": pair,
            "without gradient for the past": pair_without_no_grad,
            "masked first, channel by channel": pair_masked_first,
        }),
}
