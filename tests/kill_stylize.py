"""Run by test_stylize: a film is killed at each of its changes to the file system, one after the other.

    python kill_stylize.py FOLDER

FOLDER holds in.mp4. The children are forked, so that imports are paid for once; a forked child inherits no threads, so
nothing may start one before. Prints a line for each kill.
"""

import os
import sys
from functools import partial
from pathlib import Path

import torch
from films import read_frames
from test_stylize import Remembering, run, stylize

from tutorial_lib.errors import TutorialError

CHANGES = ("mkdir", "open", "fsync", "chmod", "replace", "unlink", "rmdir")
REFUSED = 2


def fork(work) -> int:
    """The exit code of `work`, in a child."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except TutorialError as error:
            print(error, file=sys.stderr)
            code = REFUSED
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def film(folder: Path, target: str) -> None:
    torch.set_num_threads(1)
    run(Remembering(), folder / "in.mp4", folder / target)


def killed(folder: Path, last: int) -> None:
    """The film, by a process that ends at its `last` change."""
    count = 0

    def counted(name: str):
        real = getattr(os, name)

        def change(path, *args, **options):
            nonlocal count
            if name != "open" or (args and args[0] & os.O_CREAT):
                count += 1
                if count == last:
                    os.write(1, f"before change {count}, {name}: ".encode())
                    os.kill(os.getpid(), 9)
            return real(path, *args, **options)

        return change

    for name in CHANGES:
        setattr(os, name, counted(name))
    film(folder, "out.mp4")


def main() -> None:
    folder, last = Path(sys.argv[1]), 0
    stylize.SEGMENT = 2
    assert fork(lambda: film(folder, "straight.mp4")) == 0
    straight = (folder / "straight.mp4").read_bytes()
    while True:
        last += 1
        code = fork(partial(killed, folder, last))
        if code == 0:
            break                                           # it had no such change left
        assert code == -9, code
        there = (folder / "out.mp4").exists()
        again = fork(lambda: film(folder, "out.mp4"))
        left = {path.name for path in folder.iterdir()} - {"in.mp4", "straight.mp4", "out.mp4"}
        # Killed when all but an empty folder or file was gone, it is like a film that was made before.
        assert (again == 0 and not left) or (again == REFUSED and there), (again, left)
        assert all(path.stat().st_size == 0 or not any(path.iterdir()) for path in map(folder.joinpath, left)), left
        same = (folder / "out.mp4").read_bytes() == straight
        print("the same film" if same else "another film", flush=True)
        (folder / "out.mp4").unlink()
        for name in left:
            (folder / name).rmdir() if (folder / name).is_dir() else (folder / name).unlink()
    assert torch.equal(read_frames(folder / "out.mp4"), read_frames(folder / "straight.mp4"))


if __name__ == "__main__":
    main()
