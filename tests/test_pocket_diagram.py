"""The diagram of the pocket student: what it says of the layers is what the layers do."""

import re

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.papers import ROLES
from tutorial_lib.show.diagrams import pocket

PHONE = 390      # pixels of a page


@pytest.fixture
def drawn():
    figure = pocket.draw(Pocket(8, 2))
    figure.canvas.draw()
    yield figure
    plt.close(figure)


def test_it_is_legible_on_a_phone_and_told_in_words(drawn):
    texts = [text for text in drawn.axes[0].texts if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    assert all(drawn.bbox.x0 <= box.x0 and box.x1 <= drawn.bbox.x1 for box in boxes)
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
    assert min(text.get_fontsize() for text in texts) / 72 * PHONE / drawn.get_figwidth() >= 11      # pixels
    assert len(pocket.ALT.split()) > 30 and "48" in pocket.ALT


def test_the_maps_have_the_sizes_that_it_says(drawn):
    network, seen = Pocket(8, 2), []
    for part in (network.first, network.blocks, network.up, network.last, network.out):
        part.register_forward_hook(lambda part, _, out: seen.append((out.shape[1], out.shape[3] / 64)))
    painted = network(torch.rand(1, 3, 32, 64))
    said = [(maps, side) for _, maps, side, _ in pocket.rows(network)]
    assert said == [(3, 1.0), (48, 0.25), *seen, (painted.shape[1], painted.shape[3] / 64)]
    with_weights = [part for part in network.children() if not isinstance(part, nn.Upsample)]
    assert sum(learns for *_, learns in pocket.rows(network)) == len(with_weights)
    written = [text.get_text() for text in drawn.axes[0].texts]
    assert [int(re.search(r": (\d+)$", text)[1]) for text in written if ": " in text] == [maps for maps, _ in said]


def test_bars_are_as_wide_as_the_maps_and_in_the_colour_of_ours(drawn):
    bars = [patch for patch in drawn.axes[0].patches if isinstance(patch, plt.Rectangle)]
    sides = [side for *_, side, _ in pocket.rows(Pocket(8, 2))]
    assert [bar.get_width() for bar in bars] == pytest.approx([pocket.FULL * side for side in sides])
    assert {bar.get_edgecolor() for bar in bars} == {plt.matplotlib.colors.to_rgba(ROLES["student-ours"].colour)}
