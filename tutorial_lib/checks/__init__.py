"""Checks of what a reader writes in the notebooks: right, or one sentence on what is wrong and where to look.

Each is called with the reader's function, as in `checks.gram(gram)`.
"""

from tutorial_lib.checks.low_rank import nuclear_norm, rank_loss, traceable_matrix
from tutorial_lib.checks.perceptual import gram, tap_style_loss, tv_loss
from tutorial_lib.checks.residual import agreement, residual_loss, residual_target

__all__ = [
    "agreement",
    "gram",
    "nuclear_norm",
    "rank_loss",
    "residual_loss",
    "residual_target",
    "tap_style_loss",
    "traceable_matrix",
    "tv_loss",
]
