"""Live in the notebook: a film or a camera, and beside it what a network paints, while the kernel stays usable."""

import contextlib
import html
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import torch

from tutorial_lib import engines, settings, zoo
from tutorial_lib.data.images import fit_longer_side
from tutorial_lib.data.playing import Camera, NoCamera, looped, rendered_film
from tutorial_lib.data.video import open_video
from tutorial_lib.errors import TutorialError
from tutorial_lib.papers import ROLES
from tutorial_lib.papers.ofd.roles import LAB, OURS, POCKET
from tutorial_lib.show.widgets import jpeg
from tutorial_lib.stylize import LARGEST, SMALLEST, stylize_frames
from tutorial_lib.threads import ahead

NO_CAMERA = "No camera found on this machine; here is a film instead."
QUALITY = 85         # of the JPEGs
GAP = 4              # white pixels between input and painted
SMOOTHED = 2.0       # seconds over which the frames a second are averaged
EVERY = 0.5          # seconds between two new labels
PATIENCE = 2.0       # seconds for which `stop` waits; the measurement of the engines takes longer
ASK = 0.25           # seconds between two questions to the browser whether it still keeps up
BEHIND = 0.5         # seconds without an answer, after which it does not
LOST = 5.0           # seconds without an answer, after which it is asked again

Source = str | Path | int

_EVERY_LIVE: "weakref.WeakSet[Live]" = weakref.WeakSet()


def live(
    source: Source | None = None,
    style: str | None = None,
    network: str | Path | None = None,
    size: int = 640,
    engine: str = "auto",
    film: str | Path | None = None,
) -> "Live":
    """Paints a film or a camera while it plays: input and painted side by side, in a notebook.

    source: a video file or a folder of pictures, played in a loop; "camera" or the number of a camera of the machine
    on which the kernel runs; None for a rendered scene. style, network: what is painted with at first: a style and a
    role of the zoo, or any network by its name or path. size: frames are shrunk until their longer side is no longer.
    engine: one of `engines.NEEDS`, or "auto" for the fastest here. film: what is played where there is no camera,
    instead of the rendered scene.
    Raises: TutorialError for a style, a network, an engine or a size that is not there. What happens later is said in
    the widget.
    """
    shown = Live(source, style, network, size, engine, film)
    shown.start()
    return shown


class Live(ipywidgets.VBox):
    """What `live` shows. Only one plays at a time: where another starts, this one stops, and frees its camera.

    `style_choice` and `network_choice` may be changed while it runs; `picture.value` is the JPEG that is shown,
    `label.value` the words, `error` what ended it, if anything did.
    """

    def __init__(
        self, source: Source | None, style: str | None, network: str | Path | None, size: int, engine: str,
        film: str | Path | None = None,
    ):
        if not SMALLEST <= size <= LARGEST:
            raise TutorialError(f"Frames cannot be {size} pixels wide; use a size from {SMALLEST} to {LARGEST}.")
        if engine != "auto":
            engines.check(engine, settings.device().type)
        self.source, self.film, self.size, self.engine, self.error = source, film, size, engine, None
        self._own, self._networks = None, _that_paint()
        style, role = self._first(style, network)
        self._asked = role              # of the lambda lab's many students, only the one that was asked for is offered
        self._lock, self._stop, self._thread = threading.RLock(), _ended(), None
        self._fastest: dict[tuple, str] = {}
        self.style_choice = ipywidgets.Dropdown(options=[*self._networks], value=style, description="style")
        self.network_choice = ipywidgets.Dropdown(
            options=self._offered(style), value=role, description="network", layout={"width": "auto"})
        self.button = ipywidgets.Button()
        self.label = ipywidgets.HTML()
        # In its own size: a column would otherwise stretch it across the page.
        self.picture = ipywidgets.Image(format="jpeg", layout={"align_self": "flex-start", "max_width": "100%"})
        self._browser = _Browser()
        self._choose()
        self.style_choice.observe(self._offer, "value")
        self.network_choice.observe(self._choose, "value")
        self.button.on_click(lambda _button: self.stop() if self.running else self.start())
        self._show_state("")
        controls = ipywidgets.HBox(
            [self.style_choice, self.network_choice, self.button], layout={"flex_flow": "row wrap"})
        super().__init__([controls, self.label, self.picture])
        _EVERY_LIVE.add(self)

    # --- the button ---

    @property
    def running(self) -> bool:
        return not self._stop.is_set()

    def start(self) -> None:
        """Plays, in a thread; every other one of this kernel stops."""
        for other in list(_EVERY_LIVE):
            if other is not self:
                other.stop()
        # A click may come in any thread: JupyterLab's newer kernels answer widgets beside the cells.
        with self._lock:
            if self.running:
                return
            self._stop, self.error = threading.Event(), None
            self._show_state("Starting ...")
            self._thread = threading.Thread(
                target=self._run, args=(self._stop, self._thread), name="live", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stops, frees the camera and waits for the thread; one that is measuring ends soon afterwards."""
        with self._lock:
            if self.running:
                self._stop.set()
                self._show_state("Stopped.")
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(PATIENCE)

    def close(self) -> None:
        """Stops, and takes the widget off the page."""
        if hasattr(self, "_thread"):       # ipywidgets closes what is thrown away, also what never came to be
            self.stop()
            _EVERY_LIVE.discard(self)
            self._browser.close()
        super().close()

    def _show_state(self, text: str) -> None:
        self.label.value = html.escape(text)
        self.button.description, self.button.icon = ("Stop", "stop") if self.running else ("Start", "play")

    # --- what is chosen ---

    def _first(self, style: str | None, network: str | Path | None) -> tuple[str, str]:
        """The style and the network to begin with."""
        name, role = str(network or ""), ""
        if name in ROLES:
            role = name
        elif name in zoo.names() and all(zoo.split(name)):
            style, role = zoo.split(name)
        elif name:
            role = self._own = str(zoo.path_of(name))       # which stays on offer in every style
        style = style or settings.style()
        if self._own and style not in self._networks:
            style = next(iter(self._networks), style)
        if style not in self._networks:
            raise TutorialError(f"There is no network for the style {style!r}; there are some for: "
                                f"{', '.join(self._networks) or '(none yet)'}.")
        if role and role not in (self._own, *self._networks[style]):
            raise TutorialError(f"There is no {role} for the style {style!r}, but {', '.join(self._networks[style])}.")
        return style, role or _best(self._networks[style])

    def _offered(self, style: str) -> list[tuple[str, str]]:
        """(label, value) of the networks of a style."""
        own = [(Path(self._own).stem, self._own)] if self._own else []
        shown = [role for role in self._networks[style] if role not in LAB or role == self._asked]
        return own + [(ROLES[role].label, role) for role in shown]

    def _offer(self, _change: object) -> None:
        """Another style: the same role there, if there is one."""
        style, role = self.style_choice.value, self.network_choice.value
        self.network_choice.unobserve(self._choose, "value")       # new options choose the first of them for a moment
        self.network_choice.options = self._offered(style)
        known = role == self._own or role in self._networks[style]
        self.network_choice.value = role if known else _best(self._networks[style])
        self.network_choice.observe(self._choose, "value")
        self._choose()

    def _choose(self, _change: object = None) -> None:
        style, role = self.style_choice.value, self.network_choice.value
        self._chosen = role if role == self._own else f"{style}-{role}"

    # --- in the thread ---

    def _run(self, stop: threading.Event, former: threading.Thread | None) -> None:
        """Paints until it is stopped; an error becomes a sentence."""
        with contextlib.ExitStack() as freed_at_the_end:
            try:
                if former is not None:
                    former.join()
                if not stop.is_set():
                    self._play(*self._open(stop, freed_at_the_end), stop)
            except Exception as error:
                sentence = str(error) if isinstance(error, TutorialError) else f"{type(error).__name__}: {error}"
                self._end(stop, sentence, error)

    def _end(self, stop: threading.Event, sentence: str, error: Exception) -> None:
        with self._lock:
            if not stop.is_set():
                stop.set()
                self.error = error
                self._show_state(f"Stopped: {sentence}")

    def _open(
        self, stop: threading.Event, freed_at_the_end: contextlib.ExitStack
    ) -> tuple[Iterator[torch.Tensor], str]:
        """The frames of the source, and what is to be said of it."""
        source, note = self.source, ""
        if source == "camera" or isinstance(source, int):
            try:
                camera = Camera(0 if source == "camera" else source, stop)
                freed_at_the_end.callback(camera.close)
                return camera.frames(), note
            except NoCamera:
                source, note = self.film, NO_CAMERA
        video = open_video(source) if source is not None else rendered_film(self.size)
        # The next frame is decoded while this one is painted.
        return freed_at_the_end.enter_context(contextlib.closing(ahead(looped(video, stop), most=1))), note

    def _play(self, frames: Iterator[torch.Tensor], note: str, stop: threading.Event) -> None:
        name, painter, rate = None, None, _Rate()
        for frame in frames:
            frame = _shrunk(frame, self.size).to(settings.device())
            if self._chosen != name:
                name = self._chosen
                painter = self._painter(name, frame, note, stop)
                rate = _Rate()
            both = jpeg(_side_by_side(frame, painter(frame)), QUALITY)
            self._browser.wait(stop)
            if stop.is_set():
                return
            self.picture.value = both
            self._browser.ask()
            if rate.counted():
                height, width = frame.shape[-2:]
                self._say(stop, f"{note} {rate.value:.1f} frames a second, {width}x{height}, {painter.engine}.")

    def _painter(self, name: str, frame: torch.Tensor, note: str, stop: threading.Event) -> "_Painter":
        """A network in the engine that is wanted, or the fastest."""
        self._say(stop, f"{note} Loading {Path(name).stem} ...")
        network = zoo.load(name).to(frame.device)
        if self.engine != "auto" or min(frame.shape[-2:]) < SMALLEST:
            return _Painter(engines.start(network, "torch" if self.engine == "auto" else self.engine))
        # Networks of the same layers are equally fast; only how near an engine comes depends on the weights.
        kind = (str(network.configuration), frame.shape)
        if kind in self._fastest:
            engine = engines.start(network, self._fastest[kind])
            if engines.is_near(engine, network, frame.shape[-2:]):
                return _Painter(engine)
        self._say(stop, f"{note} Measuring engines for {Path(name).stem}, once ...")
        self._fastest[kind] = engines.fastest(network, frame.shape[-2:])
        return _Painter(engines.start(network, self._fastest[kind]))

    def _say(self, stop: threading.Event, text: str) -> None:
        with self._lock:
            if not stop.is_set():
                self.label.value = html.escape(text.strip())


class _Painter:
    """A network in an engine; one with flow remembers the frame before."""

    def __init__(self, engine: engines.Engine):
        self.engine, self._frame = engine.name, None
        self._painted = stylize_frames(engine, self._frames())

    def __call__(self, frame: torch.Tensor) -> torch.Tensor:
        self._frame = frame
        return next(self._painted)

    def _frames(self) -> Iterator[torch.Tensor]:
        while True:
            yield self._frame


class _Rate:
    """Frames a second, over the last few."""

    def __init__(self):
        self.value, self._times, self._told = 0.0, deque(), time.monotonic()

    def counted(self) -> bool:
        """After each picture: whether it is time to say `value` again."""
        now = time.monotonic()
        self._times.append(now)
        while len(self._times) > 2 and self._times[0] < now - SMOOTHED:
            self._times.popleft()
        if len(self._times) < 2 or now < self._told + EVERY:
            return False
        self.value, self._told = (len(self._times) - 1) / (now - self._times[0]), now
        return True


class _Browser:
    """Whether the browser keeps up. Pictures that it has no time for would wait on the way, more and more of them.

    It copies a number into another widget, which comes back to the kernel. One that never does so is not waited for.
    """

    def __init__(self):
        self.asked, self.answer = ipywidgets.IntText(), ipywidgets.IntText()
        self._link = ipywidgets.jsdlink((self.asked, "value"), (self.answer, "value"))
        self._answered, self._asked_at = threading.Event(), 0.0
        self.answer.observe(lambda _change: self._answered.set(), "value")

    def ask(self) -> None:
        """After a picture was sent."""
        if time.monotonic() > self._asked_at + (LOST if self._is_open() else ASK):
            self._answered.clear()
            self._asked_at = time.monotonic()
            self.asked.value += 1

    def wait(self, stop: threading.Event) -> None:
        """Before a picture is sent. Not for long: a kernel that computes something else answers late, too."""
        if self.answer.value and self._is_open() and time.monotonic() > self._asked_at + BEHIND and not stop.is_set():
            self._answered.wait(ASK)

    def close(self) -> None:
        for widget in (self._link, self.asked, self.answer):
            widget.close()

    def _is_open(self) -> bool:
        return self.answer.value != self.asked.value


def _that_paint() -> dict[str, list[str]]:
    """{style: the roles of its networks}, of the zoo."""
    found: dict[str, list[str]] = {}
    for style, role in map(zoo.split, zoo.names()):
        if style and role:
            found.setdefault(style, []).append(role)
    return found


def _best(roles: list[str]) -> str:
    """The one for real time, where it is there."""
    return next((role for role in (POCKET, OURS) if role in roles), roles[0])


def _shrunk(frame: torch.Tensor, size: int) -> torch.Tensor:
    return fit_longer_side(frame, size) if max(frame.shape[-2:]) > size else frame


def _side_by_side(frame: torch.Tensor, painted: torch.Tensor) -> torch.Tensor:
    return torch.cat((frame, torch.ones_like(frame[..., :GAP]), painted), 3)


def _ended() -> threading.Event:
    event = threading.Event()
    event.set()
    return event
