"""Notebook 0: a time slice."""

from tutorial_lib.checks.asking import Answer, check, expect, numbers


@check
def time_slice(answer: Answer) -> None:
    """time_slice(frames, row): (N, 3, H, W) and the number of a row -> (3, N, W)."""
    frames, row = numbers(5, 3, 6, 7), 1
    rows = frames[:, :, row]                                                                # (N, 3, W)
    right = rows.permute(1, 0, 2)
    expect(answer, (frames, row), right, {
        "this is a column of every frame; a row is wanted: `row` counts along the third axis of (N, 3, H, W).":
            frames[..., row].permute(1, 0, 2),
        "this is one whole frame, the one of the number `row`; one row of every frame is wanted.": frames[row],
        "the rows are there; now the colours have to come first, or it is no picture: from (N, 3, W) to (3, N, W), by "
        "permute(1, 0, 2).": rows,
        "reshape keeps the order of the numbers, so it mixes times with colours; exchange the axes with "
        "permute(1, 0, 2).": rows.reshape(right.shape),
        "yours runs upwards; the first frame is to be at the top.": right.flip(1),
        "here time runs to the right; it is to run downwards: (3, N, W) and not (3, W, N).": right.transpose(1, 2),
        "the rows lie side by side in one long line; each is to stand below the one before.": right.flatten(1),
        "all rows of all colours lie below each other; each row keeps its three colours: stack them along a new axis.":
            rows.flatten(0, 1),
        ".T turns all axes round, so that the width comes first; exchange the first two, with permute(1, 0, 2).":
            rows.permute(2, 1, 0),
        "this is always the middle row; take the one that is asked for.": frames[:, :, 3].permute(1, 0, 2),
        "this is the row above; rows are counted from 0.": frames[:, :, row - 1].permute(1, 0, 2),
        "this is the row below; rows are counted from 0.": frames[:, :, row + 1].permute(1, 0, 2),
        "this is the mean of all rows; what flickers would be averaged away. Take one row.":
            frames.mean(2).permute(1, 0, 2),
        "this is grey; keep the three colours.": rows.mean(1),
        "one picture is wanted, without a batch: (3, N, W).": right[None],
    }, "5 frames of 6 x 7 pixels and row 1")
