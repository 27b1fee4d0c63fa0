"""Measure what a frame costs: teachers with DeepFlow, DIS, RAFT and no flow, and students, in one interleaved run.

    python data_scripts/measure_speed.py [--contrib-python PATH] [--repeats 10] [--threads N] [--output FILE.json]

Writes the report as JSON and, beside it, as a table. Run it on a machine that does nothing else. RAFT is measured
where torchvision is installed. DeepFlow is in OpenCV's contributed modules, whose package must not stand beside
opencv-python-headless, so it is taken from an environment of its own:

    python3 -m venv contrib
    contrib/bin/pip install opencv-contrib-python-headless numpy
    python data_scripts/measure_speed.py --contrib-python contrib/bin/python
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from tutorial_lib import speed
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import write_report
from tutorial_lib.hardware import hardware
from tutorial_lib.settings import device, scale

SCENE = "market_6"      # a chase, with large motions
RESULTS = Path(__file__).parent.parent / "results" / "speed.json"


@contextlib.contextmanager
def deepflow_elsewhere(
    python: str, frame: torch.Tensor, previous: torch.Tensor, threads: int
) -> Iterator[tuple[speed.FlowBothWays, str]]:
    """DeepFlow by another environment's python, and the version of its OpenCV; the way there and back is not timed."""
    wanted = "--contrib-python takes the python of an environment with opencv-contrib-python-headless and numpy"
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("frame.npy", "previous.npy")]
        for path, image in zip(paths, (frame, previous), strict=True):
            np.save(path, image[0].cpu().numpy())
        worker = Path(__file__).with_name("deepflow_worker.py")
        try:
            process = subprocess.Popen([python, worker, *paths, str(threads), folder], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise TutorialError(f"{python} cannot be started ({error.strerror.lower()}); {wanted}.") from error

        def answer(key: str):
            try:
                said = json.loads(process.stdout.readline())
            except ValueError:
                said = {}
            if key not in said:
                raise TutorialError(f"{python} gives no DeepFlow: {said.get('error', 'it does not answer')}; {wanted}.")
            return said[key]

        def estimate() -> tuple[torch.Tensor, torch.Tensor, float]:
            with contextlib.suppress(BrokenPipeError):      # then there is no answer either
                process.stdin.write("\n")
                process.stdin.flush()
            seconds = answer("seconds")
            flow, reverse = (torch.from_numpy(np.load(Path(folder, f"{name}.npy")))[None].to(frame.device)
                             for name in ("flow", "reverse"))
            return flow, reverse, seconds

        try:
            yield estimate, answer("opencv")
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()                       # which ends the worker
            process.stdout.close()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contrib-python", metavar="PATH", help="the python of an environment that has DeepFlow")
    parser.add_argument("--repeats", type=int, default=10, metavar="N", help="timed rounds (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), metavar="N",
                        help="of torch and OpenCV (default here: %(default)s)")
    parser.add_argument("--width", type=int, default=640, help="of a frame (default: %(default)s)")
    parser.add_argument("--height", type=int, default=320, help="of a frame (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE.json",
                        help="the table goes beside it (default: results/speed.json)")
    arguments = parser.parse_args()
    if arguments.output.suffix != ".json":
        raise TutorialError(f"The report is a .json file (its table stands beside it as .txt), not {arguments.output}.")
    if arguments.threads < 1:
        raise TutorialError(f"At least one thread is needed; --threads {arguments.threads} was given.")
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)

    scene = test_scene(SCENE, arguments.height, arguments.width, 2)
    previous, frame = (scene.frame(t).to(device()) for t in range(2))
    versions = {"torch": torch.__version__, "opencv": cv2.__version__}
    flows, missing = {}, {}
    with contextlib.ExitStack() as stack:
        if arguments.contrib_python:
            flows["DeepFlow"], versions["opencv_contrib"] = stack.enter_context(
                deepflow_elsewhere(arguments.contrib_python, frame, previous, arguments.threads))
        elif hasattr(cv2, "optflow"):
            flows["DeepFlow"] = speed.both_ways(frame, previous, "deepflow")
        else:
            missing["DeepFlow"] = "no --contrib-python was given"
        raft = speed.raft()
        if raft is None:
            missing["RAFT"] = "not importable here"
        elif min(frame.shape[-2:]) < 128 or any(side % 8 for side in frame.shape[-2:]):
            missing["RAFT"] = "it takes sides from 128 pixels up, in multiples of 8"
        else:
            flows["RAFT"] = speed.both_ways(frame, previous, raft)
            versions["torchvision"] = sys.modules["torchvision"].__version__
        flows["DIS"] = speed.both_ways(frame, previous, "dis")

        timed = [subject for name in ("paper", "laptop")
                 for subject in speed.subjects(scale(name), list(flows), device())]
        timings = speed.measure(timed, frame, previous, flows, arguments.repeats)

    report = {
        "scene": SCENE, "size": [arguments.width, arguments.height], "repeats": arguments.repeats,
        "threads": arguments.threads, "hardware": hardware(), "device": device().type, **versions,
        "paper": speed.PAPER, "not_measured": missing, "rows": speed.as_rows(timed, timings, frame),
    }
    write_report(arguments.output, report, speed.format_table(report))
