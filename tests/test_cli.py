import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
import torch
from films import film, picture, read_frames

import tutorial_lib
from tutorial_lib import checkpoint, doctor, engines, zoo
from tutorial_lib.cli import main, parser
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation import report
from tutorial_lib.networks.student import Student
from tutorial_lib.papers.ofd.roles import ROLES
from tutorial_lib.settings import scale


class Negative(torch.nn.Module):
    def forward(self, frame):
        return 1 - frame


@pytest.fixture
def loaded(monkeypatch):
    """A zoo that gives a negative for every name, and notes the names."""
    names = []

    def load(name):
        names.append(name)
        if name == "unknown-student-ours":
            raise TutorialError("Unknown network 'unknown-student-ours'; give one of mosaic-student-ours.")
        return Negative()

    monkeypatch.setattr(zoo, "load", load)
    monkeypatch.setattr(zoo, "names", lambda: ["mosaic-teacher-flow", "mosaic-student-ours", "waves-student-ours"])
    monkeypatch.setenv("OFD_DEVICE", "cpu")
    monkeypatch.setattr(engines, "fastest", lambda network, frame, progress: "torch")
    return names


@pytest.fixture
def source(tmp_path):
    return film(tmp_path / "in.mp4", [picture(n) for n in range(3)])


@pytest.mark.parametrize(
    "options, name",
    [
        ([], "mosaic-student-ours"),
        (["--style", "waves"], "waves-student-ours"),
        (["--network", "mosaic-teacher-flow"], "mosaic-teacher-flow"),
    ],
)
def test_stylize_finds_the_network_and_says_what_it_wrote(tmp_path, loaded, source, capsys, options, name):
    target = tmp_path / "out.mp4"
    assert main(["stylize", str(source), str(target), *options]) == 0
    assert loaded == [name]
    assert (read_frames(target) - (1 - read_frames(source))).abs().mean() < 0.01
    assert f"{target}: 3 frames of 64x48 by {name} in torch, no sound" in capsys.readouterr().out


def test_a_style_means_its_pocket_student_where_there_is_one(tmp_path, loaded, source, monkeypatch):
    monkeypatch.setattr(zoo, "names", lambda: ["mosaic-pocket-ours", "mosaic-student-ours", "waves-student-ours"])
    for style in ("mosaic", "waves"):
        assert main(["stylize", str(source), str(tmp_path / f"{style}.mp4"), "--style", style]) == 0
    assert loaded == ["mosaic-pocket-ours", "waves-student-ours"]


def options_of(command):
    """{option of the command line: its action}, without help."""
    subparsers = next(action for action in parser()._actions if isinstance(action.choices, dict))
    return {name: action for action in subparsers.choices[command]._actions for name in action.option_strings
            if name not in ("-h", "--help")}


def test_stylize_passes_on_every_option(tmp_path, loaded, source, monkeypatch):
    """Those that say which network are tested above."""
    asked = []

    def stylize_video(network, source, target, **options):
        asked.append(options)
        raise TutorialError("enough")

    monkeypatch.setattr("tutorial_lib.stylize.stylize_video", stylize_video)
    usual = {"flow_method": None, "overwrite": False, "engine": "auto", "size": None}
    others = {"--flow": ("flow_method", "dis-fast"), "--overwrite": ("overwrite", True),
              "--engine": ("engine", "onnxruntime"), "--size": ("size", 960)}
    assert {*others, "--style", "--network"} == options_of("stylize").keys()
    for option, (name, value) in {"": ("size", None), **others}.items():
        words = [option] * bool(option) + [str(value)] * (value not in (None, True))
        assert main(["stylize", str(source), str(tmp_path / "out.mp4"), *words]) == 2
        assert asked.pop() == {**usual, name: value}


def test_the_style_of_the_course_is_the_usual_one(tmp_path, loaded, source, monkeypatch):
    monkeypatch.setenv("OFD_STYLE", "waves")
    assert main(["stylize", str(source), str(tmp_path / "usual.mp4")]) == 0
    assert main(["stylize", str(source), str(tmp_path / "asked.mp4"), "--style", "mosaic"]) == 0
    assert loaded == ["waves-student-ours", "mosaic-student-ours"]


def test_a_style_of_ones_own_is_found_by_its_name(tmp_path, source, monkeypatch, capsys):
    (tmp_path / "own").mkdir()
    shutil.copy(zoo.FOLDER / "waves-student-ours.safetensors", tmp_path / "own" / "rare-student-ours.safetensors")
    arguments = ["stylize", str(source), str(tmp_path / "out.mp4"), "--style", "rare"]
    assert main(arguments) == 2
    monkeypatch.setenv("OFD_ZOO", str(tmp_path / "own"))
    assert main(arguments) == 0
    assert "by rare-student-ours" in capsys.readouterr().out


def test_what_would_be_left_aside_is_said(tmp_path, source, capsys):
    for more, sentence in ((["--network", ""], "Unknown network ''"), (["--style", ""], "no network for the style ''"),
                           (["--flow", "dis"], "uses no optical flow")):
        assert main(["stylize", str(source), str(tmp_path / "out.mp4"), *more]) == 2
        assert sentence in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_evaluate_replaces_a_file_only_when_it_is_told_to(tmp_path, monkeypatch, capsys):
    output, asked = tmp_path / "table.json", []
    output.write_text("precious")
    monkeypatch.setattr(report, "evaluate_networks", lambda *arguments: asked.append(arguments) or [])
    monkeypatch.setattr(report, "format_table", lambda rows: "")
    assert main(["evaluate", "--output", str(output)]) == 2
    assert "exists already" in capsys.readouterr().err and output.read_text() == "precious" and asked == []
    assert main(["evaluate", "--output", str(output), "--overwrite"]) == 0 and output.read_text() == "[]\n"


def test_stylize_says_that_an_odd_side_grew(tmp_path, loaded, capsys):
    source = film(tmp_path / "in.mkv", [picture(0, 17, 33)], codec="ffv1", pixels="bgr0")
    assert main(["stylize", str(source), str(tmp_path / "out.mp4")]) == 0
    out = capsys.readouterr().out
    assert "34x18" in out and "odd side" in out


def test_a_bad_input_is_one_sentence_and_exit_code_2(tmp_path, loaded, source, capsys):
    for arguments, sentence in (
        (["stylize", str(tmp_path / "no.mp4"), "out.mp4"], "There is no video"),
        (["stylize", str(source), str(source)], "is the source itself"),
        (["stylize", str(source), str(tmp_path / "out.gif")], "should end in .mp4"),
        (["stylize", str(source), str(tmp_path / "out.mp4"), "--style", "unknown"], "no network for the style"),
        (["evaluate", "--scale", "huge"], "Unknown scale 'huge'; the scales are smoke, laptop, colab, paper."),
    ):
        assert main(arguments) == 2
        printed = capsys.readouterr()
        assert sentence in printed.err and printed.err.count("\n") == 1 and printed.out == ""


def test_an_existing_target_needs_overwrite(tmp_path, loaded, source, capsys):
    target = tmp_path / "out.mp4"
    target.write_text("precious")
    assert main(["stylize", str(source), str(target)]) == 2
    assert "exists already" in capsys.readouterr().err and target.read_text() == "precious"
    assert main(["stylize", str(source), str(target), "--overwrite"]) == 0


def test_ctrl_c_is_130_and_says_how_to_go_on(tmp_path, loaded, source, capsys, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt("Stopped; about 150 frames are kept: run the same command again to go on from there.")

    monkeypatch.setattr("tutorial_lib.stylize.stylize_video", stopped)
    assert main(["stylize", str(source), str(tmp_path / "out.mp4")]) == 130
    assert "run the same command again" in capsys.readouterr().err


def test_an_empty_zoo_asks_for_a_file(tmp_path, source, monkeypatch, capsys):
    monkeypatch.setattr(zoo, "names", lambda: [])
    assert main(["stylize", str(source), str(tmp_path / "out.mp4")]) == 2
    assert "--network FILE" in capsys.readouterr().err


def test_evaluate_prints_the_table_and_writes_it(tmp_path, loaded, monkeypatch, capsys):
    asked = []

    def evaluate_networks(*arguments):
        asked.append(arguments)
        return [{"name": "a", "e_stab": 0.1}]

    monkeypatch.setattr(report, "evaluate_networks", evaluate_networks)
    monkeypatch.setattr(report, "format_table", lambda rows: f"{rows[0]['name']}!")
    output = tmp_path / "table.json"
    arguments = ["--network", "a", "b", "--scale", "smoke", "--pass", "clean", "--output", str(output),
                 "--sintel", "films", "--overwrite"]
    assert options_of("evaluate").keys() <= {*arguments}
    assert main(["evaluate", *arguments]) == 0
    names, root, settings, pass_name = asked[0]
    assert (names, root, settings.name, pass_name) == (["a", "b"], Path("films"), "smoke", "clean")
    assert capsys.readouterr().out == "a!\n"
    assert json.loads(output.read_text()) == [{"name": "a", "e_stab": 0.1}]
    assert main(["evaluate"]) == 0 and asked[1][:2] == (zoo.names(), None) and asked[1][3] == "final"


def test_evaluate_leaves_out_what_does_not_paint_unless_it_is_asked_for(tmp_path, monkeypatch):
    network = Student(4, 1)
    for name, style in (("student-plain", None), ("mine", "waves")):
        checkpoint.save(tmp_path / f"{name}.safetensors", network, {"network": network.configuration, "style": style})
    monkeypatch.setenv("OFD_ZOO", str(tmp_path))
    asked = []
    monkeypatch.setattr(report, "evaluate_networks", lambda names, *_: asked.append(names) or [])
    monkeypatch.setattr(report, "format_table", lambda rows: "")
    assert main(["evaluate"]) == 0 and main(["evaluate", "--network", "student-plain"]) == 0
    others = {"student-plain", *(name for name in zoo.names() if name.startswith("sr-"))}
    assert asked == [[name for name in zoo.names() if name not in others], ["student-plain"]]
    assert "mine" in asked[0] and "sr-teacher" in others


@pytest.fixture
def trained(monkeypatch):
    """A training that only notes what it is asked for."""
    noted = []
    monkeypatch.setattr("tutorial_lib.train.train", lambda *arguments: noted.append(arguments))
    return noted


def test_train_passes_on_what_it_is_given(trained, capsys):
    assert main([
        "train", "student-temp", "--style", "a.jpg", "--scale", "smoke", "--output", "b.safetensors", "--steps", "3",
        "--seed", "2", "--videos", "films", "--teacher-flow", "f", "--teacher-plain", "p", "--start", "s",
        "--lambda-res", "0", "--lambda-rank", "5",
    ]) == 0
    role, style, settings, output, steps, videos, networks, given = trained[0]
    assert (role, style, output, steps, videos) == ("student-temp", "a.jpg", Path("b.safetensors"), 3, Path("films"))
    assert settings == scale("smoke").but(seed=2)           # the lambdas go beside it, or they would be scaled
    assert networks == {"teacher-flow": "f", "teacher-plain": "p", "start": "s"}
    assert given == {"lambda_res": 0.0, "lambda_rank": 5.0}
    assert "stylize IN OUT --network b.safetensors" in capsys.readouterr().out


def test_train_takes_any_role_and_distill_is_ours(trained):
    for role in (*ROLES, "distill"):
        assert main(["train", role, "--style", "mosaic", "--output", "b.safetensors"]) == 0
    assert [arguments[0] for arguments in trained] == [*ROLES, "student-ours"]
    assert trained[0][4:] == (None, None, dict.fromkeys(("teacher-flow", "teacher-plain", "start")), {})


@pytest.mark.parametrize(
    "arguments",
    ["", "train nonsense --style a --output b", "train distill --style a --output b --steps 0", "stylize one",
     "stylize a b --style x --network y", "evaluate --pass dirty"],
)
def test_wrong_usage_is_explained(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments.split())
    assert stop.value.code == 2 and "usage:" in capsys.readouterr().err


def test_version_and_help_need_no_torch():
    def printed(*arguments):
        return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True).stdout

    script = "import sys; from tutorial_lib.cli import parser; parser().format_help(); print('torch' in sys.modules)"
    assert printed("-c", script) == "False\n"
    assert printed("-m", "tutorial_lib", "--version") == f"{tutorial_lib.__version__}\n"


def test_doctor_describes_the_machine(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "convolution_speed", lambda seconds: 123.4)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line[:14].strip(): line[14:] for line in lines}
    assert list(rows) == ["python", "packages", "processor", "memory", "GPU", "speed", "disk", "video", "optical flow",
                          "perceptual", "zoo", "engines", "scale"]
    assert all(line[14] != " " and line[13] == " " for line in lines)           # aligned
    assert rows["python"].startswith(".".join(map(str, sys.version_info[:2])))
    assert "123 GFLOP/s" in rows["speed"] and rows["video"].endswith("yes")
    assert re.match(r"\d+ networks, ", rows["zoo"])


@pytest.mark.parametrize(("gigabytes", "fitting"), [(40, "paper"), (16, "colab"), (4, "laptop")])
def test_doctor_recommends_a_scale_for_the_gpu_that_is_there(gigabytes, fitting, monkeypatch, capsys):
    monkeypatch.setenv("OFD_DEVICE", "cpu")             # where the speed is measured
    monkeypatch.setattr(doctor, "convolution_speed", lambda seconds: 60.0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda number: "a GPU")
    monkeypatch.setattr("torch.cuda.get_device_properties",
                        lambda number: SimpleNamespace(total_memory=gigabytes * 2**30))
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert re.search(rf"^GPU +a GPU, {gigabytes} GiB", said, re.MULTILINE)
    assert re.search(rf"^scale +{fitting}: ", said, re.MULTILINE)


def test_doctor_names_an_apple_gpu(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "convolution_speed", lambda seconds: 123.4)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for there, words in ((True, "Apple's; OFD_DEVICE=mps"), (False, "none")):
        monkeypatch.setattr("torch.backends.mps.is_available", lambda there=there: there)
        assert main(["doctor"]) == 0
        assert re.search(rf"^GPU +{words}", capsys.readouterr().out, re.MULTILINE)


def test_the_speed_probe_measures(monkeypatch):
    monkeypatch.setenv("OFD_DEVICE", "cpu")
    assert 0.1 < doctor.convolution_speed(0.1) < 1e5


@pytest.mark.parametrize(
    "speed, gpu, scale",
    [(5, None, "smoke"), (60, None, "laptop"), (60, 4, "laptop"), (60, 15, "colab"), (60, 80, "paper")],
)
def test_the_scale_that_fits(speed, gpu, scale):
    assert doctor.fitting_scale(speed, gpu)[0] == scale


def test_what_goes_in_and_out_of_a_command_has_words():
    root = parser()
    assert "COMMAND" in root.format_usage().split()
    (commands,) = [action.choices for action in root._actions if isinstance(action.choices, dict)]
    for name, command in commands.items():
        assert all(action.help for action in command._actions if action.metavar in ("IN", "OUT")), name


def test_doctor_says_so_where_opencv_has_no_flow(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "convolution_speed", lambda seconds: 123.4)
    monkeypatch.delattr(cv2, "DISOpticalFlow_create")
    assert main(["doctor"]) == 0
    assert "no, update OpenCV" in capsys.readouterr().out
