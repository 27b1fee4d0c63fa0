"""The command line `train`, from a picture to a student, and on into `stylize` and `evaluate`."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tutorial_lib import checkpoint, zoo
from tutorial_lib import train as train_module
from tutorial_lib.cli import main
from tutorial_lib.data.images import write_image
from tutorial_lib.data.scenes import random_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.settings import scale


def train(stage: str, output, *more: str, style: str = "waves") -> int:
    return main(["train", stage, "--style", style, "--scale", "smoke", "--steps", "2", "--output", str(output), *more])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Every stage once, each from the files of those before it."""
    folder = tmp_path_factory.mktemp("trained")
    plain, flow, start, ours = (folder / f"{name}.safetensors" for name in ("plain", "flow", "start", "ours"))
    assert train("teacher-plain", plain) == 0
    assert train("teacher-flow", flow, "--teacher-plain", str(plain)) == 0
    assert train("student-plain", start, "--teacher-plain", str(plain)) == 0
    assert train("distill", ours, "--teacher-plain", str(plain), "--teacher-flow", str(flow), "--start", str(start),
                 "--lambda-rank", "0", "--seed", "4") == 0
    return folder


def test_the_files_are_networks_with_their_settings(trained, noise):
    frame = noise(1, 3, 20, 24)
    outputs = [zoo.load(trained / f"{name}.safetensors")(frame) for name in ("plain", "flow", "start", "ours")]
    assert all(a.shape == frame.shape and torch.isfinite(a).all() for a in outputs)
    assert zoo.load(trained / "flow.safetensors").uses_flow
    assert not zoo.load(trained / "plain.safetensors").uses_flow
    saved = checkpoint.read(trained / "ours.safetensors")
    assert (saved.step, saved.about["style"]) == (2, "waves")
    assert (saved.about["scale"]["lambda_rank"], saved.about["scale"]["seed"]) == (0, 4)


def test_run_again_it_has_nothing_left_to_do_and_with_other_settings_it_refuses(trained, capsys):
    path = trained / "plain.safetensors"
    before = path.read_bytes()
    assert train("teacher-plain", path) == 0
    assert path.read_bytes() == before
    assert train("teacher-plain", path, style="candy") == 2
    assert "another style" in capsys.readouterr().err


def test_a_style_is_its_picture_and_not_its_name(tmp_path, monkeypatch, capsys, noise):
    monkeypatch.chdir(tmp_path)
    write_image("s.png", noise(1, 3, 64, 64))
    path = tmp_path / "plain.safetensors"
    for spelling in ("s.png", "./s.png", str(tmp_path / "s.png")):
        assert train("teacher-plain", path, style=spelling) == 0
        assert checkpoint.read(path).step == 2
    before = path.read_bytes()
    write_image("s.png", noise(1, 3, 64, 64))
    assert train("teacher-plain", path, style="s.png") == 2
    assert "another style picture; give the same settings to go on with it, or another file" in capsys.readouterr().err
    assert path.read_bytes() == before and sorted(p.name for p in tmp_path.iterdir()) == ["plain.safetensors", "s.png"]


def test_other_teachers_are_noticed_when_it_goes_on(trained, capsys):
    more = ["--start", "mosaic-student-plain", "--teacher-plain", "mosaic-teacher-plain"]
    output = trained / "other.safetensors"
    assert train("distill", output, *more, "--teacher-flow", "mosaic-teacher-flow") == 0
    assert train("distill", output, *more, "--teacher-flow", str(trained / "flow.safetensors")) == 2
    assert "another targets" in capsys.readouterr().err


def test_on_videos_of_ones_own(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("OFD_BUILD", str(tmp_path / "build"))
    scene = random_scene(3, 60, 80, 5)
    for t in range(5):
        write_image(tmp_path / "videos" / "one" / f"{t:03}.png", scene.frame(t))
    output = tmp_path / "flow.safetensors"
    assert train("teacher-flow", output, "--teacher-plain", str(trained / "plain.safetensors"),
                 "--videos", str(tmp_path / "videos")) == 0
    rendered = checkpoint.read(trained / "flow.safetensors").weights
    filmed = checkpoint.read(output).weights
    assert any(not torch.equal(filmed[name], rendered[name]) for name in filmed)


def test_tuples_are_cut_for_the_settings_and_kept_for_those_that_cut_the_same(tmp_path, monkeypatch):
    """Another size, length, number or seed is another folder; another style weight is not."""
    cut = []
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    monkeypatch.setattr(train_module, "find_videos", lambda folder: [folder / "a.mp4"])
    monkeypatch.setattr(train_module, "fingerprint", lambda files: "films")
    monkeypatch.setattr(train_module, "prepare_tuples", lambda *about: cut.append(about))
    monkeypatch.setattr(train_module, "TupleClips", lambda folder, settings: (folder, settings))
    usual, folders = scale("smoke").but(seed=3), []
    for changes in ({}, {"style_weight": 3.0}, {"height": 40}, {"width": 40}, {"clips": 7}, {"clip_length": 4},
                    {"seed": 9}):
        settings = usual.but(**changes)
        folder, used = train_module._clips(settings, Path("films"))
        s = settings
        assert cut[-1] == ([Path("films/a.mp4")], folder, s.height, s.width, s.clips, s.clip_length, s.seed)
        assert used is settings
        folders.append(folder)
    assert folders[0] == folders[1] and len(set(folders)) == len(folders) - 1


@pytest.mark.parametrize(("stage", "more", "message"), [
    ("teacher-flow", [], "needs --teacher-plain"),
    ("distill", ["--teacher-plain", "mosaic-teacher-plain", "--start", "mosaic-student-plain"], "needs --teacher-flow"),
    ("teacher-flow", ["--teacher-plain", "mosaic-student-plain"], "is a student, not a teacher"),
    ("distill", ["--teacher-plain", "mosaic-teacher-plain", "--start", "mosaic-student-plain",
                 "--teacher-flow", "mosaic-teacher-plain"], "is a teacher, not a teacher with flow"),
    ("student-plain", ["--teacher-plain", "nobody"], "Unknown network 'nobody'"),
    ("student-plain", ["--teacher-plain", "mosaic-student-plain"], "is a student, not a teacher"),
    ("student-plain", ["--teacher-plain", "mosaic-teacher-flow"], "is a teacher with flow, not a teacher."),
    ("teacher-plain", ["--teacher-plain", "mosaic-student-plain"], "is not made from --teacher-plain; leave it out"),
    ("student-plain", ["--start", "nobody", "--teacher-flow", "nobody"], "not made from --start and --teacher-flow"),
    ("teacher-flow", ["--teacher-plain", "mosaic-teacher-plain", "--videos", "nowhere"], "There is no folder nowhere"),
])
def test_what_is_missing_is_said(tmp_path, capsys, stage, more, message):
    assert train(stage, tmp_path / "a.safetensors", *more) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["-1", "nan"])
def test_a_weight_below_zero_or_none_at_all_is_refused(tmp_path, capsys, value):
    with pytest.raises(SystemExit) as stop:
        train("teacher-flow", tmp_path / "a.safetensors", "--lambda-res", value)
    assert stop.value.code == 2 and f"--lambda-res: {value} is no finite number" in capsys.readouterr().err
    with pytest.raises(TutorialError, match=r"lambda_res is .*; a weight of a loss is 0 or a positive number"):
        train_module.train("teacher-flow", "waves", scale("smoke"), tmp_path / "a.safetensors",
                           given={"lambda_res": float(value)})
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_scale_and_style_are_said(tmp_path, capsys):
    assert main(["train", "teacher-plain", "--style", "mosaic", "--scale", "huge", "--output", "a.safetensors"]) == 2
    assert "smoke, laptop, colab, paper" in capsys.readouterr().err
    assert train("teacher-plain", tmp_path / "a.safetensors", style="cubism") == 2
    assert "mosaic" in capsys.readouterr().err


def test_evaluate_scores_a_file_of_ones_own(trained, tmp_path, capsys):
    output = tmp_path / "table.json"
    path = str(trained / "ours.safetensors")
    assert main(["evaluate", "--network", path, "--scale", "smoke", "--output", str(output)]) == 0
    rows = json.loads(output.read_text())
    assert [row["scene"] for row in rows] == ["alley_2", "ambush_5", "bandage_2", "market_6", "temple_2", "sum"]
    assert rows[-1]["e_stab"] == pytest.approx(np.sum([row["e_stab"] for row in rows[:-1]]))
    assert "input (floor)" in capsys.readouterr().out
