import socket

import numpy as np
import pytest
import torch

from tutorial_lib.data import photographs
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp


@pytest.mark.parametrize("name", photographs.TRAINING + photographs.TEST)
def test_every_photograph_is_in_the_wheel(name, monkeypatch):
    def no_network(*_, **__):
        raise AssertionError("a photograph was looked for in the network")

    monkeypatch.setattr(socket, "socket", no_network)
    photographs._read.cache_clear()
    image = photographs.load_photograph(name)
    assert image.shape[:2] == (1, 3) and min(image.shape[2:]) >= 300 and image.dtype == torch.float32
    assert 0 <= image.min() < 0.3 and 0.6 < image.max() <= 1
    gray = torch.equal(image[:, 0], image[:, 1]) and torch.equal(image[:, 0], image[:, 2])
    assert gray == (name in photographs.GRAY)


def test_training_and_test_share_no_photograph():
    assert not set(photographs.TRAINING) & set(photographs.TEST)


def test_a_loaded_photograph_may_be_changed():
    photographs.load_photograph("coins").zero_()
    assert photographs.load_photograph("coins").mean() > 0.1


def test_an_unknown_photograph_is_refused():
    with pytest.raises(TutorialError, match="astronaut"):
        photographs.load_photograph("lena")


def test_cutouts_lie_in_their_photographs():
    for name, (source, outline) in photographs.CUTOUTS.items():
        height, width = photographs.load_photograph(source).shape[-2:]
        points = np.array(outline)
        assert (points >= 0).all() and (points[:, 0] < width).all() and (points[:, 1] < height).all(), name


def test_the_disparity_carries_the_left_view_into_the_right():
    left, right, flow, mask = photographs.stereo_pair()
    assert left.shape == right.shape and flow.shape == (1, 2, *left.shape[-2:]) and mask.shape[1] == 1
    assert torch.isfinite(flow).all() and (flow[:, 1] == 0).all() and 0.8 < mask.mean() < 1

    def difference(candidate):
        return ((mask * (left - warp(right, candidate)).abs()).sum() / mask.sum() / 3).item()

    assert difference(flow) < 0.04
    assert difference(-flow) > 4 * difference(flow) and difference(0 * flow) > 4 * difference(flow)
