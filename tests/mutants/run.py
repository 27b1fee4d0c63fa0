"""Mutation testing: is a small change of the library noticed by its tests? `make mutants` runs it, in hours.

    python tests/mutants/run.py [--session FOLDER] [--again] [--report] [GROUP ...]

Every mutant of the losses, the flow and the evaluation is tried, elsewhere DRAWN of them. It can be stopped at any
time: what was tried is kept in FOLDER, and only functions that have changed since are tried again. --again also tries
the survivors once more, after tests were added; --report tries nothing. The exit code is 1 below LEAST per cent, or
when a survivor has no line in survivors.toml that says why. What came of a group that is tried whole is noted in
results/mutants.txt, where "neither" ran too long or ended the process.

The tool is mutmut. A process that has imported torch and started no thread is forked for every mutant (a fork after
torch's threads have started hangs), and runs the tests that reach the changed function, which is measured once a
group, until the first one fails (steps.py). Left out: annotations, docstrings, what `print` and errors say, prose (a
text with a space in it), and, which is mutmut's rule, decorated functions and what stands in no function. Only a failed
test is a kill: a timeout or a crash is none.
"""

import argparse
import ast
import collections
import difflib
import filecmp
import functools
import json
import os
import random
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).parent.parent.parent
SURVIVORS = Path(__file__).with_name("survivors.toml")
TABLE = ROOT / "results" / "mutants.txt"
LEAST = 90
DRAWN, SEED = 300, 12
LEFT_OUT, ASKED = 34, None          # mutmut's exit code of a mutant that is skipped, and of one that was not tried yet

# The tests of each package; elsewhere all but those of a package alone, and SLOW, which start kernels and servers, or
# read the library's text, which is many times as long with its mutants.
GROUPS = {
    "losses": ["low_rank", "perceptual", "residual", "space_time", "temporal", "wiring"],
    "flow": ["estimate", "look_up", "occlusion", "warp"],
    "evaluation": ["bench", "evaluation", "films", "schema", "upscaling"],
    "elsewhere": [],
}
SLOW = ("colab", "data_scripts", "exit_codes", "glossary", "grade", "install", "instructors", "layers", "licences",
        "live", "my_notebooks", "notebooks", "prose", "results", "roles", "site", "student", "threads", "training")
# A digest that is kept in the repository notices every change and says of none that it is wrong.
DIGESTS = ("tests/test_bench.py::test_the_committed_scores_are_those_of_the_shipped_weights",
           "tests/test_bench.py::test_one_committed_score_reproduces",
           "tests/test_zoo.py::test_a_network_loads_runs_and_is_the_one_in_its_manifest")
SETTINGS = """
[tool.mutmut]
source_paths = ["tutorial_lib"]
only_mutate = {only_mutate}
do_not_mutate = {do_not_mutate}
do_not_mutate_patterns = ['Error\\(', '\\bprint\\(']
also_copy = {also_copy}
process_isolation = "forkserver"
timeout_constant = 3.0
timeout_multiplier = 5.0
pytest_add_cli_args = ["-p", "no:cacheprovider", "--tb=native"]
pytest_add_cli_args_test_selection = {tests}
"""

def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--session", type=Path, default=ROOT / "build" / "mutants")
    parser.add_argument("--again", action="store_true", help="survivors too")
    parser.add_argument("--report", action="store_true", help="of what was tried so far")
    arguments = parser.parse_args()
    codes = []
    for group in arguments.groups or GROUPS:
        folder = arguments.session.resolve() / group
        if not arguments.report:
            try_all(group, folder, arguments.again)
        if (folder / "mutants").is_dir():
            codes.append(report(group, folder))
            note(group, folder)
    return max(codes, default=0)


# --- trying ---


def try_all(group: str, folder: Path, again: bool) -> None:
    copy_to(folder)
    with (folder / "pyproject.toml").open("a") as file:
        file.write(settings(group, folder))
    environment = {**os.environ, "PYTHONPATH": str(folder / "mutants"), "OFD_SCALE": "smoke", "OMP_NUM_THREADS": "1",
                   "OFD_BUILD": str(folder / "build"), "PYTHONDONTWRITEBYTECODE": "1"}
    steps = [sys.executable, Path(__file__).with_name("steps.py")]
    if again:
        (folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)      # what the tests reach is measured anew
    known = (folder / "mutants" / "mutmut-stats.json").is_file()
    (folder / "mutants").mkdir(exist_ok=True)      # Python looks but once whether a place that it imports from is there
    subprocess.run([*steps, "prepare"], cwd=folder, env=environment, check=True)
    if choose(group, folder, again):               # the tests have just passed, or are to pass without a mutant first
        subprocess.run([*steps, "try", *(["clean"] if known else [])], cwd=folder, env=environment, check=True)


def copy_to(folder: Path) -> None:
    """The working tree; a file that is the same keeps its time, by which mutmut knows it."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, text=True,
                            capture_output=True).stdout.splitlines()
    names = [name for name in listed if (ROOT / name).is_file()]
    for package in ("tutorial_lib", "tests"):
        for path in [*(folder / package).rglob("*"), *(folder / "mutants" / package).rglob("*")]:
            name = str(path.relative_to(folder)).removeprefix("mutants/")
            if path.is_file() and path.suffix != ".meta" and name not in names:
                path.unlink()
    for name in names:
        here, there = ROOT / name, folder / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if not there.is_file() or not filecmp.cmp(here, there, shallow=False):
            shutil.copyfile(here, there)


def settings(group: str, folder: Path) -> str:
    packages = [f"tutorial_lib/{name}/*" for name in GROUPS if name != "elsewhere"]
    elsewhere = group == "elsewhere"
    files = sorted((folder / "tests").glob("test_*.py"))
    own = {name for names in GROUPS.values() for name in names} - {"schema", "wiring"}
    asked = [f"test_{name}.py" for name in ({*SLOW, *own} if elsewhere else GROUPS[group])]
    assert set(asked) <= {path.name for path in files}, f"no longer there: {asked}"
    tests = [f"tests/{path.name}" for path in files if (path.name in asked) != elsewhere]
    tests += [word for name in DIGESTS for word in ("--deselect", name)]
    others = [path.name for path in folder.iterdir() if path.name not in ("tutorial_lib", "mutants", "build")]
    return SETTINGS.format(only_mutate=["tutorial_lib/*"] if elsewhere else [f"tutorial_lib/{group}/*"],
                           do_not_mutate=packages if elsewhere else [], also_copy=sorted(others), tests=tests)


def choose(group: str, folder: Path, again: bool) -> bool:
    """Asks for all mutants but prose, or for those that are drawn of them; returns whether any is to be tried still.

    Each has its own lot, so that a change of the library draws no others than those of the functions that changed.
    """
    metas = {path: json.loads(path.read_text()) for path in sorted((folder / "mutants").rglob("*.meta"))}
    names = sorted(name for meta in metas.values() for name in meta["exit_code_by_key"])
    chosen, most = set(), DRAWN if group == "elsewhere" else len(names)
    for name in sorted(names, key=lambda name: random.Random(f"{SEED} {name}").random()):
        if len(chosen) == most:
            break
        if not is_prose(*change(folder, name)):
            chosen.add(name)
    for path, meta in metas.items():
        codes = meta["exit_code_by_key"]
        for name, code in codes.items():
            if name not in chosen:
                codes[name] = LEFT_OUT
            elif code == LEFT_OUT or (again and status(code) != "killed"):
                codes[name] = ASKED
        path.write_text(json.dumps(meta, indent=4))
    return any(code is ASKED for meta in metas.values() for code in meta["exit_code_by_key"].values())


def is_prose(before: str, after: str) -> bool:
    """Whether all that a mutant changes is a text with a space in it."""
    texts = [[node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
             for code in (before, after)]
    changed = [text for text, other in zip(*texts, strict=False) if text != other]
    return len(texts[0]) == len(texts[1]) and len(changed) == 1 and isinstance(changed[0], str) and " " in changed[0]


# --- what came of it ---


@functools.cache
def functions(path: Path) -> dict[str, list[str]]:
    """The lines of every function of a file of mutants; a mutant is one, its original another."""
    text = path.read_text()
    lines = text.splitlines()
    return {node.name: textwrap.dedent("\n".join(lines[node.lineno - 1:node.end_lineno])).splitlines()
            for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}


def source_of(folder: Path, name: str) -> Path:
    path = folder / "mutants" / (name.rpartition(".")[0].replace(".", "/") + ".py")
    return path if path.is_file() else path.with_suffix("") / "__init__.py"


def change(folder: Path, name: str) -> tuple[str, str]:
    """The function without and with a mutant, as code."""
    found, mutant = functions(source_of(folder, name)), name.rpartition(".")[2]
    original, _, _ = mutant.rpartition("__mutmut_")
    return tuple("\n".join(found[name]).replace(name, "f", 1) for name in (f"{original}__mutmut_orig", mutant))


def lines_of(folder: Path, name: str) -> tuple[str, str, str]:
    """(file, line before, line after) of a mutant; several lines are joined, runs of spaces are one."""
    changed = list(difflib.ndiff(*(code.splitlines() for code in change(folder, name))))
    before, after = (" ".join(" ".join(line[2:].split()) for line in changed if line[0] == sign) for sign in "-+")
    return str(source_of(folder, name).relative_to(folder / "mutants")), before, after


def status(code: int | None) -> str:
    return "stopped" if code not in (0, 1) and status_by_exit_code[code] == "killed" else status_by_exit_code[code]


def results_of(folder: Path) -> dict[str, str]:
    return {name: status(code) for path in sorted((folder / "mutants").rglob("*.meta"))
            for name, code in json.loads(path.read_text())["exit_code_by_key"].items()}


def note(group: str, folder: Path) -> None:
    """A group's line of results/mutants.txt, once all of it is tried; those of the others stay."""
    counts = collections.Counter(results_of(folder).values())
    if counts["not checked"]:
        return
    mutants, killed = counts.total() - counts["skipped"], counts["killed"]
    survived = counts["survived"] + counts["no tests"]
    known = {line.split()[0]: line for line in TABLE.read_text().splitlines()} if TABLE.is_file() else {}
    known[group] = (f"{group:<10}{mutants:>9}{killed:>9}{survived:>10}{mutants - killed - survived:>9}"
                    f"{100 * killed / mutants:>10.1f}")
    head = f"{'group':<10}{'mutants':>9}{'killed':>9}{'survived':>10}{'neither':>9}{'killed, %':>10}"
    TABLE.write_text("\n".join([head, *(known[name] for name in GROUPS if name in known)]) + "\n")


def report(group: str, folder: Path) -> int:
    results = results_of(folder)
    counts = collections.Counter(results.values())
    tried = len(results) - counts["skipped"] - counts["not checked"]
    score = 100 * counts["killed"] / max(tried, 1)
    others = ", ".join(f"{count} {said}" for said, count in counts.most_common() if said != "killed")
    print(f"{group}: {counts['killed']} of {tried} mutants killed, {score:.1f} %" + (f"; {others}" if others else ""))
    reasons = {(line["file"], line["was"], line["is"]) for line in tomllib.loads(SURVIVORS.read_text())["survivor"]}
    unexplained = 0
    for name, said in results.items():
        if said not in ("killed", "skipped", "not checked"):
            where, before, after = lines_of(folder, name)
            if (where, before, after) not in reasons:
                unexplained += 1
                print(f"\n{said}: {name}\n[[survivor]]\nfile = {json.dumps(where)}\nwas = {json.dumps(before)}\n"
                      f"is = {json.dumps(after)}\nwhy = \"\"")
    if unexplained:
        print(f"\n{group}: {unexplained} survivors without a line in {SURVIVORS.name}")
    return int(score < LEAST or unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
