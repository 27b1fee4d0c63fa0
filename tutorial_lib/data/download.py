"""Large files from the network: an interrupted download goes on where it stopped, and no archive can do harm.

The download is our own code because no well-kept library resumes both http and ftp: pooch, torch.hub and fsspec start
again at the first byte, and pypdl knows http only.
"""

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
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tqdm.auto import tqdm
from tqdm.utils import CallbackIOWrapper

from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path, read_json, write_json
from tutorial_lib.lock import only_writer
from tutorial_lib.schema import TEXT, optional, whole

BLOCK = 1 << 20
NOTES = {"address": TEXT, "length": optional(whole()), "version": optional(TEXT)}    # `_RemoteFile` in a file
TIMEOUT = 30                     # seconds without a byte
NETWORK_ERRORS = (OSError, EOFError, http.client.HTTPException, ftplib.Error)
# A damaged gzip file raises an OSError, an encrypted zip file a RuntimeError.
ARCHIVE_ERRORS = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, RuntimeError)


@dataclass(frozen=True)
class _RemoteFile:
    """What tells a file on a server from another one that has replaced it; kept beside an unfinished download."""

    address: str
    length: int | None           # bytes
    version: str | None          # an ETag or a date


class _Answer(NamedTuple):
    stream: BinaryIO
    start: int                   # the byte of the file at which the stream begins
    remote: _RemoteFile


def download(
    address: str,
    path: str | Path,
    sha256: str | None = None,
    md5: str | None = None,
    otherwise: str = "check the address and the network, then run the same command again",
) -> Path:
    """Fetches an http, https or ftp address into `path`, with a progress bar; a file that is there stays as it is.

    After an interruption, what has come stays in `path`.part. The next call goes on from there, or starts again when
    the file on the server has changed or the server cannot tell. `path` appears only when the length and the given
    checksums are right.
    otherwise: the end of the error's sentence, which says what to do when the address cannot be reached.
    Raises: TutorialError when the address cannot be reached, the download breaks off (the part is kept), the file is
    not the expected one (the part is deleted), another run fetches it, or the disk has too little room.
    """
    path = Path(path)
    if path.exists():
        _notes(path).unlink(missing_ok=True)        # of a run that was ended between its last two steps
        return path
    with only_writer(path):
        if not path.exists():           # another run may have ended just now
            _download(address, path, sha256, md5, otherwise)
    return path


def _download(address: str, path: Path, sha256: str | None, md5: str | None, otherwise: str) -> None:
    part, notes = path.with_name(f"{path.name}.part"), _notes(path)
    begun = _begun(address, part, notes)
    complete = begun and part.stat().st_size == begun.length       # interrupted while the checksums were computed
    remote = begun if complete else _fetch(address, part, notes, begun, otherwise)
    checks = {"length": (part.stat().st_size, remote.length)}
    checks |= {name: (_checksum(part, name), expected.lower())
               for name, expected in (("sha256", sha256), ("md5", md5)) if expected}
    wrong = [name for name, (actual, expected) in checks.items() if expected is not None and actual != expected]
    if wrong:
        part.unlink()
        notes.unlink()
        raise TutorialError(
            f"What {address} gave is not the expected file (its {' and '.join(wrong)} differs) and was deleted; "
            "run the same command again, and if that does not help, the file on the server has changed."
        )
    part.replace(path)
    notes.unlink(missing_ok=True)


def _notes(path: Path) -> Path:
    """What is known of the file on the server, as long as it is not here as a whole."""
    return path.with_name(f"{path.name}.part.json")


def _begun(address: str, part: Path, notes: Path) -> _RemoteFile | None:
    """The file of which `part` is the beginning, if it is known well enough to ask for its rest."""
    try:
        remote = _RemoteFile(**read_json(notes, NOTES))
    except (TutorialError, TypeError):
        return None
    return remote if part.exists() and remote.address == address and remote.length and remote.version else None


def _fetch(address: str, part: Path, notes: Path, begun: _RemoteFile | None, otherwise: str) -> _RemoteFile:
    """Appends to `part` what is missing of the file that was begun, or fetches the whole."""
    received = part.stat().st_size if begun else 0
    with contextlib.ExitStack() as connections:
        try:
            request = _request_ftp if urllib.parse.urlsplit(address).scheme == "ftp" else _request_http
            stream, start, remote = request(address, begun, received, connections)
        except (*NETWORK_ERRORS, ValueError) as error:
            reason = error.reason if type(error) is urllib.error.URLError else error
            raise TutorialError(f"Cannot download {address} ({reason}); {otherwise}.") from error
        if start == 0:
            part.unlink(missing_ok=True)
            write_json(notes, asdict(remote))
        if remote.length is not None:
            check_space(part.parent, remote.length - start, f"download {address}")
        try:
            with open(part, "ab") as plain, tqdm.wrapattr(
                    plain, "write", total=remote.length, initial=start, desc=part.stem) as output:
                shutil.copyfileobj(stream, output, BLOCK)
            if part.stat().st_size < (remote.length or 0):
                raise EOFError("the connection was closed")
        except NETWORK_ERRORS as error:
            length = f" of {remote.length:,}" if remote.length else ""
            next_time = "it goes on from there" if remote.length and remote.version else (
                "it starts again, because this server cannot go on")
            raise TutorialError(
                f"The download of {address} broke off after {part.stat().st_size:,}{length} bytes ({error}); "
                f"run the same command again, {next_time}."
            ) from error
    return remote


def _request_http(
    address: str, begun: _RemoteFile | None, received: int, connections: contextlib.ExitStack
) -> _Answer:
    """The rest of a file from byte `received` on, if it is still the one that was begun; else the whole."""
    headers = {"User-Agent": "optical-flow-distillation", "Accept-Encoding": "identity"}
    if received:
        # With If-Range, a server sends the whole file if it is no longer the one that was begun.
        headers |= {"Range": f"bytes={received}-", "If-Range": begun.version}
    request = urllib.request.Request(address, headers=headers)
    try:
        response = connections.enter_context(urllib.request.urlopen(request, timeout=TIMEOUT))
    except urllib.error.HTTPError as error:
        if received and error.code == 416:      # the file has become shorter than what has come of it
            return _request_http(address, None, 0, connections)
        raise
    etag = response.headers.get("ETag", "")
    # A weak ETag (W/"...") promises the same meaning, not the same bytes.
    version = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
    if received and response.status == 206:
        wanted = f"bytes {received}-{begun.length - 1}/{begun.length}"
        # Not every server obeys If-Range.
        if response.headers.get("Content-Range") == wanted and version in (None, begun.version):
            return _Answer(response, received, begun)
        return _request_http(address, None, 0, connections)
    length = response.headers.get("Content-Length")
    return _Answer(response, 0, _RemoteFile(address, None if length is None else int(length), version))


def _request_ftp(
    address: str, begun: _RemoteFile | None, received: int, connections: contextlib.ExitStack
) -> _Answer:
    """The same as `_request_http`, by FTP."""
    parts = urllib.parse.urlsplit(address)
    name = urllib.parse.unquote(parts.path).lstrip("/")
    server = ftplib.FTP(timeout=TIMEOUT)
    connections.callback(server.close)
    server.connect(parts.hostname, parts.port or ftplib.FTP_PORT)
    server.login()
    server.voidcmd("TYPE I")                    # or SIZE would count line ends
    length = server.size(name)
    version = None
    with contextlib.suppress(ftplib.error_perm):
        version = server.voidcmd(f"MDTM {name}")
    remote = _RemoteFile(address, length, version)
    start = received if remote == begun else 0
    try:
        connection = server.transfercmd(f"RETR {name}", rest=start or None)
    except ftplib.error_perm:
        if start:                               # the server does not know REST
            return _request_ftp(address, None, 0, connections)
        raise
    connections.enter_context(connection)
    return _Answer(connections.enter_context(connection.makefile("rb")), start, remote)


def _checksum(path: Path, name: str) -> str:
    digest = hashlib.new(name, usedforsecurity=False)
    with open(path, "rb") as plain, tqdm.wrapattr(
            plain, "read", total=path.stat().st_size, desc=f"check {path.stem}", leave=False) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def check_space(folder: Path, needed: int, purpose: str) -> None:
    """Raises a TutorialError unless `needed` bytes, and a little more, are free where `folder` is or will be."""
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    if needed + (64 << 20) > free:
        raise TutorialError(
            f"There is too little room in {place} to {purpose}: {needed / 1e9:.1f} GB are needed and "
            f"{free / 1e9:.1f} GB are free; make room or choose another folder."
        )


# --- archives ---


class _Member(NamedTuple):
    name: str
    size: int
    is_plain: bool               # a file, neither a link nor a device
    has_checksum: bool           # of its own, which is compared when it has been read to its end
    open: Callable[[], BinaryIO]


def unpack(archive: str | Path, folder: str | Path, place: Callable[[str], str | None] = str) -> list[Path]:
    """Unpacks a .zip or .tar.gz and returns the files, with a progress bar; files that are there already are skipped.

    place: where below `folder` the member of this name goes, None for nowhere; by default all, under their names.
    Every name, and the checksum of everything that is asked for, is checked before anything is written. After an
    interruption the same call goes on.
    Raises: TutorialError for an archive that is damaged or of another kind, a name that leads out of the folder, a
    link or device among the members asked for, none of them at all, or too little room on the disk.
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise TutorialError(f"There is no archive {archive}.")
    try:
        with (_open_zip if zipfile.is_zipfile(archive) else _open_tar)(archive) as members:
            targets = _targets(archive, folder, members, place)
            missing = {target: member for target, member in targets.items()
                       if not (target.is_file() and target.stat().st_size == member.size)}
            total = sum(member.size for member in missing.values())
            check_space(folder, total, f"unpack {archive}")
            with tqdm(total=total, unit="B", unit_scale=True, desc=f"check {archive.name}") as bar:
                for member in missing.values():
                    if member.has_checksum:
                        _check_content(member, bar.update)
            with tqdm(total=total, unit="B", unit_scale=True, desc=f"unpack {archive.name}") as bar:
                for target, member in missing.items():
                    with member.open() as source, atomic_path(target) as temporary, open(temporary, "wb") as file:
                        shutil.copyfileobj(source, CallbackIOWrapper(bar.update, file, "write"), BLOCK)
    except ARCHIVE_ERRORS as error:
        reason = str(error).split("\n")[0].rstrip(":")
        raise TutorialError(f"{archive} is damaged ({reason}); delete it and download it again.") from error
    return list(targets)


def _check_content(member: _Member, count: Callable[[int], object]) -> None:
    """Reads a member to its end, where its checksum is compared; the list of contents may have claimed more."""
    size = 0
    with member.open() as source:
        while block := source.read(BLOCK):
            size += len(block)
            count(len(block))
    if size != member.size:
        raise zipfile.BadZipFile(f"{member.name} has {size:,} bytes and not {member.size:,}")


def _targets(
    archive: Path, folder: Path, members: list[_Member], place: Callable[[str], str | None]
) -> dict[Path, _Member]:
    """The members that are asked for by the files that they become; all members' names are checked."""
    targets = {}
    for member in members:
        _check_name(archive, folder, member.name)
        if (name := place(member.name)) is not None:
            _check_name(archive, folder, name)
            if not member.is_plain:
                raise _refusal(archive, f"its member {member.name!r} is a link or a device")
            targets[folder / name] = member
    if not targets:
        raise TutorialError(f"{archive} holds nothing of what was expected in it; is it the right archive?")
    return targets


def _check_name(archive: Path, folder: Path, name: str) -> None:
    """Raises a TutorialError if a file of this name would lie outside the folder, or would be renamed to lie inside."""
    try:
        # The filter knows what leads out on this system, a link that lies in the folder already included.
        harmless = tarfile.data_filter(tarfile.TarInfo(name), folder).name == name
    except (tarfile.FilterError, ValueError) as error:      # ValueError: another drive, or a character 0
        raise _refusal(archive, str(error)) from error
    if not harmless:
        raise _refusal(archive, f"{name!r} is an absolute path")


def _refusal(archive: Path, reason: str) -> TutorialError:
    return TutorialError(
        f"{archive} was not unpacked, because {reason}; take an archive from a source that you trust, "
        "or unpack into another folder."
    )


@contextlib.contextmanager
def _open_zip(path: Path) -> Iterator[list[_Member]]:
    with zipfile.ZipFile(path) as archive:
        yield [
            # An archive that was not made on Unix has no mode, 0.
            _Member(info.filename, info.file_size, stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG), True,
                    lambda info=info: archive.open(info))
            for info in archive.infolist() if not info.is_dir()
        ]


@contextlib.contextmanager
def _open_tar(path: Path) -> Iterator[list[_Member]]:
    # A tar file has no table of contents: it is read to its end once, which for 25 GB takes minutes, hence the bar.
    with open(path, "rb") as plain, \
            tqdm.wrapattr(plain, "read", total=path.stat().st_size, desc=f"read {path.name}") as file, \
            tarfile.open(fileobj=file, mode="r:*") as archive:
        infos = archive.getmembers()
        while archive.fileobj.read(BLOCK):      # gzip compares its checksum at the very end
            pass
    with tarfile.open(path, "r:*") as archive:
        yield [_Member(info.name, info.size, info.isreg(), False, lambda info=info: archive.extractfile(info))
               for info in infos if not info.isdir()]
