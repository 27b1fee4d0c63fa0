"""Notebook 10: folding pixels into channels, how near two pictures are, and a fair clock."""

import math
import statistics
from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F

from tutorial_lib.checks.asking import Answer, Wrong, check, expect, numbers

Clock = Callable[[], float]
Jobs = Mapping[str, Callable[[], None]]


@check
def unshuffle(answer: Answer) -> None:
    """unshuffle(frames, factor): (N, C, H, W) -> (N, C * factor**2, H / factor, W / factor), as PyTorch orders them."""
    frames, factor = numbers(2, 3, 6, 12), 3
    n, c, h, w = frames.shape
    split = frames.reshape(n, c, h // factor, factor, w // factor, factor)      # n, c, y, i, x, j
    blocks = frames.reshape(n, c, factor, h // factor, factor, w // factor)     # n, c, i, y, j, x
    shape = n, c * factor**2, h // factor, w // factor
    expect(answer, (frames, factor), F.pixel_unshuffle(frames, factor), {
        "the shape is right and the numbers are not in their places: `reshape` alone keeps the order in memory, so "
        "each map is a piece of some rows.": frames.reshape(shape),
        "pixels that lie side by side have to end in one place; yours cuts the frame into large tiles. Split a side "
        "into (H / factor, factor), in this order.": blocks.permute(0, 1, 2, 4, 3, 5).reshape(shape),
        "row and column within the fold are exchanged: first come the pixels of its first row, from left to right.":
            split.permute(0, 1, 5, 3, 2, 4).reshape(shape),
        "the colours come first: all maps of red, then green, then blue. Yours has red, green, blue of one pixel, then "
        "of the next.": split.permute(0, 3, 5, 1, 2, 4).reshape(shape),
        "this averages every fold, and the detail is lost; its pixels become channels.":
            (F.avg_pool2d(frames, factor), F.avg_pool2d(frames, factor).repeat(1, factor**2, 1, 1)),
        "this keeps one pixel of every fold; the others are to become channels, too.":
            frames[..., ::factor, ::factor],
        "height and width are exchanged: y comes before x.": split.permute(0, 1, 3, 5, 4, 2).reshape(
            n, c * factor**2, w // factor, h // factor),
        "the channels of a fold have axes of their own; join them with the colours', to (N, C * factor**2, ...).": (
            split.permute(0, 1, 3, 5, 2, 4), split.permute(0, 1, 3, 5, 2, 4).flatten(2, 3)),
    }, "two frames of 6 x 12 pixels and a factor of 3")
    four = numbers(1, 4, 4, 8, seed=1)
    expect(answer, (four, 2), F.pixel_unshuffle(four, 2), {
        "three channels are taken, however many there are; ask `frames.shape[1]`.": F.pixel_unshuffle(four[:, :3], 2),
    }, "four channels of 4 x 8 pixels and a factor of 2")


@check
def psnr(answer: Answer) -> None:
    """psnr(a, b): the peak signal-to-noise ratio of two pictures in [0, 1], in decibels; a float or a scalar."""
    a = 0.8 * numbers(2, 3, 4, 5)
    b = a + 0.1 * (numbers(2, 3, 4, 5, seed=1) - 0.3) * torch.tensor([1.0, 0.2]).reshape(2, 1, 1, 1)
    off = a - b
    mse = off.square().mean()
    right = -10 * mse.log10()
    expect(answer, (a, b), right, {
        "the sign is turned: the smaller the error, the larger the PSNR.": 10 * mse.log10(),
        "the logarithm is that to the base of 10 (math.log10, or .log10()), not the natural one.": -10 * mse.log(),
        "the logarithm is that to the base of 10, not of 2.": -10 * mse.log2(),
        "with the mean *square* it is 10 times the logarithm; 20 belongs to the root of it.": -20 * mse.log10(),
        "with the *root* of the mean square it is 20 times the logarithm; 10 belongs to the square.":
            -10 * mse.sqrt().log10(),
        "bels are ten decibels: times 10.": -mse.log10(),
        "squared differences are wanted, not absolute ones.": (-10 * off.abs().mean().log10(),
                                                                  -20 * off.abs().mean().log10()),
        "these are differences that cancel each other; square them before the mean.": (
            -10 * off.mean().abs().log10(), -20 * off.mean().abs().log10()),
        "this is the sum over the pixels, so a larger picture would be a worse one; take the mean.":
            -10 * off.square().sum().log10(),
        "the peak is that of the values: 1, for pictures from 0 to 1. 255 belongs to pictures of whole numbers.":
            -10 * (mse / 255**2).log10(),
        "the peak is the largest value that a picture may have, 1, and not the largest in this one.": (
            10 * (a.max()**2 / mse).log10(), 10 * (b.max()**2 / mse).log10()),
        "this relates the error to the picture's own strength; PSNR relates it to the peak, 1.": (
            10 * (a.square().mean() / mse).log10(), 10 * (b.square().mean() / mse).log10()),
        "this is the largest error; PSNR takes the mean of the squares.": -20 * off.abs().max().log10(),
        "one mean over everything comes first, and then one logarithm; yours is a mean of the frames' decibels.":
            (-10 * off.square().mean((1, 2, 3)).log10()).mean(),
        "one number for all of it is wanted; yours has one a frame.": -10 * off.square().mean((1, 2, 3)).log10(),
    }, "two frames that are off by up to 0.07")


# --- a fair clock ---


class Machine:
    """A computer whose time is counted, not measured: two jobs, each with a slow start, and it slows down steadily."""

    COSTS: ClassVar = {"first": 3.0, "second": 7.0}   # seconds
    START, SLOWER, BUSY = 100.0, 0.01, 5    # every fifth call takes twice as long

    def __init__(self):
        self.now, self.called, self.read = 0.0, [], 0
        self.jobs = {name: lambda name=name: self._run(name) for name in self.COSTS}

    def _run(self, name: str) -> None:
        cost = self.COSTS[name] * (1 + self.SLOWER * len(self.called) ** 1.5)
        busy = len(self.called) % self.BUSY == self.BUSY - 1
        self.now += self.START * (name not in self.called) + (2 * cost if busy else cost)
        self.called.append(name)

    def clock(self) -> float:
        self.read += 1
        return self.now


def in_turn(jobs: Jobs, rounds: int, clock: Clock, warm: int = 1) -> dict[str, list[float]]:
    """The seconds of every job in each round, without the first `warm` rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(rounds + warm):
        for name, job in jobs.items():
            began = clock()
            job()
            if turn >= warm:
                seconds[name].append(clock() - began)
    return seconds


def _one_after_another(jobs: Jobs, rounds: int, clock: Clock, warm: int = 1) -> dict[str, list[float]]:
    return {name: in_turn({name: job}, rounds, clock, warm)[name] for name, job in jobs.items()}


def _from_the_rounds_start(jobs: Jobs, rounds: int, clock: Clock, warm: int = 1) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(rounds + warm):
        began = clock()
        for name, job in jobs.items():
            job()
            if turn >= warm:
                seconds[name].append(clock() - began)
    return seconds


Way = Callable[[Jobs, int, Clock], dict[str, float]]


def _by(summary: Callable[[list[float]], float], way: Callable = in_turn, warm: int = 1, fewer: int = 0) -> Way:
    return lambda jobs, rounds, clock: {
        name: summary(seconds) for name, seconds in way(jobs, rounds - fewer, clock, warm).items()}


MEDIAN = statistics.median
MISTAKES: dict[str, tuple[Way, ...]] = {
    # First: with an odd number of rounds it is right, and with an even one a warm-up that counts gives the same.
    "the median of an even number of times is the mean of the two in the middle (statistics.median does that).": (
        _by(statistics.median_low), _by(statistics.median_high)),
    "the first round counts, too; it is for warming up: memory is fetched and plans are made. Run it, and leave its "
    "times out.": (_by(MEDIAN, warm=0), _by(MEDIAN, _one_after_another, warm=0),
                   lambda jobs, rounds, clock: _by(MEDIAN, warm=0)(jobs, rounds + 1, clock),
                   lambda jobs, rounds, clock: _by(statistics.mean, warm=0)(jobs, rounds + 1, clock),
                   _by(statistics.mean, warm=0), _by(statistics.mean, _one_after_another, warm=0)),
    "`rounds` rounds are counted, beside the one for warming up; yours counts one fewer.": (_by(MEDIAN, fewer=1),),
    "this is the mean, and one slow call spoils it; take the median.": (
        _by(statistics.mean), _by(statistics.mean, _one_after_another)),
    "this is the shortest time, the best case; take the median, the usual one.": (
        _by(min), _by(min, _one_after_another), _by(min, warm=0)),
    "this is the longest time; take the median.": (_by(max), _by(max, _one_after_another)),
    "this is the sum of all rounds; take the median of them.": (_by(sum), _by(sum, _one_after_another)),
    "this is the time of the last round alone; keep them all, and take the median.": (_by(lambda times: times[-1]),),
    "one job has all its rounds before the next begins. This machine slows down, and the second pays for it: in each "
    "round let every job run once.": (_by(MEDIAN, _one_after_another),),
    "the second job's time holds the first one's as well: read the clock again before each job.": (
        _by(MEDIAN, _from_the_rounds_start),),
    "seconds are wanted, and these are milliseconds.": (_by(lambda times: 1000 * MEDIAN(times)),),
    "this is how often it runs a second; the seconds of one run are wanted.": (_by(lambda times: 1 / MEDIAN(times)),),
}


@check
def fair_times(answer: Answer) -> None:
    """fair_times(jobs, rounds, clock): {name: median seconds}, in turn, after a round for warming up."""
    for rounds in (7, 6):
        machine = Machine()
        got = answer(dict(machine.jobs), rounds, machine.clock)
        if got is None:
            raise Wrong("the function returns nothing; does it end with `return`?")
        if not isinstance(got, Mapping) or list(got) != list(machine.jobs):
            raise Wrong(f"a dictionary is wanted, with the jobs' names, {' and '.join(machine.jobs)}; this is "
                        f"{got!r:.60}.")
        if not machine.called:
            raise Wrong("no job was run: call it, `job()`.")
        if not machine.read:
            raise Wrong("your function never asks the clock that it is given: `clock()`, before and after each job.")
        if any(isinstance(value, list | tuple) for value in got.values()):
            raise Wrong("one number a job is wanted, the median of its times; yours holds all of them.")
        if not all(got.values()):
            raise Wrong("no time passes between your two readings of the clock; is the job called in between, `job()`?")
        right = _by(MEDIAN)
        for sentence, ways in {"": (right,), **MISTAKES}.items():
            if any(_alike(got, _on_a_machine(way, rounds)) for way in ways):
                if sentence:
                    raise Wrong(sentence)
                break
        else:
            wanted = {name: round(value, 3) for name, value in _on_a_machine(right, rounds).items()}
            yours = {name: round(float(value), 3) for name, value in got.items()}
            raise Wrong(f"on a machine whose time is counted, the medians of {rounds} rounds are {wanted}, and yours "
                        f"are {yours}.")
        runs = {name: machine.called.count(name) for name in machine.jobs}
        if set(runs.values()) != {rounds + 1}:
            raise Wrong(f"each job runs once for warming up and {rounds} times for the clock; yours ran "
                        f"{', '.join(f'{name} {times} times' for name, times in runs.items())}.")


def _on_a_machine(way: Way, rounds: int) -> dict[str, float]:
    machine = Machine()
    return way(machine.jobs, rounds, machine.clock)


def _alike(got: Mapping, wanted: Mapping[str, float]) -> bool:
    return all(math.isclose(float(got[name]), value, rel_tol=1e-3) for name, value in wanted.items())
