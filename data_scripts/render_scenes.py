"""Renders the five test scenes into a folder of MPI Sintel's layout: frames, exact flow and occlusion maps."""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from pathlib import Path

from tqdm import tqdm

from tutorial_lib.arguments import whole
from tutorial_lib.data.scenes import TEST_SCENES, test_scene
from tutorial_lib.data.sintel import write_scene
from tutorial_lib.settings import build_folder, scale


def main() -> None:
    settings = scale()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="the folder to write (default: scenes in the build folder)")
    parser.add_argument("--width", type=whole(1, 8192), default=settings.evaluation_width,
                        help="in pixels (%(default)s)")
    parser.add_argument("--frames", type=whole(1), default=settings.evaluation_frames, help="per scene (%(default)s)")
    options = parser.parse_args()
    output = options.output or build_folder() / "scenes"
    # Sintel's own proportions.
    height = round(options.width * 436 / 1024)
    with tqdm(total=len(TEST_SCENES) * options.frames, unit="frame") as bar:
        for name in TEST_SCENES:
            bar.set_description(name)
            write_scene(output, test_scene(name, height, options.width, options.frames), lambda _: bar.update())
    print(f"{len(TEST_SCENES)} scenes of {options.width}x{height} pixels are in {output}.")
