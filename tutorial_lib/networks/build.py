"""From a file, or the few numbers in it, to a network."""

from pathlib import Path

from torch import nn

from tutorial_lib import checkpoint
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.memory import Memory
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.superres import Bidirectional, Recurrent, Stacked
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.schema import FLAG, check, optional, whole

RESOLVERS = {network.kind: network for network in (Bidirectional, Stacked, Recurrent)}
KINDS = {"student": Student, "pocket": Pocket, "teacher": Teacher, **RESOLVERS, "memory": Memory}
# Ten times the paper's largest; a file may ask for any number, and the network is built before its weights are looked
# at.
SIZES = {"width": optional(whole(1, 512)), "blocks": optional(whole(0, 64))}
FORMS = {"student": {**SIZES, "smooth": optional(FLAG)}, "pocket": {**SIZES, "separable": optional(FLAG)},
         "teacher": {**SIZES, "uses_flow": optional(FLAG)},
         **{kind: {**SIZES, "tap": optional(whole(1, 512))} for kind in RESOLVERS},
         "bidirectional": {**SIZES, "tap": optional(whole(1, 512)), "length": optional(whole(1, 512))},
         "memory": {"channels": optional(whole(1, 512)), "hidden": optional(whole(1, 512))}}


def build(configuration: dict, source: str | Path = "The configuration of a network") -> nn.Module:
    """The network that a `configuration` describes, with random weights. source: the file that it comes from.

    Raises: TutorialError for an unknown kind, and for sizes that no network of that kind has.
    """
    check(configuration, {}, source, "network")
    kind, sizes = configuration.get("kind"), {k: v for k, v in configuration.items() if k != "kind"}
    if not isinstance(kind, str) or kind not in KINDS:
        raise TutorialError(f"Unknown kind of network {kind!r}; the kinds are {', '.join(KINDS)}.")
    unknown = sorted(sizes.keys() - FORMS[kind])
    if unknown:
        raise TutorialError(f"{source} describes a {kind} with {', '.join(unknown)}, which it cannot have.")
    check(sizes, FORMS[kind], source, "network")
    return KINDS[kind](**sizes)


def load_network(path: str | Path) -> nn.Module:
    """A network of the course from its checkpoint, in eval mode, frozen.

    Raises: TutorialError when the file is missing, damaged, or holds something else.
    """
    saved = checkpoint.read(path)
    if "network" not in saved.about:
        raise TutorialError(f"{path} holds no student or teacher.")
    network = build(saved.about["network"], path)
    checkpoint.restore(saved, network)
    return network.eval().requires_grad_(False)
