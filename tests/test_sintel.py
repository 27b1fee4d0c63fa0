import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tutorial_lib.data.clips import filmed
from tutorial_lib.data.flo import write_flo
from tutorial_lib.data.images import write_image
from tutorial_lib.data.scenes import TEST_SCENES, test_scene
from tutorial_lib.data.sintel import load_scene, scene_names, write_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp

SCRIPT = Path(__file__).parents[1] / "data_scripts" / "render_scenes.py"


@pytest.fixture(scope="module")
def scene():
    return test_scene("market_6", 54, 128, 4)


@pytest.fixture
def root(tmp_path, scene):
    write_scene(tmp_path, scene)
    return tmp_path


def test_the_layout_is_sintels(root):
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    expected = [f"training/{p}/market_6/frame_{t:04d}.png" for p in ("clean", "final") for t in (1, 2, 3, 4)]
    expected += [f"training/flow/market_6/frame_{t:04d}.flo" for t in (1, 2, 3)]
    expected += [f"training/occlusions/market_6/frame_{t:04d}.png" for t in (1, 2, 3)]
    assert files == sorted(expected)


@pytest.mark.parametrize("pass_name", ["clean", "final"])
def test_what_is_written_is_read(root, scene, pass_name):
    read, kept = load_scene(root, "market_6", pass_name), filmed(scene, pass_name)
    for clip in (read, kept):
        assert (clip.name, clip.pass_name, list(clip.motions)) == ("market_6", pass_name, [1])
    assert read.frames.shape == (4, 3, 54, 128) and read.forward.masks.shape == (3, 1, 54, 128)
    assert (read.frames - kept.frames).abs().max() <= 0.5 / 255 + 1e-6
    assert torch.equal(read.forward.flows, kept.forward.flows) and torch.equal(read.forward.masks, kept.forward.masks)
    assert all(part.dtype == torch.float32 for part in (read.frames, read.forward.flows, read.forward.masks))


def test_flow_leads_forward(root):
    read = load_scene(root, "market_6", "clean")
    flows, masks = read.forward.flows, read.forward.masks
    error = (masks * (read.frames[:-1] - warp(read.frames[1:], flows))).square().mean().sqrt()
    backward = (masks * (read.frames[1:] - warp(read.frames[:-1], flows))).square().mean().sqrt()
    assert error < 0.015 and backward > 4 * error


def test_a_film_made_by_hand_in_the_original_manner(tmp_path):
    # Sintel's own maps are one channel, 255 = occluded, and silent about what leaves the picture.
    training = tmp_path / "training"
    for t in (1, 2):
        write_image(training / "final" / "hand" / f"frame_{t:04d}.png", torch.full((3, 20, 30), 0.5))
    flow = torch.zeros(2, 20, 30)
    flow[0] = 3.5
    write_flo(training / "flow" / "hand" / "frame_0001.flo", flow)
    occluded = np.zeros((20, 30), np.uint8)
    occluded[5, 6] = 255
    (training / "occlusions" / "hand").mkdir(parents=True)
    cv2.imwrite(str(training / "occlusions" / "hand" / "frame_0001.png"), occluded)
    mask = load_scene(tmp_path, "hand").forward.masks[0, 0]
    expected = torch.ones(20, 30)
    expected[5, 6] = 0
    expected[:, 26:] = 0                                             # x + 3.5 > 29
    assert torch.equal(mask, expected)
    assert scene_names(tmp_path) == ["hand"]


def test_a_smaller_width_scales_the_flow_and_keeps_safe_pixels(root):
    full, half = load_scene(root, "market_6", "clean"), load_scene(root, "market_6", "clean", frames=3, width=64)
    assert half.frames.shape == (3, 3, 27, 64) and half.forward.flows.shape == (2, 2, 27, 64)
    pooled = torch.nn.functional.avg_pool2d(full.forward.flows[:2], 2) / 2
    assert ((half.forward.flows - pooled).abs() * half.forward.masks).max() < 0.3
    touched = -torch.nn.functional.max_pool2d(-full.forward.masks[:2], 2)
    assert (half.forward.masks <= touched).all() and half.forward.masks.mean() > 0.5
    error = (half.forward.masks * (half.frames[:-1] - warp(half.frames[1:], half.forward.flows))).square().mean().sqrt()
    assert error < 0.02


def test_more_frames_than_there_are_means_all(root):
    assert len(load_scene(root, "market_6", frames=99).frames) == 4


def test_progress_is_told(tmp_path, scene):
    seen = []
    write_scene(tmp_path, scene, seen.append)
    assert seen == [0, 1, 2, 3]


def test_bad_requests_are_refused(root, tmp_path):
    with pytest.raises(TutorialError, match="not a Sintel folder"):
        scene_names(tmp_path / "nowhere")
    with pytest.raises(TutorialError, match="market_6"):
        load_scene(root, "market_7")
    with pytest.raises(TutorialError, match="clean, final"):
        load_scene(root, "market_6", "albedo")
    with pytest.raises(TutorialError, match="at least 2"):
        load_scene(root, "market_6", frames=1)
    with pytest.raises(TutorialError, match="width of 3"):
        load_scene(root, "market_6", width=3)
    with pytest.raises(TutorialError, match="already holds 4 frames"):
        write_scene(root, test_scene("market_6", 54, 128, 2))
    with pytest.raises(TutorialError, match="at least 2"):
        filmed(test_scene("market_6", 54, 128, 1))


@pytest.mark.parametrize(("file", "message"), [
    ("flow/market_6/frame_0002.flo", "needs 3 flows"),
    ("occlusions/market_6/frame_0003.png", "no occlusion map"),
])
def test_missing_files_are_named(root, file, message):
    (root / "training" / file).unlink()
    with pytest.raises(TutorialError, match=message):
        load_scene(root, "market_6")


def test_sizes_that_differ_are_refused(root):
    training = root / "training"
    write_image(training / "final" / "market_6" / "frame_0003.png", torch.zeros(3, 50, 128))
    with pytest.raises(TutorialError, match="128x50"):
        load_scene(root, "market_6")
    assert load_scene(root, "market_6", "clean")
    write_flo(training / "flow" / "market_6" / "frame_0002.flo", torch.zeros(2, 54, 120))
    with pytest.raises(TutorialError, match="120x54"):
        load_scene(root, "market_6", "clean")


def run_script(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, timeout=120,
        cwd=SCRIPT.parents[1], env=None,
    )


def test_the_command_line_writes_all_five(tmp_path):
    done = run_script("--output", tmp_path / "made", "--width", 64, "--frames", 2)
    assert done.returncode == 0, done.stderr
    assert scene_names(tmp_path / "made") == sorted(TEST_SCENES)
    assert load_scene(tmp_path / "made", "temple_2").frames.shape == (2, 3, 27, 64)


def test_the_command_line_says_what_is_wrong(tmp_path):
    done = run_script("--output", tmp_path / "made", "--width", 10)
    assert done.returncode == 2 and "too small" in done.stderr and "Traceback" not in done.stderr
