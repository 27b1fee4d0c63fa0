"""The table of attacks: what is wrong (`Cause`), grouped by where it comes in (`Kind`), times the commands it meets."""

import contextlib
import dataclasses
import io
import json
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import making
import numpy as np
import torch
from films import film, picture
from place import Around, Place, plain_user, small_files
from safetensors import safe_open
from safetensors.torch import save_file
from serving import http_site

from tutorial_lib import zoo
from tutorial_lib.networks import features

Command = Callable[[Place, object], list]


@dataclasses.dataclass(frozen=True)
class Cause:
    """One thing that is wrong.

    make: puts it into the place and returns what the command is to be given. says: what the sentence has to contain.
    usage: argparse says it, below the usage. only: the names of the commands that it is tried with, by default all.
    """

    name: str
    make: Callable[[Place], object]
    says: str
    around: Around = contextlib.nullcontext
    environ: Mapping[str, str] = dataclasses.field(default_factory=dict)
    usage: bool = False
    only: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Kind:
    """Where something comes in, and the commands that take it there.

    leaves: what may be there afterwards that was not there before, as a regular expression of whole names.
    """

    name: str
    commands: Mapping[str, Command]
    causes: Sequence[Cause]
    leaves: str = "(?!)"


def written(name: str, content: bytes) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        (place.folder / name).write_bytes(content)
        return place.folder / name
    return make


def made(name: str, write: Callable[..., object], *arguments, **options) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        write(place.folder / name, *arguments, **options)
        return place.folder / name
    return make


def changed(good: str, change: Callable[[bytes], bytes]) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        path = place.copy(good, f"odd{Path(good).suffix}")
        path.write_bytes(change(path.read_bytes()))
        return path
    return make


def odd_names(good: str) -> list[Cause]:
    """What can be wrong with the name or the rights of any input file, whatever is in it."""
    suffix = Path(good).suffix

    def forbidden(place: Place) -> Path:
        path = place.copy(good, f"forbidden{suffix}")
        path.chmod(0)
        return path

    def hidden(place: Place) -> Path:
        path = place.copy(good, f"closed/good{suffix}")
        path.parent.chmod(0)
        return path

    def loop(place: Place) -> Path:
        one, other = (place.folder / f"{name}{suffix}" for name in ("one", "other"))
        one.symlink_to(other)
        other.symlink_to(one)
        return one

    def no_utf8(place: Place) -> Path:
        return place.copy(good, os.fsdecode(b"\xff" + suffix.encode()))

    def folder(place: Place) -> Path:
        path = place.folder / f"folder{suffix}"
        path.mkdir()
        return path

    return [
        Cause("there is none", lambda place: place.folder / f"none{suffix}", r"none\."),
        Cause("there is none, and its name has two lines", lambda place: place.folder / f"one\ntwo{suffix}",
              r"one( |\\n)two"),
        Cause("there is none, and its name colours the terminal", lambda place: place.folder / f"\x1b[31m{suffix}",
              r"\\x1b\[31m"),
        Cause("its name is too long", lambda place: place.folder / f"{'a' * 300}{suffix}", "too long|There is no"),
        Cause("links in a circle", loop, r"one\."),
        Cause("below a file", lambda place: place.copy(good) / f"deeper{suffix}", "deeper"),
        Cause("a folder", folder, r"folder\."),
        Cause("no permission for the file", forbidden, "forbidden.*(denied|not a|damaged)", plain_user),
        Cause("no permission for its folder", hidden, "closed.*(denied|not a|damaged)|closed", plain_user),
        *([] if sys.platform == "darwin" else [     # where no such file can be made
            Cause("a name that is no UTF-8", no_utf8, "UTF-8",
                  only=("stylize", "upscale", "evaluate", "export", "validate"))]),
        Cause("an empty file", written(f"empty{suffix}", b""), "empty"),
        Cause("noise", written(f"noise{suffix}", making.noise(5000)), "noise"),
        Cause("a page that says 404", written(f"page{suffix}", b"<!doctype html><title>404 Not Found</title>\n" * 20),
              "page"),
        Cause("the first half", changed(good, lambda content: content[:len(content) // 2]), "odd"),
    ]


def out(place: Place, name: str) -> Path:
    return place.folder / name


def smoke_training(place: Place, role: str, *more) -> list:
    return ["ofd", "train", role, "--output", out(place, "made.safetensors"), "--steps", 1, *more]


# --- pictures ---

PICTURES = Kind("picture", {
    "train": lambda place, it: smoke_training(place, "teacher-plain", "--style", it),
    "stylize": lambda place, it: ["ofd", "stylize", it, out(place, "o.mp4"), "--engine", "torch"],
    "upscale": lambda place, it: ["ofd", "upscale", it, out(place, "o.mp4"), "--network",
                                  place.copy("upscaler.safetensors")],
    "keep_style": lambda place, it: ["keep_style", it, "--sizes", 64],
    "judge_features": lambda place, it: ["judge_features", "--judge", "compact", "--styles", it, "--steps", 1,
                                         "--size", 32, "--output", out(place, "judged")],
    "train_zoo": lambda place, it: ["train_zoo", "--style", it, "--output", out(place, "zoo"), "--only",
                                    "teacher-plain"],
}, [
    *(cause for cause in odd_names("picture.png") if cause.name != "a name that is no UTF-8"),      # which works
    Cause("a wrong checksum", changed("picture.png", making.flipped), "odd"),
    Cause("half a JPEG", changed("picture.jpg", lambda content: content[:len(content) // 2]), "odd"),
    Cause("60,000 x 60,000 pixels", written("bomb.png", making.png(60_000, 60_000)), r"bomb.*pixels"),
    Cause("20,000 x 20,000 pixels", written("bomb.png", making.png(20_000, 20_000)), r"bomb.*pixels"),
    Cause("a TIFF of floats", made("deep.tiff", making.tiff, np.float32), "float32.*8 or 16 bits"),
    Cause("a TIFF of 32-bit integers", made("deep.tiff", making.tiff, np.int32), "int32.*8 or 16 bits"),
    Cause("a TIFF that points beyond its end", lambda place: changed_tiff(place), "cut"),
])


def changed_tiff(place: Place) -> Path:
    path = place.folder / "cut.tiff"
    making.tiff(path, np.uint8)
    path.write_bytes(path.read_bytes()[:200])
    return path


# --- videos ---

def sound_alone(path: Path) -> None:
    film(path.with_suffix(".mkv"), [picture(0)], audio="aac")
    import av
    with av.open(str(path.with_suffix(".mkv"))) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    path.with_suffix(".mkv").unlink()


def frames_folder(**pictures: bytes | str) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        for name, content in pictures.items():
            if isinstance(content, str):
                place.copy(content, f"frames/{name}{Path(content).suffix}")
            else:
                (place.folder / "frames").mkdir(exist_ok=True)
                (place.folder / "frames" / f"{name}.png").write_bytes(content)
        return place.folder / "frames"
    return make


VIDEOS = Kind("video", {
    "stylize": lambda place, it: ["ofd", "stylize", it, out(place, "o.mp4"), "--engine", "torch"],
    "upscale": lambda place, it: ["ofd", "upscale", it, out(place, "o.mp4"), "--network",
                                  place.copy("upscaler.safetensors")],
    "compare_videos": lambda place, it: ["compare_videos", "--styles", "mosaic", "--networks", "student-ours",
                                         "--videos", it, "--output", out(place, "seen")],
    "make_tables": lambda place, it: ["make_tables", "--videos", it, "--only", "student-scratch", "--styles", "mosaic",
                                      "--results", out(place, "results")],
}, [
    *odd_names("film.mp4"),
    Cause("a box of 2**64 bytes", made("giant.mp4", making.giant_box), "giant.*truncated"),
    Cause("sound alone", made("song.mp4", sound_alone), "song.*no video"),
    Cause("a frame that is no picture", frames_folder(a="picture.png", b=b"no picture"), "b.png.*not a picture"),
    Cause("a first frame that is no picture", frames_folder(a=b"no picture", b="picture.png"), "a.png.*not a picture"),
    Cause("a frame of 60,000 x 60,000 pixels", frames_folder(a="picture.png", b=making.png(60_000, 60_000)), "b.png"),
    Cause("a frame of another size", lambda place: other_size(place), "one size"),
])


def other_size(place: Place) -> Path:
    folder = place.copy("picture.png", "frames/a.png").parent
    cv2.imwrite(str(folder / "b.png"), picture(0, 20, 20))
    return folder


def only_broken(place: Place) -> Path:
    (place.folder / "films").mkdir()
    making.giant_box(place.folder / "films/a.mp4")
    (place.folder / "films/cover.jpg").write_bytes(b"no picture")
    return place.folder / "films"


FOLDERS = Kind("folder of videos", {
    "train": lambda place, it: smoke_training(place, "teacher-flow", "--style", "mosaic", "--teacher-plain",
                                              "mosaic-teacher-plain", "--videos", it),
}, [
    *(cause for cause in odd_names("film.mp4") if cause.name not in ("a folder", "no permission for the file")),
    Cause("an empty folder", lambda place: place.folder.joinpath("films").mkdir() or place.folder / "films",
          "holds no videos"),
    Cause("nothing in it can be read", only_broken, "None of the 2 videos"),
])


# --- networks ---

NETWORKS = Kind("network", {
    "stylize": lambda place, it: ["ofd", "stylize", place.copy("film.mp4"), out(place, "o.mp4"), "--engine", "torch",
                                  "--network", it],
    "upscale": lambda place, it: ["ofd", "upscale", place.copy("film.mp4"), out(place, "o.mp4"), "--network", it],
    "evaluate": lambda place, it: ["ofd", "evaluate", "--network", it],
    "export": lambda place, it: ["ofd", "export", it, out(place, "o.onnx")],
    "train": lambda place, it: smoke_training(place, "teacher-flow", "--style", "mosaic", "--teacher-plain", it),
    "validate": lambda place, it: ["validate", it, "--count", 1],
}, [
    *odd_names("student.safetensors"),
    Cause("no metadata", made("n.safetensors", making.network, metadata={}), "n.safetensors"),
    Cause("metadata that is no JSON", made("n.safetensors", making.network, about="{"), "n.safetensors"),
    Cause("metadata that is a list", made("n.safetensors", making.network, about=[1]), "dictionary"),
    Cause("metadata of a thousand brackets", made("n.safetensors", making.network, about="[" * 100_000), "nested"),
    Cause("no network in the metadata", made("n.safetensors", making.network, about={"style": "mosaic"}), "n.safet"),
    Cause("a network that is a text", made("n.safetensors", making.network,
                                           about={"network": "student", "style": "mosaic"}), "network should be"),
    Cause("an unknown kind of network", made("n.safetensors", making.network, kind="oracle"), "Unknown kind"),
    Cause("a kind that is a list", made("n.safetensors", making.network, kind=["student"]), "Unknown kind"),
    Cause("a width that is a text", made("n.safetensors", making.network, width="4"), "network.width should be"),
    Cause("a negative width", made("n.safetensors", making.network, width=-4), "network.width should be"),
    Cause("a width of 10**12", made("n.safetensors", making.network, width=10**12), "network.width should be"),
    Cause("ten million blocks", made("n.safetensors", making.network, blocks=10_000_000), "network.blocks should be"),
    Cause("blocks of half a layer", made("n.safetensors", making.network, blocks=1.5), "network.blocks should be"),
    Cause("a flag that is a number", made("n.safetensors", making.network, smooth=7), "network.smooth should be"),
    Cause("a part that no student has", made("n.safetensors", making.network, engine="warp"), "engine"),
    Cause("weights of another size", made("n.safetensors", making.network, own_width=8), "another architecture"),
    Cause("a network that makes videos larger", lambda place: place.copy("upscaler.safetensors"),
          "makes videos larger; give a network that paints: candy-", only=(
              "stylize", "evaluate", "export", "train", "validate")),
    Cause("a network that paints", lambda place: place.copy("student.safetensors"),
          "paints; give a network that makes videos larger: ", only=("upscale",)),
    Cause("tensors of unknown use", made("n.safetensors", making.network, rename="other."), "n.safetensors"),
    Cause("tensors without a use", made("n.safetensors", making.network, rename=""), "n.safetensors"),
    Cause("a style that is a number", made("n.safetensors", making.network, about={
        "network": {"kind": "student", "width": 4, "blocks": 1}, "style": 5}), "style should be a text"),
    Cause("a step before the first", made("n.safetensors", making.network, about={
        "network": {"kind": "student", "width": 4, "blocks": 1}, "style": "mosaic", "step": -1}), "step should be"),
])


# --- what a training goes on from ---


def resumed(spoil: Callable[[dict, dict], None]) -> Callable[[Place], Path]:
    """A real checkpoint of a training that was interrupted, of which something was changed since."""
    def make(place: Place) -> Path:
        path = place.copy("begun.safetensors", "made.safetensors")
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["settings"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        spoil(about, tensors)
        save_file(tensors, path, {"settings": json.dumps(about)})
        return path
    return make


def first_of(tensors: dict, kind: str) -> str:
    return next(key for key in tensors if key.startswith(kind))


def five_steps(about: dict, tensors: dict) -> None:
    about.update(step=5)
    tensors.update({key: torch.zeros(5, dtype=torch.float64) for key in tensors if key.startswith("history.")})


CHECKPOINTS = Kind("checkpoint", {
    "train": lambda place, it: ["ofd", "train", "teacher-plain", "--style", "mosaic", "--steps", 2, "--output", it],
}, [
    Cause("noise in its place", written("made.safetensors", making.noise(3000)), "made.safetensors"),
    Cause("its first half", lambda place: changed("begun.safetensors", lambda c: c[:len(c) // 2])(place), "odd"),
    Cause("more steps than asked for", resumed(five_steps), "5 steps already"),
    Cause("steps in words", resumed(lambda about, _: about.update(step="one")), "step should be a whole"),
    Cause("settings that are a list", resumed(lambda about, _: about.update(scale=[1])), "scale should be a dict"),
    Cause("a setting that is a list", resumed(lambda about, _: about["scale"].update(height=[48])), "scale.height"),
    Cause("another style", resumed(lambda about, _: about.update(style="candy")), "another style"),
    Cause("an optimiser without a number", resumed(
        lambda _, tensors: tensors.update({"optimiser.first.step": torch.zeros(())})), "do not fit"),
    Cause("an optimiser of another shape", resumed(
        lambda _, tensors: tensors.update({"optimiser.0.exp_avg": torch.zeros(2)})), "optimiser.0.exp_avg"),
    Cause("half an optimiser", resumed(lambda _, tensors: tensors.pop("optimiser.1.exp_avg_sq")), "do not fit"),
    Cause("weights that are missing", resumed(lambda _, tensors: tensors.pop(first_of(tensors, "weights."))),
          "another architecture"),
    Cause("losses of another number of steps", resumed(
        lambda _, tensors: tensors.update({"history.0.perceptual": torch.zeros(7)})), "history.0.perceptual"),
    Cause("a loss without a number", resumed(
        lambda _, tensors: tensors.update({"history.total": torch.zeros(2)})), "do not fit"),
    Cause("an average where none is kept", resumed(
        lambda _, tensors: tensors.update({"latest.a": torch.zeros(2)})), "averaged weights"),
])


# --- tuples ---

NO_TUPLES = [{"file": "00000.safetensors", "video": 0, "start": 0}]
TUPLES = Kind("tuples", {
    "train": lambda place, it: smoke_training(place, "teacher-flow", "--style", "mosaic", "--teacher-plain",
                                              "mosaic-teacher-plain", "--videos", it),
    "train an unaligned one": lambda place, it: smoke_training(
        place, "student-temp", "--style", "mosaic", "--teacher-plain", "mosaic-teacher-plain", "--teacher-flow",
        "mosaic-teacher-flow", "--start", "mosaic-student-plain", "--videos", it),
}, [
    Cause("a manifest that is no JSON", lambda place: text_in(place, "t/tuples.json", "{").parent, "tuples.json is"),
    Cause("a manifest that is a list", lambda place: text_in(place, "t/tuples.json", "[]").parent, "dictionary"),
    Cause("a manifest of a thousand brackets", lambda place: text_in(place, "t/tuples.json", "[" * 10**5).parent,
          "tuples.json is"),
    Cause("a manifest that is no text", lambda place: bytes_in(place, "t/tuples.json").parent, "tuples.json is"),
    Cause("a height in words", made("t", making.tuples, height="48"), "height should be"),
    Cause("a negative length", made("t", making.tuples, length=-3), "length should be"),
    Cause("a width of 10**15", made("t", making.tuples, width=10**15), "width should be"),
    Cause("tuples that are a number", made("t", making.tuples, tuples=3), "tuples should be a list"),
    Cause("no tuples", made("t", making.tuples, tuples=[]), "names no tuples"),
    Cause("a tuple that is a text", made("t", making.tuples, tuples=["a"]), "tuples.0. should be"),
    Cause("a tuple in another folder", made("t", making.tuples, tuples=[
        {"file": "../student.safetensors", "video": 0, "start": 0}]), "file should be the name"),
    Cause("a tuple with a negative start", made("t", making.tuples, tuples=[
        {"file": "00000.safetensors", "video": 0, "start": -1}]), "start should be"),
    Cause("a tuple that is missing", made("t", making.tuples, tuples=[
        {"file": "00001.safetensors", "video": 0, "start": 0}]), "1 are missing"),
    Cause("tuples of a smaller size", made("t", making.tuples, height=16, width=16), "prepare them anew"),
    Cause("a tuple of noise", made("t", making.tuples, making.noise(100)), "holds no tuple"),
    Cause("a tuple of floats", made("t", making.tuples, torch.zeros(3, 3, 48, 64)), "of 8 bits"),
    Cause("a tuple of one channel", made("t", making.tuples, torch.zeros(3, 1, 48, 64, dtype=torch.uint8)), "of 8 b"),
    Cause("a tuple that is too short", made("t", making.tuples, torch.zeros(1, 3, 48, 64, dtype=torch.uint8)), "leas"),
])


def text_in(place: Place, name: str, content: str) -> Path:
    path = place.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def bytes_in(place: Place, name: str) -> Path:
    path = text_in(place, name, "")
    path.write_bytes(b"\xff\xfe" + making.noise(50))
    return path


# --- records and manifests ---

RECORDS = Kind("record", {
    "make_tables": lambda place, it: ["make_tables", "--only", "student-ours", "--styles", "none", "--results", it],
    "make_tables again": lambda place, it: ["make_tables", "--only", "student-ours", "--styles", "mosaic",
                                            "--folders", manifest()(place).parent, "--results", it],
}, [
    Cause("a record that is no JSON", lambda place: text_in(
        place, "r/scores/mosaic-student-ours.json", "{").parent.parent, "student-ours.json is"),
    Cause("a record that is a list", lambda place: text_in(
        place, "r/scores/mosaic-student-ours.json", "[]").parent.parent, "dictionary"),
    Cause("a record that is no text", lambda place: bytes_in(
        place, "r/scores/mosaic-student-ours.json").parent.parent, "student-ours.json is"),
    Cause("scores that are a list", made("r", making.record, scores=[]), "scores should be"),
    Cause("a score in words", made("r", making.record, scores__final__alley_2__e_stab="low"), "e_stab should be"),
    Cause("a score that is not a number", made("r", making.record, scores__final__alley_2__e_stab=float("nan")),
          "e_stab should be"),
    Cause("a score of 400 digits", made("r", making.record, scores__final__sum__style=10**400), "style should be"),
    Cause("a film without scores", made("r", making.record, scores__final__alley_2={}), "lacks"),
    Cause("no protocol", made("r", making.record, protocol=None), "protocol should be"),
    Cause("gaps in words", made("r", making.record, protocol__gaps=["one"]), "protocol.gaps"),
    Cause("a negative width", made("r", making.record, protocol__width=-5), "protocol.width"),
    Cause("a judge that is a text", made("r", making.record, protocol__judge="me"), "protocol.judge"),
    Cause("a seed of half a number", made("r", making.record, seed=0.5), "seed should be"),
    Cause("a style that is a list", made("r", making.record, style=["mosaic"]), "style should be"),
])


def manifest(content: str | None = None, **changes) -> Callable[[Place], Path]:
    """A network with a manifest beside it, in a folder of its own."""
    def make(place: Place) -> Path:
        network = place.copy("student.safetensors", "networks/mosaic-student-ours.safetensors")
        about = {"name": "mosaic-student-ours", "style": "mosaic", "recipe": "student-ours", "seed": 0,
                 "settings": {"name": "laptop"}, **changes}
        about = {key: value for key, value in about.items() if value is not making}
        network.with_suffix(".json").write_text(json.dumps(about) if content is None else content)
        return network
    return make


MANIFESTS = Kind("manifest", {
    "make_tables": lambda place, it: ["make_tables", "--folders", it.parent, "--score-only", "--results",
                                      out(place, "r")],
    "export": lambda place, it: ["ofd", "export", it, out(place, "o.onnx")],
}, [
    Cause("a manifest that is no JSON", manifest("{"), "student-ours.json is"),
    Cause("a manifest that is a text", manifest('"a"'), "dictionary"),
    Cause("a manifest without settings", manifest(settings=making), "lacks settings"),
    Cause("settings that are a text", manifest(settings="laptop"), "settings should be"),
    Cause("settings without a name", manifest(settings={}), "lacks settings.name"),
    Cause("an unknown scale", manifest(settings={"name": "huge"}), "settings.name should be", only=("make_tables",)),
    Cause("a seed in words", manifest(seed="zero"), "seed should be"),
    Cause("a style that is a number", manifest(style=3), "style should be"),
    Cause("minutes in words", manifest(minutes="long"), "minutes should be"),
])


UPSCALED = Kind("record of upscaling", {
    "make_tables --paper std": lambda place, it: ["make_tables", "--paper", "std", "--scale", "smoke", "--results", it,
                                                  "--folders", place.folder],
}, [
    Cause("a record that is no JSON", made("r", making.upscaling, content=b"{"), "sr-teacher.json"),
    Cause("a record of another program", made("r", making.upscaling, content=b'{"a": 1}'), "sr-teacher.json"),
    Cause("scores that are texts", made("r", making.upscaling, scores={"mean": {"psnr": "high"}}), "scores.mean.psnr"),
    Cause("no mean of the scenes", made("r", making.upscaling, scores={}), "lacks the mean"),
    Cause("a protocol without its border", made("r", making.upscaling, protocol={"films": "f"}), "protocol"),
    Cause("curves that are a list", made("r", making.upscaling, "curves.json", b"[]"), "curves.json"),
    Cause("times that are texts", made("r", making.upscaling, "speed.json",
                                       b'{"machine": "m", "rounds": 1, "width": 1, "height": 1, "rows": "many"}'),
          "speed.json.*rows"),
])


# --- what is written ---


def locked(place: Place) -> Path:
    (place.folder / "locked").mkdir(mode=0o555)
    return place.folder / "locked/made"


def loop_of_folders(place: Place) -> Path:
    (place.folder / "there").symlink_to(place.folder / "back")
    (place.folder / "back").symlink_to(place.folder / "there")
    return place.folder / "there/made"


def a_folder(suffix: str) -> Callable[[Place], Path]:
    def make(place: Place) -> Path:
        (place.folder / f"made{suffix}").mkdir()
        return place.folder / "made"
    return make


def to(suffix: str, path: object) -> Path:
    return Path(f"{path}{suffix}")


OUTPUTS = Kind("output", {
    "stylize": lambda place, it: ["ofd", "stylize", place.copy("film.mp4"), to(".mp4", it), "--engine", "torch",
                                  "--network", place.copy("student.safetensors")],
    "upscale": lambda place, it: ["ofd", "upscale", place.copy("film.mp4"), to(".mp4", it), "--network",
                                  place.copy("upscaler.safetensors")],
    "export": lambda place, it: ["ofd", "export", place.copy("student.safetensors"), to(".onnx", it)],
    "train": lambda place, it: ["ofd", "train", "teacher-plain", "--style", "mosaic", "--steps", 1, "--output",
                                to(".safetensors", it)],
    "render_scenes": lambda place, it: ["render_scenes", "--frames", 2, "--width", 64, "--output", it],
}, [
    Cause("a folder that cannot be written to", locked, "denied", plain_user),
    Cause("below a file", lambda place: place.copy("picture.png") / "made", "not a directory|file exists"),
    Cause("a name that is too long", lambda place: place.folder / ("a" * 300), "too long"),
    Cause("links in a circle", loop_of_folders, "symbolic links|circle|[Ss]ymlink|file exists"),
    Cause("a name that is no UTF-8", lambda place: place.folder / os.fsdecode(b"\xff"), "UTF-8",
          only=("stylize", "upscale", "export", "train")),
    Cause("a folder in its place", a_folder(".mp4"), "folder", only=("stylize", "upscale")),
    Cause("a folder in the place of an export", a_folder(".onnx"), "folder", only=("export",)),
    Cause("a disk that is full", lambda place: place.folder / "made", "too large", small_files,
          only=("export", "train")),
])


# --- the build folder ---


def build_at(make: Callable[[Place], Path]) -> Callable[[Place], Path]:
    def set_up(place: Place) -> Path:
        os.environ["OFD_BUILD"] = os.fsdecode(make(place))       # the case puts it back
        return place.folder
    return set_up


BUILDS = Kind("build folder", {
    "render_scenes": lambda place, it: ["render_scenes", "--frames", 2],
    "train_zoo": lambda place, it: ["train_zoo", "--style", "mosaic", "--output", out(place, "zoo"), "--only",
                                    "teacher-plain"],
    "compare_videos": lambda place, it: ["compare_videos", "--styles", "mosaic", "--networks", "student-ours"],
    "stylize": lambda place, it: ["ofd", "stylize", place.copy("film.mp4"), out(place, "o.mp4"), "--network",
                                  place.copy("student.safetensors")],
    "measure_residual": lambda place, it: ["measure_residual", "--output", out(place, "measured")],
    "make_tables": lambda place, it: ["make_tables", "--score-only", "--only", "student-ours", "--styles", "none"],
}, [
    Cause("OFD_BUILD is a file", build_at(lambda place: place.copy("picture.png")), "file exists"),
    Cause("OFD_BUILD is below a file", build_at(lambda place: place.copy("picture.png") / "b"), "not a directory"),
    Cause("OFD_BUILD cannot be made", build_at(locked), "denied", plain_user),
    Cause("OFD_BUILD is too long", build_at(lambda place: place.folder / ("b" * 300)), "too long"),
    Cause("OFD_BUILD is a link to itself", build_at(loop_of_folders), "symbolic links|circle"),
])


# --- numbers and variables ---


def given(text: str) -> Callable[[Place], str]:
    return lambda place: text


NUMBERS = Kind("number", {
    "train --seed": lambda place, it: smoke_training(place, "teacher-plain", "--style", "mosaic", f"--seed={it}"),
    "train --steps": lambda place, it: ["ofd", "train", "teacher-plain", "--style", "mosaic", "--output",
                                        out(place, "n.safetensors"), f"--steps={it}"],
    "train --lambda-res": lambda place, it: smoke_training(place, "student-ours", "--style", "mosaic",
                                                           f"--lambda-res={it}"),
    "train_zoo --seed": lambda place, it: ["train_zoo", f"--seed={it}", "--output", out(place, "zoo")],
    "measure_residual --seed": lambda place, it: ["measure_residual", f"--seed={it}"],
    "make_tables --seeds": lambda place, it: ["make_tables", "--seeds", f" {it}", "--results", out(place, "r")],
    "distill_features --seed": lambda place, it: ["distill_features", "--teacher", "compact", f"--seed={it}",
                                                  "--output", out(place, "f.safetensors")],
    "distill_features --steps": lambda place, it: ["distill_features", "--teacher", "compact", f"--steps={it}",
                                                   "--output", out(place, "f.safetensors")],
    "validate --count": lambda place, it: ["validate", "mosaic-student-ours", f"--count={it}"],
    "stylize --size": lambda place, it: ["ofd", "stylize", place.copy("film.mp4"), out(place, "o.mp4"),
                                         f"--size={it}"],
    "render_scenes --frames": lambda place, it: ["render_scenes", f"--frames={it}", "--output", out(place, "s")],
    "render_scenes --width": lambda place, it: ["render_scenes", f"--width={it}", "--output", out(place, "s")],
}, [
    Cause("2**64", given(str(2**64)), "above", usage=True, only=(
        "train --seed", "train_zoo --seed", "measure_residual --seed", "make_tables --seeds", "distill_features --seed",
        "distill_features --steps", "train --steps", "render_scenes --width", "validate --count")),
    Cause("a negative number", given("-1"), "below|from 0 up|at least|cannot", usage=True),
    Cause("no number", given("many"), "no (whole )?number", usage=True),
    Cause("not a number", given("nan"), "no (whole |finite )?number", usage=True),
])

VARIABLES = Kind("variable", {
    "stylize": lambda place, it: ["ofd", "stylize", place.copy("film.mp4"), out(place, "o.mp4")],
    "evaluate": lambda place, it: ["ofd", "evaluate", "--network", "mosaic-student-scratch"],
    "train": lambda place, it: smoke_training(place, "teacher-plain", "--style", "mosaic"),
}, [
    Cause("an unknown OFD_SCALE", given(""), "Unknown scale", environ={"OFD_SCALE": "huge"},
          only=("evaluate", "train")),
    Cause("an unknown OFD_DEVICE", given(""), "OFD_DEVICE is", environ={"OFD_DEVICE": "tpu"}),
    Cause("an unknown OFD_PRECISION", given(""), "OFD_PRECISION", environ={"OFD_PRECISION": "int3"}, only=("train",)),
    Cause("an OFD_ZOO that is not there", given(""), "OFD_ZOO is", environ={"OFD_ZOO": "nowhere"},
          only=("stylize", "evaluate")),
    Cause("an OFD_ZOO with a name of two lines", given(""), "OFD_ZOO is", environ={"OFD_ZOO": "no\nwhere"},
          only=("stylize", "evaluate")),
    Cause("an unknown OFD_STYLE", given(""), "no network for the style", environ={"OFD_STYLE": "none"},
          only=("stylize",)),
    Cause("an unknown OFD_FEATURES", given(""), "Unknown perceptual network", environ={"OFD_FEATURES": "none"},
          only=("evaluate", "train")),
])


# --- archives, and the servers that they come from ---

FRAME = "training/final/alley_2/frame_0001.png"
CLIP = "Hollywood2/AVIClipsScenes/sceneclipautoautotrain00001.avi"


def archive(kind: str, *members: tuple[str, object]) -> bytes:
    """A zip or a tar.gz of (name, content); a content that is a TarInfo or ZipInfo is taken as it is."""
    whole = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(whole, "w") as made:
            for name, content in members:
                info = zipfile.ZipInfo(name)
                if content == "link":
                    info.external_attr, content = 0o120777 << 16, "/etc/passwd"
                made.writestr(info, content)
    else:
        with tarfile.open(fileobj=whole, mode="w:gz") as made:
            for name, content in members:
                info = tarfile.TarInfo(name)
                if content in ("link", "device"):
                    info.type = tarfile.SYMTYPE if content == "link" else tarfile.CHRTYPE
                    info.linkname, content = "/etc/passwd", b""
                content = content.encode() if isinstance(content, str) else content
                info.size = len(content)
                made.addfile(info, io.BytesIO(content))
    return whole.getvalue()


@dataclasses.dataclass(frozen=True)
class Served:
    """Files on a server of this machine, and how it misbehaves (the fields of `serving.Site`)."""

    files: Mapping[str, bytes]
    behaviour: Mapping[str, object] = dataclasses.field(default_factory=dict)


def both(make: Callable[[str, str], bytes], **behaviour) -> Callable[[Place], Served]:
    """make(kind, name of a wanted member): the archive of either script."""
    return lambda place: Served({"sintel.zip": make("zip", FRAME), "scenes.tar.gz": make("tar", CLIP)}, behaviour)


def zip_that_claims(size: int) -> Callable[[str, str], bytes]:
    def make(kind: str, name: str) -> bytes:
        if kind == "tar":           # a header alone, whose size the archive does not have
            info = tarfile.TarInfo(name)
            info.size = size
            import gzip
            return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
        content = bytearray(archive(kind, (name, "picture")))
        at = content.rindex(b"PK\x01\x02")
        content[at + 24:at + 28] = min(size, 2**32 - 2).to_bytes(4, "little")
        return bytes(content)
    return make


ARCHIVES = Kind("archive", {
    "download_sintel": lambda place, it: ["download_sintel", "--folder", out(place, "data"), "--scenes", "alley_2",
                                          "--address", f"{it}/sintel.zip"],
    "download_hollywood2": lambda place, it: ["download_hollywood2", "--folder", out(place, "data"), "--address",
                                              f"{it}/scenes.tar.gz"],
}, [
    Cause("a member that leaves the folder", both(lambda kind, name: archive(
        kind, (name, "a"), (f"{Path(name).parent}/../../../../../evil", "evil"))), "was not unpacked"),
    Cause("a member with an absolute name", both(lambda kind, name: archive(kind, (name, "a"), ("/tmp/evil", "e"))),
          "was not unpacked"),
    Cause("a member that is a link", both(lambda kind, name: archive(kind, (name, "link"))), "a link or a device"),
    Cause("a member that is a device", both(lambda kind, name: archive(kind, (name, "device"))), "link or a device",
          only=("download_hollywood2",)),
    Cause("a member that claims a petabyte", both(zip_that_claims(10**15)), "damaged|too little room"),
    Cause("nothing that was expected", both(lambda kind, name: archive(kind, ("README", "hello"))), "holds nothing"),
    Cause("no members", both(lambda kind, name: archive(kind)), "holds nothing"),
    Cause("half an archive", both(lambda kind, name: archive(kind, (name, making.noise(4000)))[:2000]), "damaged"),
    Cause("a page instead", both(lambda kind, name: b"<!doctype html>" * 50), "damaged"),
    Cause("no bytes", both(lambda kind, name: b""), "damaged|expected"),
    Cause("noise instead", both(lambda kind, name: making.noise(3000)), "damaged"),
    Cause("a byte that was flipped", both(lambda kind, name: making.flipped(
        archive(kind, (name, making.noise(4000))), 0.4)), "damaged"),
    Cause("not there", lambda place: Served({}), "404"),
    Cause("a server that closes the connection too soon", both(_usual := lambda kind, name: archive(
        kind, (name, making.noise(4000))), stops_after=1000), "broke off after 1,000 of"),
    Cause("a server that closes at once", both(_usual, stops_after=0), "broke off after 0 of"),
    Cause("a server that claims fewer bytes than it sends", both(_usual, claims=-500), "damaged|broke off"),
    Cause("a server that claims a petabyte", both(_usual, claims=10**15), "too little room"),
    Cause("a server that claims a negative length", both(_usual, claims=-10**6), "not the expected file"),
    Cause("a rest that starts too late", lambda place: interrupted(place, starts_late=7), "damaged"),
    Cause("a rest of another file", lambda place: interrupted(place, obeys_if_range=False, replaced=True), "damaged"),
    Cause("notes of a download that are a list", lambda place: interrupted(place, notes="[1]"), "damaged"),
    Cause("notes of a download with a length in words", lambda place: interrupted(place, notes='{"length": "all"}'),
          "damaged"),
    Cause("a server that nobody runs", lambda place: "http://127.0.0.1:9", "Cannot download"),
    Cause("an address of another kind", lambda place: "gopher://127.0.0.1", "Cannot download"),
    Cause("an address without a server", lambda place: "http://", "Cannot download"),
], leaves=r"data(/[^/]*\.(zip|tar\.gz)(\.part(\.json)?)?)?")


def interrupted(place: Place, notes: str | None = None, replaced: bool = False, **behaviour) -> Served:
    """A download of noise that stopped in the middle, and goes on from a server that misbehaves."""
    content = making.noise(4000)
    folder = place.folder / "data"
    folder.mkdir()
    for name in ("sintel.zip", "scenes.tar.gz"):
        (folder / f"{name}.part").write_bytes(content[:1500])
        (folder / f"{name}.part.json").write_text(notes or json.dumps(
            {"address": f"ADDRESS/{name}", "length": 4000, "version": '"0"'}))
    content = content[::-1] if replaced else content
    return Served(dict.fromkeys(("sintel.zip", "scenes.tar.gz"), content), behaviour)


# --- VGG-16 ---


@contextlib.contextmanager
def vgg16_from_a_server() -> Iterator[None]:
    with (http_site({"vgg16.pth": b"not VGG-16"}) as site,
          patched(features, "VGG16_ADDRESS", f"{site.address}/vgg16.pth")):
        yield


@contextlib.contextmanager
def patched(module: object, name: str, value: object) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def kept_vgg16(content: bytes | None) -> Callable[[Place], str]:
    def make(place: Place) -> str:
        if content is not None:
            bytes_in(place, f"cache/{features.VGG16_ADDRESS.rsplit('/', 1)[1]}").write_bytes(content)
        return "vgg16"
    return make


@contextlib.contextmanager
def unwritable_cache() -> Iterator[None]:
    with vgg16_from_a_server(), plain_user():
        yield


VGG16 = Kind("VGG-16", {
    "evaluate": lambda place, it: ["ofd", "evaluate", "--network", "mosaic-student-ours"],
    "train": lambda place, it: smoke_training(place, "teacher-plain", "--style", "mosaic"),
    "keep_style": lambda place, it: ["keep_style", place.copy("picture.png"), "--features", it],
    "judge_features": lambda place, it: ["judge_features", "--judge", it, "--output", out(place, "judged")],
    "distill_features": lambda place, it: ["distill_features", "--teacher", it, "--output", out(place, "f.s")],
    "validate": lambda place, it: ["validate", "mosaic-student-ours", "--judge", it, "--count", 1],
}, [
    Cause("a server that sends another file", kept_vgg16(None), "not the expected file", vgg16_from_a_server),
    Cause("a kept VGG-16 that is cut off", kept_vgg16(b"PK" + making.noise(500)), "delete it, and it is downloaded"),
    Cause("a cache that cannot be written to", lambda place: locked(place) and "vgg16", "denied", unwritable_cache,
          {"OFD_CACHE": "locked/cache"}),
    Cause("a cache that is a file", lambda place: place.copy("picture.png", "cache") and "vgg16",
          "not a directory|file exists", vgg16_from_a_server),
], leaves="cache")


# --- memory ---


def short_of_memory(ask: Callable[[], object]) -> Around:
    return lambda: patched(zoo, "load", lambda *_: ask())


def of_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nSee documentation.")


MEMORY = Kind("memory", {
    "stylize": lambda place, it: ["ofd", "stylize", place.copy("film.mp4"), out(place, "o.mp4")],
    "upscale": lambda place, it: ["ofd", "upscale", place.copy("film.mp4"), out(place, "o.mp4"), "--network",
                                  place.copy("upscaler.safetensors")],
    "evaluate": lambda place, it: ["ofd", "evaluate", "--network", "mosaic-student-ours"],
    "export": lambda place, it: ["ofd", "export", "mosaic-student-ours", out(place, "o.onnx")],
    "validate": lambda place, it: ["validate", "mosaic-student-ours", "--count", 1],
    "compare_videos": lambda place, it: ["compare_videos", "--styles", "mosaic", "--networks", "student-ours",
                                         "--videos", place.copy("film.mp4"), "--output", out(place, "seen")],
}, [
    Cause("PyTorch has no memory", given(""), "too little memory", short_of_memory(
        lambda: torch.empty(2**50, dtype=torch.uint8))),
    Cause("NumPy has no memory", given(""), "too little memory", short_of_memory(lambda: np.empty(2**50, np.uint8))),
    Cause("Python has no memory", given(""), "too little memory", short_of_memory(lambda: bytearray(2**50))),
    Cause("OpenCV has no memory", given(""), "too little memory", short_of_memory(
        lambda: cv2.resize(np.zeros((8, 8, 3)), (2**24, 2**20)))),
    Cause("a GPU has no memory", given(""), "too little memory", short_of_memory(of_a_gpu)),
])


# --- what a script is given ---

GIVEN = Kind("argument", {
    "evaluate --sintel": lambda place, it: ["ofd", "evaluate", "--network", "mosaic-student-ours", "--sintel", it],
    "make_tables --judge": lambda place, it: ["make_tables", "--judge", it, "--results", out(place, "r")],
    "make_tables --folders": lambda place, it: ["make_tables", "--folders", it, "--results", out(place, "r")],
    "make_tables --sintel": lambda place, it: ["make_tables", "--sintel", it, "--results", out(place, "r")],
    "make_tables --style-picture": lambda place, it: ["make_tables", "--style-picture", it, "--only", "student-ours",
                                                      "--styles", "none", "--results", out(place, "r")],
    "distill_features --teacher": lambda place, it: ["distill_features", "--teacher", it, "--output", out(place, "f")],
    "distill_features --images": lambda place, it: ["distill_features", "--teacher", "compact", "--images", it,
                                                    "--output", out(place, "f")],
    "judge_features --judge": lambda place, it: ["judge_features", "--judge", it, "--output", out(place, "j")],
    "judge_features --features": lambda place, it: ["judge_features", "--judge", "compact", "--features", it,
                                                    "--output", out(place, "j")],
    "keep_style --features": lambda place, it: ["keep_style", place.copy("picture.png"), "--features", it],
    "measure_flow --styles": lambda place, it: ["measure_flow", "--styles", it, "--output", out(place, "m")],
    "measure_rank --styles": lambda place, it: ["measure_rank", "--styles", it, "--output", out(place, "m")],
    "measure_sizes --engines": lambda place, it: ["measure_sizes", "--engines", it, "--output", out(place, "m.json")],
    "measure_speed --contrib-python": lambda place, it: ["measure_speed", "--contrib-python", it, "--height", 32,
                                                         "--width", 32, "--output", out(place, "m.json")],
    "compare_videos --styles": lambda place, it: ["compare_videos", "--styles", it, "--output", out(place, "seen")],
    "update_notebooks": lambda place, it: ["update_notebooks", "--check", it],
    "validate --judge": lambda place, it: ["validate", "mosaic-student-ours", "--judge", it, "--count", 1],
    "train --start": lambda place, it: smoke_training(
        place, "student-ours", "--style", "mosaic", "--teacher-plain", "mosaic-teacher-plain", "--teacher-flow",
        "mosaic-teacher-flow", "--start", it),
}, [
    Cause("nothing of that name", lambda place: place.folder / "none", "none"),
    Cause("a name that is too long", lambda place: place.folder / ("a" * 300), "aaa|too long"),
    Cause("a page that says 404", written("page", b"<!doctype html><title>404 Not Found</title>\n" * 20), "page"),
])

KINDS = (PICTURES, VIDEOS, FOLDERS, NETWORKS, CHECKPOINTS, TUPLES, RECORDS, UPSCALED, MANIFESTS, OUTPUTS, BUILDS,
         NUMBERS, VARIABLES, ARCHIVES, VGG16, MEMORY, GIVEN)


def every_case() -> list[tuple[Kind, Cause, str]]:
    return [(kind, cause, command) for kind in KINDS for cause in kind.causes
            for command in kind.commands if not cause.only or command in cause.only]


def chosen_cases() -> list[tuple[Kind, Cause, str]]:
    """All cases, or every tenth: whatever is not chosen is not collected, so that nothing counts as skipped."""
    return every_case()[::1 if os.environ.get("OFD_ATTACKS") == "all" else 10]
