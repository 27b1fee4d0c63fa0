"""The diagrams of notebooks 2 and 3."""

import matplotlib.pyplot as plt
import pytest
import torch

from tutorial_lib.flow.warp import warp
from tutorial_lib.show.diagrams.look_up import look_up, weights
from tutorial_lib.show.diagrams.rolling import roll_out
from tutorial_lib.show.diagrams.two_teachers import two_teachers


def test_the_weights_of_the_look_up_are_those_of_warp(noise):
    image = noise(1, 1, 5, 5)
    flow = torch.tensor([-1.8, 0.5])[None, :, None, None].expand(1, 2, 5, 5)
    found = weights((3 - 1.8, 2 + 0.5))
    assert sum(found.values()) == pytest.approx(1)
    by_hand = sum(weight * image[0, 0, y, x] for (x, y), weight in found.items())
    assert torch.allclose(warp(image, flow)[0, 0, 2, 3], by_hand, atol=1e-5)


@pytest.mark.parametrize("draw", [lambda: look_up((3, 2), (-1.8, 0.5)), roll_out, two_teachers])
def test_a_diagram_keeps_its_text_inside(draw):
    figure = draw()
    figure.canvas.draw()
    sheet = figure.bbox
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert sheet.contains(box.x0, box.y0) and sheet.contains(box.x1, box.y1), text.get_text()
        assert not text.get_text() or text.get_fontsize() >= 11
    plt.close(figure)
