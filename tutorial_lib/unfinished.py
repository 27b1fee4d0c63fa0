"""What an interrupted film leaves for the next run: finished segments in a folder beside it, .TARGET.parts.

Only what a film wrote there itself is ever deleted: files of its names, in a folder with its record.
"""

import contextlib
import itertools
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path, read_json, write_json

PROGRAM = "tutorial_lib"     # what a record's program begins with: it may name a command, too
RECORD = "job.json"     # what the segments belong to; the first file that comes and the last that goes
OURS = re.compile(r"\.?(job|whole|\d{6})\..+")      # with what a killed run leaves of a file that it was writing
# Of what a job names; the rest says it itself.
MEANINGS = {"files": "source", "network": "style or network", "upscaler": "network", "flow": "flow method",
            "versions": "version of this program or its libraries", "engine_versions": "version of the engine"}
FOLLOWS = {"engine_versions", "threads", "segment"}     # from the others, where those differ


class Unfinished:
    """The finished segments of a film that is not whole yet. A job is what has to be equal to go on with them."""

    def __init__(self, target: Path):
        self.target, self.folder = target, target.with_name(f".{target.name}.parts")

    # --- whose it is ---

    def is_source(self, source: Path) -> bool:
        """Whether the source is this folder or lies in it."""
        return self.folder.resolve() in (source.resolve(), *source.resolve().parents)

    def job(self) -> dict:
        """What the segments belong to; empty where there are none, or where the folder is not ours."""
        return {key: value for key, value in self._record().items() if key not in ("program", "finished")}

    def check(self, job: Mapping, discard: bool) -> None:
        """Refuses a job, or what is known of it already, for which this folder is not free.

        Raises: TutorialError when the folder is somebody's own, or holds finished frames of another job; discard:
        the latter may go.
        """
        if self.folder.is_symlink() or (self.folder.exists() and not self._is_ours()):
            raise TutorialError(
                f"{self.folder} is where unfinished frames of {self.target} would be kept, but it is not a folder of "
                "this program; move it away, or give another name for the video."
            )
        before, count = self._record(), len(self.segments())
        keys = {key for key in job if before.get(key) != job[key]}
        if keys and count and not discard and "finished" not in before:
            other = {MEANINGS.get(key, key) for key in keys - FOLLOWS or keys}
            raise TutorialError(
                f"{self.target} was begun with another {' and another '.join(sorted(other))}, and about "
                f"{count * before.get('segment', 0)} frames of it are done: give the command that it was begun with to "
                "go on, another name to keep both, or --overwrite to throw those frames away."
            )

    def begin(self, job: Mapping, discard: bool) -> None:
        """Makes this the folder of a job: as it is if it belongs to it, else empty.

        Raises: as `check`.
        """
        self.check(job, discard)
        if self.job() != job:
            self.remove()
            write_json(self.folder / RECORD, {"program": PROGRAM, **job})

    def _is_ours(self) -> bool:
        if self._record():
            return True
        # A killed run may have come no further than this.
        return self.folder.is_dir() and all(re.fullmatch(r"\.job\..+", path.name) for path in self.folder.iterdir())

    def _record(self) -> dict:
        try:
            record = read_json(self.folder / RECORD)
        except TutorialError:
            return {}
        return record if isinstance(record, dict) and str(record.get("program")).startswith(PROGRAM) else {}

    # --- segments ---

    def segment(self, number: int) -> Path:
        return self.folder / f"{number:06d}.mp4"

    def segments(self) -> list[Path]:
        """The finished ones, from the first on, up to the first that is missing or whose state cannot be read."""
        segments = list(itertools.takewhile(Path.is_file, map(self.segment, itertools.count())))
        while segments and self.state(segments) is None:
            segments.pop()
        return segments

    def state(self, segments: list[Path]) -> dict[str, torch.Tensor] | None:
        """What `keep_state` was given with the last of these, to the last bit; None where it cannot be read.

        (The last picture of a segment, say, is in the film only after compression.)
        """
        try:
            return load_file(_state(segments[-1]))
        except (OSError, SafetensorError):
            return None

    def keep_state(self, number: int, state: Mapping[str, torch.Tensor]) -> None:
        """Keeps what the frame behind a segment needs, which is about to appear: without, that would be of no use."""
        with atomic_path(_state(self.segment(number))) as temporary:
            temporary.write_bytes(save({name: value.cpu().contiguous() for name, value in state.items()}))

    def forget_state(self, number: int) -> None:
        _state(self.segment(number)).unlink(missing_ok=True)

    # --- the end ---

    def whole(self) -> Path:
        """Where the film is put together."""
        return self.folder / f"whole{self.target.suffix}"

    def finish(self, about: Mapping) -> None:
        """Puts the whole film in its place. about: the film, for a run that has nothing left to do but clear up."""
        made = self.whole().stat()
        finished = {"bytes": made.st_size, "time": made.st_mtime_ns, **about}
        write_json(self.folder / RECORD, {**self._record(), "finished": finished})
        try:
            self.whole().replace(self.target)
        except OSError as error:
            raise TutorialError(f"Cannot write {self.target}: {(error.strerror or str(error)).lower()}.") from error

    def finished(self, job: Mapping) -> dict | None:
        """What `finish` was told, if the target is the film that it put there and only the clearing up was missed."""
        finished = self._record().get("finished")
        if not finished or self.job() != job or not self.target.is_file():
            return None
        there = self.target.stat()
        return finished if (finished["bytes"], finished["time"]) == (there.st_size, there.st_mtime_ns) else None

    def clear(self) -> None:
        """Deletes the folder; what cannot be deleted does not matter to a film that is done, and goes next time."""
        with contextlib.suppress(OSError):
            self.remove()

    def remove(self) -> None:
        """Deletes the files of a film, and the folder if nothing else is in it."""
        if self.folder.is_symlink() or not self.folder.is_dir() or not self._is_ours():
            return
        files = [path for path in self.folder.iterdir() if OURS.fullmatch(path.name)]
        for path in sorted(files, key=lambda path: path.name == RECORD):
            path.unlink()
        with contextlib.suppress(OSError):      # somebody put something else there
            self.folder.rmdir()


def _state(segment: Path) -> Path:
    return segment.with_suffix(".safetensors")
