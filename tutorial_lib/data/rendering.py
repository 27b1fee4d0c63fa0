"""Layered 2.5D films with exact flow and occlusion.

A scene is a stack of flat layers, back to front, each a picture under a smooth affine motion, seen through a
moving camera. Because every layer's pose is a matrix, the flow between any two frames is known exactly,
and so is what hides what.

Lengths are in picture widths and the origin is the picture's centre, so a scene looks the same at any size.
"""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from tutorial_lib.data import textures
from tutorial_lib.data.images import resize
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import inside, pixel_grid, warp

PASSES = ("clean", "final")

# Where the four samples of a pixel lie: a rotated grid, so that neither upright nor level edges fall between them.
SUBPIXELS = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))


@dataclass(frozen=True)
class Wave:
    """A quantity that swings: at most `speed` per frame, once to and fro in `period` frames."""

    speed: float
    period: float = math.inf     # infinite: it just goes on at that speed
    phase: float = 0.0           # in turns; at 0 it starts at full speed

    def at(self, t: float) -> float:
        if math.isinf(self.period):
            return self.speed * t
        start = 2 * math.pi * self.phase
        return self.speed * self.period / (2 * math.pi) * (math.sin(2 * math.pi * t / self.period + start)
                                                            - math.sin(start))


@dataclass(frozen=True)
class Motion:
    """How something moves: sums of waves for its place (widths), its size (logarithm) and its angle (radians)."""

    x: tuple[Wave, ...] = ()
    y: tuple[Wave, ...] = ()
    zoom: tuple[Wave, ...] = ()
    spin: tuple[Wave, ...] = ()
    lean: tuple[Wave, ...] = ()  # shear, for what sways on its feet

    def pose(self, t: float, nearness: float = 1.0) -> np.ndarray:
        """The (3, 3) matrix of time t; what is nearer to a camera moves and grows by more."""
        x, y, zoom, spin, lean = (sum(wave.at(t) for wave in part)
                                  for part in (self.x, self.y, self.zoom, self.spin, self.lean))
        scale = math.exp(zoom * nearness)
        cosine, sine = scale * math.cos(spin), scale * math.sin(spin)
        turn = np.array([[cosine, -sine, nearness * x], [sine, cosine, nearness * y], [0, 0, 1]])
        return turn @ np.array([[1, lean, 0], [0, 1, 0], [0, 0, 1]])


@dataclass(frozen=True, eq=False)
class Layer:
    """One flat thing in a scene; without an outline it goes on for ever, mirrored at its edges."""

    texture: torch.Tensor                    # (1, 3, h, w)
    width: float                             # of the texture in the picture
    place: tuple[float, float] = (0.0, 0.0)  # of the texture's centre at time 0
    motion: Motion = Motion()
    nearness: float = 1.0                    # how strongly the camera's motion shows: 1 for the background
    outline: np.ndarray | None = None        # (n, 2) in fractions of the texture's sides
    rounded: bool = False                    # shaded as if it had volume

    @property
    def height(self) -> float:
        return self.width * self.texture.shape[2] / self.texture.shape[3]


@dataclass(eq=False)
class Scene:
    """A film of `number_of_frames` pictures whose flow and occlusion are known exactly.

    Frames and poses are numbered from 0. Everything random is drawn from `seed` and the frame's number.
    Raises: TutorialError for sizes under 16 pixels, no frames, or no endless layer at the back.
    """

    name: str
    height: int
    width: int
    number_of_frames: int
    layers: tuple[Layer, ...]                # back to front
    camera: Motion = Motion()
    seed: int = 0
    noise: float = 0.009                     # standard deviation of the sensor noise at middle gray
    light: Wave = Wave(0.004, 14.0)          # how the light changes, in logarithms
    tremble: float = 0.003                   # and how it trembles, from frame to frame
    shutter: float = 0.2                     # how long it is open, in frames
    softness: float = 0.45                   # of the lens: a Gaussian, in pixels
    _pictures: list[torch.Tensor] = field(init=False, repr=False)
    _seen: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 16:
            raise TutorialError(f"A scene of {self.width}x{self.height} pixels is too small; 16 is the least.")
        if self.number_of_frames < 1:
            raise TutorialError(f"A scene needs at least one frame; {self.number_of_frames} were asked for.")
        if not self.layers or self.layers[0].outline is not None:
            raise TutorialError("A scene needs a background at the back: a first layer without an outline.")
        self._pictures = [self._prepared(layer) for layer in self.layers]

    def frame(self, t: int, pass_name: str = "final") -> torch.Tensor:
        """The picture at time t, (1, 3, H, W).

        pass_name: "clean", or "final" with what real cameras add: motion blur, a soft lens, sensor noise and
        light that is never quite constant.
        Raises: TutorialError for an unknown pass or a frame outside the scene.
        """
        self._check_time(t)
        if pass_name not in PASSES:
            raise TutorialError(f"Unknown pass {pass_name!r}; the passes are {', '.join(PASSES)}.")
        if pass_name == "clean":
            return self._exposed(t, shutter=0.0)
        image = _softened(self._exposed(t, self.shutter), self.softness)
        rng = np.random.default_rng((self.seed, t))
        gain = math.exp(self.light.at(t) + self.tremble * rng.standard_normal())
        grain = torch.from_numpy(rng.standard_normal(tuple(image.shape), np.float32))
        # Light arrives in grains: bright pixels vary more than dark ones, which still have the electronics' noise.
        grain = self.noise * grain * (0.4 + 1.2 * image).sqrt()
        return (gain * image + grain).clamp(0, 1)

    def flow(self, t: int, s: int) -> torch.Tensor:
        """The exact flow on frame t's grid into frame s, (1, 2, H, W), pixels; 0 for t == s.

        Raises: TutorialError for a frame outside the scene.
        """
        owner, _ = self._visible(t)
        self._check_time(s)
        grid = pixel_grid(self.height, self.width)
        flow = torch.zeros_like(grid)
        if t == s:
            return flow
        for index, layer in enumerate(self.layers):
            flow = torch.where(owner == index, self._layer_flow(layer, t, s, grid), flow)
        return flow

    def mask(self, t: int, s: int) -> torch.Tensor:
        """1 where the pixel of frame t is also seen in frame s, (1, 1, H, W).

        That is: the same layer is on top at both ends, the place is in the picture, and neither end is so close
        to a layer's edge that colours mix.
        Raises: TutorialError for a frame outside the scene.
        """
        owner, pure = self._visible(t)
        owner_there, pure_there = self._visible(s)
        if t == s:
            return torch.ones_like(pure)
        flow = self.flow(t, s)
        mask = torch.zeros_like(pure)
        for index in range(len(self.layers)):
            there = warp(pure_there * (owner_there == index), flow) > 0.999
            mask = torch.where(owner == index, pure * there, mask)
        return mask * inside(flow)

    def pose(self, layer: Layer, t: float) -> np.ndarray:
        """The (3, 3) matrix from a layer's own coordinates to the picture's at time t, both in widths."""
        place = np.array([[1, 0, layer.place[0]], [0, 1, layer.place[1]], [0, 0, 1]])
        # The layer turns about its own centre and travels along the axes of the scene.
        own = layer.motion.pose(t)
        return self.camera.pose(t, layer.nearness) @ place @ own

    def _check_time(self, t: int) -> None:
        if not 0 <= t < self.number_of_frames:
            raise TutorialError(f"Scene {self.name!r} has the frames 0 to {self.number_of_frames - 1}, not {t}.")

    def _prepared(self, layer: Layer) -> torch.Tensor:
        """The layer at the resolution of its largest appearance: (1, 3 or 4, h, w), colours times coverage.

        One texel a pixel there; where the layer is farther away, four samples a pixel keep it from aliasing.
        """
        sizes = [math.sqrt(abs(np.linalg.det(self.pose(layer, t)))) for t in range(self.number_of_frames)]
        texels = max(4, round(layer.width * max(sizes) * self.width))
        height, width = layer.texture.shape[-2:]
        if layer.outline is None:
            return resize(layer.texture, max(4, round(height * texels / width)), texels) if texels < width \
                else layer.texture
        # An outline is sharp at any size, so a layer with one is always brought to the size of the picture.
        colours = resize(layer.texture, max(4, round(height * texels / width)), texels)
        coverage = textures.rasterise(layer.outline, *colours.shape[-2:])
        if layer.rounded:
            colours = colours * torch.from_numpy(textures.volume(coverage))
        coverage = torch.from_numpy(coverage)[None, None]
        return torch.cat((colours.clamp(0, 1) * coverage, coverage), 1)

    def _exposed(self, t: int, shutter: float) -> torch.Tensor:
        """Four samples a pixel, each at its own moment while the shutter is open."""
        image = torch.zeros(1, 3, self.height, self.width)
        for number, offset in enumerate(SUBPIXELS):
            moment = t + shutter * ((number + 0.5) / len(SUBPIXELS) - 0.5)
            sample = None
            for layer, picture in zip(self.layers, self._pictures, strict=True):
                seen = self._sampled(layer, picture, moment, offset)
                sample = seen if sample is None else seen[:, :3] + (1 - seen[:, 3:]) * sample
            image += sample / len(SUBPIXELS)
        return image

    def _sampled(
        self, layer: Layer, picture: torch.Tensor, t: float, offset: tuple[float, float] = (0.0, 0.0)
    ) -> torch.Tensor:
        """The prepared picture of a layer, seen at time t from the pixels' centres plus an offset in pixels."""
        # affine_grid's coordinates run from -1 to 1 over the output and grid_sample's over the texture.
        to_scene = np.array([
            [0.5, 0, offset[0] / self.width],
            [0, 0.5 * self.height / self.width, offset[1] / self.width],
            [0, 0, 1],
        ])
        to_texture = np.diag([2 / layer.width, 2 / layer.height, 1])
        theta = to_texture @ np.linalg.inv(self.pose(layer, t)) @ to_scene
        grid = F.affine_grid(
            torch.tensor(theta[None, :2], dtype=torch.float32), [1, 1, self.height, self.width], align_corners=False
        )
        padding = "reflection" if layer.outline is None else "zeros"
        return F.grid_sample(picture, grid, mode="bilinear", padding_mode=padding, align_corners=False)

    def _layer_flow(self, layer: Layer, t: int, s: int, grid: torch.Tensor) -> torch.Tensor:
        to_scene = np.array([
            [1 / self.width, 0, 0.5 / self.width - 0.5],
            [0, 1 / self.width, (0.5 - self.height / 2) / self.width],
            [0, 0, 1],
        ])
        carried = np.linalg.inv(to_scene) @ self.pose(layer, s) @ np.linalg.inv(self.pose(layer, t)) @ to_scene
        # The identity is taken off before rounding to float32: far right, positions are large and motions small.
        a = torch.tensor(carried - np.eye(3), dtype=torch.float32)
        x, y = grid[:, 0], grid[:, 1]
        return torch.stack((a[0, 0] * x + a[0, 1] * y + a[0, 2], a[1, 0] * x + a[1, 1] * y + a[1, 2]), 1)

    def _visible(self, t: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Which layer is on top at every pixel of frame t (1, 1, H, W), and where it is alone within a pixel."""
        self._check_time(t)
        if t not in self._seen:
            owner = torch.zeros(1, 1, self.height, self.width, dtype=torch.uint8)
            pure = torch.ones(1, 1, self.height, self.width)
            for index, (layer, picture) in enumerate(zip(self.layers, self._pictures, strict=True)):
                if index > 0:
                    coverage = self._sampled(layer, picture[:, 3:], t)
                    owner[coverage > 0.5] = index
                    # A layer that covers wholly hides any edges behind it; one that is not there changes nothing.
                    pure = torch.where(coverage > 0.99, 1.0, pure * (coverage < 0.01))
            alone = -F.max_pool2d(-pure, 3, stride=1, padding=1) > 0
            # An edge that falls just between two pixels leaves both pure, but not what is seen through a lens.
            level = owner.float()
            alone &= F.max_pool2d(level, 3, 1, 1) == -F.max_pool2d(-level, 3, 1, 1)
            self._seen[t] = owner, alone
        owner, pure = self._seen[t]
        return owner, pure.float()


def _softened(image: torch.Tensor, sigma: float) -> torch.Tensor:
    if sigma <= 0:
        return image
    pixels = image[0].permute(1, 2, 0).contiguous().numpy()
    return torch.from_numpy(cv2.GaussianBlur(pixels, (0, 0), sigma)).permute(2, 0, 1)[None].contiguous()
