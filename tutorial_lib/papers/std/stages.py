"""How the networks of Space-Time Distillation are trained from a `stage.Job`."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from tutorial_lib import checkpoint, quality
from tutorial_lib.data.clips import Clip, filmed
from tutorial_lib.data.degradation import degrade, upscale_bicubic
from tutorial_lib.data.pairs import PASS, Pair, RenderedPairs, estimated_flows, joined
from tutorial_lib.data.scenes import random_scene
from tutorial_lib.files import atomic_path
from tutorial_lib.losses.rivals import attention_transfer, hint_loss
from tutorial_lib.losses.space_time import attention_map, charbonnier, time_loss
from tutorial_lib.networks.memory import Memory
from tutorial_lib.networks.superres import Bidirectional, Recurrent, Stacked, SuperResolver, upscale
from tutorial_lib.papers.std.settings import Settings
from tutorial_lib.settings import device, precision
from tutorial_lib.stage import Job, Stage
from tutorial_lib.training.balance import pulls_of
from tutorial_lib.training.loop import Progress, Terms, generator, train
from tutorial_lib.training.targets import Remembered

STUDENTS = {network.kind: network for network in (Stacked, Recurrent)}
FIRST_VALIDATION_SEED = 900_000      # trainings draw theirs at random from 62 bits
MEASURED_STEPS = 3                   # over which the gradients of the terms are compared

# The settings that decide what a stage ends with. (The sizes of a network that is given stand in its configuration.)
_EVERYWHERE = {"name", "seed", "height", "width", "clips", "patches", "patch", "clip_length", "degradation", "batch",
               "learning_rate", "averaging"}
_STUDENT = {"student_width", "student_blocks", "tap", "student_steps"}
_TERMS = {"lambda_space", "lambda_time", "lambda_attention", "lambda_hint", "lambda_imitation", "power", "normalised"}


# --- what is trained ---


def new_teacher(settings: Settings) -> Bidirectional:
    """A teacher of the scale's size with random weights, other ones than the students'."""
    sizes = settings.teacher_width, settings.teacher_blocks, settings.tap, settings.clip_length
    return _seeded(settings.seed + 1, Bidirectional, *sizes)


def new_student(kind: str, settings: Settings) -> SuperResolver:
    """A student of the scale's size with random weights, the same ones for the same seed and kind."""
    return _seeded(settings.seed, STUDENTS[kind], settings.student_width, settings.student_blocks, settings.tap)


def new_memory(settings: Settings) -> Memory:
    return _seeded(settings.seed + 2, Memory, settings.tap)


def _seeded(seed: int, make: Callable[..., nn.Module], *sizes: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(*sizes)


def indexes(settings: Settings, count: int, step: int) -> list[int]:
    """Which of `count` patches a step sees: the same for every network of a seed."""
    return torch.randint(count, (settings.batch,), generator=generator(settings.seed, step)).tolist()


# --- what the teacher says of a patch ---


class TeacherTargets(Remembered):
    """What a distillation asks of the frozen teacher, by name, in 16 bits.

    targets.batch(indexes) -> the patches as one batch, and {name: (B, ...)}. wanted: "space" is the attention map of
    its tap, "body space" that of its body, "tap attention" and "attention" the same two, normalised, "memory" the final
    memory cells of its tap, "tap", "body" and "frames" what they are. In a folder lies what any of the methods wants,
    because most of the time is the teacher's, and it is asked for one after the other; in memory what is wanted here
    alone.
    """

    def __init__(self, clips: Sequence[Pair], teacher: SuperResolver, wanted: Sequence[str], settings: Settings,
                 memory: nn.Module | None = None, folder: Path | None = None):
        self.teacher, self.wanted, self.settings, self.memory = teacher, sorted(wanted), settings, memory
        names = [checkpoint.digest(network) for network in (teacher, memory) if network is not None]
        form = f"{settings.power}-{'normalised' if settings.normalised else 'raw'}"
        usual = {*USUAL, *(["memory"] if memory is not None else [])}
        self.computes = sorted({*self.wanted, *(usual if folder else ())})
        super().__init__(clips, "-".join((*self.computes, form, *names)), folder)

    @torch.no_grad()
    def compute(self, clip: Pair) -> dict[str, torch.Tensor]:
        clip = clip.to(next(self.teacher.parameters()).device)
        found = self.teacher(clip.small, clip.flows)
        makers = {
            "space": lambda: attention_map(found.tap, self.settings.power, self.settings.normalised),
            "body space": lambda: attention_map(found.body, self.settings.power, self.settings.normalised),
            "attention": lambda: attention_map(found.body, normalised=True),
            "tap attention": lambda: attention_map(found.tap, normalised=True),
            "memory": lambda: self.memory(found.tap)[:, -1],
            "tap": lambda: found.tap, "body": lambda: found.body, "frames": lambda: found.frames,
        }
        return {name: makers[name]().half().cpu() for name in self.computes}

    def _kept(self, path: Path, clip: Pair) -> dict[str, torch.Tensor] | None:
        try:
            with safe_open(path, "pt") as file:
                return {name: file.get_tensor(name) for name in self.wanted}
        except (OSError, SafetensorError):
            return None     # not there, or damaged: it is made again

    def batch(self, numbers: Sequence[int]) -> tuple[Pair, dict[str, torch.Tensor]]:
        pairs, known = zip(*(self.known(index) for index in numbers), strict=True)
        place = next(self.teacher.parameters()).device
        return joined(pairs).to(place), {
            name: torch.cat([one[name].float() for one in known]).to(place) for name in self.wanted}


USUAL = ("space", "attention", "tap attention", "body", "frames")
WANTED = {"lambda_space": ("space",), "lambda_attention": ("attention", "tap attention"), "lambda_hint": ("body",),
          "lambda_imitation": ("frames",)}


class Distillation:
    """A student, what learns beside it, and the unweighted terms of its loss at every step.

    The terms are named as their lambdas are; "reconstruction" is L_rec, whose weight is 1.
    """

    def __init__(self, job: Job):
        settings, (teacher, *memories) = job.settings, job.networks.values()
        self.settings = settings
        self.student = new_student(job.recipe.options["kind"], settings).to(device())
        self.active = [name for name in sorted(_TERMS) if name.startswith("lambda_") and getattr(settings, name)]
        self.memory = self.regressor = None
        self.memory_learns = job.recipe.options.get("memory") == "learned"
        if "lambda_time" in self.active:
            self.memory = (memories[0] if memories else new_memory(settings)).to(device())
            self.memory.requires_grad_(False)
            self.memory.cell.requires_grad_(self.memory_learns)     # what it tells is asked for in no loss of a student
        if "lambda_hint" in self.active:
            widths = settings.student_width, teacher.configuration["width"]
            self.regressor = _seeded(settings.seed + 3, nn.Conv2d, *widths, 1).to(device())
        self.map = job.recipe.options.get("map", "tap")
        self.begins = settings.student_steps // 2 if job.recipe.options.get("begins") == "halfway" else 0
        wanted = {name for term in self.active for name in WANTED.get(term, ())}
        if self.map != "tap":
            wanted = wanted - {"space"} | ({"body space"} if self.map == "body" else set())
        if self.memory is not None:
            wanted.add("tap" if self.memory_learns else "memory")
        self.targets = TeacherTargets(job.clips(), teacher, wanted, settings,
                                      None if self.memory_learns else self.memory, job.targets)

    @property
    def trained(self) -> nn.Module:
        """The student, or where something learns beside it both."""
        beside = {"memory": self.memory if self.memory_learns else None, "regressor": self.regressor}
        beside = {name: module for name, module in beside.items() if module is not None}
        return nn.ModuleDict({"student": self.student, **beside}) if beside else self.student

    def terms(self, step: int) -> Terms:
        pair, teacher = self.targets.batch(indexes(self.settings, len(self.targets), step))
        found = self.student(pair.small, pair.flows)
        terms = {"reconstruction": charbonnier(found.frames, pair.truth)}
        for name in self.active:
            if name == "lambda_space":
                theirs = self.wanted_map(pair, teacher)
                features = found.body if self.map == "body" else found.tap
                mine = attention_map(features, self.settings.power, self.settings.normalised)
                terms["space"] = nn.functional.mse_loss(mine, theirs)
            elif name == "lambda_time":
                wanted = self.memory(teacher["tap"])[:, -1] if self.memory_learns else teacher["memory"]
                terms["time"] = time_loss(self.memory(found.tap)[:, -1], wanted)
            elif name == "lambda_attention":
                terms["attention"] = attention_transfer(
                    (found.body, found.tap), (teacher["attention"], teacher["tap attention"]))
            elif name == "lambda_hint":
                terms["hint"] = hint_loss(found.body, teacher["body"], self.regressor)
            else:
                terms["imitation"] = charbonnier(found.frames, teacher["frames"])
        return terms

    def wanted_map(self, pair: Pair, teacher: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The attention map that L_SD asks for."""
        if self.map == "truth":
            lacking = pair.truth - upscale_bicubic(pair.small.flatten(0, 1)).unflatten(0, pair.small.shape[:2])
            return attention_map(lacking, self.settings.power, self.settings.normalised)
        return teacher["body space" if self.map == "body" else "space"]

    def loss(self, step: int) -> Terms:
        terms = self.terms(step)
        weights = {name: getattr(self.settings, f"lambda_{name}", 1.0) for name in terms}
        if step < self.begins:
            weights = {name: float(name == "reconstruction") for name in terms}
        return {**terms, "total": sum(weights[name] * term for name, term in terms.items())}


def balanced(job: Job) -> Settings:
    """Each lambda times the factor at which its term pulls as strongly as the reconstruction loss at the first steps.

    So a lambda is a share of that pull, over all weights. (Terms of features do not reach the output convolution, which
    starts near zero and so has nearly all of the reconstruction loss's gradient at first: over the other weights their
    share is much larger then, and far smaller in a trained student. With the option {"balance": "plain"} it is
    measured where the plain student of the seed ended, over the weights that each term reaches.)
    In powers of two, so that a change of the last digits changes nothing; what the user gave stays as given.
    """
    factors = _measured(_Key(job))
    return job.settings.but(**{name: getattr(job.settings, name) * factor for name, factor in factors.items()
                               if name not in job.given})


class _Key:
    """A job, equal to every other one at whose start the terms pull as strongly."""

    def __init__(self, job: Job):
        self.job = job
        settings = job.settings.but(**{name: float(bool(getattr(job.settings, name)))
                                       for name in _TERMS if name.startswith("lambda_")})
        networks = tuple(checkpoint.digest(network) for network in job.networks.values())
        self.same = settings, tuple(sorted(job.recipe.options.items())), networks

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.same == other.same

    def __hash__(self) -> int:
        return hash(self.same)


@lru_cache(maxsize=32)
def _measured(key: _Key) -> dict[str, float]:
    distillation = Distillation(key.job)
    at_plain = key.job.recipe.options.get("balance") == "plain"
    if at_plain:
        distillation.student.load_state_dict(key.job.networks[f"sr-{distillation.student.kind}-plain"].state_dict())
    wanted: dict[str, float] = {}
    pulls: dict[str, float] = {}
    for step in range(MEASURED_STEPS):
        terms = distillation.terms(step)
        for name, (pull, reference) in pulls_of(distillation.student, terms, "reconstruction", at_plain).items():
            pulls[name] = pulls.get(name, 0.0) + pull
            wanted[name] = wanted.get(name, 0.0) + reference
    return {f"lambda_{name}": 2.0 ** round(math.log2(wanted[name] / max(norm, 1e-20))) for name, norm in pulls.items()}


# --- how well it does, on the way ---


@lru_cache(maxsize=4)
def validation_films(height: int, width: int, frames: int, count: int) -> tuple[Clip, ...]:
    """Scenes of the training photographs that no training sees, with their exact motion."""
    scenes = (random_scene(FIRST_VALIDATION_SEED + n, height, width, frames) for n in range(count))
    return tuple(filmed(scene, PASS, (-1, 1)) for scene in scenes)


class Curve:
    """The PSNR on the validation scenes (BT.601's Y, the mean over frames and scenes) against the steps of a training.

    Called after each step, it measures every `validate_every` of them and keeps {step: decibels} in a file.
    """

    def __init__(self, path: Path, network: SuperResolver, settings: Settings):
        self.path, self.network, self.settings = path, network, settings
        self.points = json.loads(path.read_text()) if path.exists() else {}

    def __call__(self, progress: Progress) -> None:
        if progress.step % self.settings.validate_every and progress.step != progress.steps:
            return
        self.points[str(progress.step)] = round(validation_psnr(self.network, self.settings), 4)
        with atomic_path(self.path) as temporary:
            temporary.write_text(json.dumps(self.points, indent=1) + "\n")


@torch.no_grad()
def validation_psnr(network: SuperResolver, settings: Settings) -> float:
    s, found = settings, []
    place = next(network.parameters()).device
    for film in validation_films(s.height, s.width, s.clip_length, s.validation_scenes):
        small = degrade(film.frames, s.degradation)
        flows = estimated_flows(small[None]).to(place) if network.uses_flow else None
        made = upscale(network, small.to(place), flows).cpu()
        truth = film.frames[..., :made.shape[-2], :made.shape[-1]]
        found.append(quality.psnr(*quality.compared(made, truth)).mean().item())
    return sum(found) / len(found)


# --- the stages ---


def teacher(job: Job, **options) -> nn.Module:
    return _plain("sr-teacher", new_teacher(job.settings), job.settings.teacher_steps, job, options)


def student_plain(job: Job, **options) -> nn.Module:
    student = new_student(job.recipe.options["kind"], job.settings)
    return _plain("sr-plain", student, job.settings.student_steps, job, options)


def _plain(stage: str, network: SuperResolver, steps: int, job: Job, options: dict) -> nn.Module:
    network, clips = network.to(device()), job.clips()

    def loss(step: int) -> Terms:
        pair = joined([clips[i] for i in indexes(job.settings, len(clips), step)]).to(device())
        term = charbonnier(network(pair.small, pair.flows).frames, pair.truth)
        return {"reconstruction": term, "total": term}

    _train(stage, network, network, loss, steps, job, {}, options)
    return network


def memory(job: Job, **options) -> nn.Module:
    """A ConvLSTM that learns from the teacher's features alone what comes next."""
    (taught,) = job.networks.values()
    network, settings = new_memory(job.settings).to(device()), job.settings
    targets = TeacherTargets(job.clips(), taught, ["tap"], settings)     # which no other training wants

    def loss(step: int) -> Terms:
        _, known = targets.batch(indexes(settings, len(targets), step))
        term = network.prediction_loss(known["tap"])
        return {"prediction": term, "total": term}

    _train("sr-memory", network, None, loss, settings.memory_steps, job, {"targets": targets.name}, options)
    return network


def distill(job: Job, **options) -> nn.Module:
    distillation = Distillation(job)
    about = {"targets": distillation.targets.name, **job.recipe.options}
    _train("sr-distill", distillation.trained, distillation.student, distillation.loss, job.settings.student_steps, job,
           about, options)
    distillation.student.eval()
    return distillation.student


def _train(stage: str, trained: nn.Module, shown: SuperResolver | None, loss: Callable[[int], Terms], steps: int,
           job: Job, about: dict, options: dict) -> None:
    """`loop.train` with a cosine of learning rates; shown: the network whose curve is kept, beside the checkpoint."""
    settings, steps = job.settings, options.pop("steps", None) or steps
    network = shown or trained
    known = settings.as_dict()
    about = {"stage": stage, "network": network.configuration, "steps": steps,
             "scale": {key: known[key] for key in sorted(STAGES[stage].settings_for(job.recipe))},
             **about, **options.pop("about", {})}
    callback = options.pop("callback", None)
    watchers = [callback] if callback else []
    if shown is not None and options.get("path"):
        watchers.append(Curve(Path(options["path"]).with_suffix(".curve.json"), shown, settings))

    def watched(progress: Progress) -> None:
        for watcher in watchers:
            watcher(progress)

    def rate(step: int) -> float:
        return settings.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2)

    train(trained, loss, steps, rate, stage, about, precision=precision(device()), averaging=settings.averaging,
          callback=watched, **options)


STAGES = {
    "sr-teacher": Stage(teacher, _EVERYWHERE | {"teacher_width", "teacher_blocks", "tap", "teacher_steps"},
                        clips=RenderedPairs),
    "sr-plain": Stage(student_plain, _EVERYWHERE | _STUDENT, clips=RenderedPairs),
    "sr-memory": Stage(memory, _EVERYWHERE | {"tap", "memory_steps"}, clips=RenderedPairs),
    "sr-distill": Stage(distill, _EVERYWHERE | _STUDENT | _TERMS, balanced, clips=RenderedPairs),
}
