"""Videos in a notebook: several side by side, in a format that every browser plays."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from IPython.display import HTML
from PIL import Image, ImageDraw, ImageFont

from tutorial_lib.data.images import to_tensor
from tutorial_lib.data.video import VideoWriter
from tutorial_lib.settings import build_folder
from tutorial_lib.show.figures import ink


def side_by_side(videos: Mapping[str, torch.Tensor], columns: int | None = None) -> torch.Tensor:
    """{name: (N, 3, H, W)} of one size -> (N, 3, H', W'), each under its name, in its role's colour."""
    columns = columns or len(videos)
    titled = [torch.cat((_title(name, frames).expand(len(frames), -1, -1, -1), frames.cpu()), 2)
              for name, frames in videos.items()]
    blank = torch.ones_like(titled[0])
    titled += [blank] * (-len(titled) % columns)
    framed = [F.pad(video, (2, 2, 0, 4), value=1.0) for video in titled]
    rows = [torch.cat(framed[i:i + columns], 3) for i in range(0, len(framed), columns)]
    return torch.cat(rows, 2)


def play(
    videos: Mapping[str, torch.Tensor], name: str, columns: int | None = None, frame_rate: int = 12
) -> HTML:
    """Writes videos side by side to videos/NAME.mp4 in the build folder, and returns a player for the notebook.

    A short clip is played forth and back, so that the loop has no jump that would look like flicker.
    """
    frames = side_by_side(videos, columns)
    path = write(frames, build_folder() / "videos" / f"{name}.mp4", frame_rate)
    names = ", ".join(videos)
    data = base64.b64encode(path.read_bytes()).decode()
    return HTML(
        f'<video controls loop autoplay muted playsinline style="max-width: 100%" aria-label="{names}" '
        f'src="data:video/mp4;base64,{data}"></video>'
    )


def without_kernel(player: str, widths: Sequence[int] = (640, 560, 480, 400, 360), heavy: int = 220_000) -> str:
    """The HTML of a player as that of an animated picture, a fraction of its size, for a page that is only read.

    It is folded, because it flickers: the reader starts it by opening it, and stops it by closing it.
    widths: of the picture in pixels, tried in turn until it has no more than `heavy` bytes.
    """
    names = re.search('aria-label="([^"]*)"', player)[1]
    video = base64.b64decode(re.search("base64,([^\"]+)", player)[1])
    with av.open(io.BytesIO(video)) as container:
        rate = float(container.streams.video[0].average_rate)
        frames = [frame.to_image() for frame in container.decode(video=0)]
    for width in widths:
        data = _moving(frames, min(width, frames[0].width), round(1000 / rate))
        if len(data) <= heavy:
            break
    source = f"data:image/webp;base64,{base64.b64encode(data).decode()}"
    return (f"<details><summary>Play the film, small (it flickers)</summary>"
            f'<img alt="A film, in a loop: {names}." style="max-width: 100%" src="{source}"></details>')


def _moving(frames: Sequence[Image.Image], width: int, milliseconds: int) -> bytes:
    size = width, round(frames[0].height * width / frames[0].width)
    first, *others = (frame.resize(size, Image.Resampling.LANCZOS) for frame in frames)
    data = io.BytesIO()
    first.save(data, "webp", save_all=True, append_images=others, duration=milliseconds, loop=0, quality=30)
    return data.getvalue()


def write(frames: torch.Tensor, path: Path, frame_rate: int = 12) -> Path:
    """(N, 3, H, W) as an H.264 video, forth and back; replaces an older one."""
    there_and_back = torch.cat((frames, frames.flip(0)[1:-1])) if len(frames) > 2 else frames
    height, width = frames.shape[-2:]
    with VideoWriter(path, width, height, Fraction(frame_rate)) as video:
        for number, frame in enumerate(there_and_back.split(1)):
            video.write(frame, Fraction(number, frame_rate))
    return path


def _title(name: str, frames: torch.Tensor) -> torch.Tensor:
    """The name as a strip (1, 3, h, W) above a video."""
    width = frames.shape[-1]
    height = max(14, width // 14)
    strip = Image.new("RGB", (width, height), "white")
    font_file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    size = int(height * 0.72)
    font = ImageFont.truetype(str(font_file), size)
    while size > 6 and font.getlength(name) > width - 4:
        size -= 1
        font = ImageFont.truetype(str(font_file), size)
    ImageDraw.Draw(strip).text((width / 2, height / 2), name, ink(name), font=font, anchor="mm")
    return to_tensor(np.array(strip))
