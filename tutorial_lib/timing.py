"""How long things take: in turn, so that a machine that slows down slows all of them; and what a clock can say."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import torch
from tqdm.auto import tqdm

from tutorial_lib.errors import TutorialError
from tutorial_lib.hardware import hardware
from tutorial_lib.settings import wait_for_gpu


def in_turn(jobs: Mapping[str, Callable[[], object]], rounds: int, bar: bool = True) -> dict[str, list[float]]:
    """The seconds of every job in each of `rounds` rounds; a first round is not counted.

    Raises: TutorialError for fewer than one round.
    """
    if rounds < 1:
        raise TutorialError(f"Speed is measured at least once; {rounds} rounds were asked for.")
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in tqdm(range(rounds + 1), desc="rounds", disable=not bar):
        for name, job in jobs.items():
            wait_for_gpu()
            began = time.perf_counter()
            job()
            wait_for_gpu()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def summary(seconds: Sequence[float]) -> dict:
    """The median and the range, as a report holds them."""
    return {"seconds": round(statistics.median(seconds), 6), "range": [round(min(seconds), 6), round(max(seconds), 6)]}


def in_words(row: Mapping) -> str:
    """Milliseconds: median and range."""
    least, greatest = (1000 * value for value in row["range"])
    return f"{1000 * row['seconds']:9.1f} {f'[{least:.1f} - {greatest:.1f}]':>20}"


def machine() -> str:
    return f"{hardware()}, {torch.get_num_threads()} threads; torch {torch.__version__}"
