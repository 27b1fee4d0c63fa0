import numpy as np
import torch

from tutorial_lib.data import clips, photographs
from tutorial_lib.data import stills as module
from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.data.stills import stills
from tutorial_lib.settings import scale

SMOKE = scale("smoke")


def test_stills_depend_only_on_seed_and_number():
    laptop = scale("laptop")
    batch = stills(laptop, 0, 5)
    assert batch.shape == (laptop.plain_batch, 3, 96, 128) and batch.dtype == torch.float32
    assert batch.min() >= 0 and batch.max() <= 1 and batch.std() > 0.08
    stills(laptop, 0, 4)
    assert torch.equal(stills(laptop, 0, 5), batch)
    assert not torch.equal(stills(laptop, 0, 6), batch) and not torch.equal(stills(laptop, 1, 5), batch)
    assert stills(SMOKE, 0, 0).shape == (2, 3, 48, 64)


def test_stills_show_training_photographs_only(monkeypatch):
    used = set()
    load = photographs.load_photograph
    monkeypatch.setattr(photographs, "load_photograph", lambda name: used.add(name) or load(name))
    module._shrunk_photograph.cache_clear()
    for n in range(30):
        stills(SMOKE, 0, n)
    assert used <= set(photographs.TRAINING) and len(used) > 5


def test_the_scenes_of_the_stills_are_neither_those_of_another_seed_nor_those_of_the_clips(monkeypatch):
    drawn = []
    for user in (module, clips):
        real = user.random_scene
        monkeypatch.setattr(user, "random_scene",
                            lambda seed, *size, real=real: drawn[-1].append(seed) or real(seed, *size))
    monkeypatch.setattr(module, "SCENE_FRAMES", 3)
    monkeypatch.setattr(module, "SHARE_OF_SCENES", 1.0)
    settings = scale("smoke").but(height=16, width=16, plain_batch=6)
    module._scene_frame.cache_clear()
    for seed in (11, 12):
        drawn.append([])
        module.stills(settings, seed, 0)
        drawn.append([])
        _ = [RenderedClips(settings, seed, cache=False)[i] for i in range(3)]
    assert all(drawn)
    assert len({seed for seeds in drawn for seed in seeds}) == sum(map(len, drawn))


def test_half_of_the_stills_are_mirrored(monkeypatch):
    ramp = torch.linspace(0, 1, 64)[None, None, None].expand(1, 3, 64, 64)
    monkeypatch.setattr(module, "_still_photograph", lambda rng, size: ramp)
    monkeypatch.setattr(module, "SHARE_OF_SCENES", 0.0)
    shown = module.stills(scale("smoke").but(height=16, width=16, plain_batch=100), 0, 0)
    assert 35 < (shown[..., -1].mean((1, 2)) > shown[..., 0].mean((1, 2))).sum() < 65


def test_light_and_colour_change_a_little_both_ways_and_stay_in_range():
    gray, bright = torch.full((1, 3, 16, 16), 0.5), torch.ones(1, 3, 16, 16)
    rng = np.random.default_rng(0)
    shown = torch.stack([module._jittered(rng, gray).mean((0, 2, 3)) for _ in range(200)])
    assert 0.5 * 0.94 * 0.85 <= shown.min() < 0.43 and 0.56 < shown.max() <= 0.5 * 1.06 * 1.12
    assert 0.48 < shown.mean() < 0.505                              # 0.985 of it on average
    assert max(module._jittered(rng, bright).max() for _ in range(50)) == 1
