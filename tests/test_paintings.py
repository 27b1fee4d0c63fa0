"""What the painters promise of their pictures, seen in what they draw and in pictures of a few shapes."""

import numpy as np
import pytest

from tutorial_lib.data.paintings import brushes, candy, mosaic, waves

PALE = np.array([100.0, 100.0, 100.0], np.float32)


@pytest.fixture
def drawn(monkeypatch):
    """Every shape that `waves` fills or draws: (points, colour, width of the line or None)."""
    shapes = []
    monkeypatch.setattr(waves, "fill", lambda canvas, outline, colour: shapes.append((np.array(outline), colour, None)))
    monkeypatch.setattr(waves, "draw", lambda canvas, path, colour, width, closed=False: shapes.append(
        (np.array(path), colour, width)))
    return shapes


def blank():
    return np.zeros((64, 64, 3), np.uint8)


def test_values_outside_a_picture_are_those_of_its_edge():
    image = np.arange(16).reshape(4, 4)
    points = np.array([(-0.3, 0.4), (1.2, 0.4), (0.4, -0.3), (0.4, 1.2), (-1, -1), (0.99, 0.99)])
    assert brushes.sample(image, points).tolist() == [4, 7, 1, 13, 0, 15]


@pytest.mark.parametrize("turned", [False, True])
def test_the_distance_to_an_edge_is_counted_from_both_of_its_sides(turned):
    labels = np.repeat([[5, 5, 5, 9, 9, 9, 9, 9]], 8, 0)
    expected = np.repeat([[2, 1, 0, 0, 1, 2, 3, 4]], 8, 0) / 8
    distance = brushes.edge_distance(labels.T if turned else labels)
    assert (distance.T if turned else distance) == pytest.approx(expected, abs=0.01)


def test_a_line_on_a_map_of_labels_has_its_width():
    labels = np.zeros((100, 100), np.int32)
    brushes.draw_label(labels, np.array([(0.1, 0.5), (0.9, 0.5)]), 7, 0.1)
    assert set(np.unique(labels)) == {0, 7} and 9 <= (labels[:, 50] == 7).sum() <= 11


def test_mountains_rise_over_a_foot_as_wide_as_they_are(drawn):
    waves._mountains(blank(), np.random.default_rng(0), np.array)
    mountains = [points for points, _, width in drawn if width is None]
    assert len(mountains) == 3
    for points in mountains:
        ridge, foot = points[:-2], points[-2:]
        assert ridge[0, 1] == pytest.approx(ridge[-1, 1], abs=0.01) and foot[:, 1].min() > ridge[:, 1].max()
        assert foot[0, 0] == pytest.approx(ridge[-1, 0]) and foot[1, 0] == pytest.approx(ridge[0, 0])
        peak = ridge[ridge[:, 1].argmin()]
        assert peak[1] < ridge[0, 1] - 0.05 and peak[0] == pytest.approx(foot[:, 0].mean(), abs=0.02)


def test_the_crests_of_a_swell_are_its_length_apart_and_its_height_high(drawn, monkeypatch):
    monkeypatch.setattr(waves, "_foam", lambda *_: None)
    for level, height, length in ((0.56, 0.035, 0.16), (0.82, 0.06, 0.33)):
        drawn.clear()
        waves._swell(blank(), np.random.default_rng(1), level, height, length, 2)
        crest = drawn[0][0][:-2]
        assert crest[:, 1].min() == pytest.approx(level - height, abs=0.002)
        assert crest[:, 1].max() == pytest.approx(level + height, abs=0.002)
        tops = crest[1:-1][(crest[1:-1, 1] < crest[:-2, 1]) & (crest[1:-1, 1] <= crest[2:, 1])][:, 0]
        assert len(tops) >= 2 and np.diff(tops).mean() == pytest.approx(length, rel=0.3)


def test_the_stripes_of_the_breaker_divide_it_evenly_from_its_hollow_to_its_back(drawn, monkeypatch):
    monkeypatch.setattr(waves, "_foam", lambda *_: None)
    waves._breaker(blank(), None, np.array, (0.3, 0.79), 0.74, 0.7)
    outline = drawn[0][0]
    inner, outer = outline[:len(outline) // 2], outline[:len(outline) // 2 - 1:-1]
    lines = [points for points, _, width in drawn[2:] if width is not None][::2]
    for number, line in enumerate(lines):
        assert line == pytest.approx(inner + (outer - inner) * number / len(lines))


def test_foam_has_three_scallops_a_point_and_claws_on_its_path(drawn):
    path = np.stack([np.linspace(0.2, 0.8, 20), np.full(20, 0.5)], 1)
    waves._foam(blank(), np.random.default_rng(0), path, 0.02, np.array([-0.4, 0.6]))
    for tone in (waves.INK, waves.FOAM):
        sizes = [len(points) for points, colour, width in drawn if colour is tone and width is None]
        assert sizes.count(20) == 3 * len(path) and len(sizes) - sizes.count(20) == round(1.3 * len(path))
    claws = [points for points, colour, width in drawn if colour is waves.FOAM and len(points) != 20]
    assert all(np.abs(claw[:, 1] - 0.5).min() < 0.02 and 0.1 < claw[0, 0] < 0.9 for claw in claws)


def test_no_line_of_a_print_is_thick_and_every_colour_is_one(drawn):
    waves.waves(64, np.random.default_rng(0))
    assert len(drawn) > 500
    for points, colour, width in drawn:
        assert np.isfinite(points).all() and 0 <= np.min(colour) <= np.max(colour) <= 255
        assert width is None or 0 < width < 0.005


def test_the_marks_of_a_sweet_have_its_neighbours_colour_and_its_contour_is_black(monkeypatch):
    labels = np.ones((128, 128), np.int32)
    labels[:, 64:] = 2
    colours = np.array([(0, 0, 0), (200, 0, 0), (0, 0, 200)], np.float32)       # black, red and blue
    monkeypatch.setattr(candy, "_sweets", lambda size, rng: (labels, colours, np.array([0, 1, 1])))
    picture = candy.candy(128, np.random.default_rng(0))
    left, right = picture[8:-8, 8:48], picture[8:-8, 80:-8]
    assert np.abs(picture[8:-8, 8:-8, 1]).mean() < 20                           # nothing is green
    assert left[..., 0].max() > 150 and np.quantile(left[..., 0], 0.02) < 30 and left[..., 2].mean() < 20
    assert right[..., 2].max() > 150 and right[..., 0].max() > 150              # blue, dotted with red
    column = picture[8:-8].mean((0, 2))
    assert column[60:68].min() < 25 < 50 < min(column[20:40].mean(), column[90:110].mean())


def test_lollipops_stand_all_over_the_upper_part(monkeypatch):
    centres = []
    ellipse = candy.ellipse
    monkeypatch.setattr(candy, "ellipse", lambda centre, *args, **more: centres.append(centre) or ellipse(
        centre, *args, **more))
    for seed in range(3):
        candy._sweets(64, np.random.default_rng(seed))
    x, y = np.unique(np.array(centres), axis=0).T
    assert len(x) > 20 and x.min() < 0.2 and x.max() > 0.8 and y.min() < 0.2 and 0.5 < y.max() <= 0.7
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.6


def test_a_tile_that_is_set_askew_is_as_bright_as_one_that_is_not_on_the_whole(monkeypatch):
    across = np.arange(mosaic._LAYOUT) * 4 // mosaic._LAYOUT
    tiles = 1 + across + 4 * across[:, None]
    centres = np.array([(0, 0), *(((n % 4 + 0.5) / 4, (n // 4 + 0.5) / 4) for n in range(16))], np.float32)
    monkeypatch.setattr(mosaic, "_peacock", lambda size, rng: (None, None))
    monkeypatch.setattr(mosaic, "_lay", lambda *_: (tiles, np.tile(PALE, (17, 1)), centres))
    picture = mosaic.mosaic(128, np.random.default_rng(0)).mean(-1)
    for row in range(4):
        for column in range(4):
            tile = picture[32 * row + 3:32 * row + 29, 32 * column + 3:32 * column + 29]
            assert 85 < tile.mean() < 145 and tile.std() > 3
