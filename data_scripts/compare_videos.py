"""Put the networks of a style side by side: what the tables say in numbers, to be seen.

    python data_scripts/compare_videos.py [--styles mosaic candy] [--networks student-scratch student-ours]
                                          [--videos FILES_OR_FOLDERS] [--screen]

For every style and film: STYLE-FILM.mp4, all networks under their names, and STYLE-FILM.png, the same without a player:
one frame, what changes between two frames once the motion is undone (flicker), and one row of pixels over time
(clean lines are steady). Without --videos the films are the rendered test scenes, with their exact flow. --screen shows
the pocket students, and the paper's beside them, at 640 pixels.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from tqdm import tqdm

from tutorial_lib import zoo
from tutorial_lib.data.clips import Clip
from tutorial_lib.data.scenes import TEST_SCENES
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation.films import real_films, rendered_films
from tutorial_lib.files import atomic_path
from tutorial_lib.papers.ofd.roles import CONTROL, OURS, POCKET, POCKETS, ROLES, TABLED
from tutorial_lib.settings import build_folder, device, scale
from tutorial_lib.show import figures, players
from tutorial_lib.stylize import stylize_clip

SHOWN = tuple(name for name, role in TABLED.items() if role.control or name == CONTROL)
SHOWN_ON_SCREEN = (*(name for name, role in POCKETS.items() if role.ships and role.name != "pocket-plain"), OURS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--styles", nargs="+", metavar="STYLE", help="default: all that ship")
    parser.add_argument("--networks", nargs="+", metavar="ROLE",
                        help=f"default: those of {', '.join(SHOWN)} (on a screen: {', '.join(SHOWN_ON_SCREEN)}) that "
                        "the style has")
    parser.add_argument("--scenes", nargs="+", choices=TEST_SCENES, default=list(TEST_SCENES), metavar="SCENE")
    parser.add_argument("--videos", nargs="+", type=Path, metavar="PATH", help="films of your own, flow estimated")
    parser.add_argument("--output", type=Path, help="default: videos in the build folder")
    parser.add_argument("--screen", action="store_true", help="the pocket students, at 640 pixels")
    arguments = parser.parse_args()
    settings = ROLES[POCKET].recipe.scale(scale()) if arguments.screen else scale()
    usual = SHOWN_ON_SCREEN if arguments.screen else SHOWN
    output = arguments.output or build_folder() / "videos"
    styles = arguments.styles or zoo.styles()
    unknown = sorted(set(styles) - set(zoo.styles()))
    if unknown:
        raise TutorialError(f"No networks of the style {', '.join(unknown)}; there are {', '.join(zoo.styles())}.")
    known = zoo.names()
    asked = {style: arguments.networks or [role for role in usual if f"{style}-{role}" in known] for style in styles}
    networks = {style: {role: zoo.load(f"{style}-{role}").to(device()) for role in roles}
                for style, roles in asked.items()}
    if arguments.videos:
        side = {"side": settings.evaluation_width} if arguments.screen else {}
        films = real_films(arguments.videos, **side)
    else:
        films = rendered_films(settings, steps=(1,), names=arguments.scenes, passes=("final",))
    output.mkdir(parents=True, exist_ok=True)
    with tqdm(total=len(styles) * len(films), unit="film") as bar:
        for style in styles:
            for film in films:
                bar.set_description(f"{style}, {film.name}")
                compare(networks[style], film, output / f"{style}-{film.name}")
                bar.update()
    print(f"{len(styles) * len(films)} films side by side are in {output}, each as .mp4 and .png.")


@torch.inference_mode()
def compare(networks: dict[str, torch.nn.Module], film: Clip, path: Path) -> None:
    """Writes PATH.mp4 and PATH.png."""
    frames = film.frames.to(device())
    shown = {"input": film.frames} | {name: stylize_clip(network, frames).cpu() for name, network in networks.items()}
    players.write(players.side_by_side(shown, columns=3), path.with_suffix(".mp4"))
    middle = len(frames) // 2
    motion = film.forward[middle:middle + 1]

    def flicker(video: torch.Tensor) -> torch.Tensor:
        """On the grid of the earlier frame, since the film's motion leads forward; dark is steady."""
        pair = video[middle:middle + 2].flip(0)
        return 4 * figures.error_map(pair, motion.flows, motion.masks).expand(3, -1, -1)[None]

    rows = {name: torch.cat((video[middle:middle + 1], flicker(video), figures.time_slice(video, repeat=6)), 2)
            for name, video in shown.items()}
    figure = figures.images(rows, columns=3, height=4.2)
    with atomic_path(path.with_suffix(".png")) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
    plt.close(figure)
