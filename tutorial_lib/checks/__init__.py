"""Checks of what a reader writes in the notebooks: right, or one sentence on what is wrong and where to look.

Each is called with the reader's function, as in `checks.gram(gram)`.
"""

from tutorial_lib.checks.flow import end_point_error, there_and_back, warp
from tutorial_lib.checks.perceptual import gram, tap_style_loss, tv_loss
from tutorial_lib.checks.teachers import loss_of_a_pair, roll_out, strided_edges

__all__ = [
    "end_point_error",
    "gram",
    "loss_of_a_pair",
    "roll_out",
    "strided_edges",
    "tap_style_loss",
    "there_and_back",
    "tv_loss",
    "warp",
]
