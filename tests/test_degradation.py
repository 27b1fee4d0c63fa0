"""The two degradations against a direct convolution, and the pairs that are made with them."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tutorial_lib.data.clips import filmed
from tutorial_lib.data.degradation import degrade, upscale_bicubic
from tutorial_lib.data.pairs import RenderedPairs, estimated_flows, exact_flows, joined, reduced_flow
from tutorial_lib.data.scenes import random_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.papers.std.settings import scale


def cubic(x):
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def directly(picture, degradation):
    """Pixel by pixel over the whole picture, mirrored at its border."""
    height, width = picture.shape
    padded = np.pad(picture, 16, mode="symmetric")
    found = np.zeros((height // 4, width // 4))
    places = np.arange(-16, height + 16), np.arange(-16, width + 16)
    for y in range(height // 4):
        for x in range(width // 4):
            if degradation == "BI":         # centres of pixels at whole numbers; of a small one at 4x + 1.5
                rows, columns = (cubic((place - (4 * n + 1.5)) / 4) for place, n in zip(places, (y, x), strict=True))
            else:
                rows, columns = (np.where(np.abs(place - 4 * n) <= 6, np.exp(-((place - 4 * n) / 1.6) ** 2 / 2), 0)
                                 for place, n in zip(places, (y, x), strict=True))
            weights = np.outer(rows, columns)
            found[y, x] = (padded * weights).sum() / weights.sum()
    return found


@pytest.mark.parametrize("degradation", ["BI", "BD"])
def test_it_is_a_direct_convolution(noise, degradation):
    pictures = noise(2, 3, 32, 40)
    found = degrade(pictures, degradation, rounded=False)
    for n, c in ((0, 1), (1, 2)):
        known = np.clip(directly(pictures[n, c].double().numpy(), degradation), 0, 1)
        np.testing.assert_allclose(found[n, c].numpy(), known, atol=1e-6)


def test_bi_is_the_antialiased_bicubic_reduction_of_pytorch_inside(noise):
    pictures = noise(1, 3, 48, 64)
    known = F.interpolate(pictures, (12, 16), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    found = degrade(pictures, rounded=False)
    assert torch.allclose(found[..., 2:-2, 2:-2], known[..., 2:-2, 2:-2], atol=1e-5)


def test_the_two_lie_on_grids_of_their_own():
    """A ramp from left to right: BI's pixels lie in the middle of their four, BD's on the first of them."""
    ramp = (torch.arange(64.0) / 100).expand(1, 3, 64, 64)
    for degradation, place in (("BI", 1.5), ("BD", 0.0)):
        found = degrade(ramp, degradation, rounded=False)[0, 0, 8, 4:12]
        assert torch.allclose(found, (4 * torch.arange(4, 12) + place) / 100, atol=1e-5)


def test_small_pictures_hold_8_bits_and_whole_pixels(noise):
    small = degrade(noise(1, 3, 35, 46))
    assert small.shape == (1, 3, 8, 11)
    assert torch.equal((small * 255).round() / 255, small)
    assert upscale_bicubic(small).shape == (1, 3, 32, 44)


@pytest.mark.parametrize(("size", "degradation", "message"), [
    ((1, 3, 64, 64), "bicubic", "Unknown degradation 'bicubic'; there are BI and BD"),
    ((1, 3, 31, 64), "BI", "64x31 pixels are too small"),
])
def test_what_cannot_be_made_small_is_said(noise, size, degradation, message):
    with pytest.raises(TutorialError, match=message):
        degrade(noise(*size), degradation)


# --- pairs ---


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    return scale("smoke")


def test_a_pair_is_a_truth_and_what_the_degradation_makes_of_it(settings):
    pairs = RenderedPairs(settings.but(patches=1, patch=16, height=64, width=64))       # the whole picture
    pair = pairs[1]
    assert pair.small.shape == (1, 3, 3, 16, 16) and pair.truth.shape == (1, 3, 3, 64, 64)
    assert torch.equal(pair.small[0], degrade(pair.truth[0], "BI"))
    other = RenderedPairs(settings.but(patches=1, patch=16, degradation="BD"))[1]
    assert torch.equal(other.truth, pair.truth) and torch.equal(other.small[0], degrade(pair.truth[0], "BD"))


def test_a_patch_stays_at_its_place_through_its_clip(settings):
    """It is cut from the small frames and the truth alike: away from its border the degradation shows it."""
    pairs = RenderedPairs(settings.but(height=96, width=96))
    for pair in (pairs[0], pairs[1]):
        again = degrade(pair.truth[0], "BI")
        assert torch.allclose(pair.small[0][..., 2:-2, 2:-2], again[..., 2:-2, 2:-2], atol=0.5 / 255)
    assert not torch.equal(pairs[0].truth, pairs[1].truth)


def test_a_pair_is_the_same_at_every_visit_and_rendered_once(settings, monkeypatch):
    first = RenderedPairs(settings)[3]
    monkeypatch.setattr(RenderedPairs, "_made", None)
    again = RenderedPairs(settings)[3]
    for one, other in zip((first.small, first.truth, *first.flows), (again.small, again.truth, *again.flows),
                          strict=True):
        assert torch.equal(one, other)
    keys = {RenderedPairs(settings.but(**change)).key(0) for change in (
        {}, {"degradation": "BD"}, {"seed": 1}, {"height": 96}, {"width": 96}, {"patch": 10}, {"patches": 3},
        {"clip_length": 4})}
    assert len(keys) == 8
    with pytest.raises(IndexError):
        RenderedPairs(settings)[6]


def test_patches_that_do_not_fit_are_said(settings):
    with pytest.raises(TutorialError, match="Patches of 80 pixels do not fit into scenes of 64x64"):
        RenderedPairs(settings.but(patch=20))


def test_a_batch_is_its_pairs(settings):
    pairs = RenderedPairs(settings)
    batch = joined([pairs[0], pairs[4]])
    assert torch.equal(batch.truth[1:], pairs[4].truth) and torch.equal(batch.flows.future[:1], pairs[0].flows.future)
    assert len(batch.small) == 2


def test_a_flow_of_small_frames_is_a_quarter_of_that_of_large_ones():
    flow = torch.full((1, 2, 8, 12), 6.0)
    assert torch.equal(reduced_flow(flow), torch.full((1, 2, 2, 3), 1.5))


def test_the_estimated_flow_of_small_frames_is_near_the_exact_one():
    """Nearer than half a pixel of the truth, and in the right direction: past into the frame before."""
    film = filmed(random_scene(900_000, 96, 128, 3), "clean", (-1, 1))
    found, exact = estimated_flows(degrade(film.frames)[None]), exact_flows(film)
    for one, other in zip(found, exact, strict=True):
        assert one.shape == other.shape == (1, 2, 2, 24, 32)
        assert (one - other).norm(dim=2).median() < 0.125
        assert other.norm(dim=2).median() > 0.2


def test_a_clip_of_one_frame_has_no_flow(noise):
    assert estimated_flows(noise(1, 1, 3, 16, 16)).past.shape == (1, 0, 2, 16, 16)
