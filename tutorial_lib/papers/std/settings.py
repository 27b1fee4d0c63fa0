"""The four scales of super-resolution: smoke (CI), laptop, colab and paper."""

import os
from dataclasses import dataclass

from tutorial_lib.errors import TutorialError
from tutorial_lib.settings import Values


@dataclass(frozen=True)
class Settings(Values):
    """Everything that a scale decides for super-resolution. Sizes in pixels of the truth, except `patch`.

    Each lambda is what the gradient of its term measures at the first steps, over all weights, as a share of that of
    the reconstruction loss: the factor that makes it so is measured before a training (`papers.std.stages.balanced`,
    which says what that share is not).
    """

    name: str

    # data
    height: int                 # of a rendered training scene
    width: int
    clips: int                  # training scenes
    patches: int                # cut out of each
    patch: int                  # pixels of a small patch's side
    clip_length: int            # N, frames in a clip

    # networks
    teacher_width: int
    teacher_blocks: int
    student_width: int
    student_blocks: int
    tap: int                    # channels of F^SR, of teacher and students

    # steps of each training
    teacher_steps: int
    student_steps: int
    memory_steps: int

    # evaluation
    evaluation_height: int
    evaluation_width: int
    evaluation_frames: int
    validation_scenes: int      # of the size and length of the training clips
    validate_every: int         # steps between two points of the curve

    degradation: str = "BI"     # or "BD"

    # optimisation
    batch: int = 2              # patches a step
    learning_rate: float = 1e-3     # at the start; a cosine leads it to a hundredth
    averaging: float = 0.0      # moving average of the weights: the share that each step keeps

    # L = L_rec + lambda_space L_SD + lambda_time L_TD, and the rivals'
    lambda_space: float = 0.1
    lambda_time: float = 0.1
    lambda_attention: float = 0.1
    lambda_hint: float = 0.1
    lambda_imitation: float = 0.5
    power: str = "square"       # of the attention map: square, absolute or maximum
    normalised: bool = False    # the attention maps of L_SD

    seed: int = 0


SCALES = {
    settings.name: settings
    for settings in (
        Settings(
            name="smoke", height=64, width=64, clips=3, patches=2, patch=12, clip_length=3,
            teacher_width=8, teacher_blocks=1, student_width=4, student_blocks=1, tap=4,
            teacher_steps=4, student_steps=4, memory_steps=4,
            evaluation_height=64, evaluation_width=96, evaluation_frames=3, validation_scenes=1, validate_every=2,
        ),
        Settings(
            name="laptop", height=192, width=256, clips=240, patches=6, patch=32, clip_length=5,
            teacher_width=48, teacher_blocks=5, student_width=16, student_blocks=2, tap=8,
            teacher_steps=6000, student_steps=3000, memory_steps=600,
            evaluation_height=216, evaluation_width=512, evaluation_frames=12, validation_scenes=8, validate_every=500,
        ),
        Settings(
            name="colab", height=256, width=448, clips=500, patches=8, patch=48, clip_length=7,
            teacher_width=64, teacher_blocks=10, student_width=32, student_blocks=4, tap=16,
            teacher_steps=20000, student_steps=20000, memory_steps=2000, batch=8,
            evaluation_height=432, evaluation_width=1024, evaluation_frames=24, validation_scenes=8,
            validate_every=1000,
        ),
        Settings(
            name="paper", height=256, width=448, clips=2000, patches=8, patch=64, clip_length=7,
            teacher_width=128, teacher_blocks=20, student_width=64, student_blocks=5, tap=64,
            teacher_steps=300000, student_steps=300000, memory_steps=20000, batch=16, learning_rate=4e-4,
            evaluation_height=432, evaluation_width=1024, evaluation_frames=50, validation_scenes=8,
            validate_every=5000,
        ),
    )
}


def scale(name: str | None = None) -> Settings:
    """The settings of a scale; without a name, of the scale in the variable OFD_SCALE, else `laptop`.

    Raises: TutorialError for an unknown name.
    """
    name = name or os.environ.get("OFD_SCALE") or "laptop"
    if name not in SCALES:
        raise TutorialError(f"Unknown scale {name!r}; the scales are {', '.join(SCALES)}.")
    return SCALES[name]
