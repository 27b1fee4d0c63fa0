"""How every network of the course is made: those that ship, the ablations of the paper's tables, the frontier."""

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import torch
from torch import nn

from tutorial_lib import checkpoint, training
from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import read_json, write_json
from tutorial_lib.losses.perceptual import perceptual_loss
from tutorial_lib.networks.build import load_network
from tutorial_lib.networks.features import load_features
from tutorial_lib.settings import Settings, build_folder, device

# What each method leaves out of Eq. 13. A loss of steadiness pulls away from the style; beside one, a higher style
# weight brings the style back to that of the student from scratch, so that the tables compare like with like. What
# that weight does by itself is on the frontier (scratch-x2).
PERCEPTUAL_ONLY = {"lambda_res": 0.0, "lambda_temp": 0.0, "lambda_rank": 0.0}
STEADY = {"style_weight": 2.2}
RESIDUAL = {"lambda_temp": 0.0, "lambda_rank": 0.0, **STEADY}
RANK = {"lambda_res": 0.0, "lambda_temp": 0.0, **STEADY}
TEMPORAL = {"lambda_res": 0.0, "lambda_rank": 0.0, **STEADY}
OURS = {"lambda_temp": 0.0, **STEADY}

# What a painted style needs beside `training.strength` in its distillation, chosen on validation scenes.
STRONGER = {"candy": 2.0}


@dataclass(frozen=True)
class Recipe:
    """One network. `changes` are to the scale's settings; the rest are the arguments of its training stage."""

    stage: str                       # "teacher-plain", "teacher-flow", "student-plain" or "distill"
    changes: Mapping[str, float] = field(default_factory=dict)
    start: str = "student-plain"     # of a distillation
    agrees: bool = True              # of a plain student: whether it is drawn to the plain teacher
    source: str = "residual"         # what is distilled: Eq. 5, or "vanilla", Eq. 2
    rank_from: str = "input"         # Eq. 11, or "teacher", Eq. 10


ROLES = {
    "teacher-plain": Recipe("teacher-plain"),
    "teacher-flow": Recipe("teacher-flow"),
    "student-plain": Recipe("student-plain"),
    "student-scratch": Recipe("distill", PERCEPTUAL_ONLY),
    "student-temp": Recipe("distill", TEMPORAL),
    "student-ours": Recipe("distill", OURS),
    "student-ours-temp": Recipe("distill", STEADY),
}

# Tables 2 and 3, Figures 2 and 3, and the paper's letter: a plain student that never saw the plain teacher.
ABLATIONS = {
    "res": Recipe("distill", RESIDUAL),
    "rank": Recipe("distill", RANK),
    "res-rank-teacher": Recipe("distill", OURS, rank_from="teacher"),
    "temp-res": Recipe("distill", {"lambda_rank": 0.0, **STEADY}),
    "ours-k3": Recipe("distill", {**OURS, "clip_length": 3}),
    "ours-k4": Recipe("distill", {**OURS, "clip_length": 4}),
    "ours-temp-k3": Recipe("distill", {"clip_length": 3, **STEADY}),
    "ours-temp-k4": Recipe("distill", {"clip_length": 4, **STEADY}),
    "vanilla-alone": Recipe("distill", {**RESIDUAL, "lambda_percep": 0.0}, source="vanilla"),
    "res-alone": Recipe("distill", {**RESIDUAL, "lambda_percep": 0.0}),
    "unaligned-plain": Recipe("student-plain", agrees=False),
    "unaligned-scratch": Recipe("distill", PERCEPTUAL_ONLY, start="unaligned-plain"),
    "unaligned-ours": Recipe("distill", OURS, start="unaligned-plain"),
}


SETTINGS_OF_STAGES = {   # what the other stages do not use
    ("teacher-plain", "student-plain"): {"plain_steps", "learning_rate"},
    ("student-plain",): {"lambda_agree"},
    ("teacher-flow",): {"teacher_steps", "lambda_flow", "lambda_look"},
    ("teacher-flow", "distill"): {"finetune_rate"},
    ("student-plain", "distill"): {"student_width", "student_blocks", "student_smooth"},
    ("distill",): {"distill_steps", "distill_decay_every", "lambda_percep", "lambda_res", "lambda_temp", "lambda_rank",
                   "lambda_excess", "averaging"},
}


def plus(settings: Settings) -> dict[str, Recipe]:
    """Beyond the paper: single changes, and those that measured better together (student-ours-plus).

    Eq. 11 over common pixels and whatever the brightness; a shift-equivariant student; averaged weights; these and
    frames half as large again, which better the style of every student (scratch-large is the control of the same
    price, temp-large what the L_temp of plus does alone). And ours with an L_temp nearer to the paper's: temp-x0.3's.
    """
    large = {"height": round(1.5 * settings.height), "width": round(1.5 * settings.width),
             "lambda_rank": settings.lambda_rank / 1.5**2, "averaging": 0.98}
    strong = {"lambda_temp": 5 * settings.lambda_temp, "style_weight": 3.0}
    return {
        "ours-excess": Recipe("distill", {**OURS, "lambda_rank": 0.0, "lambda_excess": 40.0}),
        "plain-smooth": Recipe("student-plain", {"student_smooth": True}),
        "ours-smooth": Recipe("distill", {**OURS, "student_smooth": True}, start="plain-smooth"),
        "ours-averaged": Recipe("distill", {**OURS, "averaging": 0.98}),
        "ours-weak-temp": Recipe("distill", {"lambda_temp": 0.3 * settings.lambda_temp, **STEADY}),
        "scratch-large": Recipe("distill", {**large, **PERCEPTUAL_ONLY}),
        "ours-large": Recipe("distill", {**large, **OURS}),
        "temp-large": Recipe("distill", {**large, **TEMPORAL, **strong}),
        "student-ours-plus": Recipe("distill", {**large, **strong}),
    }


def frontier(settings: Settings) -> dict[str, Recipe]:
    """Every method at other strengths: the lambdas of `settings` times a factor, named METHOD-xFACTOR.

    "scratch" and "style" vary the style weight of Eq. 1 instead: without any lambda, and beside those of ours.
    """
    found = {}
    methods = (("res", RESIDUAL), ("rank", RANK), ("temp", TEMPORAL), ("ours", OURS), ("ours-temp", STEADY))
    for method, off in methods:
        for factor in (0.3, 3.0, 10.0):
            scaled = {name: getattr(settings, name) * factor for name in ("lambda_res", "lambda_temp", "lambda_rank")}
            found[f"{method}-x{factor:g}"] = Recipe("distill", {**scaled, **off})
    for method, off in (("scratch", PERCEPTUAL_ONLY), ("style", OURS)):
        for factor in (0.5, 2.0):
            usual = off.get("style_weight", settings.style_weight)
            changes = {**off, "style_weight": usual * factor}
            found[f"{method}-x{factor:g}"] = Recipe("distill", changes)
    return found


def recipes(settings: Settings) -> dict[str, Recipe]:
    """Every recipe by its name."""
    return {**ROLES, **plus(settings), **ABLATIONS, **frontier(settings)}


def stronger(stage: str, style: str) -> float:
    """What the losses of steadiness are multiplied by in a stage, beside the style's `training.strength`."""
    return STRONGER.get(style, 1.0) if stage == "distill" else 1.0


def folder(settings: Settings) -> Path:
    """Where the networks of a scale and seed are made."""
    return build_folder() / "zoo" / f"{settings.name}-{settings.seed}"


class Workshop:
    """The networks of one style, each trained when it is first asked for, from those it needs.

    workshop[name] -> the network, frozen. Unfinished trainings go on from their checkpoint in `folder`/training. A
    finished one is kept as it would ship: STYLE-NAME.safetensors in half precision and its manifest
    STYLE-NAME.json; what is trained from it starts from exactly these weights.
    Raises: TutorialError for an unknown name, and for a network that is there but was made with other settings.
    """

    def __init__(self, style: str, settings: Settings, folder: Path):
        self.style, self.settings, self.folder = style, settings, folder
        self.recipes = recipes(settings)
        self.networks: dict[str, nn.Module] = {}
        self.rendered: dict[tuple[int, int, int], RenderedClips] = {}

    def __getitem__(self, name: str) -> nn.Module:
        if name not in self.networks:
            if name not in self.recipes:
                raise TutorialError(f"Unknown recipe {name!r}; the recipes are {', '.join(self.recipes)}.")
            path = self.path(name)
            if path.with_suffix(".json").exists():
                self.check(name)
            else:
                self.make(name)
            self.networks[name] = load_network(path).to(device())
        return self.networks[name]

    def path(self, name: str) -> Path:
        return self.folder / f"{Path(self.style).stem}-{name}.safetensors"

    def settings_of(self, name: str) -> Settings:
        recipe = self.recipes[name]
        settings = self.settings.but(**recipe.changes)
        if recipe.stage not in ("teacher-flow", "distill"):
            return settings
        return training.raised(settings, self.strength * stronger(recipe.stage, self.style))

    @cached_property
    def strength(self) -> float:
        """What the losses of steadiness are multiplied by in this style."""
        return training.strength(self["teacher-plain"], self.clips(self.settings))

    def needs(self, name: str) -> list[str]:
        """The networks that a recipe is made from."""
        recipe = self.recipes[name]
        return {
            "teacher-plain": [],
            "teacher-flow": ["teacher-plain"],
            "student-plain": ["teacher-plain"] if recipe.agrees else [],
            "distill": ["teacher-flow", "teacher-plain", recipe.start],
        }[recipe.stage]

    def make(self, name: str) -> None:
        """Trains a network and writes it with its manifest, the manifest last."""
        needed, recipe, settings = [self[n] for n in self.needs(name)], self.recipes[name], self.settings_of(name)
        print(f"{Path(self.style).stem}-{name}, seed {settings.seed}", flush=True)
        perceptual = self.perceptual(settings)
        clock = self.folder / "training" / f"{self.path(name).stem}.minutes"
        started, before = time.monotonic(), float(clock.read_text()) if clock.exists() else 0.0

        def minutes() -> float:
            return before + (time.monotonic() - started) / 60

        def note_time(progress) -> None:
            if progress.step % 50 == 0:
                clock.write_text(f"{minutes():.2f}")

        options = {"path": self.folder / "training" / self.path(name).name, "save_every": 50,
                   "about": {"style": self.style}, "callback": note_time}
        if recipe.stage == "teacher-flow":
            network, _ = training.train_teacher(*needed, self.clips(settings), perceptual, settings, **options)
        elif recipe.stage == "distill":
            targets = training.FrozenTargets(self.clips(settings), *needed, source=recipe.source,
                                             rank_from=recipe.rank_from, folder=self.folder / "targets")
            network, _ = training.distill(needed[-1], targets, perceptual, settings, **options)
        else:
            new = training.new_teacher if recipe.stage == "teacher-plain" else training.new_student
            network = new(settings).to(device())
            training.train_plain(network, perceptual, settings, agree_with=needed[0] if needed else None, **options)
        path = self.path(name)
        asked = f"OFD_PRECISION={os.environ['OFD_PRECISION']} " if os.environ.get("OFD_PRECISION") else ""
        checkpoint.save(path, network, {"network": network.configuration, "style": self.style}, dtype=torch.float16)
        write_json(path.with_suffix(".json"), {
            "name": path.stem, "recipe": name, "style": self.style, "network": network.configuration,
            "command": f"{asked}python data_scripts/train_zoo.py --style {self.style} --scale {settings.name} "
                       f"--seed {settings.seed} --only {name}",
            "made_from": {n: checkpoint.digest(self[n]) for n in self.needs(name)},
            "stage": recipe.stage, "source": recipe.source, "rank_from": recipe.rank_from,
            "settings": self.used(name), "seed": settings.seed, "minutes": round(minutes(), 1),
            "hardware": hardware(), "precision": "bfloat16" if training.precision(device()) else "float32",
            "perceptual": perceptual.features.configuration,
            "sha256": sha256(path.read_bytes()).hexdigest(),
        })

    def clips(self, settings: Settings) -> RenderedClips:
        """The training clips, rendered once for all networks: recipes change no more of them than this."""
        size = settings.clip_length, settings.height, settings.width
        return self.rendered.setdefault(size, RenderedClips(settings))

    def perceptual(self, settings: Settings) -> nn.Module:
        return perceptual_loss(load_features(settings.features), self.style, settings).to(device())

    def used(self, name: str) -> dict:
        """The settings that decide about this network: without those of other stages and of the evaluation."""
        stage = self.recipes[name].stage
        unused = {"evaluation_height", "evaluation_width", "evaluation_frames", "demo_steps"}
        for owner, settings in SETTINGS_OF_STAGES.items():
            if stage not in owner:
                unused |= settings
        if not self.recipes[name].agrees:
            unused.add("lambda_agree")
        return {key: value for key, value in self.settings_of(name).as_dict().items() if key not in unused}

    def check(self, name: str) -> None:
        """Refuses a finished network that was made otherwise than it would be now."""
        kept = read_json(self.path(name).with_suffix(".json"))
        # A manifest is older than a setting that it does not name, and there was none but the default then.
        then = {part.name: part.default for part in fields(Settings)} | kept["settings"] | {"style": kept["style"]}
        wanted = {**self.used(name), "style": self.style}
        other = [key for key, value in wanted.items() if then.get(key) != value]
        other += [n for n in self.needs(name) if kept["made_from"].get(n) != checkpoint.digest(self[n])]
        if other:
            raise TutorialError(
                f"{self.path(name)} was trained with another {', '.join(other)}; delete it and its .json to train "
                "it anew."
            )


def hardware() -> str:
    """The machine in a few words, for the manifests."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores, {platform.machine()}, torch {torch.__version__}"
