"""What this machine has, and which scale fits it."""

import os
import platform
import shutil
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import av
import cv2
import torch
import torch.nn.functional as F

from tutorial_lib import engines, settings
from tutorial_lib.errors import TutorialError

GIB = 2**30
PACKAGES = ("torch", "numpy", "opencv-python-headless", "opencv-python", "av", "scikit-image", "ipywidgets")


def report(probe_seconds: float = 2.0) -> str:
    """Everything of interest about this machine as aligned lines; measures the speed for `probe_seconds`."""
    speed = convolution_speed(probe_seconds)
    gpu_memory = torch.cuda.get_device_properties(0).total_memory / GIB if torch.cuda.is_available() else None
    scale, reason = fitting_scale(speed, gpu_memory)
    rows = [
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("packages", ", ".join(_versions())),
        ("processor", f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"),
        ("memory", _memory()),
        ("GPU", _gpu(gpu_memory)),
        ("speed", f"{speed:.0f} GFLOP/s on 3x3 convolutions ({settings.device().type})"),
        ("disk", f"{shutil.disk_usage(Path.cwd()).free / GIB:.1f} GiB free here"),
        ("video", _video()),
        ("optical flow", "OpenCV's DIS: " + ("yes" if hasattr(cv2, "DISOpticalFlow_create") else "no, update OpenCV")),
        ("perceptual", _perceptual()),
        ("zoo", _zoo()),
        ("engines", _engines()),
        ("scale", f"{scale}: {reason}"),
    ]
    return "\n".join(f"{name:<14}{value}" for name, value in rows)


def convolution_speed(seconds: float) -> float:
    """Billions of floating-point operations a second in a convolution like the student's, on the device in use."""
    device = settings.device()
    image, weights = torch.rand(1, 64, 96, 128, device=device), torch.rand(64, 64, 3, 3, device=device)
    operations = 2 * 64 * 64 * 9 * 96 * 128
    count, began = 0, None
    with torch.inference_mode():
        while began is None or time.perf_counter() - began < seconds:
            F.conv2d(image, weights, padding=1)[0, 0, 0, 0].item()    # .item() waits for the GPU
            if began is None:
                began = time.perf_counter()                           # the first one only warms up
            else:
                count += 1
        elapsed = time.perf_counter() - began
    return max(count, 1) * operations / elapsed / 1e9


def fitting_scale(speed: float, gpu_memory: float | None) -> tuple[str, str]:
    """The largest scale that is comfortable, and why. speed: GFLOP/s. gpu_memory: GiB, None without a GPU."""
    if gpu_memory is not None and gpu_memory >= 30:
        return "paper", "the GPU holds batches of 640x360 clips"
    if gpu_memory is not None and gpu_memory >= 7:
        return "colab", "the GPU is fast enough for VGG-16 at 320x180; 30 GiB would allow paper"
    if speed >= 20:
        return "laptop", "the processor trains at 128x96 in minutes; colab and paper want a GPU of 7 and 30 GiB"
    return "smoke", "this machine is slow: everything runs, but only in miniature"


def _versions() -> list[str]:
    installed = []
    for package in PACKAGES:
        try:
            installed.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return installed


def _gpu(memory: float | None) -> str:
    if memory is not None:
        return f"{torch.cuda.get_device_name(0)}, {memory:.0f} GiB"
    return "Apple's; OFD_DEVICE=mps uses it, untried" if torch.backends.mps.is_available() else "none"


def _memory() -> str:
    try:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return f"{pages / GIB:.1f} GiB"
    except (AttributeError, ValueError, OSError):    # Windows has no sysconf
        return "unknown"


def _video() -> str:
    try:
        av.codec.Codec("libx264", "w")
        return f"PyAV {av.__version__} with libx264 (H.264): yes"
    except av.error.FFmpegError:
        return f"PyAV {av.__version__} lacks libx264; install the av wheel that pip offers"


def _perceptual() -> str:
    from tutorial_lib.networks.features import COMPACT_FILE, VGG16_ADDRESS

    cache = Path(os.environ.get("OFD_CACHE", Path.home() / ".cache" / "optical-flow-distillation"))
    vgg16 = (cache / VGG16_ADDRESS.rsplit("/", 1)[1]).is_file()
    return (
        f"compact {'on disk' if COMPACT_FILE.is_file() else 'missing'}, "
        f"vgg16 {'on disk' if vgg16 else 'not yet downloaded (528 MiB, when first used)'}"
    )


def _engines() -> str:
    here = ", ".join(engines.installed(settings.device().type))
    known = engines.kept()
    if not known:
        return f"{here}; which is the fastest is measured by the first stylize"
    about, rows = known[-1]["about"], known[-1]["engines"]
    coarse = {name: "" if row["decibels"] >= engines.NEAR else " (coarse)" for name, row in rows.items()}
    taken = engines.chosen(rows)
    times = ", ".join(f"{name} {1000 * row['seconds']:.0f} ms{coarse[name]}" for name, row in rows.items())
    height, width = about["size"]
    return f"{here}; last measured at {width}x{height}: {times}; auto takes {taken} there"


def _zoo() -> str:
    from tutorial_lib import zoo

    try:
        names = zoo.names()
    except TutorialError as error:
        return str(error)
    size = sum(zoo.path_of(name).stat().st_size for name in names)
    return f"{len(names)} networks, {size / 2**20:.1f} MiB"
