import numpy as np
import torch
from scipy.ndimage import map_coordinates

from tutorial_lib.flow.occlusion import erode, traceable_mask


def square_moving_right(shift: int = 6):
    """A 10 x 10 square moves right over a still background: flow there, flow back, and what it uncovers or covers."""
    there, back = torch.zeros(1, 2, 40, 60), torch.zeros(1, 2, 40, 60)
    there[:, 0, 15:25, 20:30] = shift
    back[:, 0, 15:25, 20 + shift:30 + shift] = -shift
    return there, back


def test_what_is_covered_cannot_be_traced_and_the_rest_can():
    there, back = square_moving_right()
    mask = traceable_mask(there, back)
    assert mask[0, 0, 18:22, 30:35].sum() == 0          # background that the square will cover
    assert mask[0, 0, 18:22, 22:27].min() == 1          # the inside of the square
    assert mask[0, 0, :10].min() == 1                   # background far away


def test_motion_boundaries_and_what_leaves_the_picture_are_untraceable():
    there, back = square_moving_right()
    assert traceable_mask(there, back)[0, 0, 15:25, 19].max() == 0     # the left edge: flow jumps from 0 to 6
    shift = torch.zeros(1, 2, 10, 20)
    shift[:, 0] = 4
    mask = traceable_mask(shift, -shift)
    assert mask[..., -4:].max() == 0
    assert mask[..., :-4].min() == 1


def test_the_constants_are_those_of_the_notes():
    small = torch.zeros(1, 2, 5, 5)
    almost, over = small.clone(), small.clone()
    almost[:, 0] = 0.70                                  # .49 < .01 * .49 + .5
    over[:, 0] = 0.72                                    # .518 > .01 * .518 + .5
    assert traceable_mask(small, almost)[0, 0, 2, 2] == 1
    assert traceable_mask(small, over)[0, 0, 2, 2] == 0


def reasons_in_numpy(flow, back):
    """(left, occluded, boundary) of one pair of flows (2, H, W), pixel by pixel from the three rules."""
    _, height, width = flow.shape
    ys, xs = np.mgrid[:height, :width]
    xs, ys = xs + flow[0], ys + flow[1]
    there = np.stack([map_coordinates(part, [ys, xs], order=1, mode="nearest") for part in back])
    found = np.zeros((3, height, width), bool)
    for y in range(height):
        for x in range(width):
            u, v = flow[:, y, x], there[:, y, x]
            steps = [flow[:, y, x + 1] - u] if x + 1 < width else []
            steps += [flow[:, y + 1, x] - u] if y + 1 < height else []
            found[:, y, x] = (not (0 <= xs[y, x] <= width - 1 and 0 <= ys[y, x] <= height - 1),
                              ((u + v) ** 2).sum() >= 0.01 * ((u ** 2).sum() + (v ** 2).sum()) + 0.5,
                              sum((step ** 2).sum() for step in steps) > 0.01 * (u ** 2).sum() + 0.002)
    return found


def test_the_mask_of_several_pairs_agrees_with_numpy(noise):
    """Flows of every length, changing by so much that each rule holds here and not there."""
    flow = torch.tensor([1.3, -0.7, -4.0, 6.0]).reshape(2, 2, 1, 1) * (0.2 + noise(2, 1, 1, 17)) ** 0.25
    flow = flow + 0.08 * noise(2, 2, 14, 17)
    back = -flow + 1.4 * noise(2, 2, 14, 17) - 0.4
    reasons = np.stack([reasons_in_numpy(*pair) for pair in zip(flow.double().numpy(), back.double().numpy(),
                                                                strict=True)])
    assert reasons.mean((0, 2, 3)).min() > 0.05 and reasons.mean((0, 2, 3)).max() < 0.7
    mask = traceable_mask(flow, back)
    assert np.array_equal(mask[:, 0].numpy(), 1.0 - reasons.any(1)) and mask.dtype == flow.dtype


def test_erode_is_a_minimum_filter():
    mask = torch.ones(1, 1, 20, 20)
    mask[..., 10, 10] = 0
    eroded = erode(mask)
    assert eroded.sum() == 400 - 49
    assert eroded[..., 7:14, 7:14].sum() == 0
