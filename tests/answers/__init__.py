"""For every check: wrong answers, each with a piece of what it is told, and right ones, written differently."""

from answers import low_rank, perceptual, residual

ANSWERS = {
    **perceptual.ANSWERS,
    **residual.ANSWERS,
    **low_rank.ANSWERS,
}
