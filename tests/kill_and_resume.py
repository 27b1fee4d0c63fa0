"""Run by test_training: trains every stage in child processes that are killed, and once without.

    python kill_and_resume.py FOLDER

The children are forked, so that imports, pictures and clips are paid for once; a forked child inherits no threads,
so one thread is all that is ever used. Prints a line for each kill.
"""

import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import cv2
import torch
from stages import NAMES, RESOLVING, Stages, SuperResolution

STEPS, KILLS = 12, 5


def watched(writing: int, limit: int | None) -> Callable[[object], None]:
    """A callback that writes a byte a step, and after `limit` steps waits to be killed, however fast a step is."""
    seen = 0

    def callback(_progress: object) -> None:
        nonlocal seen
        seen += 1
        os.write(writing, b".")
        if seen == limit:
            signal.pause()

    return callback


def fork(stages: Stages | SuperResolution, stage: str, path: Path, limit: int | None = None) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            stages.run(stage, path, STEPS, watched(writing, limit))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    return pid, reading


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    for make, names in ((Stages, NAMES), (SuperResolution, RESOLVING)):
        stages = make()
        for number, stage in enumerate(names):
            kill_and_resume(stages, stage, Path(sys.argv[1]) / stage, random.Random(number))


def kill_and_resume(stages: Stages | SuperResolution, stage: str, folder: Path, chance: random.Random) -> None:
    folder.mkdir()
    for number in range(KILLS):
        pid, reading = fork(stages, stage, folder / "killed.safetensors", limit=2)    # five stay below the twelve
        assert os.read(reading, 1) == b".", "the child ended before it could be killed"
        time.sleep(chance.uniform(0, 0.05))              # somewhere in a step, or in the writing of a checkpoint
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), "the child ended before it could be killed"
        os.close(reading)
        print(f"{stage}: kill {number + 1}")
    for name in ("killed", "whole"):
        pid, reading = fork(stages, stage, folder / f"{name}.safetensors")
        seen = 0
        while select.select([reading], [], [], 120)[0] and (read := os.read(reading, 100)):
            seen += len(read)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        print(f"{name}: {seen} steps to the end")


if __name__ == "__main__":
    main()
