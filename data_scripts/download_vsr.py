"""Downloads a data set of video super-resolution and unpacks it in the layout that `data.frames.sequences` reads.

    python data_scripts/download_vsr.py vimeo90k|reds|vid4 [--folder data/NAME] [--address URL...]

Vimeo-90K is 82 GB (Xue et al. 2019), REDS' training set about 30 (Nah et al. 2019); both are needed whole, as the tests
are among them. Vid4 (Liu and Sun 2011) has no lasting address: give --address of an archive of yours, or none and put
its four folders there yourself. Stopped at any time, the same command goes on. The data belong to their authors.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from tutorial_lib.data.download import download, unpack
from tutorial_lib.data.frames import SETS, VID4, VIMEO_LISTS, sequences
from tutorial_lib.errors import TutorialError

ADDRESSES = {"vimeo90k": ("http://data.csail.mit.edu/tofu/dataset/vimeo_septuplet.zip",),
             "reds": ("https://cv.snu.ac.kr/~snah/Deblur/dataset/REDS/train_sharp.zip",), "vid4": ()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_set", choices=SETS)
    parser.add_argument("--folder", type=Path, help="where to (default: data/NAME)")
    parser.add_argument("--address", nargs="+", metavar="URL", help="of the archive or archives, where it has moved")
    options = parser.parse_args()
    folder = options.folder or Path("data") / options.data_set
    addresses = options.address or ADDRESSES[options.data_set]
    if not addresses:
        raise TutorialError(f"{options.data_set} has no address of its own: name that of an archive with --address "
                            "URL.")
    archives = [download(address, folder / (Path(urlsplit(address).path).name or "archive.zip"),
                         otherwise="name another with --address") for address in addresses]
    for archive in archives:
        unpack(archive, folder, lambda name: placed(options.data_set, name))
    splits = ("test",) if options.data_set == "vid4" else ("train", "test")
    counts = ", ".join(f"{len(sequences(options.data_set, folder, split))} for {split}" for split in splits)
    print(f"{options.data_set} is in {folder}: clips {counts}; {', '.join(map(str, archives))} can be deleted.")


def placed(data_set: str, name: str) -> str | None:
    """Where a member of an archive goes, whatever folders the archive puts around it; None for what is not needed."""
    parts = PurePosixPath(name).parts
    if data_set == "vimeo90k":
        if parts and parts[-1] in VIMEO_LISTS.values():
            return parts[-1]
        return _from(parts, "sequences", 4)
    if data_set == "reds":
        return _from(parts, "train_sharp", 3)
    clip = next((part for part in parts[:-1] if part in VID4), None)
    # Archives of Vid4 often hold the small frames, too.
    return f"{clip}/{parts[-1]}" if clip and not any(part.startswith(("BI", "BD")) for part in parts) else None


def _from(parts: tuple[str, ...], first: str, count: int) -> str | None:
    """The part of a path from a folder on, if it has as many parts as it should."""
    inner = parts[parts.index(first):] if first in parts else ()
    return "/".join(inner) if len(inner) == count else None
