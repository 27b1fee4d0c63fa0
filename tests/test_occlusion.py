import torch

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


def test_erode_is_a_minimum_filter():
    mask = torch.ones(1, 1, 20, 20)
    mask[..., 10, 10] = 0
    eroded = erode(mask)
    assert eroded.sum() == 400 - 49
    assert eroded[..., 7:14, 7:14].sum() == 0
