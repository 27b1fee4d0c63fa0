"""Where an attack takes place: a folder of the user's, a command in this process, and what came of it."""

import contextlib
import ctypes
import dataclasses
import hashlib
import os
import re
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BAR = re.compile(r"\d+%\||\?(it|B|frame|film|tuple|scene)/s|[\d.]+[kMG]?(it|B|frame|film|tuple|s)/(s|it|frame|film)|"
                 r"0it \[|\d\d:\d\d<")


@dataclasses.dataclass(frozen=True)
class Place:
    """The working folder of one case. Everything in it but `build` belongs to the user."""

    folder: Path
    shared: Path        # good things, made once: film.mp4, picture.png, student.safetensors, ...

    def copy(self, name: str, to: str | None = None) -> Path:
        target = self.folder / (to or name)
        target.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(self.shared / name, target))

    def listing(self) -> dict[str, str]:
        """{name: what it is} of all that the user has here, and of what the course ships."""
        return contents(self.folder) | {f"ships {name}": f"{p.stat().st_size} {p.stat().st_mtime_ns}"
                                        for name, p in _shipped()}


def contents(folder: Path) -> dict[str, str]:
    found = {}
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        if here == folder and "build" in folders:
            folders.remove("build")
        for name in (*folders, *files):
            path = here / name
            said = os.fsencode(path.relative_to(folder)).decode("latin-1")
            if path.is_symlink():
                found[said] = f"link to {os.readlink(path)}"
            elif path.is_dir():
                found[said] = f"folder {path.stat().st_mode:o}"
            else:
                found[said] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found


def _shipped() -> Iterator[tuple[str, Path]]:
    for folder in ("tutorial_lib", "results"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".safetensors", ".json", ".txt", ".md", ".png") and "__pycache__" not in path.parts:
                yield str(path.relative_to(ROOT)), path


# --- what commands say ---


def sentences(stderr: str) -> list[str]:
    """The lines on stderr, without progress bars."""
    lines = (line.strip() for line in re.split(r"[\r\n]", stderr.replace("\x1b[A", "")))
    return [line for line in lines if line and not BAR.search(line)]


# --- what a system does to a process ---


@contextlib.contextmanager
def plain_user() -> Iterator[None]:
    """Root for whom permissions count: without the capabilities that override them, in this thread and its children."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)           # version 3, this thread
    data = (ctypes.c_uint32 * 6)()                          # effective, permitted, inheritable; twice 32 bits
    assert libc.capget(header, data) == 0
    effective = data[0]
    data[0] = effective & ~0b1110                           # DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER
    assert libc.capset(header, data) == 0
    try:
        yield
    finally:
        data[0] = effective
        assert libc.capset(header, data) == 0


@contextlib.contextmanager
def small_files(most: int = 4000) -> Iterator[None]:
    """No file can grow beyond `most` bytes: a disk that is full after that."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


Around = Callable[[], contextlib.AbstractContextManager]
