"""The picture that README opens with: a frame as filmed, and as the pocket student of a style paints it.

    python data_scripts/draw_first_picture.py [--style mosaic] [--scene ambush_5] [--output results/first.jpg]
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from pathlib import Path

import torch
from PIL import Image

from tutorial_lib import zoo
from tutorial_lib.data.clips import filmed
from tutorial_lib.data.images import to_pixels
from tutorial_lib.data.scenes import TEST_SCENES, test_scene
from tutorial_lib.files import atomic_path
from tutorial_lib.stylize import stylize_clip

HEIGHT, WIDTH = 360, 640        # what a pocket student's strokes are made for
RESULT = Path(__file__).parent.parent / "results" / "first.jpg"


def picture(style: str, scene: str) -> torch.Tensor:
    """(1, 3, HEIGHT, 2 * WIDTH): the first frame of a test scene, and what our student of the style makes of it."""
    frame = filmed(test_scene(scene, HEIGHT, WIDTH, 2)).frames[:1]
    return torch.cat((frame, stylize_clip(zoo.load(zoo.student_of(style)), frame)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--style", default="mosaic")
    parser.add_argument("--scene", choices=TEST_SCENES, default="ambush_5")
    parser.add_argument("--output", type=Path, default=RESULT, metavar="FILE.jpg")
    arguments = parser.parse_args()
    with atomic_path(arguments.output) as temporary:
        Image.fromarray(to_pixels(picture(arguments.style, arguments.scene))).save(temporary, "JPEG", quality=85)
    print(arguments.output)
