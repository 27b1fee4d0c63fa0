"""The networks that make videos four times as large: what they see, what they remember, and where they start."""

import pytest
import torch
from torch import nn

from tutorial_lib import checkpoint
from tutorial_lib.data.degradation import upscale_bicubic
from tutorial_lib.data.pairs import Flows
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.build import build, load_network
from tutorial_lib.networks.memory import Memory
from tutorial_lib.networks.superres import Bidirectional, Recurrent, Stacked, upscale

KINDS = (Bidirectional, Stacked, Recurrent)


def still(batch, count, height, width):
    return Flows(*(torch.zeros(batch, count - 1, 2, height, width) for _ in range(2)))


@pytest.fixture(params=KINDS, ids=[kind.kind for kind in KINDS])
def network(request):
    return request.param(6, 1, 5)


def test_what_comes_out_is_four_times_as_large_with_its_taps(network, noise):
    found = network(noise(2, 3, 3, 9, 11), still(2, 3, 9, 11))
    assert found.frames.shape == (2, 3, 3, 36, 44)
    assert found.tap.shape == (2, 3, 5, 36, 44) and found.body.shape == (2, 3, 6, 9, 11)


def test_the_tap_is_the_last_feature_map_before_the_output_convolution(network, noise):
    clip = noise(1, 2, 3, 8, 8)
    found = network(clip, still(1, 2, 8, 8))
    known = upscale_bicubic(clip[0]) + network.tail.out(found.tap[0])
    assert torch.allclose(found.frames[0], known, atol=1e-6)


def test_it_starts_near_the_bicubic_enlargement_with_features_of_its_size(network, noise):
    clip = noise(1, 3, 3, 16, 16)
    found = network(clip, still(1, 3, 16, 16))
    away = (found.frames[0] - upscale_bicubic(clip[0])).square().mean().sqrt().item()
    assert 0 < away < 0.02 and 0.1 < found.tap.square().mean().sqrt().item() < 3


def test_what_is_added_to_is_the_bicubic_enlargement(network, noise):
    nn.init.zeros_(network.tail.out.weight)
    nn.init.zeros_(network.tail.out.bias)
    clip = noise(1, 2, 3, 8, 8)
    assert torch.equal(network(clip, still(1, 2, 8, 8)).frames[0], upscale_bicubic(clip[0]))


def sees(network, changed, flows=None):
    """Which frames of five differ when one of them is another."""
    random = torch.Generator().manual_seed(1)
    clip = torch.rand(1, 5, 3, 8, 8, generator=random)
    other = clip.clone()
    other[:, changed] = torch.rand(3, 8, 8, generator=random)
    flows = flows or still(1, 5, 8, 8)
    difference = (network(other, flows).tap - network(clip, flows).tap).abs().amax((0, 2, 3, 4))
    return [t for t in range(5) if difference[t] > 0]


def test_each_sees_what_it_is_built_to_see():
    assert sees(Stacked(4, 1, 4), 2) == [1, 2, 3]
    assert sees(Stacked(4, 1, 4), 0) == [0, 1]
    assert sees(Recurrent(4, 1, 4), 2) == [2, 3, 4]
    assert sees(Bidirectional(4, 1, 4), 2) == [0, 1, 2, 3, 4]


def test_the_recurrent_student_streams(noise):
    network, clip = Recurrent(6, 1, 5), noise(1, 4, 3, 9, 10)
    wanted, memory = network(clip), None
    for t, frame in enumerate(clip.unbind(1)):
        memory = network.remember(frame, memory)
        picture, tap = network.tail(memory, frame)
        assert torch.allclose(picture, wanted.frames[:, t], atol=1e-6)
        assert torch.allclose(tap, wanted.tap[:, t], atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 8, 9, 17, 26])
def test_a_film_passes_frame_by_frame(network, count, monkeypatch):
    """It is the same as at once."""
    monkeypatch.setattr("tutorial_lib.networks.superres.estimated_flows",
                        lambda clips: still(1, clips.shape[1], *clips.shape[-2:]))
    film = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(count))
    asked = []

    def frames():
        for t, frame in enumerate(film):
            asked.append(t)
            yield frame

    found = []
    for t, picture in enumerate(network.stream(frames())):
        assert picture.shape == (3, 32, 32) and not picture.requires_grad
        assert len(asked) <= t + network.at_once + network.ahead + 1         # no more is held than it takes
        found.append(picture)
    whole = upscale(network, film, still(1, count, 8, 8))
    assert len(found) == count
    assert torch.allclose(torch.stack(found), whole, atol=1e-5)


def test_what_the_teacher_feeds_back_goes_through_a_window_and_no_farther():
    """Windows of five: three that are made, and one before and after; a clip of five is one window."""
    network = Bidirectional(4, 1, 4, length=5)
    random = torch.Generator().manual_seed(1)
    clip, flows = torch.rand(1, 12, 3, 8, 8, generator=random), still(1, 12, 8, 8)
    for changed, wanted in ((0, [0, 1, 2]), (2, [0, 1, 2, 3, 4, 5]), (4, [3, 4, 5]), (8, [6, 7, 8, 9, 10, 11])):
        other = clip.clone()
        other[:, changed] = torch.rand(3, 8, 8, generator=random)
        difference = (network(other, flows).tap - network(clip, flows).tap).abs().amax((0, 2, 3, 4))
        assert [t for t in range(12) if difference[t] > 0] == wanted


def test_a_teacher_that_doubles_what_it_is_fed_stays_in_bounds():
    """In a film of any length its features are no larger than in a clip as long as those of its training."""
    network = Bidirectional(4, 0, 4, length=5)
    for body in (network.back, network.forth):
        for weight in (body[0].weight.data, body[0].bias.data):
            weight.zero_()
        body[0].bias.data += 1.0
        for channel in range(4):
            body[0].weight.data[channel, 3 + channel, 1, 1] = 2.0
    short, long = (network.features(torch.zeros(1, count, 3, 8, 8), still(1, count, 8, 8)) for count in (5, 41))
    assert 1 < short.abs().max() < 100 and long.abs().max() <= short.abs().max()


def test_a_teacher_is_built_for_the_clips_of_its_training():
    from tutorial_lib.papers.std.settings import scale
    from tutorial_lib.papers.std.stages import new_teacher

    for name, length in (("laptop", 5), ("colab", 7)):
        network = new_teacher(scale(name))
        assert network.length == network.configuration["length"] == scale(name).clip_length == length
        assert network.behind + network.at_once + network.ahead == length


def test_the_teacher_follows_the_flow_in_both_directions():
    """A frame moves to the right by two pixels a frame; carried along the flow, what is remembered stays in its place.

    With 1x1 convolutions in effect (only the middle of every kernel), features at a place depend on that place's path.
    """
    network = Bidirectional(4, 1, 4)
    for convolution in network.modules():
        if isinstance(convolution, nn.Conv2d) and convolution.kernel_size == (3, 3):
            middle = convolution.weight.data[..., 1:2, 1:2].clone()
            convolution.weight.data.zero_()
            convolution.weight.data[..., 1:2, 1:2] = middle
    past, future = still(1, 3, 8, 16)
    past[:, :, 0], future[:, :, 0] = -2, 2
    clip = torch.rand(1, 3, 3, 8, 16, generator=torch.Generator().manual_seed(2))
    for changed, seen, column in ((0, 2, 8 + 4), (2, 0, 8 - 4), (0, 1, 8 + 2), (2, 1, 8 - 2)):
        other = clip.clone()
        other[:, changed, :, 4, 8] += 0.5
        difference = (network(other, Flows(past, future)).body - network(clip, Flows(past, future)).body)[0, seen]
        assert torch.nonzero(difference.abs().sum(0) > 1e-7).tolist() == [[4, column]]


def test_without_flows_the_teacher_estimates_them(noise, monkeypatch):
    asked = []
    monkeypatch.setattr("tutorial_lib.networks.superres.estimated_flows",
                        lambda clips: asked.append(clips.shape) or still(1, 2, 8, 8))
    clip = noise(1, 2, 3, 8, 8)
    Bidirectional(4, 1, 4)(clip)
    assert asked == [(1, 2, 3, 8, 8)]
    for student in (Stacked(4, 1, 4), Recurrent(4, 1, 4)):
        student(clip)
    assert len(asked) == 1


def test_every_weight_learns(network, noise):
    network(noise(1, 3, 3, 8, 8), still(1, 3, 8, 8)).frames.square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_one_frame_is_a_clip_and_one_picture_comes_out(network, noise):
    found = upscale(network, 2 * noise(1, 3, 8, 8) - 0.5, still(1, 1, 8, 8))
    assert found.shape == (1, 3, 32, 32) and found.min() >= 0 and found.max() <= 1 and not found.requires_grad


@pytest.mark.parametrize("shape", [(2, 3, 16, 16), (1, 2, 1, 16, 16), (1, 2, 3, 7, 16)])
def test_other_shapes_are_refused(network, noise, shape):
    with pytest.raises(TutorialError, match=r"take clips \(B, K, 3, h, w\) from 8 pixels a side up"):
        network(noise(*shape))


def test_a_network_comes_back_from_its_file(network, tmp_path, noise):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, network, {"network": network.configuration})
    again, clip = load_network(path), noise(1, 2, 3, 8, 8)
    assert type(again) is type(network)
    assert torch.equal(again(clip, still(1, 2, 8, 8)).frames, network(clip, still(1, 2, 8, 8)).frames)


def test_a_memory_comes_back_from_its_file(tmp_path):
    path, memory = tmp_path / "a.safetensors", Memory(3, 2)
    checkpoint.save(path, memory, {"network": memory.configuration})
    assert checkpoint.digest(load_network(path)) == checkpoint.digest(memory)


def test_sizes_that_no_network_has_are_refused():
    with pytest.raises(TutorialError, match=r"network.tap should be a whole number from 1"):
        build({"kind": "stacked", "tap": 0})
