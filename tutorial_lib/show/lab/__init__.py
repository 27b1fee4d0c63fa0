"""The lambda lab as a widget: its sliders, a film painted at once, and what to expect of the network."""

from collections.abc import Mapping
from pathlib import Path

import anywidget
import torch
import traitlets

from tutorial_lib import evaluation
from tutorial_lib.data.clips import Clip
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation.scores import Judge
from tutorial_lib.lambdas import Lambdas
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.show import figures, viewers
from tutorial_lib.show.widgets import jpeg

HERE = Path(__file__).parent


class LambdaMixer(anywidget.AnyWidget):
    """Sliders over the lambdas of Eq. 13. At every move the students that were trained next to it are mixed and paint.

    One frame at a time is under way between page and kernel. `paint` and `measure` are what sliders and buttons call.
    """

    _esm = (viewers.HERE / "base.js").read_text() + (HERE / "lab.js").read_text()
    _css = (viewers.HERE / "viewers.css").read_text()
    data = traitlets.Dict().tag(sync=True)      # what does not change: the axes, the film's size, the known networks

    def __init__(
        self, lambdas: Lambdas, film: Clip, judge: PerceptualLoss | Judge, units: Mapping[str, float],
        presets: Mapping[str, Mapping[str, float]], known: Mapping[str, Mapping[str, float]] | None = None,
        error: str = "", rate: int = 12,
    ):
        """What is shown.

        units: {axis: its setting at strength 1}. presets: {a button's label: its strengths}. known: further networks
        beside those of the record, {name: scores}. error: how far mixtures are from trained students, in words.
        """
        self.lambdas, self.film, self.judge = lambdas, film, judge
        self._mixed: tuple[dict, torch.nn.Module] | None = None
        record = lambdas.record
        known = {**record["zoo"], **(known or {})}
        super().__init__(data={
            "axes": {key: {"label": key, "setting": lambdas.settings[key], "unit": units[key], "origin": axis.origin,
                           "strengths": [end for end in axis.strengths if end]} for key, axis in lambdas.axes.items()},
            "size": [film.frames.shape[-1], film.frames.shape[-2]], "frames": len(film.frames), "rate": rate,
            "presets": {label: dict(strengths) for label, strengths in presets.items()}, "origin": record["origin"],
            "known": {name: {**row, "colour": figures.colour(name)} for name, row in known.items()}, "error": error,
        })
        self.on_msg(self._asked)

    def network(self, strengths: Mapping[str, float]) -> torch.nn.Module:
        """The mixture at these strengths; the last one is remembered."""
        wanted = dict(strengths)
        if self._mixed is None or self._mixed[0] != wanted:
            self._mixed = wanted, self.lambdas.network(wanted)
        return self._mixed[1]

    @torch.inference_mode()
    def paint(self, strengths: Mapping[str, float], frame: int) -> torch.Tensor:
        """A frame of the film, (1, 3, H, W)."""
        return self.network(strengths)(self.film.frames[frame:frame + 1])

    @torch.inference_mode()
    def measure(self, strengths: Mapping[str, float]) -> evaluation.Score:
        """The mixture's scores on the film of the lab."""
        return evaluation.score("mixed", self.network(strengths)(self.film.frames), self.film, self.judge)

    def _asked(self, _widget: object, message: Mapping, _buffers: object = None) -> None:
        try:
            if message["kind"] == "measure":
                row = self.measure(message["strengths"])
                words = f"e_stab {row.e_stab:.4f}, style {row.style:.3f}, content {row.content:.3f}"
                self.send({"kind": "measured", "words": words})
            else:
                strengths = message["strengths"]
                picture = jpeg(self.paint(strengths, message["frame"]))
                answer = {"estimate": self.lambdas.estimated(strengths), "pull": self.lambdas.pull(strengths)}
                self.send({"kind": "painted", "number": message["number"], "frame": message["frame"], **answer},
                          [picture])
        except TutorialError as problem:
            self.send({"kind": "problem", "sentence": str(problem)})
        except Exception as problem:       # a widget's callback has no reader but the widget
            self.send({"kind": "problem", "sentence": f"{type(problem).__name__}: {problem}"})
