"""The lambda lab as a widget: sliders, a film painted at once, what to expect of the network, and a real training."""

import secrets
from collections.abc import Mapping
from pathlib import Path

import anywidget
import torch
import traitlets
from IPython.display import HTML, display

from tutorial_lib import evaluation
from tutorial_lib.data.clips import Clip
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation.scores import Judge, device_of
from tutorial_lib.lambdas import SCORES, Lambdas
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.show import figures, viewers
from tutorial_lib.show.lab import still
from tutorial_lib.show.lab.train_here import Report, TrainHere
from tutorial_lib.show.widgets import jpeg

HERE = Path(__file__).parent


class LambdaMixer(anywidget.AnyWidget):
    """Sliders over the lambdas of Eq. 13. At every move the students that were trained next to it are mixed and paint.

    One frame at a time is under way between page and kernel. `paint` and `measure` are what sliders and buttons call;
    `train_here` trains in a thread. Where no widget runs, a picture of the same thing stands in its place.
    """

    _esm = "".join((folder / name).read_text(encoding="utf-8") for folder, name in (
        (viewers.HERE, "base.js"), (HERE, "strengths.js"), (HERE, "train.js"), (HERE, "lab.js")))
    _css = (viewers.HERE / "viewers.css").read_text(encoding="utf-8")
    data = traitlets.Dict().tag(sync=True)      # what does not change: the axes, the film's size, the known networks

    def __init__(
        self, lambdas: Lambdas, film: Clip, judge: PerceptualLoss | Judge,
        presets: Mapping[str, Mapping[str, float]] | None = None,
        known: Mapping[str, Mapping[str, float]] | None = None, error: str | None = None, rate: int = 12,
        train_here: TrainHere | None = None,
    ):
        """What is shown; what is not given is the lab's own.

        lambdas: with scores. presets: {a button's label: its strengths}. known: further networks beside those of the
        record, {name: scores}. error: how far mixtures are from trained students, in words. train_here: what a button
        trains.
        Raises: TutorialError for a lab without scores.
        """
        if not lambdas.is_scored:
            raise TutorialError("This lab has no scores yet; measure them with its method `scored`.")
        self.lambdas, self.film, self.judge, self.trainer = lambdas, film, judge, train_here
        self._mixed: tuple[dict, torch.nn.Module] | None = None
        self._usual: dict[str, float] | None = None
        self._frame = len(film.frames) // 2
        record = lambdas.record
        presets = lambdas.presets if presets is None else presets
        if lambdas.alone:       # what moves two sliders shows a mixture
            presets = {label: strengths for label, strengths in presets.items() if len(strengths) < 2}
        known = {**record["zoo"], **(known or {})}
        super().__init__(data={
            "axes": lambdas.described,
            "size": [film.frames.shape[-1], film.frames.shape[-2]], "frames": len(film.frames), "rate": rate,
            "presets": {label: dict(strengths) for label, strengths in presets.items()}, "origin": record["origin"],
            "known": {name: {**row, "colour": figures.colour(name)} for name, row in known.items()},
            "error": lambdas.words if error is None else error, "alone": lambdas.alone, "fails": lambdas.fails,
            "trains": train_here is not None, "still": f"lab-{secrets.token_hex(5)}",
        })
        self.on_msg(self._asked)
        if train_here is not None:
            train_here.tell = self._trained

    def network(self, strengths: Mapping[str, float]) -> torch.nn.Module:
        """The mixture at these strengths; the last one is remembered."""
        wanted = dict(strengths)
        if self._mixed is None or self._mixed[0] != wanted:
            self._mixed = wanted, self.lambdas.network(wanted)
        return self._mixed[1]

    @torch.inference_mode()
    def paint(self, strengths: Mapping[str, float], frame: int) -> torch.Tensor:
        """A frame of the film, (1, 3, H, W)."""
        return self._painted(self.network(strengths), slice(frame, frame + 1))

    @torch.inference_mode()
    def measure(self, strengths: Mapping[str, float]) -> evaluation.Score:
        """The mixture's scores on the film of the lab."""
        return self._scored("mixed", self.network(strengths))

    def placed(self, row: evaluation.Score) -> dict[str, float]:
        """Scores on this film as a point among those of the record, which were measured on other films.

        What counts is the change against the start: its scores here are put where its scores there are.
        """
        if self._usual is None:
            usual = self._scored("start", self.lambdas.start)
            self._usual = {name: getattr(usual, name) for name in SCORES}
        return {name: self.lambdas.record["origin"][name] * getattr(row, name) / self._usual[name] for name in SCORES}

    def close(self) -> None:
        """Ends the training, if there is one, and takes the widget off the page."""
        if getattr(self, "trainer", None) is not None:      # ipywidgets closes what never came to be, too
            self.trainer.close()
        super().close()

    def still(self) -> HTML:
        """The same thing for a page on which no widget runs: its presets, painted now, and where they lie."""
        presets, frame = self.data["presets"], self.data["frames"] // 2
        painted = {label: self.paint(strengths, frame) for label, strengths in presets.items()}
        points = {label: self.lambdas.estimated(strengths) for label, strengths in presets.items()}
        return still.picture(self.data, painted, points)

    def _ipython_display_(self, **_options: object) -> None:
        """First the picture, which the widget takes away when it comes to life; so one of them is there anywhere."""
        display(self.still())
        bundle = self._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        display(data, metadata=metadata, raw=True)

    @torch.inference_mode()
    def _painted(self, network: torch.nn.Module, frames: slice) -> torch.Tensor:
        place = device_of(network)
        return network(self.film.frames[frames].to(place)).cpu()

    @torch.inference_mode()
    def _scored(self, name: str, network: torch.nn.Module) -> evaluation.Score:
        return evaluation.score(name, self._painted(network, slice(None)), self.film, self.judge)

    # --- what the page asks ---

    def _asked(self, _widget: object, message: Mapping, _buffers: object = None) -> None:
        try:
            kind = message["kind"]
            if kind == "measure":
                row = self.measure(message["strengths"])
                words = f"e_stab {row.e_stab:.4f}, style {row.style:.3f}, content {row.content:.3f}"
                self.send({"kind": "measured", "words": words, "point": self.placed(row)})
            elif kind == "train":
                strengths = message["strengths"]
                self.trainer.start(strengths, self.lambdas.at(strengths), message["seconds"])
            elif kind == "go on":
                self.trainer.go_on(message["seconds"])
            elif kind == "stop":
                self.trainer.stop()
            elif kind == "reset":
                self.trainer.reset()
            else:
                strengths, self._frame = message["strengths"], message["frame"]
                picture = jpeg(self.paint(strengths, message["frame"]))
                answer = {"estimate": self.lambdas.estimated(strengths), "pull": self.lambdas.pull(strengths)}
                self.send({"kind": "painted", "number": message["number"], "frame": message["frame"], **answer},
                          [picture])
        except TutorialError as problem:
            self._complain(message, str(problem))
        except Exception as problem:       # a widget's callback has no reader but the widget
            self._complain(message, f"{type(problem).__name__}: {problem}")

    def _complain(self, message: Mapping, sentence: str) -> None:
        trains = message.get("kind") in ("train", "go on", "stop", "reset")
        self.send({"kind": "training problem" if trains else "problem", "sentence": sentence})

    # --- what the training tells, in its thread ---

    def _trained(self, report: Report) -> None:
        try:
            self.send(*self._told(report))
        except Exception as problem:        # in the training's thread, where nobody would see it
            self.send({"kind": "training problem", "sentence": f"{type(problem).__name__}: {problem}"})

    def _told(self, report: Report) -> tuple[dict, list[bytes]]:
        """A message and its pictures: where the training is, and what its student paints."""
        names = list(dict.fromkeys(name for terms in report.history for name in terms))
        told = {"kind": "training", "running": report.running, "step": report.step, "seconds": report.seconds,
                "terms": {name: [terms[name] for terms in report.history] for name in names},
                "strengths": dict(report.strengths), "problem": report.problem}
        if report.student is None:
            return told, []
        if not report.running:
            told["point"] = self.placed(self._scored("trained here", report.student))
        return told, [jpeg(self._painted(report.student, slice(self._frame, self._frame + 1)))]
