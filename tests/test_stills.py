import torch

from tutorial_lib.data import photographs
from tutorial_lib.data import stills as module
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
