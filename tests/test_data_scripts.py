"""The trainers of what ships, run as a user would, at the smallest size that is still real."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tutorial_lib import checkpoint, zoo
from tutorial_lib.networks.features import load_features

SCRIPTS = Path(__file__).parent.parent / "data_scripts"


def run(build: Path, script: str, *arguments) -> subprocess.CompletedProcess:
    environment = os.environ | {"OFD_BUILD": str(build)}
    command = [sys.executable, SCRIPTS / script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)


@pytest.fixture(scope="module")
def squeezenet(tmp_path_factory):
    """A file in the published form of SqueezeNet 1.0, with random weights."""
    random = torch.Generator().manual_seed(0)

    def weights(out: int, into: int, size: int) -> torch.Tensor:
        return torch.randn(out, into, size, size, generator=random) * (2 / (into * size * size)) ** 0.5

    tensors, inputs = {"conv1.weight": weights(96, 3, 7) / 100, "conv1.bias": torch.zeros(96)}, 96
    for n, (squeeze, expand) in zip(range(2, 8), [(16, 64)] * 2 + [(32, 128)] * 2 + [(48, 192)] * 2, strict=True):
        for part, shape in {"squeeze": (squeeze, inputs, 1), "expand1x1": (expand, squeeze, 1),
                            "expand3x3": (expand, squeeze, 3)}.items():
            tensors[f"fire{n}.{part}.weight"], tensors[f"fire{n}.{part}.bias"] = weights(*shape), torch.zeros(shape[0])
        inputs = 2 * expand
    path = tmp_path_factory.mktemp("published") / "squeezenet.safetensors"
    save_file(tensors, path)
    return path


def test_features_are_distilled_and_loaded(squeezenet, tmp_path):
    output = tmp_path / "compact.safetensors"
    done = run(tmp_path, "distill_features.py", "--teacher", squeezenet, "--steps", 6, "--batch", 2, "--output", output)
    assert done.returncode == 0, done.stderr
    saved = checkpoint.read(output)
    assert (saved.step, saved.settings["plan"]) == (6, "squeezenet")
    assert 0 < saved.settings["held_out_errors"]["tap1"] < 1
    assert set(load_features(output)(torch.rand(1, 3, 32, 32))) == {"tap1", "tap2", "tap3", "tap4"}


def test_a_folder_without_pictures_is_said(squeezenet, tmp_path):
    done = run(tmp_path, "distill_features.py", "--teacher", squeezenet, "--images", tmp_path, "--steps", 3)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1] == f"There are no PNG or JPEG pictures in {tmp_path}."
    assert "Traceback" not in done.stderr


def test_a_whole_zoo_is_trained_and_goes_on_where_it_was(tmp_path):
    arguments = ("train_zoo.py", "--style", "candy", "--scale", "smoke", "--output", tmp_path / "shipped")
    first = run(tmp_path, *arguments, "--only", "teacher-plain")
    assert first.returncode == 0, first.stderr
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "candy-teacher-plain" not in done.stdout.splitlines()      # it was there already
    for role in zoo.ROLES:
        manifest = json.loads((tmp_path / "shipped" / f"candy-{role}.json").read_text())
        assert manifest["scores"]["final"]["sum"]["e_stab"] > 0
        network = zoo.load(tmp_path / "shipped" / f"candy-{role}.safetensors")
        assert network(torch.rand(1, 3, 20, 20)).shape == (1, 3, 20, 20)
    ours, scratch = (json.loads((tmp_path / "shipped" / f"candy-student-{role}.json").read_text())["settings"]
                     for role in ("ours", "scratch"))
    assert {key for key in ours if ours[key] != scratch[key]} == {"lambda_res", "lambda_rank"}
