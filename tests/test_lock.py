"""Two runs never write one file: the second is told so, and a lock is gone with its process."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from tutorial_lib import lock
from tutorial_lib.errors import TutorialError
from tutorial_lib.lock import only_writer

HOLDER = """
import sys, time
from tutorial_lib.lock import only_writer
with only_writer(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path/out until its input ends."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "out"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_second_run_is_told_and_others_are_free(tmp_path, holder):
    with pytest.raises(TutorialError, match=r"Another run is writing .*out; wait until it has ended"), \
            only_writer(tmp_path / "out"):
        raise AssertionError("two are in")
    with only_writer(tmp_path / "other"):
        assert names(tmp_path) == [".other.lock", ".out.lock"]
    holder.communicate("")
    with only_writer(tmp_path / "out"):
        pass
    assert names(tmp_path) == []


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert names(tmp_path) == [".out.lock"]
    with only_writer(tmp_path / "out"):
        pass
    assert names(tmp_path) == []


def test_in_one_process_too_and_after_a_failure_it_is_free(tmp_path):
    with pytest.raises(ZeroDivisionError), only_writer(tmp_path / "new" / "out"):
        with pytest.raises(TutorialError, match="Another run"), only_writer(str(tmp_path / "new" / "out")):
            pass
        raise ZeroDivisionError
    with only_writer(tmp_path / "new" / "out"):
        pass
    assert names(tmp_path / "new") == []


def test_the_run_before_may_take_its_file_away_at_the_last_moment(tmp_path, monkeypatch):
    """Between the opening of the file and its lock: a lock on a file without a name would keep nobody out."""
    taken, real = [], lock._lock

    def late(handle):
        if not taken:
            taken.append((tmp_path / ".out.lock").unlink())
        real(handle)

    monkeypatch.setattr(lock, "_lock", late)
    with only_writer(tmp_path / "out"):
        assert taken and names(tmp_path) == [".out.lock"]
        with pytest.raises(TutorialError, match="Another run"), only_writer(tmp_path / "out"):
            pass


def test_somebodys_own_file_of_that_name_stays(tmp_path):
    own = tmp_path / ".out.lock"
    own.write_text("precious")
    with only_writer(tmp_path / "out"):
        pass
    assert own.read_text() == "precious"
    own.unlink()
    (tmp_path / "elsewhere").touch()
    own.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TutorialError, match="Cannot write"), only_writer(tmp_path / "out"):
        pass
    assert names(tmp_path) == [".out.lock", "elsewhere"]


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def unknown(handle):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "_lock", unknown)
    with only_writer(tmp_path / "out"):
        pass
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TutorialError, match=r"Cannot write .*out: .*"), only_writer(tmp_path / "file" / "out"):
        pass


def test_on_windows_the_file_is_closed_before_it_is_deleted(tmp_path, monkeypatch):
    """Windows has msvcrt instead of fcntl, and deletes no file that is open."""
    done = []

    class Msvcrt:
        LK_NBLCK = 2

        @staticmethod
        def locking(handle, mode, count):
            done.append(("locking", mode, count))

    monkeypatch.setattr(lock, "fcntl", None)
    monkeypatch.setattr(lock, "msvcrt", Msvcrt, raising=False)
    close, unlink = os.close, lock.Path.unlink
    monkeypatch.setattr(os, "close", lambda handle: done.append("close") or close(handle))
    monkeypatch.setattr(lock.Path, "unlink", lambda path: done.append("unlink") or unlink(path))
    with only_writer(tmp_path / "out"):
        assert done == [("locking", 2, 1)]
    assert done[1:] == ["close", "unlink"] and names(tmp_path) == []
