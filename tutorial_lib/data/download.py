"""Large files from the network: an interruption of the download costs nothing, and no archive can do harm."""

import contextlib
import ftplib
import hashlib
import http.client
import shutil
import stat
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from tqdm.auto import tqdm

from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path, read_json, write_json

BLOCK = 1 << 20
TIMEOUT = 30                     # seconds without a byte
BROKEN = (OSError, EOFError, http.client.HTTPException, ftplib.Error)
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, RuntimeError)    # OSError: bad gzip


@dataclass(frozen=True)
class _About:
    """What tells a file on a server from another that stands there later; kept beside what has come so far."""

    address: str
    length: int | None
    version: str | None          # an ETag or a date


@dataclass(frozen=True)
class _Answer:
    stream: BinaryIO
    start: int                   # the byte of the file at which the stream begins
    about: _About


def download(
    address: str,
    path: str | Path,
    sha256: str | None = None,
    md5: str | None = None,
    otherwise: str = "check the address and the network, then run the same command again",
) -> Path:
    """Fetches an http, https or ftp address into `path`, with a progress bar; a file that is there stays as it is.

    What has come is kept in `path`.part, where the next call goes on, unless the file on the server has changed or
    the server cannot tell. `path` appears only when the length and the given checksums are right.
    otherwise: what a reader can do when the address cannot be reached, the end of that sentence.
    Raises: TutorialError when it cannot be reached, breaks off (the part is kept), is not the expected file (the
    part is deleted), or the disk is full.
    """
    path = Path(path)
    if path.exists():
        return path
    part, notes = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")
    known = _noted(part, notes, address)
    have = part.stat().st_size if known else 0
    if known is None or have != known.length:
        about = _fetch(address, part, notes, known, have, otherwise)
        have = part.stat().st_size
        if about.length is not None and have < about.length:
            raise _broken_off(about, have)
        if about.length is not None and have > about.length:
            _forget(part, notes)
            raise TutorialError(f"{address} gave more than the {about.length:,} bytes it had announced; try it again.")
    for name, expected in (("sha256", sha256), ("md5", md5)):
        if expected and _checksum(part, name) != expected.lower():
            _forget(part, notes)
            raise TutorialError(
                f"What {address} gave is not the expected file (its {name.upper()} differs) and was deleted; "
                "run the same command again, and if that does not help, the file on the server has changed."
            )
    part.replace(path)
    notes.unlink(missing_ok=True)
    return path


def _fetch(address: str, part: Path, notes: Path, known: _About | None, have: int, otherwise: str) -> _About:
    """Appends to `part` what is missing, as far as it comes; or starts again."""
    try:
        with _opened(address, have, known) as answer:
            if answer.start == 0:
                part.unlink(missing_ok=True)
                write_json(notes, asdict(answer.about))
            if answer.about.length is not None:
                check_space(part.parent, answer.about.length - answer.start, f"download {address}")
            with tqdm(total=answer.about.length, initial=answer.start, unit="B", unit_scale=True,
                      desc=part.stem) as bar, open(part, "ab") as file:
                while block := _read(answer, part):
                    try:
                        file.write(block)
                        file.flush()
                    except OSError as error:
                        reason = (error.strerror or str(error)).lower()
                        raise TutorialError(f"Cannot write {part}: {reason}.") from error
                    bar.update(len(block))
            return answer.about
    except urllib.error.HTTPError as error:
        raise TutorialError(f"Cannot download {address} (HTTP {error.code}: {error.reason}); {otherwise}.") from error
    except (*BROKEN, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise TutorialError(f"Cannot download {address} ({reason}); {otherwise}.") from error


def _read(answer: _Answer, part: Path) -> bytes:
    try:
        return answer.stream.read(BLOCK)
    except BROKEN as error:
        raise _broken_off(answer.about, part.stat().st_size) from error


def _broken_off(about: _About, have: int) -> TutorialError:
    whole = f" of {about.length:,}" if about.length is not None else ""
    goes_on = "it goes on from there" if about.version else "it starts again, because this server cannot go on"
    return TutorialError(
        f"The download of {about.address} broke off after {have:,}{whole} bytes; run the same command again, {goes_on}."
    )


@contextlib.contextmanager
def _opened(address: str, have: int, known: _About | None) -> Iterator[_Answer]:
    """The rest of a file from byte `have` on, if it is still the known one; else the whole."""
    opened = _ftp if urllib.parse.urlsplit(address).scheme == "ftp" else _http
    with opened(address, have, known) as answer:
        if answer is not None and (answer.start == 0 or (answer.start == have and answer.about == known)):
            yield answer
            return
    with opened(address, 0, None) as answer:
        yield answer


@contextlib.contextmanager
def _http(address: str, have: int, known: _About | None) -> Iterator[_Answer | None]:
    headers = {"User-Agent": "optical-flow-distillation", "Accept-Encoding": "identity"}
    if have:
        # With If-Range, a server sends the whole file if it is no longer the one that was begun.
        headers |= {"Range": f"bytes={have}-", "If-Range": known.version}
    try:
        response = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:     # the file has become shorter than what has come of it
            yield None
            return
        raise
    with response:
        tag = response.headers.get("ETag", "")
        version = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
        if response.status != 206:
            length = response.headers.get("Content-Length")
            yield _Answer(response, 0, _About(address, int(length) if length is not None else None, version))
        elif known is None:
            raise http.client.HTTPException("the server sent a part of the file, which it was not asked for")
        else:
            start, length = _content_range(response.headers.get("Content-Range", ""))
            # A part need not repeat what the whole said of itself.
            yield _Answer(response, start, _About(address, length or known.length, version or known.version))


def _content_range(value: str) -> tuple[int, int | None]:
    """"bytes 100-199/200" as (100, 200); a start of -1, which no one asked for, if it cannot be understood."""
    try:
        span, total = value.removeprefix("bytes ").split("/")
        return int(span.split("-")[0]), None if total == "*" else int(total)
    except ValueError:
        return -1, None


@contextlib.contextmanager
def _ftp(address: str, have: int, known: _About | None) -> Iterator[_Answer | None]:
    parts = urllib.parse.urlsplit(address)
    file = urllib.parse.unquote(parts.path).lstrip("/")
    server = ftplib.FTP(timeout=TIMEOUT)
    try:
        server.connect(parts.hostname, parts.port or ftplib.FTP_PORT)
        server.login(urllib.parse.unquote(parts.username or ""), urllib.parse.unquote(parts.password or ""))
        server.voidcmd("TYPE I")           # or SIZE would count line ends
        length = server.size(file)
        version = None
        with contextlib.suppress(ftplib.error_perm):
            version = server.voidcmd(f"MDTM {file}")
        about = _About(address, length, version)
        if have and about != known:
            yield None
            return
        try:
            connection = server.transfercmd(f"RETR {file}", rest=have or None)
        except ftplib.error_perm:
            if not have:
                raise
            yield None                     # no REST here
            return
        with connection, connection.makefile("rb") as stream:
            yield _Answer(stream, have, about)
    finally:
        server.close()


def _noted(part: Path, notes: Path, address: str) -> _About | None:
    """What is known of the file in `part`, if the rest of it can be asked for."""
    try:
        about = _About(**read_json(notes))
    except (TutorialError, TypeError):
        return None
    return about if part.exists() and about.address == address and about.version else None


def _forget(part: Path, notes: Path) -> None:
    part.unlink(missing_ok=True)
    notes.unlink(missing_ok=True)


def _checksum(path: Path, name: str) -> str:
    digest = hashlib.new(name, usedforsecurity=False)
    with open(path, "rb") as file, tqdm(total=path.stat().st_size, unit="B", unit_scale=True, desc="check",
                                        disable=path.stat().st_size < 1 << 30) as bar:
        while block := file.read(BLOCK):
            digest.update(block)
            bar.update(len(block))
    return digest.hexdigest()


# --- archives ---


@dataclass(frozen=True)
class _Member:
    name: str
    target: str                  # below the folder
    size: int
    open: Callable[[], BinaryIO]


def unpack(archive: str | Path, folder: str | Path, members: Callable[[str], str | None] = str) -> list[Path]:
    """Unpacks a .zip or .tar.gz and returns the files, with a progress bar; files that are there already are skipped.

    members: where below `folder` the member of this name goes, None for nowhere; by default all, under their names.
    Every name is checked before anything is written. After an interruption the same call goes on.
    Raises: TutorialError for an archive that is damaged or of another kind, a name that leads out of the folder, a
    link or device among the members asked for, none of them at all, or too little room on the disk.
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise TutorialError(f"There is no archive {archive}.")
    try:
        opened = _open_zip if zipfile.is_zipfile(archive) else _open_tar
        with opened(archive) as listing:
            chosen = [_checked(archive, folder, member, members) for member in listing]
            chosen = [member for member in chosen if member]
            if not chosen:
                raise TutorialError(f"{archive} holds nothing of what was expected in it; is it the right archive?")
            missing = [m for m in chosen if not _is_there(folder / m.target, m.size)]
            check_space(folder, sum(m.size for m in missing), f"unpack {archive}")
            with tqdm(total=sum(m.size for m in missing), unit="B", unit_scale=True,
                      desc=f"unpack {archive.name}") as bar:
                for member in missing:
                    _write(member, folder / member.target, bar)
    except DAMAGED as error:
        reason = str(error).split("\n")[0].rstrip(":")
        raise TutorialError(f"{archive} is damaged ({reason}); delete it and download it again.") from error
    return [folder / member.target for member in chosen]


def check_space(folder: Path, needed: int, purpose: str) -> None:
    """Raises a TutorialError unless `needed` bytes, and a little more, are free where `folder` is or will be."""
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    if needed + (64 << 20) > free:
        raise TutorialError(
            f"There is too little room in {place} to {purpose}: {needed / 1e9:.1f} GB are needed and "
            f"{free / 1e9:.1f} GB are free; make room or choose another folder."
        )


def _write(member: _Member, target: Path, bar: tqdm) -> None:
    with member.open() as source, atomic_path(target) as temporary, open(temporary, "wb") as file:
        written = 0
        while block := source.read(BLOCK):
            file.write(block)
            bar.update(len(block))
            written += len(block)
        if written != member.size:
            raise EOFError(f"{member.name} is cut off")


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _checked(
    archive: Path, folder: Path, listed: tuple[_Member, bool], members: Callable[[str], str | None]
) -> _Member | None:
    """The member with its target, if it is asked for and may be written."""
    member, is_plain = listed
    target = members(member.name) if _stays_inside(member.name) else member.name
    if target is None:
        return None
    if not _stays_inside(target):
        raise TutorialError(f"{archive} is not to be trusted: its member {target!r} leads out of the folder.")
    if not is_plain:
        raise TutorialError(f"{archive} is not to be trusted: its member {member.name!r} is a link or a device.")
    # A link that stands in the folder already would lead out of it as well.
    if not (folder / target).resolve().is_relative_to(folder.resolve()):
        raise TutorialError(f"{folder / target} leads out of {folder} through a link; unpack into another folder.")
    return _Member(member.name, target, member.size, member.open)


def _stays_inside(name: str) -> bool:
    # By Windows' rules too: "C:x" and "..\\x" are plain names elsewhere.
    paths = PurePosixPath(name), PureWindowsPath(name)
    return bool(name) and not any(p.is_absolute() or p.drive or p.root or ".." in p.parts for p in paths)


@contextlib.contextmanager
def _open_zip(path: Path) -> Iterator[list[tuple[_Member, bool]]]:
    with zipfile.ZipFile(path) as archive:
        yield [
            # No mode at all is what archives made elsewhere than on Unix have.
            (_Member(i.filename, i.filename, i.file_size, lambda i=i: archive.open(i)),
             stat.S_IFMT(i.external_attr >> 16) in (0, stat.S_IFREG))
            for i in archive.infolist() if not i.is_dir()
        ]


@contextlib.contextmanager
def _open_tar(path: Path) -> Iterator[list[tuple[_Member, bool]]]:
    # The list of a tar file is known only after reading it to its end: a bar, because that takes minutes for 25 GB.
    with open(path, "rb") as plain, \
            tqdm.wrapattr(plain, "read", total=path.stat().st_size, desc=f"read {path.name}") as file, \
            tarfile.open(fileobj=file, mode="r:*") as archive:
        infos = archive.getmembers()
        while archive.fileobj.read(BLOCK):      # behind the last member comes the checksum
            pass
    with tarfile.open(path, "r:*") as archive:
        yield [
            (_Member(i.name, i.name, i.size, lambda i=i: archive.extractfile(i)), i.isreg())
            for i in infos if not i.isdir()
        ]
