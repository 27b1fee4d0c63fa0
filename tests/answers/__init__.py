"""For every check: wrong answers, each with a piece of what it is told, and right ones, written differently."""

from answers import flow, perceptual, teachers

ANSWERS = {
    **flow.ANSWERS,
    **perceptual.ANSWERS,
    **teachers.ANSWERS,
}
