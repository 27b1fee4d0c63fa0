"""What a network is worth: Eq. 14, what must stand beside it, and the films that it is measured on."""

from tutorial_lib.evaluation.films import test_scenes
from tutorial_lib.evaluation.measures import agreement, e_stab, e_stab_forward, instability, sharpness
from tutorial_lib.evaluation.report import format_table
from tutorial_lib.evaluation.scores import Score, as_row, evaluate, judge_of, score, total, verdict

__all__ = ["Score", "agreement", "as_row", "e_stab", "e_stab_forward", "evaluate", "format_table", "instability",
           "judge_of", "score", "sharpness", "test_scenes", "total", "verdict"]
