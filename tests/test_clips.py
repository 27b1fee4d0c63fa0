import time

import pytest
import torch

from tutorial_lib.data import clips
from tutorial_lib.data.clips import Clip, RenderedClips, clip_from_frames, clip_from_scene, stills
from tutorial_lib.data.scenes import random_scene, test_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp
from tutorial_lib.settings import scale

SMOKE = scale("smoke")


def parts(clip):
    return [clip.frames, clip.backward_flows, clip.backward_masks, clip.reference_flows, clip.reference_masks]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(parts(a), parts(b), strict=True))


def check_shapes(clip, length, height, width):
    shapes = [(length, 3), (length - 1, 2), (length - 1, 1), (length, 2), (length, 1)]
    assert [tuple(part.shape) for part in parts(clip)] == [(*shape, height, width) for shape in shapes]
    assert all(part.dtype == torch.float32 for part in parts(clip))
    reference = length // 2
    assert clip.reference_flows[reference].abs().max() == 0 and clip.reference_masks[reference].min() == 1
    for masks in (clip.backward_masks, clip.reference_masks):
        assert set(masks.unique().tolist()) <= {0.0, 1.0}


def backward_error(clip):
    warped = warp(clip.frames[:-1], clip.backward_flows)
    return (clip.backward_masks * (clip.frames[1:] - warped)).square().mean().sqrt().item()


def reference_error(clip):
    reference = clip.frames[len(clip.frames) // 2]
    return (clip.reference_masks * (reference - warp(clip.frames, clip.reference_flows))).square().mean().sqrt().item()


@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_the_flows_of_a_clip_lead_where_they_say(length):
    clip = clip_from_scene(test_scene("market_6", 54, 128, 7), start=1, length=length, pass_name="clean")
    check_shapes(clip, length, 54, 128)
    assert backward_error(clip) < 0.015 and reference_error(clip) < 0.02
    wrong = Clip(clip.frames, -clip.backward_flows, clip.backward_masks, -clip.reference_flows, clip.reference_masks)
    assert backward_error(wrong) > 3 * backward_error(clip) and reference_error(wrong) > 3 * reference_error(clip)


def test_a_clip_takes_the_frames_asked_for():
    scene = random_scene(2, 48, 64, 6)
    clip = clip_from_scene(scene, start=2)
    assert len(clip.frames) == 4 and torch.equal(clip.frames[0], scene.frame(2)[0])
    for start, length in ((0, 7), (4, 3), (-1, 3), (0, 1), (5, None)):
        with pytest.raises(TutorialError, match="does not fit"):
            clip_from_scene(scene, start, length)


def test_estimated_flow_agrees_with_exact_flow():
    exact = clip_from_scene(test_scene("alley_2", 108, 256, 5), pass_name="clean")
    estimated = clip_from_frames(exact.frames)
    check_shapes(estimated, 5, 108, 256)
    both = exact.backward_masks * estimated.backward_masks
    gap = (exact.backward_flows - estimated.backward_flows).norm(dim=1, keepdim=True)
    assert both.mean() > 0.7 and (gap * both).sum() / both.sum() < 0.3
    with pytest.raises(TutorialError, match="at least 2"):
        clip_from_frames(exact.frames[:1])
    with pytest.raises(TutorialError, match="Unknown flow method"):
        clip_from_frames(exact.frames, "guess")


def test_a_clip_moves_to_a_device():
    clip = clip_from_scene(random_scene(2, 48, 64, 3))
    assert all(part.device.type == "meta" for part in parts(clip.to("meta")))


def test_rendered_clips_are_the_same_at_every_access():
    kept, again, uncached = RenderedClips(SMOKE), RenderedClips(SMOKE), RenderedClips(SMOKE, cache=False)
    first = kept[2]
    check_shapes(first, SMOKE.clip_length, SMOKE.height, SMOKE.width)
    again[0], again[1]                                               # the order of access must not matter
    assert same(first, kept[2]) and same(first, again[2]) and same(first, uncached[2])
    assert not torch.equal(first.frames, kept[1].frames)
    assert not torch.equal(first.frames, RenderedClips(SMOKE, seed=1)[2].frames)
    assert same(RenderedClips(SMOKE.but(seed=1))[0], RenderedClips(SMOKE, seed=1)[0])


def test_changing_a_clip_does_not_change_the_kept_one():
    kept = RenderedClips(SMOKE)
    before = kept[0].frames.clone()
    kept[0].frames.zero_()
    assert torch.equal(kept[0].frames, before)


def test_a_second_access_costs_nothing():
    kept = RenderedClips(scale("laptop"))
    started = time.perf_counter()
    kept[0]
    rendering = time.perf_counter() - started
    started = time.perf_counter()
    for _ in range(5):
        kept[0]
    assert (time.perf_counter() - started) / 5 < rendering / 4


def test_rendered_clips_count_and_name_themselves():
    kept = RenderedClips(SMOKE)
    assert len(kept) == SMOKE.clips == len(list(kept))
    keys = [RenderedClips(s, seed).key(i) for s in (SMOKE, SMOKE.but(width=80)) for seed in (0, 1) for i in (0, 1)]
    assert len(set(keys)) == 8 and kept.key(1) == RenderedClips(SMOKE).key(1)
    for i in (-1, SMOKE.clips):
        with pytest.raises(IndexError, match="0 to 3"):
            kept[i]


def test_kept_flow_is_precise_enough():
    kept = RenderedClips(SMOKE)
    assert max(backward_error(kept[i]) for i in range(len(kept))) < 0.04


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
    load = clips.photographs.load_photograph
    monkeypatch.setattr(clips.photographs, "load_photograph", lambda name: used.add(name) or load(name))
    clips._shrunk_photograph.cache_clear()
    for n in range(30):
        stills(SMOKE, 0, n)
    assert used <= set(clips.photographs.TRAINING) and len(used) > 5
