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


@pytest.mark.parametrize("method", ["dis", "dis-fast", "dis-ultrafast"])
def test_dis_finds_a_shift(pair, method):
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


def test_errors_name_what_was_given(pair):
    with pytest.raises(TutorialError, match=r"deepflow.*dis"):
        estimate_flow(*pair, "deepflow")
    with pytest.raises(TutorialError, match="80x60"):
        estimate_flow(*pair, torch.zeros(1, 2, 60, 80))
    with pytest.raises(TutorialError, match="differ"):
        estimate_flow(pair[0], pair[1][..., :50])
