"""The paper's Fig. 1, drawn by code."""

import matplotlib.pyplot as plt
import pytest

from tutorial_lib.papers import ROLES
from tutorial_lib.show.diagrams import course

PHONE = 390     # pixels


def test_the_diagram_names_the_four_networks_and_is_legible_on_a_phone():
    figure = course.course()
    figure.canvas.draw()
    texts = figure.axes[0].texts
    said = " ".join(text.get_text() for text in texts)
    for role in ("teacher-flow", "teacher-plain", "student-plain", "student-ours"):
        name = ROLES[role].label.partition(",")[0]
        assert name in said and name in course.ALT
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
    smallest = min(text.get_fontsize() for text in texts if text.get_text())
    assert smallest / 72 * PHONE / figure.get_figwidth() >= 11       # pixels, on a page of that width
    plt.close(figure)


def test_only_ours_is_kept():
    axis = course.course().axes[0]
    thick = [patch for patch in axis.patches if patch.get_linewidth() > 3]
    assert [patch.get_edgecolor() for patch in thick] == [plt.matplotlib.colors.to_rgba(ROLES["student-ours"].colour)]
    plt.close("all")


def test_the_two_columns_stand_evenly_on_the_sheet():
    axis = course.course().axes[0]
    boxes = [patch.get_bbox() for patch in axis.patches if isinstance(patch, plt.matplotlib.patches.FancyBboxPatch)]
    width = axis.get_xlim()[1]
    assert min(box.x0 for box in boxes) == pytest.approx(width - max(box.x1 for box in boxes))
    assert all(box.y0 >= 0 and box.y1 <= axis.get_ylim()[1] for box in boxes)
    plt.close("all")


def test_every_arrow_leads_from_one_box_to_another():
    axis = course.course().axes[0]
    arrows = [text for text in axis.texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == 7 and all(max(abs(a - b) for a, b in zip(arrow.xy, arrow.xyann, strict=True)) > 0.3
                                    for arrow in arrows)
    plt.close("all")


def test_one_arrow_has_two_heads():
    styles = [type(text.arrow_patch.get_arrowstyle()).__name__ for text in course.course().axes[0].texts
              if getattr(text, "arrow_patch", None)]
    assert styles.count("CurveFilledAB") == 1 and set(styles) == {"CurveFilledAB", "CurveFilledB"}
    plt.close("all")
