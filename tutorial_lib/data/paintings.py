"""The painters: each takes a size and a random generator and returns pixels (size, size, 3), RGB, 0 to 255."""

import cv2
import numpy as np

from tutorial_lib.data.brushes import (
    curve, draw, edge_distance, ellipse, fill, grid, noise, palette, ramp, relief, ribbons, sample, smear, trace,
)


# Swirls: a night sky over fields, thousands of strokes along a field of vortices.

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
    canvas[..., :3] = NIGHT[1]
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
        (middle + flip * 0.22, 0.10, 0.10, -1),
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

    stars = [(0.5 + flip * 0.36, 0.15, 0.135)]
    while len(stars) < 11:
        star = (rng.uniform(0.04, 0.96), rng.uniform(0.04, 0.52), rng.uniform(0.035, 0.075))
        if all(np.hypot(star[0] - s[0], star[1] - s[1]) > 1.15 * (star[2] + s[2]) for s in stars):
            stars.append(star)
    for cx, cy, radius in stars:
        dx, dy = x - cx, y - cy
        r = np.hypot(dx, dy) / radius
        near, inside = (np.clip(sharp * (reach - r), 0, 1)[..., None] for sharp, reach in ((2.5, 1.6), (2.2, 1.2)))
        # The strokes turn around a star a little beyond its light, or its rim would look hairy.
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


# Mosaic: a peacock in tesserae laid in rows along the outlines.

GOLD = palette("e9bf4c", "d9a22c", "f6dd8c", "c4861d")
STONE = palette("efe3c8", "e2cfa4", "d8c190", "f6eedb")


def mosaic(size: int, rng: np.random.Generator) -> np.ndarray:
    """Irregular tiles of stone, glass and gold laid along the outlines of a peacock, in the Byzantine manner."""
    shapes, rings = _peacock(size, rng)
    tiles, colours, centres = _lay(shapes, rings, rng)
    x, y = grid(size)
    edge = edge_distance(tiles)
    tilt = rng.normal(0, 1, (len(colours), 2)).astype(np.float32)[tiles]
    offset = np.stack([x, y], -1) - centres[tiles]
    face = 1 + 9 * (tilt * offset).sum(-1)  # each tile is set a little askew and catches the light its own way
    face *= relief(np.minimum(edge, 0.0035), 0.32)
    face *= 1 + 0.05 * noise(rng, size, 256) + 0.05 * noise(rng, size, 90)
    picture = colours[tiles] * face[..., None]
    mortar = palette("5c5148") * (1 + 0.16 * noise(rng, size, 200) + 0.10 * noise(rng, size, 12))[..., None]
    joint = np.clip((edge - 0.0011 - 0.0004 * noise(rng, size, 80)) * size + 0.5, 0, 1)[..., None]
    aged = 1 + 0.06 * noise(rng, size, 4, octaves=3)[..., None]
    return (picture * joint + mortar * (1 - joint)) * aged


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
                        tone = tones[turn % len(tones)] if len(tones) < 4 else tones[rng.integers(len(tones))]
                        colours.append(tone * rng.normal(1, 0.09) + rng.normal(0, 7, 3))
                        centres.append((here + 0.5) / size)
                        turn += 1
                    # A diagonal step of a pixel chain is one point but sqrt(2) pixels long.
                    place += long * np.abs(ahead).max()
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
    teal = palette("0f5c66", "167a7c", "0c4558", "1f8f86")
    blue = palette("173a8c", "1f55b4", "12286a", "2b74c8")
    green = palette("3f6b2f", "5d8a3a", "2c5230", "7fa24a")

    shape(np.array([(-1, -1), (2, -1), (2, 2), (-1, 2)]), 0.0165, red[:1], ivory, palette("1c2a4a", "1c2a4a", "e9bf4c"),
          ivory, red)
    low, high = 0.075, 0.925
    shape(np.array([(low, low), (high, low), (high, high), (low, high)]), 0.0175, dark, GOLD, ivory, ivory,
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
    for count, distance, scale in ((9, 0.435, 1.0), (8, 0.325, 0.9), (6, 0.225, 0.75)):
        for angle in np.linspace(np.pi * 1.08, np.pi * 1.92, count):
            eye = (cx + 0.80 * distance * np.cos(angle), cy + distance * np.sin(angle))
            shape(ellipse(eye, (0.058 * scale, 0.044 * scale), angle), 0.0115, GOLD, palette("c65a34", "a8321f", "d9783f",
                  "b8472a"), palette("35b5b0", "1f8f9a", "59c9c0", "2aa0a8"), blue)
    # Grass, body, neck and head.
    top = curve([(low, 0.83), (0.25, 0.80), (0.42, 0.83), (0.6, 0.80), (0.8, 0.825), (high, 0.80)])
    shape(np.vstack([top, [(high, high), (low, high)]]), 0.0155, dark, green, palette("7fa24a", "5d8a3a", "a9b85a",
          "3f6b2f", "c98a17"))
    body = curve([(cx - 0.03, cy - 0.21), (cx + 0.045, cy - 0.19), (cx + 0.04, cy - 0.08), (cx + 0.12, cy + 0.05),
                  (cx + 0.10, cy + 0.17), (cx, cy + 0.22), (cx - 0.10, cy + 0.17), (cx - 0.12, cy + 0.05),
                  (cx - 0.045, cy - 0.08), (cx - 0.06, cy - 0.17)], closed=True)
    shape(body, 0.0115, dark, palette("59c9c0", "2b74c8"), blue, blue, palette("2b74c8", "35b5b0", "1f55b4", "59a0d8"))
    beak = np.array([(cx + 0.03, cy - 0.185), (cx + 0.085, cy - 0.165), (cx + 0.035, cy - 0.15)])
    shape(beak, 0.011, GOLD)
    for angle in np.linspace(-0.6, 0.6, 5):
        tip = np.array([cx - 0.01 + 0.10 * np.sin(angle), cy - 0.20 - 0.085 * np.cos(angle)])
        stroke(np.array([(cx - 0.01, cy - 0.20), tip]), 0.009, 0.009, dark)
        shape(ellipse(tip, (0.014, 0.014)), 0.011, palette("f6dd8c", "59c9c0"))
    shape(ellipse((cx + 0.008, cy - 0.172), (0.025, 0.018)), 0.010, ivory)
    shape(ellipse((cx + 0.010, cy - 0.172), (0.009, 0.009)), 0.010, dark[:1])
    return shapes, rings


def draw_label(labels, path, number, width):
    """A thick line on a map of labels (not smoothed: half a label would be another one)."""
    size = labels.shape[0]
    cv2.polylines(labels, [np.round(path * size).astype(np.int32)], False, number, max(1, round(width * size)))


# Waves: a woodblock print, flat colours and dark outlines on paper.

PAPER, FOAM, INK = palette("ecdfc0", "f7f1e0", "16233f")
SEA = palette("1b2f5e", "27508c", "4a7fae", "8fb6c6", "cfdcd4")


def waves(size: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of indigo waves with claws of foam before a red sun, in the manner of Hokusai's woodblock prints."""
    x, y = grid(size)
    rise = np.clip(y / 0.62 + 0.03 * noise(rng, size, (5, 3)), 0, 1)
    canvas = ramp(palette("6f8fa0", "b9bfae", "e6d3a8", "efc79a", "e8b48c"), rise).astype(np.uint8)
    side = rng.choice([-1, 1])

    def place(points):  # every print may be seen in a mirror
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
    centre = place((0.74 + rng.uniform(-0.04, 0.04), 0.24 + rng.uniform(-0.03, 0.03)))
    for ray in np.arange(28) * 2 * np.pi / 28:
        far = centre + 1.5 * np.array([(np.cos(ray + d), np.sin(ray + d)) for d in (-0.045, 0.045)])
        wedge = np.zeros_like(canvas)
        fill(wedge, np.vstack([centre, far]), (1, 1, 1))
        canvas[wedge[..., 0] > 0] = canvas[wedge[..., 0] > 0] * 0.82 + palette("e39a6a")[0] * 0.18
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
            _outlined(canvas, np.vstack([(left, yy) + cap, (right, yy) - cap]), tone, 0.002)


def _mountains(canvas, rng, place):
    for base, tall, shade in ((0.80, 0.13, "7d8fa6"), (0.62, 0.08, "4f6a8f"), (0.95, 0.10, "5c7898")):
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
    hollow = [(0.02, 0.0), (0.22, 0.05), (0.38, 0.20), (0.44, 0.42), (0.40, 0.60), (0.28, 0.70), (0.13, 0.68), (0.03, 0.58)]
    back = [(1.25, -0.15), (1.05, 0.20), (0.90, 0.52), (0.72, 0.80), (0.50, 0.95), (0.28, 0.94), (0.10, 0.80), (0.02, 0.60)]
    scale = np.array([width, -height])
    inner, outer = (np.array(base) + curve(points) * scale for points in (hollow, back))
    _outlined(canvas, place(np.vstack([inner, outer[::-1]])), SEA[1])
    blends = np.linspace(0, 1, 15)
    for number, (start, stop) in enumerate(zip(blends[:-1], blends[1:], strict=True)):
        thick = stop - start
        stop = start + thick * (0.55 + 0.35 * np.sin(np.linspace(0, 5, len(inner)) + number))[:, None]
        first, second = inner + (outer - inner) * start, inner + (outer - inner) * stop
        fill(canvas, place(np.vstack([first, second[::-1]])), SEA[(0, 3, 1, 4, 0, 2, 4)[number % 7]])
        draw(canvas, place(first), INK, 0.0022)
        draw(canvas, place(second), INK, 0.0014)
    lip = np.vstack([outer[60:], inner[:84:-1]])
    heading = np.array([-0.75, 0.5])
    _foam(canvas, rng, place(lip[::3]), height * 0.052, heading * (place((1, 0))[0] - place((0, 0))[0], 1))


def _foam(canvas, rng, path, radius, heading):
    """Scallops of foam along a path, and hooked claws that reach towards `heading`."""
    count = len(path)
    if not count:
        return
    spots = np.repeat(path, 3, 0) + rng.normal(0, radius * 0.35, (3 * count, 2))
    radii = radius * rng.uniform(0.25, 0.75, 3 * count)
    claws = []
    for start in path[rng.random(count) < 0.9]:
        turn = rng.normal(0, 0.5)
        reach = radius * rng.uniform(1.3, 2.8)
        bend = np.linspace(0, 1, 9)
        angle = np.arctan2(heading[1], heading[0]) + turn + np.sign(-heading[0]) * 1.5 * (0.5 - bend)
        spine = start + np.cumsum(np.stack([np.cos(angle), np.sin(angle)], -1), 0) * reach / 9
        claws.append((spine, radius * rng.uniform(0.3, 0.55)))
    # All outlines before all insides: neighbours melt into one mass of foam with one contour.
    for extra, tone in ((0.0026, INK), (0.0, FOAM)):
        for spine, width in claws:
            body = np.array([width + 2 * extra])
            fill(canvas, _tapered(spine, body[0], extra), tone)
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
