"""The way in on Colab: what it finds missing, what it leaves alone. `make colab` tries it in a real environment."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from scripts import loaded

ROOT = Path(__file__).parent.parent
WANTED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
OURS = next(line for line in WANTED if line.startswith("opencv-"))
AV = next(line for line in WANTED if line.startswith("av"))


@pytest.fixture
def way_in():
    return loaded("install", "colab")


@pytest.fixture
def stand_in():
    return loaded("stand_in", "colab")


@pytest.fixture
def colab(stand_in):
    """{name: version} of Colab, its torch included."""
    lines = stand_in.lines_of(ROOT / "colab" / "versions.txt")
    return dict(line.split("==") for line in lines) | {"torch": "2.11.0+cu128"}


def test_the_list_of_versions_names_its_source_and_its_date():
    text = (ROOT / "colab" / "versions.txt").read_text()
    assert "googlecolab/backend-info" in text and "2026-08-19" in text


def test_colab_lacks_av_alone(way_in, colab):
    assert way_in.missing(WANTED, colab, has_opencv=True) == [AV]
    assert way_in.missing(WANTED, colab | {"av": "18.1.0"}, has_opencv=True) == []


def test_any_opencv_will_do(way_in, colab):
    bare = {name: version for name, version in colab.items() if not name.startswith("opencv-")}
    contrib = bare | {"opencv-contrib-python": "4.14.0.94"}
    assert OURS not in way_in.missing(WANTED, contrib, has_opencv=True)
    assert OURS not in way_in.missing(WANTED, bare, has_opencv=True)         # one without a package, too
    assert OURS in way_in.missing(WANTED, bare, has_opencv=False)


def test_a_version_that_the_course_cannot_use_is_said_and_stays(way_in, colab):
    with pytest.raises(SystemExit, match=r"av 19\.0\.2 is here, the course needs .*<19.* nothing was changed"):
        way_in.missing(WANTED, colab | {"av": "19.0.2"}, has_opencv=True)


@pytest.fixture
def calls(way_in, monkeypatch):
    """The commands that would run where `av` is missing, each with the lines of its file of constraints.

    `status`: what pip returns. One package has a version that pip cannot read.
    """

    class Calls(list):
        status = 0

    seen = Calls()

    def run(command, **options):
        seen.append((command, Path(command[command.index("-c") + 1]).read_text().splitlines()))
        return subprocess.CompletedProcess(command, seen.status, "", "no network\n")

    monkeypatch.setattr(way_in.subprocess, "run", run)
    here = {name: version for name, version in way_in.present().items() if name != "av"} | {"odd": "1.1u0"}
    monkeypatch.setattr(way_in, "present", lambda: here)
    monkeypatch.setattr(sys, "argv", ["install.py"])
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if Path(folder).resolve() != ROOT])
    return seen


def test_what_is_missing_comes_and_what_is_there_is_held(way_in, calls, capsys):
    way_in.main()
    (first, held), (second, _) = calls
    assert first[-1] == AV and first[0] == sys.executable
    assert f"torch=={way_in.present()['torch']}" in held and not [line for line in held if line.startswith("odd")]
    assert second[-3:] == ["--no-deps", "--editable", str(ROOT)]
    assert str(ROOT) in sys.path                                   # this very process can import it
    assert f"Missing: {AV}." in capsys.readouterr().out


def test_a_dry_run_only_says_it(way_in, calls, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["install.py", "--dry-run"])
    way_in.main()
    assert not calls and capsys.readouterr().out == f"Missing: {AV}.\n"


def test_a_pip_that_fails_is_said_with_its_reason(way_in, calls):
    calls.status = 1
    with pytest.raises(SystemExit, match=r"no network\npip could not install av"):
        way_in.main()
    assert len(calls) == 1


@pytest.mark.parametrize(
    "packages, expected",
    [
        ({"3.13": ["torch", "sympy"], "3.12": ["torch"]}, ("3.13", "3.13: for it torch==1 comes without CUDA")),
        ({"3.13": ["torch", "nvidia-nccl"], "3.12": ["torch"]}, ("3.12", "for 3.13 torch==1 would bring 1 packages")),
        ({"3.13": ["torch", "nvidia-nccl"]}, (None, "3.12 is not here")),
        ({"3.12": None}, (None, "3.13 is not here, for 3.12 torch==1 cannot be had")),
    ],
)
def test_the_stand_in_takes_the_python_whose_torch_is_small(stand_in, monkeypatch, capsys, packages, expected):
    def run(python, *command, **options):
        version = python.removeprefix("python")
        if version not in packages:
            raise FileNotFoundError(python)
        if "--report" in command:
            if packages[version] is None:
                raise subprocess.CalledProcessError(1, command)
            return json.dumps({"install": [{"metadata": {"name": name}} for name in packages[version]]})
        return ""

    monkeypatch.setattr(stand_in, "run", run)
    monkeypatch.setenv("PYENV_ROOT", "/nowhere")
    python, words = expected
    assert stand_in.choose_python("torch==1") == (f"python{python}" if python else sys.executable)
    printed = capsys.readouterr().out
    assert words in printed and printed.count("\n") == 1


@pytest.mark.parametrize(
    "after, said, status, words",
    [
        (["numpy==2.1.3", "av==18.1.0"], "Missing: av>=18,<19.", 0, "left 1 packages as they were"),
        (["numpy==2.4.6", "av==18.1.0"], "Missing: av>=18,<19.", 1, "changed what was there: numpy==2.1.3."),
        (["numpy==2.1.3", "av==18.1.0"], "Missing: opencv-python-headless>=4.9, av>=18,<19.", 1, "would install"),
    ],
)
def test_the_stand_in_fails_where_the_way_in_does_harm(
    stand_in, monkeypatch, capsys, tmp_path, after, said, status, words
):
    frozen = iter([["numpy==2.1.3"], ["# a comment", *after]])

    def run(*command, **options):
        return "\n".join(next(frozen)) if "freeze" in command else said

    monkeypatch.setattr(stand_in, "run", run)
    monkeypatch.setattr(stand_in, "choose_python", lambda torch: sys.executable)
    monkeypatch.setattr(stand_in, "in_a_kernel", lambda *_: None)
    monkeypatch.setattr(stand_in, "clone_of", lambda *_: "file:///clone")
    monkeypatch.setattr(sys, "argv", ["stand_in.py", str(tmp_path / "colab")])
    (tmp_path / "colab/contrib").mkdir(parents=True)
    monkeypatch.setattr(stand_in.shutil, "rmtree", lambda *_, **__: None)
    assert stand_in.main() == status
    printed = capsys.readouterr()
    assert words in printed.out + printed.err


def test_the_clone_has_every_file_of_the_course_and_nothing_that_was_made(stand_in, tmp_path):
    root = tmp_path / "course"
    for name in ("tutorial_lib/data/clips.py", "tutorial_lib/__init__.py", "data/sintel/a.png", "build/zoo/a",
                 ".venv-colab/bin/python", "tests/__pycache__/a.pyc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    address = stand_in.clone_of(root, tmp_path / "clone")
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", address, tmp_path / "ofd"], check=True)
    found = {str(path.relative_to(tmp_path / "ofd")) for path in (tmp_path / "ofd").rglob("*") if path.is_file()}
    assert {name for name in found if not name.startswith(".git/")} == {
        "tutorial_lib/data/clips.py", "tutorial_lib/__init__.py"}


# --- the first cell of a notebook ---


@pytest.fixture
def from_sources(monkeypatch):
    """data_scripts/sources.py, which makes notebooks of their sources."""
    module = loaded("sources")
    monkeypatch.delenv("OFD_ADDRESS", raising=False)
    return module


@pytest.fixture
def start():
    return loaded("start", "colab")


def test_without_an_address_there_is_no_badge_and_no_first_cell(from_sources, monkeypatch):
    source = from_sources.sources()[0]
    plain = from_sources.notebook_of(source)
    assert from_sources.address() == "" and "badge" not in plain.cells[0].source
    monkeypatch.setenv("OFD_ADDRESS", "https://github.com/someone/course")
    assert from_sources.address() == "https://github.com/someone/course"


def test_the_address_is_the_one_line_that_is_no_comment(from_sources, monkeypatch, tmp_path):
    monkeypatch.setattr(from_sources, "COLAB", tmp_path)
    (tmp_path / "address.txt").write_text("# a comment\n\n https://github.com/someone/course.git \n")
    assert from_sources.address() == "https://github.com/someone/course.git"


def test_with_an_address_a_notebook_brings_the_course_and_opens_on_colab(from_sources):
    first, second, *_, last = from_sources.sources()
    address = "https://github.com/someone/course.git"
    notebook = from_sources.notebook_of(first, address)
    header, way_in, *others = notebook.cells
    assert header.source.startswith("[![Open in Colab](")
    assert f"/github/someone/course/blob/main/notebooks/{first.stem}.ipynb)" in header.source
    assert f"git clone --quiet --depth 1 {address} ofd" in way_in.source
    assert way_in.source.endswith(f"/someone/course/blob/main/notebooks/{second.stem}.ipynb")
    assert [cell.id for cell in others] == [cell.id for cell in from_sources.notebook_of(first).cells[1:]]
    assert "--next" not in from_sources.notebook_of(last, address).cells[1].source


def test_a_notebook_of_no_github_has_the_first_cell_and_no_badge(from_sources):
    notebook = from_sources.notebook_of(from_sources.sources()[0], "file:///somewhere")
    assert "badge" not in notebook.cells[0].source and "git clone" in notebook.cells[1].source
    assert "--next" not in notebook.cells[1].source


@pytest.mark.parametrize(("gpu", "chosen", "scale", "words"), [
    ("T4", None, "colab", "GPU: T4."), (None, None, "laptop", "Change runtime type"),
    ("T4", "smoke", "smoke", "GPU: T4."),
])
def test_the_first_cell_says_what_there_is_and_sets_the_scale_that_fits(
    start, monkeypatch, capsys, gpu, chosen, scale, words
):
    installed = []
    monkeypatch.setattr(start.runpy, "run_path", lambda path, run_name: installed.append(Path(path).name))
    monkeypatch.setattr(start, "gpu_name", lambda: gpu)
    monkeypatch.setattr(sys, "argv", ["start.py", "--next", "https://colab/02_next.ipynb"])
    monkeypatch.setenv("OFD_SCALE", chosen or "")
    if not chosen:
        monkeypatch.delenv("OFD_SCALE")
    start.main()
    printed = capsys.readouterr().out
    assert installed == ["install.py"] and words in printed and f"Scale: {scale} " in printed
    assert start.os.environ["OFD_SCALE"] == scale
    assert "Next notebook: https://colab/02_next.ipynb" in printed


def test_what_is_made_can_be_kept_on_drive(start, monkeypatch, tmp_path, capsys):
    mounted = []
    drive = type(sys)("google.colab.drive")
    drive.mount = mounted.append
    package = type(sys)("google.colab")
    package.drive = drive
    monkeypatch.setitem(sys.modules, "google.colab", package)
    monkeypatch.setattr(start, "DRIVE", tmp_path / "drive" / "MyDrive" / "ofd")
    monkeypatch.setenv("OFD_BUILD", "")
    monkeypatch.setenv("OFD_CACHE", "")
    start.keep_on_drive()
    assert mounted == [str(tmp_path / "drive")]
    assert Path(start.os.environ["OFD_BUILD"]) == tmp_path / "drive" / "MyDrive" / "ofd"
    assert Path(start.os.environ["OFD_CACHE"]).is_relative_to(tmp_path / "drive")
    assert "GiB are free" in capsys.readouterr().out
