"""The flicker player: films in step, magnified, wiped over each other, and one row of them over time."""

from collections.abc import Mapping

import torch
from IPython.display import HTML

from tutorial_lib.data.clips import Clip
from tutorial_lib.errors import TutorialError
from tutorial_lib.show.figures import error_map, ink
from tutorial_lib.show.players import side_by_side
from tutorial_lib.show.viewers import page, webp

MOST = 5
BRIGHTEST = 0.25       # of an error map: a difference of a quarter of the range is white, in every film
CAPTION = (
    "The films flicker, so they wait for Play. Drag a film up and down to move the line; under each film stands that "
    "row of every frame, downwards. A steady film has clean lines there."
)
OF_ERRORS = (" Their flicker is how far a frame is from the next one, the motion undone: black is none, white a "
             "quarter of the range or more.")


def flicker_player(
    videos: Mapping[str, torch.Tensor], clip: Clip | None = None, crop: tuple[slice, slice] | None = None,
    frame_rate: int = 12,
) -> HTML:
    """Up to five films of one size, {name: (N, 3, H, W)}, that play in step; nothing starts by itself.

    clip: what they were painted from, with its forward motion, for the maps of their flicker.
    crop: the rows and the columns that are shown; a viewer holds its films, so large ones make a large notebook.
    Raises: TutorialError for films of different sizes or lengths, or too many of them.
    """
    shapes = {tuple(frames.shape) for frames in videos.values()}
    if len(shapes) != 1 or not 1 <= len(videos) <= MOST:
        raise TutorialError(f"The player shows 1 to {MOST} films of one size and length; it got {len(videos)} of "
                            f"{', '.join(map(str, sorted(shapes))) or 'none'}.")
    crop = (..., *(crop or (slice(None), slice(None))))
    errors = [[one if one is None else one[crop] for one in maps(frames, clip)] if clip else [None] * len(frames)
              for frames in videos.values()]
    videos = {name: frames[crop] for name, frames in videos.items()}
    count, _, height, width = next(iter(videos.values())).shape
    data = {
        "names": list(videos), "inks": [ink(name) for name in videos], "size": [width, height], "rate": frame_rate,
        "frames": [[webp(frame, 65) for frame in frames] for frames in videos.values()],
        "errors": [[one if one is None else webp(one, 60) for one in film] for film in errors],
        "caption": CAPTION + (OF_ERRORS if clip else ""),
    }
    middle = {name: frames[count // 2:count // 2 + 1] for name, frames in videos.items()}
    alt = f"A frame of each film: {', '.join(videos)}. Where the page runs, a player of all their frames."
    return page("flicker", data, side_by_side(middle, min(len(videos), 3)), alt)


def maps(frames: torch.Tensor, clip: Clip) -> list[torch.Tensor | None]:
    """How far each frame is from the next one, (1, H, W) from 0 to 1; the last has none after it."""
    motion, frames = clip.forward.to("cpu"), frames.cpu()
    pairs = zip(frames[1:], frames[:-1], motion.flows, motion.masks, strict=True)
    found = [error_map(torch.stack((after, now)), flow[None], mask[None]) for after, now, flow, mask in pairs]
    return [(one / BRIGHTEST).clamp(0, 1) for one in found] + [None]
