"""Keep a style whose picture does not ship: its Gram matrices, enough to train its networks and to score them.

    python data_scripts/keep_style.py starry_night.jpg [--features compact squeezenet1_0.safetensors] [--name NAME]

The file's name becomes the name of the style. It has to be written again when a perceptual network changes.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import itertools
from pathlib import Path

from tutorial_lib.arguments import whole
from tutorial_lib.data.styles import load_style
from tutorial_lib.losses.perceptual import PerceptualLoss, write_target
from tutorial_lib.networks.features import load_features
from tutorial_lib.papers.ofd.roles import OURS, POCKET, ROLES
from tutorial_lib.settings import scale

SIZES = [ROLES[role].recipe.scale(scale("laptop")).style_size for role in (OURS, POCKET)]     # the same at every scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--name", help="default: that of the file")
    parser.add_argument("--features", nargs="+", default=["compact"], help="perceptual networks: names or files")
    parser.add_argument("--sizes", nargs="+", type=whole(16, 4096), default=SIZES, metavar="N",
                        help="longer sides of the picture, in pixels (default: those of the paper's and the pocket "
                        f"students, {' and '.join(map(str, SIZES))})")
    arguments = parser.parse_args()
    for size, features in itertools.product(arguments.sizes, map(load_features, arguments.features)):
        target = PerceptualLoss(features, load_style(arguments.picture, size)).target
        path = write_target(arguments.name or arguments.picture.stem, features, target, size)
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
