"""Files that are either written whole or not at all."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tutorial_lib.errors import TutorialError, one_line, reason, sentence
from tutorial_lib.schema import Form, check, check_tensors


@contextlib.contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Gives a temporary path beside `target` and renames it to `target` when the block ends well.

    When the block fails, or the disk is full, the temporary file goes, with the folders that were made for it, and
    whatever stood at `target` stays as it was. The temporary name keeps the target's suffix, because writers choose a
    format by it.

    Raises: TutorialError when the folder cannot be made or written to, or the disk is full.
    """
    target = Path(target)
    made: list[Path] = []
    try:
        str(target).encode()
    except UnicodeEncodeError as error:     # a .safetensors file of such a name could be written, but never read again
        raise TutorialError(sentence(error)) from error
    try:
        made = [folder for folder in target.parents if not folder.exists()]      # the innermost first
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        _clear(made)
        raise TutorialError(f"Cannot write {target}: {reason(error)}.") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes the file private; an output should have the permissions of any new file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())  # or a power cut after the rename could leave an empty file
        temporary.replace(target)
    except OSError as error:
        # Only failures to write are ours to translate; a missing input file has a name of its own.
        if error.filename not in (None, str(temporary), str(target)):
            raise
        raise TutorialError(f"Cannot write {target}: {reason(error)}.") from error
    finally:
        temporary.unlink(missing_ok=True)
        _clear(made)                            # which are not empty where all went well


def read_json(path: str | Path, form: Form | None = None) -> dict:
    """The dictionary that `write_json` wrote.

    form: what it has to hold (`tutorial_lib.schema`).
    Raises: TutorialError when there is no such file, or it holds something else.
    """
    try:
        content = json.loads(Path(path).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise TutorialError(f"{path} is missing or damaged ({error}).") from error
    check(content, form or {}, path)
    return content


def write_json(path: str | Path, content: dict | list) -> None:
    """Writes what JSON can hold, indented, so that a change shows as changed lines.

    Raises: TutorialError when the file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def write_report(path: str | Path, content: dict | list, text: str) -> None:
    """Writes what was measured as FILE.json, the same in words as FILE.txt beside it, and prints the words.

    Raises: TutorialError when a file cannot be written.
    """
    write_json(path, content)
    with atomic_path(Path(path).with_suffix(".txt")) as temporary:
        temporary.write_text(text + "\n")
    print(text)


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file, or of the files in a folder, one after the other in the order of their names.

    Raises: TutorialError when there is nothing of that name.
    """
    path = Path(path)
    if not path.exists():
        raise TutorialError(f"There is no file or folder {path}.")
    total = hashlib.sha256()
    for file in sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]:
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def write_tensors(path: str | Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    """Writes tensors of any shape, type and memory layout as a .safetensors file.

    Raises: TutorialError when the file cannot be written.
    """
    # safetensors refuses a tensor whose numbers do not lie in memory in the order of its axes, such as a picture
    # (H, W, 3) that was permuted to (3, H, W).
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        try:
            save_file(contiguous, temporary, metadata)
        except SafetensorError as error:    # a full disk
            raise TutorialError(f"Cannot write {path}: {error}.") from error


def read_tensors(path: str | Path, form: Mapping[str, tuple[int, ...]] | None = None) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors file, all of finite numbers. form: the names and shapes that they have to have.

    Raises: TutorialError when there is no such file, or it holds something else.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise TutorialError(f"{path} is missing or damaged ({one_line(str(error))}).") from error
    check_tensors(tensors, form, path)
    return tensors


def _clear(folders: list[Path]) -> None:
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()
