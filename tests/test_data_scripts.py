"""The scripts that train what ships and that download data, run as a user would, at the smallest real size."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch
from films import film
from safetensors.torch import save_file
from scripts import call, loaded
from serving import ftp_site, http_site

from tutorial_lib import checkpoint, cli, zoo
from tutorial_lib.data.images import to_pixels
from tutorial_lib.data.scenes import random_scene, test_scene
from tutorial_lib.data.sintel import write_scene
from tutorial_lib.data.video import open_video
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.features import load_features
from tutorial_lib.papers.ofd.roles import ZOO

SCRIPTS = Path(__file__).parent.parent / "data_scripts"


def run(build: Path, script: str, *arguments) -> subprocess.CompletedProcess:
    """As a process would, in this one: a start takes seconds. Each script's own start is tried in tests/attack."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("OFD_BUILD", str(build))
        code = call([Path(script).stem, *map(str, arguments)])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def run_apart(build: Path, script: str, *arguments) -> subprocess.CompletedProcess:
    environment = os.environ | {"OFD_BUILD": str(build)}
    command = [sys.executable, SCRIPTS / script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)


@pytest.fixture(scope="module")
def squeezenet(tmp_path_factory):
    """A file in the published form of SqueezeNet 1.0, with random weights."""
    random = torch.Generator().manual_seed(0)

    def weights(out: int, into: int, size: int) -> torch.Tensor:
        return torch.randn(out, into, size, size, generator=random) * (2 / (into * size * size)) ** 0.5

    tensors, inputs = {"conv1.weight": weights(96, 3, 7) / 100, "conv1.bias": torch.zeros(96)}, 96
    for n, (squeeze, expand) in zip(range(2, 8), [(16, 64)] * 2 + [(32, 128)] * 2 + [(48, 192)] * 2, strict=True):
        for part, shape in {"squeeze": (squeeze, inputs, 1), "expand1x1": (expand, squeeze, 1),
                            "expand3x3": (expand, squeeze, 3)}.items():
            tensors[f"fire{n}.{part}.weight"], tensors[f"fire{n}.{part}.bias"] = weights(*shape), torch.zeros(shape[0])
        inputs = 2 * expand
    path = tmp_path_factory.mktemp("published") / "squeezenet.safetensors"
    save_file(tensors, path)
    return path


def test_features_are_distilled_and_loaded(squeezenet, tmp_path):
    output = tmp_path / "compact.safetensors"
    done = run(tmp_path, "distill_features.py", "--teacher", squeezenet, "--steps", 6, "--batch", 2, "--output", output)
    assert done.returncode == 0, done.stderr
    saved = checkpoint.read(output)
    assert (saved.step, saved.about["plan"]) == (6, "squeezenet")
    assert 0 < saved.about["held_out_errors"]["tap1"] < 1
    assert set(load_features(output)(torch.rand(1, 3, 32, 32))) == {"tap1", "tap2", "tap3", "tap4"}


def test_a_folder_without_pictures_is_said(squeezenet, tmp_path):
    done = run(tmp_path, "distill_features.py", "--teacher", squeezenet, "--images", tmp_path, "--steps", 3)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1] == f"There are no PNG or JPEG pictures in {tmp_path}."
    assert "Traceback" not in done.stderr


def test_a_perceptual_network_is_judged_by_its_teacher(squeezenet, tmp_path):
    done = run(tmp_path, "judge_features.py", "--judge", squeezenet, "--features", squeezenet, "--styles", "candy",
               "--steps", 2, "--size", 48, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "features.json").read_text())
    assert [row["ratio"] for row in found["rows"]] == [1.0] * 3       # a network beside itself
    assert (tmp_path / "features.png").stat().st_size > 1000
    assert "multiply-adds" in (tmp_path / "features.txt").read_text()


def test_the_residual_is_measured_before_any_training(tmp_path):
    done = run(tmp_path, "measure_residual.py", "--scale", "smoke", "--style", "candy", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "residual.json").read_text())["rows"]
    assert [row["start"] for row in rows] == ["student-plain", "unaligned-plain"]
    assert all(-1 <= row["agreement"] <= 1 and row["e_stab_target"] > 0 for row in rows)
    assert rows[0]["e_stab_teacher"] == rows[1]["e_stab_teacher"]


def test_what_flow_buys_is_told_apart_from_the_training_with_it(tmp_path):
    done = run(tmp_path, "measure_flow.py", "--scale", "smoke", "--styles", "candy", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "flow.json").read_text())
    plain, alone, dis, exact = (row["e_stab"]["1"] for row in found["styles"]["candy"])
    assert found["gaps"] == [1, 3] and list(plain) == found["scenes"]
    assert len({tuple(row.values()) for row in (plain, alone, dis, exact)}) == 4      # four ways to paint
    assert sum(alone.values()) < sum(plain.values())
    text = (tmp_path / "flow.txt").read_text()
    share = (sum(plain.values()) - sum(alone.values())) / (sum(plain.values()) - sum(dis.values()))
    assert f"{share:.0%} is there without a past" in text and "DIS flow, 3 frames" in text


def test_the_slope_of_the_rank_is_measured(tmp_path):
    done = run(tmp_path, "measure_rank.py", "--scale", "smoke", "--styles", "candy", "--clips", 2, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "rank.json").read_text())["rows"]
    assert [row["student"] for row in rows] == ["student-plain", "student-ours"]
    for row in rows:
        assert row["norm"] == pytest.approx(row["first"] + row["tail"], rel=1e-3) and row["holes"] < row["tail"]
        assert all(-1 <= row[key] <= 1 for key in ("brightness", "flicker", "common_flicker"))
    assert rows[0]["input"] == rows[1]["input"] and "common tail" in (tmp_path / "rank.txt").read_text()


def test_validation_compares_with_the_first_network(tmp_path):
    done = run_apart(tmp_path, "validate.py", "mosaic-student-scratch", "mosaic-student-ours", "--scale", "smoke",
                     "--count", 1)
    assert done.returncode == 0, done.stderr
    control, ours = done.stdout.strip().splitlines()
    assert control.endswith(": control") and "(+0.0%)" in control
    assert ours.startswith("mosaic-student-ours: e_stab ")


def test_a_style_is_kept_by_its_gram_matrices(tmp_path):
    done = run_apart(tmp_path, "keep_style.py", tmp_path / "nothing.jpg")
    assert done.returncode == 2
    assert "neither a picture file nor a style" in done.stderr


def test_a_whole_zoo_is_trained_and_goes_on_where_it_was(tmp_path):
    arguments = ("train_zoo.py", "--style", "candy", "--scale", "smoke", "--output", tmp_path / "shipped")
    first = run(tmp_path, *arguments, "--only", "teacher-plain")
    assert first.returncode == 0, first.stderr
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "candy-teacher-plain" not in done.stdout.splitlines()      # it was there already
    for role in ZOO:
        manifest = json.loads((tmp_path / "shipped" / f"candy-{role}.json").read_text())
        assert manifest["recipe"] == role
        network = zoo.load(tmp_path / "shipped" / f"candy-{role}.safetensors")
        assert network(torch.rand(1, 3, 20, 20)).shape == (1, 3, 20, 20)
    ours, scratch = (json.loads((tmp_path / "shipped" / f"candy-student-{role}.json").read_text())["settings"]
                     for role in ("ours", "scratch"))
    assert {key for key in ours if ours[key] != scratch[key]} == {"lambda_res", "lambda_rank", "style_weight"}


@pytest.mark.parametrize(("arguments", "environment"), [
    (("--scale", "smoke"), {}), ((), {"OFD_SCALE": "smoke"}), (("--seed", "1"), {}), ((), {"OFD_FEATURES": "vgg16"}),
])
def test_the_networks_of_the_course_are_not_replaced_by_chance(tmp_path, monkeypatch, arguments, environment):
    """By those of another scale, seed or perceptual network: said before hours of training."""
    module = loaded("train_zoo")
    for name, value in {"OFD_BUILD": str(tmp_path), **environment}.items():
        monkeypatch.setenv(name, value)
    asked = []
    monkeypatch.setattr(module.workshop.Workshop, "__getitem__", lambda self, name: asked.append(name))

    def main(*more):
        monkeypatch.setattr(sys, "argv", ["train_zoo.py", "--style", "none of ours", *arguments, *more])
        module.main()

    with pytest.raises(TutorialError, match="would replace the networks of the course"):
        main()
    assert asked == []
    main("--output", str(tmp_path / "mine"))
    main("--only", "zoo")
    assert asked == 2 * [*ZOO]
    monkeypatch.delenv("OFD_SCALE", raising=False)
    monkeypatch.delenv("OFD_FEATURES", raising=False)
    monkeypatch.setattr(sys, "argv", ["train_zoo.py", "--style", "none of ours"])
    module.main()
    assert asked == 3 * [*ZOO]


def test_networks_are_put_side_by_side(tmp_path):
    arguments = ("compare_videos.py", "--output", tmp_path / "seen", "--styles")
    done = run(tmp_path, *arguments, "mosaic", "--networks", "student-scratch", "student-ours", "--scenes", "ambush_5")
    assert done.returncode == 0, done.stderr
    width, height = 128 + 4, 64 + 14 + 4                           # a frame with its name and margins
    frames = [frame.image for frame in open_video(tmp_path / "seen" / "mosaic-ambush_5.mp4")]
    assert len(frames) == 4 + 2 and frames[0].shape[-2:] == (height, 3 * width)
    scratch, ours = (frames[0][..., 20:80, n * width + 2:(n + 1) * width - 2] for n in (1, 2))
    assert (scratch - ours).abs().mean() > 0.01
    assert (tmp_path / "seen" / "mosaic-ambush_5.png").stat().st_size > 5_000
    done = run(tmp_path, *arguments, "pointillism")
    assert done.returncode == 2 and "No networks of the style pointillism" in done.stderr


# --- downloads, from a server on this machine in the official layouts ---


@pytest.fixture(scope="module")
def sintel_archive(tmp_path_factory):
    """MPI-Sintel-complete.zip in miniature: two scenes, and much that is not needed."""
    folder = tmp_path_factory.mktemp("sintel")
    for name in ("alley_2", "temple_2"):
        write_scene(folder / "set", test_scene(name, 55, 128, 4))
    shutil.copytree(folder / "set/training/final", folder / "set/training/albedo")
    shutil.copytree(folder / "set/training/final/alley_2", folder / "set/test/final/ambush_3")
    (folder / "set/README.txt").write_text("MPI Sintel")
    return Path(shutil.make_archive(str(folder / "MPI-Sintel-complete"), "zip", folder / "set")).read_bytes()


def sintel(site, folder, *more):
    return run(folder.parent, "download_sintel.py", "--folder", folder, "--address",
               f"{site.address}/MPI-Sintel-complete.zip", "--scenes", "alley_2", "temple_2", *more)


def files_below(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.suffix != ".zip")


def test_sintel_is_downloaded_in_two_goes_and_scored(sintel_archive, tmp_path):
    folder = tmp_path / "sintel"
    with http_site({"MPI-Sintel-complete.zip": sintel_archive}) as site:
        site.stops_after = len(sintel_archive) // 2
        stopped = sintel(site, folder)
        assert stopped.returncode == 2 and "run the same command again, it goes on" in stopped.stderr
        assert "Traceback" not in stopped.stderr and files_below(folder) == [
            "MPI-Sintel-complete.zip.part", "MPI-Sintel-complete.zip.part.json"]
        site.stops_after = None
        done = sintel(site, folder)
        assert done.returncode == 0, done.stderr
        assert [asked for _, asked in site.asked] == [None, f"bytes={len(sintel_archive) // 2}-"]
    expected = [f"training/{part}/{scene}/frame_{t:04}.{'flo' if part == 'flow' else 'png'}"
                for part, count in (("clean", 4), ("final", 4), ("flow", 3), ("occlusions", 3))
                for scene in ("alley_2", "temple_2") for t in range(1, count + 1)]
    assert files_below(folder) == expected
    command = done.stdout.splitlines()[-1].split()
    assert command[:3] == ["python", "-m", "tutorial_lib"]
    table = tmp_path / "table.json"
    assert cli.main([*command[3:], "--scale", "smoke", "--network", "mosaic-student-ours", "--output", str(table)]) == 0
    rows = {row["scene"]: row for row in json.loads(table.read_text())}
    assert list(rows) == ["alley_2", "temple_2", "sum"] and rows["alley_2"]["e_stab"] > rows["alley_2"]["floor"] > 0
    again = sintel(site, folder)                                     # the server is gone: nothing is asked of it
    assert again.returncode == 0, again.stderr


def test_all_scenes_and_scenes_that_are_not_there(sintel_archive, tmp_path):
    (tmp_path / "sintel").mkdir()
    (tmp_path / "sintel/MPI-Sintel-complete.zip").write_bytes(sintel_archive)      # fetched by other means
    arguments = ("download_sintel.py", "--folder", tmp_path / "sintel", "--scenes")
    unknown = run(tmp_path, *arguments, "alley_2", "sintel_9")
    assert unknown.returncode == 2 and "has no training/clean/sintel_9 (and 3 more" in unknown.stderr
    every = run(tmp_path, *arguments, "all")
    assert every.returncode == 0, every.stderr
    assert (tmp_path / "sintel/training/flow/temple_2/frame_0003.flo").is_file()


def test_a_sintel_that_was_tampered_with_is_refused(sintel_archive, tmp_path):
    spoilt = bytearray(sintel_archive)
    spoilt[sintel_archive.index(b"training/final/alley_2/frame_0002.png") + 500] ^= 255
    with http_site({"MPI-Sintel-complete.zip": bytes(spoilt)}) as site:
        done = sintel(site, tmp_path / "sintel")
    assert done.returncode == 2 and "is damaged (Bad CRC" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "sintel/training/final/alley_2/frame_0002.png").exists()


def test_an_evil_archive_writes_nothing(tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("training/final/alley_2/frame_0001.png", "picture")
        archive.writestr("training/final/alley_2/../../../../../evil", "evil")
    with http_site({"MPI-Sintel-complete.zip": (tmp_path / "evil.zip").read_bytes()}) as site:
        done = sintel(site, tmp_path / "sintel")
    assert done.returncode == 2 and "was not unpacked" in done.stderr and "Traceback" not in done.stderr
    assert files_below(tmp_path) == []


@pytest.fixture(scope="module")
def hollywood_archive(tmp_path_factory):
    """Hollywood2-scenes.tar.gz in miniature: three short films, one of them with a cut, and the annotation."""
    folder = tmp_path_factory.mktemp("hollywood")
    clips = folder / "Hollywood2/AVIClipsScenes"
    clips.mkdir(parents=True)
    shots = [[to_pixels(s.frame(t)) for t in range(5)] for s in (random_scene(n, 64, 112, 5) for n in range(4))]
    for n, pictures in enumerate((shots[0], shots[1] + shots[2], shots[3]), start=1):
        film(clips / f"sceneclipautoautotrain{n:05}.avi", pictures, codec="mpeg4", ticks=25)
    (folder / "Hollywood2/ClipSetsScenes").mkdir()
    (folder / "Hollywood2/ClipSetsScenes/EXT-house_test.txt").write_text("scenecliptest00001  1")
    archive = shutil.make_archive(str(folder / "Hollywood2-scenes"), "gztar", folder, "Hollywood2")
    return Path(archive).read_bytes()


def test_hollywood2_becomes_tuples_and_a_stage_trains_on_them(hollywood_archive, tmp_path, monkeypatch):
    folder = tmp_path / "hollywood2"
    with ftp_site({"Hollywood2-scenes.tar.gz": hollywood_archive}) as site:
        arguments = ("download_hollywood2.py", "--folder", folder, "--scale", "smoke", "--clips", 5,
                     "--address", f"{site.address}/Hollywood2-scenes.tar.gz")
        site.stops_after = len(hollywood_archive) // 2
        stopped = run(tmp_path, *arguments)
        assert stopped.returncode == 2 and "it goes on from there" in stopped.stderr
        site.stops_after = None
        done = run(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        assert str(len(hollywood_archive) // 2) in site.asked[-1][1]
    (folder / "Hollywood2-scenes.tar.gz").unlink()
    assert run(tmp_path, *arguments).returncode == 0                 # neither archive nor server are needed again
    chosen = json.loads((folder / "tuples-64x48/tuples.json").read_text())["tuples"]
    assert len(chosen) == 5 and all(t["video"] != 1 or t["start"] + 3 <= 5 or t["start"] >= 5 for t in chosen)
    assert str(folder / "tuples-64x48") in done.stdout.splitlines()[-1]
    output = tmp_path / "flow.safetensors"
    monkeypatch.setenv("OFD_BUILD", str(tmp_path / "build"))
    for videos in (folder / "tuples-64x48", folder / "AVIClipsScenes"):
        output.unlink(missing_ok=True)
        assert cli.main(["train", "teacher-flow", "--style", "mosaic", "--scale", "smoke", "--steps", "2", "--videos",
                         str(videos), "--teacher-plain", "mosaic-teacher-plain", "--output", str(output)]) == 0
        assert checkpoint.read(output).step == 2
    assert len(list((tmp_path / "build/tuples").glob("*/*.safetensors"))) >= 4


def test_what_is_wrong_is_one_sentence(tmp_path):
    for script in ("download_sintel.py", "download_hollywood2.py"):
        done = run(tmp_path, script, "--folder", tmp_path / "data", "--address", "http://127.0.0.1:9/archive.zip")
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and "--address http" in done.stderr
    done = run(tmp_path, "download_hollywood2.py", "--scale", "huge", "--folder", tmp_path / "data")
    assert done.returncode == 2 and "smoke, laptop" in done.stderr
