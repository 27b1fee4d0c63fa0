"""What the painters share: curves, strokes, noise and light, all in units of the picture's side.

A point is (x, y) in [0, 1] with y down, so that a composition does not depend on the number of pixels.
"""

import cv2
import numpy as np
from scipy.interpolate import splev, splprep

_SHIFT = 4  # OpenCV draws at 1/16 of a pixel


def palette(*codes: str) -> np.ndarray:
    """Colours such as "1f3a5f" as (n, 3) floats, RGB, 0 to 255."""
    return np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for code in codes], np.float32)


def ramp(colours: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Colours (n, 3) interpolated at positions in [0, 1] of any shape: (..., 3)."""
    place = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(position, place, channel) for channel in colours.T], -1).astype(np.float32)


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the pixel centres, each (size, size)."""
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    return np.meshgrid(line, line)


def noise(rng: np.random.Generator, size: int, cells: int | tuple[int, int], octaves: int = 1) -> np.ndarray:
    """Smooth noise (size, size) of mean 0 and deviation 1 with `cells` (down, across) bumps a side."""
    down, across = (cells, cells) if isinstance(cells, int) else cells
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        # Drawn on a lattice of its own and then enlarged: the same bumps at every size.
        lattice = rng.standard_normal((down * 2**octave, across * 2**octave)).astype(np.float32)
        total += cv2.resize(lattice, (size, size), interpolation=cv2.INTER_CUBIC) / 2**octave
    return (total - total.mean()) / total.std()


def curve(points, closed: bool = False, samples: int = 160) -> np.ndarray:
    """The smooth curve (samples, 2) through a few points."""
    points = np.asarray(points, np.float64)
    if closed:
        points = np.vstack([points, points[:1]])
    spline, _ = splprep(points.T, s=0, per=closed, k=min(3, len(points) - 1))
    return np.stack(splev(np.linspace(0, 1, samples), spline), -1)


def ellipse(centre, radii, angle: float = 0.0, samples: int = 60) -> np.ndarray:
    """The outline (samples, 2) of an ellipse turned by `angle` radians."""
    around = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    x, y = radii[0] * np.cos(around), radii[1] * np.sin(around)
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([centre[0] + c * x - s * y, centre[1] + s * x + c * y], -1)


def ribbons(paths: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Paths (N, S, 2) as outlines (N, 2S, 2) that swell to `widths` (N,) in the middle and end thin."""
    along = np.gradient(paths, axis=1)
    along /= np.linalg.norm(along, axis=-1, keepdims=True) + 1e-9
    normal = np.stack([-along[..., 1], along[..., 0]], -1)
    swell = np.sin(np.linspace(0.08, 0.96, paths.shape[1]) * np.pi) ** 0.6
    offset = normal * (widths[:, None] * swell / 2)[..., None]
    return np.concatenate([paths + offset, (paths - offset)[:, ::-1]], 1)


def fill(canvas: np.ndarray, outline: np.ndarray, colour) -> None:
    """Fills an outline (n, 2) on a canvas with 1, 3 or 4 channels."""
    cv2.fillPoly(canvas, [_fixed(outline, canvas)], _plain(colour), cv2.LINE_8, _SHIFT)


def draw(canvas: np.ndarray, path: np.ndarray, colour, width: float, closed: bool = False) -> None:
    """Draws a line of constant width along a path (n, 2)."""
    thickness = max(1, round(width * canvas.shape[0]))
    cv2.polylines(canvas, [_fixed(path, canvas)], closed, _plain(colour), thickness, cv2.LINE_AA, _SHIFT)


def draw_label(labels: np.ndarray, path: np.ndarray, number: int, width: float) -> None:
    """Draws a line on a map of labels; not smoothed, because half of a label would be another label."""
    thickness = max(1, round(width * labels.shape[0]))
    cv2.polylines(labels, [_fixed(path, labels)], False, number, thickness, cv2.LINE_8, _SHIFT)


def _fixed(points: np.ndarray, canvas: np.ndarray) -> np.ndarray:
    return np.round((np.asarray(points) * canvas.shape[0] - 0.5) * 2**_SHIFT).astype(np.int32)


def _plain(colour):
    return float(colour) if np.ndim(colour) == 0 else tuple(float(c) for c in colour)


def sample(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The values of an image (h, w, ...) at points (..., 2); outside, those of its edge."""
    size = image.shape[0]
    column, row = np.moveaxis(np.clip((points * size).astype(int), 0, size - 1), -1, 0)
    return image[row, column]


def trace(field: np.ndarray, starts: np.ndarray, lengths: np.ndarray, steps: int = 8) -> np.ndarray:
    """Paths (N, steps + 1, 2) of the given lengths along unit vectors (h, w, 2), their middles at `starts` (N, 2)."""
    stride = (lengths / steps)[:, None]
    halves = []
    for sign in (-1, 1):
        point, path = starts, []
        for _ in range(steps // 2):
            point = point + sign * stride * sample(field, point)
            path.append(point)
        halves.append(path)
    return np.stack([*halves[0][::-1], starts, *halves[1]], 1)


def smear(texture: np.ndarray, field: np.ndarray, length: float) -> np.ndarray:
    """A texture (size, size) blurred along unit vectors (h, w, 2): the marks of the bristles."""
    size = texture.shape[0]
    vectors = cv2.resize(field.astype(np.float32), (size, size)) * size
    x, y = (axis * size - 0.5 for axis in grid(size))
    step = length / 16
    for _ in range(4):  # each pass doubles the length, and following the field anew keeps curves curved
        ahead = cv2.remap(texture, x + step * vectors[..., 0], y + step * vectors[..., 1], cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REFLECT)
        behind = cv2.remap(texture, x - step * vectors[..., 0], y - step * vectors[..., 1], cv2.INTER_LINEAR,
                           borderMode=cv2.BORDER_REFLECT)
        texture = (ahead + behind) / 2
        step *= 2
    return (texture - texture.mean()) / texture.std()


def relief(height: np.ndarray, strength: float) -> np.ndarray:
    """How much light falls on a surface (size, size) lit from the upper left: around 1, a factor for colours."""
    size = height.shape[0]
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=size / 8) + cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=size / 8)
    return 1 + np.tanh(slope * strength)


def edge_distance(labels: np.ndarray) -> np.ndarray:
    """How far each pixel of a map of integer labels (size, size) is from another label, in sides."""
    inside = np.ones(labels.shape, np.uint8)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    inside[:, 1:][across] = 0
    inside[:, :-1][across] = 0
    inside[1:][down] = 0
    inside[:-1][down] = 0
    return cv2.distanceTransform(inside, cv2.DIST_L2, 5) / labels.shape[0]
