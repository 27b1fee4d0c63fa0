"""Files as strangers make them: damaged, lying, or of another program."""

import json
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import torch
from films import film, picture
from safetensors.torch import save_file

from tutorial_lib import checkpoint
from tutorial_lib.data.images import to_pixels
from tutorial_lib.data.scenes import random_scene
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.superres import Recurrent
from tutorial_lib.networks.teacher import Teacher


def good_things(folder: Path) -> None:
    """What the user has, made once for all cases."""
    scene = random_scene(3, 48, 64, 4)
    film(folder / "film.mp4", [to_pixels(scene.frame(t)) for t in range(4)])
    cv2.imwrite(str(folder / "picture.png"), picture(1, 64, 64))
    cv2.imwrite(str(folder / "picture.jpg"), picture(1, 64, 64))
    for name, network in (("student", Student(4, 1)), ("teacher", Teacher(4, 1, uses_flow=False))):
        checkpoint.save(folder / f"{name}.safetensors", network,
                        {"network": network.configuration, "style": "mosaic"}, dtype=torch.float16)
    upscaler = Recurrent(4, 1, 4)
    checkpoint.save(folder / "upscaler.safetensors", upscaler, {"network": upscaler.configuration}, dtype=torch.float16)


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing of it."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


def tiff(path: Path, kind: type) -> None:
    path.write_bytes(cv2.imencode(".tiff", picture(1, 32, 32).astype(kind))[1].tobytes())


def flipped(content: bytes, at: float = 0.5) -> bytes:
    spoilt = bytearray(content)
    spoilt[int(len(spoilt) * at)] ^= 255
    return bytes(spoilt)


def giant_box(path: Path) -> None:
    """An MP4 that claims a box of nearly 2**64 bytes."""
    path.write_bytes(struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4sQ", 1, b"mdat", 2**64 - 1))


def network(path: Path, about: object = None, metadata: dict | None = None, rename: str = "weights.",
            own_width: int = 4, **changes) -> None:
    """A student's checkpoint of which something is not as it should be. changes: to its `network`."""
    student = Student(own_width, 1)
    if about is None:
        about = {"network": {"kind": "student", "width": 4, "blocks": 1, "smooth": False, **changes}, "style": "mosaic"}
    metadata = {"settings": about if isinstance(about, str) else json.dumps(about)} if metadata is None else metadata
    save_file({f"{rename}{name}": value.clone() for name, value in student.state_dict().items()}, path, metadata)


def tuples(folder: Path, frames: object = None, **changes) -> None:
    """A folder of prepared tuples, whose manifest has something changed."""
    folder.mkdir()
    manifest = {"height": 48, "width": 64, "length": 3, "count": 1, "seed": 0, "videos": "0",
                "tuples": [{"file": "00000.safetensors", "video": 0, "start": 0}], **changes}
    (folder / "tuples.json").write_text(json.dumps(manifest))
    if frames is None:
        frames = torch.zeros(3, 3, 48, 64, dtype=torch.uint8)
    if isinstance(frames, bytes):
        (folder / "00000.safetensors").write_bytes(frames)
    else:
        save_file({"frames": frames}, folder / "00000.safetensors")


def record(folder: Path, **changes) -> None:
    """A folder of results with one record of a network's scores, of which something is changed."""
    from records import record as good

    made = good("student-ours", 0.5)
    for place, value in changes.items():
        *outer, last = place.split("__")
        part = made
        for name in outer:
            part = part[name]
        part[last] = value
    (folder / "scores").mkdir(parents=True)
    (folder / "scores" / "mosaic-student-ours.json").write_text(json.dumps(made))


def upscaling(folder: Path, name: str = "scores/sr-teacher.json", content: bytes | None = None, **changes) -> None:
    """A folder of results with one record of a network for super-resolution, or another file of them, odd in a way."""
    row = {"psnr": 30.0, "ssim": 0.9, "warping": 0.02, "truth_warping": 0.01}
    protocol = {"films": "f", "width": 64, "height": 32, "frames": 3, "degradation": "BI", "channels": "Y", "border": 0}
    made = {"name": "sr-teacher", "recipe": "sr-teacher", "style": None, "seed": 0, "sha256": "1", "parameters": 9,
            "multiply_adds": 9.0, "scores": {"alley_2": row, "mean": row}, "protocol": protocol, **changes}
    good = folder / "std" / "scores" / "sr-teacher.json"
    good.parent.mkdir(parents=True)
    good.write_text(json.dumps(made))
    if content is not None:
        (folder / "std" / name).write_bytes(content)


def noise(count: int) -> bytes:
    return np.random.default_rng(0).integers(0, 256, count, dtype=np.uint8).tobytes()
