"""From a file, or the few numbers in it, to a network."""

from pathlib import Path

from torch import nn

from tutorial_lib import checkpoint
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.teacher import Teacher

KINDS = {"student": Student, "pocket": Pocket, "teacher": Teacher}


def build(configuration: dict) -> nn.Module:
    """The network that a `configuration` describes, with random weights.

    Raises: TutorialError for an unknown kind.
    """
    kind, sizes = configuration.get("kind"), {k: v for k, v in configuration.items() if k != "kind"}
    if kind not in KINDS:
        raise TutorialError(f"Unknown kind of network {kind!r}; the kinds are {', '.join(KINDS)}.")
    return KINDS[kind](**sizes)


def load_network(path: str | Path) -> nn.Module:
    """A student or teacher from its checkpoint, in eval mode, frozen.

    Raises: TutorialError when the file is missing, damaged, or holds something else.
    """
    saved = checkpoint.read(path)
    if "network" not in saved.about:
        raise TutorialError(f"{path} holds no student or teacher.")
    network = build(saved.about["network"])
    checkpoint.restore(saved, network)
    return network.eval().requires_grad_(False)
