import time
from itertools import pairwise

import pytest
import torch

from tutorial_lib.data.clips import (
    Clip,
    Motion,
    RenderedClips,
    clip_from_frames,
    clip_from_scene,
    estimated_motion,
    filmed,
)
from tutorial_lib.data.scenes import random_scene, test_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp
from tutorial_lib.settings import scale

SMOKE = scale("smoke")


def parts(clip):
    return [clip.frames, clip.backward.flows, clip.backward.masks, clip.from_middle.flows, clip.from_middle.masks]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(parts(a), parts(b), strict=True))


def check_shapes(clip, length, height, width):
    shapes = [(length, 3), (length - 1, 2), (length - 1, 1), (length, 2), (length, 1)]
    assert [tuple(part.shape) for part in parts(clip)] == [(*shape, height, width) for shape in shapes]
    assert all(part.dtype == torch.float32 for part in parts(clip))
    middle = length // 2
    assert clip.from_middle.flows[middle].abs().max() == 0 and clip.from_middle.masks[middle].min() == 1
    for masks in (clip.backward.masks, clip.from_middle.masks):
        assert set(masks.unique().tolist()) <= {0.0, 1.0}


def opposite(motion):
    return Motion(-motion.flows, motion.masks)


def backward_error(clip):
    warped = warp(clip.frames[:-1], clip.backward.flows)
    return (clip.backward.masks * (clip.frames[1:] - warped)).square().mean().sqrt().item()


def middle_error(clip):
    middle, motion = clip.frames[len(clip.frames) // 2], clip.from_middle
    return (motion.masks * (middle - warp(clip.frames, motion.flows))).square().mean().sqrt().item()


@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_the_flows_of_a_clip_lead_where_they_say(length):
    clip = clip_from_scene(test_scene("market_6", 54, 128, 7), start=1, length=length, pass_name="clean")
    check_shapes(clip, length, 54, 128)
    assert backward_error(clip) < 0.015 and middle_error(clip) < 0.02
    wrong = Clip(clip.frames, {-1: opposite(clip.backward)}, opposite(clip.from_middle))
    assert backward_error(wrong) > 3 * backward_error(clip) and middle_error(wrong) > 3 * middle_error(clip)


def test_a_clip_takes_the_frames_asked_for():
    scene = random_scene(2, 48, 64, 6)
    clip = clip_from_scene(scene, start=2)
    assert len(clip.frames) == 4 and torch.equal(clip.frames[0], scene.frame(2)[0])
    for start, length in ((0, 7), (4, 3), (-1, 3), (0, 1), (5, None)):
        with pytest.raises(TutorialError, match="does not fit"):
            clip_from_scene(scene, start, length)


def test_motions_of_a_film_lead_over_their_step():
    """motions[step] leads from each frame t into t + step, whichever way, and one that is not asked for is not made."""
    scene = test_scene("ambush_5", 40, 64, 5)                       # its speed changes: no two flows are alike
    film = filmed(scene, steps=(-1, 1, 2))
    assert list(film.motions) == [-1, 1, 2]
    for step, starts in ((-1, (1, 2, 3, 4)), (1, (0, 1, 2, 3)), (2, (0, 1, 2))):
        motion = film.motions[step]
        assert torch.equal(motion.flows, torch.cat([scene.flow(t, t + step) for t in starts]))
        assert torch.equal(motion.masks, torch.cat([scene.mask(t, t + step) for t in starts]))
        assert not any(torch.equal(a, b) for a, b in pairwise(motion.flows))
    assert film.backward is film.motions[-1] and film.forward is film.motions[1]


def test_a_film_is_the_whole_scene_in_the_pass_asked_for():
    scene = random_scene(2, 48, 64, 3)
    film = filmed(scene, "clean", steps=())
    assert torch.equal(film.frames, torch.cat([scene.frame(t, "clean") for t in range(3)]))
    assert (film.name, film.pass_name, film.motions) == (scene.name, "clean", {})


def test_a_film_needs_frames_for_its_steps():
    with pytest.raises(TutorialError, match="at least 2 frames"):
        filmed(random_scene(2, 48, 64, 1))
    for step in (3, -3):
        with pytest.raises(TutorialError, match="3 frames, of which none are 3 apart"):
            filmed(random_scene(2, 48, 64, 3), steps=(1, step))


def test_the_motions_of_a_clip_in_the_middle_of_a_scene_are_those_of_its_frames():
    scene = test_scene("ambush_5", 40, 64, 6)
    clip = clip_from_scene(scene, start=2, length=3)
    assert torch.equal(clip.backward.flows, torch.cat([scene.flow(3, 2), scene.flow(4, 3)]))
    assert torch.equal(clip.from_middle.flows, torch.cat([scene.flow(3, t) for t in (2, 3, 4)]))
    assert torch.equal(clip.from_middle.masks, torch.cat([scene.mask(3, t) for t in (2, 3, 4)]))


def test_a_part_of_a_motion_starts_at_the_same_frames():
    motion = filmed(test_scene("ambush_5", 40, 64, 4)).forward
    assert torch.equal(motion[1:3].flows, motion.flows[1:3]) and torch.equal(motion[1:3].masks, motion.masks[1:3])


def test_estimated_motion_leads_over_its_step():
    """Every frame moves on by another 2 pixels to the right."""
    texture = random_scene(2, 48, 80, 2).frame(0)
    frames = torch.cat([texture.roll(2 * t, 3) for t in range(4)])
    for step, count, moved in ((1, 3, 2), (2, 2, 4), (-1, 3, -2)):
        motion = estimated_motion(frames, step)
        assert len(motion.flows) == len(motion.masks) == count
        assert motion.flows[:, 0, 8:-8, 12:-12].median() == pytest.approx(moved, abs=0.3)


def test_estimated_flow_agrees_with_exact_flow():
    exact = clip_from_scene(test_scene("alley_2", 108, 256, 5), pass_name="clean")
    estimated = clip_from_frames(exact.frames)
    check_shapes(estimated, 5, 108, 256)
    both = exact.backward.masks * estimated.backward.masks
    gap = (exact.backward.flows - estimated.backward.flows).norm(dim=1, keepdim=True)
    assert both.mean() > 0.7 and (gap * both).sum() / both.sum() < 0.3
    with pytest.raises(TutorialError, match="at least 2"):
        clip_from_frames(exact.frames[:1])
    with pytest.raises(TutorialError, match="Unknown flow method"):
        clip_from_frames(exact.frames, "guess")


@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_an_estimated_clip_leads_from_the_same_frame_as_a_rendered_one(length):
    """From frame K // 2, also where there are two in the middle."""
    exact = clip_from_scene(test_scene("alley_2", 54, 128, length), pass_name="clean")
    estimated = clip_from_frames(exact.frames)
    check_shapes(estimated, length, 54, 128)
    for motion, known in ((estimated.from_middle, exact.from_middle), (estimated.backward, exact.backward)):
        both = motion.masks * known.masks
        gap = ((motion.flows - known.flows).norm(dim=1, keepdim=True) * both).sum((1, 2, 3)) / both.sum((1, 2, 3))
        assert gap.max() < 0.5


def test_a_clip_moves_to_a_device():
    clip = clip_from_scene(random_scene(2, 48, 64, 3))
    moved = clip.to("meta")
    assert all(part.device.type == "meta" for part in parts(moved))
    assert (moved.name, moved.pass_name) == (clip.name, clip.pass_name)
    film = filmed(random_scene(2, 48, 64, 3), steps=(1, 2)).to("meta")      # it has no motion from the middle
    assert all(motion.flows.device.type == "meta" for motion in film.motions.values()) and film.from_middle is None


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
