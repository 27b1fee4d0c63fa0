import math

import numpy as np
import pytest
import torch

from tutorial_lib.data.rendering import Layer, Motion, Scene, Wave
from tutorial_lib.data.scenes import TEST_SCENES, random_scene, test_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp

CIRCLE = np.array([(0.5 + 0.45 * math.cos(a), 0.5 + 0.45 * math.sin(a)) for a in np.linspace(0, 6.28, 60)])
FILMS = [test_scene(name, 64, 128, 5) for name in TEST_SCENES] + [random_scene(seed, 64, 96, 5) for seed in (1, 2, 9)]


def disc_scene(motion=Motion(), camera=Motion(), **options):  # noqa: B008 (motions are frozen)
    background = Layer(torch.zeros(1, 3, 32, 32), 1.0)
    disc = Layer(torch.ones(1, 3, 64, 64), 0.25, (0.05, -0.03), motion, 1.0, CIRCLE)
    return Scene("disc", 97, 160, 6, (background, disc), camera, **options)


def centroid(image):
    weight = image[0].mean(0)
    y, x = torch.meshgrid(torch.arange(weight.shape[0]), torch.arange(weight.shape[1]), indexing="ij")
    return torch.stack(((x * weight).sum(), (y * weight).sum())) / weight.sum()


def test_a_wave_is_the_sum_of_its_speeds():
    wave = Wave(0.03, 17, 0.3)
    moments = np.linspace(0, 9, 20001)
    speeds = 0.03 * np.cos(2 * np.pi * (moments / 17 + 0.3))
    assert wave.at(9) == pytest.approx(np.trapezoid(speeds, moments), abs=1e-7)
    assert Wave(0.02).at(5) == pytest.approx(0.1) and wave.at(0) == 0


@pytest.mark.parametrize("motion", [
    Motion(x=(Wave(0.03, 20),), y=(Wave(-0.01),)),
    Motion(spin=(Wave(0.2),), zoom=(Wave(0.05),)),
    Motion(x=(Wave(-0.02),), zoom=(Wave(-0.04),), lean=(Wave(0.05),)),
])
def test_flow_follows_a_rendered_disc(motion):
    # The rendered disc's centre of mass knows nothing of the flow's code, and would show half a pixel's error.
    camera = Motion(x=(Wave(0.01),), spin=(Wave(0.01),))
    scene = disc_scene(motion, camera)
    for t, s in ((0, 1), (4, 1), (1, 5)):
        here, there = centroid(scene.frame(t, "clean")), centroid(scene.frame(s, "clean"))
        x, y = (int(c) for c in here.round())
        flow = scene.flow(t, s)[0]
        slope_x, slope_y = flow[:, y, x + 1] - flow[:, y, x], flow[:, y + 1, x] - flow[:, y, x]
        at_centre = flow[:, y, x] + slope_x * (here[0] - x) + slope_y * (here[1] - y)
        assert torch.allclose(here + at_centre, there, atol=0.05)


@pytest.mark.parametrize("scene", FILMS, ids=lambda scene: scene.name)
def test_flow_is_the_motion_itself(scene):
    # Points glued to a layer, carried by its poses at both times, in plain double precision.
    rng = np.random.default_rng(0)
    centre = np.array([scene.width / 2 - 0.5, scene.height / 2 - 0.5])
    for t, s in ((0, 1), (3, 2), (0, 4)):
        flow = scene.flow(t, s)[0]
        owner, _ = scene._visible(t)
        for index, layer in enumerate(scene.layers):
            rows, columns = np.nonzero((owner[0, 0] == index).numpy())
            for pick in rng.integers(0, len(rows), 5) if len(rows) else ():
                pixel = np.array([columns[pick], rows[pick]])
                place = np.append((pixel - centre) / scene.width, 1)
                glued = np.linalg.solve(scene.pose(layer, t), place)
                carried = (scene.pose(layer, s) @ glued)[:2] * scene.width + centre
                assert flow[:, pixel[1], pixel[0]].numpy() == pytest.approx(carried - pixel, abs=1e-3)


@pytest.mark.parametrize("scene", FILMS, ids=lambda scene: scene.name)
def test_there_and_back_closes_where_the_mask_says_so(scene):
    for t, s in ((1, 2), (4, 1)):
        there, mask = scene.flow(t, s), scene.mask(t, s)
        gap = (there + warp(scene.flow(s, t), there)).norm(dim=1, keepdim=True)
        assert (gap * mask).max() < 1e-3
        assert set(mask.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("scene", FILMS, ids=lambda scene: scene.name)
def test_flow_explains_the_clean_frames_and_its_negative_does_not(scene):
    frames = [scene.frame(t, "clean") for t in range(5)]

    def difference(sign):
        errors = [
            (scene.mask(t, t - 1) * (frames[t] - warp(frames[t - 1], sign * scene.flow(t, t - 1)))).square().mean()
            for t in range(1, 5)
        ]
        return torch.stack(errors).mean().sqrt().item()

    assert difference(1) < 0.015
    moving = scene.flow(1, 0).norm(dim=1).mean() > 0.5
    if moving:
        assert difference(-1) > 2 * difference(1)


def test_the_mask_knows_occlusion_disocclusion_and_the_border():
    scene = disc_scene(Motion(x=(Wave(0.05),)))                     # 8 pixels a frame to the right
    mask = scene.mask(0, 1)[0, 0]
    y = round(97 / 2 - 0.03 * 160)
    left, right = 80 + 8 - 18, 80 + 8 + 18                          # the disc's edges in frame 0, about
    assert mask[y, right + 4] == 0                                  # background that the disc will cover
    assert mask[y, left - 6] == 1                                   # background that stays
    assert mask[y, 88] == 1                                         # the disc itself
    assert scene.mask(1, 0)[0, 0, y, left + 4] == 0                 # background that was covered
    panning = disc_scene(camera=Motion(x=(Wave(0.05),)))
    assert (panning.mask(0, 1)[0, 0, :, -8:] == 0).all() and panning.mask(0, 1)[0, 0, 5, :100].all()
    assert torch.equal(scene.mask(2, 2), torch.ones(1, 1, 97, 160)) and scene.flow(2, 2).abs().max() == 0


def test_a_pixel_beside_an_edge_is_masked():
    scene = disc_scene()                                            # nothing moves
    frame, mask = scene.frame(0, "clean"), scene.mask(0, 1)
    mixed = (frame.mean(1, keepdim=True) > 0.02) & (frame.mean(1, keepdim=True) < 0.98)
    assert mixed.any() and (mask[mixed] == 0).all() and mask.mean() > 0.9


def test_frames_do_not_alias():
    # A fine checker seen from far away is gray; sampled without a filter it would be black and white.
    board = (torch.arange(512)[:, None] + torch.arange(512)).remainder(2).float().expand(1, 3, 512, 512)
    frame = Scene("board", 48, 64, 1, (Layer(board, 1.0),)).frame(0, "clean")
    assert (frame - 0.5).abs().max() < 0.06


def test_a_scene_looks_the_same_at_any_size():
    small, large = (test_scene("market_6", 54 * k, 128 * k, 3) for k in (1, 2))
    halved = torch.nn.functional.avg_pool2d(large.frame(2, "clean"), 2)
    assert (halved - small.frame(2, "clean")).abs().mean() < 0.02
    flow = torch.nn.functional.avg_pool2d(large.flow(1, 2), 2) / 2
    assert ((flow - small.flow(1, 2)).abs() * small.mask(1, 2)).max() < 0.01


@pytest.mark.parametrize("scene", FILMS, ids=lambda scene: scene.name)
def test_everything_is_float32_and_in_range(scene):
    parts = [scene.frame(1, "clean"), scene.frame(1), scene.flow(1, 2), scene.mask(1, 2)]
    assert all(part.dtype == torch.float32 and part.is_contiguous() for part in parts)
    assert all(part.min() >= 0 and part.max() <= 1 for part in parts[:2])


def test_noise_belongs_to_the_scene_and_the_frame():
    scene = disc_scene(seed=5)
    assert torch.equal(scene.frame(1), disc_scene(seed=5).frame(1))
    assert not torch.equal(scene.frame(1), disc_scene(seed=6).frame(1))
    assert not torch.equal(scene.frame(1), scene.frame(2))
    assert torch.equal(scene.frame(1, "clean"), scene.frame(2, "clean"))
    with_noise = scene.frame(1)[..., :20, :20]
    assert with_noise.std() > 0 and with_noise.min() >= 0


@pytest.mark.parametrize(("call", "message"), [
    (lambda: disc_scene().frame(6), "0 to 5"),
    (lambda: disc_scene().flow(0, -1), "-1"),
    (lambda: disc_scene().mask(0, 9), "9"),
    (lambda: disc_scene().frame(0, "albedo"), "clean, final"),
    (lambda: Scene("none", 32, 32, 2, ()), "background"),
    (lambda: Scene("none", 8, 32, 2, (Layer(torch.ones(1, 3, 8, 8), 1.0),)), "32x8"),
    (lambda: Scene("none", 32, 32, 0, (Layer(torch.ones(1, 3, 8, 8), 1.0),)), "at least one"),
])
def test_bad_requests_are_refused(call, message):
    with pytest.raises(TutorialError, match=message):
        call()
