"""Checks of what a reader writes in the notebooks: right, or one sentence on what is wrong and where to look.

Each is called with the reader's function, as in `checks.gram(gram)`.
"""

from tutorial_lib.checks.evaluation import multiply_adds, stability_error, steadier
from tutorial_lib.checks.perceptual import gram, tap_style_loss, tv_loss
from tutorial_lib.checks.total import gradient_share, one_step, total_by_hand

__all__ = [   # noqa: RUF022 - a line a module
    "multiply_adds", "stability_error", "steadier",
    "gram", "tap_style_loss", "tv_loss",
    "gradient_share", "one_step", "total_by_hand",
]
