"""The machine in a few words."""

import os
import platform
from pathlib import Path

import torch

from tutorial_lib.settings import device


def hardware() -> str:
    """The processor and its cores, and the GPU where one is used: for manifests and measurements."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):        # not Linux, or not an ordinary processor
        model = platform.processor() or platform.machine()
    gpu = f", {torch.cuda.get_device_name()}" if device().type == "cuda" else ""
    return f"{model}, {os.cpu_count()} cores{gpu}"
