"""The flow viewer: a pixel under the reader's finger, where its flow takes it, the warp and the mask."""

import base64

import numpy as np
import torch
from IPython.display import HTML

from tutorial_lib.flow.warp import check_flow, warp
from tutorial_lib.show.players import side_by_side
from tutorial_lib.show.viewers import page, webp

CAPTION = ("Drag over a picture, or move the sliders: orange is the pixel, the line its flow, and the dot at its end "
           "is green where the pixel can be followed and red where it cannot.")
ALT = ("Frame t, the frame before it, that one warped by the flow, and the mask. Where the page runs, each pixel can "
       "be followed.")
FINEST = 64           # parts of a pixel in which the flow is kept


def flow_viewer(current: torch.Tensor, previous: torch.Tensor, flow: torch.Tensor, mask: torch.Tensor,
                start: tuple[int, int] | None = None) -> HTML:
    """Frame t and the one before it, (1, 3, H, W), with the backward flow on frame t and its mask.

    flow: (1, 2, H, W), in pixels. mask: (1, 1, H, W). start: column and row of the pixel at first, else the fastest of
    those that can be followed.
    Raises: TutorialError when their sizes differ.
    """
    check_flow(previous, flow)
    height, width = flow.shape[-2:]
    if start is None:
        fastest = int((flow.norm(dim=1) * mask[:, 0]).argmax())
        start = fastest % width, fastest // width
    shown = {"frame t": current, "frame t-1": previous, "frame t-1, warped": warp(previous, flow),
             "the mask": mask.expand(-1, 3, -1, -1)}
    parts = (flow[0].permute(1, 2, 0) * FINEST).round().clamp(-(2**15), 2**15 - 1).cpu().numpy().astype("<i2")
    data = {
        "names": list(shown), "size": [width, height], "start": list(start), "caption": CAPTION,
        "pictures": [webp(picture, 90) for picture in shown.values()],
        "flow": _text(parts), "mask": _text((mask[0, 0] > 0.5).cpu().numpy().astype(np.uint8)),
    }
    return page("flow", data, side_by_side(shown, 2), ALT)


def _text(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()
