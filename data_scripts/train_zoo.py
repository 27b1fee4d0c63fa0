"""Train the networks of a paper, in one style if they paint: those that ship, and on request the ablations.

    python data_scripts/train_zoo.py --style mosaic [--scale laptop] [--seed 0] [--output tutorial_lib/zoo]
    python data_scripts/train_zoo.py --style mosaic --only tables frontier
    python data_scripts/train_zoo.py --paper std [--scale laptop] [--seed 0] [--only NAME]

Every network keeps a checkpoint in the build folder: stopped at any time, the same command goes on from there. Finished
networks that do not ship, but from which others are trained, are in results/networks: copied to build/zoo/laptop-0,
they need no training.
--only trains some networks and ships none, so that several processes can share the work: give names, or the groups
zoo, plus, tables (Tables 2 and 3, Figures 2 and 3) and frontier; of the paper std, the groups zoo and attempts. Without
it the zoo is trained and shipped: to tutorial_lib/zoo only at the scale and seed of what is there. A network is made by
one process at a time.
`make tables` scores what is finished.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import shutil
from pathlib import Path

from tutorial_lib import workshop, zoo
from tutorial_lib.arguments import seed
from tutorial_lib.data.styles import names as painted
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path
from tutorial_lib.lock import only_writer
from tutorial_lib.papers import PAPERS, ROLES, paper_of
from tutorial_lib.papers.std import settings as std
from tutorial_lib.settings import SCALES, Values, scale

SCALES_OF = {"ofd": scale, "std": std.scale}
SHIPPED_AT = {name: scale_of("laptop") for name, scale_of in SCALES_OF.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--paper", choices=PAPERS, default="ofd")
    parser.add_argument("--style", help="a painted style, or the path of a picture (default: mosaic)")
    parser.add_argument("--scale", choices=SCALES, help="default: OFD_SCALE, else laptop")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--output", type=Path, default=zoo.FOLDER)
    parser.add_argument("--only", nargs="*", metavar="NAME", help="names of recipes, or of groups")
    arguments = parser.parse_args()
    paper = PAPERS[arguments.paper]
    if arguments.style and not paper.paints:
        raise TutorialError(f"The networks of {paper.name} do not paint; leave --style out.")
    style = arguments.style or ("mosaic" if paper.paints else None)
    settings = SCALES_OF[paper.name](arguments.scale).but(seed=arguments.seed)
    if not arguments.only:
        check_replacing(settings, SHIPPED_AT[paper.name], arguments.output)
    networks = workshop.Workshop(style, settings, workshop.folder(settings))
    for asked in arguments.only or ["zoo"]:
        for name in paper.groups.get(asked, [asked]):
            if name in ROLES and name not in paper.roles:
                raise TutorialError(f"{name} is of another paper; give --paper {paper_of(name).name}.")
            _ = networks[name]
    if arguments.only:
        return
    for name in paper.shipped:
        finished = networks.path(name)
        if not finished.with_suffix(".json").exists():
            continue    # an extra that was not asked for
        with only_writer(arguments.output / finished.name):
            for path in (finished, finished.with_suffix(".json")):
                with atomic_path(arguments.output / path.name) as temporary:
                    shutil.copyfile(path, temporary)
        print(arguments.output / finished.name)
    if style:
        keep_picture(style, arguments.output)


def check_replacing(settings: Values, shipped_at: Values, output: Path) -> None:
    """Raises TutorialError when the networks of the course would be replaced by others than it was made with."""
    if output.resolve() == zoo.FOLDER.resolve() and settings != shipped_at:
        def described(one: Values) -> str:
            features = f" and features {one.features}" if hasattr(one, "features") else ""
            return f"{one.name} with seed {one.seed}{features}"

        raise TutorialError(
            f"At the scale {described(settings)}, this would replace the networks of the course, which are of the "
            f"scale {described(shipped_at)}: give --output FOLDER for networks of your own, or --only zoo to ship "
            "none."
        )


def keep_picture(style: str, folder: Path) -> None:
    """Puts a style's own picture beside its networks, where OFD_ZOO and OFD_STYLE find both by their names."""
    picture = Path(style)
    if style in painted() or not picture.is_file() or folder.resolve() == zoo.FOLDER.resolve():
        return
    with atomic_path(folder / picture.name) as temporary:
        shutil.copyfile(picture, temporary)
    print(folder / picture.name)
    print(f"The whole course in this style: OFD_ZOO={folder.resolve()} OFD_STYLE={picture.stem}")
