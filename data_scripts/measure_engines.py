"""Measure what a frame and a film cost in every engine: the laptop's student and pocket students of several sizes.

    python data_scripts/measure_engines.py [--rounds 15] [--threads N] [--engines NAMES] [--frames 300]
        [--output results/engines.json]

Writes the report as JSON and, beside it, as a table. Run it on a machine that does nothing else. The film is a rendered
scene, forth and back, from the file that is read to the file that is written. Speed needs no trained weights.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import itertools
import tempfile
from fractions import Fraction
from pathlib import Path

import cv2
import torch
from torch import nn

from tutorial_lib import engines, timing
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.data.video import VideoWriter
from tutorial_lib.files import write_report
from tutorial_lib.networks.build import build
from tutorial_lib.papers.ofd.roles import POCKET, ROLES, SIZES
from tutorial_lib.settings import Settings, scale
from tutorial_lib.speed import multiply_adds
from tutorial_lib.stylize import stylize_video
from tutorial_lib.training import new_pocket, new_student

SCENE, HEIGHT, WIDTH = "market_6", 360, 640
RESULTS = Path(__file__).parent.parent / "results" / "engines.json"


def networks(settings: Settings) -> dict[str, nn.Module]:
    """The student that ships, and the pocket students whose sizes were compared."""
    found = {"student-ours": new_student(settings)}
    for role in SIZES.values():
        if role.recipe.stage == "pocket-plain":
            found[role.name.removesuffix("-plain")] = new_pocket(role.recipe.settings(settings))
    shipped = build(new_pocket(ROLES[POCKET].recipe.settings(settings)).configuration).configuration
    names = [name for name, network in found.items() if network.configuration == shipped]
    assert names, "the pocket student that ships is one of the sizes"
    return {f"{name} (ships)" if name in names else name: network.eval().requires_grad_(False)
            for name, network in found.items()}


def measure_frames(found: dict[str, nn.Module], names: list[str], rounds: int) -> list[dict]:
    frame = test_scene(SCENE, HEIGHT, WIDTH, 2).frame(1)
    started = {(network, engine): engines.start(found[network], engine)
               for network, engine in itertools.product(found, names)}
    exact = {network: started[network, "torch"](frame) for network in found}
    near = {key: engines.decibels(engine(frame), exact[key[0]]) for key, engine in started.items()}
    seconds = timing.in_turn({key: lambda engine=engine: engine(frame) for key, engine in started.items()}, rounds)
    return [{"network": network, "engine": engine, **timing.summary(seconds[network, engine]),
             "decibels": round(near[network, engine], 1),
             "parameters": sum(p.numel() for p in found[network].parameters()),
             "gmac": round(multiply_adds(found[network], frame) / 1e9, 3)} for network, engine in started]


def measure_films(found: dict[str, nn.Module], measured: list[dict], frames: int) -> list[dict]:
    """The network that ships in every engine, the others in the fastest that computes in float32."""
    exact = [row for row in measured if "bfloat16" not in row["engine"]]
    fastest = min(exact, key=lambda row: row["seconds"])["engine"]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = film(Path(folder, "in.mp4"), frames)
        for row in measured:
            network, engine = row["network"], row["engine"]
            if is_shipped(network) or engine == fastest:
                report = stylize_video(found[network], source, Path(folder, "out.mp4"), engine=engine, progress=False,
                                       overwrite=True)
                rows.append({"network": network, "engine": engine, "frames": report.frames,
                             "seconds": round(report.seconds, 3)})
    return rows


def is_shipped(name: str) -> bool:
    return name.endswith("(ships)")


def film(path: Path, frames: int) -> Path:
    """A scene of 25 frames, forth and back until there are enough."""
    scene = test_scene(SCENE, HEIGHT, WIDTH, 25)
    pictures = [scene.frame(t) for t in range(25)]
    turns = itertools.cycle([*range(25), *range(23, 0, -1)])
    with VideoWriter(path, WIDTH, HEIGHT, Fraction(25)) as writer:
        for number, t in zip(range(frames), turns, strict=False):
            writer.write(pictures[t], Fraction(number, 25))
    return path


def as_text(report: dict) -> str:
    lines = [f"Milliseconds a frame at {WIDTH}x{HEIGHT}, medians of {report['rounds']} interleaved rounds "
             "[least - greatest]", report["machine"], ""]
    for network in dict.fromkeys(row["network"] for row in report["frames"]):
        rows = [row for row in report["frames"] if row["network"] == network]
        lines.append(f"{network}: {rows[0]['parameters']:,} parameters, {rows[0]['gmac']:.2f} G multiply-adds")
        lines += [f"  {row['engine']:18}{timing.in_words(row)} {1 / row['seconds']:7.1f} frames a second "
                  f"{'' if row['engine'] == 'torch' else format(row['decibels'], '5.0f') + ' dB'}".rstrip()
                  for row in rows]
    lines += ["", f"A film of {report['films'][0]['frames']} frames, from file to file"]
    lines += [f"  {row['network']:20}{row['engine']:18}{row['frames'] / row['seconds']:7.1f} frames a second"
              for row in report["films"]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="(default here: %(default)s)")
    parser.add_argument("--engines", nargs="+", default=engines.installed(), metavar="NAME",
                        help="torch is always one; compile needs a C++ compiler, and minutes (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=300, help="of the film (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    names = ["torch", *(name for name in arguments.engines if name != "torch")]
    for name in names:
        engines.check(name)
    found = networks(scale("laptop"))
    measured = measure_frames(found, names, arguments.rounds)
    report = {"machine": timing.machine(), "rounds": arguments.rounds, "frames": measured,
              "films": measure_films(found, measured, arguments.frames)}
    write_report(arguments.output, report, as_text(report))
