"""One writer at a time: two runs with one output would otherwise each leave half of what the other reads.

Our own few lines, because what PyTorch brings along for it (filelock) leaves its file beside the output, and falls back
to a marker that a killed process never takes away.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from tutorial_lib.errors import TutorialError

try:
    import fcntl
except ImportError:                     # Windows
    fcntl = None
    import msvcrt

TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
UNKNOWN = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)      # from a file system that has no locks


@contextlib.contextmanager
def only_writer(target: str | Path) -> Iterator[None]:
    """While the block runs, no other run (nor another thread) can enter one for the same `target`.

    The system's own lock on an empty file .TARGET.lock beside it, which goes when the block ends. A lock ends with its
    process, also when that is killed; what is then left of it is the empty file, which stops nobody. On Windows a lock
    can outlive a killed process for a moment. Where the file system knows no locks (some network drives), there is
    none, and two runs are as free as they ever were.

    Raises: TutorialError when another run holds the target, or the folder cannot be made or written to.
    """
    target = Path(target)
    path = target.with_name(f".{target.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _locked(path)
    except OSError as error:
        raise TutorialError(f"Cannot write {target}: {(error.strerror or str(error)).lower()}.") from error
    if handle is None:
        raise TutorialError(f"Another run is writing {target}; wait until it has ended, or give another name.")
    try:
        yield
    finally:
        _release(handle, path)


def _locked(path: Path) -> int | None:
    """The open and locked file; None where another one holds it."""
    while True:
        # Nothing is written into it, and a link is not followed: it may be somebody's own file of that name.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            _lock(handle)
            if _is(handle, path):
                return handle
        except OSError as error:
            if error.errno in UNKNOWN:
                return handle
            os.close(handle)
            if error.errno in TAKEN:
                return None
            raise
        os.close(handle)                # the run before ended between the two, and took the file away: once more


def _lock(handle: int) -> None:
    if fcntl:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)


def _is(handle: int, path: Path) -> bool:
    """Whether the name still stands for the open file."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _release(handle: int, path: Path) -> None:
    ours = os.fstat(handle).st_size == 0 and _is(handle, path)      # what is in it would be somebody's own
    if not fcntl:
        os.close(handle)                # Windows deletes no open file, neither ours before this nor another run's after
    if ours:
        with contextlib.suppress(OSError):
            path.unlink()               # while it is locked, or it might be another run's by now
    if fcntl:
        os.close(handle)
