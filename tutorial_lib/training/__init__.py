"""Training: the loop, the stages that are losses for it, what the frozen networks say, and the balance of the terms."""

from tutorial_lib.training.balance import gradient_norms
from tutorial_lib.training.stages import distill, new_pocket, new_student, new_teacher, train_plain, train_teacher
from tutorial_lib.training.targets import FrozenTargets

__all__ = ["FrozenTargets", "distill", "gradient_norms", "new_pocket", "new_student", "new_teacher", "train_plain",
           "train_teacher"]
