"""Notebook 7: the total of Eq. 13, how hard a term pulls, and one turn of Algorithm 1."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from tutorial_lib.checks.asking import Answer, Wrong, check, close, expect, expect_gradient, numbers
from tutorial_lib.data.clips import Clip, Motion
from tutorial_lib.losses.low_rank import nuclear_norm, traceable_matrix
from tutorial_lib.losses.temporal import temporal_loss

LAMBDAS = {"residual": 5.0, "temporal": 3.0, "rank": 0.2}


@check
def total_by_hand(answer: Answer) -> None:
    """total_by_hand(y, clip, target, input_norm, judge, lambdas): Eq. 13 for one clip, a scalar."""
    y, clip, target, input_norm = moving_clip()
    frames, motion, middle = len(y), clip.backward, clip.from_middle

    def ask(right: torch.Tensor, mistakes: dict[str, torch.Tensor], about: str, **lambdas: float) -> None:
        given = (y, clip, target, input_norm, judge, {name: lambdas.get(name, 0.0) for name in LAMBDAS})
        expect(answer, given, right, mistakes, about)

    # With the other lambdas at zero every term is looked at by itself.
    perceived = judge(y, clip.frames)
    eq_1, off = frames * perceived, target - y
    norm = nuclear_norm(traceable_matrix(y, middle.flows, middle.masks))
    bare = {"residual": frames * off.square().mean(), "rank": (input_norm - norm).square(),
            "temporal": (frames - 1) * temporal_loss(y[1:], y[:-1], motion.flows, motion.masks)}
    ask(eq_1, {
        "the lambdas are not used; all of them are zero here, and only Eq. 1 is left.": eq_1 + sum(bare.values()),
        **{f"the {name} term comes without its lambda.": eq_1 + term for name, term in bare.items()},
        "`judge` gives the mean over the frames; Eq. 13 sums over them: times K.": perceived,
        "L_percep has no lambda in Eq. 13, and stays when all of them are zero.": torch.zeros(()),
        "judge(painted, original): yours has the two the other way round.": frames * judge(clip.frames, y),
        "all K frames have a perceptual loss, the first one too; only the pairs are K - 1.": (frames - 1) * perceived,
    }, "a clip of 4 frames, all lambdas zero")

    weight = LAMBDAS["residual"]
    ask(eq_1 + weight * bare["residual"], {
        "the residual term is missing.": eq_1,
        "a mean over the whole clip is K times too small; Eq. 13 sums over the frames.":
            eq_1 + weight * off.square().mean(),
        "this sums over the pixels, too; the residual of a frame is a mean over its values.":
            eq_1 + weight * off.square().sum(),
        "lambda_res belongs to the residual alone, and not to Eq. 1.": weight * (eq_1 + bare["residual"]),
        "the residual is taken from `target`, the picture at which Eq. 5 is zero, and not from the input's frames.":
            eq_1 + weight * frames * (clip.frames - y).square().mean(),
        "squared differences are wanted, not absolute ones.": eq_1 + weight * frames * off.abs().mean(),
    }, f"a clip of 4 frames, lambda_res {weight:g} and the others zero", residual=weight)

    weight = LAMBDAS["temporal"]

    def temporal(current: torch.Tensor, previous: torch.Tensor, count: int = frames - 1, **other) -> torch.Tensor:
        flows, masks = other.get("flows", motion.flows), other.get("masks", motion.masks)
        return eq_1 + weight * count * temporal_loss(current, previous, flows, masks)

    ask(temporal(y[1:], y[:-1]), {
        "the temporal term is missing.": eq_1,
        "K frames have K - 1 pairs: the temporal sum begins at t = 2.": temporal(y[1:], y[:-1], frames),
        "temporal_loss gives the mean over the pairs; Eq. 13 sums over them: times K - 1.": temporal(y[1:], y[:-1], 1),
        "the wrong frame is warped: the backward flow leads from frame t into frame t-1, so y[:-1] is looked up "
        "at y[1:].": temporal(y[:-1], y[1:]),
        "these are the input's frames; the painted ones have to agree.": temporal(clip.frames[1:], clip.frames[:-1]),
        "the masks are missing: where a pixel cannot be followed, nothing is to be compared.":
            temporal(y[1:], y[:-1], masks=torch.ones_like(motion.masks)),
        "the flow is missing: a pixel is compared with what stood in its place one frame before.":
            temporal(y[1:], y[:-1], flows=torch.zeros_like(motion.flows)),
        "the flow points the other way; take clip.backward as it is.": temporal(y[1:], y[:-1], flows=-motion.flows),
        "take clip.backward, which leads into the frame before, and not clip.from_middle.":
            temporal(y[1:], y[:-1], flows=middle.flows[1:], masks=middle.masks[1:]),
    }, f"a clip of 4 frames, lambda_temp {weight:g} and the others zero", temporal=weight)

    weight = LAMBDAS["rank"]

    def rank(norm: torch.Tensor) -> torch.Tensor:
        return eq_1 + weight * (input_norm - norm).square()

    ask(rank(norm), {
        "the rank term is missing.": eq_1,
        "the rank term is squared.": eq_1 + weight * (input_norm - norm).abs(),
        "Eq. 11 asks for the input's norm, not for the smallest: take the distance from `input_norm`.":
            eq_1 + weight * norm,
        "this makes the student's norm small; Eq. 11 asks for its distance from `input_norm`.":
            eq_1 + weight * norm.square(),
        "the rank term stands outside the sums: it speaks once about the clip, not once a frame.":
            eq_1 + weight * frames * (input_norm - norm).square(),
        "this is the norm of the frames as they are; warp them to the middle one first (traceable_matrix).":
            rank(nuclear_norm(y.flatten(1))),
        "`input_norm` is taken from the matrix; take the norm first: the distance is one of two numbers.":
            eq_1 + weight * nuclear_norm(traceable_matrix(y, middle.flows, middle.masks) - input_norm).square(),
        "the masks of Eq. 6 are missing.":
            rank(nuclear_norm(traceable_matrix(y, middle.flows, torch.ones_like(middle.masks)))),
        "the norm is the sum of the singular values; yours is the root of the sum of their squares.":
            rank(traceable_matrix(y, middle.flows, middle.masks).norm()),
    }, f"a clip of 4 frames, lambda_rank {weight:g} and the others zero", rank=weight)

    def right(y: torch.Tensor) -> torch.Tensor:
        matrix = traceable_matrix(y, middle.flows, middle.masks)
        return (frames * judge(y, clip.frames) + LAMBDAS["residual"] * frames * (target - y).square().mean()
                + LAMBDAS["temporal"] * (frames - 1) * temporal_loss(y[1:], y[:-1], motion.flows, motion.masks)
                + LAMBDAS["rank"] * (input_norm - nuclear_norm(matrix)).square())

    ask(right(y), {}, "a clip of 4 frames, three lambdas", **LAMBDAS)
    given = (y, clip, target, input_norm, judge, LAMBDAS)
    expect_gradient(answer, given, 0, "no gradient comes through; leave out detach(), .item(), float() and no_grad().")
    if not close(slope(lambda y: answer(y, *given[1:]), y), slope(right, y), 1e-3):
        raise Wrong("the value is right and its slope is not: a part of it is cut off by detach() or no_grad(). In "
                    "Eq. 13 both frames of a pair are the student's, and both are asked to move.")


def judge(painted: torch.Tensor, original: torch.Tensor) -> torch.Tensor:
    """In the place of a perceptual loss: the mean over the frames of something that tells its two arguments apart."""
    return (2 * painted - original).square().mean()


def moving_clip() -> tuple[torch.Tensor, Clip, torch.Tensor, torch.Tensor]:
    """Painted frames (4, 3, 5, 6) of a clip that moves by a pixel a frame, their target and the input's norm."""
    frames, height, width = 4, 5, 6
    film = numbers(frames, 3, height, width)
    step = torch.tensor([-1.0, 0.0])[None, :, None, None].expand(frames - 1, 2, height, width)
    away = torch.arange(-2.0, 2)[:, None, None, None] * torch.tensor([1.0, 0.0])[None, :, None, None]
    masks = torch.ones(frames - 1, 1, height, width)
    masks[..., 0] = 0
    seen = torch.ones(frames, 1, height, width)
    seen[0, ..., :2], seen[1, ..., 0], seen[3, ..., -1] = 0, 0, 0
    clip = Clip(film, {-1: Motion(step, masks)}, Motion(away.expand(frames, 2, height, width), seen))
    norm = nuclear_norm(traceable_matrix(film, clip.from_middle.flows, seen))
    return (0.8 * film.flip(1) + 0.3 * numbers(frames, 3, height, width, seed=1), clip,
            numbers(frames, 3, height, width, seed=2), norm)


def slope(of: Answer, at: torch.Tensor) -> torch.Tensor:
    """The gradient of a function of a tensor, (the tensor's shape)."""
    at = at.clone().requires_grad_(True)
    return torch.autograd.grad(of(at), at)[0]


# --- how hard a term pulls ---


@check
def gradient_share(answer: Answer) -> None:
    """gradient_share(network, term, reference): the norm of a term's gradient over that of the reference, a scalar."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 3, 3, padding=1))
    weights = list(network.parameters())
    x = numbers(2, 3, 5, 6)
    y = network(x)
    term, reference = 7 * (y - x).square().mean(), y.diff(dim=-1).square().mean() + y.mean()

    def slopes(loss: torch.Tensor) -> list[torch.Tensor]:
        return torch.autograd.grad(loss, weights, retain_graph=True)

    def ratio(measure: Answer) -> torch.Tensor:
        return measure(slopes(term)) / measure(slopes(reference))

    def norm(parts: list[torch.Tensor]) -> torch.Tensor:
        return torch.cat([part.flatten() for part in parts]).norm()

    for weight, before in zip(weights, slopes(y.square().sum()), strict=True):
        weight.grad = before      # what an earlier backward() has left behind

    def asked(*given: object) -> torch.Tensor:
        try:
            return answer(*given)
        except RuntimeError as error:
            if "second time" in str(error):
                raise Wrong("the first gradient has thrown the graph away, and the terms share it: "
                            "torch.autograd.grad(..., retain_graph=True), in every call.") from None
            raise

    right = ratio(norm)
    both = [a + b for a, b in zip(slopes(term), slopes(reference), strict=True)]
    mistakes = {
        "this is the share of the values; a large value may be flat, so take the norms of the gradients.":
            (term / reference).detach(),
        "the share is upside down: the term's norm over the reference's.": 1 / right,
        "the norm is the root of the sum of the squares; the root is missing.": right**2,
        "this adds up a norm a layer; all weights together are one long vector with one norm.":
            ratio(lambda parts: sum(part.norm() for part in parts)),
        "this is one layer; all the network's weights count.": ratio(lambda parts: parts[0].norm()),
        "this is the last layer; all the network's weights count.": ratio(lambda parts: parts[-1].norm()),
        "the norm is the root of the sum of the squares, not the sum of the absolute values.":
            ratio(lambda parts: sum(part.abs().sum() for part in parts)),
        "the norm is the root of the sum of the squares, not the largest value.":
            ratio(lambda parts: max(part.abs().max() for part in parts)),
        "the share is of the reference's norm, not of the sum of the two.":
            norm(slopes(term)) / (norm(slopes(term)) + norm(slopes(reference))),
        "the share is of the reference's norm, not of the gradient of the two together.":
            norm(slopes(term)) / norm(both),
        "backward() adds to what stands in .grad already, from an earlier step too; torch.autograd.grad adds nothing.":
            _accumulated(weights, slopes(term), slopes(reference), norm),
        "these are the norms of the weights themselves; the gradients are asked for.": torch.ones(()),
    }
    about = "a network of two layers"
    expect(asked, (network, term, reference), right, mistakes, about)
    expect(asked, (network, reference, term), 1 / right, {}, f"{about}, the second time on the same graph")


def _accumulated(weights: list[nn.Parameter], first: list[torch.Tensor], second: list[torch.Tensor],
                 norm: Answer) -> torch.Tensor:
    one = [weight.grad + a for weight, a in zip(weights, first, strict=True)]
    return norm(one) / norm([a + b for a, b in zip(one, second, strict=True)])


# --- one turn of the loop ---


class Watched(torch.optim.SGD):
    """Gradient descent that writes down what is asked of it."""

    def __init__(self, network: nn.Module, happened: list[str]):
        super().__init__(network.parameters(), lr=0.1)
        self.happened = happened

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.happened.append("zero_grad")
        super().zero_grad(set_to_none)

    def step(self, closure: object = None) -> None:
        self.happened.append("step")
        super().step(closure)


@check
def one_step(answer: Answer) -> None:
    """one_step(student, frozen, frames, objective, optimiser): one turn; returns the loss before it."""
    torch.manual_seed(0)
    student, teacher = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
    wanted, happened, painted = copy.deepcopy(student), [], []
    optimiser, descent = Watched(student, happened), torch.optim.SGD(wanted.parameters(), lr=0.1)
    start, kept = student.weight.detach().clone(), teacher.weight.detach().clone()

    def loss(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if y.requires_grad:
            y.register_hook(lambda _: happened.append("backward"))
        painted.append(y.detach())
        return 3 * F.mse_loss(y, target)

    for turn, frames in enumerate((numbers(2, 3, 4, 5), numbers(2, 3, 4, 5, seed=1))):
        happened.clear()
        value = loss(wanted(frames), teacher(frames).detach())
        descent.zero_grad()
        value.backward()
        descent.step()
        before = value.detach()
        after = loss(wanted(frames), teacher(frames)).detach()
        happened.clear()
        painted.clear()
        try:
            got = answer(student, teacher, frames.clone(), loss, optimiser)
        except RuntimeError as error:
            if "does not require grad" in str(error):
                raise Wrong("there is no way back to the student's weights: only `frozen` belongs inside "
                            "torch.no_grad(), and nothing of the student's is detached.") from None
            raise
        if any(weight.grad is not None for weight in teacher.parameters()):
            raise Wrong("the frozen networks have collected gradients, which costs time and memory; call `frozen` "
                        "inside `with torch.no_grad():`.")
        if not torch.equal(teacher.weight, kept):
            raise Wrong("the weights of the frozen networks have changed.")
        if got is None:
            raise Wrong("the function returns nothing; does it end with `return`?")
        if painted and close(painted[0], teacher(frames).detach()):
            raise Wrong("objective(y, target): what the student painted comes first, then the target; yours has them "
                        "the other way round.")
        if not close(student.weight, wanted.weight.detach()):
            raise Wrong(_order(happened, student.weight, start, wanted.weight, turn))
        if not isinstance(got, float | torch.Tensor):
            raise Wrong(f"the loss is wanted, a float, and this is a {type(got).__name__}.")
        got = torch.as_tensor(got).detach()
        if close(got, after) and not close(got, before):
            raise Wrong("this is the loss after the step; return the one that the step was made with.")
        if not close(got, before):
            yours = f"{float(got):.4g}" if got.numel() == 1 else f"of the shape {tuple(got.shape)}"
            raise Wrong(f"the student has moved as it should; but the loss was {float(before):.4g}, and what you "
                        f"return is {yours}.")


def _order(happened: list[str], now: torch.Tensor, start: torch.Tensor, wanted: torch.Tensor, turn: int) -> str:
    """What is wrong with the order of what happened in a turn."""
    said = ", then ".join(happened) or "none of backward, step and zero_grad"
    for missing, why in {"backward": "without it no weight has a gradient: loss.backward()",
                         "step": "the gradients are there, and nothing moves the weights: optimiser.step()"}.items():
        if missing not in happened:
            return f"{why}. What happened: {said}."
    backward, step = happened.index("backward"), happened.index("step")
    if step < backward:
        return f"the step comes before the gradient that it needs. What happened: {said}."
    if "zero_grad" in happened[backward:step]:
        return f"zero_grad() between backward() and step() throws the gradient away. What happened: {said}."
    if "zero_grad" not in happened and turn:
        return ("the gradient of the step before is still there, and backward() adds to it: zero_grad() is missing. "
                f"What happened: {said}.")
    if happened.count("step") > 1:
        return f"one step a turn is wanted. What happened: {said}."
    if torch.allclose(now - start, start - wanted, atol=1e-5):
        return "the student goes uphill; the optimiser descends by itself, so leave the loss's sign as it is."
    return f"the student's weights are not where one step leads. What happened: {said}."
