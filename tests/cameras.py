"""A camera for machines that have none, and a way to wait for other threads."""

import threading
import time

import cv2
import numpy as np

HEIGHT, WIDTH = 48, 64


def until(condition, seconds: float = 30) -> None:
    """Waits until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)


class Cameras:
    """Stands in for cv2.VideoCapture: one camera, number 0, whose pictures are blue and grow brighter.

    Like a real one it can be held by one program only.
    """

    def __init__(self):
        self.there, self.works, self.pause = True, True, 0.002
        self.opened, self.reads, self.held = 0, 0, False
        self.may_open = threading.Event()
        self.may_open.set()

    def __call__(self, number: int) -> "Capture":
        self.may_open.wait(30)
        free = self.there and number == 0 and not self.held
        self.opened += free
        self.held |= free
        return Capture(self, free)


class Capture:
    def __init__(self, cameras: Cameras, is_open: bool):
        self.cameras, self.is_open = cameras, is_open

    def isOpened(self) -> bool:
        return self.is_open

    def read(self) -> tuple[bool, np.ndarray | None]:
        assert self.is_open, "read after its release"
        time.sleep(self.cameras.pause)
        if not self.cameras.works:
            return False, None
        self.cameras.reads += 1
        return True, picture(self.cameras.reads)

    def release(self) -> None:
        if self.is_open:
            time.sleep(self.cameras.pause)      # drivers take their time
            self.is_open = self.cameras.held = False


def picture(number: int) -> np.ndarray:
    """Blue, as OpenCV orders colours, and numbered in the other two: (H, W, 3) uint8."""
    pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    pixels[..., 1], pixels[..., 2] = number // 256, number % 256
    return pixels


def number_of(image) -> int:
    """Of a picture (1, 3, H, W) that came from such a camera."""
    red, green, blue = (image[0, :, 0, 0] * 255).round().int().tolist()
    assert blue == 255
    return 256 * green + red


def decoded(jpeg: bytes) -> np.ndarray:
    """The pixels of a JPEG, RGB."""
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
