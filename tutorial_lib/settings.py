"""The four scales at which everything runs: smoke (CI), laptop, colab and paper."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Self

import torch

from tutorial_lib.errors import TutorialError


class Values:
    """What the settings of every paper can do; each paper's are a frozen dataclass with a `name` and a `seed`."""

    def as_dict(self) -> dict:
        return asdict(self)

    def but(self, **changes) -> Self:
        """The same scale with a few values changed."""
        return replace(self, **changes)

    def times(self, **factors: float) -> Self:
        """The same scale with a few values multiplied; whole numbers stay whole."""
        usual = {name: getattr(self, name) for name in factors}
        return self.but(**{name: round(value * factors[name]) if isinstance(value, int) else value * factors[name]
                           for name, value in usual.items()})


@dataclass(frozen=True)
class Settings(Values):
    """Everything that a scale decides for the first paper. Sizes in pixels, lambdas as in Eq. 1 and Eq. 13.

    The lambdas of the paper are 4e8 (residual), 1e6 (temporal) and 1e2 (rank) beside a perceptual loss
    of about 1e6. Adam ignores a common factor, so only ratios count. Ours were chosen at the laptop scale, where
    they bring the gradients of the terms to the same order of magnitude at the first step (`training.gradient_norms`);
    the squared nuclear norm grows with the number of pixels, so at the other scales lambda_rank is divided by it.
    """

    name: str

    # data
    height: int               # of a training frame
    width: int
    clips: int                # training clips (the paper: 2,000 tuples)
    clip_length: int          # K, frames in a clip

    # networks
    features: str             # the perceptual network: "compact" or "vgg16"
    teacher_width: int
    teacher_blocks: int
    student_width: int
    student_blocks: int
    pocket_width: int
    pocket_blocks: int

    # steps of each stage, and of the short trainings that the notebooks show
    plain_steps: int
    teacher_steps: int
    distill_steps: int
    demo_steps: int

    # evaluation
    evaluation_height: int
    evaluation_width: int
    evaluation_frames: int

    style_size: int = 512     # longer side of the style picture: how large its strokes are, at every scale

    # optimisation
    plain_batch: int = 2
    learning_rate: float = 1e-3
    finetune_rate: float = 1e-3   # of the stages that start from a trained network
    demo_rate: float = 1e-4       # the same for the notebooks' short ones, which end before Adam has settled
    decay: float = 1.2        # the learning rate is divided by this ...
    decay_every: int = 100    # ... every so many steps ...
    floor: float = 1e-4       # ... down to this
    distill_decay_every: int = 50   # the same for the distillation, which is shorter

    # Eq. 1
    content_weight: float = 1.0
    style_weight: float = 1.0
    tv_weight: float = 0.3

    # Eq. 13
    lambda_percep: float = 1.0
    lambda_res: float = 50.0
    lambda_temp: float = 20.0
    lambda_rank: float = 1e-4

    # the stages before it
    lambda_flow: float = 40.0    # the flow teacher's own temporal loss
    lambda_look: float = 40.0    # draws the flow teacher's colours, patch by patch, to the plain teacher's
    lambda_agree: float = 150.0  # draws the plain student to the plain teacher

    # beyond the paper
    student_smooth: bool = False  # the shift-equivariant student
    pocket_separable: bool = False  # the pocket student with depthwise convolutions
    averaging: float = 0.0        # moving average of a distillation's weights: the share that each step keeps
    lambda_excess: float = 0.0    # the rank of the input over the pixels of all frames, whatever the brightness

    seed: int = 0


SCALES = {
    scale.name: scale
    for scale in (
        Settings(
            name="smoke", height=48, width=64, clips=4, clip_length=3,
            features="compact", teacher_width=8, teacher_blocks=2, student_width=8, student_blocks=2,
            pocket_width=8, pocket_blocks=1,
            plain_steps=6, teacher_steps=4, distill_steps=4, demo_steps=6,
            evaluation_height=64, evaluation_width=128, evaluation_frames=4, lambda_rank=4e-4,
        ),
        Settings(
            name="laptop", height=96, width=128, clips=160, clip_length=5,
            features="compact", teacher_width=16, teacher_blocks=5, student_width=16, student_blocks=3,
            pocket_width=32, pocket_blocks=5,
            plain_steps=2000, teacher_steps=1500, distill_steps=500, demo_steps=60,
            evaluation_height=218, evaluation_width=512, evaluation_frames=12,
        ),
        Settings(
            name="colab", height=180, width=320, clips=500, clip_length=5,
            features="vgg16", teacher_width=32, teacher_blocks=5, student_width=32, student_blocks=4,
            pocket_width=32, pocket_blocks=5,
            plain_steps=4000, teacher_steps=2000, distill_steps=2000, demo_steps=150, plain_batch=4,
            decay_every=200, distill_decay_every=200,
            evaluation_height=436, evaluation_width=1024, evaluation_frames=24, lambda_rank=2.13e-5,
        ),
        Settings(
            name="paper", height=360, width=640, clips=2000, clip_length=5,
            features="vgg16", teacher_width=32, teacher_blocks=5, student_width=48, student_blocks=4,
            pocket_width=32, pocket_blocks=5,
            plain_steps=20000, teacher_steps=20000, distill_steps=20000, demo_steps=150, plain_batch=4,
            decay_every=500, distill_decay_every=500,
            evaluation_height=436, evaluation_width=1024, evaluation_frames=50, lambda_rank=5.33e-6,
        ),
    )
}


def scale(name: str | None = None) -> Settings:
    """The settings of a scale; without a name, of the scale in the variable OFD_SCALE, else `laptop`.

    The variable OFD_FEATURES names another perceptual network than the scale's: with `compact`, which ships, `colab`
    and `paper` need no download.
    Raises: TutorialError for an unknown name.
    """
    name = name or os.environ.get("OFD_SCALE") or "laptop"
    if name not in SCALES:
        raise TutorialError(f"Unknown scale {name!r}; the scales are {', '.join(SCALES)}.")
    features = os.environ.get("OFD_FEATURES")
    return SCALES[name].but(features=features) if features else SCALES[name]


def differing(then: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """The settings of `now` that had another value `then`: what may not change when a training goes on.

    What `then` does not name is younger than it, and there was none but its default (of the first paper's settings;
    the others' have grown with all their names).
    """
    default = {part.name: part.default for part in fields(Settings)}
    return [name for name, value in now.items() if then.get(name, default.get(name)) != value]


def style() -> str:
    """The style of the course: the variable OFD_STYLE, else mosaic."""
    return os.environ.get("OFD_STYLE") or "mosaic"


def device() -> torch.device:
    """The GPU where there is one, else the processor; the variable OFD_DEVICE (cpu, cuda or mps) overrides.

    An Apple GPU, mps, has to be asked for: nobody has been able to try the course on one.
    Raises: TutorialError for another OFD_DEVICE, or one that is not there.
    """
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    chosen = os.environ.get("OFD_DEVICE") or ("cuda" if here["cuda"] else "cpu")
    kind = chosen.split(":")[0]
    if kind not in here:
        raise TutorialError(f"OFD_DEVICE is {chosen!r}; it can be {', '.join(here)}.")
    if not here[kind]:
        raise TutorialError(f"OFD_DEVICE is {chosen!r}, but PyTorch finds no such GPU here; use cpu.")
    return torch.device(chosen)


def precision(place: torch.device) -> torch.dtype | None:
    """bfloat16 on GPUs that have it, else float32; the variable OFD_PRECISION (bfloat16 or float32) overrides.

    (float16 would need its gradients rescaled.) Processors with AMX or avx512_bf16 train from half as fast again to
    twice as fast in bfloat16; others only emulate it, so on a processor one has to ask.
    Raises: TutorialError for another OFD_PRECISION.
    """
    asked = os.environ.get("OFD_PRECISION")
    if asked:
        if asked not in ("bfloat16", "float32"):
            raise TutorialError(f"OFD_PRECISION is {asked!r}; it can be bfloat16 or float32.")
        return torch.bfloat16 if asked == "bfloat16" else None
    # By capability: `is_bf16_supported` also says yes to a slow emulation on older cards, a T4 among them.
    native = place.type == "cuda" and torch.cuda.get_device_capability(place)[0] >= 8
    return torch.bfloat16 if native else None


def wait_for_gpu() -> None:
    """Waits until a GPU has done what it was told to do, so that a clock can be read."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def build_folder() -> Path:
    """Where everything that is made goes: OFD_BUILD, else `build` in the checkout, else in the working folder."""
    if os.environ.get("OFD_BUILD"):
        folder = Path(os.environ["OFD_BUILD"])
    else:
        here = Path.cwd()
        checkout = next((p for p in (here, *here.parents) if (p / "tutorial_lib" / "settings.py").is_file()), here)
        folder = checkout / "build"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def zoo_folder() -> Path | None:
    """The reader's own folder of networks and style pictures, which the variable OFD_ZOO names; None if it is not set.

    Raises: TutorialError when there is no such folder.
    """
    if not os.environ.get("OFD_ZOO"):
        return None
    folder = Path(os.environ["OFD_ZOO"])
    if not folder.is_dir():
        raise TutorialError(f"OFD_ZOO is {str(folder)!r}, but there is no such folder; make it or name another.")
    return folder
