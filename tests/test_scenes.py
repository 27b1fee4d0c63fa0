import numpy as np
import pytest
import torch

from tutorial_lib.data import photographs, scenes, textures
from tutorial_lib.data.scenes import TEST_SCENES, random_scene, test_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp


def restlessness(scene, pass_name):
    """Eq. 14 of the unstylized frames, in forward flow."""
    frames = [scene.frame(t, pass_name) for t in range(scene.number_of_frames)]
    pairs = range(scene.number_of_frames - 1)
    errors = [
        (scene.mask(t, t + 1) * (frames[t] - warp(frames[t + 1], scene.flow(t, t + 1)))).square().mean() for t in pairs
    ]
    return torch.stack(errors).mean().sqrt().item()


def test_the_test_scenes_are_as_restless_as_sintel():
    films = [test_scene(name, 218, 512, 4) for name in TEST_SCENES]
    final = [restlessness(film, "final") for film in films]
    assert all(0.010 < value < 0.022 for value in final)
    assert 0.013 < sum(final) / 5 < 0.018
    assert all(restlessness(film, "clean") < value / 1.5 for film, value in zip(films, final, strict=True))


def test_the_test_scenes_move_in_the_manner_of_their_models():
    motion = {}
    for name in TEST_SCENES:
        scene = test_scene(name, 64, 128, 6)
        motion[name] = sum(scene.flow(t, t + 1).norm(dim=1).mean().item() / 128 for t in range(5)) / 5
    assert motion["bandage_2"] < 0.003 < motion["alley_2"] < 0.008 < motion["temple_2"] < motion["market_6"] < 0.04


@pytest.mark.parametrize("name", TEST_SCENES)
def test_a_long_film_stays_a_film(name):
    scene = test_scene(name, 54, 128, 50)
    for t in range(0, 49, 7):
        assert 0.4 < scene.mask(t, t + 1).mean() < 1
        assert scene.flow(t, t + 1).norm(dim=1).max() < 0.12 * 128
        assert scene.frame(t, "clean").std() > 0.08


@pytest.mark.parametrize("name", TEST_SCENES)
def test_the_things_of_a_test_scene_stand_in_the_picture_and_swing(name):
    scene = test_scene(name, 16, 32, 1)
    background, *things = scene.layers
    assert max(map(abs, background.place)) <= 0.1 and background.nearness == 1
    for layer in things:
        assert abs(layer.place[0]) < 0.5 and abs(layer.place[1]) < 0.3 and 1 <= layer.nearness < 2
    motions = [layer.motion for layer in scene.layers] + [scene.camera]
    for wave in [wave for motion in motions for part in vars(motion).values() for wave in part]:
        assert 0 < abs(wave.speed) <= 0.1 and 2 < wave.period <= 70 and 0 <= wave.phase < 1


@pytest.mark.parametrize("name", TEST_SCENES)
def test_what_is_recoloured_runs_from_dark_to_light(name, monkeypatch):
    used = []
    toned = textures.duotone
    monkeypatch.setattr(textures, "duotone", lambda image, *colours: used.append(colours) or toned(image, *colours))
    test_scene(name, 16, 32, 1)
    assert used
    for colours in used:
        assert len(colours) >= 2 and np.shape(colours) == (len(colours), 3)
        assert np.min(colours) >= 0 and np.max(colours) <= 1 and (np.diff(colours, axis=0) > 0).all()


def photographs_used(monkeypatch, make):
    used = []
    load = photographs.load_photograph
    for cache in (scenes._cropped_cutout, scenes._training_photograph):
        cache.cache_clear()
    monkeypatch.setattr(photographs, "load_photograph", lambda name: used.append(name) or load(name))
    make()
    return set(used)


def test_training_and_test_scenes_share_no_photograph(monkeypatch):
    for_test = photographs_used(monkeypatch, lambda: [test_scene(name, 32, 64, 2) for name in TEST_SCENES])
    for_training = photographs_used(monkeypatch, lambda: [random_scene(seed, 32, 64, 2) for seed in range(40)])
    assert for_test == set(photographs.TEST) and for_training == set(photographs.TRAINING)


def test_a_random_scene_belongs_to_its_seed():
    first, again, other = random_scene(3, 48, 64, 3), random_scene(3, 48, 64, 3), random_scene(4, 48, 64, 3)
    assert torch.equal(first.frame(1), again.frame(1)) and torch.equal(first.flow(0, 2), again.flow(0, 2))
    assert not torch.equal(first.frame(1), other.frame(1))


def test_random_scenes_vary():
    films = [random_scene(seed, 48, 64, 3) for seed in range(40)]
    motions = torch.stack([film.flow(1, 0).norm(dim=1).mean() / 64 for film in films])
    assert motions.min() < 0.001 and 0.02 < motions.max() < 0.08 and 0.005 < motions.mean() < 0.03
    assert {len(film.layers) for film in films} == {2, 3, 4}
    assert min(film.mask(1, 0).mean().item() for film in films) > 0.4
    moving = [np.abs(film.pose(film.layers[0], 1) - film.pose(film.layers[0], 0)).max() > 1e-6 for film in films]
    assert 0.7 < np.mean(moving) < 1                                # one camera in seven stands still
    places = np.array([film.layers[0].place for film in films])
    assert (places.min(0) < 0).all() and (places.max(0) > 0).all() and (np.abs(places) <= (0.15, 0.05)).all()
    rounded = [layer.rounded for film in films for layer in film.layers[1:]]
    assert 0.25 < np.mean(rounded) < 0.7                            # cut-outs of photographs are not


def test_bad_requests_are_refused():
    with pytest.raises(TutorialError, match="alley_2"):
        test_scene("alley_9", 64, 64, 2)
    with pytest.raises(TutorialError, match="seed"):
        random_scene(-1, 64, 64, 2)
    with pytest.raises(TutorialError, match="too small"):
        random_scene(0, 8, 64, 2)
