"""Score every network that is here, and write the paper's tables from all scores that are known.

    python data_scripts/make_tables.py [--only NAMES] [--styles STYLES] [--judge FILE] [--fresh] [--score-only]
    python data_scripts/make_tables.py --width 1024
    python data_scripts/make_tables.py --sintel ROOT
    python data_scripts/make_tables.py --videos FILES_OR_FOLDERS
    python data_scripts/make_tables.py --screen [--videos FILES_OR_FOLDERS]
    python data_scripts/make_tables.py --paper std [--degradation BD] [--channels RGB] [--border PIXELS] [--scale SCALE]

--screen judges the pocket students, and the paper's beside them, at 640x360 by strokes for a screen.

A network is scored once: its record under results/scores stays until its weights or the protocol change, and stands in
the tables also where the weights are not. Stopped at any time, the same command goes on; several may run at once with
disjoint --only. --judge names a second perceptual network (a file) that scores style and content too; without it
the judge's columns of records that are up to date stay as they are.

--paper std scores the networks for super-resolution, and the bicubic enlargement, on the rendered test scenes into
results/std/scores, and writes its tables and the curves of the trainings to results/std.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from tutorial_lib import tables, zoo
from tutorial_lib.arguments import seed, whole
from tutorial_lib.data.degradation import DEGRADATIONS
from tutorial_lib.data.scenes import TEST_SCENES
from tutorial_lib.data.styles import load_style
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation import bench, films, upscaling_bench
from tutorial_lib.files import atomic_path, read_json, sha256_of, write_json
from tutorial_lib.papers import PAPERS, ROLES
from tutorial_lib.papers.ofd.roles import CONTROL, OURS, POCKET, POCKETS, SIZES
from tutorial_lib.papers.ofd.tables import SCREEN, builders_for
from tutorial_lib.papers.std import settings as std
from tutorial_lib.papers.std import tables as std_tables
from tutorial_lib.settings import SCALES, Settings, build_folder, scale
from tutorial_lib.show import upscaling_figures
from tutorial_lib.show.table_figures import draw
from tutorial_lib.tables import writing

ROOT = Path(__file__).parent.parent
FRAMES = 24
# By the measuring scripts.
MEASURED = ("flow", "residual", "rank", "features", "speed", "engines", "engines-epyc", "training", "lab")
MEASURED_STD = ("targets", "speed")
OF_OFD = ("styles", "judge", "style_picture", "screen", "width", "sintel", "videos")      # options of one paper alone
OF_STD = ("degradation", "channels", "border", "scale")
ON_SCREEN = {*POCKETS, CONTROL, OURS}
SHOWN = ("table1", "seeds", "table2", "table3", "fig23", "frontier", "extras", "gaps")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--paper", choices=PAPERS, default="ofd")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="recipes, such as student-ours or res-x0.3")
    parser.add_argument("--styles", nargs="+", metavar="STYLE")
    parser.add_argument("--seeds", nargs="+", type=seed, metavar="SEED")
    parser.add_argument("--folders", nargs="+", type=Path, metavar="FOLDER",
                        help="of networks; default: the zoo, and what train_zoo.py has finished at the laptop scale")
    parser.add_argument("--judge", type=Path, metavar="FILE", help="another perceptual network for style and content")
    parser.add_argument("--style-picture", nargs="+", type=Path, default=[], metavar="FILE",
                        help="pictures that do not ship, named as their styles")
    parser.add_argument("--fresh", action="store_true", help="score again what has a record")
    parser.add_argument("--score-only", action="store_true", help="write no tables")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--screen", action="store_true", help="the pocket students, at 640x360")
    films = parser.add_mutually_exclusive_group()
    films.add_argument("--width", type=whole(16, 8192), help="of the rendered scenes (default: 512, or 640 for "
                       "a screen; the paper has 1024)")
    films.add_argument("--sintel", type=Path, metavar="ROOT", help="the folder of MPI Sintel that holds `training`")
    films.add_argument("--videos", nargs="+", type=Path, metavar="PATH", help="real films, with estimated flow")
    upscaled = parser.add_argument_group("--paper std")
    upscaled.add_argument("--degradation", choices=DEGRADATIONS, help="what made the films small (default: BI)")
    upscaled.add_argument("--channels", choices=("Y", "RGB"), help="of PSNR and SSIM (default: BT.601's Y)")
    upscaled.add_argument("--border", type=whole(0), metavar="PIXELS", help="left out at each side (default: 0)")
    upscaled.add_argument("--scale", choices=SCALES, help="of the films and of build/zoo (default: laptop)")
    arguments = parser.parse_args()

    torch.backends.cudnn.allow_tf32 = False      # or a GPU's scores would differ in the printed digits
    for folder in arguments.folders or []:
        if not folder.is_dir():
            raise TutorialError(f"There is no folder {folder}; give folders of networks.")
    others = OF_STD if arguments.paper == "ofd" else OF_OFD
    idle = [f"--{name.replace('_', '-')}" for name in others if getattr(arguments, name) not in (None, [], False)]
    if idle:
        raise TutorialError(f"{', '.join(idle)} is for the tables of the other paper; leave it out, or give --paper.")
    if arguments.paper == "std":
        upscaling_tables(arguments)
    else:
        painting_tables(arguments)


def painting_tables(arguments: argparse.Namespace) -> None:
    """Scores the networks that paint, and writes the first paper's tables."""
    for picture in arguments.style_picture:
        load_style(picture)
    present = [entry for entry in bench.entries(arguments.folders or default_folders())
               if entry.recipe not in PAPERS["std"].roles]
    check_names(arguments.only or [], present)
    scored_on = bench_of(arguments, {picture.stem: picture for picture in arguments.style_picture})
    chosen = [entry for entry in present
              if (entry.recipe in arguments.only if arguments.only is not None else
                  (entry.recipe in ON_SCREEN) if arguments.screen else entry.recipe not in {*POCKETS, *SIZES})
              and (arguments.styles is None or entry.style in arguments.styles)
              and (arguments.seeds is None or entry.seed in arguments.seeds)]
    known = [entry for entry in chosen if scored_on.juries[""].knows(entry.style)]
    for entry in chosen:
        if entry.style is None:
            print(f"{entry.name} is not scored: it paints in no style.")
    for style in sorted({entry.style for entry in chosen if entry.style} - {entry.style for entry in known}):
        print(f"{style} is not scored: its picture does not ship; name it with --style-picture .../{style}.jpg.")
    done = scored_on.score_all(known, arguments.fresh)
    print(f"{len(done)} of {len(known)} networks scored; the others' records in {scored_on.folder} are up to date.")
    if not arguments.score_only:
        write_tables(arguments.results)


def check_names(names: Sequence[str], present: Sequence[bench.Entry]) -> None:
    known = {*ROLES, *bench.CHEATS, *(entry.recipe for entry in present)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise TutorialError(f"Unknown recipe {', '.join(unknown)}; the recipes are {', '.join(sorted(known))}.")


def default_folders(name: str = "laptop") -> list[Path]:
    return [zoo.FOLDER, *sorted((build_folder() / "zoo").glob(f"{name}-*"))]


def upscaling_tables(arguments: argparse.Namespace) -> None:
    """Scores the networks for super-resolution, and writes the second paper's tables and the way of its trainings."""
    unknown = [name for name in arguments.only or [] if name not in PAPERS["std"].roles]
    if unknown:
        raise TutorialError(f"Unknown recipe {', '.join(unknown)}; the recipes are "
                            f"{', '.join(PAPERS['std'].roles)}.")
    settings = std.scale(arguments.scale or "laptop").but(degradation=arguments.degradation or "BI")
    folders = arguments.folders or default_folders(settings.name)
    suffix = "" if settings.degradation == "BI" else f"-{settings.degradation}"
    results = arguments.results / PAPERS["std"].name
    scored_on = upscaling_bench.UpscalingBench(settings, results / f"scores{suffix}", arguments.channels or "Y",
                                               arguments.border or 0)
    present = upscaling_bench.networks(folders)
    if not present and not any(scored_on.folder.glob("*.json")):
        print(f"No network for super-resolution is trained yet; {zoo.TRAINED_BY} zoo trains them.")
        return
    # Before anything is scored, which takes a while: what is wrong with a file should not have to wait for that.
    upscaling_bench.read_records(scored_on.folder)
    timed = results / "speed.json"
    speed = read_json(timed, upscaling_bench.SPEED) if timed.is_file() else None
    curves = upscaling_bench.kept_curves(results / f"curves{suffix}.json", upscaling_bench.curves(folders))
    chosen = [entry for entry in present if (arguments.only is None or entry.recipe in arguments.only)
              and (arguments.seeds is None or entry.seed in arguments.seeds)]
    for entry in chosen:
        if not scored_on.fits(entry):
            print(f"{entry.record_name} is not scored: it was not trained to undo {settings.degradation}.")
    fitting = [entry for entry in chosen if scored_on.fits(entry)]
    done = scored_on.score_all(fitting, arguments.fresh)
    print(f"{len(done)} of {len(fitting) + 1} scored, bicubic among them; the others' records in {scored_on.folder} "
          "are up to date.")
    if arguments.score_only:
        return
    made = std_tables.build(upscaling_bench.read_records(scored_on.folder), curves, speed, suffix)
    paper = f"{PAPERS['std'].name}/"
    passages = measured(results, MEASURED_STD, paper)
    for table in made.values():
        passages |= written(results, table, upscaling_figures.draw, paper)
        print(f"\n{writing.as_text(table, asides=False)}")
    said = bring_up_to_date(arguments.results.parent / "RESULTS.md", passages)
    print(f"{results}: {', '.join(made)}, each as .json, .txt, .md and .png{said}")


def bench_of(arguments: argparse.Namespace, pictures: Mapping[str, Path]) -> bench.Bench:
    """The films that were asked for, with the folder of their records."""
    usual = ROLES[POCKET].recipe.scale(scale("laptop")) if arguments.screen else scale("laptop")
    screen = SCREEN if arguments.screen else ""
    if arguments.sintel:
        settings = usual.but(evaluation_height=436, evaluation_width=1024, evaluation_frames=FRAMES)
        make = lambda: films.sintel_films(arguments.sintel, settings)  # noqa: E731
        described = about("MPI Sintel", films.sintel_names(arguments.sintel), settings, gaps=(1,))
        folder = f"scores{screen}-sintel"
    elif arguments.videos:
        side = usual.evaluation_width if arguments.screen else films.REAL_SIDE
        settings = usual.but(evaluation_width=side, evaluation_frames=films.REAL_FRAMES)
        make = lambda: films.real_films(arguments.videos, side=side)  # noqa: E731
        described = {**about("real films, their flow and masks estimated by DIS", [p.stem for p in arguments.videos],
                             settings, gaps=(1,)),
                     "height": None, "sha256": {path.stem: sha256_of(path) for path in arguments.videos}}
        folder = f"scores{screen}-real"
    else:
        width = arguments.width or usual.evaluation_width
        height = round(usual.evaluation_height * width / usual.evaluation_width)
        settings = usual.but(evaluation_height=height, evaluation_width=width, evaluation_frames=FRAMES)
        make = lambda: films.rendered_films(settings, bench.GAPS)  # noqa: E731
        described = about("rendered scenes", TEST_SCENES, settings, bench.GAPS)
        folder = f"scores{screen}" if width == usual.evaluation_width else f"scores{screen}-{width}"
    return bench.Bench(make, described, settings, arguments.results / folder, arguments.judge, pictures)


def about(kind: str, names: Sequence[str], settings: Settings, gaps: Sequence[int]) -> dict:
    return {"films": kind, "names": list(names), "width": settings.evaluation_width,
            "height": settings.evaluation_height, "frames": settings.evaluation_frames, "gaps": list(gaps)}


def written(folder: Path, table: Mapping, draw: Callable[[Mapping, Path], None], paper: str = "") -> dict[str, str]:
    """Writes a table as .json, .txt, .md and .png; returns it and each of its blocks as RESULTS.md shows them."""
    name, markdown = table["name"], writing.as_markdown(table)
    write_json(folder / f"{name}.json", table)
    for suffix, content in ((".txt", writing.as_text(table)), (".md", markdown)):
        with atomic_path(folder / f"{name}{suffix}") as temporary:
            temporary.write_text(content)
    with atomic_path(folder / f"{name}.png") as temporary:
        draw(table, temporary)
    blocks = {f"{paper}{name}.{block['name']}": writing.block_as_markdown(block) for block in table["blocks"]}
    return {f"{paper}{name}": markdown} | blocks


def measured(folder: Path, names: Sequence[str], paper: str = "") -> dict[str, str]:
    """What the measuring scripts wrote, as RESULTS.md shows it."""
    return {f"{paper}{name}": f"```\n{(folder / f'{name}.txt').read_text()}```" for name in names
            if (folder / f"{name}.txt").is_file()}


def bring_up_to_date(document: Path, passages: Mapping[str, str]) -> str:
    """Puts each passage between its marks in RESULTS.md, if that is there; returns what is to be said of it."""
    text = before = document.read_text() if document.is_file() else ""
    for name, passage in passages.items():
        text = writing.insert(text, name, passage)
    if text == before:
        return "."
    with atomic_path(document) as temporary:
        temporary.write_text(text)
    return f"; {document.name} brought up to date."


def write_tables(results: Path) -> None:
    """Every table of every folder of records: .json, .txt, .md and .png, and into RESULTS.md if that is there."""
    passages, made = measured(results, MEASURED), []
    for folder in sorted(results.glob("scores*")):
        records = bench.read_records(folder)
        suffix = folder.name.removeprefix("scores")
        for name, table in tables.build(builders_for(suffix), records, suffix).items():
            passages |= written(results, table, draw)
            if name in SHOWN:
                print(f"\n{writing.as_text(table, asides=False)}")
            made.append(name)
    said = bring_up_to_date(results.parent / "RESULTS.md", passages)
    print(f"{results}: {', '.join(made) or 'no records yet'}, each as .json, .txt, .md and .png{said}")
