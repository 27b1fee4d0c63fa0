"""How small can a student be? Size, speed, and scores on validation scenes, of pocket students of several sizes.

    python data_scripts/measure_sizes.py [--style mosaic] [--count 6] [--frames 8] [--engines results/engines.json]
        [--output results/sizes.json]

The networks are those of `train_zoo.py --only sizes`; a size that is not finished is left out, and named. What a frame
and a film take is read from the report of measure_engines.py. The scenes are those of validate.py: each size is judged
beside its own student from scratch, and beside the zoo's, whose own ours is a row, too. Writes the report as JSON and,
beside it, as a table.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm
from validate import scenes

from tutorial_lib import evaluation, schema, workshop, zoo
from tutorial_lib.arguments import whole
from tutorial_lib.data.clips import Clip
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import read_json, write_report
from tutorial_lib.papers.ofd.roles import CONTROL, OURS, SIZES
from tutorial_lib.settings import Settings, device, scale

KEYS = ("e_stab", "style", "content")
SHIPS = " (ships)"                  # what measure_engines.py adds to the size that was chosen
RESULTS = Path(__file__).parent.parent / "results"
TIMED = {"network": schema.TEXT, "engine": schema.TEXT, "seconds": schema.number(0)}
ENGINES = {"machine": schema.TEXT, "frames": [{**TIMED, "parameters": schema.whole(1), "gmac": schema.number(0)}],
           "films": [{**TIMED, "frames": schema.whole(1)}]}


def sizes() -> list[str]:
    return [name.removesuffix("-plain") for name in SIZES if name.endswith("-plain")]


def networks(style: str, settings: Settings) -> dict[str, tuple[Path, Path]]:
    """{size: the files of ours and of its student from scratch}, where both are finished."""
    shop = workshop.Workshop(style, settings, workshop.folder(settings))
    both = {size: (shop.path(f"{size}-ours"), shop.path(f"{size}-scratch")) for size in sizes()}
    return {size: paths for size, paths in both.items()
            if all(path.is_file() and path.with_suffix(".json").is_file() for path in paths)}


def speed_of(size: str, engines: dict) -> dict:
    """What measure_engines.py found: a frame in every engine, a film in the fastest one that computes in float32."""
    frames, timed = ([row for row in engines[part] if row["network"].removesuffix(SHIPS) == size]
                     for part in ("frames", "films"))
    films = {row["engine"]: row["frames"] / row["seconds"] for row in timed if "bfloat16" not in row["engine"]}
    if not frames or not films:
        raise TutorialError(f"The report of measure_engines.py has no {size}; run it again.")
    engine = max(films, key=films.get)
    return {"parameters": frames[0]["parameters"], "gmac": frames[0]["gmac"],
            "seconds": {row["engine"]: row["seconds"] for row in frames},
            "film": {"engine": engine, "frames_per_second": round(films[engine], 1)},
            "ships": frames[0]["network"].endswith(SHIPS)}


@torch.inference_mode()
def score(path: Path, films: Sequence[Clip], judge: torch.nn.Module) -> evaluation.Score:
    network = zoo.load(path).to(device())
    return evaluation.evaluate({path.stem: network}, films, judge, bar=False)[path.stem][-1]


def as_row(size: str, ours: evaluation.Score, scratch: evaluation.Score, zoo_scratch: evaluation.Score) -> dict:
    return {"size": size, "ours": {key: round(getattr(ours, key), 5) for key in KEYS},
            "scratch": {key: round(getattr(scratch, key), 5) for key in KEYS},
            "verdict": evaluation.verdict(ours, scratch), "verdict_zoo": evaluation.verdict(ours, zoo_scratch)}


def as_text(report: dict) -> str:
    base = report["rows"][0]["scratch"]
    size = f"{report['width']}x{report['height']}, {report['frames']} frames"
    lines = [f"{report['style']}: sums over {report['scenes']} validation scenes, {size}",
             f"Speed at 640x360: {report['machine']}", "",
             f"{'':46}{'ms a frame':>18}{'film':>8}  {'ours against its own scratch':>28}"
             f"{'ours against the zoo':>24}'s scratch",
             f"{'':26}{'parameters':>11}{'kB':>9}{'torch':>9}{'fastest':>9}{'f/s':>8}"
             + 2 * "".join(f"{key:>10}" for key in KEYS)]
    for row in report["rows"]:
        times = [1000 * row["seconds"]["torch"], 1000 * min(row["seconds"].values())]
        changes = [row["ours"][key] / other[key] - 1 for other in (row["scratch"], base) for key in KEYS]
        lines.append(f"{row['size'] + SHIPS * row['ships']:26}{row['parameters']:11,}{row['bytes'] / 1000:9.0f}"
                     f"{times[0]:9.1f}{times[1]:9.1f}{row['film']['frames_per_second']:8.1f}"
                     + "".join(f"{change:+10.1%}" for change in changes))
    lines += ["", "fastest: of all engines, bfloat16 among them; f/s: frames a second of a film, from file to file, in "
              "the fastest float32 engine."]
    if report["missing"]:
        lines.append(f"Not trained yet: {', '.join(report['missing'])}.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--scale", default=None)
    parser.add_argument("--count", type=whole(1), default=6, help="of scenes")
    parser.add_argument("--frames", type=whole(2), default=8)
    parser.add_argument("--engines", type=Path, default=RESULTS / "engines.json", metavar="FILE.json")
    parser.add_argument("--output", type=Path, default=RESULTS / "sizes.json", metavar="FILE.json")
    arguments = parser.parse_args()
    settings, engines = scale(arguments.scale), read_json(arguments.engines, ENGINES)
    settings = settings.but(evaluation_frames=min(arguments.frames, settings.evaluation_frames))
    found = networks(arguments.style, settings)
    if not found:
        raise TutorialError(f"No size is trained in the style {arguments.style} at the scale {settings.name}; run: "
                            f"python data_scripts/train_zoo.py --style {arguments.style} --only sizes")
    speeds = {size: speed_of(size, engines) for size in (OURS, *found)}
    judge, films = evaluation.judge_of(arguments.style, settings).to(device()), scenes(settings, arguments.count)
    paths = {OURS: tuple(zoo.path_of(f"{arguments.style}-{role}") for role in (OURS, CONTROL)), **found}
    rows, zoo_scratch = [], None
    for size, (ours, scratch) in tqdm(paths.items(), unit="size"):
        scores = [score(path, films, judge) for path in (ours, scratch)]
        zoo_scratch = zoo_scratch or scores[1]
        rows.append({**as_row(size, *scores, zoo_scratch), "bytes": ours.stat().st_size, **speeds[size]})
    report = {"style": arguments.style, "scale": settings.name, "scenes": arguments.count,
              "height": settings.evaluation_height, "width": settings.evaluation_width,
              "frames": settings.evaluation_frames, "machine": engines["machine"],
              "missing": [size for size in sizes() if size not in found], "rows": rows}
    write_report(arguments.output, report, as_text(report))
