"""Numbers on the command line, for argparse's `type`: what is out of range is refused before anything is done."""

import argparse
import math
from collections.abc import Callable

LARGEST_SEED = 2**63 - 1     # what torch and numpy both take


def whole(least: int = 0, most: int = 10**9) -> Callable[[str], int]:
    """A whole number from `least` to `most`."""
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"{number} is below {least}")
        if number > most:
            raise argparse.ArgumentTypeError(f"{number} is above {most}")
        return number
    return parse


def from_zero(text: str) -> float:
    """A finite number that is not negative."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not (math.isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"{text} is no finite number from 0 up")
    return number


seed = whole(most=LARGEST_SEED)
