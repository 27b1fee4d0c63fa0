"""Notebook 5."""

import torch
import torch.nn.functional as F

from answers.answer import Answers


def residual_loss(t, t0, s, s0):
    return ((t - t0) - (s - s0)).square().mean()


def target(t, t0, s0):
    return s0 + t - t0


def target_in_place(t, t0, s0):
    s0 += t - t0
    return s0


def target_by_loops(t, t0, s0):
    frames = [torch.stack([plain[c] + with_flow[c] - without[c] for c in range(3)])
              for with_flow, without, plain in zip(t, t0, s0, strict=True)]
    return torch.stack(frames)


def seen(video, masks):
    return video[masks.expand_as(video) == 1]


def correlation(a, b):
    a, b = a - a.mean(), b - b.mean()
    return (a * b).mean() / (a.square().mean() * b.square().mean()).sqrt()


def agreement(one, another, masks):
    return correlation(seen(one, masks), seen(another, masks))


def agreement_by_sums(one, another, masks):
    """Weights instead of an index."""
    weight = masks.expand_as(one) / masks.expand_as(one).sum()
    one, another = one - (weight * one).sum(), another - (weight * another).sum()
    both, first, second = ((weight * x * y).sum() for x, y in ((one, another), (one, one), (another, another)))
    return (both / (first * second).sqrt()).item()


def table(one, another, masks):
    return torch.corrcoef(torch.stack((seen(one, masks), seen(another, masks))))


def by_frame(one, another, masks):
    return torch.stack([agreement(*(part[t:t + 1] for part in (one, another, masks))) for t in range(len(one))]).mean()


def covariance_over_stds(one, another, masks):
    a, b = seen(one, masks), seen(another, masks)
    return ((a - a.mean()) * (b - b.mean())).mean() / (a.std() * b.std())


ANSWERS = {
    "residual_loss": Answers(
        wrong={
            "a sum": (lambda t, t0, s, s0: ((t - t0) - (s - s0)).square().sum(), "this is a sum; take the mean"),
            "a sum over each frame": (
                lambda t, t0, s, s0: ((t - t0) - (s - s0)).square().flatten(1).sum(1).mean(),
                "averaged over the frames"),
            "a norm over the colours": (
                lambda t, t0, s, s0: ((t - t0) - (s - s0)).square().sum(1).mean(), "colours"),
            "absolute": (lambda t, t0, s, s0: F.l1_loss(t - t0, s - s0), "absolute"),
            "with a root": (lambda *four: residual_loss(*four).sqrt(), "root"),
            "the norm": (lambda t, t0, s, s0: ((t - t0) - (s - s0)).norm(), "this is the norm"),
            "the square of the mean": (lambda t, t0, s, s0: ((t - t0) - (s - s0)).mean() ** 2, "cancel"),
            "the student's sign": (lambda t, t0, s, s0: F.mse_loss(t - t0, s0 - s), "wrong sign"),
            "the teacher's sign": (lambda t, t0, s, s0: F.mse_loss(t0 - t, s - s0), "wrong sign"),
            "the sizes compared": (
                lambda t, t0, s, s0: ((t - t0) ** 2 - (s - s0) ** 2).mean(), "how \\*large"),
            "Eq. 2": (lambda t, t0, s, s0: F.mse_loss(t, s), "Eq. 2"),
            "without the plain student": (lambda t, t0, s, s0: F.mse_loss(t - t0, s), "plain student is missing"),
            "without the teacher without flow": (
                lambda t, t0, s, s0: F.mse_loss(t, s - s0), "teacher without flow is missing"),
            "subtracted across": (lambda t, t0, s, s0: F.mse_loss(t - s0, s - t0), "own family"),
            "a student that cannot learn": (
                lambda t, t0, s, s0: residual_loss(t, t0, s.detach(), s0), "gradient reaches the student"),
            "a map": (lambda t, t0, s, s0: ((t - t0) - (s - s0)).square(), "the shape is"),
        },
        right={
            "by the two changes": residual_loss,
            "by the target": lambda t, t0, s, s0: F.mse_loss(s, s0 + t - t0),
            "by a norm": lambda t, t0, s, s0: torch.linalg.vector_norm(t - t0 - s + s0) ** 2 / s.numel(),
        }),
    "residual_target": Answers(
        wrong={
            "the sign": (lambda t, t0, s0: s0 + t0 - t, "sign"),
            "the teacher": (lambda t, t0, s0: t, "Eq. 2"),
            "the plain student": (lambda t, t0, s0: s0 + 0, "unchanged"),
            "the difference alone": (lambda t, t0, s0: t - t0, "difference T - T0 alone"),
            "nothing taken away": (lambda t, t0, s0: s0 + t, "taken away"),
            "the plain ones exchanged": (lambda t, t0, s0: t + t0 - s0, "exchanged"),
            "clamped": (lambda t, t0, s0: target(t, t0, s0).clamp(0, 1), "cut off"),
            "half": (lambda t, t0, s0: torch.lerp(s0, target(t, t0, s0), 0.5), "half"),
            "a mean": (lambda t, t0, s0: torch.stack((s0, t)).mean(0), "mean of two pictures"),
            "in place": (target_in_place, "changes what it was given"),
            "averaged over the clip": (lambda t, t0, s0: target(t, t0, s0).mean(0), "the shape is"),
        },
        right={"a sum": target, "frame by frame": target_by_loops,
               "by add": lambda t, t0, s0: torch.add(torch.sub(t, t0), s0)}),
    "agreement": Answers(
        wrong={
            "no mask": (lambda one, another, masks: correlation(one, another), "masks are not used"),
            "zeros for what is hidden": (
                lambda one, another, masks: correlation(masks * one, masks * another), "counts as zero"),
            "the hidden pixels": (lambda one, another, masks: agreement(one, another, 1 - masks), "traceable"),
            "a cosine": (lambda one, another, masks: F.cosine_similarity(
                seen(one, masks), seen(another, masks), dim=0), "this is a cosine: "),
            "a cosine without a mask": (lambda one, another, masks: F.cosine_similarity(
                one.reshape(-1), another.reshape(-1), dim=0), "cosine over all pixels"),
            "frame by frame": (by_frame, "for each frame"),
            "squared": (lambda *three: agreement(*three) ** 2, "squared"),
            "without its sign": (lambda *three: agreement(*three).abs(), "sign counts"),
            "a covariance": (lambda one, another, masks: torch.cov(
                torch.stack((seen(one, masks), seen(another, masks))))[0, 1].item(), "covariance"),
            "a covariance by means": (lambda one, another, masks: torch.cov(torch.stack(
                (seen(one, masks), seen(another, masks))), correction=0)[0, 1], "covariance"),
            "a slope": (lambda one, another, masks: table(one, another, masks)[0, 1]
                        * seen(another, masks).std() / seen(one, masks).std(), "variance of one"),
            "over the variances": (lambda one, another, masks: torch.cov(torch.stack(
                (seen(one, masks), seen(another, masks))), correction=0)[0, 1] / (
                    seen(one, masks).var(correction=0) * seen(another, masks).var(correction=0)), "take its root"),
            "not centred": (lambda one, another, masks: (seen(one, masks) * seen(another, masks)).mean() / (
                seen(one, masks).std() * seen(another, masks).std()), "before you multiply"),
            "N and N - 1": (covariance_over_stds, r"correction=0"),
            "a table": (table, r"entry \[0, 1\]"),
            "with itself": (lambda *three: table(*three)[0, 0], "with itself"),
        },
        right={
            "by corrcoef": lambda *three: table(*three)[0, 1].item(),
            "by means": agreement,
            "by weights": agreement_by_sums,
        }),
}
