"""A woodblock print, flat colours and dark outlines on paper."""

import cv2
import numpy as np

from tutorial_lib.data.paintings.brushes import curve, draw, ellipse, fill, grid, noise, palette, ramp, ribbons

PAPER, FOAM, INK = palette("ecdfc0", "f7f1e0", "16233f")
SEA = palette("1b2f5e", "27508c", "4a7fae", "8fb6c6", "cfdcd4")


def waves(size: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of indigo waves with claws of foam before a red sun, in the manner of Hokusai's woodblock prints."""
    y = grid(size)[1]
    rise = np.clip(y / 0.62 + 0.03 * noise(rng, size, (5, 3)), 0, 1)
    canvas = ramp(palette("6f8fa0", "b9bfae", "e6d3a8", "efc79a", "e8b48c"), rise).astype(np.uint8)
    side = rng.choice([-1, 1])

    def place(points):  # mirrored in half of all prints
        points = np.array(points, np.float64)
        points[..., 0] = 0.5 + side * (points[..., 0] - 0.5)
        return points

    _sun(canvas, rng, place)
    _clouds(canvas, rng)
    _mountains(canvas, rng, place)
    for level, height, length, shade in ((0.56, 0.035, 0.16, 3), (0.62, 0.05, 0.22, 2)):
        _swell(canvas, rng, level, height, length, shade)
    _breaker(canvas, rng, place, (0.30, 0.79), 0.74, 0.70)
    _swell(canvas, rng, 0.72, 0.055, 0.27, 1)
    _breaker(canvas, rng, place, (-0.10, 0.96), 0.46, 0.42)
    _swell(canvas, rng, 0.82, 0.06, 0.33, 2)
    _swell(canvas, rng, 0.91, 0.05, 0.40, 0)
    _birds(canvas, rng, place)
    spray = rng.normal((0.36, 0.30), (0.14, 0.10), (170, 2))
    for spot, radius in zip(place(spray), rng.uniform(0.0012, 0.0042, 170), strict=True):
        fill(canvas, ellipse(spot, (radius + 0.0012, radius + 0.0012), samples=12), INK)
        fill(canvas, ellipse(spot, (radius, radius), samples=12), FOAM)
    return _printed(canvas, rng)


def _printed(canvas, rng):
    """What the block and the paper add: wood grain, uneven ink, fibres."""
    size = canvas.shape[0]
    x, y = grid(size)
    warp = 0.012 * noise(rng, size, (4, 3)) + 0.0015 * noise(rng, size, (60, 6))
    rows = noise(rng, size, (170, 2))
    grain = cv2.remap(rows, x * size, (y + warp) * size, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    ink = canvas.astype(np.float32)
    dark = 1 - ink.mean(-1) / 255
    worn = 1 + (0.035 + 0.06 * dark) * grain + 0.05 * noise(rng, size, 5, octaves=3) + 0.04 * noise(rng, size, 300)
    fibres = np.clip(noise(rng, size, (300, 60)) - 2, 0, 1) + np.clip(noise(rng, size, (60, 300)) - 2, 0, 1)
    return ink * worn[..., None] + 22 * fibres[..., None]


def _outlined(canvas, outline, colour, line=0.0032):
    fill(canvas, outline, colour)
    draw(canvas, outline, INK, line, closed=True)


def _sun(canvas, rng, place):
    centre = place((0.17 + rng.uniform(-0.03, 0.03), 0.27 + rng.uniform(-0.03, 0.03)))
    rays = np.zeros(canvas.shape[:2], np.uint8)
    for ray in np.arange(28) * 2 * np.pi / 28:
        far = centre + 1.5 * np.array([(np.cos(ray + d), np.sin(ray + d)) for d in (-0.045, 0.045)])
        fill(rays, np.vstack([centre, far]), 1)
    canvas[rays > 0] = canvas[rays > 0] * 0.78 + palette("e39a6a") * 0.22
    _outlined(canvas, ellipse(centre, (0.105, 0.105), samples=120), palette("c8402c")[0])


def _clouds(canvas, rng):
    for _ in range(9):
        cx, cy, long = rng.uniform(0, 1), rng.uniform(0.03, 0.46), rng.uniform(0.12, 0.3)
        tone = palette("f2e7cc", "dcd2b8", "c9cdbf", "e9c9a4")[rng.integers(4)]
        for row in range(3):
            shift, thick = rng.uniform(-0.06, 0.06), 0.011
            left, right = cx + shift - long / 2 * (1 - 0.2 * row), cx + shift + long / 2 * (1 - 0.2 * row)
            yy = cy + (row - 1) * 0.02
            ends = np.linspace(np.pi / 2, 1.5 * np.pi, 12)
            cap = thick * np.stack([np.cos(ends), np.sin(ends)], -1)
            _outlined(canvas, np.vstack([np.array((left, yy)) + cap, np.array((right, yy)) - cap]), tone, 0.002)


def _mountains(canvas, rng, place):
    for base, tall, shade in ((0.14, 0.13, "7d8fa6"), (0.47, 0.17, "5c7898"), (0.30, 0.09, "4f6a8f")):
        base += rng.uniform(-0.05, 0.05)
        foot = 0.57
        flank = np.linspace(-1, 1, 60)
        top = foot - tall * np.exp(-2.2 * np.abs(flank)) + 0.003 * np.sin(flank * 50)
        outline = np.stack([base + 0.30 * flank, top], -1)
        _outlined(canvas, place(np.vstack([outline, [(base + 0.3, foot + 0.1), (base - 0.3, foot + 0.1)]])),
                  palette(shade)[0])
        for t in np.linspace(-0.5, 0.5, 15):
            start = np.array([base + 0.30 * t, foot - tall * np.exp(-2.2 * abs(t)) + 0.006])
            down = start + np.array([0.05 * t + 0.008 * np.sin(30 * t), 0.05 + 0.02 * np.cos(40 * t)])
            draw(canvas, place(np.array([start, down])), palette("2c4468")[0], 0.002)


def _birds(canvas, rng, place):
    for cx, cy in rng.normal((0.24, 0.13), (0.12, 0.05), (13, 2)):
        wing = rng.uniform(0.012, 0.022)
        wings = curve([(-1, -0.5), (-0.5, -0.62), (0, 0), (0.5, -0.7), (1, -0.45)], samples=21) * wing + (cx, cy)
        fill(canvas, place(ribbons(wings[None], np.array([0.0045]))[0]), INK)


def _swell(canvas, rng, level, height, length, shade):
    """A row of rolling waves across the picture: banded below the crests, with foam on them."""
    along = np.linspace(-0.1, 1.1, 400)
    phase = along / length + rng.uniform() + 0.25 * np.sin(2 * np.pi * along * 1.3 + rng.uniform(0, 6))
    crest = level - height * (2 * (0.5 + 0.5 * np.sin(2 * np.pi * phase)) ** 2.2 - 1)
    edge = np.stack([along, crest], -1)
    _outlined(canvas, np.vstack([edge, [(1.1, 1.2), (-0.1, 1.2)]]), SEA[shade])
    for band in range(1, 9):
        drop, flat = 0.016 * band, 0.86**band
        lower = np.stack([along, level + (crest - level) * flat + drop + 0.003 * np.sin(2 * np.pi * phase * 3)], -1)
        tone = SEA[(shade + (3, 1, 4, 0)[band % 4]) % 5]
        swell = 0.0065 * (0.55 + 0.45 * np.sin(2 * np.pi * phase + band)) + 0.0008
        stripe = np.vstack([lower, (lower + np.stack([0 * swell, swell], -1))[::-1]])
        fill(canvas, stripe, tone)
        draw(canvas, lower, INK, 0.0018)
    slope = np.gradient(crest, along)
    foamy = (crest < level - 0.1 * height) & (slope > -0.6)
    _foam(canvas, rng, edge[foamy][::4], height * 0.42, np.array([-0.4, 0.6]))


def _breaker(canvas, rng, place, base, width, height):
    """One great wave that curls over, striped from its foot to its lip, with claws of foam along the lip."""
    hollow = [(0.02, 0.0), (0.22, 0.05), (0.38, 0.2), (0.44, 0.42), (0.4, 0.6), (0.28, 0.7), (0.13, 0.68), (0.03, 0.58)]
    back = [(1.25, -0.15), (1.05, 0.2), (0.9, 0.52), (0.72, 0.8), (0.5, 0.95), (0.28, 0.94), (0.1, 0.8), (0.02, 0.6)]
    scale = np.array([width, -height])
    inner, outer = (np.array(base) + curve(points) * scale for points in (hollow, back))
    _outlined(canvas, place(np.vstack([inner, outer[::-1]])), SEA[1])
    thick = 1 / 14
    for number in range(14):
        start = number * thick
        stop = start + thick * (0.55 + 0.35 * np.sin(np.linspace(0, 5, len(inner)) + number))[:, None]
        first, second = inner + (outer - inner) * start, inner + (outer - inner) * stop
        fill(canvas, place(np.vstack([first, second[::-1]])), SEA[(0, 3, 1, 4, 0, 2, 4)[number % 7]])
        draw(canvas, place(first), INK, 0.0022)
        draw(canvas, place(second), INK, 0.0014)
    lip = np.vstack([outer[70:], inner[:84:-1]])
    heading = np.array([-0.75, 0.5])
    _foam(canvas, rng, place(lip[::3]), height * 0.052, heading * (place((1, 0))[0] - place((0, 0))[0], 1))


def _foam(canvas, rng, path, radius, heading):
    """Scallops of foam along a path, and hooked claws that reach towards `heading`."""
    count = len(path)
    if not count:
        return
    spots = np.repeat(path, 3, 0) + rng.normal(0, radius * 0.35, (3 * count, 2))
    radii = radius * rng.uniform(0.2, 0.62, 3 * count)
    claws = []
    for start in path[rng.integers(count, size=round(1.3 * count))]:
        turn = rng.normal(0, 0.5)
        reach = radius * rng.uniform(1.5, 3.4)
        bend = np.linspace(0, 1, 9)
        angle = np.arctan2(heading[1], heading[0]) + turn + np.sign(-heading[0]) * 1.5 * (0.5 - bend)
        spine = start + np.cumsum(np.stack([np.cos(angle), np.sin(angle)], -1), 0) * reach / 9
        claws.append((spine, radius * rng.uniform(0.3, 0.55)))
    # All outlines before all insides: neighbours melt into one mass of foam with one contour.
    for extra, tone in ((0.0026, INK), (0.0, FOAM)):
        for spine, width in claws:
            fill(canvas, _tapered(spine, width, extra), tone)
        for spot, r in zip(spots, radii, strict=True):
            fill(canvas, ellipse(spot, (r + extra, r + extra), samples=20), tone)
    for spot, r in zip(spots[::2], radii[::2], strict=True):
        shadow = ellipse(spot, (r * 0.7, r * 0.7), samples=20)[2:10]
        draw(canvas, shadow, SEA[3], 0.002)


def _tapered(spine, width, extra):
    """A claw: as wide as `width` at its root and pointed at its tip."""
    along = np.gradient(spine, axis=0)
    along /= np.linalg.norm(along, axis=-1, keepdims=True) + 1e-9
    half = np.stack([-along[:, 1], along[:, 0]], -1) * (np.linspace(1, 0.05, len(spine)) * width / 2 + extra)[:, None]
    return np.vstack([spine + half, spine[-1] + along[-1] * extra * 2, (spine - half)[::-1]])
