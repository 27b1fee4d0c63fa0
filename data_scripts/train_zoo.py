"""Train the networks of one style: those that ship, and on request the ablations behind the paper's tables.

    python data_scripts/train_zoo.py --style mosaic [--scale laptop] [--seed 0] [--output tutorial_lib/zoo]
    python data_scripts/train_zoo.py --style mosaic --only tables frontier

Every network keeps a checkpoint in the build folder: stopped at any time, the same command goes on from there.
--only trains some networks and ships none, so that several processes can share the work: give names, or the groups
zoo, plus, tables (Tables 2 and 3, Figures 2 and 3) and frontier. Without it the zoo is trained and shipped: to
tutorial_lib/zoo only at the scale and seed of what is there. A network is made by one process at a time.
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
from tutorial_lib.papers.ofd.roles import GROUPS, SHIPPED
from tutorial_lib.settings import SCALES, Settings, scale

SHIPPED_AT = SCALES["laptop"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--style", default="mosaic", help="a painted style, or the path of a picture")
    parser.add_argument("--scale", choices=SCALES, help="default: OFD_SCALE, else laptop")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--output", type=Path, default=zoo.FOLDER)
    parser.add_argument("--only", nargs="*", metavar="NAME", help="names of recipes, or zoo, plus, tables, frontier")
    arguments = parser.parse_args()
    settings = scale(arguments.scale).but(seed=arguments.seed)
    if not arguments.only:
        check_replacing(settings, arguments.output)
    networks = workshop.Workshop(arguments.style, settings, workshop.folder(settings))
    for asked in arguments.only or ["zoo"]:
        for name in GROUPS.get(asked, [asked]):
            _ = networks[name]
    if arguments.only:
        return
    for name in SHIPPED:
        finished = networks.path(name)
        if not finished.with_suffix(".json").exists():
            continue    # an extra that was not asked for
        with only_writer(arguments.output / finished.name):
            for path in (finished, finished.with_suffix(".json")):
                with atomic_path(arguments.output / path.name) as temporary:
                    shutil.copyfile(path, temporary)
        print(arguments.output / finished.name)
    keep_picture(arguments.style, arguments.output)


def check_replacing(settings: Settings, output: Path) -> None:
    """Raises TutorialError when the networks of the course would be replaced by others than it was made with."""
    if output.resolve() == zoo.FOLDER.resolve() and settings != SHIPPED_AT:
        raise TutorialError(
            f"At the scale {settings.name} with seed {settings.seed} and features {settings.features}, this would "
            f"replace the networks of the course, which are of the scale {SHIPPED_AT.name} with seed {SHIPPED_AT.seed} "
            f"and features {SHIPPED_AT.features}: give --output FOLDER for networks of your own, or --only zoo to ship "
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
