import pytest
import torch

from tutorial_lib.losses.residual import residual_distillation_loss, residual_target, vanilla_distillation_loss


def test_zero_where_theory_says_zero(noise):
    teacher, plain, student_plain = noise(3, 2, 3, 8, 8).unbind()
    assert vanilla_distillation_loss(teacher, teacher) == 0
    target = residual_target(teacher, plain, student_plain)
    assert residual_distillation_loss(teacher, plain, target, student_plain).item() == pytest.approx(0, abs=1e-12)
    # where flow changes nothing, staying the plain student is right
    assert residual_distillation_loss(plain, plain, student_plain, student_plain) == 0


def test_both_forms_are_one_loss(noise):
    teacher, plain, student, student_plain = noise(4, 2, 3, 8, 8).unbind()
    by_target = vanilla_distillation_loss(residual_target(teacher, plain, student_plain), student)
    loss = residual_distillation_loss(teacher, plain, student, student_plain)
    assert torch.allclose(loss, by_target)
    assert loss > 0.01
    # the sign matters: teacher and plain teacher exchanged is another loss
    assert not torch.allclose(loss, residual_distillation_loss(plain, teacher, student, student_plain), rtol=1e-2)
