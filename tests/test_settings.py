import os
import re
import subprocess
import sys

import pytest
import torch

from tutorial_lib.errors import TutorialError
from tutorial_lib.settings import (
    SCALES,
    build_folder,
    device,
    differing,
    precision,
    scale,
    style,
    wait_for_gpu,
    zoo_folder,
)


def test_scales_grow_and_are_found_by_name(monkeypatch):
    monkeypatch.delenv("OFD_SCALE", raising=False)
    assert scale().name == "laptop"
    monkeypatch.setenv("OFD_SCALE", "smoke")
    assert scale().name == "smoke"
    pixels = [s.height * s.width for s in SCALES.values()]
    assert pixels == sorted(pixels)


def test_the_paper_scale_is_the_papers():
    paper = scale("paper")
    assert (paper.width, paper.height, paper.clip_length, paper.clips) == (640, 360, 5, 2000)
    assert (paper.student_width, paper.student_blocks) == (48, 4)
    assert (paper.teacher_width, paper.teacher_blocks) == (32, 5)
    assert (paper.evaluation_width, paper.evaluation_height) == (1024, 436)
    assert paper.distill_steps == 20_000                               # ten epochs of 2,000 tuples, one a step


def test_an_unknown_scale_names_the_known_ones():
    with pytest.raises(TutorialError, match=r"'huge'.*smoke, laptop, colab, paper"):
        scale("huge")


def test_the_build_folder_lies_in_the_checkout_from_wherever_in_it_one_asks(monkeypatch, tmp_path):
    monkeypatch.delenv("OFD_BUILD", raising=False)
    (tmp_path / "tutorial_lib").mkdir()
    (tmp_path / "tutorial_lib" / "settings.py").touch()
    (tmp_path / "notebooks" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "mine")
    assert build_folder() == tmp_path / "build"


def test_the_build_folder_follows_its_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("OFD_BUILD", str(tmp_path / "here"))
    assert build_folder() == tmp_path / "here"
    assert build_folder().is_dir()


def test_the_folder_of_ones_own_networks_is_named_by_a_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("OFD_ZOO", str(tmp_path))
    assert zoo_folder() == tmp_path
    for unset in (lambda: monkeypatch.setenv("OFD_ZOO", ""), lambda: monkeypatch.delenv("OFD_ZOO")):
        unset()
        assert zoo_folder() is None
    (tmp_path / "file").touch()
    for name in ("file", "nothing"):
        monkeypatch.setenv("OFD_ZOO", str(tmp_path / name))
        with pytest.raises(TutorialError, match=f"OFD_ZOO is '.*{name}', but there is no such folder"):
            zoo_folder()


def test_lambda_rank_goes_with_the_number_of_pixels():
    products = [s.lambda_rank * s.height * s.width for s in SCALES.values()]
    assert max(products) / min(products) < 1.05


def test_a_device_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setenv("OFD_DEVICE", "gpu")
    with pytest.raises(TutorialError, match="'gpu'; it can be cpu, cuda, mps"):
        device()
    for missing in ("cuda", "cuda:1", "mps"):
        monkeypatch.setenv("OFD_DEVICE", missing)
        with pytest.raises(TutorialError, match=f"'{missing}', but PyTorch finds no such GPU here; use cpu"):
            device()
    monkeypatch.setenv("OFD_DEVICE", "cpu")
    assert device().type == "cpu"


def test_an_apple_gpu_is_used_only_when_it_is_asked_for(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    monkeypatch.delenv("OFD_DEVICE", raising=False)
    monkeypatch.delenv("OFD_PRECISION", raising=False)
    assert device().type == "cpu"
    monkeypatch.setenv("OFD_DEVICE", "mps")
    assert device().type == "mps"
    assert precision(device()) is None
    monkeypatch.setenv("OFD_PRECISION", "bfloat16")
    assert precision(device()) is torch.bfloat16


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_clock_waits_for_the_gpu_that_is_there(monkeypatch, kind):
    waited = []
    for other in ("cuda", "mps"):
        monkeypatch.setattr(f"torch.{'backends.' if other == 'mps' else ''}{other}.is_available",
                            lambda other=other: other == kind)
        monkeypatch.setattr(f"torch.{other}.synchronize", lambda other=other: waited.append(other))
    wait_for_gpu()
    assert waited == [kind]


@pytest.mark.parametrize("given", [None, "ACTIVE"])
def test_waiting_threads_do_not_spin_unless_told_to(given):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE"} | ({"OMP_WAIT_POLICY": given} if given else {})
    script = "import tutorial_lib, torch"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    spins = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)
    if not spins:
        pytest.skip("only GNU's OpenMP says how often it spins")
    assert all((int(count) > 0) == (given == "ACTIVE") for count in spins)


def test_only_what_matters_now_can_differ():
    assert differing({"seed": 0, "evaluation_frames": 4}, {"seed": 0}) == []        # then more was written down
    assert differing({"seed": 0}, {"seed": 1}) == ["seed"]


def test_what_an_older_file_does_not_name_had_its_default():
    assert differing({}, {"averaging": 0.0, "student_smooth": False}) == []
    assert differing({}, {"averaging": 0.98}) == ["averaging"]
    assert differing({}, {"height": 48}) == ["height"]                              # which has none


def test_another_perceptual_network_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("OFD_FEATURES", "compact")
    assert [scale(name).features for name in SCALES] == ["compact"] * 4
    monkeypatch.delenv("OFD_FEATURES")
    assert scale("paper").features == "vgg16"


def test_the_style_of_the_course_follows_its_variable(monkeypatch):
    monkeypatch.delenv("OFD_STYLE", raising=False)
    assert style() == "mosaic"
    monkeypatch.setenv("OFD_STYLE", "waves")
    assert style() == "waves"
