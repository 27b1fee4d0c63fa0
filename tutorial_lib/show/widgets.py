"""Sliders that answer at once: every position is rendered beforehand and only swapped in."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import ipywidgets
import torch

from tutorial_lib.data.images import to_pixels


@dataclass(frozen=True)
class Position:
    """What a slider shows at one of its positions."""

    label: str                # on the slider
    frames: torch.Tensor      # (N, 3, H, W)
    text: str                 # under the picture


class LambdaLab(ipywidgets.VBox):
    """A slider over trained networks, one a lambda; a player runs through the frames of the one chosen.

    `slider.value` is the number of the position, `picture.value` the JPEG that is shown, `text.value` the words.
    Redrawing a figure takes a tenth of a second; swapping a JPEG takes less than one thousandth.
    """

    def __init__(self, name: str, positions: Sequence[Position]):
        self.positions = list(positions)
        self.jpegs = [[jpeg(frame) for frame in position.frames] for position in self.positions]
        frames = len(self.positions[0].frames)
        self.slider = ipywidgets.SelectionSlider(
            options=[(position.label, number) for number, position in enumerate(self.positions)],
            description=name, continuous_update=True, style={"description_width": "initial"},
        )
        self.frame = ipywidgets.IntSlider(0, 0, frames - 1, description="frame")
        repeat = "repeat" if hasattr(ipywidgets.Play, "repeat") else "_repeat"      # so in ipywidgets 7, Colab's
        self.player = ipywidgets.Play(min=0, max=frames - 1, interval=120, **{repeat: True})
        ipywidgets.jslink((self.player, "value"), (self.frame, "value"))
        # In its own size: a column would otherwise stretch it across the page.
        self.picture = ipywidgets.Image(format="jpeg", layout={"align_self": "flex-start", "max_width": "100%"})
        self.text = ipywidgets.HTML()
        self.slider.observe(self.update, names="value")
        self.frame.observe(self.update, names="value")
        self.update()
        controls = ipywidgets.HBox([self.player, self.frame])
        super().__init__([self.slider, self.picture, self.text, controls])

    def update(self, _change: object = None) -> None:
        self.picture.value = self.jpegs[self.slider.value][self.frame.value]
        self.text.value = self.positions[self.slider.value].text


def jpeg(frame: torch.Tensor, quality: int = 90) -> bytes:
    """(1, 3, H, W) or (3, H, W) as a JPEG file."""
    return cv2.imencode(".jpg", to_pixels(frame)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
