"""Other ways to learn from a teacher's features: what space-time distillation has to be better than."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from tutorial_lib.losses.space_time import attention_map


def attention_transfer(student: Sequence[torch.Tensor], teacher: Sequence[torch.Tensor]) -> torch.Tensor:
    """The normalised attention maps of several layers are to agree: the sum of their mean squared differences.

    Each layer is (B, K, C, H, W), or already a map (B, K, 1, H, W) as `attention_map` gives it, normalised.
    Source: Zagoruyko and Komodakis 2017.
    """
    return sum(F.mse_loss(_normalised(one), _normalised(other)) for one, other in zip(student, teacher, strict=True))


def _normalised(layer: torch.Tensor) -> torch.Tensor:
    return layer if layer.shape[-3] == 1 else attention_map(layer, normalised=True)


def hint_loss(student: torch.Tensor, teacher: torch.Tensor, regressor: torch.nn.Module) -> torch.Tensor:
    """The student's features, through a regressor that learns with them, are to be the teacher's.

    student: (B, K, W, H, W), teacher: (B, K, W', H, W). regressor: (N, W, H, W) -> (N, W', H, W). Returns the mean
    squared difference.
    Source: FitNets (Romero et al. 2015).
    """
    return F.mse_loss(regressor(student.flatten(0, 1)).float(), teacher.flatten(0, 1))
