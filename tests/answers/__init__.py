"""For every check: wrong answers, each with a piece of what it is told, and right ones, written differently."""

from answers import (
    evaluation,
    flow,
    low_rank,
    perceptual,
    residual,
    slices,
    speed,
    super_resolution,
    teachers,
    temporal,
    total,
)

ANSWERS = {
    **slices.ANSWERS,
    **perceptual.ANSWERS,
    **flow.ANSWERS,
    **teachers.ANSWERS,
    **temporal.ANSWERS,
    **residual.ANSWERS,
    **low_rank.ANSWERS,
    **total.ANSWERS,
    **evaluation.ANSWERS,
    **super_resolution.ANSWERS,
    **speed.ANSWERS,
}
