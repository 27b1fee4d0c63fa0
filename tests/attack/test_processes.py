"""What only a process of its own can show: Ctrl-C while it still imports, and its standard streams."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MODULES = ("folding", "sources")                               # of other scripts
ELSEWHERE = ("deepflow_worker", "make_student", "make_site", "lab")   # without this library, and JupyterLab
SCRIPTS = sorted(path for path in (ROOT / "data_scripts").glob("*.py") if path.stem not in MODULES + ELSEWHERE)
ALL = os.environ.get("OFD_ATTACKS") == "all"
STOPS = 'import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise RuntimeError("it goes on after Ctrl-C")\n'


def environment(*first: Path) -> dict[str, str]:
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return usual | {"PYTHONPATH": os.pathsep.join(map(str, (*first, ROOT))), "OFD_SCALE": "smoke"}


@pytest.mark.parametrize("script", SCRIPTS if ALL else SCRIPTS[::6], ids=lambda path: path.stem)
def test_ctrl_c_while_a_script_still_imports_is_one_sentence(script, tmp_path):
    for package in ("torch", "cv2", "tqdm", "nbformat", "numpy", "jupytext"):     # the first one that is asked for
        (tmp_path / f"{package}.py").write_text(STOPS)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, cwd=tmp_path,
                          env=environment(tmp_path))
    assert done.stderr == "\nStopped; run the same command again.\n"
    assert done.returncode == 130 and done.stdout == ""


@pytest.mark.parametrize("command", ["stylize a b.mp4", "doctor"])
def test_ctrl_c_while_a_command_still_imports_is_one_sentence(command, tmp_path):
    (tmp_path / "torch.py").write_text(STOPS)
    done = subprocess.run([sys.executable, "-m", "tutorial_lib", *command.split()], capture_output=True, text=True,
                          timeout=60, cwd=tmp_path, env=environment(tmp_path))
    assert (done.returncode, done.stderr) == (130, "\nStopped; run the same command again.\n")


def test_every_script_runs_its_imports_inside_the_boundary():
    for script in SCRIPTS:
        _, first, *_ = ast.parse(script.read_text()).body        # after the docstring
        assert isinstance(first, ast.If) and ast.unparse(first.body[-1]) == "start(__file__)", script.name


# --- the standard streams, by a command that prints as much as a table ---

PRINTS = "from tutorial_lib.errors import run; import sys; sys.exit(run(lambda: print('x' * {size}) or {code}))"


def in_a_shell(line: str, program: str, tmp_path: Path) -> subprocess.CompletedProcess:
    """The line of a shell in which PROGRAM stands for a program, with the exit code of that one."""
    (tmp_path / "program.py").write_text(program)
    line = re.sub("PROGRAM(-u)?", rf"{sys.executable} \1 {tmp_path / 'program.py'}", line)
    return subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, timeout=60,
                          env=environment(), cwd=tmp_path)


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_full_stdout_is_one_sentence(size, tmp_path):
    if not Path("/dev/full").exists():      # macOS has none; the disk that is full is tried in the table, too
        return
    done = in_a_shell("PROGRAM > /dev/full", PRINTS.format(size=size, code=0), tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "no space left on device" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(("line", "code"), [("PROGRAM >&-", 0), ("PROGRAM <&- >&- 2>&-", 0), ("PROGRAM 2>&-", 0)])
def test_a_closed_stream_is_written_to_in_vain(line, code, tmp_path):
    done = in_a_shell(line, PRINTS.format(size=10, code=code), tmp_path)
    assert (done.returncode, done.stderr) == (code, "")


def test_a_file_never_gets_the_number_of_a_closed_stream(tmp_path):
    """Or what a library prints would be written into it."""
    program = "from tutorial_lib.errors import run; import os, sys\n" \
              "run(lambda: print(open('made', 'w').fileno(), file=open('number', 'w')))"
    in_a_shell("PROGRAM <&- >&- 2>&-", program, tmp_path)
    assert int((tmp_path / "number").read_text()) > 2


@pytest.mark.parametrize("options", ["", "-u"])      # -u: nothing is buffered
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_reader_that_goes_away_ends_a_program_quietly(size, options, tmp_path):
    os.mkfifo(tmp_path / "ready")       # the program starts when the reader has closed its end: no race
    done = in_a_shell(f"(read -r < ready; PROGRAM{options}; echo $? > code) | (exec <&-; echo > ready)",
                      PRINTS.format(size=size, code=0), tmp_path)
    assert (tmp_path / "code").read_text() == "141\n" and done.stderr == ""


def test_help_into_a_full_disk_is_one_sentence(tmp_path):
    if not Path("/dev/full").exists():
        return
    for command in ("--help", "stylize --help"):
        done = subprocess.run(["bash", "-c", f"{sys.executable} -m tutorial_lib {command} > /dev/full"], text=True,
                              capture_output=True, timeout=60, env=environment(), cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "no space left" in done.stderr


def test_a_name_that_is_no_utf8_can_be_printed(tmp_path):
    program = "from tutorial_lib.errors import run, TutorialError; import sys\n" \
              "def command():\n print(sys.argv[1])\n raise TutorialError(sys.argv[1])\n" \
              "sys.exit(run(command))"
    done = in_a_shell("PROGRAM $'a\\xffb'", program, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "a\\udcffb\n", "a\\udcffb\n")


def test_a_programming_error_keeps_its_traceback(tmp_path):
    done = in_a_shell("PROGRAM", "from tutorial_lib.errors import run; run(lambda: None + 1)", tmp_path)
    assert done.returncode == 1 and "Traceback" in done.stderr and "TypeError" in done.stderr


def test_ctrl_c_during_the_work_says_how_to_go_on(tmp_path):
    program = "from tutorial_lib.errors import run; import os, signal, sys\n" \
              "sys.exit(run(lambda: os.kill(os.getpid(), signal.SIGINT)))"
    done = in_a_shell("PROGRAM", program, tmp_path)
    assert (done.returncode, done.stderr) == (130, "\nStopped; run the same command again.\n")
