"""Distil the small perceptual network `compact` from a network trained on ImageNet.

    python data_scripts/distill_features.py --teacher squeezenet1_0.safetensors --images PICTURES...
    python data_scripts/distill_features.py --teacher vgg16

Every layer first learns alone: fed with what the teacher's own layer is fed with, it has to answer what that one
answers before its ReLU. Many easy linear regressions at once, instead of one hard deep one. (A teacher with other
layers, as VGG-16, is followed from tap to tap.) Then all are trained together, each fed with what it will really see.
The pictures are the training photographs, the painted styles and any folders given; heavy augmentation stands in for
ImageNet.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from tutorial_lib import checkpoint
from tutorial_lib.arguments import seed, whole
from tutorial_lib.data import photographs, styles
from tutorial_lib.data.images import fit_longer_side, read_image, resize
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.features import COMPACT_FILE, CompactFeatures, SqueezeNetFeatures, load_features
from tutorial_lib.settings import build_folder
from tutorial_lib.training.loop import Terms, generator, train

CROP = 128
HELD_OUT = 10_000_000  # samples from here on are never trained on


def pool(folders: list[Path]) -> list[torch.Tensor]:
    """Every picture, its longer side at most 640 pixels: (1, 3, H, W) each."""
    pictures = [photographs.load_photograph(name) for name in photographs.TRAINING]
    pictures += [styles.load_style(name) for name in styles.names()]
    for folder in folders:
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
        if not files:
            raise TutorialError(f"There are no PNG or JPEG pictures in {folder}.")
        pictures += [read_image(path) for path in files]
    return [fit_longer_side(p, 640) if max(p.shape[-2:]) > 640 else p for p in pictures]


def crop(picture: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """A random square of a picture as (1, 3, CROP, CROP): any zoom, orientation, colour and contrast."""
    def uniform(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=random).item()

    height, width = picture.shape[-2:]
    side = int(min(height, width) * math.exp(uniform(math.log(0.15), 0)))
    side = max(16, side)
    top, left = int(uniform(0, height - side + 1)), int(uniform(0, width - side + 1))
    square = resize(picture[..., top:top + side, left:left + side], CROP, CROP)
    if uniform(0, 1) < 0.5:
        square = square.flip(-1)
    square = torch.rot90(square, int(uniform(0, 4)), (-2, -1))
    if uniform(0, 1) < 0.5:
        square = square[:, torch.randperm(3, generator=random)]
    if uniform(0, 1) < 0.15:
        square = 1 - square
    gain = torch.tensor([uniform(0.6, 1.5) for _ in range(3)])[None, :, None, None]
    mean = square.mean((-2, -1), keepdim=True)
    square = (square - mean) * uniform(0.4, 1.6) + mean * gain
    if uniform(0, 1) < 0.4:
        square = square + torch.randn(square.shape, generator=random) * uniform(0, 0.15)
    return square.clamp(0, 1)


def batch(pictures: list[torch.Tensor], n: int, seed: int, size: int) -> torch.Tensor:
    """The n-th batch (size, 3, CROP, CROP). A quarter are two crops side by side: new edges, new contexts."""
    random = generator(seed, n)
    crops = []
    for _ in range(size):
        a, b, mixed, cut = (torch.randint(high, (), generator=random).item()
                            for high in (len(pictures), len(pictures), 4, CROP))
        square = crop(pictures[a], random)
        if mixed == 0:
            other = crop(pictures[b], random)
            square = torch.cat((square[..., :cut], other[..., cut:]), -1)
        crops.append(square)
    return torch.cat(crops)


def power(x: torch.Tensor) -> torch.Tensor:
    return x.square().mean().sqrt()


def relative_error(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.mse_loss(answer, target) / target.square().mean()


class Distillation:
    """The loss of a step: how far each answer is from the teacher's, relative to the teacher's own power."""

    def __init__(self, teacher, student: CompactFeatures, pictures, seed: int, size: int, forced_steps: int):
        self.teacher, self.student, self.pictures = teacher, student, pictures
        self.seed, self.size, self.forced_steps = seed, size, forced_steps
        # The student's taps have unit power, so that they can be written as fp16 and weighed alike.
        images = batch(pictures, HELD_OUT - 1, seed, 64)
        with torch.no_grad():
            self.scales = {name: power(tap) for name, tap in teacher(images).items()}
        self.follow = self.by_layer if isinstance(teacher, CompactFeatures) else self.by_tap
        if self.follow == self.by_layer:
            self.layer_scales = [power(F.relu(after)) for _, _, after in self.layers(images)]

    def layers(self, images: torch.Tensor) -> Iterator[tuple[Callable, torch.Tensor, torch.Tensor]]:
        """For every convolution: the student's, and what goes into and comes out of the teacher's."""
        x = self.teacher.normalise(images)
        for unit, own in zip(self.teacher.units(), self.student.units(), strict=True):
            with torch.no_grad():
                before, x = x, unit(x)
            if unit is not F.relu and not isinstance(unit, nn.ReLU | nn.MaxPool2d):
                yield own, before, x

    def by_layer(self, images: torch.Tensor) -> Terms:
        terms, gain = {}, None
        for n, (layer, before, after) in enumerate(self.layers(images)):
            given = self.student.normalise(images) if gain is None else before / gain
            gain = self.layer_scales[n]
            terms[f"layer{n}"] = relative_error(layer(given), after / gain)
        return terms

    def by_tap(self, images: torch.Tensor) -> Terms:
        terms, x = {}, self.student.normalise(images)
        for (name, stage), target in zip(self.student.stages.items(), self.targets(images), strict=True):
            terms[name] = relative_error(stage(x), target)
            x = target
        return terms

    def targets(self, images: torch.Tensor) -> list[torch.Tensor]:
        with torch.no_grad():
            return [tap / self.scales[name] for name, tap in self.teacher(images).items()]

    def __call__(self, step: int) -> Terms:
        images = batch(self.pictures, step, self.seed, self.size)
        if step < self.forced_steps:
            terms = self.follow(images)
        else:
            taps = zip(self.student(images).items(), self.targets(images), strict=True)
            terms = {name: relative_error(tap, target) for (name, tap), target in taps}
        return {**terms, "total": sum(terms.values())}

    @torch.no_grad()
    def held_out_errors(self, batches: int = 20) -> dict[str, float]:
        """Relative squared error of every tap, and of its Gram matrix, on crops that were never trained on."""
        totals: dict[str, float] = {}
        for n in range(batches):
            images = batch(self.pictures, HELD_OUT + n, self.seed, self.size)
            for (name, tap), target in zip(self.student(images).items(), self.targets(images), strict=True):
                error = (tap - target).square().sum() / target.square().sum()
                a, b = tap.flatten(2), target.flatten(2)
                gram_a, gram_b = a @ a.transpose(1, 2), b @ b.transpose(1, 2)
                gram = ((gram_a - gram_b).square().sum() / gram_b.square().sum())
                totals[name] = totals.get(name, 0) + error.item() / batches
                totals[f"{name} gram"] = totals.get(f"{name} gram", 0) + gram.item() / batches
        return totals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--teacher", required=True, help="vgg16, or the file of SqueezeNet 1.0's weights")
    parser.add_argument("--images", type=Path, nargs="*", default=[], help="folders of further pictures")
    parser.add_argument("--steps", type=whole(1), default=6000)
    parser.add_argument("--batch", type=whole(1, 4096), default=8)
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--output", type=Path, default=COMPACT_FILE)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    teacher = load_features(arguments.teacher)
    student = CompactFeatures("squeezenet" if isinstance(teacher, SqueezeNetFeatures) else "vgg16")
    forced_steps = arguments.steps * 7 // 8
    distillation = Distillation(teacher, student, pool(arguments.images), arguments.seed, arguments.batch, forced_steps)

    def rate(step: int) -> float:
        # Two cosines. The second starts low: after the first the layers nearly fit, and Adam, which knows no slopes
        # yet, would throw them out of place.
        phase, peak = (step / forced_steps, 5e-3) if step < forced_steps else (
            (step - forced_steps) / (arguments.steps - forced_steps), 1e-4)
        return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * phase)))

    settings = {**student.configuration, "teacher": Path(arguments.teacher).stem, "steps": arguments.steps,
                "batch": arguments.batch, "seed": arguments.seed, "crop": CROP}
    unfinished = build_folder() / "features" / f"compact-{settings['teacher']}-{arguments.steps}.safetensors"
    train(student, distillation, arguments.steps, rate, "compact", settings, unfinished, save_every=250)
    errors = distillation.held_out_errors()
    print("\n".join(f"{name:12} {error:.4f}" for name, error in errors.items()))
    settings["held_out_errors"] = errors
    checkpoint.save(arguments.output, student, settings, arguments.steps, dtype=torch.float16)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")
