"""Can students be mixed? Scores of networks between, and beyond, trained ones, over validation scenes.

    python data_scripts/measure_mixtures.py START END... [--style mosaic] [--screen] [--count 3]

START and every END are names of the zoo, or files of networks that were trained from the same plain student. Between
START (share 0) and each END (share 1) the weights are mixed and nothing is trained; with two ENDs also half of each.
Writes results/mixtures.json and .txt; changes are against START.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from itertools import combinations
from pathlib import Path

import torch
from tqdm import tqdm
from validate import scenes

from tutorial_lib import evaluation, zoo
from tutorial_lib.files import write_report
from tutorial_lib.mixtures import moved, task_vector
from tutorial_lib.papers.ofd.roles import POCKET, ROLES
from tutorial_lib.settings import scale

SHARES = (0.25, 0.5, 0.75, 1.0, 1.3)
KEYS = ("e_stab", "style", "content")
RESULTS = Path(__file__).parent.parent / "results" / "mixtures.json"


def as_text(report: dict) -> str:
    lines = [f"Changes against {report['start']}, sums over {report['scenes']} validation scenes, "
             f"{report['width']}x{report['height']}, {report['frames']} frames"]
    lines += ["", f"{'':34}{'share':>6}" + "".join(f"{key:>10}" for key in KEYS)]
    lines += [f"{row['end']:34}{row['share']:6.2f}" + "".join(f"{row[key]:+10.1%}" for key in KEYS)
              for row in report["rows"]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("start")
    parser.add_argument("ends", nargs="+")
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--scale", default=None)
    parser.add_argument("--screen", action="store_true", help="at the size and by the strokes of the pocket students")
    parser.add_argument("--count", type=int, default=3, help="of scenes")
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE.json")
    arguments = parser.parse_args()
    settings = scale(arguments.scale)
    settings = ROLES[POCKET].recipe.scale(settings) if arguments.screen else settings
    settings = settings.but(evaluation_frames=min(arguments.frames, settings.evaluation_frames))
    judge, films = evaluation.judge_of(arguments.style, settings), scenes(settings, arguments.count)
    start = zoo.load(arguments.start)
    vectors = {Path(end).stem: task_vector(zoo.load(end), start) for end in arguments.ends}
    mixtures = [(end, share, [(share, vector)]) for end, vector in vectors.items() for share in SHARES]
    mixtures += [(f"{one}, {other}", 0.5, [(0.5, vectors[one]), (0.5, vectors[other])])
                 for one, other in combinations(vectors, 2)]

    def score(network: torch.nn.Module) -> evaluation.Score:
        with torch.inference_mode():
            return evaluation.evaluate({"mixed": network}, films, judge, bar=False)["mixed"][-1]

    usual, rows = score(start), []
    for end, share, shares in tqdm(mixtures, unit="mixture"):
        found = score(moved(start, *shares))
        rows.append({"end": end, "share": share,
                     **{key: getattr(found, key) / getattr(usual, key) - 1 for key in KEYS}})
    report = {"start": Path(arguments.start).stem, "style": arguments.style, "scenes": arguments.count,
              "height": settings.evaluation_height, "width": settings.evaluation_width,
              "frames": settings.evaluation_frames, "rows": rows}
    write_report(arguments.output, report, as_text(report))

