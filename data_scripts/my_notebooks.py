"""Make notebooks/mine/, the reader's own copies: written in as one likes, and never in the way of a correction.

    python data_scripts/my_notebooks.py

Copies those of notebooks/student that are not there yet. A copy that was never saved follows its original; beside one
that was, a corrected original is laid as NN_name.corrected.ipynb. Nothing that the reader has written is changed.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import shutil
from pathlib import Path

from tutorial_lib.files import read_json, sha256_of, write_json

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
ORIGINS = ".origins.json"      # {name: the SHA-256 of the original when it was copied, or last laid beside the copy}


def bring(originals: Path, mine: Path) -> list[str]:
    """Brings the copies up to date; returns what the reader should know, a sentence each."""
    mine.mkdir(parents=True, exist_ok=True)
    record = mine / ORIGINS
    origins = read_json(record) if record.is_file() else {}
    sentences = []
    for original in sorted(originals.glob("*.ipynb")):
        name, copy, now = original.name, mine / original.name, sha256_of(original)
        if copy.is_file():
            if origins.get(name) == now:
                continue
            if sha256_of(copy) != origins.get(name):
                copy = copy.with_suffix(".corrected.ipynb")
                sentences.append(f"{name} has been corrected since you copied it; yours stays, {copy.name} is new.")
        shutil.copyfile(original, copy)
        origins[name] = now
    write_json(record, origins)
    return sentences


def main() -> None:
    print(*bring(NOTEBOOKS / "student", NOTEBOOKS / "mine"), sep="\n", end="")

