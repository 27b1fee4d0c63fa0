"""Measure the memory that `stylize` needs for films of several lengths: it should be the same for all of them.

    python data_scripts/measure_memory.py [--frames 300 3000 10000] [--output results/memory.json]
    python data_scripts/measure_memory.py --network sr-recurrent-both --output results/std/memory.json

A network that makes videos larger is measured in `upscale`.

The films are small and made for it. Writes the report as JSON and, beside it, as a table.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from tqdm import tqdm

from tutorial_lib import zoo
from tutorial_lib.arguments import whole
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import write_report
from tutorial_lib.networks.build import load_network
from tutorial_lib.papers.ofd.roles import POCKET

HEIGHT, WIDTH = 48, 64
NETWORK = f"mosaic-{POCKET}"
COMMANDS = {"paint": ("stylize", "--engine", "torch"), "upscale": ("upscale",)}      # by what a network is for
RESULTS = Path(__file__).parent.parent / "results" / "memory.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", nargs="+", type=whole(2, 1_000_000), default=[300, 3000, 10_000], metavar="N")
    parser.add_argument("--network", default=NETWORK, metavar="NAME_OR_FILE", help="default: %(default)s")
    parser.add_argument("--output", type=Path, default=RESULTS, help="default: %(default)s")
    arguments = parser.parse_args()
    network, films = arguments.network, []
    command = COMMANDS[getattr(load_network(zoo.path_of(network)), "task", "paint")]
    with tempfile.TemporaryDirectory() as folder:
        for frames in tqdm(arguments.frames, unit="film"):
            source, target = Path(folder) / f"{frames}.mp4", Path(folder) / f"{frames}-painted.mp4"
            write_film(source, frames)
            used = peak([*command, "--network", network], source, target)
            films.append({"frames": frames, "megabytes": round(used, 1), "painted": frames_in(target)})
    report = {"network": network, "height": HEIGHT, "width": WIDTH, "films": films}
    rows = [f"{film['frames']:>7,}  {film['megabytes']:>8.1f}" for film in films]
    text = (f"Peak memory of `{command[0]}` by {network}, frames of {WIDTH}x{HEIGHT}, in megabytes (10^6 bytes)\n\n"
            " frames  megabytes\n" + "\n".join(rows))
    write_report(arguments.output, report, text)


def write_film(path: Path, frames: int) -> None:
    """A bright square that moves over a gradient, 25 frames a second."""
    ground = np.broadcast_to(np.linspace(40, 200, WIDTH, dtype=np.uint8)[None, :, None], (HEIGHT, WIDTH, 3))
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for t in range(frames):
            picture = ground.copy()
            picture[16:32, t % (WIDTH - 16):][:, :16] = 255
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))


def peak(words: Sequence[str], source: Path, target: Path) -> float:
    """The most memory that a process which paints a film, or makes it larger, has had, in megabytes."""
    command, *options = words
    process = subprocess.Popen([sys.executable, "-m", "tutorial_lib", command, str(source), str(target), *options],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise TutorialError(f"{source.name} could not be painted: {said.decode().splitlines()[-1]}")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def frames_in(path: Path) -> int:
    with av.open(str(path)) as film:
        return film.streams.video[0].frames
