"""Pictures as time goes by: a film in a loop, or what a camera sees now. Where the painter is slow, none pile up."""

import functools
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch

from tutorial_lib.data.images import to_pixels, to_tensor
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.data.video import Skip, Video, VideoFrame
from tutorial_lib.errors import TutorialError

PATIENCE = 0.25      # seconds for which frames are left out to catch up with the clock; after that, the clock waits
MISSES = 3           # pictures that a camera may fail to send, one after the other
SCENE, SCENE_FRAMES, SCENE_RATE, SCENE_WIDTH = "alley_2", 48, Fraction(24), 640


class NoCamera(TutorialError):
    """There is no such camera, or it sends nothing."""


# --- a film ---


def looped(video: Video, stop: threading.Event) -> Iterator[torch.Tensor]:
    """The frames (1, 3, H, W) of a video, again and again, each when its time has come, until `stop` is set.

    Frames whose time is over when the next one is asked for are left out. Only one frame is held at a time. A film
    that cannot be decoded as fast as it should be played is played more slowly.
    """
    clock = _Clock(1 / float(video.frame_rate), stop)
    while True:
        for frame in video.frames(skip=clock.is_over):
            clock.wait_for(frame.time)
            if stop.is_set():
                return
            yield frame.image
            clock.asked = time.monotonic()
        clock.next_round()


class _Clock:
    """When the frames of a film are due."""

    def __init__(self, step: float, stop: threading.Event):
        self.step, self.stop = step, stop
        self.began = self.asked = time.monotonic()
        self.length = step        # of the film, as far as it has been seen

    def is_over(self, moment: Fraction) -> bool:
        """Whether the time of a frame has passed, and there is still hope to catch up."""
        self.length = float(moment) + self.step
        return time.monotonic() > self.began + self.length and not self._impatient() and not self.stop.is_set()

    def wait_for(self, moment: Fraction) -> None:
        early = self.began + float(moment) - time.monotonic()
        if early > 0:
            self.stop.wait(early)
        elif self._impatient():
            self.began -= early

    def next_round(self) -> None:
        """Starts the film again; where whole rounds were missed, in the middle of the one that is on."""
        self.began += self.length * max(1, int((time.monotonic() - self.began) / self.length))

    def _impatient(self) -> bool:
        return time.monotonic() > self.asked + PATIENCE


@functools.lru_cache(maxsize=1)
def rendered_film(size: int = SCENE_WIDTH) -> Video:
    """A rendered scene, forth and back, as a video without a file; its longer side is at most `size`.

    A frame is rendered when it is first asked for, and then kept: all of them together take 33 MB at 640 pixels.
    """
    width = min(max(size, 32), SCENE_WIDTH)
    height = round(width * 9 / 16)
    scene = test_scene(SCENE, height, width, SCENE_FRAMES)
    numbers = [*range(SCENE_FRAMES), *range(SCENE_FRAMES - 2, 0, -1)]
    rendered: dict[int, np.ndarray] = {}

    def frames(start: int, skip: Skip) -> Iterator[VideoFrame]:
        for place, number in list(enumerate(numbers))[start:]:
            moment = place / SCENE_RATE
            if not skip(moment):
                if number not in rendered:
                    rendered[number] = to_pixels(scene.frame(number))
                yield VideoFrame(to_tensor(rendered[number]), moment)

    return Video(Path(SCENE), height, width, SCENE_RATE, len(numbers), Fraction(1), False, frames)


# --- a camera ---


class Camera:
    """A camera of this machine, until `stop` is set: then it is free for others.

    It is read all the time, in a thread of its own: a camera that is read only now and then hands out what has waited
    in its buffer, and that is old.
    Raises: NoCamera when there is none of this number, or it sends nothing.
    """

    def __init__(self, number: int, stop: threading.Event):
        self.number, self._stop = number, stop
        self._capture = _quietly(lambda: cv2.VideoCapture(number))
        there, self._newest = self._read()
        if not there:
            self._capture.release()
            raise NoCamera(f"No camera {number} found on this machine.")
        self._is_over, self._changed = False, threading.Condition()
        self._reader = threading.Thread(target=self._watch, name="camera", daemon=True)
        self._reader.start()

    def frames(self) -> Iterator[torch.Tensor]:
        """Always the newest picture (1, 3, H, W), and none twice.

        Raises: TutorialError when the camera fails.
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._is_over)
                pixels, self._newest = self._newest, None
            if self._stop.is_set():
                return
            if pixels is None:
                raise TutorialError(
                    f"The camera {self.number} sends no more pictures; see whether it is plugged in, and start again."
                )
            yield to_tensor(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))

    def close(self, seconds: float = 2.0) -> None:
        """Frees the camera, and waits until it is free; a driver that hangs is waited for no longer than that."""
        self._stop.set()
        self._reader.join(seconds)

    def _watch(self) -> None:
        misses = 0
        try:
            while misses < MISSES and not self._stop.is_set():
                there, pixels = self._read()
                misses = 0 if there else misses + 1
                if there:
                    with self._changed:
                        self._newest = pixels
                        self._changed.notify_all()
        finally:
            self._capture.release()
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _read(self) -> tuple[bool, np.ndarray | None]:
        try:
            return self._capture.read() if self._capture.isOpened() else (False, None)
        except cv2.error:
            return False, None


def _quietly(call: Callable[[], cv2.VideoCapture]) -> cv2.VideoCapture:
    """Without OpenCV's own lines about a camera that is not there: it has its own sentence here."""
    log = getattr(getattr(cv2, "utils", None), "logging", None)
    if log is None:
        return call()
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        return call()
    finally:
        log.setLogLevel(level)
