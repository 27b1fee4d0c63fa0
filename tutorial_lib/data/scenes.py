"""The rendered films: five test scenes in the manner of Sintel's, and as many training scenes as wanted."""

import functools
import math
import zlib

import numpy as np
import torch

from tutorial_lib.data import photographs, textures
from tutorial_lib.data.images import fit_longer_side
from tutorial_lib.data.rendering import Layer, Motion, Scene, Wave
from tutorial_lib.errors import TutorialError

TEST_SCENES = ("alley_2", "ambush_5", "bandage_2", "market_6", "temple_2")

TRAINING_CUTOUTS = tuple(name for name, (source, _) in photographs.CUTOUTS.items() if source in photographs.TRAINING)
FASTEST = 0.04   # widths per frame


def test_scene(name: str, height: int, width: int, frames: int) -> Scene:
    """One of TEST_SCENES, at any size and length, made from the TEST photographs only.

    The motions are in the manner of the scenes of those names in MPI Sintel (Butler et al. 2012): alley_2 is a slow pan
    past a walking figure, ambush_5 a fight under a shaking camera, bandage_2 a nearly still close-up,
    market_6 a fast chase past several things, temple_2 a flight with zoom and roll.
    Raises: TutorialError for an unknown name, fewer than one frame or a size under 16 pixels.
    """
    if name not in TEST_SCENES:
        raise TutorialError(f"Unknown test scene {name!r}; there are {', '.join(TEST_SCENES)}.")
    make = {"alley_2": _alley, "ambush_5": _ambush, "bandage_2": _bandage, "market_6": _market, "temple_2": _temple}
    layers, camera, noise = make[name]()
    return Scene(name, height, width, frames, layers, camera, seed=zlib.crc32(name.encode()), noise=noise)


test_scene.__test__ = False  # a function for films, which pytest would take for a test by its name


def random_scene(seed: int, height: int, width: int, frames: int) -> Scene:
    """A training scene, from the TRAINING photographs and painted surfaces only; the same for the same seed.

    One background, one to three layers before it, and motions from none at all to about 4 % of the width per frame.
    Raises: TutorialError for a negative seed, fewer than one frame or a size under 16 pixels.
    """
    if seed < 0:
        raise TutorialError(f"The seed of a scene is a whole number from 0 up; this one is {seed}.")
    rng = np.random.default_rng((seed, 20200823))
    camera = _random_motion(rng, _random_speed(rng, still=0.15))
    layers = [_random_background(rng)]
    layers += [_random_actor(rng, number, height / width) for number in range(int(rng.integers(1, 4)))]
    return Scene(
        f"random_{seed}", height, width, frames, tuple(layers), camera, seed=seed,
        noise=rng.uniform(0.009, 0.014),
        light=Wave(rng.uniform(0, 0.006), rng.uniform(8, 20), rng.random()),
        tremble=rng.uniform(0, 0.005),
        softness=rng.uniform(0.3, 0.6),
    )


def _cutout(name: str, *colours: textures.Colour) -> tuple[torch.Tensor, np.ndarray]:
    """The cut-out's part of its photograph, recoloured if colours are given, and its outline in fractions of it."""
    texture, outline = _cropped_cutout(name)
    return (textures.duotone(texture, *colours) if colours else texture), outline


@functools.cache
def _cropped_cutout(name: str) -> tuple[torch.Tensor, np.ndarray]:
    photograph, points = photographs.CUTOUTS[name]
    outline = np.array(points, np.float64)
    (left, top), (right, bottom) = np.floor(outline.min(0)).astype(int), np.ceil(outline.max(0)).astype(int) + 1
    texture = photographs.load_photograph(photograph)[..., top:bottom, left:right]
    if max(texture.shape[-2:]) > 512:  # finer than any scene shows it, and slow
        texture = fit_longer_side(texture, 512)
    # The outline's points are the centres of the photograph's pixels.
    return texture, (outline + 0.5 - (left, top)) / (right - left, bottom - top)


def _crop(name: str, left: float, top: float, right: float, bottom: float) -> torch.Tensor:
    image = photographs.load_photograph(name)
    height, width = image.shape[-2:]
    return image[..., round(top * height):round(bottom * height), round(left * width):round(right * width)]


# The five test scenes: layers from back to front, the camera, and the noise that makes each as restless as its model.

Recipe = tuple[tuple[Layer, ...], Motion, float]


def _alley() -> Recipe:
    wall = _street(
        _bricks((0.16, 0.1, 0.1), (0.55, 0.36, 0.26), (0.9, 0.74, 0.55)),
        _field((0.2, 0.17, 0.16), (0.5, 0.45, 0.4), (0.78, 0.72, 0.62)), 0.68,
    )
    walker, walker_outline = _cutout("cameraman", (0.04, 0.05, 0.09), (0.3, 0.3, 0.42), (0.96, 0.88, 0.76))
    post = textures.duotone(_planks(), (0.1, 0.05, 0.03), (0.62, 0.36, 0.2))[..., :60]
    layers = (
        Layer(wall, 0.6, (0.0, 0.02)),
        Layer(walker, 0.26, (-0.16, 0.07), Motion(
            x=(Wave(0.011, 60),), y=(Wave(0.0025, 11),), lean=(Wave(0.006, 11, 0.2),),
        ), 1.1, walker_outline),
        Layer(post, 0.08, (0.33, 0.0), nearness=1.7, outline=_POST, rounded=True),
    )
    return layers, Motion(x=(Wave(-0.005, 70),), y=(Wave(0.0006, 23),)), 0.0125


def _ambush() -> Recipe:
    snow = textures.duotone(
        _crop("camera", 0.655, 0.13, 1.0, 0.8), (0.2, 0.25, 0.34), (0.66, 0.72, 0.8), (0.97, 0.96, 0.95)
    )
    fighter, fighter_outline = _cutout("astronaut")
    guard, guard_outline = _cutout("cameraman", (0.07, 0.05, 0.05), (0.42, 0.24, 0.18), (0.98, 0.86, 0.72))
    rock = _bricks((0.12, 0.13, 0.18), (0.5, 0.52, 0.56))
    layers = (
        Layer(snow, 0.62),
        Layer(guard, 0.3, (-0.24, 0.08), Motion(
            x=(Wave(0.03, 17),), y=(Wave(0.008, 9, 0.3),), spin=(Wave(0.03, 15, 0.1),), zoom=(Wave(0.012, 21),),
        ), 1.0, guard_outline),
        Layer(fighter, 0.36, (0.2, 0.11), Motion(
            x=(Wave(-0.036, 19, 0.05),), y=(Wave(0.006, 8),), spin=(Wave(-0.024, 13),), zoom=(Wave(0.015, 17, 0.3),),
        ), 1.1, fighter_outline),
        Layer(rock, 0.34, (0.44, 0.24), nearness=1.5, outline=_ROCK, rounded=True),
    )
    shake = Motion(
        x=(Wave(0.007, 5.3), Wave(0.006, 2.9, 0.4)), y=(Wave(0.006, 4.1, 0.2), Wave(0.004, 2.6)),
        spin=(Wave(0.006, 4.7, 0.6),),
    )
    return layers, shake, 0.0125


def _bandage() -> Recipe:
    wood = textures.duotone(_planks(), (0.07, 0.1, 0.12), (0.3, 0.38, 0.38), (0.75, 0.76, 0.68))
    face, face_outline = _cutout("astronaut")
    cup, cup_outline = _cutout("cup")
    layers = (
        Layer(wood, 0.75, (0.1, 0.0)),
        Layer(face, 0.72, (-0.1, 0.22), Motion(
            x=(Wave(0.0022, 26),), y=(Wave(0.0014, 15, 0.3),), spin=(Wave(0.003, 21, 0.2),), lean=(Wave(0.002, 18),),
        ), 1.1, face_outline),
        Layer(cup, 0.3, (0.33, 0.11), Motion(
            x=(Wave(-0.003, 19),), y=(Wave(-0.004, 23, 0.1),), spin=(Wave(0.006, 17),),
        ), 1.2, cup_outline),
    )
    return layers, Motion(x=(Wave(0.0008, 31),), y=(Wave(0.0006, 22),), zoom=(Wave(0.0008, 60),)), 0.012


def _market() -> Recipe:
    wall = _street(
        _bricks((0.2, 0.14, 0.16), (0.72, 0.56, 0.42), (0.98, 0.92, 0.78)),
        _field((0.3, 0.2, 0.14), (0.66, 0.52, 0.36), (0.92, 0.82, 0.62)), 0.66,
    )
    stall = textures.duotone(_planks(), (0.08, 0.12, 0.16), (0.2, 0.5, 0.52), (0.85, 0.9, 0.8))[..., :100, :]
    runner, runner_outline = _cutout("astronaut")
    cup, cup_outline = _cutout("cup")
    plate, plate_outline = _cutout("patch")
    layers = (
        Layer(wall, 0.85, (0.0, 0.02)),
        Layer(stall, 0.32, (0.34, -0.04), nearness=1.15, outline=_BOARD, rounded=True),
        Layer(plate, 0.15, (-0.36, -0.09), Motion(spin=(Wave(0.05, 31),), y=(Wave(0.008, 13),)), 1.1, plate_outline),
        Layer(runner, 0.34, (0.02, 0.12), Motion(
            x=(Wave(0.022, 37, 0.45),), y=(Wave(0.006, 9),), lean=(Wave(0.012, 9, 0.2),),
        ), 1.0, runner_outline),
        Layer(cup, 0.25, (0.3, 0.17), Motion(
            x=(Wave(-0.014, 27),), y=(Wave(-0.012, 15, 0.1),), spin=(Wave(0.04, 25),),
        ), 1.3, cup_outline),
    )
    chase = Motion(
        x=(Wave(-0.026, 44), Wave(0.004, 6.1)), y=(Wave(0.009, 17, 0.2), Wave(0.003, 4.3)),
        zoom=(Wave(0.012, 40),), spin=(Wave(0.005, 26),),
    )
    return layers, chase, 0.012


def _temple() -> Recipe:
    sky = textures.duotone(
        photographs.load_photograph("hubble_deep_field").sqrt(), (0.1, 0.09, 0.22), (0.5, 0.34, 0.5), (1.0, 0.85, 0.65)
    )
    tower = _bricks((0.2, 0.13, 0.1), (0.66, 0.48, 0.3), (0.98, 0.85, 0.6))
    flyer, flyer_outline = _cutout("shuttle")
    layers = (
        Layer(sky, 0.9),
        Layer(tower, 0.52, (-0.3, 0.14), nearness=1.15, outline=_TEMPLE),
        Layer(tower.flip(3), 0.6, (0.36, 0.2), nearness=1.4, outline=_ROCK, rounded=True),
        Layer(flyer, 0.12, (0.02, 0.0), Motion(
            x=(Wave(0.02, 29),), y=(Wave(-0.012, 19, 0.1),), spin=(Wave(0.07, 35),), zoom=(Wave(0.02, 33),),
        ), 1.0, flyer_outline),
    )
    flight = Motion(
        x=(Wave(0.012, 33),), y=(Wave(-0.008, 27, 0.1),), zoom=(Wave(0.022, 48),), spin=(Wave(-0.022, 45),),
    )
    return layers, flight, 0.0125


def _bricks(*colours: textures.Colour) -> torch.Tensor:
    # The photograph's bricks stand upright; a wall's lie.
    return textures.duotone(photographs.load_photograph("brick").rot90(1, (2, 3)), *colours)


def _planks() -> torch.Tensor:
    """The part of the coffee table that nothing stands on."""
    return _crop("coffee", 0.81, 0.0, 1.0, 1.0)


def _field(*colours: textures.Colour) -> torch.Tensor:
    return textures.duotone(_crop("camera", 0.81, 0.5, 1.0, 1.0), *colours)


def _street(wall: torch.Tensor, ground: torch.Tensor, horizon: float) -> torch.Tensor:
    """The wall above `horizon` (a share of the height) and the ground below, mirrored to the wall's width."""
    height, width = wall.shape[-2:]
    rows = height - round(horizon * height)
    strip = torch.cat((ground, ground.flip(3)), 3)
    strip = strip.repeat(1, 1, 1, math.ceil(width / strip.shape[3]))[..., :rows, :width]
    shadow = torch.linspace(0.7, 1, strip.shape[2])[:, None]
    return torch.cat((wall[..., :height - rows, :], strip * shadow), 2)


_POST = np.array([(0.08, 0.0), (0.92, 0.0), (0.97, 1.0), (0.03, 1.0)])
_BOARD = np.array([(0.02, 0.1), (0.96, 0.02), (0.99, 0.95), (0.04, 0.98)])
_ROCK = np.array([
    (0.02, 0.72), (0.1, 0.45), (0.17, 0.38), (0.22, 0.2), (0.35, 0.12), (0.43, 0.02), (0.6, 0.06), (0.7, 0.2),
    (0.82, 0.26), (0.88, 0.45), (0.97, 0.6), (0.98, 0.98), (0.02, 0.98),
])
_TEMPLE = np.array([
    (0.02, 0.98), (0.02, 0.8), (0.12, 0.8), (0.12, 0.55), (0.22, 0.55), (0.22, 0.34), (0.3, 0.34), (0.3, 0.18),
    (0.42, 0.18), (0.5, 0.02), (0.58, 0.18), (0.7, 0.18), (0.7, 0.34), (0.78, 0.34), (0.78, 0.55), (0.88, 0.55),
    (0.88, 0.8), (0.98, 0.8), (0.98, 0.98),
])


# Training scenes.


def _random_speed(rng: np.random.Generator, still: float) -> float:
    """Widths per frame: sometimes none, more often little than much."""
    return 0.0 if rng.random() < still else FASTEST * rng.random() ** 1.3


def _random_motion(rng: np.random.Generator, speed: float) -> Motion:
    """Any direction at that speed, with a turn, a zoom and sometimes a shake in proportion."""
    direction, period = rng.uniform(0, 2 * math.pi), rng.uniform(14, 60)
    phase = rng.uniform(-0.12, 0.12)
    x = [Wave(speed * math.cos(direction), period, phase)]
    y = [Wave(0.6 * speed * math.sin(direction), period, phase)]
    if rng.random() < 0.3:
        x.append(Wave(0.3 * speed, rng.uniform(2.5, 6), rng.random()))
        y.append(Wave(0.3 * speed, rng.uniform(2.5, 6), rng.random()))
    zoom, spin, lean = (
        Wave(speed * rng.normal(0, share), rng.uniform(14, 60), rng.random()) for share in (0.5, 0.8, 0.2)
    )
    return Motion(tuple(x), tuple(y), (zoom,), (spin,), (lean,))


def _random_background(rng: np.random.Generator) -> Layer:
    kind = rng.random()
    if kind < 0.4:
        ground = _tinted(rng, ("grass", "gravel", "moon", "ihc")[rng.integers(4)])[..., : 384, :]
        texture, width = textures.landscape(rng, ground), rng.uniform(1.1, 1.6)
    elif kind < 0.8:
        texture, width = _random_crop(rng, 0.45), rng.uniform(0.9, 1.5)
    else:
        texture, width = textures.surface(rng, 384, 512), rng.uniform(0.9, 1.6)
    return Layer(texture, width, (rng.uniform(-0.15, 0.15), rng.uniform(-0.05, 0.05)))


def _random_actor(rng: np.random.Generator, number: int, tall: float) -> Layer:
    """A cut-out of a photograph, or a painted or photographed surface in some outline; later ones are nearer."""
    rounded = False
    if rng.random() < 0.4:
        name = TRAINING_CUTOUTS[rng.integers(len(TRAINING_CUTOUTS))]
        texture, outline = _cutout(name, *(textures.palette(rng) if name.endswith("coin") else ()))
    else:
        texture = textures.surface(rng, 256, 256) if rng.random() < 0.45 else _random_crop(rng, 0.3, square=True)
        draw = (textures.blob, textures.polygon, textures.figure)[rng.integers(3)]
        outline, rounded = draw(rng), rng.random() < 0.8
    high = tall * rng.uniform(0.4, 0.95)
    width = min(high * texture.shape[3] / texture.shape[2], 0.75)
    place = (rng.uniform(-0.38, 0.38), rng.uniform(-0.3, 0.3) * tall)
    motion = _random_motion(rng, _random_speed(rng, still=0.2))
    return Layer(texture, width, place, motion, 1.0 + 0.2 * number + rng.uniform(0, 0.3), outline, bool(rounded))


def _tinted(rng: np.random.Generator, name: str) -> torch.Tensor:
    """A TRAINING photograph of at most 512 pixels; a gray one in some palette."""
    image = _training_photograph(name)
    return textures.duotone(image, *textures.palette(rng)) if name in photographs.GRAY else image


@functools.cache
def _training_photograph(name: str) -> torch.Tensor:
    image = photographs.load_photograph(name)
    return image if max(image.shape[-2:]) <= 640 else fit_longer_side(image, 640)


def _random_crop(rng: np.random.Generator, least: float, square: bool = False) -> torch.Tensor:
    """A part of a TRAINING photograph, at least `least` of its sides."""
    name = photographs.TRAINING[rng.integers(len(photographs.TRAINING))]
    image = _tinted(rng, name)
    height, width = image.shape[-2:]
    share = rng.uniform(least, 1)
    rows, columns = round(height * share), round(width * share)
    if square:
        rows = columns = min(rows, columns)
    top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
    image = image[..., top:top + rows, left:left + columns]
    return image.flip(3) if rng.random() < 0.5 else image
