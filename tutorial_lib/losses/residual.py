"""Eq. 2-5: learning from a teacher, and learning from what flow changes in a teacher."""

import torch


def vanilla_distillation_loss(teacher_with_flow: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
    """Eq. 2: the student copies the teacher's pictures. Mean squared difference, any equal shapes."""
    return (teacher_with_flow - student).square().mean()


def residual_target(
    teacher_with_flow: torch.Tensor, teacher_plain: torch.Tensor, student_plain: torch.Tensor
) -> torch.Tensor:
    """The picture at which Eq. 5 is zero: the plain student's, plus what flow changes in the teacher.

    It depends on frozen networks only, so one picture a frame is all that a training has to remember.
    """
    return student_plain + (teacher_with_flow - teacher_plain)


def residual_distillation_loss(
    teacher_with_flow: torch.Tensor,
    teacher_plain: torch.Tensor,
    student: torch.Tensor,
    student_plain: torch.Tensor,
) -> torch.Tensor:
    """Eq. 5: the student's change over the plain student follows the teacher's change over the plain teacher.

    All of one shape, (N, 3, H, W). Returns the mean over all elements.
    Source: Eq. 3 (the teachers' difference), Eq. 4 (the students'), Eq. 5 (their distance).
    """
    delta_teacher = teacher_with_flow - teacher_plain    # Eq. 3
    delta_student = student - student_plain              # Eq. 4
    return (delta_teacher - delta_student).square().mean()
