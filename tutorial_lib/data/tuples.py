"""Training tuples from videos: short runs of frames in which much moves, cut out once and kept on the disk.

The choice follows Ruder et al. 2018 (reference [34] of the paper): of every shot, the five tuples of consecutive frames
with the most motion, scaled and centre-cropped. A video is read one frame at a time, so that long videos need no more
memory than short ones.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import groupby, islice, pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tqdm.auto import tqdm

from tutorial_lib.data.clips import Clip, Motion, checked, clip_from_frames, packed, unpacked
from tutorial_lib.data.download import check_space
from tutorial_lib.data.images import resize
from tutorial_lib.data.video import PICTURES, open_video
from tutorial_lib.errors import TutorialError, sentence
from tutorial_lib.files import read_json, write_json, write_tensors
from tutorial_lib.flow.estimate import estimate_flow_and_mask
from tutorial_lib.flow.warp import warp
from tutorial_lib.lock import only_writer
from tutorial_lib.schema import Rule, check, number, optional, whole
from tutorial_lib.settings import Settings

VIDEOS = {".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg"}
MANIFEST = "tuples.json"
LARGEST = 8192              # pixels a side
TUPLE = {"file": Rule("the name of a .safetensors file of this folder",
                      lambda name: isinstance(name, str) and name.endswith(".safetensors") and Path(name).name == name),
         "video": whole(), "start": whole()}
FORM = {"height": whole(16, LARGEST), "width": whole(16, LARGEST), "length": whole(2), "tuples": [TUPLE]}
MOTION_WIDTH = 128          # of the reduced frames between which motion is measured, pixels
TUPLES_PER_SHOT = 5         # at most, unless there are too few shots
CANDIDATES_PER_TUPLE = 3    # with so many to choose from, no further video is looked at

Shot = list[tuple[float, int]]    # the possible tuples of a shot as (mean motion, first frame), the liveliest first


def find_videos(folder: str | Path) -> list[Path]:
    """The video files in a folder and the folders below it, and every folder of pictures, in a fixed order.

    Raises: TutorialError when there is no such folder, or nothing of that kind in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise TutorialError(f"There is no folder {folder}; a folder of videos, or of folders of frames, was expected.")
    files = [p for p in folder.rglob("*") if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
    videos = {p for p in files if p.suffix.lower() in VIDEOS and p.is_file()}
    videos |= {p.parent for p in files if p.suffix.lower() in PICTURES and p.is_file()}
    if not videos:
        raise TutorialError(f"The folder {folder} holds no videos and no folders of frames.")
    return sorted(videos)


def fingerprint(videos: Sequence[Path]) -> str:
    """What tells these videos from others, wherever they lie: their names and sizes, as 16 hexadecimal digits."""
    return _digest([(video.name, _size(video)) for video in videos])


def prepare_tuples(
    videos: Sequence[Path], folder: str | Path, height: int, width: int, count: int, length: int = 5, seed: int = 0
) -> None:
    """Cuts `count` tuples of `length` frames out of videos, one file (K, 3, H, W) uint8 each, for `TupleClips`.

    Videos are looked at in random order until there are tuples enough to choose from. If five tuples a shot are too
    few, more are taken of each shot, in the end overlapping ones. No tuple crosses a cut. After an interruption the
    same call goes on. Of a damaged video, the part that can be read is used.
    Raises: TutorialError when no shot is as long as a tuple, `folder` holds tuples that were made otherwise, another
    run prepares them, or the disk is full.
    Source: Ruder et al. 2018, Sec. 4.1, and the random 2,000 of the paper's Sec. 4.1.
    """
    folder = Path(folder)
    if length < 2 or count < 1 or min(height, width) < 16:
        raise TutorialError(
            f"{count} tuples of {length} frames of {width}x{height} pixels cannot be made; ask for at least one tuple "
            "of 2 frames of 16x16."
        )
    with only_writer(folder / MANIFEST):
        about = {"height": height, "width": width, "length": length, "count": count, "seed": seed,
                 "videos": fingerprint(videos)}
        if (folder / MANIFEST).is_file():
            manifest = read_json(folder / MANIFEST, FORM)
            differing = ", ".join(key for key in about if manifest.get(key) != about[key])
            if differing:
                raise TutorialError(
                    f"{folder} holds tuples that were made otherwise (another {differing}); "
                    "delete it or give another folder."
                )
            chosen = manifest["tuples"]
            check([t["video"] for t in chosen], [whole(0, len(videos) - 1)], folder / MANIFEST, "video")
        else:
            check_space(folder, count * length * 3 * height * width, "keep the tuples")
            chosen = _chosen(videos, folder, height, width, count, length, seed)
            write_json(folder / MANIFEST, about | {"tuples": chosen})
        missing = [t for t in chosen if not (folder / t["file"]).exists()]
        with tqdm(total=len(chosen), initial=len(chosen) - len(missing), unit="tuple", desc="cut tuples") as bar:
            for number in dict.fromkeys(t["video"] for t in missing):
                starts = {t["start"]: folder / t["file"] for t in missing if t["video"] == number}
                for path, frames in _cut_out(videos[number], starts, height, width, length):
                    write_tensors(path, {"frames": frames})
                    bar.update()



class TupleClips:
    """The clips of a folder of `prepare_tuples`, read one at a time, with estimated flow.

    The flow of a tuple is estimated at the first access and kept in a file beside it: later accesses read the file, and
    all give the same bits. Tuples that are larger than the settings are scaled and cropped, longer ones cut. Of more
    than `settings.clips` tuples the first are used; their order is random already.
    Raises: TutorialError for another kind of folder, one that is not complete, or tuples smaller than the settings.
    """

    def __init__(self, folder: str | Path, settings: Settings) -> None:
        self.folder, self.settings = Path(folder), settings
        if not (self.folder / MANIFEST).is_file():
            raise TutorialError(f"{folder} is no folder of prepared tuples: it has no {MANIFEST}.")
        manifest = read_json(self.folder / MANIFEST, FORM)
        least = {key: getattr(settings, name)
                 for key, name in (("height", "height"), ("width", "width"), ("length", "clip_length"))}
        if any(manifest[key] < value for key, value in least.items()):
            raise TutorialError(
                f"The tuples in {folder} are {manifest['length']} frames of {manifest['width']}x{manifest['height']}; "
                f"the scale {settings.name} needs {settings.clip_length} of {settings.width}x{settings.height}; "
                "prepare them anew from the videos."
            )
        self.paths = [self.folder / t["file"] for t in manifest["tuples"]][:settings.clips]
        absent = [path for path in self.paths if not path.is_file()]
        if not self.paths:
            raise TutorialError(f"{self.folder / MANIFEST} names no tuples; prepare them anew from the videos.")
        if absent:
            raise TutorialError(
                f"Of the {len(self.paths)} tuples in {folder}, {len(absent)} are missing; "
                "run the command that prepared them again, it goes on."
            )

    def __len__(self) -> int:
        return len(self.paths)

    def key(self, i: int) -> str:
        """What tells this clip from any other, for files about it: its pixels."""
        s = self.settings
        with open(self.paths[checked(i, len(self))], "rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        return f"tuple-{content}-{s.width}x{s.height}x{s.clip_length}"

    def __getitem__(self, i: int) -> Clip:
        s, path = self.settings, self.paths[checked(i, len(self))]
        frames = cover(_frames(path, s.clip_length).float() / 255, s.height, s.width)
        kept = path.with_name(f"{path.stem}.flow-{s.width}x{s.height}x{s.clip_length}.safetensors")
        if (flows := _kept_flows(kept, s)) is None:
            clip = packed(clip_from_frames(frames))
            flows = {"backward_flows": clip.backward.flows, "backward_masks": clip.backward.masks,
                     "reference_flows": clip.from_middle.flows, "reference_masks": clip.from_middle.masks}
            if os.access(self.folder, os.W_OK):      # a class may share a folder that only the instructor can change
                write_tensors(kept, flows)
        backward, from_middle = (Motion(flows[f"{name}_flows"], flows[f"{name}_masks"])
                                 for name in ("backward", "reference"))
        return unpacked(Clip((frames * 255).round().byte(), {-1: backward}, from_middle))


def _frames(path: Path, count: int) -> torch.Tensor:
    """(count, 3, H, W) uint8."""
    try:
        frames = load_file(path)["frames"]
    except (SafetensorError, KeyError, OSError) as error:
        raise TutorialError(f"{path} holds no tuple ({error}); delete it and prepare the tuples again.") from error
    if frames.dim() != 4 or frames.shape[1] != 3 or len(frames) < count or frames.dtype != torch.uint8:
        raise TutorialError(
            f"{path} should hold at least {count} frames (3, H, W) of 8 bits, not {tuple(frames.shape)} in "
            f"{frames.dtype}; delete it and prepare the tuples again."
        )
    return frames[:count]


def _kept_flows(path: Path, settings: Settings) -> dict[str, torch.Tensor] | None:
    """The flows that are kept of a tuple; None where there are none yet, or the file is damaged."""
    if not path.exists():
        return None
    pairs, size = settings.clip_length - 1, (settings.height, settings.width)
    wanted = {"backward_flows": (pairs, 2, *size), "backward_masks": (pairs, 1, *size),
              "reference_flows": (pairs + 1, 2, *size), "reference_masks": (pairs + 1, 1, *size)}
    try:
        flows = load_file(path)
    except (SafetensorError, OSError):
        return None
    return flows if {name: tuple(flow.shape) for name, flow in flows.items()} == wanted else None


def cover(frames: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(N, 3, H, W) scaled, not stretched, to cover a size, and centre-cropped to it."""
    factor = max(height / frames.shape[2], width / frames.shape[3])
    scaled = resize(frames, *(max(least, round(side * factor))
                              for side, least in zip(frames.shape[2:], (height, width), strict=True)))
    top, left = (scaled.shape[2] - height) // 2, (scaled.shape[3] - width) // 2
    return scaled[..., top:top + height, left:left + width].clamp(0, 1)


def motion_between(previous: torch.Tensor, current: torch.Tensor) -> float | None:
    """The mean length of the flow between two frames (1, 3, H, W), in widths; None where flow cannot follow.

    That is at a cut, or where things move too wildly: less than a quarter of the frame is traceable, or the warped
    previous frame differs from the current one by more than three quarters of the picture's own contrast.
    """
    flow, mask = estimate_flow_and_mask(current, previous, "dis-ultrafast")
    before, after = previous.mean(1, keepdim=True), current.mean(1, keepdim=True)
    contrast = max((gray - gray.mean()).abs().mean().item() for gray in (before, after))
    unexplained = (after - warp(before, flow)).abs().mean().item()
    if mask.mean() < 0.25 or unexplained > 0.75 * max(contrast, 0.005):
        return None
    return flow.norm(dim=1).mean().item() / current.shape[-1]


def _chosen(
    videos: Sequence[Path], folder: Path, height: int, width: int, count: int, length: int, seed: int
) -> list[dict]:
    """The tuples to be cut, in random order: file, number of the video, first frame."""
    random = np.random.default_rng(seed)
    shots: dict[int, list[Shot]] = {}           # of every video that was looked at
    ranks: dict[tuple[int, int], int] = {}      # of (video, first frame) within its shot, the liveliest 0
    with tqdm(unit="frame", desc="look for motion") as bar:
        for seen, video in enumerate(random.permutation(len(videos)).tolist(), start=1):
            bar.set_postfix_str(f"video {seen} of {len(videos)}, {len(ranks)} tuples to choose from")
            shots[video] = list(_shots(_motion(videos[video], folder, height, width, bar), length))
            for shot in shots[video]:
                ranks |= {(video, start): rank for rank, start in enumerate(_apart(shot, length, TUPLES_PER_SHOT))}
            if len(ranks) >= CANDIDATES_PER_TUPLE * count:
                break
    if not ranks:
        raise TutorialError(
            f"None of the {len(videos)} videos has a shot of {length} frames that can be followed; give longer ones."
        )
    mixed = _shuffled(_filled_up(list(ranks), shots, count, length), random)
    # The best tuple of every shot is taken before the second of any; the best of all would come from a few shots.
    chosen = sorted(mixed, key=lambda candidate: ranks.get(candidate, TUPLES_PER_SHOT))[:count]
    return [{"file": f"{i:05d}.safetensors", "video": video, "start": start}
            for i, (video, start) in enumerate(_shuffled(chosen, random))]


def _filled_up(
    chosen: list[tuple[int, int]], shots: dict[int, list[Shot]], count: int, length: int
) -> list[tuple[int, int]]:
    """With fewer than `count` tuples (video, first frame): more of the same shots, overlapping no more than needed."""
    candidates = sorted((-motion, video, start) for video, shots_of_video in shots.items() for shot in shots_of_video
                        for motion, start in shot)
    for distance in (length, max(1, length // 2), 1):       # between the first frames of two tuples
        if len(chosen) < count:
            taken = set(chosen)
            for _, video, start in candidates:
                near = ((video, start + d) for d in range(1 - distance, distance))
                if len(taken) < count and taken.isdisjoint(near):
                    taken.add((video, start))
            chosen = sorted(taken)
    return chosen


def _shuffled(items: list, random: np.random.Generator) -> list:
    return [items[n] for n in random.permutation(len(items))]


def _motion(video: Path, folder: Path, height: int, width: int, bar: tqdm) -> list[float | None]:
    """`motion_between` all neighbours of a video; kept in a file, so that an interruption loses one video at most."""
    small = (max(16, round(height * min(1, MOTION_WIDTH / width))), min(width, MOTION_WIDTH))
    stored = folder / "motion" / f"{_digest([str(video.resolve()), _size(video), small])}.json"
    if stored.is_file():
        return read_json(stored, {"motion": [optional(number(0))]})["motion"]
    motion = []
    for previous, current in pairwise(_small_frames(video, *small, bar)):
        motion.append(motion_between(previous, current))
    write_json(stored, {"video": video.name, "motion": motion})
    return motion


def _small_frames(video: Path, height: int, width: int, bar: tqdm) -> Iterator[torch.Tensor]:
    try:
        for frame in open_video(video):
            yield cover(frame.image, height, width)
            bar.update()
    except (TutorialError, OSError) as error:
        # One bad file among thousands must not stop the preparation.
        bar.write(f"Used as far as it goes: {sentence(error)}")


def _shots(motion: list[float | None], length: int) -> Iterator[Shot]:
    """The shots, runs of motion without a cut, that are long enough for a tuple of `length` frames."""
    pairs, first = length - 1, 0
    for is_cut, run in groupby(motion, lambda value: value is None):
        end = first + len(list(run))
        starts = range(first, end - pairs + 1)
        if starts and not is_cut:
            yield sorted(((float(np.mean(motion[s:s + pairs])), s) for s in starts), key=lambda c: (-c[0], c[1]))
        first = end


def _apart(shot: Shot, length: int, most: int) -> list[int]:
    """The first frames of the liveliest tuples that share no frame."""
    starts: list[int] = []
    for _, start in shot:
        if len(starts) < most and all(abs(start - other) >= length for other in starts):
            starts.append(start)
    return starts


def _cut_out(
    video: Path, starts: dict[int, Path], height: int, width: int, length: int
) -> Iterator[tuple[Path, torch.Tensor]]:
    """(file, frames (K, 3, H, W) uint8) for every first frame in `starts`, with at most K frames in memory."""
    needed = {start + t for start in starts for t in range(length)}
    recent: dict[int, torch.Tensor] = {}
    for t, frame in enumerate(islice(open_video(video), max(needed) + 1)):
        if t in needed:
            recent[t] = (cover(frame.image, height, width) * 255).round().byte()
        recent.pop(t - length, None)
        first = t - length + 1
        if first in starts:
            yield starts[first], torch.cat([recent[s] for s in range(first, t + 1)])


def _digest(facts: list) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _size(video: Path) -> int:
    """Bytes of a video file, or of all files of a folder of frames."""
    return sum(p.stat().st_size for p in video.iterdir() if p.is_file()) if video.is_dir() else video.stat().st_size
