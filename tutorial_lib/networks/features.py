"""The networks that judge pictures: VGG-16, the shipped `compact` one, and any file in the same form."""

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import nn

from tutorial_lib import checkpoint
from tutorial_lib.data.download import download
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import sha256_of
from tutorial_lib.networks.layers import MEAN_COLOUR

VGG16_ADDRESS = "https://download.pytorch.org/models/vgg16-397923af.pth"
VGG16_BYTES = 553_433_881
VGG16_SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
COMPACT_FILE = Path(__file__).with_name("compact.safetensors")

# Zeros around a picture would tell a network where its edges are, and a style network trained with it then
# paints a border there. Repeating the edge tells nothing.
PADDING = "replicate"

Layers = tuple[tuple, ...]
"""("conv", kernel, stride, channels), ("fire", squeeze, channels), ("pool",) and ("tap", name), in order."""

# The strides and widths of a teacher's layers up to its fourth tap, in fewer or the same number of weights.
PLANS: dict[str, Layers] = {
    "squeezenet": (
        ("conv", 7, 2, 96), ("tap", "tap1"),
        ("pool",), ("fire", 16, 128), ("fire", 16, 128), ("tap", "tap2"),
        ("fire", 32, 256), ("pool",), ("fire", 32, 256), ("tap", "tap3"),
        ("fire", 48, 384), ("fire", 48, 384), ("tap", "tap4"),
    ),
    "vgg16": (
        ("conv", 3, 1, 64), ("tap", "tap1"),
        ("pool",), ("fire", 32, 128), ("tap", "tap2"),
        ("pool",), ("fire", 32, 256), ("fire", 32, 256), ("tap", "tap3"),
        ("pool",), ("fire", 48, 512), ("fire", 48, 512), ("tap", "tap4"),
    ),
}


class Fire(nn.Module):
    """A squeeze to few channels, then half the outputs from 1x1 and half from 3x3 (Iandola et al. 2016)."""

    def __init__(self, inputs: int, squeeze: int, outputs: int):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, outputs // 2, 1)
        self.expand3x3 = nn.Conv2d(squeeze, outputs // 2, 3, padding=1, padding_mode=PADDING)

    def expand(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.expand1x1(x), self.expand3x3(x)), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.expand(F.relu(self.squeeze(x))))


class CompactFeatures(nn.Module):
    """A small perceptual network after a plan: four taps with the strides and widths of its teacher's.

    forward(image (N, 3, H, W) in [0, 1], until=None) -> {"tap1": (N, C, h, w), ..., "tap4"}, from 16 pixels up.
    until: the last tap that is wanted.
    `stages` are the layers between two taps.
    """

    def __init__(self, plan: str = "squeezenet"):
        super().__init__()
        self.configuration = {"kind": "compact", "plan": plan}
        # Where the stride is 4, as at VGG-16's relu3_3: a stride of 8 has forgotten where edges are.
        self.content_tap = {"squeezenet": "tap2", "vgg16": "tap3"}[plan]
        stages, layers, channels = {}, [], 3
        for kind, *sizes in PLANS[plan]:
            if kind == "conv":
                size, stride, outputs = sizes
                padding = size // 2 if stride == 1 else 0      # SqueezeNet's first layer pads nothing
                layers += [nn.Conv2d(channels, outputs, size, stride, padding, padding_mode=PADDING), nn.ReLU()]
                channels = outputs
            elif kind == "fire":
                squeeze, outputs = sizes
                layers.append(Fire(channels, squeeze, outputs))
                channels = outputs
            elif kind == "pool":
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True) if plan == "squeezenet" else nn.MaxPool2d(2, 2))
            else:
                stages[sizes[0]] = nn.Sequential(*layers)
                layers = []
        self.stages = nn.ModuleDict(stages)
        self.register_buffer("mean", torch.tensor(MEAN_COLOUR)[None, :, None, None], persistent=False)

    def forward(self, image: torch.Tensor, until: str | None = None) -> dict[str, torch.Tensor]:
        taps, x = {}, self.normalise(image)
        for name, stage in self.stages.items():
            taps[name] = x = stage(x)
            if name == until:
                break
        return taps

    def units(self) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
        """The layers in order, each convolution (or pair of them side by side), ReLU and pooling by itself."""
        for stage in self.stages.values():
            for layer in stage:
                yield from (layer.squeeze, F.relu, layer.expand, F.relu) if isinstance(layer, Fire) else (layer,)

    def normalise(self, image: torch.Tensor) -> torch.Tensor:
        # About unit variance; the three channels' own deviations differ too little to matter.
        return (image - self.mean) / 0.225


class SqueezeNetFeatures(CompactFeatures):
    """SqueezeNet 1.0 trained on ImageNet, up to fire7, from the file of its published weights.

    Its own input is BGR, 0..255, minus a mean; that is folded into the first layer when the file is read.
    """

    def __init__(self, path: str | Path):
        super().__init__("squeezenet")
        self.configuration = {"kind": "squeezenet"}
        published = ["conv1", *(f"fire{n}" for n in range(2, 8))]
        layers = [layer for stage in self.stages.values() for layer in stage if isinstance(layer, nn.Conv2d | Fire)]
        try:
            with safe_open(path, framework="pt") as file, torch.no_grad():
                for name, layer in zip(published, layers, strict=True):
                    parts = [""] if isinstance(layer, nn.Conv2d) else [".squeeze", ".expand1x1", ".expand3x3"]
                    for part in parts:
                        conv = layer.get_submodule(part[1:]) if part else layer
                        for own, kind in ((conv.weight, "weight"), (conv.bias, "bias")):
                            _put(own, file.get_tensor(f"{name}{part}.{kind}"), f"{name}{part}.{kind}")
        except (SafetensorError, OSError, ValueError) as error:
            raise TutorialError(f"{path} does not hold SqueezeNet 1.0's weights ({error}).") from error
        first = layers[0]
        first.weight.data = first.weight.data.flip(1) * 255
        self.mean = torch.tensor([123.0, 117.0, 104.0])[None, :, None, None] / 255

    def normalise(self, image: torch.Tensor) -> torch.Tensor:
        return image - self.mean


class VGG16Features(nn.Module):
    """VGG-16 to relu4_3, the perceptual network of Johnson et al. 2016, whom the paper follows.

    forward(image (N, 3, H, W) in [0, 1], until=None) -> {"relu1_2", "relu2_2", "relu3_3", "relu4_3"}; until: the last
    tap that is wanted.
    """

    content_tap = "relu3_3"
    channels = (64, 64, "relu1_2", 128, 128, "relu2_2", 256, 256, 256, "relu3_3", 512, 512, 512, "relu4_3")

    def __init__(self):
        super().__init__()
        self.configuration = {"kind": "vgg16"}
        self.features, index, inputs = nn.ModuleDict(), 0, 3   # named by torchvision's indices: conv and ReLU count
        for entry in self.channels:
            if isinstance(entry, str):
                index += 1                                     # the pooling after each group
            else:
                self.features[str(index)] = nn.Conv2d(inputs, entry, 3, padding=1, padding_mode=PADDING)
                index, inputs = index + 2, entry
        self.register_buffer("mean", torch.tensor(MEAN_COLOUR)[None, :, None, None], persistent=False)
        std = torch.tensor((0.229, 0.224, 0.225))[None, :, None, None]
        self.register_buffer("std", std, persistent=False)

    def forward(self, image: torch.Tensor, until: str | None = None) -> dict[str, torch.Tensor]:
        taps, x = {}, (image - self.mean) / self.std
        convolutions = iter(self.features.values())
        for entry in self.channels:
            if isinstance(entry, str):
                taps[entry] = x
                if entry == until:
                    break
                x = F.max_pool2d(x, 2)
            else:
                x = F.relu(next(convolutions)(x))
        return taps


def load_features(name: str | Path = "compact") -> nn.Module:
    """A frozen perceptual network in eval mode: "compact" (shipped), "vgg16" (downloaded once), or a file.

    A file is a network distilled by `data_scripts/distill_features.py`, or SqueezeNet 1.0's published weights
    as safetensors.
    Raises: TutorialError for an unknown name, a file of another kind, a download that fails or was tampered with.
    """
    if name == "vgg16":
        network = _vgg16()
    elif name == "compact":
        network = _compact(COMPACT_FILE)
    elif Path(name).is_file():
        network = SqueezeNetFeatures(name) if _is_squeezenet(Path(name)) else _compact(Path(name))
    else:
        raise TutorialError(f"Unknown perceptual network {str(name)!r}; give compact, vgg16 or an existing file.")
    # Channels last: the same numbers, but the pooling is several times faster, a training step in bfloat16 by a fifth.
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def _compact(path: Path) -> CompactFeatures:
    saved = checkpoint.read(path)
    plan = saved.about.get("plan")
    if plan not in PLANS:
        raise TutorialError(f"{path} is not a perceptual network made by data_scripts/distill_features.py.")
    network = CompactFeatures(plan)
    checkpoint.restore(saved, network)
    return network


def _put(own: torch.Tensor, published: torch.Tensor, name: str) -> None:
    # `copy_` alone would spread a single number over a whole tensor.
    if own.shape != published.shape:
        raise ValueError(f"{name} is {tuple(published.shape)}, not {tuple(own.shape)}")
    own.copy_(published)


def _is_squeezenet(path: Path) -> bool:
    try:
        with safe_open(path, framework="pt") as file:
            return "fire2.squeeze.weight" in file.keys()  # noqa: SIM118 (safe_open is no dictionary)
    except (SafetensorError, OSError) as error:
        raise TutorialError(f"{path} is not a safetensors file.") from error


def _vgg16() -> VGG16Features:
    folder = Path(os.environ.get("OFD_CACHE", Path.home() / ".cache" / "optical-flow-distillation"))
    path = folder / VGG16_ADDRESS.rsplit("/", 1)[1]
    download(VGG16_ADDRESS, path, VGG16_SHA256,
             otherwise="use the perceptual network compact, which needs no network")
    _check_vgg16(path)
    network = VGG16Features()
    # The published file is a pickle: the one exception, read with weights_only so that it can run no code.
    published = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict({name: published[name] for name in network.state_dict()})
    return network


@functools.cache      # half a second for half a gigabyte, once a process
def _check_vgg16(path: Path) -> None:
    """The download was checked when it came; a disk or another program may have changed it since."""
    if path.stat().st_size != VGG16_BYTES or sha256_of(path) != VGG16_SHA256:
        raise TutorialError(f"{path} is not VGG-16 as it was published, or is damaged; delete it, and it is downloaded "
                            "again, or use the perceptual network compact.")
