"""Little videos for the tests, written with PyAV alone, so that the library is not tested against itself."""

from fractions import Fraction

import av
import numpy as np
import torch

from tutorial_lib.data.video import open_video

RATE = 44_100


def picture(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Smooth colours (H, W, 3) uint8, other ones for every number, which survive H.264 well."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    red = 128 + 100 * np.sin(x / width * 3 + number * 0.31)
    green = 128 + 100 * np.sin(y / height * 3 + number * 0.17)
    blue = 128 + 100 * np.cos((x / width + y / height) * 2 - number * 0.23)
    return np.stack([red, green, blue], -1).round().astype(np.uint8)


def film(
    path, pictures, times=None, codec="libx264", pixels="yuv420p", audio=None, turn=None, matrix=1, full=False,
    ticks=90_000,
):
    """Writes a video. times: seconds. audio: a codec's name, for a 440 Hz tone. matrix: of YUV; 1 is BT.709."""
    times = [Fraction(n, 25) for n in range(len(pictures))] if times is None else times
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        context = stream.codec_context
        context.time_base = Fraction(1, ticks)
        yuv = pixels.startswith("yuv")
        if yuv:
            context.colorspace, context.color_range = matrix, 2 if full else 1
        if codec == "libx264":
            stream.options = {"crf": "10", "preset": "ultrafast"}
        if turn is not None:
            stream.set_display_rotation(turn)
        sound = output.add_stream(audio, rate=RATE, layout="mono") if audio else None
        for pixels_in, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels_in), format="rgb24")
            if yuv:
                frame = frame.reformat(format=pixels, dst_colorspace=matrix, dst_color_range=2 if full else 1)
            frame.pts, frame.time_base = round(time * ticks), Fraction(1, ticks)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if sound:
            frame = av.AudioFrame.from_ndarray(tone(float(times[-1]) + 0.04)[None], format="flt", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
    return path


def tone(seconds: float) -> np.ndarray:
    """A 440 Hz tone that starts suddenly in the middle, so that a shift in time can be heard."""
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * 440 * t) * (t > seconds / 2)).astype(np.float32)


def sound_of(path) -> np.ndarray:
    """All samples of the first audio stream, mono."""
    with av.open(str(path)) as source:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        frames = [f for frame in source.decode(audio=0) for f in resampler.resample(frame)]
    return np.concatenate([f.to_ndarray()[0] for f in frames])


def onset(samples: np.ndarray) -> float:
    """Seconds until the tone starts."""
    return float(np.argmax(np.abs(samples) > 0.2)) / RATE


def stamps(path) -> list[Fraction]:
    """The time of every frame in seconds, as PyAV sees it."""
    with av.open(str(path)) as source:
        return [frame.pts * frame.time_base for frame in source.decode(video=0)]


def read_frames(path) -> torch.Tensor:
    """All frames as the library reads them, (N, 3, H, W)."""
    return torch.cat([frame.image for frame in open_video(path)])
