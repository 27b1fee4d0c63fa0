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


def test_flows_from_the_reference_of_a_clip(pair):
    frames = torch.cat([pair[0], pair[1], pair[0]])
    flows, masks = flows_from_reference(frames, reference=0)
    assert flows[0].abs().max() == 0
    assert masks[0].min() == 1
    assert flows[1, 0].median().item() == pytest.approx(5, abs=0.25)
    assert flows[2].abs().mean() < 0.1


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
