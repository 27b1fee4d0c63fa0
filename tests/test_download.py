import contextlib
import hashlib
import io
import os
import shutil
import stat
import tarfile
import zipfile

import pytest
from serving import ftp_site, http_site

from tutorial_lib.data import download as module
from tutorial_lib.data.download import download, unpack
from tutorial_lib.errors import TutorialError
from tutorial_lib.lock import only_writer

CONTENT = bytes(range(256)) * 4000
OTHER = CONTENT[::-1]
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=[http_site, ftp_site], ids=["http", "ftp"])
def any_site(request):
    with request.param({"file": CONTENT}) as site:
        yield site


@pytest.fixture
def site():
    with http_site({"file": CONTENT}) as site:
        yield site


def begun(site, folder, stops_after=300_000, **checks):
    """A download that broke off."""
    site.stops_after = stops_after
    message = rf"broke off after {stops_after:,} of {len(CONTENT):,} bytes \(the connection was closed\); .* go(es)? on"
    with pytest.raises(TutorialError, match=message):
        download(f"{site.address}/file", folder / "file", **checks)
    site.stops_after = None
    assert (folder / "file.part").read_bytes() == CONTENT[:stops_after]
    assert not (folder / "file").exists()


def test_a_file_is_fetched_once(any_site, tmp_path):
    target = tmp_path / "new" / "file"
    assert download(f"{any_site.address}/file", target, SHA256, hashlib.md5(CONTENT).hexdigest()) == target
    assert target.read_bytes() == CONTENT and list(target.parent.iterdir()) == [target]
    download(f"{any_site.address}/file", target)
    assert len(any_site.asked) == 1


def test_a_run_that_was_ended_before_its_last_step_leaves_nothing_in_the_end(site, tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    (tmp_path / "file.part.json").write_text("{}")
    download(f"{site.address}/file", tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and not site.asked


def test_a_broken_off_download_goes_on(any_site, tmp_path):
    begun(any_site, tmp_path)
    download(f"{any_site.address}/file", tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert any_site.asked == [("file", None), ("file", "bytes=300000-" if "http" in any_site.address else "300000")]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_changed_meanwhile_is_not_glued_together(any_site, tmp_path):
    begun(any_site, tmp_path)
    any_site.files["file"] = OTHER
    download(f"{any_site.address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == OTHER


def test_a_server_that_cannot_go_on_starts_again(any_site, tmp_path):
    begun(any_site, tmp_path)
    any_site.ranges = False
    download(f"{any_site.address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("fault", [
    {"obeys_if_range": False, "files": {"file": OTHER}},             # sends the rest of another file
    {"obeys_if_range": False, "files": {"file": CONTENT[:200]}},     # which is shorter than what has come: 416
    {"starts_late": 100},
    {"validator": None, "files": {"file": OTHER}},
    {"validator": "Last-Modified"},                                  # another kind of version than noted
])
def test_servers_that_answer_wrongly_start_again(site, tmp_path, fault):
    begun(site, tmp_path)
    for name, value in fault.items():
        setattr(site, name, value)
    download(f"{site.address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == site.files["file"]


def test_a_date_is_a_version_and_no_version_is_a_new_start(site, tmp_path):
    site.validator = "Last-Modified"
    begun(site, tmp_path)
    download(f"{site.address}/file", tmp_path / "file")
    assert site.asked[-1][1] == "bytes=300000-"
    for fault in ({"validator": None}, {"validator": "ETag", "weak": True}):
        for name, value in fault.items():
            setattr(site, name, value)
        (tmp_path / "file").unlink()
        begun(site, tmp_path)
        download(f"{site.address}/file", tmp_path / "file")
        assert site.asked[-1][1] is None and (tmp_path / "file").read_bytes() == CONTENT


def test_a_part_that_was_deleted_is_fetched_again(site, tmp_path):
    begun(site, tmp_path)
    (tmp_path / "file.part").unlink()
    download(f"{site.address}/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_another_address_starts_again(site, tmp_path):
    begun(site, tmp_path)
    site.files["mirror"] = CONTENT
    download(f"{site.address}/mirror", tmp_path / "file")
    assert site.asked[-1] == ("mirror", None)


@pytest.mark.parametrize("checks", [{"sha256": SHA256}, {"md5": hashlib.md5(CONTENT).hexdigest()}])
def test_what_was_tampered_with_is_deleted(site, tmp_path, checks):
    site.files["file"] = CONTENT[:-1] + b"!"
    said = rf"not the expected file \(its {next(iter(checks))} differs\) and was deleted"
    with pytest.raises(TutorialError, match=said):
        download(f"{site.address}/file", tmp_path / "file", **checks)
    assert list(tmp_path.iterdir()) == []


def test_the_bar_knows_how_much_there_is_and_how_much_was_there(site, tmp_path, monkeypatch):
    told, real = [], module.tqdm.wrapattr
    monkeypatch.setattr(module.tqdm, "wrapattr", lambda *stream, **about: told.append(about) or real(*stream, **about))
    begun(site, tmp_path)
    download(f"{site.address}/file", tmp_path / "file")
    assert [(one["total"], one["initial"]) for one in told] == [(len(CONTENT), 0), (len(CONTENT), 300_000)]


def test_a_part_that_was_tampered_with_is_deleted(site, tmp_path):
    begun(site, tmp_path)
    (tmp_path / "file.part").write_bytes(b"!" * 300_000)
    with pytest.raises(TutorialError, match="was deleted"):
        download(f"{site.address}/file", tmp_path / "file", SHA256)
    assert list(tmp_path.iterdir()) == []


def test_a_rest_that_does_not_fit_is_deleted(tmp_path):
    with ftp_site({"file": CONTENT}) as site:
        begun(site, tmp_path)
        site.starts_late = -100
        with pytest.raises(TutorialError, match=r"not the expected file \(its length differs\) and was deleted"):
            download(f"{site.address}/file", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_was_stopped_before_its_check_is_not_fetched_again(site, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_checksum", stopped)
    with pytest.raises(KeyboardInterrupt):
        download(f"{site.address}/file", tmp_path / "file", SHA256)
    monkeypatch.undo()
    download(f"{site.address}/file", tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT and len(site.asked) == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/file", "ftp://127.0.0.1:9/file", "nowhere", "gopher://a/b"])
def test_no_way_there_is_one_sentence(tmp_path, address):
    with pytest.raises(TutorialError, match=rf"^Cannot download {address} \([^<>]*\); eat out\.$"):
        download(address, tmp_path / "file", otherwise="eat out")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_said(any_site, tmp_path):
    with pytest.raises(TutorialError, match=r"Cannot download .*(404|550).*check the address"):
        download(f"{any_site.address}/missing", tmp_path / "file")


def test_a_full_disk_is_said_before_anything_is_fetched(site, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(TutorialError, match="too little room"):
        download(f"{site.address}/file", tmp_path / "file")
    archive = zipped(tmp_path, {"a": b"a"})
    with pytest.raises(TutorialError, match=r"too little room .* to unpack"):
        unpack(archive, tmp_path / "out")


# --- archives ---

FILES = {"set/a/1.txt": b"one", "set/a/2.txt": b"two" * 1000, "set/b/3.txt": b"three"}


def zipped(folder, files, name="set.zip"):
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("set")
        for path, content in files.items():
            archive.writestr(path, content)
    return folder / name


def tarred(folder, files, name="set.tar.gz"):
    with tarfile.open(folder / name, "w:gz") as archive:
        directory = tarfile.TarInfo("set")
        directory.type = tarfile.DIRTYPE
        archive.addfile(directory)
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return folder / name


@pytest.fixture(params=[zipped, tarred], ids=["zip", "tar"])
def pack(request):
    return request.param


def content_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_an_archive_is_unpacked(pack, tmp_path):
    archive = pack(tmp_path, FILES)
    unpack(archive, tmp_path / "out")
    assert content_of(tmp_path / "out") == FILES


def test_only_what_is_asked_for_and_where(pack, tmp_path):
    archive = pack(tmp_path, FILES)
    written = unpack(archive, tmp_path / "out", lambda name: name.removeprefix("set/") if "a/" in name else None)
    assert content_of(tmp_path / "out") == {"a/1.txt": b"one", "a/2.txt": b"two" * 1000}
    assert written == [tmp_path / "out/a/1.txt", tmp_path / "out/a/2.txt"]
    with pytest.raises(TutorialError, match="nothing of what was expected"):
        unpack(archive, tmp_path / "out", lambda name: None)


def test_unpacking_goes_on(pack, tmp_path):
    archive = pack(tmp_path, FILES)
    unpack(archive, tmp_path / "out")
    kept = tmp_path / "out/set/b/3.txt"
    os.utime(kept, (1, 1))
    (tmp_path / "out/set/a/2.txt").write_bytes(b"half")
    (tmp_path / "out/set/a/1.txt").unlink()
    unpack(archive, tmp_path / "out")
    assert content_of(tmp_path / "out") == FILES and kept.stat().st_mtime == 1


@pytest.mark.parametrize("name", ["../evil", "/evil", "set/../../evil"])
def test_names_that_lead_out_are_refused(pack, tmp_path, name):
    archive = pack(tmp_path, FILES | {name: b"evil"})
    for place in (str, lambda name: name if "a/" in name else None):
        with pytest.raises(TutorialError, match=r"was not unpacked, because .*(outside|absolute)"):
            unpack(archive, tmp_path / "out", place)
        assert not (tmp_path / "out").exists() and not (tmp_path / "evil").exists()
    for place in (lambda _: name, lambda _: "a character\0"):
        with pytest.raises(TutorialError, match=r"outside|absolute|null"):
            unpack(pack(tmp_path, FILES), tmp_path / "out", place)


@pytest.mark.parametrize("name", ["C:/evil", "C:evil", "..\\evil", "\\evil"])
def test_names_that_lead_out_on_windows_lead_nowhere(pack, tmp_path, name):
    # On other systems these are plain, if odd, names of files in the folder.
    archive = pack(tmp_path, {name: b"evil"})
    with contextlib.suppress(TutorialError):
        unpack(archive, tmp_path / "out")
    outside = {path for path in tmp_path.rglob("*") if path.is_file()} - set((tmp_path / "out").rglob("*"))
    assert outside == {archive}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("set/link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(TutorialError, match="'set/link' is a link or a device"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_links_in_a_zip_are_refused_where_they_are_wanted(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc")
        archive.writestr("plain", "text")
    with pytest.raises(TutorialError, match="'link' is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    unpack(tmp_path / "a.zip", tmp_path / "out", lambda name: name if name == "plain" else None)
    assert content_of(tmp_path / "out") == {"plain": b"text"}


def test_a_zip_whose_list_claims_more_than_it_holds_is_damaged(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("good", "good")
        written.writestr("short", "text")
    content = bytearray(archive.read_bytes())
    entry = content.rindex(b"PK\x01\x02")                        # of the last member in the list of contents
    assert content[entry + 24:entry + 28] == (4).to_bytes(4, "little")
    content[entry + 24:entry + 28] = (40).to_bytes(4, "little")
    archive.write_bytes(content)
    with pytest.raises(TutorialError, match="short has 4 bytes and not 40"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()                        # not even the good one


def test_a_link_in_the_folder_leads_nowhere(pack, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/set").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TutorialError, match="outside the destination"):
        unpack(pack(tmp_path, FILES), tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_damaged_archives_are_said_in_one_line(pack, tmp_path):
    noise = {"set/a": os.urandom(100_000)}
    archive = pack(tmp_path, noise)
    whole = archive.read_bytes()
    spoilt = bytearray(whole)
    spoilt[50_000] ^= 255
    for content in (whole[:60_000], bytes(spoilt), b"no archive"):
        archive.write_bytes(content)
        with pytest.raises(TutorialError, match=r"is damaged .*; delete it") as caught:
            unpack(archive, tmp_path / "out")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out" / "set" / "a").exists()
    with pytest.raises(TutorialError, match="There is no archive"):
        unpack(tmp_path / "none.zip", tmp_path / "out")


@pytest.mark.parametrize("spoilt", ["set/a/1.txt", "set/a/2.txt", "set/b/3.txt"])
def test_a_wrong_checksum_is_noticed_before_anything_is_written(tmp_path, spoilt):
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as made:
        for path, content in FILES.items():
            made.writestr(path, content)
    whole, content = archive.read_bytes(), FILES[spoilt]
    archive.write_bytes(whole.replace(content, content[:-1] + b"!"))
    with pytest.raises(TutorialError, match=rf"damaged \(Bad CRC-32 for file '{spoilt}'\); delete it"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_runs_never_fetch_one_file(site, tmp_path):
    with only_writer(tmp_path / "file"), pytest.raises(TutorialError, match=r"Another run is writing .*file;"):
        download(f"{site.address}/file", tmp_path / "file", SHA256)
    assert site.asked == [] and list(tmp_path.iterdir()) == []


def test_a_file_that_another_run_has_just_fetched_is_not_fetched_again(site, tmp_path, monkeypatch):
    @contextlib.contextmanager
    def late(path):
        path.write_bytes(CONTENT)
        yield

    monkeypatch.setattr(module, "only_writer", late)
    assert download(f"{site.address}/file", tmp_path / "file", SHA256).read_bytes() == CONTENT
    assert site.asked == []
