"""The same pictures from every engine, at any size; and which of them is taken."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from tutorial_lib import doctor, engines, zoo
from tutorial_lib.cli import main
from tutorial_lib.data.scenes import test_scene as scene_of
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks import pocket
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.teacher import Teacher

NETWORKS = {
    "pocket": lambda: Pocket(8, 2), "separable pocket": lambda: Pocket(8, 1, separable=True),
    "student": lambda: Student(4, 1), "smooth student": lambda: Student(4, 1, smooth=True),
    "teacher with flow": lambda: Teacher(4, 1), "plain teacher": lambda: Teacher(4, 1, uses_flow=False),
}


def need(name: str) -> None:
    """Skips the test of an engine that is not installed; CI has them all, and says so."""
    if name not in engines.installed():
        (pytest.fail if os.environ.get("OFD_EVERY_ENGINE") else pytest.skip)(f"{name} is not installed")


def made(name: str) -> torch.nn.Module:
    torch.manual_seed(3)
    return NETWORKS[name]().eval().requires_grad_(False)


@pytest.mark.parametrize("engine", engines.AUTOMATIC)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_engine_paints_the_same_picture_at_any_size(name, engine, noise):
    need(engine)
    network = made(name)
    painted = engines.start(network, engine)
    for height, width in ((48, 64), (47, 65), (16, 18), (33, 120)):
        frame, past = noise(1, 3, height, width), (noise(1, 3, height, width), noise(1, 1, height, width).round())
        assert engines.decibels(painted(frame), network(frame)) > engines.NEAR
        if network.uses_flow:
            assert engines.decibels(painted(frame, *past), network(frame, *past)) > engines.NEAR
            assert engines.decibels(painted(frame, *past), network(frame)) < engines.NEAR      # the past counts
    assert painted.uses_flow == network.uses_flow


@pytest.mark.parametrize("engine", engines.AUTOMATIC)
def test_a_trained_network_keeps_its_picture(engine):
    need(engine)
    network = zoo.load("mosaic-student-ours")
    frame = scene_of("alley_2", 72, 128, 2).frame(0)
    assert engines.decibels(engines.start(network, engine)(frame), network(frame)) > engines.NEAR


@pytest.mark.parametrize("engine", engines.AUTOMATIC)
def test_a_picture_stays_as_it_was_when_the_next_is_painted(engine, noise):
    """An engine may write its next answer into the same memory."""
    need(engine)
    painted = engines.start(made("pocket"), engine)
    first = painted(noise(1, 3, 32, 32))
    before = first.clone()
    painted(1 - noise(1, 3, 32, 32))
    assert torch.equal(first, before)


def test_an_engine_that_rounds_says_so():
    painted = engines.start(made("pocket"), "torch-bfloat16")(torch.rand(1, 3, 32, 32))
    exact = engines.start(made("pocket"), "torch")(torch.rand(1, 3, 32, 32))
    assert engines.decibels(painted, exact) < 120 and painted.dtype == torch.float32


def test_decibels():
    a = torch.zeros(1, 3, 4, 4)
    assert engines.decibels(a, a + 0.1) == pytest.approx(20, abs=1e-3)
    assert engines.decibels(a, a) == 200


# --- the choice ---


@pytest.fixture
def clocked(monkeypatch, tmp_path):
    """Engines of known speed and nearness, and a count of the measurements."""
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    rows, calls = {}, []

    def compare(found, frame, rounds=5):
        calls.append([engine.name for engine in found])
        return {engine.name: rows.get(engine.name, {"seconds": 9.0, "decibels": 90.0}) for engine in found}

    monkeypatch.setattr(engines, "compare", compare)
    monkeypatch.setattr(engines, "installed", lambda device="cpu": ["torch", "torch-bfloat16"])
    return rows, calls


def test_the_fastest_that_is_near_is_taken(clocked):
    rows, _ = clocked
    rows["torch"] = {"seconds": 2.0, "decibels": 200.0}
    rows["torch-bfloat16"] = {"seconds": 1.0, "decibels": 41.0}
    assert engines.fastest(made("pocket"), (32, 32)) == "torch-bfloat16"


def test_a_faster_one_that_is_not_near_is_not(clocked):
    rows, _ = clocked
    rows["torch-bfloat16"] = {"seconds": 1.0, "decibels": 39.0}
    assert engines.fastest(made("pocket"), (32, 32)) == "torch"


def test_it_is_measured_once_for_a_network_and_a_size(clocked):
    _, calls = clocked
    network, other = made("pocket"), made("student")
    for given, size in ((network, 32), (network, 32), (network, 36), (other, 32), (network, 36)):
        engines.fastest(given, (size, 32))
    assert len(calls) == 3
    assert [row["about"]["size"] for row in engines.kept()] == [[32, 32], [36, 32], [32, 32]]


@pytest.mark.parametrize("changed", ["weights", "threads", "hardware", "versions", "engines", "size"])
def test_it_is_measured_again_where_anything_is_another_that_counts(changed, clocked, monkeypatch):
    """The folder may have come from another machine, or a package may be new."""
    _, calls = clocked
    network, size = made("pocket"), (32, 32)
    for _ in range(2):
        engines.measured(network, size)
    assert len(calls) == 1
    if changed == "weights":
        next(network.parameters()).data += 0.1
    elif changed == "threads":
        monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
    elif changed == "engines":
        monkeypatch.setattr(engines, "installed", lambda device="cpu": ["torch"])
    elif changed == "size":
        size = (32, 24)
    else:
        name = {"hardware": "hardware", "versions": "version"}[changed]
        monkeypatch.setattr(engines, name, lambda *_: "another")
    for _ in range(2):
        engines.measured(network, size)
    assert len(calls) == 2


def test_nearness_is_judged_by_a_photograph_at_the_size_that_is_asked_for(monkeypatch, tmp_path):
    """A film may begin in black, where the rounding of bfloat16 is large, and its first frame decided for all of it."""
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    monkeypatch.setattr(engines, "installed", lambda device="cpu": ["torch", "torch-bfloat16"])
    seen = []

    def compare(found, frame, rounds=5):
        seen.append(frame)
        return {engine.name: {"seconds": 1.0, "decibels": 90.0} for engine in found}

    monkeypatch.setattr(engines, "compare", compare)
    engines.fastest(made("pocket"), (24, 40))
    frame, = seen
    assert frame.shape == (1, 3, 24, 40) and 0.3 < frame.mean() < 0.7 and frame.std() > 0.1
    network = zoo.load("mosaic-pocket-ours")
    near = engines.start(network, "torch-bfloat16")
    assert engines.is_near(near, network, (90, 160))
    dark = engines.decibels(near(0.01 * frame), network(0.01 * frame))
    assert dark < engines.NEAR, "README and the docstring say so"
    assert not engines.is_near(engines.Engine("far", network, lambda image: network(image) + 0.02), network, (90, 160))


def test_in_the_dark_it_is_the_constants_that_bfloat16_rounds(monkeypatch):
    """RESULTS.md, "Real time": the network paints a dark frame as brightly, and with it what is rounded of them."""
    network, frame = zoo.load("mosaic-pocket-ours"), scene_of("alley_2", 90, 160, 2).frame(0)
    contrast = [network(light * frame).std().item() for light in (1.0, 0.01)]
    assert contrast[1] == pytest.approx(contrast[0], rel=0.05)

    def near(light):
        return engines.decibels(engines.start(network, "torch-bfloat16")(light * frame), network(light * frame))

    assert near(1.0) - near(0.01) > 25
    monkeypatch.setattr(pocket, "mean_colour", torch.zeros_like)
    network.first.conv.bias.data.zero_()
    assert near(1.0) - near(0.01) < 3


def test_engines_get_the_threads_and_the_precision_that_are_asked_for(monkeypatch):
    need("onnxruntime")
    need("openvino")
    import onnxruntime
    import openvino

    asked, spinning = [], []

    class Core:
        def read_model(self, graph):
            return graph

        def compile_model(self, model, device, about):
            asked.append((about["INFERENCE_NUM_THREADS"], about["INFERENCE_PRECISION_HINT"]))

    monkeypatch.setattr(onnxruntime, "InferenceSession",
                        lambda graph, options, providers: asked.append((options.intra_op_num_threads, "f32")) or
                        spinning.append(options.get_session_config_entry("session.intra_op.allow_spinning")))
    monkeypatch.setattr(openvino, "Core", Core)
    monkeypatch.setattr(engines, "to_onnx", lambda network: b"graph")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    for name, precision in (("onnxruntime", "f32"), ("openvino", "f32"), ("openvino-bfloat16", "bf16")):
        engines.start(made("pocket"), name)
        engines.start(made("pocket"), name, threads=3)
        assert asked == [(5, precision), (3, precision)]
        asked.clear()
    assert spinning == ["0", "0"]       # the decoder and the encoder need the processor between two frames


def test_engines_are_timed_in_turn(noise):
    order = []

    class Spy:
        uses_flow = False

        def __init__(self, name):
            self.name = name

        def __call__(self, frame):
            order.append(self.name)
            return frame if self.name == "torch" else frame + 0.01

    report = engines.compare([Spy("torch"), Spy("other")], noise(1, 3, 32, 32), rounds=2)
    assert order == ["torch", "other"] * 4      # for the picture, to warm up, and twice
    assert report["other"]["decibels"] == pytest.approx(40, abs=0.01) and report["other"]["seconds"] >= 0


def test_names_that_are_none_and_what_is_missing(monkeypatch):
    with pytest.raises(TutorialError, match="Unknown engine 'tensorrt'; the engines are auto, torch"):
        engines.check("tensorrt")
    with pytest.raises(TutorialError, match="openvino computes on the processor; take torch on a GPU"):
        engines.check("openvino", "cuda")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TutorialError, match=r"onnxruntime needs onnx and onnxruntime: pip install .*\[fast\]"):
        engines.check("onnxruntime")
    assert engines.installed() == ["torch", "torch-bfloat16"]


# --- export ---


def test_an_exported_network_says_what_it_is_and_paints_the_same(tmp_path, noise, capsys):
    need("onnxruntime")
    import onnx
    import onnxruntime

    target = tmp_path / "out.onnx"
    assert main(["export", "mosaic-student-ours", str(target)]) == 0
    assert str(target) in capsys.readouterr().out
    about = {entry.key: entry.value for entry in onnx.load(target).metadata_props}
    assert about["style"] == "mosaic" and about["network"] == "mosaic-student-ours"
    known = zoo.manifest("mosaic-student-ours")
    assert json.loads(about["settings"]) == known["settings"] and "MIT" in about["licence"]
    assert json.loads(about["configuration"]) == known["network"]
    session, network = onnxruntime.InferenceSession(target), zoo.load("mosaic-student-ours")
    for shape in ((1, 3, 50, 70), (2, 3, 64, 48)):
        frame = noise(*shape)
        painted, = session.run(["painted"], {"frame": frame.numpy()})
        torch.testing.assert_close(torch.from_numpy(painted), network(frame), atol=1e-4, rtol=0)


def test_a_teacher_is_exported_with_its_past(tmp_path, noise):
    need("onnxruntime")
    import onnxruntime

    teacher = made("teacher with flow")
    engines.export(teacher, tmp_path / "teacher.onnx")
    images = noise(1, 3, 40, 44), noise(1, 3, 40, 44), noise(1, 1, 40, 44).round()
    session = onnxruntime.InferenceSession(tmp_path / "teacher.onnx")
    given = {name: image.numpy() for name, image in zip(engines.INPUTS, images, strict=True)}
    painted, = session.run(None, given)
    torch.testing.assert_close(torch.from_numpy(painted), teacher(*images), atol=1e-4, rtol=0)


def test_an_export_that_cannot_be(tmp_path, capsys, monkeypatch):
    assert main(["export", "mosaic-student-ours", str(tmp_path / "out.pt")]) == 2
    assert "should end in .onnx" in capsys.readouterr().err
    assert main(["export", "nobody", str(tmp_path / "out.onnx")]) == 2
    assert "Unknown network 'nobody'" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["export", "mosaic-student-ours", str(tmp_path / "out.onnx")]) == 2
    assert "needs onnx" in capsys.readouterr().err
    assert [*Path(tmp_path).iterdir()] == []


def test_an_export_replaces_nothing_unasked(tmp_path, capsys):
    need("onnxruntime")
    target = tmp_path / "out.onnx"
    target.write_text("mine")
    assert main(["export", "mosaic-pocket-ours", str(target)]) == 2 and target.read_text() == "mine"
    assert "exists already; choose another name, or replace it with --overwrite" in capsys.readouterr().err
    assert main(["export", "mosaic-pocket-ours", str(tmp_path), "--overwrite"]) == 2
    assert f"{tmp_path} is a folder; give the name of a file." in capsys.readouterr().err
    assert main(["export", "mosaic-pocket-ours", str(target), "--overwrite"]) == 0 and target.stat().st_size > 100_000


def test_only_what_ships_is_exported_with_the_course_s_licence(tmp_path):
    need("onnxruntime")
    import onnx

    shutil.copy(zoo.path_of("mosaic-pocket-ours"), tmp_path / "mine.safetensors")
    assert main(["export", str(tmp_path / "mine.safetensors"), str(tmp_path / "mine.onnx")]) == 0
    about = {entry.key: entry.value for entry in onnx.load(tmp_path / "mine.onnx").metadata_props}
    assert about["network"] == "mine" and about["licence"] == ""


@pytest.mark.parametrize("name", ["pocket", "teacher with flow"])
def test_a_graph_that_paints_otherwise_is_not_written(name, tmp_path, monkeypatch):
    need("onnxruntime")
    graph = engines.to_onnx(made(name))
    monkeypatch.setattr(engines, "to_onnx", lambda network: graph)
    other = made(name)
    next(reversed([*other.parameters()])).data += 0.1
    with pytest.raises(TutorialError, match=r"The exported graph is only .* dB near to the network"):
        engines.export(other, tmp_path / "out.onnx")
    assert [*tmp_path.iterdir()] == []
    engines.export(made(name), tmp_path / "out.onnx")


# --- doctor ---


def test_doctor_shows_what_was_measured(clocked):
    rows, _ = clocked
    assert engines.chosen({}) == "torch"        # of a report without any row, too
    assert "measured by the first stylize" in doctor._engines()
    rows |= {"torch": {"seconds": 0.02, "decibels": 200.0}, "torch-bfloat16": {"seconds": 0.01, "decibels": 30.0}}
    engines.fastest(made("pocket"), (20, 32))
    said = doctor._engines()
    assert "at 32x20: torch 20 ms, torch-bfloat16 10 ms (coarse); auto takes torch there" in said


@pytest.mark.skipif(not os.environ.get("OFD_EVERY_ENGINE"), reason="it takes minutes; OFD_EVERY_ENGINE=1 does it")
def test_a_compiled_network_paints_the_same_picture_at_any_size(noise):
    network = made("pocket")
    painted = engines.start(network, "compile")
    for height, width in ((48, 64), (47, 65)):
        frame = noise(1, 3, height, width)
        assert engines.decibels(painted(frame), network(frame)) > engines.NEAR
