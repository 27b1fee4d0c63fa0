"""For every check: wrong answers, each with a piece of what it is told, and right ones, written differently."""

from answers import evaluation, perceptual, total

ANSWERS = {
    **evaluation.ANSWERS,
    **perceptual.ANSWERS,
    **total.ANSWERS,
}
