"""The lambda lab's networks: their scores, whether what is mixed is what is trained, and the files that ship.

    python data_scripts/measure_lab.py [--style mosaic] [--count 3] [--frames 6] [--ship tutorial_lib/zoo]
        [--output results/lab.json]

The networks are those of `train_zoo.py --only lab`, all of them; the scenes are those of validate.py at the screen's
size, e_stab summed over them. To --ship go the lab's start and the sixteen students on the axes, with their manifests,
the plain student where it is not there, and STYLE-lab.json: the scores of each and of the zoo's pockets, and the slopes
of the terms.

The ten judges, drawn off the axes by a seed that is in papers/ofd/roles.py, are no part of the lab. Mixtures hold where
beside the judges their e_stab is off by at most 3 % on average and 10 % at worst, and of two of them the steadier one
is told rightly in at least 41 of the 45 pairs. If they do not, each slider moves alone, from one trained student to the
next. Along res and along temp e_stab moves by at least 20 % of the start's; an axis that does not is shown as its
trained points. Both is written into STYLE-lab.json, and obeyed by whoever reads it.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import shutil
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from tqdm import tqdm
from validate import scenes

from tutorial_lib import checkpoint, evaluation, workshop, zoo
from tutorial_lib.arguments import seed, whole
from tutorial_lib.data.clips import Clip, RenderedClips
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path, read_json, write_json, write_report
from tutorial_lib.lambdas import SCORES, Lambdas, family_settings, lab_roles, scores_of, slopes_at, weights_of
from tutorial_lib.lock import only_writer
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.mixtures import moved, vectors_at
from tutorial_lib.networks.build import load_network
from tutorial_lib.papers.ofd.roles import AXES, LAB, LAB_START, ROLES, drawn
from tutorial_lib.schema import MANIFEST
from tutorial_lib.settings import Settings, device, scale
from tutorial_lib.training.targets import FrozenTargets

MEAN, WORST = 0.03, 0.10        # the largest errors of a mixture's e_stab
PAIRS = 41                      # of 45, told rightly
MOVES = {"res": 0.2, "temp": 0.2}       # the least that e_stab moves along an axis
BESIDE = ("pocket-scratch", "pocket-ours", "pocket-temp", "pocket-ours-temp")
PLAIN = "pocket-plain"
RESULTS = Path(__file__).parent.parent / "results"


def finished(shop: workshop.Workshop, names: Sequence[str]) -> dict[str, Path]:
    """The files of networks, where all of them are finished. Raises: TutorialError, with the command, where not."""
    paths = {name: shop.path(name) for name in names}
    missing = [name for name, path in paths.items() if not (path.is_file() and path.with_suffix(".json").is_file())]
    if missing:
        raise TutorialError(
            f"{len(missing)} of the {len(names)} networks of the lab are not trained in the style {shop.style} at the "
            f"scale {shop.settings.name}, {missing[0]} among them; run: python data_scripts/train_zoo.py --style "
            f"{shop.style} --scale {shop.settings.name} --seed {shop.settings.seed} --only lab")
    return paths


def weights_at_one(paths: Mapping[str, Path]) -> dict[str, float]:
    """What each term of Eq. 13 is multiplied by at strength 1, by the manifests of the networks on the axes."""
    def settings_of(name: str) -> dict:
        return read_json(paths[name].with_suffix(".json"), MANIFEST)["settings"]

    weights = weights_of(settings_of(LAB_START))
    for key, axis in AXES.items():
        strength = axis.strengths[-1]
        weights[axis.setting] = settings_of(f"lab-{key}-x{strength:g}")[axis.setting] / strength
    return weights


def range_along(record: Mapping, key: str) -> float:
    """How far e_stab goes along an axis, its start included, as a share of the start's."""
    usual = record["origin"]["e_stab"]
    found = [usual, *(row["e_stab"] for row in record["axes"][key].values())]
    return (max(found) - min(found)) / usual


def rightly(rows: Sequence[Mapping]) -> int:
    """Of how many pairs of points the mixtures say, as the trained students do, which one is steadier."""
    def steadier(pair: tuple[Mapping, Mapping], which: str) -> bool:
        return pair[0][which]["e_stab"] < pair[1][which]["e_stab"]

    return sum(steadier(pair, "mixed") == steadier(pair, "trained") for pair in combinations(rows, 2))


def judged(lab: Lambdas, judges: Mapping[str, Path], films: Sequence[Clip], judge: PerceptualLoss) -> dict:
    """The honesty test, as `lambdas.HONESTY` has it."""
    rows = []
    for point, path in zip(drawn(), tqdm(judges.values(), unit="judge"), strict=True):
        in_full = moved(lab.start, *((1.0, vector) for vector in vectors_at(lab.axes, point)))
        trained, mixed, added = (scores_of(network.to(device()), films, judge)
                                 for network in (load_network(path), lab.network(point), in_full))
        rows.append({"strengths": point, "trained": trained, "mixed": mixed, "expected": lab.estimated(point),
                     "added": added})
    errors = [abs(row["mixed"]["e_stab"] / row["trained"]["e_stab"] - 1) for row in rows]
    found = {"rows": rows, "mean": sum(errors) / len(errors), "worst": max(errors), "pairs": rightly(rows),
             "of": len(rows) * (len(rows) - 1) // 2, "moves": {key: range_along(lab.record, key) for key in AXES}}
    holds = found["mean"] <= MEAN and found["worst"] <= WORST and found["pairs"] >= PAIRS
    return {**found, "holds": holds, "fails": [key for key, least in MOVES.items() if found["moves"][key] < least]}


def as_text(report: dict) -> str:
    found, keys = report["honesty"], [*AXES]
    lines = [f"{report['style']}: e_stab summed over {report['scenes']} validation scenes, {report['width']}x"
             f"{report['height']}, {report['frames']} frames; style and content averaged", "",
             f"{'':20}" + "".join(f"{name:>10}" for name in SCORES)]
    rows = {"all lambdas off": report["origin"], **report["zoo"],
            **{f"{key} x {end}": row for key, ends in report["axes"].items() for end, row in ends.items()}}
    lines += [f"{label:20}" + "".join(f"{row[name]:10.4f}" for name in SCORES) for label, row in rows.items()]
    shown = (("e_stab", 11), ("style", 10))
    lines += ["", "Ten points off the axes. mixed: the mixture, measured; expected: interpolated scores; "
              "added: the task vectors added in full, measured", "",
              "".join(f"{key:>7}" for key in keys)
              + "".join(f"{name:>{wide}}{'mixed':>9}{'expected':>10}{'added':>9}" for name, wide in shown)]
    for row in found["rows"]:
        line = "".join(f"{row['strengths'][key]:7.2f}" for key in keys)
        for name, wide in shown:
            line += f"{row['trained'][name]:{wide}.4f}" + "".join(
                f"{row[which][name] / row['trained'][name] - 1:+{width}.1%}" for which, width in
                (("mixed", 9), ("expected", 10), ("added", 9)))
        lines.append(line)

    def verdict(good: bool) -> str:
        return "holds" if good else "FAILS"

    lines += ["", f"error of e_stab, mean {found['mean']:.1%} (at most {MEAN:.0%}): {verdict(found['mean'] <= MEAN)}",
              f"error of e_stab, worst {found['worst']:.1%} (at most {WORST:.0%}): {verdict(found['worst'] <= WORST)}",
              f"pairs told rightly {found['pairs']} of {found['of']} (at least {PAIRS}): "
              f"{verdict(found['pairs'] >= PAIRS)}"]
    lines += [f"e_stab moves by {found['moves'][key]:.0%} along {key} (at least {least:.0%}): "
              f"{verdict(found['moves'][key] >= least)}" for key, least in MOVES.items()]
    lines += [f"e_stab moves by {found['moves'][key]:.0%} along {key}" for key in AXES if key not in MOVES]
    lines.append("What is mixed is what is trained." if found["holds"]
                 else "What is mixed is not what is trained: each slider moves alone, through trained students.")
    return "\n".join(lines)


def ship(paths: Sequence[Path], folder: Path) -> None:
    for path in paths:
        with only_writer(folder / path.name):
            for part in (path, path.with_suffix(".json")):
                with atomic_path(folder / part.name) as temporary:
                    shutil.copyfile(part, temporary)


def slopes_of(shop: workshop.Workshop, screen: Settings, judge: PerceptualLoss) -> dict[str, float]:
    """The slopes at the plain student, where the trainings began, on the clips of those trainings."""
    recipe = ROLES[next(iter(LAB))].recipe
    frozen = [load_network(path).to(device()) for path in finished(shop, recipe.needs).values()]
    targets = FrozenTargets(RenderedClips(screen), *frozen, folder=shop.folder / "targets")
    return slopes_at(targets.student_plain, targets, judge, screen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--scale", default=None)
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--count", type=whole(1), default=3, help="of scenes")
    parser.add_argument("--frames", type=whole(2), default=6)
    parser.add_argument("--ship", type=Path, default=zoo.FOLDER, metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=RESULTS / "lab.json", metavar="FILE.json")
    arguments = parser.parse_args()
    settings = scale(arguments.scale).but(seed=arguments.seed)
    shop = workshop.Workshop(arguments.style, settings, workshop.folder(settings))
    paths = finished(shop, [*LAB])
    networks = {name: load_network(paths[name]).to(device()) for name in lab_roles()}
    style = Path(arguments.style).stem
    lab = Lambdas.trained(networks, {"style": style, "weights": weights_at_one(paths)})
    screen = family_settings(lab, settings)
    screen = screen.but(evaluation_frames=min(arguments.frames, screen.evaluation_frames))
    judge = evaluation.judge_of(arguments.style, screen).to(device())
    films, there = scenes(screen, arguments.count), zoo.names()
    beside = {name: zoo.load(f"{style}-{name}").to(device()) for name in BESIDE if f"{style}-{name}" in there}
    lab = lab.scored(films, judge, slopes_of(shop, screen, judge), beside)
    honesty = judged(lab, {name: path for name, path in paths.items() if "judge" in name}, films, judge)
    record = {**lab.record, "honesty": honesty,
              "made_from": {name: checkpoint.digest(network) for name, network in networks.items()}}
    report = {**record, "scale": settings.name, "scenes": arguments.count, "height": screen.evaluation_height,
              "width": screen.evaluation_width, "frames": screen.evaluation_frames}
    # The record comes last: a zoo with one has all that it speaks of.
    plain = [] if (arguments.ship / shop.path(PLAIN).name).is_file() else [shop.path(PLAIN)]
    ship([*plain, *(paths[name] for name in lab_roles())], arguments.ship)
    write_json(arguments.ship / f"{style}-lab.json", record)
    write_report(arguments.output, report, as_text(report))

