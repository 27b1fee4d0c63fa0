"""Painted surfaces and silhouettes for the rendered scenes: noise clouds, stones, stripes, figures, duotones.

Every function that draws takes a `numpy.random.Generator`: the same generator state gives the same picture.
"""

import math

import cv2
import numpy as np
import torch

from tutorial_lib.data.images import to_tensor

Colour = tuple[float, float, float]


def duotone(image: torch.Tensor, *colours: Colour) -> torch.Tensor:
    """A photograph (1, 3, H, W) in two or more colours: dark parts take the first, light parts the last."""
    value = image.mean(1, keepdim=True)
    low, high = value.amin(), value.amax()
    return _toned((value - low) / (high - low).clamp_min(1e-6), colours)


def palette(rng: np.random.Generator, count: int = 3) -> tuple[Colour, ...]:
    """Colours that go together, dark to light: neighbouring hues, gently saturated."""
    # Earth, leaves and sky are more common than magenta.
    around, spread = ((0.08, 0.05), (0.28, 0.08), (0.57, 0.06), (0.5, 0.5))[rng.integers(4)]
    hue, turn = around + rng.uniform(-spread, spread), rng.uniform(-0.18, 0.18)
    saturation = rng.uniform(0.15, 0.7)
    dark, light = rng.uniform(0.05, 0.3), rng.uniform(0.65, 0.98)
    steps = np.linspace(0, 1, count)
    hsv = np.stack((
        (hue + turn * steps) % 1 * 360,
        saturation * (1 - 0.55 * steps),
        dark + (light - dark) * steps,
    ), 1).astype(np.float32)
    rgb = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]
    return tuple(tuple(float(channel) for channel in colour) for colour in rgb)


def clouds(rng: np.random.Generator, height: int, width: int, coarsest: int = 3, octaves: int = 5) -> np.ndarray:
    """Soft noise (H, W) in [0, 1]: octaves of random grids, each half as strong as the coarser one before it."""
    value = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = coarsest * 2**octave
        grid = rng.random((max(2, cells * height // width), cells), np.float32)
        value += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    value -= value.min()
    return value / value.max()


def stripes(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Wavy bands (H, W) in [0, 1], like wood grain or cloth."""
    x, y = _axes(height, width)
    angle, bands = rng.uniform(0, np.pi), rng.uniform(4, 14)
    along = (x * math.cos(angle) + y * math.sin(angle)) * bands
    bend = clouds(rng, height, width, 2, 3) * rng.uniform(0.2, 1.6)
    wave = np.sin(2 * np.pi * (along + bend))
    return np.clip(0.5 + wave * rng.uniform(0.5, 2), 0, 1) * 0.75 + clouds(rng, height, width, 8, 4) * 0.25


def checker(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Worn tiles (H, W) in [0, 1], turned by some angle."""
    x, y = _axes(height, width)
    angle, tiles = rng.uniform(0, np.pi), rng.uniform(3, 9)
    u = tiles * (x * math.cos(angle) + y * math.sin(angle))
    v = tiles * (y * math.cos(angle) - x * math.sin(angle))
    board = np.clip(0.5 + 6 * np.sin(np.pi * u) * np.sin(np.pi * v), 0, 1)
    return board * 0.65 + clouds(rng, height, width, 6, 5) * 0.35


def stones(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Cobbles (H, W) in [0, 1]: the Voronoi cells of random points, each of its own gray, with dark joints."""
    seeds = np.ones((height, width), np.uint8)
    count = int(rng.integers(30, 160))
    seeds[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    distance, cell = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP)
    gray = rng.random(cell.max() + 1, np.float32)[cell]
    edges = (cell != cv2.dilate(cell.astype(np.float32), np.ones((3, 3)))).astype(np.uint8)
    joints = np.clip(cv2.distanceTransform(1 - edges, cv2.DIST_L2, 3) / 4, 0, 1)
    dome = 1 - 0.4 * np.clip(distance / distance.max(), 0, 1)
    return cv2.GaussianBlur(gray * joints * dome, (0, 0), 0.8) * 0.8 + clouds(rng, height, width, 10, 4) * 0.2


SURFACES = (clouds, stripes, checker, stones)


def surface(rng: np.random.Generator, height: int, width: int) -> torch.Tensor:
    """One of the painted surfaces in a palette of its own, (1, 3, H, W)."""
    value = SURFACES[rng.integers(len(SURFACES))](rng, height, width)
    return _toned(torch.from_numpy(value)[None, None], palette(rng, int(rng.integers(2, 5))))


def landscape(rng: np.random.Generator, ground: torch.Tensor) -> torch.Tensor:
    """A cloudy sky and hazy hills above a photographed ground, (1, 3, H, W) of the ground's size."""
    height, width = ground.shape[-2:]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    sky = palette(rng, 3)
    drifting = clouds(rng, height, width, 3, 5)
    picture = _toned(torch.from_numpy(np.clip(0.6 * drifting + 0.5 * y, 0, 1))[None, None], sky)
    hill_colour = torch.tensor(palette(rng, 3)[1])[:, None, None]
    haze = torch.tensor(sky[-1])[:, None, None]
    horizon = rng.uniform(0.4, 0.65)
    for distance in (0.7, 0.35):
        ridge = horizon + 0.02 - distance * 0.25 * clouds(rng, 2, width, 4, 4)[0]
        colour = distance * haze + (1 - distance) * hill_colour * torch.from_numpy(0.6 + 0.6 * drifting)
        picture = torch.lerp(picture, colour[None], _below(y, ridge, height))
    edge = horizon + 0.02 * (clouds(rng, 2, width, 6, 4)[0] - 0.5)
    return torch.lerp(picture, ground, _below(y, edge, height))


def blob(rng: np.random.Generator) -> np.ndarray:
    """A soft closed outline, (n, 2) in fractions of its square."""
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius = 1 + sum(rng.uniform(-0.3, 0.3) / k * np.cos(k * angles + rng.uniform(0, 6.3)) for k in range(2, 6))
    return _fitted(np.stack((radius * np.cos(angles), radius * np.sin(angles)), 1))


def polygon(rng: np.random.Generator) -> np.ndarray:
    """An angular outline of four to seven corners, (n, 2) in fractions of its square."""
    corners = int(rng.integers(4, 8))
    angles = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * 2 * np.pi / corners
    radius = rng.uniform(0.65, 1, corners)
    return _fitted(np.stack((radius * np.cos(angles), radius * np.sin(angles)), 1))


def figure(rng: np.random.Generator) -> np.ndarray:
    """A walking person's outline, (n, 2) in fractions of its square."""
    canvas = np.zeros((320, 320), np.uint8)

    def limb(start: tuple[float, float], angle: float, length: float, thickness: int) -> tuple[float, float]:
        end = (start[0] + length * np.sin(angle), start[1] + length * np.cos(angle))
        cv2.line(canvas, *(tuple(int(c) for c in p) for p in (start, end)), 1, thickness)
        return end

    build = int(rng.integers(34, 52))
    cv2.circle(canvas, (160, 52), 27, 1, -1)
    limb((160, 70), 0.0, 30, 22)
    hip = limb((160, 108), rng.uniform(-0.1, 0.1), 70, build)
    stride = rng.uniform(0.15, 0.5)
    for side in (-1, 1):
        knee = limb(hip, side * stride, 58, 26)
        limb(knee, side * stride - rng.uniform(0, 0.4), 58, 20)
        elbow = limb((160 + side * build * 0.35, 100), side * rng.uniform(0.2, 1.4), 48, 18)
        limb(elbow, side * rng.uniform(0, 2.2), 42, 15)
    canvas = (cv2.GaussianBlur(canvas * 255, (0, 0), 4) > 127).astype(np.uint8)
    contours, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(contours, key=len)[::3, 0].astype(np.float64) / 320


def rasterise(outline: np.ndarray, height: int, width: int) -> np.ndarray:
    """The inside of an outline (n, 2, in fractions of the sides) as coverage (H, W) in [0, 1], edges antialiased."""
    fine = 4
    canvas = np.zeros((fine * height, fine * width), np.uint8)
    # fillPoly puts whole numbers at the centres of pixels, hence the half; its shift=4 means sixteenths of a pixel.
    corners = outline * (fine * width, fine * height) - 0.5
    cv2.fillPoly(canvas, [np.round(corners * 16).astype(np.int32)], 255, shift=4)
    return cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def volume(coverage: np.ndarray) -> np.ndarray:
    """Light (H, W) that makes a flat cut-out look round: bright in the middle and above, dark at the rim."""
    depth = cv2.distanceTransform((coverage > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    round_off = np.sqrt(np.clip(depth / max(float(depth.max()), 1e-6) * 1.6, 0, 1))
    above = np.linspace(1.1, 0.8, coverage.shape[0], dtype=np.float32)[:, None]
    return (0.5 + 0.5 * round_off) * above


def _toned(value: torch.Tensor, colours: tuple[Colour, ...]) -> torch.Tensor:
    """(1, 1, H, W) in [0, 1] -> (1, 3, H, W), by linear interpolation between the colours."""
    at = np.linspace(0, 1, len(colours))
    table = np.stack([np.interp(np.linspace(0, 1, 256), at, channel) for channel in np.array(colours).T], 1)
    index = (value[0, 0].clamp(0, 1) * 255).round().byte().numpy()
    return to_tensor(np.round(table * 255).astype(np.uint8)[index])


def _axes(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y (H, W), both in fractions of the width."""
    x = np.broadcast_to(np.arange(width, dtype=np.float32) / width, (height, width))
    y = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None] / width, (height, width))
    return x, y


def _below(y: np.ndarray, edge: np.ndarray, height: int) -> torch.Tensor:
    """How far a pixel is below an edge (W,), softened over a pixel: (1, 1, H, W) in [0, 1]."""
    return torch.from_numpy(np.clip((y - edge) * height + 0.5, 0, 1).astype(np.float32))[None, None]


def _fitted(points: np.ndarray) -> np.ndarray:
    """Scaled to fill the unit square, a little margin left."""
    low, high = points.min(0), points.max(0)
    return 0.02 + 0.96 * (points - low) / (high - low)
