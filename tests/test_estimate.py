from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from tutorial_lib.data.photographs import load_photograph
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.estimate import estimate_flow, estimate_flow_and_mask, flows_from_reference
from tutorial_lib.flow.warp import warp


@pytest.fixture(scope="module")
def pair():
    picture = load_photograph("chelsea")
    return picture[..., 60:180, 100:260], picture[..., 63:183, 95:255]     # the content moves by (+5, -3)


NEEDS_CONTRIB = pytest.mark.skipif(not hasattr(cv2, "optflow"), reason="OpenCV without its contributed modules")


@pytest.mark.parametrize(
    "method", ["dis", "dis-fast", "dis-ultrafast", pytest.param("deepflow", marks=NEEDS_CONTRIB)]
)
def test_a_shift_is_found(pair, method):
    flow = estimate_flow(*pair, method)[..., 20:-20, 20:-20]
    assert flow[:, 0].median().item() == pytest.approx(5, abs=0.25)
    assert flow[:, 1].median().item() == pytest.approx(-3, abs=0.25)


def test_flow_leads_from_the_source_into_the_target(pair):
    source, target = pair
    flow, mask = estimate_flow_and_mask(source, target)
    error = (mask * (warp(target, flow) - source)).abs().mean()
    assert error < 0.2 * (mask * (warp(target, -flow) - source)).abs().mean()
    assert 0.5 < mask.mean() < 1


def test_a_tensor_is_exact_flow_and_a_callable_is_asked(pair):
    exact = torch.ones(1, 2, 120, 160)
    assert estimate_flow(*pair, exact) is exact
    assert torch.equal(estimate_flow(*pair, lambda source, target: exact * 2), exact * 2)
    elsewhere = [picture.to("meta") for picture in pair]
    assert estimate_flow(*elsewhere, exact).device.type == "meta"        # it comes to where the pictures are


def test_what_opencv_is_given_is_weighed_where_the_picture_is(pair):
    expected = estimate_flow(*pair, "dis-fast")
    with torch.device("meta"):
        assert torch.equal(estimate_flow(*pair, "dis-fast"), expected)


def test_flows_from_the_reference_of_a_clip(pair):
    frames = torch.cat([pair[0], pair[1], pair[0]])
    flows, masks = flows_from_reference(frames, reference=0)
    assert flows[0].abs().max() == 0
    assert masks[0].min() == 1
    assert flows[1, 0].median().item() == pytest.approx(5, abs=0.25)
    assert flows[2].abs().mean() < 0.1


def by_brightness(source, target):
    """A method for films of grey frames: the flow tells how much brighter the target is than the source."""
    return (target - source)[:, :2] * torch.tensor([1.0, 0.5])[:, None, None]


def test_the_method_is_asked_for_the_way_there_and_the_way_back():
    source, target = (torch.full((2, 3, 6, 8), value) for value in (0.25, 1.0))
    flow, mask = estimate_flow_and_mask(source, target, by_brightness)
    assert flow[:, 0].unique() == 0.75 and flow[:, 1].unique() == 0.375
    assert mask[:, :, :-1, :-1].min() == 1 and mask[..., -1].max() == 0        # the way back closes but for the border


def test_every_frame_is_reached_from_the_reference():
    frames = torch.tensor([0.0, 1.0, 0.5, 2.0])[:, None, None, None].expand(4, 3, 6, 8)
    flows, masks = flows_from_reference(frames, 2, by_brightness)
    assert flows.shape == (4, 2, 6, 8) and masks.shape == (4, 1, 6, 8)
    assert flows[:, 0].mean((1, 2)).tolist() == [-0.5, 0.5, 0, 1.5]
    assert flows[:, 1, 3, 3].tolist() == [-0.25, 0.25, 0, 0.75]
    assert masks[2].min() == 1 and all(masks[t].min() == 0 and masks[t, 0, 2, 3] == 1 for t in (0, 1, 3))


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (16, 16)])
def test_tiny_frames(noise, size):
    assert estimate_flow(noise(1, 3, *size), noise(1, 3, *size)).shape == (1, 2, *size)


def test_deepflow_where_opencv_has_it(pair, monkeypatch):
    seen = []

    def calc(source, target, flow):
        seen.append((source, target))
        return np.dstack([np.full(source.shape, 3, np.float32), np.full(source.shape, -1, np.float32)])

    contributed = SimpleNamespace(createOptFlow_DeepFlow=lambda: SimpleNamespace(calc=calc))
    monkeypatch.setattr(cv2, "optflow", contributed, raising=False)
    flow = estimate_flow(*pair, "deepflow")
    assert flow.shape == (1, 2, 120, 160)
    assert flow[:, 0].eq(3).all() and flow[:, 1].eq(-1).all()
    (source, target), = seen
    for gray, image in zip((source, target), pair, strict=True):
        assert gray.dtype == np.uint8                   # DeepFlow takes one channel
        assert abs(gray.astype(float) - 255 * image[0].mean(0).numpy()).mean() < 10


def seen_by_opencv(monkeypatch, source, target):
    """The grey pictures that an estimator of OpenCV is given."""
    seen = []

    def calc(*pictures):
        seen.extend(pictures[:2])
        return np.zeros((*pictures[0].shape, 2), np.float32)

    monkeypatch.setattr(cv2, "DISOpticalFlow_create", lambda preset: SimpleNamespace(calc=calc))
    assert estimate_flow(source, target).shape == (1, 2, *source.shape[-2:])
    return seen


def test_opencv_is_given_8_bits_of_brightness(monkeypatch):
    levels = torch.arange(1024.0).reshape(1, 1, 32, 32).expand(1, 3, 32, 32) / 255 - 1        # from -255 to 768 / 255
    colours = torch.eye(3)[None, :, :, None].repeat(1, 1, 11, 32)
    greys, weighed = seen_by_opencv(monkeypatch, levels, colours[:, :, :32])
    assert np.array_equal(greys, (np.arange(1024).reshape(32, 32) - 255).clip(0, 255)) and greys.dtype == np.uint8
    assert weighed[:3, 0].tolist() == [76, 150, 29]      # .299, .587 and .114 of 255


def test_small_pictures_are_continued_below_and_to_the_right_by_their_edge(noise, monkeypatch):
    source, target = noise(2, 1, 3, 20, 30)
    whole, _ = seen_by_opencv(monkeypatch, noise(1, 3, 32, 32), noise(1, 3, 32, 32))
    assert whole.shape == (32, 32)
    for grey in seen_by_opencv(monkeypatch, source, target):
        assert grey.shape == (32, 32)
        assert (grey[20:, :30] == grey[19, :30]).all() and (grey[:, 30:] == grey[:, 29:30]).all()


def test_every_name_of_dis_is_its_preset(monkeypatch, noise):
    asked, create = [], cv2.DISOpticalFlow_create
    monkeypatch.setattr(cv2, "DISOpticalFlow_create", lambda preset: asked.append(preset) or create(preset))
    for method in ("dis-ultrafast", "dis-fast", "dis"):
        estimate_flow(noise(1, 3, 32, 32), noise(1, 3, 32, 32), method)
    assert asked == [cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST, cv2.DISOPTICAL_FLOW_PRESET_FAST,
                     cv2.DISOPTICAL_FLOW_PRESET_MEDIUM]


def test_deepflow_where_opencv_lacks_it(pair, monkeypatch):
    monkeypatch.delattr(cv2, "optflow", raising=False)
    with pytest.raises(TutorialError, match=r"no deepflow; use dis, or .*opencv-contrib-python-headless"):
        estimate_flow(*pair, "deepflow")


def test_errors_name_what_was_given(pair):
    with pytest.raises(TutorialError, match=r"'farneback'; the methods are dis-ultrafast, .*deepflow"):
        estimate_flow(*pair, "farneback")
    with pytest.raises(TutorialError, match="80x60"):
        estimate_flow(*pair, torch.zeros(1, 2, 60, 80))
    with pytest.raises(TutorialError, match="differ"):
        estimate_flow(pair[0], pair[1][..., :50])
