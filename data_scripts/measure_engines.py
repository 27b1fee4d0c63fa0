"""Measure what a frame and a film cost in every engine: the laptop's student and pocket students of several sizes.

    python data_scripts/measure_engines.py [--rounds 15] [--threads N] [--engines NAMES] [--networks NAMES]
        [--frames 300] [--film-rounds 3] [--output results/engines.json]

Writes the report as JSON and, beside it, as a table. Run it on a machine that does nothing else. The film is a rendered
scene, forth and back, from the file that is read to the file that is written. Speed needs no trained weights; how near
an engine comes in frames that grow dark is measured with the student that ships.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import itertools
import tempfile
from fractions import Fraction
from functools import partial
from pathlib import Path

import cv2
import torch
from torch import nn

from tutorial_lib import engines, timing, zoo
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.data.video import VideoWriter
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import write_report
from tutorial_lib.networks.build import build
from tutorial_lib.papers.ofd.roles import POCKET, ROLES, SIZES
from tutorial_lib.settings import Settings, scale
from tutorial_lib.speed import multiply_adds
from tutorial_lib.stylize import stylize_video
from tutorial_lib.training import new_pocket, new_student

SCENE, HEIGHT, WIDTH = "market_6", 360, 640
LIGHT = (1.0, 0.3, 0.1, 0.03, 0.01)     # of a frame
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


def measure_films(found: dict[str, nn.Module], measured: list[dict], frames: int, rounds: int) -> list[dict]:
    """The network that ships in every engine, the others in the fastest that computes in float32."""
    exact = [row for row in measured if "bfloat16" not in row["engine"]]
    fastest = min(exact, key=lambda row: row["seconds"])["engine"]
    chosen = [(row["network"], row["engine"]) for row in measured
              if is_shipped(row["network"]) or row["engine"] == fastest]
    reports = {}
    with tempfile.TemporaryDirectory() as folder:
        source, target = film(Path(folder, "in.mp4"), frames), Path(folder, "out.mp4")

        def painted(network: str, engine: str) -> None:
            reports[network, engine] = stylize_video(found[network], source, target, engine=engine, progress=False,
                                                     overwrite=True)

        seconds = timing.in_turn({pair: partial(painted, *pair) for pair in chosen}, rounds)
    return [{"network": network, "engine": report.engine, "frames": report.frames,
             **timing.summary(seconds[network, engine])} for (network, engine), report in reports.items()]


def measure_darkness(names: list[str]) -> list[dict]:
    """How near to float32 PyTorch each engine comes as a frame grows dark, by the student that ships."""
    network, frame = zoo.load(f"mosaic-{POCKET}"), test_scene(SCENE, HEIGHT, WIDTH, 2).frame(1)
    started = [engines.start(network, name) for name in names if name != "torch"]
    return [{"engine": engine.name, "light": light,
             "decibels": round(engines.decibels(engine(light * frame), network(light * frame)), 1)}
            for engine in started for light in LIGHT]


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
    lines += ["", f"A film of {report['films'][0]['frames']} frames, from file to file, medians of "
              f"{report['film_rounds']} interleaved rounds [least - greatest]"]
    for row in report["films"]:
        most, least = (row["frames"] / seconds for seconds in row["range"])
        lines.append(f"  {row['network']:20}{row['engine']:18}{row['frames'] / row['seconds']:7.1f} "
                     f"{f'[{least:.1f} - {most:.1f}]':>15} frames a second")
    lines += ["", f"How near to float32 PyTorch, in dB, as a frame grows dark (mosaic-{POCKET})",
              "  light             " + "".join(f"{light:>8.0%}" for light in LIGHT)]
    for engine in dict.fromkeys(row["engine"] for row in report["darkness"]):
        lines.append(f"  {engine:18}" + "".join(f"{row['decibels']:8.0f}" for row in report["darkness"]
                                                if row["engine"] == engine))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="(default here: %(default)s)")
    parser.add_argument("--engines", nargs="+", default=engines.installed(), metavar="NAME",
                        help="torch is always one; compile needs a C++ compiler, and minutes (default: %(default)s)")
    parser.add_argument("--networks", nargs="+", metavar="NAME", help="default: the student and every pocket size")
    parser.add_argument("--film-rounds", type=int, default=3, help="(default: %(default)s)")
    parser.add_argument("--frames", type=int, default=300, help="of the film (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    names = ["torch", *(name for name in arguments.engines if name != "torch")]
    for name in names:
        engines.check(name)
    found = networks(scale("laptop"))
    if arguments.networks:
        unknown = [name for name in arguments.networks if name not in found]
        if unknown:
            raise TutorialError(f"Unknown network {', '.join(unknown)}; there are {', '.join(found)}.")
        found = {name: found[name] for name in arguments.networks}
    measured = measure_frames(found, names, arguments.rounds)
    report = {"machine": timing.machine(), "rounds": arguments.rounds, "frames": measured,
              "film_rounds": arguments.film_rounds,
              "films": measure_films(found, measured, arguments.frames, arguments.film_rounds),
              "darkness": measure_darkness(names)}
    write_report(arguments.output, report, as_text(report))
