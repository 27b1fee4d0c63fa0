"""Notebook 0."""

import torch

from answers.answer import Answers


def row_by_row(frames, row):
    picture = torch.zeros(3, len(frames), frames.shape[3])
    for time, frame in enumerate(frames):
        picture[:, time] = frame[:, row]
    return picture


def in_place(frames, row):
    frames[:, :, row] *= 255
    return frames[:, :, row].permute(1, 0, 2)


ANSWERS = {
    "time_slice": Answers(
        wrong={
            "a column": (lambda f, row: f[:, :, :, row].permute(1, 0, 2), "column"),
            "a frame": (lambda f, row: f[row], "whole frame"),
            "colours not first": (lambda f, row: f[:, :, row], "colours have to come first"),
            "reshaped": (lambda f, row: f[:, :, row].reshape(3, len(f), -1), "mixes times with colours"),
            "upwards": (lambda f, row: row_by_row(f.flip(0), row), "upwards"),
            "time to the right": (lambda f, row: torch.stack([p[:, row] for p in f], -1), "downwards"),
            "side by side": (lambda f, row: torch.cat([p[:, row] for p in f], -1), "side by side"),
            "below each other": (lambda f, row: torch.cat([p[:, row] for p in f]), "below each other"),
            "all axes turned round": (lambda f, row: f[:, :, row].permute(2, 1, 0), "turns all axes round"),
            "always the middle": (lambda f, row: row_by_row(f, f.shape[2] // 2), "middle row"),
            "counted from 1": (lambda f, row: row_by_row(f, row - 1), "row above"),
            "one too far": (lambda f, row: row_by_row(f, row + 1), "row below"),
            "the mean row": (lambda f, row: f.mean(dim=2).permute(1, 0, 2), "averaged away"),
            "grey": (lambda f, row: f.mean(1)[:, row], "grey"),
            "one colour": (lambda f, row: f[:, 0, row], "shape"),
            "a batch": (lambda f, row: row_by_row(f, row).unsqueeze(0), "without a batch"),
            "a list": (lambda f, row: [p[:, row] for p in f], "list"),
            "in place": (in_place, "changes what it was given"),
        },
        right={
            "by permute": lambda f, row: f[:, :, row].permute(1, 0, 2),
            "by transpose": lambda f, row: f[:, :, row, :].transpose(0, 1),
            "by stack": lambda f, row: torch.stack([p[:, row, :] for p in f], dim=1),
            "by cat": lambda f, row: torch.cat([p[:, row:row + 1] for p in f], dim=1),
            "row by row": row_by_row,
        }),
}
