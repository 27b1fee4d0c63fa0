"""What a network for super-resolution is worth: the truth is perfect, bicubic is what it is, a flicker is seen."""

import runpy
import sys
from pathlib import Path

import pytest
import torch

from tutorial_lib import checkpoint, quality
from tutorial_lib.data import photographs
from tutorial_lib.data.degradation import degrade, upscale_bicubic
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation import upscaling
from tutorial_lib.evaluation.measures import e_stab
from tutorial_lib.networks.superres import Bidirectional, Stacked
from tutorial_lib.papers.std.settings import scale

SCRIPT = Path(__file__).parent.parent / "data_scripts" / "validate_upscaling.py"


@pytest.fixture(scope="module")
def film():
    return upscaling.films(scale("smoke"), "test")[0]


def test_the_truth_is_perfect_and_as_steady_as_itself(film):
    found = upscaling.score(film.frames, film)
    assert found.psnr == float("inf") and found.ssim == pytest.approx(1)
    assert found.warping == found.truth_warping > 0
    assert found.warping == pytest.approx(e_stab(film.frames, film.backward.flows, film.backward.masks), rel=0.3)


def test_a_video_that_flickers_is_less_steady_at_no_lower_psnr(film):
    """The same error in every frame, or turned over from frame to frame."""
    sign = torch.tensor([1.0, -1, 1])[:, None, None, None]
    middle = 0.25 + 0.5 * film.frames
    film = type(film)(middle, film.motions)
    steady, flickering = (upscaling.score(middle + 0.05 * shift, film) for shift in (torch.ones_like(sign), sign))
    assert flickering.psnr == pytest.approx(steady.psnr, abs=0.05)
    assert flickering.warping > 2 * steady.warping


def test_bicubic_stands_where_a_network_stands(film):
    small = degrade(film.frames)
    assert torch.equal(upscaling.made_large("bicubic", film), upscale_bicubic(small).clamp(0, 1))
    assert not torch.equal(upscaling.made_large("bicubic", film, "BD"), upscale_bicubic(small).clamp(0, 1))


def test_a_teacher_estimates_its_flow_or_is_given_the_exact_one(film, monkeypatch):
    teacher = Bidirectional(4, 1, 4)
    assert upscaling.made_large(teacher, film).shape == film.frames.shape
    monkeypatch.setattr("tutorial_lib.networks.superres.estimated_flows", None)
    assert upscaling.made_large(teacher, film, exact=True).shape == film.frames.shape
    with pytest.raises(TypeError):
        upscaling.made_large(teacher, film)


def test_the_mean_of_films_is_that_of_each_number():
    one, other = upscaling.Score(1.0, 2.0, 3.0, 4.0), upscaling.Score(3.0, 2.0, 1.0, 0.0)
    assert upscaling.mean([one, other]) == upscaling.Score(2.0, 2.0, 2.0, 2.0)


def test_a_slice_is_one_row_through_time(noise):
    video = noise(5, 3, 7, 9)
    found = upscaling.xt_slice(video, 2)
    assert found.shape == (3, 5, 9) and torch.equal(found[:, 4], video[4, :, 2])
    assert torch.equal(upscaling.xt_slice(video, 0)[:, 1], video[1, :, 0])
    assert torch.equal(upscaling.xt_slice(video, 6)[:, 1], video[1, :, 6])
    for row in (7, -1):
        with pytest.raises(TutorialError, match=f"rows 0 to 6, not {row}"):
            upscaling.xt_slice(video, row)


def test_a_score_is_of_the_brightness_of_whole_pictures_unless_it_is_told_otherwise(film, noise):
    video = film.frames.lerp(noise(*film.frames.shape), 0.2)
    usual, told = upscaling.score(video, film), upscaling.score(video, film, "RGB", 4)
    for found, channels, border in ((usual, "Y", 0), (told, "RGB", 4)):
        pair = quality.compared(video, film.frames, channels, border)
        assert (found.psnr, found.ssim) == (quality.psnr(*pair).mean().item(), quality.ssim(*pair).mean().item())
    assert usual.psnr != told.psnr and usual.warping == told.warping > usual.truth_warping


def test_the_films_have_the_size_that_the_scale_says_in_multiples_of_4():
    settings = scale("smoke").but(width=72, evaluation_height=46, evaluation_width=66, evaluation_frames=2)
    film = upscaling.films(settings, "test")[0]
    assert film.frames.shape == (2, 3, 44, 64) and sorted(film.motions) == [-1, 1]
    shape = settings.clip_length, 3, settings.height, 72
    assert all(shown.frames.shape == shape for shown in upscaling.films(settings))


def test_validation_and_test_share_no_photograph(monkeypatch):
    asked = set()
    load = photographs.load_photograph

    def noted(name):
        asked.add(name)
        return load(name)

    monkeypatch.setattr(photographs, "load_photograph", noted)
    settings = scale("smoke").but(validation_scenes=2, width=72)
    upscaling.films(settings)
    assert asked <= set(photographs.TRAINING)
    asked.clear()
    assert len(upscaling.films(settings, "test")) == 5
    assert asked <= set(photographs.TEST)
    with pytest.raises(TutorialError, match="validation and test, not 'training'"):
        upscaling.films(settings, "training")


def test_the_script_prints_each_beside_bicubic_and_the_share_of_the_gap(tmp_path, monkeypatch, capsys):
    files = []
    for name, network in (("plain", Stacked(4, 1, 4)), ("teacher", Bidirectional(4, 1, 4))):
        files.append(str(tmp_path / f"{name}.safetensors"))
        checkpoint.save(files[-1], network, {"network": network.configuration})
    monkeypatch.setattr(sys, "argv", ["validate_upscaling.py", *files, "--scale", "smoke", "--gap", *files])
    runpy.run_path(str(SCRIPT))["main"]()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": PSNR ")[0] for line in lines] == ["bicubic", *files]
    assert lines[1].endswith(" 0% of the gap") and lines[2].endswith(" 100% of the gap")


def test_the_script_says_what_it_cannot_use(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["validate_upscaling.py", "nobody", "--scale", "smoke"])
    with pytest.raises(TutorialError, match="Unknown network 'nobody'"):
        runpy.run_path(str(SCRIPT))["main"]()
