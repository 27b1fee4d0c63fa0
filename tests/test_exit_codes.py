"""What fails says so to whoever called it: every command's own exit code comes out at the end."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tutorial_lib import cli, errors
from tutorial_lib.errors import TutorialError

ROOT = Path(__file__).parent.parent
MODULES = ("deepflow_worker", "folding", "sources")      # of other scripts
ELSEWHERE = ("make_student", "make_site", "lab")         # where there is no tutorial_lib, and JupyterLab
SCRIPTS = sorted(path for path in (ROOT / "data_scripts").glob("*.py") if path.stem not in MODULES + ELSEWHERE)
WORDS = (ROOT / "Makefile").read_text()
TARGETS = [name for name in re.search(r"^\.PHONY: (.*)$", WORDS, re.MULTILINE)[1].split()
           if name not in ("help", "clean")]      # which run nothing that could fail


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (1, 1), (3, 3)])
def test_the_code_of_a_command_is_its_own(result, code):
    assert errors.run(lambda: result) == code


def test_bad_input_is_2_and_a_stop_is_130(capsys):
    def raised(error):
        def command():
            raise error
        return errors.run(command)

    assert raised(TutorialError("Give another.")) == 2
    assert raised(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err.splitlines()[0] == "Give another."


def test_the_command_line_ends_with_its_code(monkeypatch):
    monkeypatch.setattr(cli, "main", lambda: 7)
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("tutorial_lib", run_name="__main__")
    assert stop.value.code == 7


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_ends_with_its_code(script, monkeypatch):
    """As `errors.run` says; where it is not asked, notebooks without a cell are out of date."""
    monkeypatch.setattr(errors, "run", lambda main: 7)
    monkeypatch.setattr("nbformat.read", lambda *_, **__: nbformat.v4.new_notebook())
    monkeypatch.setattr(sys, "argv", [str(script), *(["--check"] if script.stem == "update_notebooks" else [])])
    monkeypatch.syspath_prepend(script.parent)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(script), run_name="__main__")
    assert stop.value.code in (1, 7)


@pytest.fixture
def run_notebooks(tmp_path, monkeypatch, capsys):
    """run_notebooks(first): its exit code, what it printed, and which of two notebooks were executed."""
    def run(first):
        monkeypatch.setenv("OFD_BUILD", str(tmp_path / "build"))
        for name, cells in (("00_a", ["print('so' + ' far')", first]), ("01_b", ["2"])):
            made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
            nbformat.write(made, tmp_path / f"{name}.ipynb")
        sources, target = sorted(tmp_path.glob("*.ipynb")), tmp_path / "out"
        monkeypatch.syspath_prepend(ROOT / "data_scripts")
        monkeypatch.setattr(sys, "argv", ["run_notebooks.py", *map(str, sources), "--output", str(target)])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(ROOT / "data_scripts" / "run_notebooks.py"), run_name="__main__")
        return stop.value.code, capsys.readouterr(), {path.stem: path.read_text() for path in target.iterdir()}

    return run


def test_a_notebook_that_fails_fails_the_run(run_notebooks):
    """What was done before it is kept, and nothing after it is begun."""
    code, printed, executed = run_notebooks("1 / 0")
    assert code == 1
    assert "00_a.ipynb stopped: " in printed.err and "division by zero" in printed.err
    assert "All done" not in printed.out
    assert list(executed) == ["00_a"] and "so far" in executed["00_a"]


def test_notebooks_that_do_not_fail_are_all_executed(run_notebooks, monkeypatch):
    monkeypatch.setattr("nbclient.NotebookClient.execute", lambda self: None)
    code, printed, executed = run_notebooks("1")
    assert code == 0 and "All done" in printed.out and sorted(executed) == ["00_a", "01_b"]


STAND_IN = """#!/bin/sh
echo "$@" >> calls.txt
[ "$(wc -l < calls.txt)" -ne "$FAILING" ]
"""


@pytest.fixture
def make(tmp_path):
    """make(target, failing): its exit code and what was called, where the n-th call of Python fails."""
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    for path in (ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / "requirements.lock",
                 ROOT / "notebooks" / "overrides.json", *(ROOT / "colab").glob("*.*")):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(path, copy)
    environments = [tmp_path / name for name in (".venv", ".venv-colab", ".venv-instructor", ".venv-mutants")]
    for folder in environments:
        python = folder / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(STAND_IN)
        python.chmod(0o755)

    def run(target, failing):
        calls = tmp_path / "calls.txt"
        installed = [*(folder / ".installed" for folder in environments), tmp_path / ".venv" / ".browser"]
        calls.write_text("")
        for stamp in installed:
            stamp.unlink(missing_ok=True)
            if target != "venv":
                stamp.touch()
        done = subprocess.run(
            ["make", target, f"PYTHON={tmp_path / '.venv/bin/python'}"], cwd=tmp_path, capture_output=True, text=True,
            timeout=60, env=os.environ | {"FAILING": str(failing)})
        return done.returncode, calls.read_text().splitlines()

    return run


@pytest.mark.parametrize("target", TARGETS)
def test_make_fails_where_one_of_its_commands_does(target, make, tmp_path):
    """At once: nothing is run after it, and what counts as installed is only what was."""
    lock, stamp = tmp_path / "requirements.lock", tmp_path / ".venv" / ".installed"
    before = lock.read_text()
    code, calls = make(target, failing=0)
    assert code == 0 and calls and stamp.exists()
    lock.write_text(before)
    for failing in range(1, len(calls) + 1):
        assert make(target, failing) == (2, calls[:failing])
        assert lock.read_text() == before
        assert stamp.exists() == (target != "venv")


def test_make_run_executes_the_notebooks(make):
    _, calls = make("run", failing=0)
    assert calls[0].startswith("data_scripts/run_notebooks.py --output")


def test_make_site_has_the_lambda_lab_where_npm_is(make, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    for name in ("make", "sh", "rm", "touch", "mkdir", "wc", "cat", "echo"):
        if program := shutil.which(name):
            (tmp_path / "bin" / name).symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    _, calls = make("site", failing=0)
    assert len(calls) == 1 and "make_site.py" in calls[0] and "--lab" not in calls[0]
    (tmp_path / "bin" / "npm").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "npm").chmod(0o755)
    _, calls = make("site", failing=0)
    assert [call.split()[0] for call in calls] == ["data_scripts/make_lab_page.py", "data_scripts/make_site.py"]
    assert calls[1].split()[-1] == calls[0].split()[-1] and calls[1].split()[-2] == "--lab"
