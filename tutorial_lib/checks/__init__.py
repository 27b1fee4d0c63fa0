"""Checks of what a reader writes in the notebooks: right, or one sentence on what is wrong and where to look.

Each is called with the reader's function, as in `checks.gram(gram)`.
"""

from tutorial_lib.checks.evaluation import multiply_adds, stability_error, steadier
from tutorial_lib.checks.flow import end_point_error, there_and_back, warp
from tutorial_lib.checks.low_rank import nuclear_norm, rank_loss, traceable_matrix
from tutorial_lib.checks.perceptual import gram, tap_style_loss, tv_loss
from tutorial_lib.checks.residual import agreement, residual_loss, residual_target
from tutorial_lib.checks.slices import time_slice
from tutorial_lib.checks.speed import fair_times, psnr, unshuffle
from tutorial_lib.checks.super_resolution import attention_map, blur_and_keep, lstm_step
from tutorial_lib.checks.teachers import loss_of_a_pair, roll_out, strided_edges
from tutorial_lib.checks.temporal import cost, temporal_loss, vanilla_distillation_loss
from tutorial_lib.checks.total import gradient_share, one_step, total_by_hand

__all__ = [  # noqa: RUF022 - by notebook
    "time_slice",
    "gram", "tap_style_loss", "tv_loss",
    "warp", "end_point_error", "there_and_back",
    "strided_edges", "roll_out", "loss_of_a_pair",
    "cost", "temporal_loss", "vanilla_distillation_loss",
    "residual_loss", "residual_target", "agreement",
    "traceable_matrix", "nuclear_norm", "rank_loss",
    "total_by_hand", "one_step", "gradient_share",
    "stability_error", "steadier", "multiply_adds",
    "blur_and_keep", "attention_map", "lstm_step",
    "unshuffle", "fair_times", "psnr",
]
