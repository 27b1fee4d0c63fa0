"""Notebook 10."""

import math
import statistics
import time

import numpy as np
import torch
import torch.nn.functional as F

from answers.answer import Answers

# --- folding ---


def folded(order, split=(2, 4)):
    """By a view with an axis for the place within the fold, whose axes are put into some order."""
    def unshuffle(frames, f):
        n, c, h, w = frames.shape
        sizes = (h // f, f, w // f, f) if split == (2, 4) else (f, h // f, f, w // f)
        return frames.reshape(n, c, *sizes).permute(order).reshape(n, c * f * f, h // f, w // f)
    return unshuffle


def by_slices(frames, f):
    maps = [frames[:, c, i::f, j::f] for c in range(frames.shape[1]) for i in range(f) for j in range(f)]
    return torch.stack(maps, 1)


def pixel_by_pixel(frames, f):
    n, channels, h, w = frames.shape
    folds = torch.zeros(n, channels * f * f, h // f, w // f)
    for c in range(channels):
        for y in range(h):
            for x in range(w):
                folds[:, c * f * f + (y % f) * f + x % f, y // f, x // f] = frames[:, c, y, x]
    return folds


def by_unfold(frames, f):
    n, c, h, w = frames.shape
    return F.unfold(frames, f, stride=f).reshape(n, c * f * f, h // f, w // f)


def colours_last(frames, f):
    return torch.cat([frames[..., i::f, j::f] for i in range(f) for j in range(f)], 1)


# --- pictures ---


def mse(a, b):
    return (a - b).square().mean()


def by_frame(a, b):
    return torch.stack([-10 * mse(x, y).log10() for x, y in zip(a, b, strict=True)])


def in_numpy(a, b):
    return 10 * np.log10(1 / np.mean((a.numpy() - b.numpy()) ** 2))


# --- the clock ---


def rounds_of(summary, warm=1, counted=0):
    """In turn; `warm` first rounds are left out, and as many as asked for plus `counted` follow."""
    def fair_times(jobs, rounds, clock=time.perf_counter):
        seconds = {name: [] for name in jobs}
        for turn in range(warm + rounds + counted):
            for name, job in jobs.items():
                began = clock()
                job()
                ended = clock()
                if turn >= warm:
                    seconds[name].append(ended - began)
        return {name: summary(times) for name, times in seconds.items()}
    return fair_times


def job_by_job(jobs, rounds, clock):
    found = {}
    for name, job in jobs.items():
        job()
        times = []
        for _ in range(rounds):
            began = clock()
            job()
            times.append(clock() - began)
        found[name] = statistics.median(times)
    return found


def no_warming_up_at_all(jobs, rounds, clock):
    return rounds_of(statistics.median, warm=0)(jobs, rounds, clock)


def named(jobs):
    """Jobs that are named and not called."""
    return {name: lambda job=job: (job,) for name, job in jobs.items()}


def called_once(jobs, rounds, clock):
    for job in jobs.values():
        job()
    return rounds_of(statistics.median)(named(jobs), rounds, clock)


def one_start_a_round(jobs, rounds, clock):
    seconds = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        began = clock()
        for name, job in jobs.items():
            job()
            if turn:
                seconds[name].append(clock() - began)
    return {name: statistics.median(times) for name, times in seconds.items()}


def by_recursion(jobs, rounds, clock):
    def one_round():
        times = {}
        for name in jobs:
            began = clock()
            jobs[name]()
            times[name] = clock() - began
        return times

    one_round()
    table = [one_round() for _ in range(rounds)]
    return {name: float(np.median([row[name] for row in table])) for name in jobs}


def sorted_by_hand(times):
    times = sorted(times)
    half = len(times) // 2
    return times[half] if len(times) % 2 else (times[half - 1] + times[half]) / 2


ANSWERS = {
    "unshuffle": Answers(
        wrong={
            "a reshape alone": (
                lambda x, f: x.reshape(len(x), x.shape[1] * f * f, x.shape[2] // f, x.shape[3] // f), "reshape"),
            "large tiles": (folded((0, 1, 2, 4, 3, 5), split=(0, 0)), "large tiles"),
            "column before row": (folded((0, 1, 5, 3, 2, 4)), "exchanged: first come"),
            "colours last": (colours_last, "colours come first"),
            "the mean": (F.avg_pool2d, "averages"),
            "one of each": (lambda x, f: x[..., ::f, ::f], "keeps one pixel"),
            "x before y": (lambda x, f: F.pixel_unshuffle(x, f).mT, "y comes before x"),
            "axes of their own": (
                lambda x, f: x.unfold(2, f, f).unfold(3, f, f).permute(0, 1, 4, 5, 2, 3), "axes of their own"),
            "in place": (lambda x, f: F.pixel_unshuffle(x.mul_(1), f).mul_(2) if x.add_(1) is x else x, "changes what"),
            "a factor of 3 for every factor": (
                lambda x, f: F.pixel_unshuffle(x, 3) if x.shape[2] % 3 == 0 else x[:, :, :3, :3], "a factor of 2"),
            "three colours for every number": (lambda x, f: F.pixel_unshuffle(x[:, :3], f), "three channels are taken"),
        },
        right={
            "by PyTorch": F.pixel_unshuffle,
            "by slices": by_slices,
            "by a view": folded((0, 1, 3, 5, 2, 4)),
            "pixel by pixel": pixel_by_pixel,
            "by unfold": by_unfold,
        }),
    "psnr": Answers(
        wrong={
            "the sign": (lambda a, b: 10 * mse(a, b).log10(), "sign"),
            "the natural logarithm": (lambda a, b: -10 * math.log(mse(a, b)), "not the natural"),
            "to the base of 2": (lambda a, b: -10 * mse(a, b).log2(), "not of 2"),
            "20 and squares": (lambda a, b: -20 * mse(a, b).log10(), "20 belongs"),
            "10 and roots": (lambda a, b: -10 * mse(a, b).sqrt().log10(), "10 belongs"),
            "bels": (lambda a, b: -mse(a, b).log10(), "ten decibels"),
            "absolute": (lambda a, b: -20 * (a - b).abs().mean().log10(), "absolute"),
            "differences that cancel": (lambda a, b: -20 * (a - b).mean().abs().log10(), "cancel"),
            "a sum": (lambda a, b: -10 * (a - b).square().sum().log10(), "sum over the pixels"),
            "255": (lambda a, b: 10 * (255**2 / mse(a, b)).log10(), "whole numbers"),
            "the picture's own peak": (lambda a, b: 10 * (a.max() ** 2 / mse(a, b)).log10(), "largest in this one"),
            "signal to noise": (lambda a, b: 10 * (a.square().mean() / mse(a, b)).log10(), "own strength"),
            "the largest error": (lambda a, b: -20 * (a - b).abs().max().log10(), "largest error"),
            "frame by frame": (by_frame, "one a frame"),
            "the mean of decibels": (lambda a, b: by_frame(a, b).mean(), "mean of the frames"),
            "the error itself": (mse, "is right, and yours"),
        },
        right={
            "with a logarithm": lambda a, b: -10 * mse(a, b).log10(),
            "a float": lambda a, b: 10 * math.log10(1 / F.mse_loss(a, b).item()),
            "by the root": lambda a, b: 20 * torch.log10(1 / mse(a, b).sqrt()),
            "in numpy": in_numpy,
        }),
    "fair_times": Answers(
        wrong={
            "not warmed up": (no_warming_up_at_all, "warming up"),
            "the warming up counts": (rounds_of(statistics.median, warm=0, counted=1), "warming up"),
            "one fewer": (rounds_of(statistics.median, counted=-1), "one fewer"),
            "the mean": (rounds_of(statistics.mean), "the mean"),
            "the mean, not warmed up": (rounds_of(statistics.mean, warm=0), "warming up"),
            "the least": (rounds_of(min), "best case"),
            "the longest": (rounds_of(max), "longest"),
            "the sum": (rounds_of(sum), "the sum"),
            "the last": (rounds_of(lambda times: times[-1]), "last round"),
            "all of them": (rounds_of(list), "one number a job"),
            "one job after another": (job_by_job, "slows down"),
            "one start a round": (one_start_a_round, "first one's as well"),
            "milliseconds": (rounds_of(lambda times: 1000 * statistics.median(times)), "milliseconds"),
            "a rate": (rounds_of(lambda times: 1 / statistics.median(times)), "how often"),
            "a list": (lambda jobs, *rest: list(rounds_of(statistics.median)(jobs, *rest).values()), "dictionary"),
            "a clock of its own": (
                lambda jobs, rounds, clock: rounds_of(statistics.median)(jobs, rounds), "never asks the clock"),
            "jobs that are named": (
                lambda jobs, *rest: rounds_of(statistics.median)(named(jobs), *rest), "no job was run"),
            "called for warming up alone": (called_once, "no time passes"),
            "jobs that are not called": (
                lambda jobs, rounds, clock: dict.fromkeys(jobs, clock() - clock()), "no job was run"),
            "the middle one of an even number": (
                rounds_of(lambda times: sorted(times)[len(times) // 2]), "even number"),
            "two rounds of warming up": (rounds_of(statistics.median, warm=2), "the medians of"),
        },
        right={
            "in two loops": rounds_of(statistics.median),
            "by rows": by_recursion,
            "sorted by hand": rounds_of(sorted_by_hand),
        }),
}
