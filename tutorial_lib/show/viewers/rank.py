"""The rank viewer: more frames, more flicker, less light, and what each does to the singular values of a clip."""

import torch
from IPython.display import HTML

from tutorial_lib.errors import TutorialError
from tutorial_lib.losses.low_rank import singular_values
from tutorial_lib.show.players import side_by_side
from tutorial_lib.show.viewers import page, webp

CAPTION = ("Without flicker every frame is the mean of all, and one singular value is left. Flicker raises the others; "
           "darkness lowers all of them alike, and makes nothing steadier.")
ALT = ("The frames of a clip, its motion undone. Where the page runs, sliders add frames, flicker and darkness, and "
       "its singular values follow.")


def rank_viewer(aligned: torch.Tensor, wanted: torch.Tensor) -> HTML:
    """A clip whose motion is undone, (K, 3, H, W), under one mask; wanted: the input's, whose norm Eq. 11 asks for.

    A frame is taken apart into the mean of all and what it adds to that, its flicker, so that the singular values for
    any amount of it follow from a few products, and are exact.
    Raises: TutorialError when the two differ in shape, or there are fewer than two frames.
    """
    if aligned.shape != wanted.shape or len(aligned) < 2:
        raise TutorialError("The viewer needs two clips of one shape and at least 2 frames, not "
                            f"{tuple(aligned.shape)} and {tuple(wanted.shape)}.")
    frames = aligned.detach().cpu()
    rows = frames.flatten(1).double()                                                       # (K, 3HW)
    mean = rows.mean(0, keepdim=True)                                                       # (1, 3HW)
    flicker = rows - mean
    norms = [singular_values(wanted[:count].flatten(1)).sum().item() for count in range(1, len(rows) + 1)]
    data = {
        "size": [frames.shape[-1], frames.shape[-2]], "caption": CAPTION, "wanted": norms,
        "mean": webp(frames.mean(0), 90), "frames": [webp(frame, 90) for frame in frames],
        # Of the means with each other, of the mean with each flicker, of each flicker with each.
        "products": {"mean": (mean @ mean.T).item(), "both": (flicker @ mean.T)[:, 0].tolist(),
                     "flicker": (flicker @ flicker.T).tolist()},
    }
    names = {f"frame {n}": frame[None] for n, frame in enumerate(frames)}
    return page("rank", data, side_by_side(names, min(3, len(names))), ALT)
