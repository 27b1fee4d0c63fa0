import numpy as np
import torch

from tutorial_lib.losses.temporal import temporal_loss


def test_zero_for_a_picture_that_only_moves(noise):
    previous = noise(1, 3, 12, 16)
    flow = torch.zeros(1, 2, 12, 16)
    flow[:, 0] = 2
    mask = torch.ones(1, 1, 12, 16)
    mask[..., -2:] = 0
    assert temporal_loss(previous.roll(-2, -1), previous, flow, mask) < 1e-10
    assert temporal_loss(previous, previous, flow, mask) > 0.01


def test_the_mean_is_over_all_elements_masked_ones_included(noise):
    current, previous = noise(2, 3, 10, 10), noise(2, 3, 10, 10)
    mask = (noise(2, 1, 10, 10) > 0.5).float()
    expected = np.mean((mask.numpy() * (current - previous).numpy()) ** 2)
    loss = temporal_loss(current, previous, torch.zeros(2, 2, 10, 10), mask)
    assert abs(loss.item() - expected) < 1e-6
