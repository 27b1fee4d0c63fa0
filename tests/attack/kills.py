"""Run by test_kills: a command is killed at its changes to the file system, one after the other, and run again.

    python kills.py FOLDER EVERY COMMAND...

It is killed before whatever opens a file to write to it, renames, deletes, makes a folder, changes a mode or waits for
the disk, when a file has just been opened and is empty, and in the middle of writing every size of file that it writes
(by the system, at its limit of file sizes).
Then it is run once more, and what is in the folder must be what an uninterrupted run leaves there. EVERY: only at
every so many of these points. Prints a line for each kill (where, and "equal" or what differs), and for each command.
(`stylize` has a script of its own, tests/kill_stylize.py.)

The children are forked, so that imports are paid for once; a forked child inherits no threads, so nothing starts one.
"""

import os
import re
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from causes import CLIP, FRAME, archive  # noqa: E402
from films import film, picture  # noqa: E402
from making import record  # noqa: E402
from scripts import call, script  # noqa: E402
from serving import http_site  # noqa: E402

from tutorial_lib import settings, workshop  # noqa: E402
from tutorial_lib.data.images import to_pixels  # noqa: E402
from tutorial_lib.data.scenes import random_scene  # noqa: E402
from tutorial_lib.training import loop  # noqa: E402

CHANGES = ("os.mkdir", "os.rmdir", "os.rename", "os.remove", "os.chmod", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
LASTS = re.compile(r'\n? *"(minutes|hardware)": [^\n]*|\d+\.\d\d$')   # how long it took, in a manifest or a note
# What atomic_path, and within it safetensors, gives a file until it is whole: after a kill one of these stays, hidden
# and never read; and of a lock its empty file, which stops nobody.
TEMPORARY = re.compile(r"(.*/)?\.([^/]*\.[a-z0-9_]{8}(\.\w+)?|tmp[A-Za-z0-9]{6}|[^/]*\.lock)")


def forked(work: Callable[[], int | None]) -> int:
    """The exit code of `work` in a child, or the signal that killed it, below 0."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            quiet = os.open(os.environ.get("KILLS_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            code = work() or 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# --- the commands ---


def train() -> list[list[str]]:
    loop.train.__defaults__ = tuple(1 if value == 100 else value for value in loop.train.__defaults__)    # save_every
    return [["ofd", "train", "teacher-plain", "--style", "picture.png", "--steps", "3", "--output", "t.safetensors"]]


def zoo() -> list[list[str]]:
    """A stage of the zoo, and its shipping with the picture of its style."""
    workshop.SAVE_EVERY = 2
    zoo = script("train_zoo")
    one = {"teacher-plain": zoo.ROLES["teacher-plain"]}
    zoo.PAPERS = {"ofd": replace(zoo.PAPERS["ofd"], groups={"zoo": one}, shipped=one)}
    return [["train_zoo", "--style", "picture.png", "--scale", "smoke", "--output", "my_zoo"]]


def tables() -> list[list[str]]:
    record(Path("."))
    Path("RESULTS.md").write_text("<!-- table1 -->\n<!-- end of table1 -->\n")
    Path("empty").mkdir()
    return [["make_tables", "--folders", "empty", "--results", "."]]


def sintel(address: str) -> list[list[str]]:
    return [["download_sintel", "--folder", "data", "--scenes", "alley_2", "--address", f"{address}/sintel.zip"]]


def hollywood(address: str) -> list[list[str]]:
    return [["download_hollywood2", "--folder", "data", "--address", f"{address}/scenes.tar.gz", "--clips", "2"]]


COMMANDS = {"train": train, "zoo": zoo, "tables": tables, "download_sintel": sintel, "download_hollywood2": hollywood}


def served(folder: Path) -> dict[str, bytes]:
    scene = random_scene(3, 48, 64, 8)
    film(folder / "clip.avi", [to_pixels(scene.frame(t)) for t in range(8)])
    parts = [FRAME.replace("final", part) for part in ("final", "clean", "flow", "occlusions")]
    return {"sintel.zip": archive("zip", *((name, os.urandom(20_000)) for name in dict.fromkeys(parts))),
            "scenes.tar.gz": archive("tar", (CLIP, (folder / "clip.avi").read_bytes()))}


def serve(files: dict[str, bytes]) -> str:
    """The address of a server in a process of its own, which ends with this one."""
    reading, writing = os.pipe()
    alive, ours = os.pipe()
    if os.fork() == 0:
        os.close(ours)
        with http_site(files) as site:
            os.write(writing, site.address.encode())
            os.read(alive, 1)                   # until the other end is closed
        os._exit(0)
    os.close(alive)
    return os.read(reading, 100).decode()


# --- killing ---


class Points:
    """Counts the changes below the working folder, and ends the process before the last one asked for."""

    def __init__(self, last: int | None, log: int | None = None):
        self.count, self.last, self.log, self.root = 0, last, log, os.getcwd()
        real = os.fsync
        os.fsync = lambda handle: (self.count_one("before os.fsync", ""), real(handle))[1]
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple) -> None:
        if event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING):
            path = os.path.abspath(os.fsdecode(arguments[0])) if isinstance(arguments[0], str | bytes) else ""
            if path.startswith(self.root):
                self.count_one(f"before {event}", path[len(self.root) + 1:])
                if event == "open":
                    self.count_one("after open", path[len(self.root) + 1:], lambda: os.open(path, arguments[2]))

    def count_one(self, event: str, path: str, first: Callable[[], object] = lambda: None) -> None:
        self.count += 1
        if self.log is not None:
            os.write(self.log, f"{event} {path}\n".encode())
        if self.count == self.last:
            first()
            os.kill(os.getpid(), signal.SIGKILL)


def run(lines: list[list[str]]) -> int:
    return max(call(line) for line in lines)


def limited(lines: list[list[str]], size: int) -> int:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)       # which Python ignores, and which ends the process
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return run(lines)


def result(folder: Path) -> dict[str, bytes]:
    """Every file but those that only say how long it took."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not TEMPORARY.fullmatch(name):
            content = path.read_bytes()
            found[name] = LASTS.sub("", content.decode()).encode() if path.suffix in (".json", ".minutes") else content
    return found


def different(one: dict[str, bytes], another: dict[str, bytes]) -> str:
    names = [name for name in sorted(one.keys() | another.keys()) if one.get(name) != another.get(name)]
    return "equal" if not names else f"differs in {', '.join(names)}"


def try_all(command: str, folder: Path, every: int) -> None:
    start, work = folder / "start", folder / "work"
    start.mkdir(parents=True)
    os.chdir(start)
    os.environ["OFD_BUILD"] = str(work / "build")
    cv2.imwrite("picture.png", picture(1, 64, 64))
    made = COMMANDS[command]
    lines = made(serve(served(folder))) if command.startswith("download") else made()

    def in_a_copy(job: Callable[[], int | None], fresh: bool) -> int:
        if fresh:
            os.chdir(folder)
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(start, work)
        os.chdir(work)
        return forked(job)

    log = os.open(folder / "points", os.O_WRONLY | os.O_CREAT)
    assert in_a_copy(lambda: (Points(None, log), run(lines))[1], fresh=True) == 0
    straight, given = result(work), result(start)
    sizes = sorted({max(1, len(content) // 2) for name, content in straight.items() if name not in given})
    kills = [(name.strip(), lambda n=n: (Points(n), run(lines))[1])
             for n, name in enumerate((folder / "points").read_text().splitlines(), start=1)]
    kills += [(f"at byte {size} of a file", lambda size=size: limited(lines, size)) for size in sizes]
    chosen, equal = kills[every // 2::every], 0
    for where, job in chosen:
        code = in_a_copy(job, fresh=True)
        assert code in (-signal.SIGKILL, -signal.SIGXFSZ), (where, code)
        again = in_a_copy(lambda: run(lines), fresh=False)
        came = different(straight, result(work)) if again == 0 else f"exit code {again}"
        equal += came == "equal"
        print(f"{command}, {where}: {came}", flush=True)
    print(f"{command}: {len(chosen)} kills, {equal} equal, {len(kills)} points", flush=True)


def main() -> None:
    folder, every, commands = Path(sys.argv[1]).resolve(), int(sys.argv[2]), sys.argv[3:]
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    os.environ.update(OFD_SCALE="smoke", OFD_DEVICE="cpu")
    settings.SCALES["smoke"] = settings.SCALES["smoke"].but(style_size=64, plain_steps=4)
    for name in ("train_zoo", "make_tables", "download_sintel", "download_hollywood2"):
        script(name)
    for command in commands or COMMANDS:
        try_all(command, folder / command, every)


if __name__ == "__main__":
    main()
