import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tutorial_lib import checkpoint, zoo
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.student import Student


def trained(steps: int = 3):
    network = nn.Linear(3, 2)
    optimiser = torch.optim.Adam(network.parameters(), 0.1)
    for _ in range(steps):
        optimiser.zero_grad()
        network(torch.ones(1, 3)).square().sum().backward()
        optimiser.step()
    return network, optimiser


def test_weights_optimiser_step_and_what_they_are_about_come_back(tmp_path):
    network, optimiser = trained()
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, network, {"scale": {"lambda_res": 100.0}, "list": [1, 2]}, 3, optimiser)
    saved = checkpoint.read(path)
    assert saved.step == 3
    assert saved.about == {"scale": {"lambda_res": 100.0}, "list": [1, 2]}
    fresh = nn.Linear(3, 2)
    fresh_optimiser = torch.optim.Adam(fresh.parameters(), 0.1)
    checkpoint.restore(saved, fresh, fresh_optimiser)
    assert torch.equal(fresh.weight, network.weight)
    for mine, theirs in zip(fresh_optimiser.state_dict()["state"].values(),
                            optimiser.state_dict()["state"].values(), strict=True):
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)


def test_half_precision_halves_the_file(tmp_path):
    network = nn.Linear(300, 300)
    checkpoint.save(tmp_path / "32.safetensors", network, {})
    checkpoint.save(tmp_path / "16.safetensors", network, {}, dtype=torch.float16)
    sizes = [(tmp_path / f"{bits}.safetensors").stat().st_size for bits in (16, 32)]
    assert sizes[0] == pytest.approx(sizes[1] / 2, rel=0.01)
    checkpoint.restore(checkpoint.read(tmp_path / "16.safetensors"), fresh := nn.Linear(300, 300))
    assert fresh.weight.dtype == torch.float32
    assert torch.allclose(fresh.weight, network.weight, atol=1e-3)


def test_another_architecture_is_named_tensor_and_shapes(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, nn.Linear(3, 2), {})
    with pytest.raises(TutorialError, match=r"another architecture.*weight \(\(2, 3\) in the file, \(2, 4\)"):
        checkpoint.restore(checkpoint.read(path), nn.Linear(4, 2))
    with pytest.raises(TutorialError, match="another architecture"):
        checkpoint.restore(checkpoint.read(path), nn.Linear(3, 2, bias=False))


@pytest.mark.parametrize("content", [b"", b"text", b"\x00" * 100])
def test_what_is_no_checkpoint_is_said(tmp_path, content):
    path = tmp_path / "c.safetensors"
    path.write_bytes(content)
    with pytest.raises(TutorialError, match="not a checkpoint"):
        checkpoint.read(path)
    with pytest.raises(TutorialError, match="There is no checkpoint"):
        checkpoint.read(tmp_path / "missing.safetensors")


def test_a_cut_off_checkpoint_and_a_stranger_are_said(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, nn.Linear(100, 100), {})
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(TutorialError, match="damaged"):
        checkpoint.read(path)
    save_file({"a": torch.zeros(3)}, path, {"other": json.dumps({})})
    with pytest.raises(TutorialError, match="not a checkpoint of this project"):
        checkpoint.read(path)


@pytest.mark.parametrize("amiss", [float("nan"), float("inf")])
@pytest.mark.parametrize("averaged", [False, True])
def test_weights_that_are_no_numbers_are_said(tmp_path, amiss, averaged):
    """Whoever reads a network: it would paint a black film, and a comparison with NaN is never worse."""
    path, (network, optimiser) = tmp_path / "c.safetensors", trained()
    average = torch.optim.swa_utils.AveragedModel(network) if averaged else None
    network.bias.data[1] = amiss
    checkpoint.save(path, network, {"network": Student(4, 1).configuration}, 3, optimiser, average=average)
    for read in (checkpoint.read, zoo.load):
        with pytest.raises(TutorialError, match=r"c\.safetensors holds weights that are no numbers \(.*bias\)"):
            read(path)
