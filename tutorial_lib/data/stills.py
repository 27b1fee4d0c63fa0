"""Single training pictures: parts of photographs and frames of rendered scenes."""

import functools

import numpy as np
import torch

from tutorial_lib.data import photographs, textures
from tutorial_lib.data.images import fit_longer_side, resize
from tutorial_lib.data.scenes import random_scene
from tutorial_lib.settings import Settings

SCENE_FRAMES = 48       # how many rendered frames the stills are drawn from, beside the photographs
SHARE_OF_SCENES = 0.45


def stills(settings: Settings, seed: int, n: int) -> torch.Tensor:
    """The n-th batch of single training pictures, (settings.plain_batch, 3, H, W).

    Random crops of the TRAINING photographs, the gray ones tinted, mixed with frames of random scenes; mirrored at
    random and a little changed in light and colour. A batch depends only on the seed and n, so an interrupted
    training goes on with the same pictures.
    """
    rng = np.random.default_rng((seed, n))
    batch = []
    for _ in range(settings.plain_batch):
        if rng.random() < SHARE_OF_SCENES:
            image = _scene_frame(seed, int(rng.integers(SCENE_FRAMES)), settings.height, settings.width)
            least = 0.7
        else:
            image, least = _still_photograph(rng, 2.5 * max(settings.height, settings.width)), 0.4
        batch.append(_jittered(rng, _random_crop(rng, image, least, settings.height, settings.width)))
    return torch.cat(batch)


def _still_photograph(rng: np.random.Generator, size: float) -> torch.Tensor:
    colourful = rng.random() < 0.6
    names = [name for name in photographs.TRAINING if (name not in photographs.GRAY) == colourful]
    image = _shrunk_photograph(names[rng.integers(len(names))], round(size))
    return image if colourful else textures.duotone(image, *textures.palette(rng))


@functools.lru_cache(maxsize=32)
def _shrunk_photograph(name: str, size: int) -> torch.Tensor:
    image = photographs.load_photograph(name)
    return fit_longer_side(image, size) if size < max(image.shape[-2:]) else image


@functools.lru_cache(maxsize=2 * SCENE_FRAMES)
def _scene_frame(seed: int, number: int, height: int, width: int) -> torch.Tensor:
    # Far from the seeds of the clips, so that the stills are of other scenes; a little larger, to be cropped.
    scene_seed = int(np.random.default_rng((seed, number, 7)).integers(2**62))
    return random_scene(scene_seed, round(1.4 * height), round(1.4 * width), 3).frame(1)


def _random_crop(rng: np.random.Generator, image: torch.Tensor, least: float, height: int, width: int) -> torch.Tensor:
    """A part of the picture in the right proportions, from `least` of its size up to all that fits."""
    full_height, full_width = image.shape[-2:]
    share = rng.uniform(least, 1) * min(full_height / height, full_width / width)
    rows, columns = min(full_height, round(height * share)), min(full_width, round(width * share))
    top, left = int(rng.integers(full_height - rows + 1)), int(rng.integers(full_width - columns + 1))
    crop = resize(image[..., top:top + rows, left:left + columns], height, width)
    return crop.flip(3) if rng.random() < 0.5 else crop


def _jittered(rng: np.random.Generator, image: torch.Tensor) -> torch.Tensor:
    gray = image.mean(1, keepdim=True)
    middle = gray.mean()
    image = gray + (image - gray) * rng.uniform(0.75, 1.25)          # saturation
    image = middle + (image - middle) * rng.uniform(0.85, 1.15)      # contrast
    gain = torch.from_numpy(rng.uniform(0.94, 1.06, (1, 3, 1, 1)) * rng.uniform(0.85, 1.12)).float()
    return (image * gain).clamp(0, 1)
