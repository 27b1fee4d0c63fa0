"""Notebook 5: the residual loss, the picture at which it is zero, and how far two flickers agree."""

import torch

from tutorial_lib.checks.asking import Answer, check, expect, expect_gradient, numbers
from tutorial_lib.evaluation import measures
from tutorial_lib.losses import residual


@check
def residual_loss(answer: Answer) -> None:
    """residual_loss(teacher_with_flow, teacher_plain, student, student_plain): four (K, 3, H, W) -> a scalar."""
    t, t0, s, s0 = numbers(4, 2, 3, 4, 5).unbind()
    off = (t - t0) - (s - s0)
    expect(answer, (t, t0, s, s0), residual.residual_distillation_loss(t, t0, s, s0), {
        "this is a sum; take the mean over all elements, or a larger picture would weigh more.": off.square().sum(),
        "this is a sum over the pixels of each frame, averaged over the frames; take the mean over all elements.":
            off.square().sum() / len(off),
        "squared differences are wanted, not absolute ones.": off.abs().mean(),
        "Eq. 5 has the norm squared; leave out the root.": off.square().mean().sqrt(),
        "this is the norm, the root of a sum; Eq. 5 squares it, and the mean is wanted: x.square().mean().": off.norm(),
        "square first, then take the mean: errors of different signs must not cancel.": off.mean().square(),
        "this compares how *large* the two changes are; take T - T0 less S - S0 first, pixel by pixel, then square.":
            (t - t0).square().mean() - (s - s0).square().mean(),
        "one of the two changes has the wrong sign; each is \"with what makes it steady, minus plain\": T - T0 and "
        "S - S0.": ((t - t0) + (s - s0)).square().mean(),
        "this is Eq. 2, which copies the picture; Eq. 5 compares the changes T - T0 and S - S0.":
            (t - s).square().mean(),
        "the plain student is missing: compare T - T0 with S - S0, not with S itself.": (t - t0 - s).square().mean(),
        "the teacher without flow is missing: compare S - S0 with T - T0, not with T itself.":
            (t - s + s0).square().mean(),
        "each change stays in its own family: T - T0 of the teachers and S - S0 of the students; yours mixes them.":
            ((t - s0) - (s - t0)).square().mean(),
        "the three colours are summed here; take the mean over all elements, colours too.":
            off.square().sum(1).mean(),
    }, "four clips of two frames with 4 x 5 pixels")
    expect_gradient(answer, (t, t0, s, s0), 2, "no gradient reaches the student, so it could not learn; leave out "
                                               "detach(), .item() and no_grad().")


@check
def residual_target(answer: Answer) -> None:
    """residual_target(teacher_with_flow, teacher_plain, student_plain): (K, 3, H, W) each -> (K, 3, H, W)."""
    t, t0, s0 = numbers(3, 2, 3, 4, 5).unbind()
    right = s0 + (t - t0)
    expect(answer, (t, t0, s0), right, {
        "the sign of the teachers' difference is wrong: it is T - T0, what training with flow adds.": s0 - (t - t0),
        "this is the teacher's own picture, at which Eq. 2 is zero; Eq. 5 is zero elsewhere.": t,
        "there Eq. 5 is zero only where the teachers do not differ; the unchanged student is not its target.": s0,
        "this is the difference T - T0 alone; the student's change is counted from S0, so S0 has to be in the sum.":
            t - t0,
        "T0 has to be taken away: the target is S0 plus what differs between T and T0.": s0 + t,
        "T0 is the plain one of the teachers, S0 the plain one of the students; the two are exchanged.": t + t0 - s0,
        "the target need not stay between 0 and 1: cut off there, Eq. 5 would not be zero.": right.clamp(0, 1),
        "the whole difference is added, not half of it.": s0 + (t - t0) / 2,
        "this is the mean of two pictures; a sum is wanted: S0 + (T - T0).": (s0 + t) / 2,
    }, "three clips of two frames with 4 x 5 pixels")


@check
def agreement(answer: Answer) -> None:
    """agreement(one, another, masks): (N, 3, H, W) twice and (N, 1, H, W) -> a number from -1 to 1."""
    shared, one, another = numbers(3, 2, 3, 5, 6).unbind()
    masks = (numbers(2, 1, 5, 6, seed=1) > 0.3).float()
    one = shared + 0.5 * one
    another = 1 + another - shared + torch.tensor([0.0, 0.6])[:, None, None, None]    # brighter in one frame
    right = torch.tensor(measures.agreement(one, another, masks))
    seen = masks.bool().expand_as(one)
    a, b = one[seen], another[seen]
    expect(answer, (one, another, masks), right, _mistakes_of_agreement(one, another, masks, right) | {
        "this is a covariance; divide it by both standard deviations.": tuple(
            torch.cov(torch.stack((a, b)), correction=n)[0, 1] for n in (0, 1)),
        "divide by both standard deviations, not by the variance of one.":
            torch.cov(torch.stack((a, b)))[0, 1] / a.var(),
        "the denominator holds the product of the two variances; take its root.":
            right / (a.std(correction=0) * b.std(correction=0)),
        "take the mean away from each before you multiply.":
            ((a * b).mean() / (a.std() * b.std()), (a * b).mean() / (a.std(correction=0) * b.std(correction=0))),
        "the mean of the products goes with the standard deviations that divide by N, std(correction=0); torch's own "
        "divides by N - 1.": right * (1 - 1 / len(a)),
        "this is a table of all pairs; the correlation of the first with the second is its entry [0, 1].":
            torch.corrcoef(torch.stack((a, b))),
        "this is how one video agrees with itself; in the table of all pairs the entry [0, 1] is wanted.":
            torch.ones(()),
    }, "two videos of two frames with 5 x 6 pixels", tolerance=1e-5)


def _mistakes_of_agreement(one: torch.Tensor, another: torch.Tensor, masks: torch.Tensor, right: torch.Tensor) -> dict:
    """{a mistake in the choice of the pixels or in the formula: what it leads to}."""
    def correlation(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.corrcoef(torch.stack((a.flatten(), b.flatten())))[0, 1]

    seen = masks.bool().expand_as(one)
    a, b = one[seen], another[seen]
    by_frame = [correlation(*(video[t][seen[t]] for video in (one, another))) for t in range(len(one))]
    return {
        "the masks are not used: leave out the pixels that cannot be traced.": correlation(one, another),
        "times the mask, what is hidden counts as zero and still as a pixel; pick the traceable pixels instead.":
            correlation(masks * one, masks * another),
        "these are the pixels that can *not* be traced; in the masks 1 means traceable.":
            correlation(one[~seen], another[~seen]),
        "this is a cosine: a correlation takes the mean away from each first.": torch.cosine_similarity(a, b, dim=0),
        "this is a cosine over all pixels; a correlation takes the means away, and only traceable pixels count.":
            torch.cosine_similarity(one.flatten(), another.flatten(), dim=0),
        "this is the mean of a correlation for each frame; take all traceable pixels of all frames together.":
            torch.stack(by_frame).mean(),
        "this is the correlation squared.": right.square(),
        "the sign counts: flicker in opposite directions has a negative correlation.": right.abs(),
    }
