"""For every check: wrong answers, each with a piece of what it is told, and right ones, written differently."""

from answers import flow, perceptual, slices, teachers, temporal

ANSWERS = {
    **slices.ANSWERS,
    **perceptual.ANSWERS,
    **flow.ANSWERS,
    **teachers.ANSWERS,
    **temporal.ANSWERS,
}
