import numpy as np
import pytest
import torch

from tutorial_lib.data import textures


@pytest.mark.parametrize("draw", textures.SURFACES)
def test_surfaces_are_values_with_contrast_and_follow_the_generator(draw):
    first, again, other = (draw(np.random.default_rng(seed), 96, 128) for seed in (1, 1, 2))
    assert first.shape == (96, 128) and first.dtype == np.float32
    assert first.min() >= 0 and first.max() <= 1 and first.std() > 0.05
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_a_duotone_runs_from_the_first_colour_to_the_last():
    ramp = torch.linspace(0.2, 0.7, 11)[None, None, None].expand(1, 3, 4, 11)
    toned = textures.duotone(ramp, (0.0, 0.2, 0.4), (1.0, 0.6, 0.8))
    assert torch.allclose(toned[0, :, 0, 0], torch.tensor([0.0, 0.2, 0.4]), atol=0.01)
    assert torch.allclose(toned[0, :, 0, -1], torch.tensor([1.0, 0.6, 0.8]), atol=0.01)
    assert (toned[0, 0, 0].diff() > 0).all()


@pytest.mark.parametrize("outline", [textures.blob, textures.polygon, textures.figure])
def test_outlines_stay_in_their_square(outline):
    for seed in range(5):
        points = outline(np.random.default_rng(seed))
        assert points.shape[1] == 2 and points.min() >= 0 and points.max() <= 1
        assert 0.04 < textures.rasterise(points, 64, 64).mean() < 0.95


def test_polygons_have_four_to_seven_corners_and_surfaces_two_to_four_colours(monkeypatch):
    rng = np.random.default_rng(0)
    assert {len(textures.polygon(rng)) for _ in range(60)} == {4, 5, 6, 7}
    counts, palette = set(), textures.palette
    monkeypatch.setattr(textures, "palette", lambda rng, count: counts.add(count) or palette(rng, count))
    for _ in range(30):
        textures.surface(rng, 16, 16)
    assert counts == {2, 3, 4}


def test_the_bends_of_stripes_are_wider_than_a_third_of_the_picture(monkeypatch):
    grids, clouds = [], textures.clouds
    monkeypatch.setattr(textures, "clouds", lambda rng, height, width, coarsest=3, octaves=5: grids.append(
        (coarsest, octaves)) or clouds(rng, height, width, coarsest, octaves))
    textures.stripes(np.random.default_rng(0), 32, 32)
    assert min(coarsest for coarsest, _ in grids) < 3


def test_coverage_has_the_right_area_and_place():
    square = np.array([(0.21, 0.33), (0.72, 0.33), (0.72, 0.87), (0.21, 0.87)])
    coverage = textures.rasterise(square, 40, 60)
    assert coverage.sum() == pytest.approx(0.51 * 60 * 0.54 * 40, rel=0.03)
    rows, columns = np.indices(coverage.shape)
    centre = ((coverage * columns).sum() / coverage.sum() + 0.5, (coverage * rows).sum() / coverage.sum() + 0.5)
    assert centre == pytest.approx((0.465 * 60, 0.6 * 40), abs=0.1)


def test_a_landscape_keeps_its_ground():
    ground = torch.rand(1, 3, 60, 80)
    picture = textures.landscape(np.random.default_rng(0), ground)
    assert torch.equal(picture[..., -15:, :], ground[..., -15:, :])
    assert not torch.equal(picture[..., :15, :], ground[..., :15, :])
