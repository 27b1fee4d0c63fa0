"""Score networks for super-resolution beside the bicubic enlargement, and say how much of a gap they close.

    python data_scripts/validate_upscaling.py NETWORK... [--scenes validation|test] [--gap PLAIN TEACHER]

PSNR and SSIM on BT.601's Y (or --channels RGB), of pictures rounded to 8 bits, without --border pixels at each side,
and the warping error by the exact flow, beside that of the truth. Everything is chosen by the validation scenes, which
are of the training photographs, from seeds that no training uses.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from functools import cache

from tutorial_lib import zoo
from tutorial_lib.arguments import whole
from tutorial_lib.evaluation import upscaling
from tutorial_lib.papers.std.settings import scale
from tutorial_lib.settings import device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="+", metavar="NAME_OR_FILE")
    parser.add_argument("--scenes", choices=("validation", "test"), default="validation")
    parser.add_argument("--channels", choices=("Y", "RGB"), default="Y")
    parser.add_argument("--border", type=whole(0), default=0, metavar="PIXELS")
    parser.add_argument("--degradation", choices=("BI", "BD"), default="BI")
    parser.add_argument("--exact", action="store_true", help="teachers are given the exact flow")
    parser.add_argument("--scale", default=None)
    parser.add_argument("--gap", nargs=2, metavar=("PLAIN", "TEACHER"), help="networks between which a gap is closed")
    arguments = parser.parse_args()
    networks = {name: zoo.load(name, "upscale").to(device()) for name in (*arguments.networks, *(arguments.gap or ()))}
    networks[upscaling.BICUBIC] = upscaling.BICUBIC
    films = upscaling.films(scale(arguments.scale), arguments.scenes)

    @cache
    def scored(name: str) -> upscaling.Score:
        return upscaling.mean([upscaling.score(
            upscaling.made_large(networks[name], film, arguments.degradation, arguments.exact), film,
            arguments.channels, arguments.border) for film in films])

    gap = [scored(name).psnr for name in arguments.gap or ()]
    for name in (upscaling.BICUBIC, *arguments.networks):
        row = scored(name)
        closed = f", {(row.psnr - gap[0]) / (gap[1] - gap[0]) + 0.0:.0%} of the gap" if gap else ""
        print(f"{name}: PSNR {row.psnr:.3f} dB, SSIM {row.ssim:.4f}, warping error {row.warping:.5f} "
              f"(truth {row.truth_warping:.5f}){closed}", flush=True)
