"""Lollipop discs, leaves and ribbons over a sky of coloured glass."""

import cv2
import numpy as np

from tutorial_lib.data.paintings.brushes import (
    curve,
    edge_distance,
    ellipse,
    fill,
    grid,
    noise,
    palette,
    relief,
    ribbons,
    smear,
)

SWEETS = palette("e8265a", "ff7a1a", "ffd21f", "8fd12f", "18b38a", "19b5e0", "2454c8", "7a2fb8", "f25fb0", "fff3d0")


def candy(size: int, rng: np.random.Generator) -> np.ndarray:
    """Saturated discs, leaves and ribbons in black contours, like stained glass or a bowl of sweets."""
    labels, colours, patterns = _sweets(size, rng)
    x, y = grid(size)
    bend = [np.clip((axis + 0.008 * noise(rng, size, 5)) * size, 0, size - 1) for axis in (x, y)]
    labels = cv2.remap(labels.astype(np.float32), *bend, cv2.INTER_NEAREST).astype(int)  # below 2**24: exact
    edge = edge_distance(labels)
    base, kind = colours[labels], patterns[labels]
    other = np.roll(colours, 1, 0)[labels]
    dots = np.hypot((x * 44) % 1 - 0.5, (y * 44 + 0.5 * (np.floor(x * 44) % 2)) % 1 - 0.5) < 0.27
    hatch = np.sin(2 * np.pi * 38 * (x * 0.8 + y * 0.6)) > 0.25
    echo = np.abs(edge - 0.011) < 0.0024
    marks = ((kind == 1) & dots & (edge > 0.008)) | ((kind == 2) & hatch & (edge > 0.007)) | ((kind >= 3) & echo)
    picture = np.where(marks[..., None], other, base)
    glow = 0.64 + 0.31 * (1 - np.exp(-edge / 0.008))  # glass is darker beside its lead
    brush = smear(noise(rng, size, 256), np.dstack([np.cos(5 * x + 3 * y), np.sin(5 * x + 3 * y)]), 0.018)
    picture = picture * (glow * (1 + 0.09 * brush + 0.06 * noise(rng, size, 9, octaves=4)))[..., None]
    shine = np.clip(relief(np.minimum(edge, 0.012), 0.55) - 1, -0.2, 0.35)
    picture = picture + 130 * shine[..., None]
    lead = 0.0026 + 0.0007 * noise(rng, size, 14)
    drawn = np.clip((edge - lead) * size * 0.7 + 0.5, 0, 1)[..., None]
    return picture * drawn + palette("120c16") * (1 + 0.5 * brush[..., None]) * (1 - drawn)


def _sweets(size, rng):
    """The map of shapes, the colour of each, and its pattern: 1 dots, 2 stripes, 3 and 4 an inner line, else plain."""
    labels = np.zeros((size, size), np.int32)
    colours, patterns = [SWEETS[0]], [0]

    def shape(outline, colour, pattern=0):
        fill(labels, outline, len(colours))
        colours.append(SWEETS[colour % 10] * rng.normal(1, 0.06) + rng.normal(0, 8, 3))
        patterns.append(pattern)

    def disc(centre, radius, first):
        spiral = rng.random() < 0.35
        count = int(np.clip(radius / 0.026, 2, 5))  # finer rings would drown in their own contours
        for ring in range(count):
            outer = radius * (1 - ring / count)
            shape(ellipse(centre, (outer, outer), samples=90), first + 3 * ring, int(rng.integers(0, 6)))
            sectors = round(2 * np.pi * outer / 0.05) if ring % 2 == 0 and ring < count - 1 else 0
            for sector in range(sectors):
                turn = np.linspace(sector, sector + 0.5, 8) / sectors * 2 * np.pi
                rim = np.stack([np.cos(turn), np.sin(turn)], -1)
                lean = 0.7 if spiral else 0.0
                root = np.stack([np.cos(turn + lean), np.sin(turn + lean)], -1)
                shape(np.vstack([centre + outer * rim, (centre + outer * 0.45 * root)[::-1]]), first + 3 * ring + 4)

    # Sky: a fan of curved rays cut by rings.
    hub = np.array([rng.uniform(0.25, 0.75), 0.62])
    radii = np.concatenate([[1.3], np.cumsum(rng.uniform(0.06, 0.12, 9))[::-1]])
    for number, radius in enumerate(radii):
        pieces = max(6, round(radius * 2 * np.pi / rng.uniform(0.10, 0.16)))
        start = rng.uniform(0, 1)
        for piece in range(pieces):
            turn = (np.linspace(piece, piece + 1, 10) + start) / pieces * 2 * np.pi
            shape(np.vstack([hub, hub + radius * np.stack([np.cos(turn), np.sin(turn)], -1)]),
                  int(rng.integers(10)) if rng.random() < 0.35 else 5 + number + piece % 3, int(rng.integers(0, 9)))
    # Ground: waving ribbons in pieces.
    for number, level in enumerate(np.linspace(0.72, 0.97, 5)):
        across = np.linspace(-0.05, 1.05, 120)
        top = level + 0.03 * np.sin(2 * np.pi * (across * rng.uniform(0.8, 1.6) + rng.uniform()))
        cuts = np.sort(rng.choice(np.arange(4, 116), 9, replace=False))
        for piece, (left, right) in enumerate(zip([0, *cuts], [*cuts, 119], strict=True)):
            edge = np.stack([across[left : right + 1], top[left : right + 1]], -1)
            shape(np.vstack([edge, [(across[right] + 0.02, 1.2), (across[left] + 0.02, 1.2)]]),
                  (0, 3, 7, 2, 4)[number] + 2 * (piece % 3), int(rng.integers(0, 6)))
    # Stems with leaves, a lollipop at the end of each.
    discs = []
    for attempt in range(300):
        centre = rng.uniform(0.03, 0.97, 2) * (1, 0.7)
        radius = rng.uniform(0.06, 0.135) if attempt < 40 else rng.uniform(0.04, 0.07)
        if len(discs) < 13 and all(np.hypot(*(centre - c)) > 0.95 * (radius + r) for c, r in discs):
            discs.append((centre, radius))
    for centre, _ in discs:
        foot = np.array([np.clip(centre[0] + rng.normal(0, 0.12), 0, 1), rng.uniform(0.8, 1.0)])
        lean = rng.normal(0, 0.08)
        stem = curve([foot, (foot + centre) / 2 + (lean, 0.0), centre], samples=40)
        shape(ribbons(stem[None], np.array([0.022]))[0], int(rng.integers(10)))
        for spot in range(6, 34, 7):
            heading = rng.choice([-1, 1]) * rng.uniform(0.6, 1.2) - np.pi / 2
            tip = stem[spot] + rng.uniform(0.06, 0.11) * np.array([np.cos(heading), np.sin(heading)])
            bow = (stem[spot] + tip) / 2 + rng.normal(0, 0.012, 2)
            leaf = curve([stem[spot], bow, tip], samples=24)
            tone = int(rng.integers(10))
            shape(ribbons(leaf[None], np.array([0.045]))[0], tone, int(rng.integers(1, 4)))
            shape(ribbons(leaf[None, 3:-3], np.array([0.013]))[0], tone + 3)
    for number, (centre, radius) in enumerate(sorted(discs, key=lambda d: d[1])):
        disc(centre, radius, number * 3 + int(rng.integers(3)))
    return labels, np.array(colours, np.float32), np.array(patterns)
