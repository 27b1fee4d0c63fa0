"""What several test files share. Tests are small: one thread is faster than two that wait for each other."""

import os
import signal

import cv2
import pytest
import torch
from cameras import Cameras

from tutorial_lib.settings import Settings, scale

# What starts the tests in the background, as nohup does, has switched Ctrl-C off, for their children as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The tests are of the course as it ships, not of what somebody has made of it with these.
for variable in ("OFD_ZOO", "OFD_STYLE", "OFD_FEATURES"):
    os.environ.pop(variable, None)

# Two processes that share the work do not share what they make: a notebook takes nothing from another's trainings.
if os.environ.get("PYTEST_XDIST_WORKER") and os.environ.get("OFD_BUILD"):
    os.environ["OFD_BUILD"] = os.path.join(os.environ["OFD_BUILD"], os.environ["PYTEST_XDIST_WORKER"])


@pytest.fixture(autouse=True)
def _fixed_seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def smoke() -> Settings:
    return scale("smoke")


@pytest.fixture
def noise():
    """Random tensors that do not depend on which tests ran before."""
    random = torch.Generator().manual_seed(7)
    return lambda *shape: torch.rand(*shape, generator=random)


@pytest.fixture
def cameras(monkeypatch):
    """The cameras of this machine, as OpenCV finds them: one, whose pictures are known."""
    cameras = Cameras()
    monkeypatch.setattr(cv2, "VideoCapture", cameras)
    return cameras
