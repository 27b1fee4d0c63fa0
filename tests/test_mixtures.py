"""Networks between trained ones."""

import pytest
import torch

from tutorial_lib.errors import TutorialError
from tutorial_lib.mixtures import Axis, mix, moved, task_vector
from tutorial_lib.networks.pocket import Pocket


def made(seed):
    torch.manual_seed(seed)
    return Pocket(8, 1)


def equal(one, other):
    return all(torch.allclose(a, b, atol=1e-6) for a, b in
               zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.fixture
def start():
    return made(0)


@pytest.fixture
def trained():
    return {strength: made(seed) for seed, strength in enumerate((0.3, 1.0, 10.0), 1)}


@pytest.fixture
def axes(start, trained):
    other = {2.0: task_vector(made(9), start)}
    return {"res": Axis({strength: task_vector(network, start) for strength, network in trained.items()}),
            "style": Axis(other, origin=1.0)}


def test_at_a_trained_strength_it_is_the_trained_network(start, trained, axes):
    for strength, network in trained.items():
        assert equal(mix(start, axes, {"res": strength}), network)
    assert equal(mix(start, axes, {"style": 2.0}), made(9))


def test_at_the_origins_it_is_the_start(start, axes):
    assert equal(mix(start, axes, {}), start) and equal(mix(start, axes, {"res": 0, "style": 1.0}), start)


def test_halfway_is_halfway_on_a_logarithmic_scale_and_from_zero_on_a_linear_one(start, trained, axes):
    between = mix(start, axes, {"res": 10**0.5})
    for name, value in between.state_dict().items():
        ends = trained[1.0].state_dict()[name], trained[10.0].state_dict()[name]
        assert torch.allclose(value, (ends[0] + ends[1]) / 2, atol=1e-6)
    low = mix(start, axes, {"res": 0.1})
    for name, value in low.state_dict().items():
        begin, end = start.state_dict()[name], trained[0.3].state_dict()[name]
        assert torch.allclose(value, begin + (end - begin) / 3, atol=1e-6)


def test_across_axes_task_vectors_are_added_and_the_sum_is_shortened(start, trained, axes):
    both = mix(start, axes, {"res": 1.0, "style": 2.0})
    res, style = (torch.cat([part.flatten() for part in task_vector(end, start).values()])
                  for end in (trained[1.0], made(9)))
    found = torch.cat([part.flatten() for part in task_vector(both, start).values()])
    share = (res.norm()**1.75 + style.norm()**1.75) ** (1 / 1.75) / (res.norm() + style.norm())
    assert torch.allclose(found, share * (res + style), atol=1e-6) and 0.74 < share < 0.75


def test_a_second_axis_that_barely_moves_changes_barely_anything(start, trained, axes):
    alone = mix(start, axes, {"res": 1.0}).state_dict()
    beside = mix(start, axes, {"res": 1.0, "style": 1.0001}).state_dict()
    assert all(torch.allclose(beside[name], value, atol=1e-3) for name, value in alone.items())


def test_a_mixture_is_ready_to_paint_and_the_start_stays(start, trained, noise):
    before = {name: value.clone() for name, value in start.state_dict().items()}
    mixed = moved(start, (1.3, task_vector(trained[1.0], start)))
    assert not mixed.training and not any(part.requires_grad for part in mixed.parameters())
    assert mixed(noise(1, 3, 32, 32)).shape == (1, 3, 32, 32)
    assert all(torch.equal(value, before[name]) for name, value in start.state_dict().items())


@pytest.mark.parametrize(("strengths", "words"), [
    ({"res": 11.0}, "from 0 to 10 were trained"), ({"style": 0.5}, "from 1 to 2"), ({"temp": 1.0}, "no axis temp"),
])
def test_what_was_not_trained_is_refused(start, axes, strengths, words):
    with pytest.raises(TutorialError, match=words):
        mix(start, axes, strengths)


def test_networks_of_two_sizes_are_refused(start):
    with pytest.raises(TutorialError, match="different sizes"):
        task_vector(Pocket(16, 1), start)
