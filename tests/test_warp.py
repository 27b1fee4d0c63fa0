import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import compose, inside, pixel_grid, warp


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (2, 2), (1, 9), (1, 1)])
def test_zero_flow_is_the_identity(noise, size):
    image = noise(2, 3, *size)
    assert torch.allclose(warp(image, torch.zeros(2, 2, *size)), image, atol=1e-4)


@pytest.mark.parametrize(("x", "y"), [(3, 0), (0, -2), (-4, 5)])
def test_whole_pixels_are_a_roll(noise, x, y):
    image = noise(1, 3, 20, 24)
    flow = torch.tensor([float(x), float(y)])[None, :, None, None].expand(1, 2, 20, 24)
    mask = inside(flow)
    # warp(image)(p) = image(p + flow), so the content moves against the flow
    assert torch.allclose(warp(image, flow) * mask, image.roll((-y, -x), (-2, -1)) * mask, atol=1e-4)
    assert mask.sum() == (20 - abs(y)) * (24 - abs(x))


def test_agrees_with_scipy(noise):
    image, flow = noise(1, 3, 25, 33), noise(1, 2, 25, 33) * 12 - 6
    ys, xs = np.meshgrid(np.arange(25), np.arange(33), indexing="ij")
    coordinates = [ys + flow[0, 1].numpy(), xs + flow[0, 0].numpy()]
    expected = np.stack([map_coordinates(c.numpy(), coordinates, order=1, mode="nearest") for c in image[0]])
    assert np.abs(warp(image, flow)[0].numpy() - expected).max() < 1e-4


def test_composed_flow_leads_the_whole_way():
    grid = pixel_grid(40, 50)
    first, second = torch.full_like(grid, 2.0), 0.1 * grid        # a shift, then a zoom about the corner
    composed = compose(first, second)
    wanted = first + 0.1 * (grid + first)
    assert torch.allclose(composed[..., :36, :46], wanted[..., :36, :46], atol=1e-3)


def test_a_flow_of_another_size_is_named():
    with pytest.raises(TutorialError, match="9x8 pixels and the image 10x8"):
        warp(torch.zeros(1, 3, 8, 10), torch.zeros(1, 2, 8, 9))
    with pytest.raises(TutorialError, match="shape"):
        warp(torch.zeros(1, 3, 8, 10), torch.zeros(1, 3, 8, 10))


def test_half_precision_pictures_are_still_sampled_at_exact_places(noise):
    """Under autocast a network's output may come in 16 bits; coordinates must not."""
    image = noise(1, 3, 96, 640)
    with torch.autocast("cpu", torch.bfloat16):
        warped = warp(image.bfloat16(), torch.zeros(1, 2, 96, 640))
    assert warped.dtype == torch.float32
    assert torch.allclose(warped, image.bfloat16().float(), atol=1e-3)
    assert torch.equal(warp(image.bfloat16(), torch.zeros(1, 2, 96, 640)), warped)        # and without autocast


def test_what_is_made_lies_where_the_pictures_are(noise):
    """On a GPU the processor is elsewhere; here the device `meta` is, which mixes with no other either."""
    image, flow = noise(1, 3, 6, 8), noise(1, 2, 6, 8)
    with torch.device("meta"):
        made = [warp(image, flow), inside(flow), compose(flow, flow)]
        assert pixel_grid(6, 8).device.type == "cpu"
    assert all(tensor.device.type == "cpu" for tensor in made)


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_a_mask_has_the_precision_of_its_flow(precision):
    assert inside(torch.zeros(1, 2, 6, 8, dtype=precision)).dtype == precision
