import base64
import re

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_rgb
from nbformat.v4 import new_code_cell, new_notebook, new_output
from pages import pictures

from tutorial_lib.evaluation import Score
from tutorial_lib.papers import ROLES
from tutorial_lib.show import figures


def test_every_role_has_its_colour():
    for name, role in ROLES.items():
        assert figures.colour(name) == figures.colour(f"mosaic-{name}") == role.colour
    assert figures.colour("input") == figures.INK
    known = {figures.INK, *(role.colour for role in ROLES.values())}
    assert figures.colour("something else") == figures.colour("mosaic") not in known


def test_words_in_the_colour_of_a_role_can_be_read():
    assert figures.contrast(torch.zeros(3)) == pytest.approx(21)
    assert figures.contrast(torch.full((3,), 0x76 / 255)) == pytest.approx(4.54, abs=0.01)     # the known limit of grey
    inks = {role.colour: figures.ink(name) for name, role in ROLES.items()}
    assert all(figures.contrast(torch.tensor(to_rgb(shade))) >= 4.5 for shade in inks.values())
    assert len(set(inks.values())) == len(inks)                            # still one for each colour
    assert figures.ink("teacher-flow") == figures.colour("teacher-flow").lower()      # dark enough as it is


def test_a_title_is_written_in_its_role_s_ink():
    axis = figures.images({"student-scratch": torch.zeros(3, 4, 4)}).axes[0]
    assert axis.title.get_color() == figures.ink("student-scratch") != figures.colour("student-scratch")
    plt.close("all")


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: objects, and bundles that are displayed as they are."""
    seen = []
    monkeypatch.setattr(figures, "display", lambda data, raw=False: seen.append(data))
    return seen


def on_a_page(bundle):
    """The one <img> of a notebook that has this output, and the bytes of its picture."""
    cell = new_code_cell(outputs=[new_output("display_data", data=bundle)])
    (picture,) = pictures(new_notebook(cells=[cell]))
    kind, data = re.fullmatch("data:image/(png|jpeg);base64,(.*)", picture["src"]).groups()
    return picture, kind, base64.b64decode(data)


def test_show_gives_a_png_with_alt_text_and_a_caption(noise, shown):
    figures.show(figures.images({"input": noise(1, 3, 8, 8)}), "Look at the corner.", alt="a square of noise")
    picture, kind, data = on_a_page(shown[0])
    assert kind == "png" and data.startswith(b"\x89PNG")
    assert picture["alt"] == shown[0]["text/plain"] == "a square of noise"
    assert shown[1].data == "*Look at the corner.*"
    assert plt.get_fignums() == []


def test_a_heavy_picture_is_shown_as_jpeg_with_its_alt_text(noise, shown):
    figures.show(figures.images({"input": noise(1, 3, 300, 300)}, height=4), "Noise.", alt="much noise")
    picture, kind, data = on_a_page(shown[0])
    assert kind == "jpeg" and data.startswith(b"\xff\xd8")
    assert picture["alt"] == "much noise"


def test_an_alt_text_reaches_the_page_letter_by_letter(shown):
    alt = """a "quoted" <b>word</b>, the painter's & a line
end"""
    figures.show_picture(b"\x89PNG", alt, width=760)
    picture, *_ = on_a_page(shown[0])
    assert picture["alt"] == alt and picture["width"] == "760"


def test_flow_colours_tell_directions_and_speeds_apart():
    flow = torch.zeros(1, 2, 1, 4)
    flow[0, :, 0] = torch.tensor([[3.0, -3, 0, 1.5], [0, 0, 0, 0]])
    right, left, still, slow = figures.flow_picture(flow)[0, :, 0].T
    assert (right - left).abs().max() > 0.5
    assert torch.allclose(still, torch.ones(3))
    assert slow.min() == pytest.approx((1 + right.min().item()) / 2, abs=0.01)


def test_a_time_slice_stacks_one_row(noise):
    frames = noise(5, 3, 10, 12)
    picture = figures.time_slice(frames, row=7, repeat=2)
    assert picture.shape == (1, 3, 10, 12)
    assert torch.equal(picture[0, :, 6], frames[3, :, 7])


def test_an_error_map_is_dark_where_frames_agree(noise):
    frames = noise(1, 3, 10, 12).repeat(2, 1, 1, 1)
    frames[1, :, 2:4, 2:4] += 0.5
    error = figures.error_map(frames, torch.zeros(1, 2, 10, 12), torch.ones(1, 1, 10, 12))
    assert error[0, 2:4, 2:4].min() == pytest.approx(0.5, abs=1e-4)
    assert error.sum() == pytest.approx(2.0, abs=1e-3)


def test_the_other_figures_draw_what_they_are_given():
    history = [{"style": 2.0 - i / 10, "total": 3.0 - i / 10} for i in range(12)]
    assert [axis.get_title() for axis in figures.losses(history).axes] == ["style", "total"]
    history[3]["temporal"] = history[7]["temporal"] = 0.5       # a term that only some steps have
    drawn = figures.losses(history).axes[2].lines[0]
    assert list(drawn.get_xdata()) == [3, 7]
    wide = [figures.losses([dict.fromkeys("abcde"[:terms], 1.0)]) for terms in (1, 2, 3, 4, 5)]
    assert [len(figure.axes) for figure in wide] == [1, 2, 3, 4, 5]
    assert max(figure.get_figwidth() for figure in wide) <= 6       # inches; a phone has room for less
    bars = figures.bars({"student-ours": 0.1, "student-scratch": 0.2}, "e_stab", floor=0.02)
    assert [round(patch.get_width(), 3) for patch in bars.axes[0].patches] == [0.2, 0.1]
    (line,) = bars.axes[0].lines
    assert list(line.get_xdata()) == [0.02, 0.02] and "input" in bars.axes[0].texts[0].get_text()
    assert not figures.bars({"student-ours": 0.1}, "e_stab").axes[0].lines       # no floor, no line
    scores = {name: Score(name, "sum", e, 0.1, 1, 0.2, 0.1, 0.02) for name, e in (("a", 0.3), ("b", 0.4))}
    drawn = figures.tradeoff(scores, control="b").axes[0].texts
    assert [re.sub(r"\s", "", text.get_text()) for text in drawn] == ["a", "b"]
    plt.close("all")


def test_names_of_near_points_cover_neither_each_other_nor_the_border():
    places = [(0.24, 0.39), (0.28, 0.385), (0.29, 0.382), (0.31, 0.41), (0.34, 0.38), (0.27, 0.59)]
    names = [f"student-of-a-long-name-{n}" for n in range(len(places))]
    scores = {name: Score(name, "sum", e, style, 1, 0.2, 0.1, 0.02)
              for name, (style, e) in zip(names, places, strict=True)}
    figure = figures.tradeoff(scores)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    plt.close("all")


def test_maps_share_a_scale_only_when_it_is_given():
    maps = {"low": torch.full((1, 4, 4), 0.5), "high": torch.linspace(0, 2, 16).reshape(1, 4, 4)}
    own, shared = figures.images(maps), figures.images(maps, largest=2.0)
    assert own.axes[0].images[0].get_clim() == (0.5, 0.5)
    assert [axis.images[0].get_clim() for axis in shared.axes] == [(0, 2), (0, 2)]
    plt.close("all")


def test_spectra_keep_the_order_and_the_colours_of_the_roles():
    values = {"input": torch.tensor([9.0, 1.0, 0.0]), "student-ours": torch.tensor([8.0, 2.0, 1.0])}
    first, second = figures.spectra(values).axes[0].lines
    assert (first.get_color(), second.get_color()) == (figures.INK, figures.colour("student-ours"))
    assert list(second.get_ydata()) == [8.0, 2.0, 1.0]
    assert min(first.get_ydata()) > 0      # a logarithm has no place for zero
    plt.close("all")


def test_a_path_through_the_tradeoff_joins_its_points_in_order():
    scores = {name: Score(name, "sum", e, style, 1, 0.2, 0.1, 0.02) for name, e, style in
              (("0", 0.3, 0.1), ("30", 0.2, 0.4), ("ours", 0.25, 0.2))}
    axis = figures.tradeoff(scores, path=["30", "0"], label="e_stab").axes[0]
    assert axis.lines[0].get_xydata().tolist() == [[0.4, 0.2], [0.1, 0.3]]
    assert axis.get_ylabel() == "e_stab"
    plt.close("all")


def test_a_size_is_a_column_from_its_control_to_ours():
    rows = [{"size": f"pocket-{name}", "film": {"frames_per_second": rate}, "scratch": {"e_stab": high},
             "ours": {"e_stab": low}} for name, rate, high, low in (("32x4", 30.0, 0.6, 0.4), ("64x4", 16.0, 0.5, 0.3))]
    axis = figures.sizes(rows).axes[0]
    points = {(*dots.get_offsets()[0], tuple(dots.get_facecolor()[0][:3])) for dots in axis.collections}
    orange, green = (to_rgb(figures.colour(name)) for name in ("student-scratch", "student-ours"))
    assert points == {(30.0, 0.6, orange), (30.0, 0.4, green), (16.0, 0.5, orange), (16.0, 0.3, green)}
    assert len({dots.get_sizes()[0] for dots in axis.collections}) == 1
    assert [text.get_text() for text in axis.texts] == ["32x4", "64x4"]
    assert axis.lines[-1].get_xdata() == [25, 25]
    plt.close("all")
