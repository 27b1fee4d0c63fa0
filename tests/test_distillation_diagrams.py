"""The diagrams of notebooks 5 and 6."""

import matplotlib.pyplot as plt
import pytest
import torch

from tutorial_lib.losses.low_rank import traceable_matrix
from tutorial_lib.papers import ROLES
from tutorial_lib.show.diagrams import algorithm, matrix, residual

PHONE = 390      # pixels of a page


@pytest.mark.parametrize("diagram", [matrix, residual], ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_diagram_is_legible_on_a_phone_and_told_in_words(diagram):
    figure = diagram.draw()
    figure.draw_without_rendering()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    box = figure.get_tightbbox()
    shrunk = min(1, PHONE / (100 * box.width))
    assert all(shrunk * text.get_fontsize() * 100 / 72 >= 11 for text in texts)      # pixels
    assert len(diagram.ALT.split()) > 30
    plt.close(figure)


def test_the_matrix_of_the_diagram_is_that_of_the_course():
    frames, flows, masks = matrix.clip()
    rows = traceable_matrix(frames, flows, masks)
    assert rows.round().tolist() == [[2, 3, 0, 7, 8, 0], [2, 3, 4, 7, 8, 9], [0, 3, 4, 0, 8, 9]]
    assert torch.equal(frames[1, 0], torch.tensor([[2.0, 3, 4], [7, 8, 9]]))
    figure = matrix.draw()
    written = [text.get_text() for text in figure.axes[0].texts if text.get_text().isdigit()]
    assert len(written) == 18 + 14 + 14        # every pixel that is not black: frames, aligned frames, rows
    plt.close(figure)


def test_the_frozen_three_are_dashed_and_every_box_has_its_role_s_colour():
    axis = residual.draw().axes[0]
    roles = {"$T_0$": "teacher-plain", "$T$": "teacher-flow", "$S_0$": "student-plain", "$S$": "student-ours"}
    boxes = [patch for patch in axis.patches if isinstance(patch, plt.matplotlib.patches.FancyBboxPatch)]
    found = {}
    for box in boxes:
        x, y = (box.get_bbox().x0 + box.get_bbox().x1) / 2, (box.get_bbox().y0 + box.get_bbox().y1) / 2
        (text,) = [text.get_text() for text in axis.texts if text.get_position() == pytest.approx((x, y))]
        found[text.split()[0]] = box
    assert found.keys() == roles.keys()
    for name, box in found.items():
        assert box.get_edgecolor() == plt.matplotlib.colors.to_rgba(ROLES[roles[name]].colour)
        assert (box.get_linestyle(), box.get_linewidth()) == (("-", 4) if name == "$S$" else ("--", 2.5)), name
    assert min(box.get_bbox().x0 for box in boxes) == pytest.approx(
        axis.get_xlim()[1] - max(box.get_bbox().x1 for box in boxes))
    plt.close("all")


def test_the_algorithm_says_what_each_term_is_of():
    texts = [text.get_text() for text in algorithm.draw().axes[0].texts]
    assert [text.split("\n")[1] for text in texts if "\n" in text and text.startswith("$L")] == [
        "frames", "frames", "pairs", "clip"]
    plt.close("all")
