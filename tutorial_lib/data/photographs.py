"""The photographs inside the scikit-image wheel: public domain or CC0, and two views of a motorcycle.

Nothing is downloaded: only files that the installed wheel itself contains are read, by path. The
training and the test photographs have no picture in common, so that a network is never scored on
a texture it has seen.
"""

import functools
import math
from pathlib import Path

import numpy as np
import skimage
import torch

from tutorial_lib.data.images import read_image
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import inside

TRAINING = ("chelsea", "rocket", "retina", "coins", "grass", "gravel", "moon", "ihc")
TEST = ("astronaut", "coffee", "hubble_deep_field", "brick", "camera")
GRAY = ("coins", "grass", "gravel", "moon", "brick", "camera")

Outline = tuple[tuple[float, float], ...]


def load_photograph(name: str) -> torch.Tensor:
    """A photograph of TRAINING or TEST by its name, (1, 3, H, W).

    Raises: TutorialError for an unknown name, or when the installed scikit-image lacks the file.
    """
    if name not in TRAINING + TEST:
        raise TutorialError(f"Unknown photograph {name!r}; there are {', '.join(TRAINING + TEST)}.")
    return _read(name).clone()


def stereo_pair() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A real scene with measured ground truth: (left, right, flow, mask).

    left, right: (1, 3, H, W). flow: (1, 2, H, W) on the left's grid into the right, in pixels; between two
    rectified views everything moves to the left, by its disparity. mask: (1, 1, H, W), 0 where
    no disparity was measured or the pixel is outside the right view. The measurement does not say what is
    occluded in the right view.
    Raises: TutorialError when the installed scikit-image lacks the files.
    Source: the motorcycle of Scharstein et al. 2014, as shipped (reduced) inside scikit-image.
    """
    left, right = _read("motorcycle_left"), _read("motorcycle_right")
    with np.load(_file("motorcycle_disp.npz")) as archive:
        disparity = torch.from_numpy(archive["arr_0"].astype(np.float32))
    measured = torch.isfinite(disparity)
    flow = torch.stack((-torch.where(measured, disparity, 0.0), torch.zeros_like(disparity)))[None]
    return left.clone(), right.clone(), flow, measured[None, None].float() * inside(flow)


def _circle(x: float, y: float, radius: float, points: int = 48) -> Outline:
    angles = [2 * math.pi * i / points for i in range(points)]
    return tuple((x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles)


# Things that can be cut out of the photographs, as polygons in the photograph's pixels: the actors of our films.
CUTOUTS: dict[str, tuple[str, Outline]] = {
    "astronaut": ("astronaut", (
        (20, 511), (20, 420), (25, 350), (36, 310), (56, 266), (80, 236), (112, 212), (119, 190), (131, 165),
        (155, 151), (183, 149), (183, 136), (169, 115), (156, 95), (154, 72), (164, 52), (186, 33), (210, 19),
        (235, 17), (262, 25), (284, 43), (297, 65), (301, 90), (294, 112), (279, 131), (267, 135), (261, 150),
        (257, 176), (280, 196), (297, 220), (304, 238), (325, 248), (341, 268), (349, 295), (357, 330), (364, 349),
        (385, 345), (415, 347), (450, 363), (474, 389), (489, 420), (495, 455), (503, 470), (509, 490), (510, 511),
    )),
    "cameraman": ("camera", (
        (14, 511), (7, 450), (2, 380), (3, 310), (6, 264), (17, 241), (36, 215), (51, 181),
        (66, 156), (86, 138), (110, 128), (130, 125), (146, 111),
        (160, 107), (166, 90), (181, 73), (200, 66), (225, 70), (244, 81), (261, 99), (268, 118), (264, 130),
        (258, 141), (290, 143), (315, 141), (323, 144), (323, 154), (319, 169), (328, 173), (330, 190), (324, 210),
        (309, 228), (297, 241), (303, 273), (288, 286), (265, 304), (245, 310), (225, 301), (206, 293), (189, 317),
        (164, 351), (141, 381), (147, 430), (149, 511), (138, 511), (120, 480), (99, 447), (95, 480), (92, 511),
    )),
    "cup": ("coffee", (
        (78, 200), (86, 161), (106, 126), (141, 92), (174, 76), (180, 65), (201, 39), (230, 25), (280, 19), (330, 26),
        (364, 43), (388, 66), (402, 69), (414, 67), (422, 76), (419, 96), (430, 112), (454, 146), (471, 181),
        (477, 215), (474, 254), (459, 294), (434, 328), (399, 356), (360, 376), (300, 386), (250, 384), (201, 372),
        (151, 344), (116, 309), (92, 265), (80, 230),
    )),
    "shuttle": ("astronaut", (
        (397, 20), (404, 6), (412, 1), (422, 5), (431, 20), (437, 42), (444, 41), (451, 52), (454, 90), (454, 190),
        (455, 226), (457, 262), (440, 270), (428, 258), (400, 262), (374, 268), (368, 262), (379, 240), (384, 226),
        (357, 222), (357, 214), (379, 186), (379, 110), (382, 62), (389, 42),
    )),
    "patch": ("astronaut", _circle(170.5, 385.5, 35)),
    "cat": ("chelsea", (
        (40, 120), (36, 60), (62, 18), (76, 1), (396, 1), (373, 30), (356, 75), (347, 120), (349, 160), (333, 200),
        (315, 235), (297, 264), (278, 284), (255, 293), (225, 288), (190, 274), (150, 268), (100, 238), (62, 190),
    )),
    "rocket": ("rocket", (
        (312, 150), (316, 136), (322.5, 127), (329, 136), (333, 150), (333, 175), (335, 186), (334, 250), (334, 330),
        (337, 350), (336, 404), (308, 404), (310, 330), (311, 240), (312, 186), (311, 160),
    )),
    "retina": ("retina", _circle(705, 705, 672)),
    "gland": ("ihc", tuple((363 + (x - 363) * 0.72, y) for x, y in _circle(363, 392, 88))),
    "large coin": ("coins", _circle(347, 187, 30.5)),
    "walking coin": ("coins", _circle(335, 43.5, 28)),
    "horned coin": ("coins", _circle(172.5, 261, 27)),
}


@functools.cache
def _read(name: str) -> torch.Tensor:
    folder = _file("")
    for suffix in (".png", ".jpg"):
        if (folder / f"{name}{suffix}").is_file():
            return read_image(folder / f"{name}{suffix}")
    raise TutorialError(f"The installed scikit-image lacks the photograph {name!r}; install version 0.22 or later.")


def _file(name: str) -> Path:
    # By path and not through skimage.data, which would fetch missing pictures from the network.
    path = Path(skimage.__file__).parent / "data" / name
    if not path.exists():
        raise TutorialError(f"The installed scikit-image lacks {name or 'its pictures'}; install 0.22 or later.")
    return path
