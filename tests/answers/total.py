"""Notebook 7."""

import torch
import torch.nn.functional as F
from torch.nn.utils import parameters_to_vector

from answers.answer import Answers
from tutorial_lib.flow.warp import warp
from tutorial_lib.losses.low_rank import nuclear_norm, traceable_matrix
from tutorial_lib.losses.temporal import temporal_loss


def terms(y, clip, target, input_norm, judge):
    backward, middle = clip.backward, clip.from_middle
    return {
        "perceptual": len(y) * judge(y, clip.frames),
        "residual": len(y) * F.mse_loss(y, target),
        "temporal": (len(y) - 1) * temporal_loss(y[1:], y[:-1], backward.flows, backward.masks),
        "rank": (input_norm - nuclear_norm(traceable_matrix(y, middle.flows, middle.masks))) ** 2,
    }


def total(**changed):
    """Eq. 13 with some terms written otherwise, each a function of what the reader is given."""
    def answer(y, clip, target, input_norm, judge, lambdas):
        parts = terms(y, clip, target, input_norm, judge)
        parts |= {name: term(y, clip, target, input_norm, judge) for name, term in changed.items()}
        return parts["perceptual"] + sum(weight * parts[name] for name, weight in lambdas.items())

    return answer


def temporal(of):
    return total(temporal=lambda y, clip, *_: of(y, clip.backward, clip))


def rank(of):
    return total(rank=lambda y, clip, _, norm, judge: of(y, clip.from_middle, norm))


def total_frame_by_frame(y, clip, target, input_norm, judge, lambdas):
    value = 0
    for t in range(len(y)):
        value = value + judge(y[t:t + 1], clip.frames[t:t + 1])
        value = value + lambdas["residual"] * torch.mean((y[t] - target[t]) ** 2)
    for t in range(1, len(y)):
        flow, mask = clip.backward.flows[t - 1:t], clip.backward.masks[t - 1:t]
        value = value + lambdas["temporal"] * F.mse_loss(mask * y[t:t + 1], mask * warp(y[t - 1:t], flow))
    aligned = clip.from_middle.masks * warp(y, clip.from_middle.flows)
    norm = torch.linalg.svdvals(aligned.reshape(len(y), -1)).sum()
    return value + lambdas["rank"] * (norm - input_norm) ** 2


def total_in_place(y, clip, target, *others):
    target -= y.detach()
    return total()(y, clip, target, *others)


def slopes(network, loss):
    return torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)


def norm(parts):
    return sum(part.square().sum() for part in parts).sqrt()


def share_of(measure):
    return lambda network, term, reference: measure(slopes(network, term)) / measure(slopes(network, reference))


def share_without_the_graph(network, term, reference):
    weights = list(network.parameters())
    return norm(torch.autograd.grad(term, weights)) / norm(torch.autograd.grad(reference, weights))


def share_by_backward(clean):
    def answer(network, term, reference):
        norms = []
        for loss in (term, reference):
            if clean:
                network.zero_grad()
            loss.backward(retain_graph=True)
            norms.append(norm([weight.grad for weight in network.parameters()]))
        return norms[0] / norms[1]

    return answer


def share_of_one_vector(network, term, reference):
    lengths = [torch.linalg.vector_norm(parameters_to_vector(slopes(network, loss))).item()
               for loss in (term, reference)]
    return lengths[0] / lengths[1]


def turn(order, quiet=True, returns="before", sign=1):
    """A step whose parts come in another order: z(ero_grad), b(ackward), s(tep)."""
    def answer(student, frozen, frames, loss, optimiser):
        with torch.set_grad_enabled(not quiet):
            target = frozen(frames)
        value = loss(student(frames), target)
        for part in order:
            {"z": optimiser.zero_grad, "b": lambda: (sign * value).backward(retain_graph=True),
             "s": optimiser.step}[part]()
        if returns == "after":
            value = loss(student(frames), target)
        return value.item() if returns != "nothing" else None

    return answer


def step_with_a_silent_student(student, frozen, frames, loss, optimiser):
    with torch.no_grad():
        target, y = frozen(frames), student(frames)
    optimiser.zero_grad()
    value = loss(y, target)
    value.backward()
    optimiser.step()
    return value.item()


def step_with_the_target_first(student, frozen, frames, loss, optimiser):
    with torch.no_grad():
        target = frozen(frames)
    optimiser.zero_grad()
    value = loss(target, student(frames))
    value.backward()
    optimiser.step()
    return value.item()


def step_that_teaches_the_student_its_own(student, frozen, frames, loss, optimiser):
    optimiser.zero_grad()
    value = loss(student(frames), frames)
    value.backward()
    optimiser.step()
    return value.item()


def step_by_the_students_own_zero_grad(student, frozen, frames, loss, optimiser):
    value = loss(student(frames), frozen(frames).detach())
    student.zero_grad()
    value.backward()
    optimiser.step()
    return value.detach()


ANSWERS = {
    "total_by_hand": Answers(
        wrong={
            "perceptual mean": (total(perceptual=lambda y, c, t, n, judge: judge(y, c.frames)), "sums over them"),
            "judge the wrong way round": (
                total(perceptual=lambda y, c, t, n, judge: len(y) * judge(c.frames, y)), "other way round"),
            "no perceptual term": (total(perceptual=lambda *_: 0.0), "no lambda in Eq. 13"),
            "residual mean": (total(residual=lambda y, c, t, *_: F.mse_loss(y, t)), "K times too small"),
            "residual sum": (total(residual=lambda y, c, t, *_: (y - t).square().sum()), "over the pixels, too"),
            "residual from the input": (
                total(residual=lambda y, c, *_: len(y) * F.mse_loss(y, c.frames)), "from `target`"),
            "residual absolute": (total(residual=lambda y, c, t, *_: len(y) * F.l1_loss(y, t)), "absolute"),
            "no lambdas": (lambda *given: total()(*given[:-1], dict.fromkeys(given[-1], 1.0)), "are not used"),
            "one lambda forgotten": (lambda *given: total()(*given[:-1], {**given[-1], "rank": 1.0}),
                                     "the rank term comes without"),
            "K pairs": (temporal(lambda y, m, c: len(y) * temporal_loss(y[1:], y[:-1], m.flows, m.masks)), "t = 2"),
            "pairs' mean": (temporal(lambda y, m, c: temporal_loss(y[1:], y[:-1], m.flows, m.masks)), "K - 1"),
            "the wrong frame warped": (
                temporal(lambda y, m, c: 3 * temporal_loss(y[:-1], y[1:], m.flows, m.masks)), "wrong frame"),
            "the input's frames": (
                temporal(lambda y, m, c: 3 * temporal_loss(c.frames[1:], c.frames[:-1], m.flows, m.masks)),
                "painted ones"),
            "no masks": (temporal(lambda y, m, c: 3 * (y[1:] - warp(y[:-1], m.flows)).square().mean()), "masks"),
            "no flow": (temporal(lambda y, m, c: 3 * (m.masks * (y[1:] - y[:-1])).square().mean()), "flow is missing"),
            "the flow turned round": (
                temporal(lambda y, m, c: 3 * temporal_loss(y[1:], y[:-1], -m.flows, m.masks)), "other way"),
            "rank not squared": (
                rank(lambda y, m, n: (n - nuclear_norm(traceable_matrix(y, m.flows, m.masks))).abs()), "squared"),
            "rank made small": (rank(lambda y, m, n: nuclear_norm(traceable_matrix(y, m.flows, m.masks))), "distance"),
            "rank of frames not aligned": (rank(lambda y, m, n: (n - nuclear_norm(y.flatten(1))) ** 2), "middle"),
            "the norm of a difference": (
                rank(lambda y, m, n: nuclear_norm(traceable_matrix(y, m.flows, m.masks) - n) ** 2), "two numbers"),
            "rank without masks": (rank(lambda y, m, n: (n - nuclear_norm(warp(y, m.flows).flatten(1))) ** 2), "Eq. 6"),
            "Frobenius for nuclear": (
                rank(lambda y, m, n: (n - traceable_matrix(y, m.flows, m.masks).norm()) ** 2), "singular values"),
            "rank once a frame": (
                rank(lambda y, m, n: 4 * (n - nuclear_norm(traceable_matrix(y, m.flows, m.masks))) ** 2), "outside"),
            "a float": (lambda *given: total()(*given).item(), "gradient"),
            "the past detached": (
                temporal(lambda y, m, c: 3 * temporal_loss(y[1:], y[:-1].detach(), m.flows, m.masks)), "slope is not"),
            "in place": (total_in_place, "changes what it was given"),
            "the terms, not their sum": (lambda *given: terms(*given[:-1]), "a dict"),
        },
        right={
            "by the library's terms": total(),
            "frame by frame": total_frame_by_frame,
        }),
    "gradient_share": Answers(
        wrong={
            "of the values": (lambda network, term, reference: (term / reference).item(), "values"),
            "upside down": (lambda n, t, r: share_of(norm)(n, r, t), "upside down"),
            "no root": (share_of(lambda parts: norm(parts) ** 2), "root is missing"),
            "a norm a layer": (share_of(lambda parts: sum(part.norm() for part in parts)), "one long vector"),
            "the first layer": (share_of(lambda parts: parts[0].norm()), "one layer"),
            "the last layer": (share_of(lambda parts: parts[-1].norm()), "last layer"),
            "absolute values": (share_of(lambda parts: sum(part.abs().sum() for part in parts)), "absolute"),
            "the largest": (share_of(lambda parts: max(part.abs().max() for part in parts)), "largest"),
            "of the sum": (
                lambda n, t, r: norm(slopes(n, t)) / (norm(slopes(n, t)) + norm(slopes(n, r))), "sum of the two"),
            "of both together": (lambda n, t, r: norm(slopes(n, t)) / norm(slopes(n, t + r)), "two together"),
            "of the weights": (lambda n, t, r: norm(list(n.parameters())) / norm(list(n.parameters())), "themselves"),
            "backward on what is there": (share_by_backward(clean=False), "adds to"),
            "the graph thrown away": (share_without_the_graph, "retain_graph"),
        },
        right={
            "by autograd.grad": share_of(norm),
            "as one vector": share_of_one_vector,
            "by backward on cleared gradients": share_by_backward(clean=True),
        }),
    "one_step": Answers(
        wrong={
            "nothing zeroed": (turn("bs"), "zero_grad\\(\\) is missing"),
            "zeroed too late": (turn("bzs"), "throws the gradient away"),
            "no step": (turn("zb"), "optimiser.step"),
            "no backward": (turn("zs"), "loss.backward"),
            "step before backward": (turn("zsb"), "before the gradient"),
            "two steps": (turn("zbss"), "one step a turn"),
            "teachers that learn along": (turn("zbs", quiet=False), "no_grad"),
            "the student inside no_grad": (step_with_a_silent_student, "no way back"),
            "uphill": (turn("zbs", sign=-1), "uphill"),
            "the loss after the step": (turn("zbs", returns="after"), "after the step"),
            "no return": (turn("zbs", returns="nothing"), "return"),
            "the objective the wrong way round": (step_with_the_target_first, "other way round"),
            "the input for a target": (step_that_teaches_the_student_its_own, "not where one step leads"),
        },
        right={
            "in the usual order": turn("zbs"),
            "zeroed at the end": turn("bsz"),
            "zeroed by the network, detached target": step_by_the_students_own_zero_grad,
        }),
}
