"""Eq. 1: content, style and smoothness, judged by a network that has learned to see."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from tutorial_lib.data.styles import load_style
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import read_tensors, write_tensors
from tutorial_lib.schema import check_tensors
from tutorial_lib.settings import Settings

KEPT = Path(__file__).with_name("styles")    # Gram matrices of styles whose pictures do not ship


def gram(features: torch.Tensor) -> torch.Tensor:
    """How often two features fire together, wherever that is: (N, C, H, W) -> (N, C, C), divided by H*W."""
    n, c, h, w = features.shape
    places = features.permute(0, 2, 3, 1).reshape(n, h * w, c)     # nothing is copied where channels come last, and
    return places.transpose(1, 2) @ places / (h * w)               # the gradient comes back in the same order


def tv_loss(image: torch.Tensor) -> torch.Tensor:
    """Total variation: the mean squared difference between neighbouring pixels of (N, 3, H, W)."""
    down = image[..., 1:, :] - image[..., :-1, :]
    right = image[..., :, 1:] - image[..., :, :-1]
    return down.square().mean() + right.square().mean()


@dataclass(frozen=True)
class StyleTarget:
    """What is kept of a style picture: enough to train and to score without the picture itself."""

    grams: dict[str, torch.Tensor]   # (1, C, C) a tap
    content_power: torch.Tensor      # mean square of the content tap


class PerceptualLoss(nn.Module):
    """Eq. 1: `content_weight` * content + `style_weight` * style + `tv_weight` * total variation.

    features: a perceptual network (`networks.features.load_features`).
    style: the style picture (1, 3, H, W), or the `StyleTarget` of one.

    Content is the mean squared difference at the content tap, style the squared difference of the Gram
    matrices summed over the taps. Both are divided by the power of the style picture's own features, so that
    0 is perfect, a style loss of 1 a tap is a picture without any style, and the weights mean the same for
    every perceptual network. (Johnson et al. leave that scale to the weights: the gradient's direction within
    a tap is theirs.)
    Source: Gatys et al. 2016, Johnson et al. 2016; weights after Ruder et al. 2018.
    """

    def __init__(
        self,
        features: nn.Module,
        style: torch.Tensor | StyleTarget,
        content_weight: float = 1.0,
        style_weight: float = 1.0,
        tv_weight: float = 1e-3,
    ):
        super().__init__()
        self.features = features
        self.weights = {"content": content_weight, "style": style_weight, "tv": tv_weight}
        target = style if isinstance(style, StyleTarget) else self.style_target(style)
        self.taps = tuple(target.grams)
        # Buffers, so that they move to a GPU with the rest; not persistent: they belong to no checkpoint.
        self.register_buffer("content_power", target.content_power, persistent=False)
        for name, matrix in target.grams.items():
            self.register_buffer(f"gram_{name}", matrix, persistent=False)

    @torch.no_grad()
    def style_target(self, style: torch.Tensor) -> StyleTarget:
        taps = self.features(style)
        return StyleTarget(
            {name: gram(tap) for name, tap in taps.items()}, taps[self.features.content_tap].square().mean()
        )

    @property
    def target(self) -> StyleTarget:
        grams = {name: getattr(self, f"gram_{name}") for name in self.taps}
        return StyleTarget(grams, self.content_power)

    def terms(self, stylized: torch.Tensor, content: torch.Tensor) -> dict[str, torch.Tensor]:
        """The unweighted terms "content", "style" and "tv". Both images (N, 3, H, W); means over N."""
        with torch.no_grad():
            wanted = self.content_of(content)
        return {**self.fidelity(stylized, wanted), "tv": tv_loss(stylized)}

    def content_of(self, image: torch.Tensor) -> torch.Tensor:
        """What the content term compares: (N, 3, H, W) -> (N, C, h, w)."""
        return self.features(image, until=self.features.content_tap)[self.features.content_tap]

    def fidelity(self, stylized: torch.Tensor, wanted: torch.Tensor) -> dict[str, torch.Tensor]:
        """The terms "content" and "style" of (N, 3, H, W), beside `content_of` the originals."""
        taps = self.features(stylized)
        return {
            "content": (taps[self.features.content_tap] - wanted).square().mean() / self.content_power,
            "style": sum(self.style_error(name, tap) for name, tap in taps.items()),
        }

    def style_error(self, name: str, tap: torch.Tensor) -> torch.Tensor:
        """The relative squared distance of a tap's Gram matrices from the style's, mean over N."""
        target = getattr(self, f"gram_{name}")                                              # (1, C, C)
        return (gram(tap) - target).square().sum((1, 2)).mean() / target.square().sum()

    def forward(self, stylized: torch.Tensor, content: torch.Tensor) -> torch.Tensor:
        return sum(self.weights[name] * term for name, term in self.terms(stylized, content).items())


def perceptual_loss(
    features: nn.Module, style: str | Path | torch.Tensor | StyleTarget, settings: Settings
) -> PerceptualLoss:
    """Eq. 1 with the weights of a scale, for a picture, the path of one, or a style by its name.

    Raises: TutorialError when the style is neither known nor a picture file.
    """
    if isinstance(style, str | Path):
        size = settings.style_size
        style = kept_target(str(style), features, size) or load_style(style, size)
    return PerceptualLoss(features, style, settings.content_weight, settings.style_weight, settings.tv_weight)


def write_target(name: str, features: nn.Module, target: StyleTarget, size: int) -> Path:
    """Keeps a style whose picture does not ship: its Gram matrices under one perceptual network, in half precision.

    size: the `style_size` of the picture.
    """
    path = _target_file(name, features, size)
    largest = {tap: value.abs().max() for tap, value in target.grams.items()}     # half precision ends at 65,504
    tensors = {f"gram.{tap}": (value / largest[tap]).half().contiguous() for tap, value in target.grams.items()}
    tensors |= {f"largest.{tap}": value for tap, value in largest.items()}
    write_tensors(path, {**tensors, "content_power": target.content_power.float()})
    return path


def kept_target(name: str, features: nn.Module, size: int) -> StyleTarget | None:
    """A style that was kept by `write_target`; None when there is none of that name, or `name` is a path.

    Raises: TutorialError when it was kept under other perceptual networks or at other sizes only, or the file is
    damaged.
    """
    if Path(name).name != name:
        return None
    path = _target_file(name, features, size)
    if path.is_file():
        tensors = read_tensors(path)
        taps = [key.removeprefix("gram.") for key in tensors if key.startswith("gram.")]
        form = {"content_power": ()}
        for tap in taps:
            form |= {f"gram.{tap}": (1, *2 * tensors[f"gram.{tap}"].shape[-1:]), f"largest.{tap}": ()}    # (1, C, C)
        check_tensors(tensors, form, path)
        taps.sort(key=lambda tap: tensors[f"gram.{tap}"].numel())                 # a file forgets its order
        grams = {tap: tensors[f"gram.{tap}"].float() * tensors[f"largest.{tap}"] for tap in taps}
        return StyleTarget(grams, tensors["content_power"])
    others = sorted(other.stem.removeprefix(f"{name}-") for other in KEPT.glob(f"{name}-*.safetensors"))
    if others:
        asked = _target_file(name, features, size).stem.removeprefix(f"{name}-")
        raise TutorialError(
            f"The picture of the style {name} does not ship, and its Gram matrices are kept as "
            f"{' and '.join(others)} only (size and network), not as {asked}; give the path of the picture."
        )
    return None


def _target_file(name: str, features: nn.Module, size: int) -> Path:
    return KEPT / f"{name}-{size}-{features.configuration['kind']}.safetensors"
