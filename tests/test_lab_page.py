"""How the lambda lab's page is made, and how it comes into the website; what it does is tried in tests/browser."""

import json
import re
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from scripts import ROOT, call, script

PAGE = ROOT / "site" / "lab"


def test_the_lock_file_pins_one_version_and_names_no_registry():
    package, lock = (json.loads((PAGE / name).read_text()) for name in ("package.json", "package-lock.json"))
    wanted = package["dependencies"]["onnxruntime-web"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", wanted)
    installed = {name: entry for name, entry in lock["packages"].items() if name}
    assert installed["node_modules/onnxruntime-web"]["version"] == wanted
    for name, entry in installed.items():
        assert "resolved" not in entry and entry["integrity"].startswith("sha512-"), name
    assert "://" not in (PAGE / "package-lock.json").read_text() + (PAGE / "package.json").read_text()
    settings = (PAGE / ".npmrc").read_text()
    assert "omit-lockfile-registry-resolved=true" in settings and "ignore-scripts=true" in settings


def test_the_page_names_no_address_but_its_own():
    for path in PAGE.iterdir():
        if path.suffix in (".html", ".css", ".js"):
            found = re.findall(r"https?://[^\s<\"'`]+", path.read_text())
            assert [address for address in found if not address.startswith("http://localhost")] == [], path.name


def test_everything_that_the_page_asks_for_is_made(tmp_path, monkeypatch):
    """Its parts and its modules; the runtime by its names."""
    make = script("make_lab_page")
    installed = tmp_path / "installed"
    installed.mkdir()
    for names in make.BUILDS.values():
        for name in names:
            (installed / f"{name}.mjs").touch()
            (installed / f"{name}.wasm").touch()
    monkeypatch.setattr(make, "runtime", lambda: installed)
    make.copy(tmp_path / "page")
    made = {str(path.relative_to(tmp_path / "page")) for path in (tmp_path / "page").rglob("*") if path.is_file()}
    page = BeautifulSoup((tmp_path / "page" / "index.html").read_text(), "html.parser")
    asked = {tag.get("src") or tag.get("href") for tag in page.select("script, link, a[href]")} - {"data:,"}
    for path in (tmp_path / "page").glob("*.js"):
        asked |= {name.removeprefix("./") for name in re.findall(r'from "(\./[\w.]+)"', path.read_text())}
    asked |= {f"runtime/{kind}{part}" for kind in make.BUILDS for part in (".js", "-core.js", "-core.wasm")}
    assert asked <= made
    assert "node_modules" not in {path.split("/")[0] for path in made} and "package.json" not in made


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The page's folder in a checkout where nothing is installed; programs come from a folder of the test's own."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "page").mkdir()
    for name in ("package.json", "package-lock.json"):
        (tmp_path / "page" / name).write_text((PAGE / name).read_text())
    monkeypatch.setattr(script("make_lab_page"), "PAGE", tmp_path / "page")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def npm(folder: Path, does: str) -> None:
    """A stand-in that notes how it was called."""
    if sys.platform == "win32":
        pytest.skip("Windows takes no script for a program")
    program = folder / "bin" / "npm"
    program.write_text(f"#!{sys.executable}\nimport sys, pathlib, shutil\n"
                       f"open({str(folder / 'calls')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n{does}\n")
    program.chmod(0o755)


def test_without_npm_it_says_what_is_missing(elsewhere, capsys):
    assert call(["make_lab_page", "--output", elsewhere / "out"]) == 2
    assert "there is no npm here; install Node.js." in capsys.readouterr().err
    assert not (elsewhere / "out").exists()


def test_where_npm_fails_its_own_words_are_in_the_sentence(elsewhere, capsys):
    npm(elsewhere, "sys.exit('npm error network\\nnpm error it is unreachable')")
    assert call(["make_lab_page", "--output", elsewhere / "out"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "npm error network npm error it is unreachable" in said


def test_the_runtime_is_installed_once_and_anew_where_the_lock_has_another(elsewhere):
    installs = ("pathlib.Path('node_modules').mkdir(exist_ok=True)\n"
                "shutil.copy('package-lock.json', 'node_modules/.package-lock.json')")
    npm(elsewhere, installs)
    runtime, calls = script("make_lab_page").runtime, elsewhere / "calls"
    for _ in range(2):
        assert runtime() == elsewhere / "page" / "node_modules" / "onnxruntime-web" / "dist"
    assert calls.read_text() == "ci\n"
    lock = elsewhere / "page" / "package-lock.json"
    content = json.loads(lock.read_text())
    content["packages"]["node_modules/onnxruntime-web"]["version"] = "9.9.9"
    lock.write_text(json.dumps(content))
    runtime()
    assert calls.read_text() == "ci\nci\n"


def test_a_zoo_without_pockets_has_no_page(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tutorial_lib.mixable.styles", list)
    assert call(["make_lab_page", "--output", tmp_path / "out"]) == 2
    assert "no pocket students that could be mixed" in capsys.readouterr().err
