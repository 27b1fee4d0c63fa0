"""Film clips whose frames are picture files, in the layouts of the data sets of video super-resolution."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from tutorial_lib.data.images import read_image
from tutorial_lib.errors import TutorialError

VIMEO_LISTS = {"train": "sep_trainlist.txt", "test": "sep_testlist.txt"}
VIMEO_FRAMES = tuple(f"im{n}.png" for n in range(1, 8))
REDS4 = ("000", "011", "015", "020")        # what all papers test on, so nothing is trained on it
VID4 = ("calendar", "city", "foliage", "walk")
SETS = ("vimeo90k", "reds", "vid4")
PICTURES = (".png", ".jpg")


@dataclass(frozen=True)
class Frames:
    """A clip by the files of its frames, in their order."""

    name: str
    files: tuple[Path, ...]

    def read(self, first: int = 0, count: int | None = None) -> torch.Tensor:
        """Some frames, (K, 3, H, W) in [0, 1].

        Raises: TutorialError for a frame that is missing, no picture, or of another size than the first.
        """
        pictures = [read_image(path) for path in self.files[first:][:count]]
        height, width = pictures[0].shape[-2:]
        for path, picture in zip(self.files[first:], pictures, strict=False):
            if picture.shape != pictures[0].shape:
                raise TutorialError(f"{path} has {picture.shape[-1]}x{picture.shape[-2]} pixels and the first frame of "
                                    f"{self.name} {width}x{height}; a clip has one size.")
        return torch.cat(pictures)


def sequences(data_set: str, root: Path, split: str = "test") -> list[Frames]:
    """The clips of a data set by its official list.

    data_set: "vimeo90k" (root holds sequences/ and sep_trainlist.txt, sep_testlist.txt), "reds" (train_sharp/; test is
    REDS4, train the other clips) or "vid4" (calendar, city, foliage and walk, maybe in GT/; there is only a test).
    Raises: TutorialError for another data set or split, or when folders or frames of the list are not there.
    """
    if data_set not in SETS:
        raise TutorialError(f"Unknown data set {data_set!r}; there are {', '.join(SETS)}.")
    if split not in (("test",) if data_set == "vid4" else ("train", "test")):
        raise TutorialError(f"{data_set} has no split {split!r}.")
    if not root.is_dir():
        raise TutorialError(f"There is no folder {root}.")
    return {"vimeo90k": _vimeo, "reds": _reds, "vid4": _vid4}[data_set](root, split)


def _vimeo(root: Path, split: str) -> list[Frames]:
    listed = root / VIMEO_LISTS[split]
    if not listed.is_file():
        raise TutorialError(f"{root} lacks {listed.name}; give the folder of Vimeo-90K that holds it and sequences/.")
    names = listed.read_text().split()
    outside = [name for name in names if len(Path(name).parts) != 2 or ".." in Path(name).parts]
    if not names or outside:
        raise TutorialError(f"{listed} is no list of Vimeo-90K, such as 00001/0001 in every line"
                            f"{f': it says {outside[0]}' if outside else ', it is empty'}.")
    folder = root / "sequences"
    missing = [name for name in names if not all((folder / name / frame).is_file() for frame in VIMEO_FRAMES)]
    _check_all_there(missing, names, folder, f"seven frames, im1.png to im7.png, as {listed.name} has them")
    return [Frames(name, tuple(folder / name / frame for frame in VIMEO_FRAMES)) for name in names]


def _reds(root: Path, split: str) -> list[Frames]:
    folder = root / "train_sharp"
    found = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    wanted = list(REDS4) if split == "test" else [name for name in found if name not in REDS4]
    if not wanted:
        raise TutorialError(f"{root} holds no training clip in train_sharp/; give the folder of REDS that does.")
    return _in_folders(folder, wanted, "REDS")


def _vid4(root: Path, split: str) -> list[Frames]:
    return _in_folders(root / "GT" if (root / "GT").is_dir() else root, VID4, "Vid4")


def _in_folders(folder: Path, names: Sequence[str], data_set: str) -> list[Frames]:
    found = [Frames(name, pictures_in(folder / name)) for name in names]
    _check_all_there([one.name for one in found if not one.files], names, folder, f"pictures of {data_set}")
    return found


def pictures_in(folder: Path) -> tuple[Path, ...]:
    """The picture files of a folder, in the order of their names; none where there is no folder."""
    return tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)) \
        if folder.is_dir() else ()


def _check_all_there(missing: Sequence[str], names: Sequence[str], folder: Path, what: str) -> None:
    if missing:
        raise TutorialError(f"{folder} lacks {len(missing)} of {len(names)} clips, the first is {missing[0]}: each is "
                            f"a folder of {what}; finish the download, or unpack it again.")
