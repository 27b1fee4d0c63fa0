"""A peacock in tesserae laid in rows along the outlines."""

import cv2
import numpy as np

from tutorial_lib.data.paintings.brushes import (
    curve,
    draw_label,
    edge_distance,
    ellipse,
    fill,
    grid,
    noise,
    palette,
    relief,
)

GOLD = palette("e9bf4c", "d9a22c", "f6dd8c", "c4861d")
STONE = palette("efe3c8", "e2cfa4", "d8c190", "f6eedb")

# Single pixels decide whether one more tile fits, so the tiles are laid at one size, whatever the picture's size.
_LAYOUT = 1024


def mosaic(size: int, rng: np.random.Generator) -> np.ndarray:
    """Irregular tiles of stone, glass and gold laid along the outlines of a peacock, in the Byzantine manner."""
    shapes, rings = _peacock(_LAYOUT, rng)
    tiles, colours, centres = _lay(shapes, rings, rng)
    edge = cv2.resize(edge_distance(tiles), (size, size))  # smooth also where the map below has steps
    nearest = np.arange(size) * _LAYOUT // size
    tiles = tiles[nearest[:, None], nearest]
    x, y = grid(size)
    tilt = rng.normal(0, 1, (len(colours), 2)).astype(np.float32)[tiles]
    offset = np.stack([x, y], -1) - centres[tiles]
    face = 1 + 9 * (tilt * offset).sum(-1)  # each tile is set a little askew and catches the light its own way
    face *= relief(np.minimum(edge, 0.0035), 0.32)
    face *= 1 + 0.05 * noise(rng, size, 256) + 0.05 * noise(rng, size, 90)
    picture = colours[tiles] * face[..., None]
    mortar = palette("5c5148") * (1 + 0.16 * noise(rng, size, 200) + 0.10 * noise(rng, size, 12))[..., None]
    joint = np.clip((edge - 0.0011 - 0.0004 * noise(rng, size, 80)) * size + 0.5, 0, 1)[..., None]
    aged = 1 + 0.06 * noise(rng, size, 4, octaves=3)[..., None]
    return 1.14 * (picture * joint + mortar * (1 - joint)) * aged


def _lay(shapes, rings, rng):
    """Lays tiles row by row inwards from every outline: their map, and each tile's colour and centre."""
    size = shapes.shape[0]
    tiles = np.zeros((size, size), np.int32)
    colours, centres = [np.zeros(3)], [np.zeros(2)]
    for label, (width, rows) in rings.items():
        region = (shapes == label).astype(np.uint8)
        depth = cv2.distanceTransform(region, cv2.DIST_L2, 5)
        side = width * size
        for row in range(int(depth.max() / side + 0.5)):
            tones = rows[min(row, len(rows) - 1)]
            level = (depth > (row + 0.5) * side).astype(np.uint8)
            for chain in cv2.findContours(level, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]:
                chain = chain[:, 0].astype(np.float32)
                place, turn = 0.0, 0
                while place < len(chain) - 0.4 * side:
                    here = chain[int(place)]
                    ahead = chain[int(place + side * 0.35) % len(chain)] - chain[int(place - side * 0.35)]
                    ahead /= np.hypot(*ahead) + 1e-6
                    long = side * rng.uniform(0.75, 1.25)
                    if _set(tiles, region, here, ahead, long, side * 1.04, len(colours)):
                        # Up to three colours alternate, as in a beaded border; more are a mixture.
                        tone = tones[turn % len(tones)] if len(tones) < 4 else tones[rng.integers(len(tones))]
                        colours.append(tone * rng.normal(1, 0.09) + rng.normal(0, 7, 3))
                        centres.append((here + 0.5) / size)
                        turn += 1
                    # A diagonal step of a pixel chain is one point but sqrt(2) pixels long.
                    place += long * max(0.7, np.abs(ahead).max())
    nearest = cv2.distanceTransformWithLabels((tiles == 0).astype(np.uint8), cv2.DIST_L2, 5,
                                              labelType=cv2.DIST_LABEL_PIXEL)[1]
    lookup = np.zeros(nearest.max() + 1, np.int32)
    lookup[nearest[tiles > 0]] = tiles[tiles > 0]
    return lookup[nearest], np.array(colours, np.float32), np.array(centres, np.float32)


def _set(tiles, region, centre, along, long, wide, number) -> bool:
    """Sets one tile where nothing lies yet; False when too little of it would be left."""
    across = np.array([-along[1], along[0]])
    corners = [centre + a * along * long / 2 + b * across * wide / 2 for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    corners = np.round(corners).astype(np.int32)
    low = np.maximum(corners.min(0), 0)
    high = corners.max(0) + 1
    box = np.s_[low[1] : high[1], low[0] : high[0]]
    spot = tiles[box]
    if not spot.size:
        return False
    shape = np.zeros(spot.shape, np.uint8)
    cv2.fillConvexPoly(shape, corners - low, 1)
    free = (shape > 0) & (spot == 0) & (region[box] > 0)
    if free.sum() < 0.4 * long * wide:
        return False
    spot[free] = number
    return True


def _peacock(size, rng):
    """The map of shapes, and for each the width of its tiles and the colours of its rows from the outline inwards."""
    shapes = np.zeros((size, size), np.uint16)
    rings = {}

    def shape(outline, width, *rows):
        number = len(rings) + 1
        rings[number] = (width, rows)
        fill(shapes, outline, number)

    def stroke(path, thick, width, *rows):
        number = len(rings) + 1
        rings[number] = (width, rows)
        draw_label(shapes, path, number, thick)

    red, dark, ivory = palette("a8321f", "7c1f1a", "c65a34"), palette("2a2530", "1c2a4a"), STONE
    blue = palette("173a8c", "1f55b4", "12286a", "2b74c8")
    green = palette("4f8a35", "6da23f", "3a7040", "93ba52")

    shape(np.array([(-1, -1), (2, -1), (2, 2), (-1, 2)]), 0.0165, red[:1], ivory, palette("1c2a4a", "1c2a4a", "e9bf4c"),
          ivory, red)
    low, high = 0.075, 0.925
    ground = (GOLD, ivory, ivory) if rng.random() < 0.5 else (ivory, GOLD, GOLD)
    shape(np.array([(low, low), (high, low), (high, high), (low, high)]), 0.0145, red, *ground,
          palette("e2cfa4", "d9a22c", "efe3c8", "f6dd8c", "c9b083"))
    cx, cy = 0.5 + rng.uniform(-0.03, 0.03), 0.66 + rng.uniform(-0.02, 0.02)
    # Vines in the upper corners and pomegranates on them.
    for side in (-1, 1):
        turn = np.linspace(0, 3.5 * np.pi, 90)
        radius = 0.098 - 0.0068 * turn
        hub = np.array([0.5 + side * 0.305, 0.2])
        spiral = hub + np.stack([side * radius * np.cos(turn), -radius * np.sin(turn)], -1)
        stroke(spiral, 0.017, 0.0085, green, green)
        shape(ellipse(hub, (0.024, 0.024)), 0.009, red, GOLD)
    # The fan and its eyes.
    reach = 0.50
    fan = np.linspace(np.pi * 1.02, np.pi * 1.98, 90)
    rim = reach * (1 - 0.035 * np.abs(np.sin(fan * 9)))
    outline = np.stack([cx + 0.80 * rim * np.cos(fan), cy + rim * np.sin(fan)], -1)
    under = curve([outline[-1], (cx + 0.25, cy + 0.13), (cx, cy + 0.2), (cx - 0.25, cy + 0.13), outline[0]])
    plume = palette("1f8f86", "2c9a6a", "0f6c76", "5d9a45", "167a7c")
    shape(np.vstack([outline, under]), 0.0115, plume, plume, GOLD, plume, palette("0c4558", "12286a"), plume)
    for count, distance, scale in ((9, 0.435, 1.0), (8, 0.325, 0.9), (7, 0.225, 0.75)):
        for angle in np.linspace(np.pi * 1.08, np.pi * 1.92, count):
            if distance < 0.3 and abs(angle - 1.5 * np.pi) < 0.5:
                continue  # behind the head
            eye = (cx + 0.80 * distance * np.cos(angle), cy + distance * np.sin(angle))
            shape(ellipse(eye, (0.058 * scale, 0.044 * scale), angle), 0.0115, GOLD,
                  palette("c65a34", "a8321f", "d9783f", "b8472a"), palette("35b5b0", "1f8f9a", "59c9c0", "2aa0a8"),
                  blue)
    # Grass, body, neck and head.
    top = curve([(low, 0.83), (0.25, 0.80), (0.42, 0.83), (0.6, 0.80), (0.8, 0.825), (high, 0.80)])
    shape(np.vstack([top, [(high, high), (low, high)]]), 0.0135, green,
          palette("7fa24a", "5d8a3a", "a9b85a", "3f6b2f", "c98a17"))
    for angle in np.linspace(-0.6, 0.6, 5):
        tip = np.array([cx + 0.13 * np.sin(angle), cy - 0.22 - 0.105 * np.cos(angle)])
        stroke(np.array([(cx, cy - 0.22), tip]), 0.009, 0.009, GOLD)
        shape(ellipse(tip, (0.016, 0.016)), 0.011, palette("35b5b0", "2b74c8"))
    body = curve([(cx - 0.02, cy - 0.255), (cx + 0.045, cy - 0.235), (cx + 0.055, cy - 0.18), (cx + 0.04, cy - 0.08),
                  (cx + 0.12, cy + 0.05), (cx + 0.11, cy + 0.16), (cx, cy + 0.22), (cx - 0.11, cy + 0.16),
                  (cx - 0.12, cy + 0.05), (cx - 0.045, cy - 0.08), (cx - 0.065, cy - 0.2)], closed=True)
    shape(body, 0.0105, dark, palette("2b74c8", "1f55b4"), blue, palette("2b74c8", "59a0d8", "3f8ad0"),
          palette("59c9c0", "35b5b0", "59a0d8", "8fd8d0"), palette("2b74c8", "35b5b0", "1f55b4", "59a0d8"))
    for row, count in enumerate((3, 4, 3)):
        for column in np.arange(count) - (count - 1) / 2:
            shape(ellipse((cx + 0.048 * column, cy + 0.04 + 0.05 * row), (0.019, 0.022)), 0.0105, GOLD, red)
    beak = np.array([(cx + 0.045, cy - 0.225), (cx + 0.115, cy - 0.19), (cx + 0.05, cy - 0.18)])
    shape(beak, 0.013, GOLD)
    shape(ellipse((cx + 0.006, cy - 0.208), (0.030, 0.022)), 0.012, ivory)
    shape(ellipse((cx + 0.010, cy - 0.208), (0.010, 0.010)), 0.014, dark[:1])
    for x in np.linspace(low + 0.05, high - 0.05, 9):
        shape(ellipse((x, 0.875 + 0.02 * np.sin(40 * x)), (0.021, 0.021)), 0.0115, red, STONE)
    return shapes[:, :: rng.choice([-1, 1])], rings
