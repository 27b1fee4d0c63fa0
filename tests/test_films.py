"""The films that networks are scored on."""

import cv2
import numpy as np
import pytest
import torch

from tutorial_lib import evaluation
from tutorial_lib.data.images import write_image
from tutorial_lib.data.scenes import TEST_SCENES, test_scene
from tutorial_lib.data.sintel import write_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation import films as film_module
from tutorial_lib.evaluation.films import real_films, rendered_films, sintel_films
from tutorial_lib.evaluation.scores import floor, steadiness
from tutorial_lib.settings import scale


@pytest.fixture(scope="module")
def small():
    return scale("smoke").but(evaluation_height=40, evaluation_width=64, evaluation_frames=5)


def test_the_passes_of_a_rendered_scene_share_its_motions(small):
    clean, final = rendered_films(small, (1, 2), ["bandage_2"], bar=False)
    scene = test_scene("bandage_2", 40, 64, 5)
    assert [(film.name, film.pass_name) for film in (clean, final)] == [("bandage_2", "clean"), ("bandage_2", "final")]
    assert torch.equal(clean.frames[3:4], scene.frame(3, "clean"))
    assert torch.equal(final.frames[3:4], scene.frame(3, "final"))
    assert clean.motions is final.motions and list(clean.motions) == [1, 2]
    assert torch.equal(clean.motions[2].flows[1:2], scene.flow(1, 3))
    assert torch.equal(clean.motions[2].masks[1:2], scene.mask(1, 3))


def test_rendering_shows_how_far_it_is_where_it_is_asked_to(small, capsys):
    short = small.but(evaluation_frames=2)
    rendered_films(short, (1,), ["bandage_2"], ["final"], bar=False)
    evaluation.test_scenes(short)
    assert capsys.readouterr().err == ""
    rendered_films(short, (1,), ["bandage_2"], ["final"])
    assert "rendering: 100%" in capsys.readouterr().err


def test_a_step_that_is_longer_than_the_films_is_left_out(small):
    film, = rendered_films(small, (1, 4, 5, -16), ["bandage_2"], ["final"], bar=False)
    assert list(film.motions) == [1, 4]


def test_the_test_scenes_are_one_pass_of_each(small, tmp_path):
    made = evaluation.test_scenes(small, "clean", steps=(1, -1))
    assert [film.name for film in made] == list(TEST_SCENES)
    assert all(film.pass_name == "clean" and list(film.motions) == [1, -1] for film in made)
    write_scene(tmp_path, test_scene("alley_2", 40, 64, 3))
    read, = evaluation.test_scenes(small, "clean", tmp_path)
    assert (read.name, read.pass_name, len(read.frames)) == ("alley_2", "clean", 3)
    with pytest.raises(TutorialError, match="Unknown pass 'dirty'"):
        evaluation.test_scenes(small, "dirty")


def test_the_floor_is_what_the_film_itself_scores(small):
    film, = rendered_films(small, (1, 2), ["bandage_2"], ["final"], bar=False)
    for gap in (1, 2):
        motion = film.motions[gap]
        assert floor(film, gap) == evaluation.e_stab_forward(film.frames, motion.flows, motion.masks, gap)
    row = steadiness(film.frames, film, (1, 2))
    assert (row["e_stab"], row["e_stab_2"]) == (row["floor"], row["floor_2"]) == (floor(film), floor(film, 2))


def test_sintel_is_read_at_the_size_and_length_of_the_scale(tmp_path, small):
    write_scene(tmp_path, test_scene("alley_2", 80, 128, 7))
    film, = sintel_films(tmp_path, small, ["final"])
    assert (film.pass_name, film.frames.shape) == ("final", (small.evaluation_frames, 3, 40, small.evaluation_width))


def test_the_test_scenes_come_first_and_others_only_where_none_of_them_is_there(monkeypatch, tmp_path):
    for there, taken in ((["alley_1", "alley_2", "temple_2"], ["alley_2", "temple_2"]), (["b", "a"], ["b", "a"])):
        monkeypatch.setattr(film_module, "scene_names", lambda root, there=there: there)
        assert sorted(film_module.sintel_names(tmp_path)) == sorted(taken)


def test_sintel_has_one_gap(tmp_path, small):
    write_scene(tmp_path, test_scene("alley_2", 40, 64, 3))
    assert [(f.name, f.pass_name, list(f.motions)) for f in sintel_films(tmp_path, small)] == [
        ("alley_2", "clean", [1]), ("alley_2", "final", [1])]


def test_real_films_get_their_flow_estimated(tmp_path):
    rng = np.random.default_rng(0)
    texture = cv2.resize(rng.random((24, 40, 3), np.float32), (160, 96), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    for t in range(4):                                              # everything moves right by 2 pixels a frame
        frame = torch.from_numpy(np.roll(texture, 2 * t, 1)).permute(2, 0, 1)[None]
        write_image(tmp_path / "clip" / f"frame_{t:04d}.png", frame)
    film, = real_films([tmp_path / "clip"], limit=3, side=80)
    assert film.frames.shape == (3, 3, 48, 80)
    assert (film.name, film.pass_name, list(film.motions)) == ("clip", "real", [1])
    inside = film.forward.flows[0, :, 8:-8, 8:-8]
    assert inside[0].median() == pytest.approx(1.0, abs=0.1) and inside[1].abs().median() < 0.1
    assert film.forward.masks.mean() > 0.5
    moved = (film.frames[1:] - film.frames[:-1]).square().mean().sqrt().item()
    assert floor(film) < 0.3 * moved
    with pytest.raises(TutorialError, match="has one frame"):
        real_films([tmp_path / "clip" / "frame_0000.png"])


def test_real_films_are_made_small_and_stay_pictures(tmp_path):
    """A mean of white pixels is a little more than 1 where it is rounded."""
    for name, height, width in (("edge", 32, 96), ("small", 20, 32)):
        for t in range(2):
            frame = (torch.arange(width).add(t) // 5 % 2).float().expand(1, 3, height, width)
            write_image(tmp_path / name / f"frame_{t:04d}.png", frame)
    large, small = real_films([tmp_path / "edge", tmp_path / "small"], side=40)
    assert large.frames.shape[-1] == 40 and small.frames.shape == (2, 3, 20, 32)
    assert large.frames.min() >= 0 and large.frames.max() <= 1 and large.frames.unique().numel() > 2
    assert torch.equal(small.frames[0, 0, 0, :6], torch.tensor([0.0, 0, 0, 0, 0, 1]))


def test_two_films_of_one_name_are_not_taken_for_one(tmp_path):
    """Records and pictures are named after films, so one would silently take the other's place."""
    with pytest.raises(TutorialError, match=r"one/street.mp4 and two/street.mov would be one film in the results"):
        real_films(["one/street.mp4", "other.mp4", "two/street.mov"])
