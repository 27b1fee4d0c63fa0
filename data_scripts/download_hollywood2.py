"""Downloads the Hollywood2 scenes (25 GB) and prepares training tuples from them, as the paper does.

    python data_scripts/download_hollywood2.py [--folder data/hollywood2] [--scale laptop] [--clips N]

Stopped at any time, the same command goes on. The data belong to their authors (Marszalek et al. 2009), see
https://www.di.ens.fr/~laptev/actions/hollywood2 for their terms.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from tutorial_lib.data.download import download, unpack
from tutorial_lib.data.tuples import prepare_tuples
from tutorial_lib.files import read_json, write_json
from tutorial_lib.schema import TEXT
from tutorial_lib.settings import scale

SCENES = "ftp://ftp.irisa.fr/local/vistas/actions/Hollywood2-scenes.tar.gz"
COPY = "http://lear.inrialpes.fr/people/marszalek/data/hollywood2/Hollywood2-scenes.tar.gz"
MD5 = "b77f9ffe18ad5ea04957bb4c7725f5ce"    # of both, as the data set's own README states


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("data/hollywood2"), help="where to (default: %(default)s)")
    parser.add_argument("--address", default=SCENES, metavar="URL",
                        help=f"of a .tar.gz of videos (default: {SCENES}; its authors' copy is {COPY})")
    parser.add_argument("--scale", help="decides the size of the tuples (default: OFD_SCALE, else laptop)")
    parser.add_argument("--clips", type=int, metavar="N",
                        help="how many tuples (default: the scale's; the paper: 2000)")
    options = parser.parse_args()
    settings = scale(options.scale)
    tuples_folder = options.folder / f"tuples-{settings.width}x{settings.height}"
    prepare_tuples(videos(options.folder, options.address), tuples_folder, settings.height, settings.width,
                   settings.clips if options.clips is None else options.clips, settings.clip_length, settings.seed)
    print(f"The tuples are in {tuples_folder}. Now, with your --style and --teacher-plain:\n"
          f"python -m tutorial_lib train teacher-flow --scale {settings.name} --videos {tuples_folder} ...")


def videos(folder: Path, address: str) -> list[Path]:
    """The unpacked videos. A note says that they are, so that the archive may be deleted afterwards."""
    note = folder / "unpacked.json"
    if note.is_file():
        unpacked = read_json(note, {"address": TEXT, "videos": [TEXT]})
        files = [folder / name for name in unpacked["videos"]]
        if unpacked["address"] == address and all(file.is_file() for file in files):
            return files
    md5 = MD5 if address in (SCENES, COPY) else None
    archive = download(address, folder / (Path(urlsplit(address).path).name or "archive.tar.gz"), md5=md5,
                       otherwise=f"try the authors' copy: --address {COPY}")
    files = sorted(unpack(archive, folder, place))
    write_json(note, {"address": address, "videos": [str(file.relative_to(folder)) for file in files]})
    print(f"{len(files)} videos are unpacked; {archive} can be deleted.")
    return files


def place(name: str) -> str | None:
    """Videos only, in the folder that the archive puts them in: AVIClipsScenes/sceneclipautoautotrain00001.avi."""
    path = PurePosixPath(name)
    return "/".join(path.parts[-2:]) if path.suffix.lower() == ".avi" else None
