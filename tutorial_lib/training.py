"""The stages of a training, from Eq. 1 alone to Algorithm 1. Each is a loss that is handed to `loop.train`."""

import copy
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

from tutorial_lib import checkpoint
from tutorial_lib.data.clips import Clip, stills
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import inside, pixel_grid, warp
from tutorial_lib.loop import Terms, generator, learning_rate, train
from tutorial_lib.losses.low_rank import nuclear_norm, traceable_matrix
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.losses.residual import residual_target, vanilla_distillation_loss
from tutorial_lib.losses.temporal import temporal_loss
from tutorial_lib.losses.total import total_loss
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.teacher import Teacher, roll_out
from tutorial_lib.settings import Settings

USUAL_FLICKER = 0.0148    # of mosaic's plain teacher, for which the lambdas were chosen
PATCH = 8    # pixels over which the two teachers' colours are compared


def new_student(settings: Settings) -> Student:
    """A student of the scale's size with random weights, the same ones for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return Student(settings.student_width, settings.student_blocks, settings.student_smooth)


def new_teacher(settings: Settings) -> Teacher:
    """A plain teacher of the scale's size with random weights, other ones than the student's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed + 1)
        return Teacher(settings.teacher_width, settings.teacher_blocks, uses_flow=False)


def precision(device: torch.device) -> torch.dtype | None:
    """bfloat16 on GPUs that have it, else float32; the variable OFD_PRECISION (bfloat16 or float32) overrides.

    (float16 would need its gradients rescaled.) Processors with AMX train half as fast again in bfloat16; others
    only emulate it, so there one has to ask.
    Raises: TutorialError for another OFD_PRECISION.
    """
    asked = os.environ.get("OFD_PRECISION")
    if asked:
        if asked not in ("bfloat16", "float32"):
            raise TutorialError(f"OFD_PRECISION is {asked!r}; it can be bfloat16 or float32.")
        return torch.bfloat16 if asked == "bfloat16" else None
    # By capability: `is_bf16_supported` also says yes to a slow emulation on older cards, a T4 among them.
    native = device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8
    return torch.bfloat16 if native else None


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

    return _train(network, loss, steps or settings.plain_steps, settings.learning_rate, settings, "plain",
                  {"agree_with": checkpoint.digest(agree_with) if agree_with is not None else None}, **options)


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
                previous = roll_out(teacher, clip.frames[start:start + length],
                                    clip.backward_flows[before], clip.backward_masks[before])[-1:]
            frame = clip.frames[start + length][None]
            flow, mask = (x[start + length - 1][None] for x in (clip.backward_flows, clip.backward_masks))
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

    # The length of the roll-outs goes by the share of the steps that is done, so their number is part of it.
    kept = {"start": checkpoint.digest(plain), "steps": steps}
    return teacher, _train(teacher, loss, steps, settings.finetune_rate, settings, "teacher-flow", kept, **options)


def zoom_and_shift(height: int, width: int, random: torch.Generator) -> torch.Tensor:
    """The flow (1, 2, H, W) of a small random camera move over a still: zoom and shift by up to 5 %."""
    zoom, right, down = (torch.rand(3, generator=random) * 2 - 1) * 0.05
    centre = torch.tensor([(width - 1) / 2, (height - 1) / 2])[None, :, None, None]
    shift = torch.stack((right * width, down * width))[None, :, None, None]
    return zoom * (pixel_grid(height, width) - centre) + shift


@torch.no_grad()
def flicker(plain: nn.Module, clips: Sequence[Clip], most: int = 20) -> float:
    """How much a plain network flickers: `temporal_loss` between its neighbouring frames, mean over the first clips."""
    device, found = next(plain.parameters()).device, []
    for index in range(min(most, len(clips))):
        clip = clips[index].to(device)
        stylized = plain(clip.frames)
        found.append(temporal_loss(stylized[1:], stylized[:-1], clip.backward_flows, clip.backward_masks).item())
    return sum(found) / len(found)


def strength(teacher_plain: nn.Module, clips: Sequence[Clip]) -> float:
    """What the losses of steadiness have to be multiplied by in a style, known by its plain teacher.

    They are squared differences of pixels and Eq. 1 is not, so where a style flickers with less contrast than the one
    whose lambdas these are, they would hardly count. In steps of the root of two, so that a seed does not change it.
    """
    steps = round(2 * math.log2(USUAL_FLICKER / max(flicker(teacher_plain, clips), 1e-9)))
    return 2 ** (min(max(steps, -8), 8) / 2)


def raised(settings: Settings, factor: float) -> Settings:
    """The same settings with `factor` times the lambdas of the losses that are squared differences of pixels."""
    squares = ("lambda_flow", "lambda_res", "lambda_temp")
    return settings.but(**{key: factor * getattr(settings, key) for key in squares})


class FrozenTargets:
    """What does not change while a student is distilled: computed when a clip first comes, then remembered.

    clips[i] -> the clip, one picture a frame that the student's output is compared with (fp16), and the
    nuclear norm it should have.
    source: "residual" (Eq. 5) or "vanilla" (Eq. 2). rank_from: "input" (Eq. 11) or "teacher" (Eq. 10).
    folder: where to keep the pictures when they are too many for memory; otherwise they stay in memory. Its files
    are named after the clip and the three networks, so several trainings can share it.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        teacher_with_flow: Teacher,
        teacher_plain: nn.Module,
        student_plain: nn.Module,
        source: str = "residual",
        rank_from: str = "input",
        folder: Path | None = None,
    ):
        self.clips, self.source, self.rank_from, self.folder = clips, source, rank_from, folder
        self.teacher_with_flow, self.teacher_plain = teacher_with_flow, teacher_plain
        self.student_plain = student_plain
        digests = "-".join(checkpoint.digest(n) for n in (teacher_with_flow, teacher_plain, student_plain))
        self.name = f"{source}-{rank_from}-{digests}"
        self.remembered: dict[int, dict[str, torch.Tensor]] = {}
        self.computed = 0

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[Clip, torch.Tensor, torch.Tensor]:
        clip = self.clips[index]
        stored = self.folder / self.name / f"{self.clips.key(index)}.safetensors" if self.folder else None
        if index in self.remembered:
            known = self.remembered[index]
        elif stored is not None and stored.exists():
            known = load_file(stored)
        else:
            known = self.compute(clip)
            if stored is None:
                self.remembered[index] = known
            else:
                with atomic_path(stored) as temporary:
                    save_file(known, temporary)
        return clip, known["target"].float(), known["norm"]

    @torch.no_grad()
    def compute(self, clip: Clip) -> dict[str, torch.Tensor]:
        self.computed += 1
        clip = clip.to(next(self.student_plain.parameters()).device)
        target = with_flow = roll_out(
            self.teacher_with_flow, clip.frames, clip.backward_flows, clip.backward_masks)
        if self.source == "residual":
            target = residual_target(with_flow, self.teacher_plain(clip.frames), self.student_plain(clip.frames))
        ranked = clip.frames if self.rank_from == "input" else with_flow
        norm = nuclear_norm(traceable_matrix(ranked, clip.reference_flows, clip.reference_masks))
        return {"target": target.half().cpu(), "norm": norm.cpu()}


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

    kept = {"start": checkpoint.digest(student_plain), "targets": targets.name}
    history = _train(student, loss, steps or settings.distill_steps, settings.finetune_rate, settings, "distill",
                     kept, **options)
    return student, history


def gradient_norms(network: nn.Module, terms: Terms) -> dict[str, float]:
    """The norm of the gradient of each unweighted term: what the lambdas have to balance."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    norms = {}
    for name, term in terms.items():
        if name != "total":
            gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
            norms[name] = sum(g.square().sum() for g in gradients if g is not None).sqrt().item()
    return norms


def _train(
    network: nn.Module, loss: Callable[[int], Terms], steps: int, peak: float, settings: Settings, stage: str,
    more: dict, about: dict | None = None, **options,
) -> list[dict[str, float]]:
    """`loop.train` with this stage's learning rate, from `peak` down, and the settings that its checkpoint keeps."""
    distilled = stage == "distill"
    decay_every = settings.distill_decay_every if distilled else settings.decay_every
    kept = {"stage": stage, "network": network.configuration, "scale": settings.as_dict(), **more, **(about or {})}
    return train(
        network, loss, steps, lambda step: learning_rate(settings, peak, step, decay_every), stage, kept,
        precision=precision(next(network.parameters()).device), averaging=settings.averaging if distilled else 0.0,
        **options,
    )
