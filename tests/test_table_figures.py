import matplotlib.pyplot as plt
import pytest
from records import record

from tutorial_lib import tables
from tutorial_lib.papers.ofd.tables import BUILDERS, SCREEN, builders_for
from tutorial_lib.show import table_figures
from tutorial_lib.show.figures import colour


@pytest.fixture(scope="module")
def made():
    e_stab = {"teacher-flow": 0.3, "student-scratch": 0.5, "student-ours": 0.4, "student-temp": 0.45,
              "student-ours-temp": 0.38, "res": 0.42, "rank": 0.48, "ours-k3": 0.41, "ours-k4": 0.4,
              "vanilla-alone": 0.3, "res-alone": 0.35, "ours-x3": 0.3, "scratch-x2": 0.6, "ours-excess": 0.39,
              "grey": 1e-6}
    found = [record(name, value, style=0.2 / (value + 0.1)) for name, value in e_stab.items()]
    found += [record(name, e_stab[name] * 1.1, seed=1) for name in ("student-scratch", "student-ours")]
    on_screen = [record(name, 0.4, style=0.3) for name in ("pocket-scratch", "pocket-ours", "student-ours")]
    return {**tables.build(BUILDERS, found), **tables.build(builders_for(SCREEN), on_screen, SCREEN)}


def test_every_table_has_a_figure(made):
    assert {name.removesuffix(SCREEN) for name in made} == set(table_figures.FIGURES) - {"real"}


def test_a_drawing_is_the_same_every_time(made, tmp_path):
    for name, table in made.items():
        drawn = []
        for copy in ("a", "b"):
            table_figures.draw(table, tmp_path / f"{name}-{copy}.png")
            drawn.append((tmp_path / f"{name}-{copy}.png").read_bytes())
        assert drawn[0] == drawn[1] and len(drawn[0]) > 5000, name
    assert plt.get_fignums() == []


def test_bars_are_the_tables_numbers_in_the_roles_colours(made):
    left, right = table_figures.table1(made["table1"]).axes
    names = [label.get_text() for label in left.get_yticklabels()]
    bars = dict(zip(names, left.patches, strict=True))
    assert bars["student-ours"].get_width() == pytest.approx(0.4)
    assert bars["student-ours"].get_facecolor() == pytest.approx(plt.matplotlib.colors.to_rgba(colour("student-ours")))
    assert "grey" not in names
    assert right.get_xlabel().startswith("style loss by the judge")
    plt.close("all")


def test_a_curve_goes_through_its_points(made):
    axis = table_figures.frontier(made["frontier"]).axes[0]
    curve = next(line for line in axis.lines if line.get_label() == "ours")
    assert [tuple(point) for point in curve.get_xydata()] == [
        pytest.approx((4.0, 0.4)), pytest.approx((5.0, 0.3))]
    plt.close("all")


def test_the_ends_of_the_curves_are_named_apart_and_the_axis_says_that_it_is_logarithmic(made):
    axis = table_figures.frontier(made["frontier"]).axes[0]
    assert axis.get_yscale() == "log" and axis.get_ylabel().endswith("(log scale)")
    assert sorted(text.get_text() for text in axis.texts) == ["×2", "×3"]      # 1 is the large point
    (first, second) = (text.get_window_extent() for text in axis.texts)
    assert not first.overlaps(second)
    assert {text.get_color() for text in axis.texts} == {colour("student-scratch"), colour("student-ours")}
    plt.close("all")


def test_table3_draws_shares_of_the_first(made):
    axis = table_figures.table3(made["table3"]).axes[0]
    assert list(axis.lines[0].get_ydata()) == pytest.approx([1, 0.4 / 0.41, 0.4 / 0.41])
    plt.close("all")


def test_axes_have_the_inches_that_they_are_given():
    figure, axes = table_figures.grid(2, 3, 4.0, 1.5)
    assert tuple(figure.get_size_inches()) == (12.0, 3.0) and [len(line) for line in axes] == [3, 3]
    plt.close("all")


def test_what_is_written_at_a_bar_stands_beside_its_end(made):
    figure = table_figures.table1(made["table1"])
    figure.draw_without_rendering()
    for axis in figure.axes:
        ends = {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in axis.patches}
        assert axis.texts
        for text in axis.texts:
            box, (_, place) = text.get_window_extent(), text.xy
            x, y = axis.transData.transform((ends[place], place))
            assert 0 < box.x0 - x < 20 and box.y0 < y < box.y1, text
    plt.close("all")


def test_only_the_axis_at_the_left_names_its_rows_and_every_axis_says_what_it_measures(made):
    for name in ("extras", "pockets-screen", "table1", "seeds"):
        first, *others = table_figures.FIGURES[name.removesuffix(SCREEN)](made[name]).axes
        assert all(label.get_text() for label in first.get_yticklabels()) and first.get_yticklabels()
        assert not any(label.get_text() for axis in others for label in axis.get_yticklabels())
        assert first.get_xlabel().startswith("e_stab")
        plt.close("all")
