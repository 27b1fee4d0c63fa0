"""The scripts that measure speed: that they come to an end, and what they do with the seconds."""

import json
import sys

import pytest
import torch
from scripts import loaded
from test_data_scripts import SCRIPTS, run

from tutorial_lib import checkpoint
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp
from tutorial_lib.losses.perceptual import PerceptualLoss, gram
from tutorial_lib.networks.features import load_features
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.networks.student import Student


def test_engines_are_measured_frame_by_frame_and_from_file_to_file(tmp_path):
    output = tmp_path / "engines.json"
    done = run(tmp_path, "measure_engines.py", "--rounds", 1, "--film-rounds", 2, "--frames", 6,
               "--engines", "torch-bfloat16", "--output", output)
    assert done.returncode == 0, done.stderr
    report = json.loads(output.read_text())
    networks = {row["network"]: row for row in report["frames"]}
    assert sum(name.endswith("(ships)") for name in networks) == 1 and "student-ours" in networks
    assert networks["pocket-32x4"]["parameters"] < networks["pocket-48x4"]["parameters"] < 277_000
    for row in report["frames"]:
        assert row["range"][0] <= row["seconds"] <= row["range"][1]
        assert row["decibels"] == 200 if row["engine"] == "torch" else 40 < row["decibels"] < 100
    films = {(row["network"], row["engine"]): row["frames"] for row in report["films"]}
    ships = next(name for name in networks if name.endswith("(ships)"))
    assert set(films) == {(ships, "torch-bfloat16"), *((name, "torch") for name in networks)}
    assert set(films.values()) == {6}
    assert all(row["range"][0] <= row["seconds"] <= row["range"][1] for row in report["films"])
    near = [row["decibels"] for row in report["darkness"]]
    assert near[0] > 45 and near[-1] < 40 and near == sorted(near, reverse=True)
    assert "A film of 6 frames, from file to file, medians of 2" in output.with_suffix(".txt").read_text()


def test_engines_of_a_network_that_is_none(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["measure_engines.py", "--networks", "pocket-33x3"])
    with pytest.raises(TutorialError, match="Unknown network pocket-33x3; there are student-ours, pocket-32x4"):
        loaded("measure_engines").main()


def test_sizes_are_scored_beside_their_own_control_and_beside_the_zoos(tmp_path, monkeypatch):
    folder, output, engines = tmp_path / "zoo" / "smoke-0", tmp_path / "sizes.json", tmp_path / "engines.json"
    frames = {"torch": 0.04, "openvino": 0.02, "openvino-bfloat16": 0.01}
    engines.write_text(json.dumps({
        "machine": "a machine",
        "frames": [{"network": network, "engine": engine, "seconds": seconds, "parameters": 1000, "gmac": 2.0}
                   for network in ("student-ours", "pocket-32x5 (ships)") for engine, seconds in frames.items()],
        "films": [{"network": network, "engine": engine, "frames": 300, "seconds": 300 * 2 * seconds}
                  for network in ("student-ours", "pocket-32x5 (ships)") for engine, seconds in frames.items()]}))
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    monkeypatch.syspath_prepend(SCRIPTS)
    arguments = ("--scale", "smoke", "--count", 1, "--frames", 3, "--engines", engines, "--output", output)
    monkeypatch.setattr(sys, "argv", ["measure_sizes.py", *map(str, arguments)])
    measure = loaded("measure_sizes").main
    with pytest.raises(TutorialError, match="No size is trained in the style mosaic"):
        measure()
    folder.mkdir(parents=True)
    for seed, role in enumerate(("32x5-scratch", "32x5-ours", "sep-64x5-ours")):     # of the last, no control yet
        torch.manual_seed(seed)
        path, network = folder / f"mosaic-pocket-{role}.safetensors", Pocket(8, 1)
        checkpoint.save(path, network, {"network": network.configuration, "style": "mosaic"}, dtype=torch.float16)
        path.with_suffix(".json").write_text("{}")
    measure()
    report = json.loads(output.read_text())
    zoo_row, row = report["rows"]
    assert (zoo_row["size"], row["size"]) == ("student-ours", "pocket-32x5") and "pocket-sep-64x5" in report["missing"]
    assert row["bytes"] == (folder / "mosaic-pocket-32x5-ours.safetensors").stat().st_size
    assert row["seconds"] == frames and row["ships"] and not zoo_row["ships"]
    assert row["film"] == {"engine": "openvino", "frames_per_second": 25.0}         # the fastest in float32
    own, of_zoo = (row["ours"]["style"] / other["style"] - 1 for other in (row["scratch"], zoo_row["scratch"]))
    line = next(line for line in output.with_suffix(".txt").read_text().splitlines() if line.startswith("pocket-32x5"))
    assert own != of_zoo and line.split()[-5] == f"{own:+.1%}" and line.split()[-2] == f"{of_zoo:+.1%}"


@pytest.fixture(scope="module")
def measure_training():
    return loaded("measure_training")


def test_the_plain_kernels_are_those_of_the_losses(measure_training, noise):
    frames, features = noise(2, 3, 12, 15), noise(2, 4, 5, 6)
    flows = 2 * noise(2, 2, 12, 15) - 1
    inside = (slice(None), slice(None), slice(2, -2), slice(2, -2))
    torch.testing.assert_close(measure_training.plain_warp(frames, flows)[inside], warp(frames, flows)[inside])
    torch.testing.assert_close(measure_training.plain_gram(features), gram(features))


def test_a_remembered_content_changes_nothing_of_a_step(measure_training, monkeypatch, noise):
    monkeypatch.setattr(measure_training, "HEIGHT", 32)
    monkeypatch.setattr(measure_training, "WIDTH", 48)
    network, judge = Student(4, 1), PerceptualLoss(load_features("compact"), noise(1, 3, 40, 40))
    slopes, counts, judged, content_of = [], [], [], judge.content_of
    monkeypatch.setattr(judge, "content_of", lambda frames: judged.append(1) or content_of(frames))
    for remembered in (False, True):
        torch.manual_seed(1)
        measure_training.pair_step(network, judge, None, remembered)()
        slopes.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
        counts.append(len(judged))
        judged.clear()
    assert counts == [2, 1]         # once before each, and once more in the step that does not remember
    torch.testing.assert_close(*slopes)
    assert slopes[0].abs().sum() > 0
