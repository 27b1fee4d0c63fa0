"""A night sky over fields, thousands of strokes along a field of vortices."""

import cv2
import numpy as np

from tutorial_lib.data.paintings.brushes import fill, grid, noise, palette, ramp, relief, ribbons, sample, smear, trace

NIGHT = palette("0b1440", "14257a", "1f44a8", "2f6fc4", "5a9bd0", "9cc6d2", "dfe3b4")
GLOW = palette("fffbe0", "ffd23a", "f0a01a", "ffe66a", "f4efc0", "b8d8c4", "5f9fd0")
FAR = palette("141a4a", "27358a", "4a66b4", "7f93c8", "b9a9c9")
NEAR = palette("06241f", "0f4f48", "2c7a4a", "8fb04a", "d8d27a")
LEAVES = palette("04130f", "0b3a2c", "1f6a3a", "6f9a2f", "d9c94a")
WHEAT = palette("7a4a12", "c98a17", "f0bf2c", "f8e27a", "3f7a3a")


def swirls(size: int, rng: np.random.Generator) -> np.ndarray:
    """Thick strokes that follow a swirling sky of stars over hills and a field, in the manner of van Gogh."""
    field, colours = _night(rng)
    canvas = np.zeros((size, size, 4), np.uint8)  # the fourth channel is the height of the paint
    canvas[..., :3] = cv2.resize(colours, (size, size))
    for count, length, width, spread in ((2500, 0.09, 0.019, 9), (7000, 0.06, 0.0085, 15), (5500, 0.036, 0.0055, 26)):
        starts = rng.uniform(-0.02, 1.02, (count, 2))
        paths = trace(field, starts, length * rng.uniform(0.6, 1.5, count))
        outlines = ribbons(paths, width * rng.uniform(0.6, 1.4, count))
        shade = sample(colours, starts) + rng.normal(0, spread, (count, 1)) + rng.normal(0, spread / 3, (count, 3))
        paint = np.clip(np.column_stack([shade, rng.uniform(40, 215, count)]), 0, 255)
        for outline, colour in zip(outlines, paint, strict=True):
            fill(canvas, outline, colour)
    bristles = smear(rng.standard_normal((512, 512)).astype(np.float32), field, 0.03)
    bristles = cv2.resize(bristles, (size, size), interpolation=cv2.INTER_CUBIC)
    paint = cv2.GaussianBlur(canvas[..., 3].astype(np.float32) / 255, (0, 0), size * 0.0009)
    light = relief(paint * 0.004 + bristles * 0.0006, 0.3) * (1 + 0.045 * bristles)
    return canvas[..., :3] * light[..., None]


def _night(rng: np.random.Generator, size: int = 384) -> tuple[np.ndarray, np.ndarray]:
    """The directions (size, size, 2) of the strokes and the colours (size, size, 3) beneath them."""
    x, y = grid(size)
    flip = rng.choice([-1, 1])
    u = 0.35 * np.sin(2 * np.pi * (0.8 * x + rng.uniform()) + 3 * y)
    vx, vy = np.cos(u), np.sin(u)
    light = 0.30 + 0.22 * y
    middle = 0.5 - 0.16 * flip + rng.uniform(-0.05, 0.05)
    for cx, cy, radius, sign in (
        (middle, 0.31 + rng.uniform(-0.03, 0.03), 0.21, 1),
        (middle + flip * 0.36, 0.44 + rng.uniform(-0.03, 0.03), 0.13, -1),
        (middle + flip * 0.20, 0.09, 0.09, -1),
    ):
        dx, dy = x - cx, y - cy
        r, theta = np.hypot(dx, dy) + 1e-6, np.arctan2(dy, dx)
        weight = 5 * np.exp(-((r / radius) ** 2))
        vx += weight * (-sign * dy - 0.25 * dx) / r
        vy += weight * (sign * dx - 0.25 * dy) / r
        arms = np.sin(2 * theta - sign * 9 * np.log(r / radius + 0.15))
        light += np.exp(-((r / radius / 1.25) ** 4)) * (0.30 * arms + 0.16)
    length = np.hypot(vx, vy) + 1e-6
    field = np.stack([vx / length, vy / length], -1).astype(np.float32)
    light += 0.17 * smear(noise(rng, size, 48), field, 0.16) + 0.05 * noise(rng, size, 6)
    colours = ramp(NIGHT, np.clip(light, 0, 1))

    hubs = [(middle, 0.31, 0.10), (middle + flip * 0.36, 0.44, 0.07)]  # the large swirls, which no star may cover
    stars = [(0.5 + flip * 0.36, 0.15, 0.135)]
    for _ in range(300):
        star = (rng.uniform(0.04, 0.96), rng.uniform(0.04, 0.52), rng.uniform(0.03, 0.068))
        taken = stars + hubs
        if len(stars) < 10 and all(np.hypot(star[0] - s[0], star[1] - s[1]) > 1.15 * (star[2] + s[2]) for s in taken):
            stars.append(star)
    for cx, cy, radius in stars:
        dx, dy = x - cx, y - cy
        r = np.hypot(dx, dy) / radius
        near, inside = (np.clip(sharp * (reach - r), 0, 1)[..., None] for sharp, reach in ((2.5, 1.6), (2.2, 1.2)))
        # The strokes still turn around a star a little beyond its light: otherwise its rim would look frayed.
        tangent = np.stack([-dy, dx], -1) / (radius * r[..., None] + 1e-6)
        tangent *= np.sign((field * tangent).sum(-1, keepdims=True)) + 1e-3
        field = field * (1 - near) + tangent * near
        rings = np.clip(r + 0.13 * np.sin(r * 17) + 0.06 * noise(rng, size, 40), 0, 1)
        colours = colours * (1 - inside) + ramp(GLOW, rings) * inside
    field, colours = _hills(rng, x, y, field, colours)
    field /= np.linalg.norm(field, axis=-1, keepdims=True) + 1e-6
    return field, colours


def _hills(rng, x, y, field, colours):
    """Three ridges, each over the one before, with strokes along the slopes."""
    size = x.shape[0]
    for level, height, tones, steep in ((0.60, 0.05, FAR, 0.0), (0.69, 0.04, NEAR, 0.5), (0.80, 0.03, WHEAT, 1.35)):
        phase, waves = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 1.5)
        angle = 2 * np.pi * waves * x + phase
        ridge = level + height * np.sin(angle) + 0.35 * height * np.sin(2.3 * angle)
        depth = y - ridge
        slope = height * np.cos(angle) * 2 * np.pi * waves
        turn = np.arctan(slope) + steep * (0.75 + 0.35 * noise(rng, size, 5)) + 0.3 * np.sin(40 * depth)
        along = np.stack([np.cos(turn), np.sin(turn)], -1)
        tone = 0.5 + 0.26 * smear(noise(rng, size, 56), along, 0.05) + 0.18 * np.sin(depth * 60 + 3 * np.sin(angle))
        ground = ramp(tones, np.clip(tone, 0, 1))
        if tones is WHEAT:
            ground = np.where((noise(rng, size, 60) > 1.9)[..., None], palette("c8321c"), ground)  # poppies
        ground = np.where((depth < 0.011)[..., None], tones[0], ground)  # a dark contour, as a draughtsman's
        below = (depth > 0)[..., None]
        field, colours = np.where(below, along, field), np.where(below, ground, colours)
        if tones is NEAR:
            for cx in np.arange(0.02, 1, 0.125) + rng.uniform(-0.035, 0.035, 8):
                cy = np.interp(cx, x[0], ridge[0]) + rng.uniform(0.0, 0.05)
                field, colours = _tree(rng, x - cx, y - cy, rng.uniform(0.04, 0.075), field, colours)
    return field, colours


def _tree(rng, dx, dy, radius, field, colours):
    """A round crown whose leaves turn about its middle, dark below and lit above."""
    r = np.hypot(dx, 0.85 * dy) / radius + 0.12 * noise(rng, dx.shape[0], 24)
    tone = 0.42 - 0.45 * dy / radius + 0.24 * np.sin(9 * r + 2 * np.arctan2(dy, dx))
    crown = ramp(LEAVES, np.where(r > 0.86, 0, np.clip(tone, 0.1, 1)))
    curl = np.stack([-dy - 0.4 * dx, dx - 0.4 * dy], -1)
    curl /= np.linalg.norm(curl, axis=-1, keepdims=True) + 1e-6
    inside = (r < 1)[..., None]
    return np.where(inside, curl, field), np.where(inside, crown, colours)
