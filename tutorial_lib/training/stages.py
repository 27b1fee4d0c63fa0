"""The stages of a training, from Eq. 1 alone to Algorithm 1. Each is a loss that is handed to `loop.train`."""

import copy
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from tutorial_lib import checkpoint
from tutorial_lib.data.clips import Clip
from tutorial_lib.data.stills import stills
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import inside, pixel_grid, warp
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.losses.residual import vanilla_distillation_loss
from tutorial_lib.losses.temporal import temporal_loss
from tutorial_lib.losses.total import total_loss
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.teacher import Teacher, roll_out
from tutorial_lib.settings import Settings, precision
from tutorial_lib.training.loop import Terms, generator, learning_rate, train
from tutorial_lib.training.targets import FrozenTargets

PATCH = 8    # pixels over which the two teachers' colours are compared

# The settings that decide what a stage ends with: what its checkpoint and its manifest name. (The sizes of a network
# stand in its own configuration.)
_EQ_1 = {"features", "style_size", "content_weight", "style_weight", "tv_weight"}
_EVERYWHERE = {"name", "seed", "height", "width", "decay", "floor"} | _EQ_1
_CLIPS = {"clips", "clip_length", "finetune_rate"}
_EQ_13 = {"lambda_percep", "lambda_res", "lambda_temp", "lambda_rank", "lambda_excess"}
USES = {
    "plain": _EVERYWHERE | {"plain_batch", "plain_steps", "learning_rate", "decay_every"},
    "agreement": {"lambda_agree"},
    "teacher-flow": _EVERYWHERE | _CLIPS | {"teacher_steps", "decay_every", "lambda_flow", "lambda_look"},
    "distill": _EVERYWHERE | _CLIPS | _EQ_13 | {"distill_steps", "distill_decay_every", "averaging"},
}


def new_student(settings: Settings) -> Student:
    """A student of the scale's size with random weights, the same ones for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return Student(settings.student_width, settings.student_blocks, settings.student_smooth)


def new_pocket(settings: Settings) -> Pocket:
    """A pocket student of the scale's size with random weights, the same ones for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return Pocket(settings.pocket_width, settings.pocket_blocks, settings.pocket_separable)


def new_teacher(settings: Settings) -> Teacher:
    """A plain teacher of the scale's size with random weights, other ones than the student's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed + 1)
        return Teacher(settings.teacher_width, settings.teacher_blocks, uses_flow=False)


def train_plain(
    network: nn.Module,
    perceptual: PerceptualLoss,
    settings: Settings,
    steps: int | None = None,
    agree_with: nn.Module | None = None,
    **options,
) -> list[dict[str, float]]:
    """Trains a network on stills with Eq. 1: the plain teacher, or the plain student.

    agree_with: the plain teacher, when the plain student is to be drawn to it: adds `lambda_agree` times their
    mean squared difference. Without it the flicker of the two networks has nothing in common, and the residual
    of Eq. 5 has nothing to teach (notebook 05).
    options: path, save_every, callback, bar of `loop.train`; about, a dictionary that is kept with the checkpoint
    and must be the same when the training is resumed. Returns the terms of every step.
    """
    device = next(network.parameters()).device

    def loss(step: int) -> Terms:
        images = stills(settings, settings.seed, step).to(device)
        stylized = network(images)
        terms = {"perceptual": perceptual(stylized, images)}
        total = terms["perceptual"]
        if agree_with is not None:
            with torch.no_grad():
                wanted = agree_with(images)
            terms["agreement"] = vanilla_distillation_loss(wanted, stylized)
            total = total + settings.lambda_agree * terms["agreement"]
        return {**terms, "total": total}

    uses = USES["plain"] | (USES["agreement"] if agree_with is not None else set())
    about = {"agree_with": checkpoint.digest(agree_with) if agree_with is not None else None}
    return _train("plain", network, loss, steps or settings.plain_steps, settings, uses, about, options)


def train_teacher(
    plain: Teacher,
    clips: Sequence[Clip],
    perceptual: PerceptualLoss,
    settings: Settings,
    steps: int | None = None,
    **options,
) -> tuple[Teacher, list[dict[str, float]]]:
    """Fine-tunes a copy of the plain teacher to use its own previous frame; returns it and the terms.

    Three kinds of sample, so that it stays a good image network: three of five steps a clip, rolled out over
    1, 2, then 4 frames as training goes on, with the gradient of the last frame only; one a still and the same
    still shifted and zoomed; one a still without a past. The loss is Eq. 1 plus `lambda_flow` times the masked
    squared difference from the warped previous frame. Source: Ruder et al. 2018, Sec. 4 (reference [34] of the paper).

    Beyond the sources, `lambda_look` times the squared difference of the two teachers' colours, averaged over
    patches of `PATCH` pixels: the teacher with flow is free to choose other colours than the plain one, and what it
    chose would be most of the difference that Eq. 5 distils. Over a patch flicker averages out, so it may go on
    without.
    """
    teacher = copy.deepcopy(plain).requires_grad_(True)
    teacher.uses_flow = teacher.configuration["uses_flow"] = True
    steps = steps or settings.teacher_steps
    device = next(teacher.parameters()).device

    def loss(step: int) -> Terms:
        random = generator(settings.seed + 2, step)
        kind = torch.randint(5, (), generator=random).item()
        if kind == 4:
            image = stills(settings, settings.seed + 2, step)[:1].to(device)
            perceived = perceptual(teacher(image), image)
            return {"perceptual": perceived, "total": perceived}
        if kind == 3:
            image = stills(settings, settings.seed + 2, step)[:1].to(device)
            flow = zoom_and_shift(*image.shape[-2:], random).to(device)
            frame, mask = warp(image, flow), inside(flow)
            with torch.no_grad():
                previous = teacher(image)
        else:
            clip = clips[torch.randint(len(clips), (), generator=random).item()].to(device)
            length = min(1 << (3 * step // steps), len(clip.frames) - 1)      # 1, 2, then 4 frames
            start = torch.randint(len(clip.frames) - length, (), generator=random).item()
            with torch.no_grad():
                before = slice(start, start + length - 1)
                past = clip.backward[before]
                previous = roll_out(teacher, clip.frames[start:start + length], past.flows, past.masks)[-1:]
            last = clip.backward[start + length - 1:start + length]
            frame, flow, mask = clip.frames[start + length][None], last.flows, last.masks
        mask = erode(mask)
        stylized = teacher(frame, warp(previous, flow), mask)
        with torch.no_grad():
            without = plain(frame)
        terms = {
            "perceptual": perceptual(stylized, frame),
            "temporal": temporal_loss(stylized, previous, flow, mask),
            "look": (F.avg_pool2d(stylized, PATCH) - F.avg_pool2d(without, PATCH)).square().mean(),
        }
        total = terms["perceptual"] + settings.lambda_flow * terms["temporal"] + settings.lambda_look * terms["look"]
        return {**terms, "total": total}

    # The first third of the steps rolls out over 1 frame, the next over 2: with more steps, step 500 is another one.
    about = {"start": checkpoint.digest(plain), "steps": steps}
    return teacher, _train("teacher-flow", teacher, loss, steps, settings, USES["teacher-flow"], about, options)


def zoom_and_shift(height: int, width: int, random: torch.Generator) -> torch.Tensor:
    """The flow (1, 2, H, W) of a small random camera move over a still: by up to 5 % (a shift: of the width)."""
    zoom, right, down = (torch.rand(3, generator=random) * 2 - 1) * 0.05
    centre = torch.tensor([(width - 1) / 2, (height - 1) / 2])[None, :, None, None]
    shift = torch.stack((right * width, down * width))[None, :, None, None]
    return zoom * (pixel_grid(height, width) - centre) + shift


def distill(
    student_plain: nn.Module,
    targets: FrozenTargets,
    perceptual: PerceptualLoss,
    settings: Settings,
    steps: int | None = None,
    **options,
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Algorithm 1: a copy of the plain student is trained with Eq. 13; returns it and the terms of every step.

    The lambdas come from `settings`: all zero is the student "from scratch", trained as long and on the same
    clips in the same order as ours, from the same start; lambda_temp alone is the usual rival. (The paper's own
    "from scratch" never saw a teacher. Ours starts from the plain student, which may have been drawn to one.)
    """
    student = copy.deepcopy(student_plain).requires_grad_(True)
    device = next(student.parameters()).device
    needs_targets = bool(settings.lambda_res or settings.lambda_rank)

    def loss(step: int) -> Terms:
        random = generator(settings.seed + 3, step)
        index = torch.randint(len(targets), (), generator=random).item()          # line 3: a clip at random
        clip, target, norm = targets[index] if needs_targets else (targets.clips[index], None, None)
        clip = clip.to(device)
        if needs_targets:                                                         # lines 5-7 and 12, remembered
            target, norm = target.to(device), norm.to(device)
        return total_loss(student(clip.frames), clip, perceptual, settings, target, norm)   # lines 8-16

    about = {"start": checkpoint.digest(student_plain), "targets": targets.name}
    steps = steps or settings.distill_steps
    return student, _train("distill", student, loss, steps, settings, USES["distill"], about, options)


def _train(
    stage: str, network: nn.Module, loss: Callable[[int], Terms], steps: int, settings: Settings, uses: set[str],
    about: dict, options: dict,
) -> list[dict[str, float]]:
    """`loop.train` with this stage's learning rates, and what its checkpoint has to say."""
    peak = settings.learning_rate if stage == "plain" else settings.finetune_rate
    decay_every = settings.distill_decay_every if stage == "distill" else settings.decay_every
    known = settings.as_dict()
    about = {"stage": stage, "network": network.configuration, "scale": {key: known[key] for key in sorted(uses)},
             **about, **options.pop("about", {})}
    return train(
        network, loss, steps, lambda step: learning_rate(settings, peak, step, decay_every), stage, about,
        precision=precision(next(network.parameters()).device),
        averaging=settings.averaging if stage == "distill" else 0.0, **options,
    )
