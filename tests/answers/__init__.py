"""For every check: wrong answers, each with a piece of what it is told, and right ones, written differently."""

from answers import perceptual, slices, temporal

ANSWERS = {
    **slices.ANSWERS,
    **perceptual.ANSWERS,
    **temporal.ANSWERS,
}
