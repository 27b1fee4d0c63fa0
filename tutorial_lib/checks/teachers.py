"""Notebook 3: an edge between two steps, the roll-out, and what a teacher with flow learns from."""

from collections.abc import Callable

import torch

from tutorial_lib.checks.asking import Answer, Wrong, check, expect, numbers
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp
from tutorial_lib.networks import teacher as course


@check
def strided_edges(answer: Answer) -> None:
    """strided_edges(signal): (W,), W even -> (W / 2,)."""
    signal = torch.tensor([0.1, 0.9, 0.8, 0.3, 0.2, 0.2, 0.6, 1.0, 0.7, 0.0])
    steps = signal[1::2] - signal[::2]
    expect(answer, (signal,), steps.clamp(min=0), {
        "at every *second* place: the filter lies on the places 0 and 1, then on 2 and 3; yours goes on by one.":
            signal.diff().clamp(min=0),
        "the filter is (-1, 1): what comes later less what comes before. PyTorch's conv1d does not turn it round.":
            (-steps).clamp(min=0),
        "ReLU is missing: what is below 0 becomes 0.": steps,
        "an edge downwards is none for this filter: ReLU makes it 0, it does not take its size.": steps.abs(),
        "the first answer is that of the places 0 and 1; yours begins at 1 and 2.":
            (signal[2::2] - signal[1:-1:2]).clamp(min=0),
        "this averages the two places, and the filter subtracts them.": (signal[1::2] + signal[::2]) / 2,
        "this leaves every second value of the signal; the filter compares two neighbours.": signal[::2],
        "an answer is how high the step is, not only whether there is one.": (steps > 0).float(),
        "the signal has one dimension, and so have the answers: take the two that conv1d wanted off again ([0, 0]).":
            steps.clamp(min=0)[None, None],
        "the signal has one dimension, and so have the answers: take the one that conv1d wanted off again ([0]).":
            steps.clamp(min=0)[None],
    }, "ten places")


def toy_teacher(slope: torch.Tensor | float = 0.5) -> Callable[..., torch.Tensor]:
    """A teacher without a network, called as one with flow is. A slope of other size paints otherwise."""

    def teacher(
        frame: torch.Tensor, past: torch.Tensor | None = None, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        if frame.dim() != 4:
            raise Wrong(f"the teacher takes a frame with its batch dimension, (1, 3, H, W), and got "
                        f"{tuple(frame.shape)}: frames[t:t + 1] keeps it, frames[t] does not.")
        if len(frame) != 1:
            raise Wrong(f"the teacher got {len(frame)} frames at once. One at a time: the past of each is a painting "
                        "that has to be there first.")
        if past is None:
            past, mask = torch.zeros_like(frame), torch.zeros_like(frame[:, :1])
        mask = torch.ones_like(frame[:, :1]) if mask is None else mask
        for part, name, channels in ((past, "past", 3), (mask, "mask", 1)):
            if part.shape != (1, channels, *frame.shape[-2:]):
                raise Wrong(f"the {name} that the teacher was given has the shape {tuple(part.shape)}; for this frame "
                            f"it is {(1, channels, *frame.shape[-2:])}. Are they in order: frame, past, mask?")
        return slope * frame + mask * (0.4 * past + 0.1)

    return teacher


def toy_motion(count: int, height: int = 18, width: int = 22) -> tuple[torch.Tensor, torch.Tensor]:
    """Flows (count, 2, H, W) and masks (count, 1, H, W) with a few holes."""
    flows = 3 * numbers(count, 2, height, width, seed=1) - 1
    return flows, (numbers(count, 1, height, width, seed=2) > 0.01).float()


def index_told(answer: Answer) -> Answer:
    """An answer whose own errors come with a word on the index that is usually their cause."""

    def asked(*given: object) -> torch.Tensor:
        try:
            return answer(*given)
        except NotImplementedError:
            raise
        except (IndexError, RuntimeError, ValueError, TutorialError) as error:
            raise Wrong(f"it stops with {type(error).__name__}: {str(error).rstrip('.')}. K frames have K - 1 flows "
                        "and masks: flows[t - 1:t] leads from frame t into frame t - 1.") from error

    return asked


@check
def roll_out(answer: Answer) -> None:
    """roll_out(teacher, frames, flows, masks): (K, 3, H, W), (K-1, 2, H, W), (K-1, 1, H, W) -> (K, 3, H, W)."""
    teacher = toy_teacher()
    flows, masks = toy_motion(3)
    frames = numbers(4, 3, *flows.shape[-2:])

    def rolled(
        past: Callable[[list, int], torch.Tensor] = lambda made, t: warp(made[-1], flows[t - 1:t]),
        trust: Callable[[int], torch.Tensor] = lambda t: erode(masks[t - 1:t]),
    ) -> torch.Tensor:
        made = [teacher(frames[:1])]
        for t in range(1, len(frames)):
            made.append(teacher(frames[t:t + 1], past(made, t), trust(t)))
        return torch.cat(made)

    right = course.roll_out(teacher, frames, flows, masks)
    expect(index_told(answer), (teacher, frames, flows, masks), right, {
        "the mask goes in as it is; shrink it first: erode(masks[t - 1:t]).":
            rolled(trust=lambda t: masks[t - 1:t]),
        "the teacher was told to trust its past everywhere; give it the mask, eroded.":
            rolled(trust=lambda t: torch.ones_like(masks[:1])),
        "the mask lies on the new frame's grid already; only the past is warped.":
            tuple(rolled(trust=trust) for trust in (
                lambda t: warp(erode(masks[t - 1:t]), flows[t - 1:t]),
                lambda t: erode(warp(masks[t - 1:t], flows[t - 1:t])))),
        "the past lies where things were one frame ago; warp it along the flow first.":
            rolled(lambda made, t: made[-1]),
        "the past is the previous *painting*; yours is the previous frame of the film.":
            rolled(lambda made, t: warp(frames[t - 1:t], flows[t - 1:t])),
        "the past of every frame is the painting before it, outputs[-1]; yours is always the first one.":
            rolled(lambda made, t: warp(made[0], flows[t - 1:t])),
        "each painting has to be made of the one before it; yours paints the previous frame anew, without a past.":
            rolled(lambda made, t: warp(teacher(frames[t - 1:t]), flows[t - 1:t])),
        "your flow points the other way: flows[t - 1] is used as it is, warp(outputs[-1], flows[t - 1:t]).":
            rolled(lambda made, t: warp(made[-1], -flows[t - 1:t])),
        "the flows are in another order: flows[t - 1] leads from frame t into frame t - 1.":
            rolled(lambda made, t: warp(made[-1], flows[-t][None])),
        "this frame's flow is flows[t - 1], and yours takes the one before it.":
            rolled(lambda made, t: warp(made[-1], flows[t - 2][None]), lambda t: erode(masks[t - 2][None])),
        "every frame was painted without a past; from the second on, give the teacher its last painting.":
            torch.cat([teacher(frame) for frame in frames.split(1)]),
        "the past is masked, and the teacher was not told where: the eroded mask is its third argument.":
            rolled(lambda made, t: erode(masks[t - 1:t]) * warp(made[-1], flows[t - 1:t]),
                   lambda t: torch.ones_like(masks[:1])),
        "the first frame is painted twice and the last one never; frames[1:] go with the flows and masks.":
            _one_frame_late(teacher, frames, flows, masks),
        "the first painting is missing: K frames, K paintings.": right[1:],
        "all K paintings are wanted, not the last one alone.": right[-1:],
        "each painting has its batch dimension already: torch.cat joins them, torch.stack adds another.":
            right[:, None],
    }, "four frames of 22 x 18 pixels and a toy teacher")


def _one_frame_late(
    teacher: Callable, frames: torch.Tensor, flows: torch.Tensor, masks: torch.Tensor
) -> torch.Tensor:
    made = [teacher(frames[:1])]
    for frame, flow, mask in zip(frames, flows, masks, strict=False):
        made.append(teacher(frame[None], warp(made[-1], flow[None]), erode(mask[None])))
    return torch.cat(made)


@check
def loss_of_a_pair(answer: Answer) -> None:
    """loss_of_a_pair(teacher, judge, frames, flow, mask, weight): frames (2, 3, H, W) -> a scalar."""
    flow, mask = toy_motion(1)
    frames, weight = numbers(2, 3, *flow.shape[-2:]), 40.0
    teacher = toy_teacher()
    before, current, trusted = frames[:1], frames[1:], erode(mask)

    def judge(painted: torch.Tensor, frame: torch.Tensor) -> torch.Tensor:
        return 3 * (painted - 0.8 * frame).square().mean()

    previous = teacher(before)
    past = warp(previous, flow)
    y = teacher(current, past, trusted)
    gap = trusted * (y - past)
    perceived, temporal = judge(y, current), gap.square().mean()
    right = perceived + weight * temporal

    def with_temporal(other: torch.Tensor) -> torch.Tensor:
        return perceived + weight * other

    def carrying(past: torch.Tensor) -> torch.Tensor:
        """The loss with another past."""
        y = teacher(current, past, trusted)
        return judge(y, current) + weight * (trusted * (y - past)).square().mean()

    unseen = teacher(current)
    raw = teacher(current, past, mask)
    given = teacher, judge, frames, flow, mask, weight
    expect(index_told(answer), given, right, {
        "the weight of the temporal term is missing.": perceived + temporal,
        "the weight belongs to the temporal term alone.": weight * (perceived + temporal),
        "the judge is missing: Eq. 1 of the new painting, judge(painting, frame), comes first.": weight * temporal,
        "the temporal term is missing.": perceived,
        "it is the *second* frame's painting that is judged, beside the second frame.":
            judge(y, before) + weight * temporal,
        "the judge takes the painting first and the frame second.": judge(current, y) + weight * temporal,
        "only the new painting is judged; the previous one was learned from before.":
            perceived + judge(previous, before) + weight * temporal,
        "shrink the mask (erode) before you use it, for the teacher and for the loss.":
            judge(raw, current) + weight * (mask * (raw - past)).square().mean(),
        "the teacher was given the mask as it is; it is the eroded one that it trusts, too.":
            judge(raw, current) + weight * (trusted * (raw - past)).square().mean(),
        "the eroded mask belongs to the temporal term, too.": with_temporal((mask * (y - past)).square().mean()),
        "the temporal term asks for agreement where nothing can be known; multiply by the mask.":
            with_temporal((y - past).square().mean()),
        "this is the mean over the pixels that count. Ours is over all, masked ones included as zeros, so that a frame "
        "with many holes weighs less.": tuple(
            with_temporal(gap.square().sum() / (colours * trusted.sum())) for colours in (1, 3)),
        "this is a sum over the pixels; take the mean, or a larger picture would weigh more.":
            with_temporal(gap.square().sum()),
        "this adds the three colours up; the mean is over all 3 * H * W values.":
            with_temporal(gap.square().sum(1).mean()),
        "squared differences are wanted, without a root.": with_temporal(gap.square().mean().sqrt()),
        "squared differences are wanted, not absolute ones.": with_temporal(gap.abs().mean()),
        "the past was masked before it is subtracted, and the new painting was not; multiply their difference by the "
        "mask.": with_temporal((y - trusted * past).square().mean()),
        "the past lies where things were one frame ago: warp it along the flow, for the teacher and for the loss.":
            carrying(previous),
        "the temporal term compares with the previous painting where it was; warp it first.":
            with_temporal((trusted * (y - previous)).square().mean()),
        "the past is the previous *painting*, teacher(frames[:1]), and not the frame of the film.":
            carrying(warp(before, flow)),
        "your flow points the other way: warp(previous, flow), as it is.": carrying(warp(previous, -flow)),
        "the teacher has not seen its past: teacher(frame, past, mask).":
            judge(unseen, current) + weight * (trusted * (unseen - past)).square().mean(),
        "the two frames are in the wrong order: frames[0] is the earlier one.": _swapped(
            teacher, judge, frames, flow, trusted, weight),
    }, "two frames of 22 x 18 pixels and a toy teacher")

    slope = torch.tensor(0.5, requires_grad=True)
    learner = toy_teacher(slope)

    def learned(*given: object) -> torch.Tensor:
        loss = answer(*given)
        if not getattr(loss, "requires_grad", False):
            raise Wrong("no gradient reaches the teacher, so it could not learn; leave out .item(), and no_grad() "
                        "around the new painting.")
        return torch.autograd.grad(loss, slope)[0]

    def kept(part: torch.Tensor) -> torch.Tensor:
        return part

    def slope_of(given: Callable, beside: Callable, judged: Callable = kept, compared: Callable = kept) -> torch.Tensor:
        """What is learned when the past that is given, the past beside it, or a painting is detached."""
        past = warp(learner(before), flow)
        y = learner(current, given(past), trusted)
        loss = judge(judged(y), current) + weight * (trusted * (compared(y) - beside(past))).square().mean()
        return torch.autograd.grad(loss, slope)[0]

    cut = torch.Tensor.detach
    attached = ("the number is right, and the slope is not: the past is still attached, so the *previous* painting is "
                "changed as well to make the loss smaller. Detach it: only the new painting is to give way.")
    expect(learned, (learner, *given[1:]), slope_of(cut, cut), {
        attached: slope_of(kept, kept),
        attached + " (The past that the teacher is given.)": slope_of(kept, cut),
        attached + " (The past that its painting is compared with.)": slope_of(cut, kept),
        "the number is right, and the slope is not: it is the past that is detached, never the new painting.":
            slope_of(cut, kept, compared=cut),
        "the number is right, and the slope is not: the temporal term teaches nothing, with both sides detached.":
            slope_of(cut, cut, compared=cut),
        "the number is right, and the slope is not: what is judged is detached, so the style teaches nothing.":
            slope_of(cut, cut, judged=cut),
    }, "what the toy teacher learns from the loss, its slope")


def _swapped(
    teacher: Callable, judge: Callable, frames: torch.Tensor, flow: torch.Tensor, trusted: torch.Tensor, weight: float
) -> torch.Tensor:
    past = warp(teacher(frames[1:]), flow)
    y = teacher(frames[:1], past, trusted)
    return judge(y, frames[:1]) + weight * (trusted * (y - past)).square().mean()
