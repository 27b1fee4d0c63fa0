"""A real training beside the mixtures: Algorithm 1 at the sliders' lambdas, in a thread; the kernel stays usable."""

import copy
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from tutorial_lib import training
from tutorial_lib.errors import TutorialError
from tutorial_lib.lambdas import for_size
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.settings import Settings
from tutorial_lib.training.loop import Progress
from tutorial_lib.training.targets import FrozenTargets

SHOWN = 1.0          # seconds of steps between two looks at the student, and the longest that `stop` takes
LONGEST = 600        # seconds of one training
MOST = 1_000_000     # its steps
PATIENCE = 10.0      # seconds for which `close` waits


@dataclass(frozen=True)
class Report:
    """Where a training is. history: the unweighted terms of every step. problem: what ended it, if anything did."""

    strengths: Mapping[str, float]
    step: int = 0
    seconds: float = 0.0                # of training, without its pauses
    running: bool = False
    history: tuple[Mapping[str, float], ...] = ()
    student: nn.Module | None = None
    problem: str = ""


class TrainHere:
    """Fine-tunes the plain student by the library's own `training.distill`, piece by piece, in a thread of its own.

    Between two pieces of about a second it looks whether it is to stop; the checkpoint holds everything that the next
    piece needs, so a training that was stopped goes on as if it had not been.
    """

    def __init__(self, start: nn.Module, targets: FrozenTargets, judge: PerceptualLoss, settings: Settings,
                 size: tuple[int, int] | None = None):
        """What it trains.

        start: the plain student. targets: of its clips, by that very student. judge: of the style that it is trained
        in. settings: those of the clips; their lambdas and the weights of Eq. 1 are the sliders'. size: height and
        width of the frames to which the sliders' lambda_rank belongs, where these clips have others.
        """
        self.plain, self.targets, self.settings, self.size = start, targets, settings, size
        self.judge = copy.deepcopy(judge).to(next(start.parameters()).device)
        self.report: Report | None = None
        self.tell: Callable[[Report], None] = lambda report: None
        self._lock, self._stop, self._thread = threading.RLock(), threading.Event(), None
        self._folder = tempfile.TemporaryDirectory(prefix="train-here-")
        self._weights: dict[str, float] = {}

    # --- the buttons ---

    def start(self, strengths: Mapping[str, float], weights: Mapping[str, float], seconds: float = LONGEST,
              steps: int | None = None) -> None:
        """Begins anew, for some seconds or, if that is sooner, some steps. weights: of Eq. 13, by their settings.

        Raises: TutorialError for a time that is none, or while one runs.
        """
        with self._lock:
            self._refuse_if_running()
            self.reset()
            self._weights, self.report = dict(weights), Report(dict(strengths))
            self.go_on(seconds, steps)

    def go_on(self, seconds: float = LONGEST, steps: int | None = None) -> None:
        """Trains on from where it is, as long as `start`. Raises: TutorialError as `start`, and where nothing began."""
        with self._lock:
            self._refuse_if_running()
            if self.report is None:
                raise TutorialError("Nothing was trained yet that could go on; begin a training first.")
            if not 0 < seconds <= LONGEST:
                raise TutorialError(f"A training takes from 1 to {LONGEST} seconds, not {seconds:g}.")
            self._stop = threading.Event()
            self.report = replace(self.report, running=True, problem="")
            self._thread = threading.Thread(
                target=self._run, args=(self._stop, seconds, steps), name="train-here", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Asks it to stop; it does so after the piece that it is at."""
        self._stop.set()

    def reset(self) -> None:
        """Forgets what was trained. Raises: TutorialError while it runs."""
        with self._lock:
            self._refuse_if_running()
            self.report = None
            self._path.unlink(missing_ok=True)

    def wait(self, seconds: float | None = None) -> None:
        """Until it does not train any more."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def close(self) -> None:
        self.stop()
        self.wait(PATIENCE)

    def adapted(self, weights: Mapping[str, float]) -> Settings:
        """The settings of a training with these weights of Eq. 13."""
        here = self.settings.height, self.settings.width
        return self.settings.but(**{
            name: for_size(value, self.size or here, here) if name == "lambda_rank" else value
            for name, value in weights.items()})

    @property
    def running(self) -> bool:
        return self.report is not None and self.report.running

    def _refuse_if_running(self) -> None:
        if self.running:
            raise TutorialError("A training is under way; stop it first.")

    # --- in the thread ---

    @property
    def _path(self) -> Path:
        return Path(self._folder.name, "training.safetensors")

    def _run(self, stop: threading.Event, seconds: float, steps: int | None) -> None:
        try:
            self._train(stop, seconds, steps)
            problem = ""
        except Exception as error:
            problem = str(error) if isinstance(error, TutorialError) else f"{type(error).__name__}: {error}"
        with self._lock:
            self.report = replace(self.report, running=False, problem=problem)
        self.tell(self.report)

    def _train(self, stop: threading.Event, seconds: float, most: int | None) -> None:
        settings = self.adapted(self._weights)
        perceptual = PerceptualLoss(self.judge.features, self.judge.target, settings.content_weight,
                                    settings.style_weight, settings.tv_weight)
        before, begun, piece = self.report.seconds, time.monotonic(), 1
        left = most if most is not None else MOST
        history: list[Mapping[str, float]] = [*self.report.history]

        def after_step(progress: Progress) -> None:
            history.append(progress.terms)

        while not stop.is_set() and left and time.monotonic() - begun < seconds:
            # Without a first piece of one step, nobody would know how many a second has.
            piece = min(piece, left)
            left -= piece
            started, steps = time.monotonic(), self.report.step + piece
            student, _ = training.distill(self.plain, self.targets, perceptual, settings, steps=steps, path=self._path,
                                          save_every=steps, callback=after_step, bar=False)
            took = (time.monotonic() - started) / piece
            self.report = replace(
                self.report, step=steps, seconds=before + time.monotonic() - begun, history=tuple(history),
                student=student.requires_grad_(False))
            self.tell(self.report)
            piece = max(1, int(min(SHOWN, seconds) / took))
