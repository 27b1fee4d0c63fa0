import json
import shutil
import struct
import weakref

import numpy as np
import pytest
import torch
from films import film
from safetensors.torch import load_file
from test_clips import parts

from tutorial_lib.data import tuples
from tutorial_lib.data.clips import clip_from_frames
from tutorial_lib.data.images import to_pixels, to_tensor, write_image
from tutorial_lib.data.scenes import random_scene, test_scene
from tutorial_lib.data.tuples import TupleClips, cover, find_videos, motion_between, prepare_tuples
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp
from tutorial_lib.lock import only_writer
from tutorial_lib.settings import scale

SMOKE = scale("smoke")      # 64x48, 3 frames, 4 clips


def frames_of(name="market_6", count=6):
    scene = test_scene(name, 60, 80, count)
    return [to_pixels(scene.frame(t, "clean")) for t in range(count)]


def lossless(path, pictures):
    """A film whose frames come back as they are, so that tuples can be found again in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return film(path, pictures, codec="ffv1", pixels="bgr0")


def prepare(videos, folder, count=4, length=3, height=48, width=64, seed=0):
    prepare_tuples(videos, folder, height, width, count, length, seed)
    return json.loads((folder / "tuples.json").read_text())["tuples"]


def content(folder):
    return {p.name: p.read_bytes() for p in folder.glob("*.safetensors")}


@pytest.fixture(scope="module")
def two_films(tmp_path_factory):
    """Two scenes in a row in one film, one scene in the other."""
    folder = tmp_path_factory.mktemp("films")
    lossless(folder / "a.mkv", frames_of("market_6", 4) + frames_of("ambush_5", 4))
    lossless(folder / "deep" / "b.mkv", frames_of("alley_2", 7))
    return folder


def test_videos_are_found_at_any_depth(two_films, tmp_path):
    write_image(tmp_path / "frames" / "1.png", torch.zeros(1, 3, 20, 20))
    write_image(tmp_path / ".trash" / "1.png", torch.zeros(1, 3, 20, 20))
    shutil.copytree(two_films, tmp_path / "films")
    (tmp_path / "notes.txt").write_text("no video")
    names = [str(p.relative_to(tmp_path)) for p in find_videos(tmp_path)]
    assert names == ["films/a.mkv", "films/deep/b.mkv", "frames"]
    assert find_videos(tmp_path / ".trash") == [tmp_path / ".trash"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(TutorialError, match="holds no videos"):
        find_videos(tmp_path / "empty")
    with pytest.raises(TutorialError, match="no folder"):
        find_videos(tmp_path / "none")


def test_tuples_are_the_films_own_frames_and_never_span_a_cut(two_films, tmp_path):
    videos = find_videos(two_films)
    chosen = prepare(videos, tmp_path, count=50)
    assert {(t["video"], t["start"]) for t in chosen} == {(0, 0), (0, 1), (0, 4), (0, 5), *((1, s) for s in range(5))}
    films = [frames_of("market_6", 4) + frames_of("ambush_5", 4), frames_of("alley_2", 7)]
    for t in chosen:
        frames = load_file(tmp_path / t["file"])["frames"]
        assert frames.shape == (3, 3, 48, 64) and frames.dtype == torch.uint8
        for got, pixels in zip(frames, films[t["video"]][t["start"]:], strict=False):
            expected = cover(to_tensor(pixels), 48, 64)[0]
            assert (got / 255 - expected).abs().max() < 2 / 255


@pytest.mark.parametrize("width", [64, 80])
def test_videos_of_the_wanted_size_are_cropped_at_most(tmp_path, width):
    pictures = [np.ascontiguousarray(frame[:48, :width]) for frame in frames_of(count=4)]
    path = lossless(tmp_path / "a.mkv", pictures)
    margin = (width - 64) // 2
    for chosen in prepare([path], tmp_path / "tuples", count=2):
        frames = load_file(tmp_path / "tuples" / chosen["file"])["frames"]
        expected = np.stack(pictures[chosen["start"]:][:3])[:, :, margin:width - margin]
        assert torch.equal(frames, torch.from_numpy(expected).permute(0, 3, 1, 2))


def test_five_a_shot_the_liveliest_and_apart():
    random = np.random.default_rng(0)
    motion = [*random.random(40).tolist(), None, *random.random(3).tolist()]
    shots = list(tuples._shots(motion, 5))
    assert [len(shot) for shot in shots] == [37]                      # four frames are no tuple of five
    starts = tuples._apart(shots[0], 5, 5)
    assert len(starts) == 5 and np.diff(sorted(starts)).min() >= 5
    means = [np.mean(motion[s:s + 4]) for s in range(37)]
    assert starts[0] == np.argmax(means)


def test_the_liveliest_tuple_of_every_shot_is_chosen_first(tmp_path):
    films = [frames_of("market_6", 6), frames_of("alley_2", 6)]
    path = lossless(tmp_path / "a.mkv", [*[films[0][0]] * 12, *films[0], *films[1], *[films[1][-1]] * 12])
    starts = {t["start"] for t in prepare([path], tmp_path / "out", count=2)}
    assert min(starts) in (11, 12, 13, 14, 15) and max(starts) in (18, 19, 20, 21, 22)


@pytest.mark.parametrize("light", [1.0, 0.25])
def test_cuts_are_seen_and_motion_is_not_taken_for_one(light):
    scenes = [random_scene(seed, 60, 80, 3) for seed in range(6)]
    for scene, other in zip(scenes, [*scenes[1:], scenes[0]], strict=True):
        first, second, third = (scene.frame(t) * light for t in range(3))
        assert motion_between(first, second) is not None and motion_between(first, third) is not None
        assert motion_between(first, other.frame(0) * light) is None
    black = torch.zeros(1, 3, 60, 80)
    assert motion_between(first, black) is None and motion_between(black, first) is None
    assert motion_between(first, first) < 1e-3


def test_motion_is_measured_in_widths():
    texture = random_scene(3, 120, 200, 2).frame(0)
    for shift in (2, 6):
        left, right = texture[..., 20:148], texture[..., 20 + shift:148 + shift]
        assert motion_between(left, right) == pytest.approx(shift / 128, rel=0.2)


def test_the_same_seed_chooses_the_same(two_films, tmp_path):
    videos = find_videos(two_films)
    first, again, other = (prepare(videos, tmp_path / str(i), seed=seed) for i, seed in enumerate((1, 1, 2)))
    assert first == again and content(tmp_path / "0") == content(tmp_path / "1")
    assert first != other


def test_an_interrupted_preparation_goes_on(two_films, tmp_path, monkeypatch):
    videos = find_videos(two_films)
    prepare(videos, tmp_path / "whole")
    opened, write = [], tuples.write_tensors
    real = tuples.open_video

    def stopping(path, tensors):
        if len(list((tmp_path / "out").glob("*.safetensors"))) >= 2:
            raise KeyboardInterrupt
        write(path, tensors)

    monkeypatch.setattr(tuples, "open_video", lambda path: opened.append(path) or real(path))
    monkeypatch.setattr(tuples, "write_tensors", stopping)
    with pytest.raises(KeyboardInterrupt):
        prepare(videos, tmp_path / "out")
    kept = set(content(tmp_path / "out"))
    assert 0 < len(kept) < 4
    with pytest.raises(TutorialError, match=r"Of the 4 tuples .* are missing"):
        TupleClips(tmp_path / "out", SMOKE)
    monkeypatch.setattr(tuples, "write_tensors", write)
    opened.clear()
    prepare(videos, tmp_path / "out")
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert len(opened) <= len(videos)                                    # motion was not looked for again
    opened.clear()
    prepare(videos, tmp_path / "out")
    assert opened == []


def test_tuples_are_prepared_by_one_run_at_a_time(two_films, tmp_path):
    with only_writer(tmp_path / "tuples" / "tuples.json"), pytest.raises(TutorialError, match="Another run is writing"):
        prepare(find_videos(two_films), tmp_path / "tuples")
    assert len(prepare(find_videos(two_films), tmp_path / "tuples")) == 4
    assert not list((tmp_path / "tuples").glob("*.lock"))


def test_motion_of_videos_already_seen_is_kept(two_films, tmp_path, monkeypatch):
    videos, measured, real = find_videos(two_films), [], motion_between

    def stopping(*frames):
        measured.append(1)
        if len(measured) == 9:
            raise KeyboardInterrupt
        return real(*frames)

    monkeypatch.setattr(tuples, "motion_between", stopping)
    with pytest.raises(KeyboardInterrupt):
        prepare(videos, tmp_path)
    prepare(videos, tmp_path)
    assert len(measured) < 9 + 7 + 6      # one film of 7 and one of 6 pairs: the first was not measured again


def test_no_more_videos_are_looked_at_than_needed(tmp_path, monkeypatch):
    videos = [lossless(tmp_path / f"{n}.mkv", frames_of(count=4)) for n in range(8)]
    opened, real = set(), tuples.open_video
    monkeypatch.setattr(tuples, "open_video", lambda path: opened.add(path) or real(path))
    prepare(videos, tmp_path / "out", count=1)
    assert len(opened) == tuples.CANDIDATES_PER_TUPLE


def test_motion_is_measured_on_small_frames_of_the_same_shape(tmp_path, monkeypatch):
    sizes, real = set(), tuples.cover
    monkeypatch.setattr(tuples, "cover", lambda image, *size: sizes.add(size) or real(image, *size))
    tuples._motion(lossless(tmp_path / "a.mkv", frames_of(count=2)), tmp_path, 192, 256, tuples.tqdm(disable=True))
    assert sizes == {(96, 128)}


def test_no_more_of_a_video_is_read_than_its_last_tuple(two_films, monkeypatch):
    read, real = [], tuples.open_video

    def counted(path):
        for frame in real(path):
            read.append(frame)
            yield frame

    monkeypatch.setattr(tuples, "open_video", counted)
    video = find_videos(two_films)[0]
    (path, frames), = tuples._cut_out(video, {1: video}, 24, 32, 3)
    assert path == video and frames.shape == (3, 3, 24, 32) and len(read) == 4


def test_a_damaged_video_is_used_as_far_as_it_goes(two_films, tmp_path, capsys):
    shutil.copytree(two_films, tmp_path / "films")
    whole = (tmp_path / "films" / "a.mkv").read_bytes()
    (tmp_path / "films" / "a.mkv").write_bytes(whole[:len(whole) // 2])
    (tmp_path / "films" / "c.avi").write_text("no video")
    chosen = prepare(find_videos(tmp_path / "films"), tmp_path / "out", count=50)
    assert {t["video"] for t in chosen} == {2}
    assert "Used as far as it goes" in "".join(capsys.readouterr())


def test_what_cannot_be_prepared_is_said(two_films, tmp_path):
    videos = find_videos(two_films)
    with pytest.raises(TutorialError, match="None of the 2 videos has a shot of 9 frames"):
        prepare(videos, tmp_path, length=9)
    assert not (tmp_path / "tuples.json").exists()
    with pytest.raises(TutorialError, match="cannot be made"):
        prepare(videos, tmp_path, length=1)
    prepare(videos, tmp_path)
    with pytest.raises(TutorialError, match=r"made otherwise \(another height, seed\)"):
        prepare(videos, tmp_path, height=32, seed=3)
    with pytest.raises(TutorialError, match="another videos"):
        prepare(videos[:1], tmp_path)


def test_memory_does_not_grow_with_the_video(tmp_path, monkeypatch):
    pictures = frames_of(count=10)
    path = film(tmp_path / "long.mp4", [pictures[n % 10] for n in range(150)])
    seen, most, real = [], [], tuples.cover

    def counted(*arguments):
        image = real(*arguments)
        seen.append(weakref.ref(image))
        most.append(sum(reference() is not None for reference in seen))
        return image

    monkeypatch.setattr(tuples, "cover", counted)
    prepare([path], tmp_path / "out", count=20)
    assert len(seen) > 150 and max(most) <= 4


@pytest.fixture
def prepared(two_films, tmp_path):
    prepare(find_videos(two_films), tmp_path / "tuples")
    return tmp_path / "tuples"


def test_clips_are_read_with_their_flow_which_is_kept(prepared, monkeypatch):
    clips = TupleClips(prepared, SMOKE)
    assert len(clips) == 4 == len(list(clips))
    calls = []
    monkeypatch.setattr(tuples, "clip_from_frames", lambda frames: calls.append(1) or clip_from_frames(frames))
    again = TupleClips(prepared, SMOKE)[2]
    assert calls == []
    for first, second in zip(parts(clips[2]), parts(again), strict=True):
        assert torch.equal(first, second) and first.dtype == torch.float32
    frames = load_file(prepared / "00002.safetensors")["frames"].float() / 255
    assert torch.equal(clips[2].frames, frames)
    fresh = clip_from_frames(frames)
    assert (clips[2].backward.flows - fresh.backward.flows).abs().max() < 0.02
    error = (warp(clips[2].frames[:-1], clips[2].backward.flows) - clips[2].frames[1:]) * clips[2].backward.masks
    assert error.square().mean().sqrt() < 0.06
    for i in (-1, 4):
        with pytest.raises(IndexError, match="0 to 3"):
            clips[i]


def test_keys_tell_clips_apart(prepared, two_films, tmp_path):
    clips, smaller = TupleClips(prepared, SMOKE), TupleClips(prepared, SMOKE.but(height=32, width=40))
    keys = [c.key(i) for c in (clips, smaller) for i in range(4)]
    assert len(set(keys)) == 8
    shutil.copytree(prepared, tmp_path / "copy")
    assert TupleClips(tmp_path / "copy", SMOKE).key(1) == clips.key(1)


def test_flow_that_is_kept_is_that_of_its_size(prepared):
    """Read by one scale after the other, it is what either would have estimated by itself."""
    sizes = [{}, {"height": 32}, {"width": 40}, {"clip_length": 2}]
    for changes in (*sizes, *sizes):
        settings = SMOKE.but(**changes)
        clip = TupleClips(prepared, settings)[1]
        alone = clip_from_frames(clip.frames)
        for motion, fresh in ((clip.backward, alone.backward), (clip.from_middle, alone.from_middle)):
            assert motion.flows.shape == fresh.flows.shape
            # Estimated again on frames of 8 bits, which is what is kept.
            assert (motion.flows - fresh.flows).abs().mean() < 0.05, changes


def test_larger_tuples_serve_smaller_scales(prepared):
    clip = TupleClips(prepared, SMOKE.but(height=24, width=48, clip_length=2, clips=2))[1]
    assert clip.frames.shape == (2, 3, 24, 48) and clip.from_middle.flows.shape == (2, 2, 24, 48)
    assert len(TupleClips(prepared, SMOKE.but(clips=2))) == 2
    for larger in ({"height": 49}, {"width": 65}, {"clip_length": 4}):
        with pytest.raises(TutorialError, match=r"are 3 frames of 64x48; .* prepare them anew"):
            TupleClips(prepared, SMOKE.but(**larger))


def test_a_folder_that_cannot_be_changed_serves_too(prepared, monkeypatch):
    monkeypatch.setattr(tuples.os, "access", lambda *_: False)
    before = sorted(prepared.iterdir())
    first, second = TupleClips(prepared, SMOKE)[0], TupleClips(prepared, SMOKE)[0]
    assert sorted(prepared.iterdir()) == before
    assert torch.equal(first.from_middle.flows, second.from_middle.flows)


def test_another_folder_is_no_folder_of_tuples(tmp_path):
    with pytest.raises(TutorialError, match="no folder of prepared tuples"):
        TupleClips(tmp_path, SMOKE)


def test_frames_are_cropped_about_their_centre_without_stretching():
    frame = torch.zeros(1, 3, 100, 300)
    frame[..., 100:200] = 1
    fitted = cover(frame, 50, 50)
    assert fitted.shape == (1, 3, 50, 50) and fitted.mean() > 0.99
    assert cover(torch.rand(2, 3, 37, 41), 48, 64).shape == (2, 3, 48, 64)


def test_one_bad_file_among_films_is_left_out_with_a_warning(two_films, tmp_path, capsys):
    films, folder = tmp_path / "films", tmp_path / "tuples"
    shutil.copytree(two_films, films)
    (films / "cover.jpg").write_bytes(b"no picture")
    (films / "giant.mp4").write_bytes(struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0)
                                      + struct.pack(">I4sQ", 1, b"mdat", 2**64 - 1))
    videos = find_videos(films)
    assert len(videos) == 4                                          # the cover makes its folder a video of pictures
    chosen = prepare(videos, folder, count=6)
    assert {videos[t["video"]].name for t in chosen} == {"a.mkv", "b.mkv"}
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Used as far as it goes: ")]
    assert len(said) == 2 and "cover.jpg is not a picture" in "".join(said) and "giant.mp4 is trunc" in "".join(said)
    with pytest.raises(TutorialError, match="None of the 2 videos has a shot"):
        prepare([films, films / "giant.mp4"], tmp_path / "none")


def test_a_kept_flow_that_was_damaged_is_estimated_again(two_films, tmp_path):
    prepare(find_videos(two_films), tmp_path, count=2)
    clips = TupleClips(tmp_path, SMOKE.but(clips=2))
    first = clips[0]
    kept, = tmp_path.glob("*.flow-*.safetensors")
    for spoilt in (b"noise", kept.read_bytes()[:-100]):
        kept.write_bytes(spoilt)
        assert all(torch.equal(a, b) for a, b in zip(parts(first), parts(clips[0]), strict=True))
