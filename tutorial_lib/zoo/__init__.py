"""The trained networks of the course, and of your own: STYLE-ROLE, half precision, each with a manifest beside it.

Networks in the folder that the variable OFD_ZOO names come before the shipped ones of the same name.
"""

from pathlib import Path

from torch import nn

from tutorial_lib import checkpoint
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import read_json
from tutorial_lib.networks.build import load_network
from tutorial_lib.papers import ROLES, paper_of
from tutorial_lib.papers.ofd.roles import OURS, POCKET
from tutorial_lib.papers.std.roles import MEMORY, UPSCALER
from tutorial_lib.schema import MANIFEST
from tutorial_lib.settings import zoo_folder

FOLDER = Path(__file__).parent     # of what ships


def folders() -> list[Path]:
    """Where networks are looked for, the first one first."""
    own = zoo_folder()
    return [own, FOLDER] if own else [FOLDER]


def names() -> list[str]:
    """The names of all networks, style by style, in the order of the roles."""
    order = list(ROLES)

    def place(name: str) -> tuple:
        style, role = split(name)
        return style or "", order.index(role) if role in order else len(order), name

    return sorted({path.stem for folder in folders() for path in folder.glob("*.safetensors")}, key=place)


def split(name: str) -> tuple[str | None, str]:
    """STYLE-ROLE or ROLE as (style or None, role); the longest role that fits, and "" for no role of the course."""
    for role in sorted(ROLES, key=len, reverse=True):
        if name == role:
            return None, role
        if name.endswith(f"-{role}"):
            return name.removesuffix(f"-{role}"), role
    return None, ""


def styles() -> list[str]:
    """The styles of which there is at least one network."""
    return sorted({style for name in names() if (style := split(name)[0])})


def student_of(style: str) -> str:
    """The name of ours in a style: the pocket student, or where there is none the paper's.

    Raises: TutorialError for a style that has neither, naming those that have one.
    """
    there = names()
    for name in (f"{style}-{POCKET}", f"{style}-{OURS}"):
        if name in there:
            return name
    found = sorted({split(name)[0] for name in there if split(name)[1] in (POCKET, OURS)} - {None})
    if not found:
        raise TutorialError("The zoo holds no student yet; give a file with --network FILE.")
    raise TutorialError(
        f"There is no network for the style {style!r}; there are some for: {', '.join(found)}. "
        "For another, train one (python -m tutorial_lib train --help) and give it with --network FILE."
    )


TRAINED_BY = "python data_scripts/train_zoo.py --paper std --only"


def upscaler() -> str:
    """The name of the network that makes videos larger where none is asked for.

    Raises: TutorialError where the zoo has none yet.
    """
    if UPSCALER not in names():
        raise TutorialError(f"The zoo holds no {UPSCALER} yet; train it with {TRAINED_BY} {UPSCALER}, and give the "
                            "file that it writes with --network FILE.")
    return UPSCALER


def degradation_of(name: str | Path) -> str | None:
    """What a network for super-resolution was trained to undo, "BI" or "BD"; None where nothing says it."""
    return manifest(str(name))["settings"].get("degradation")


DOES = {"paint": "paints", "upscale": "makes videos larger", "remember": "remembers a teacher's features"}


def load(name: str | Path, task: str = "paint") -> nn.Module:
    """A network by its name, or any checkpoint of one by its path; in eval mode, frozen.

    task: what it has to be for, "paint" or "upscale". A student that paints is called as student(frame), a teacher as
    teacher(frame, warped_previous=None, mask=None), one for super-resolution as network(clips).
    Raises: TutorialError for a name that is neither, naming the known ones, and for a network of another task, naming
    those that would fit.
    """
    network = load_network(path_of(name))
    found = getattr(network, "task", "paint")
    if found != task:
        roles = {other: split(other)[1] for other in names()}
        fitting = [other for other, role in roles.items()
                   if role and role != MEMORY and paper_of(role).paints == (task == "paint")]
        none = f"there is none yet, {TRAINED_BY} {UPSCALER} trains one" if task == "upscale" else "there is none yet"
        raise TutorialError(f"{name} {DOES[found]}; give a network that {DOES[task]}: {', '.join(fitting) or none}.")
    return network


def path_of(name: str | Path) -> Path:
    """The file of a network by its name or its path.

    Raises: TutorialError for a name that is neither, naming the known ones.
    """
    for path in (*(folder / f"{name}.safetensors" for folder in folders()), Path(name)):
        if path.is_file():
            return path
    raise TutorialError(
        f"Unknown network {str(name)!r}; give the path of a checkpoint, or one of {', '.join(names()) or '(none yet)'}."
    )


def style_of(name: str | Path) -> str | None:
    """The style that a network paints in: its name in the zoo says it, or its file. None: it does not paint."""
    named = split(str(name))[0] if str(name) in names() else None
    return named or checkpoint.read(path_of(name)).about.get("style")


def manifest(name: str) -> dict:
    """How a network was made: its settings, seed, command and minutes; of one by `train`, what its checkpoint says.

    Raises: TutorialError for an unknown name.
    """
    path = path_of(name)
    if path.with_suffix(".json").is_file():
        return read_json(path.with_suffix(".json"), MANIFEST)
    about = checkpoint.read(path).about
    return {**about, "name": path.stem, "settings": about.get("scale", {})}
