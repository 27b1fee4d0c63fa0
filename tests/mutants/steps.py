"""What run.py asks of mutmut, each in a process of its own: `steps.py prepare`, and `steps.py try [clean]`.

mutmut writes the mutants and measures which tests reach what; one thing is added to that: what a shared fixture
reaches, and its time, counts for every test that uses it. Trying them is done here, many times faster than by starting
pytest again and again: the tests are imported and collected once, by a process that runs none, and a copy of it runs
those that reach a mutant, the most likely ones first, and no more of them than take PATIENCE seconds. What pytest says
of a failure is Python's own traceback: its usual one parses the file, which takes seconds for one full of mutants.
"""

import gc
import inspect
import json
import os
import resource
import signal
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest
from mutmut import __main__ as mutmut
from mutmut.configuration import config
from mutmut.runners.harness import PytestRunner
from mutmut.state import state
from mutmut.stats import load_stats
from mutmut.utils.format_utils import mangled_name_from_mutant_name

PATIENCE = 30                                      # seconds
FEW = 6                                            # tests
MEMORY = 12 * 2**30                                # bytes of a copy: a mutant may ask for any size
KILLED, SURVIVED, NO_TESTS, STOPPED, TOO_LONG = 1, 0, 33, 35, 36      # mutmut's exit codes
LOG = Path("mutants/pytest.log")


# --- writing and measuring ---


def prepare() -> None:
    """Writes the mutants, and measures which tests reach what, and in what time; later, those of new tests alone."""
    mutmut.set_mutant_under_test("mutant_generation")
    os.makedirs("mutants", exist_ok=True)
    with mutmut.CatchOutput(spinner_title="Writing mutants"):
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.setup_source_paths()
        mutmut.create_mutants(1)
    execute, fixtures = PytestRunner.execute_pytest, Fixtures()
    PytestRunner.execute_pytest = lambda self, arguments, plugins=(), **options: execute(
        self, arguments, plugins=[*plugins, fixtures], **options)
    try:
        mutmut.collect_or_load_stats(mutmut.get_mutant_runner(1))
    except SystemExit:      # mutmut does not say which, and asked in a process of its own
        sys.exit(f"A test fails without a mutant:\n{fixtures.failed.read_text() if fixtures.failed.exists() else '?'}")


def starts_processes(item: pytest.Item) -> bool:
    """Whether a test, a fixture of it, or a function of its file that one of them calls, speaks of `subprocess`."""
    here = [function for function in vars(item.module).values() if inspect.isfunction(function)]
    helpers = {function.__name__ for function in here if "subprocess" in inspect.getsource(function)}
    fixtures = [definition.func for definition in fixtures_of(item)]
    return any("subprocess" in inspect.getsource(function) or helpers & set(function.__code__.co_names)
               for function in (item.function, *filter(inspect.isfunction, fixtures)))


def fixtures_of(item: pytest.Item) -> list:
    return [definition for some in item._fixtureinfo.name2fixturedefs.values() for definition in some]


class Fixtures:
    """A plugin of pytest: what a fixture reaches, and the time that it takes, is that of every test that uses it.

    A test that starts processes is left out: it takes seconds, and in them nothing is measured.
    """

    def __init__(self):
        self.failed = Path("failed.txt").resolve()
        self.failed.unlink(missing_ok=True)

    def pytest_collectreport(self, report):
        self.pytest_runtest_logreport(report)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            with self.failed.open("a") as file:
                file.write(f"{report.nodeid}\n{report.longreprtext}\n")

    def pytest_collection_modifyitems(self, config, items):
        left_out = [item for item in items if starts_processes(item)]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        before = set(state()._stats)
        state()._stats.clear()
        start = time.perf_counter()
        try:
            return (yield)
        finally:
            fixturedef.took, fixturedef.reached = time.perf_counter() - start, set(state()._stats)
            state()._stats.update(before)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item):
        for definition in fixtures_of(item):
            state()._stats.update(getattr(definition, "reached", ()))
            state().duration_by_test[item.nodeid] += getattr(definition, "took", 0)


# --- trying ---


def try_mutants(clean: bool) -> None:
    """Tries every mutant that has no result. clean: their tests have to pass without any of them first."""
    load_stats()
    results = Results()
    trials = Trials(results, clean)
    arguments = ["--rootdir=.", f"--basetemp={Path('tmp').resolve()}", *config().pytest_add_cli_args,
                 *config().pytest_add_cli_args_test_selection]
    with LOG.open("w") as log:
        sys.stdout = sys.stderr = log
        os.chdir("mutants")
        pytest.main(arguments, plugins=[trials])
    if not trials.finished:
        sys.exit(f"Not all was tried; what pytest says is in {LOG.resolve()}.")


class Results:
    """The exit codes that mutmut keeps beside each file of mutants."""

    def __init__(self):
        self.metas = {path.resolve(): json.loads(path.read_text()) for path in Path("mutants").rglob("*.meta")}
        self.file_of = {name: path for path, meta in self.metas.items() for name in meta["exit_code_by_key"]}

    def asked(self) -> list[str]:
        return [name for name, path in self.file_of.items() if self.metas[path]["exit_code_by_key"][name] is None]

    def note(self, name: str, code: int) -> None:
        path = self.file_of[name]
        self.metas[path]["exit_code_by_key"][name] = code
        path.write_text(json.dumps(self.metas[path], indent=4))


class Trials:
    """A plugin of pytest that runs the tests once a mutant, instead of once."""

    def __init__(self, results: Results, clean: bool):
        self.results, self.clean, self.finished = results, clean, False
        self.say = os.fdopen(os.dup(1), "w", buffering=1).write

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        self.items = {item.nodeid: item for item in session.items}
        gc.collect()
        gc.freeze()                                # or every copy would walk through all that is imported
        asked = self.results.asked()
        cost = costs()
        tests = {name: in_order(chosen(name, self.items, cost), cost) for name in asked}
        every = in_order({test for some in tests.values() for test in some}, cost)
        if self.clean and every and self.run("", every) != SURVIVED:
            self.say(f"A test fails without a mutant; {LOG} says which.\n")
            return True
        if every and self.run("fail", every) != KILLED:
            self.say("No test fails where every function does.\n")
            return True
        quick_first = sorted(asked, key=lambda name: seconds(tests[name][:FEW]))
        for number, name in enumerate(quick_first, 1):
            code = self.run(name, tests[name]) if tests[name] else NO_TESTS
            self.results.note(name, code)
            if code != KILLED or number % 50 == 0:
                self.say(f"{time.strftime('%H:%M:%S')} {number} of {len(asked)}: {name} {code}\n")
        self.finished = True
        return True

    def run(self, mutant: str, tests: list[str]) -> int:
        limit = time.monotonic() + 5 * (seconds(tests) + 3)
        copy = os.fork()
        if copy == 0:
            self.run_here(mutant, tests)
        try:
            while True:
                ended, status = os.waitpid(copy, os.WNOHANG)
                if ended:
                    return os.waitstatus_to_exitcode(status)
                if time.monotonic() > limit:
                    return TOO_LONG
                time.sleep(0.005)
        finally:
            end_group(copy)

    def run_here(self, mutant: str, tests: list[str]) -> None:
        """Ends the process, with what came of it as the exit code."""
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            mutmut.set_mutant_under_test(mutant)
            items = [self.items[test] for test in tests]
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if item.session.testsfailed:
                    if not mutant:
                        print("Failed:", item.nodeid, flush=True)
                    os._exit(KILLED)
            os._exit(SURVIVED)
        finally:
            os._exit(STOPPED)


def end_group(process: int) -> None:
    """Ends a copy, where it has not ended by itself, and what its tests have started and left."""
    try:
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def seconds(tests: list[str]) -> float:
    return sum(state().duration_by_test[test] for test in tests)


def costs() -> dict[str, float]:
    """Of every test: the more functions it reaches the less it is about one of them, and the slower the dearer."""
    reached = Counter(test for tests in state().tests_by_mangled_function_name.values() for test in tests)
    return {test: reached[test] * (1 + duration) for test, duration in state().duration_by_test.items()}


def chosen(name: str, known: dict, cost: dict[str, float]) -> list[str]:
    """The cheapest of the tests that reach a mutant's function: at least one, and PATIENCE seconds at most."""
    reaching, found = state().tests_by_mangled_function_name.get(mangled_name_from_mutant_name(name), ()), []
    for test in sorted(known.keys() & reaching, key=lambda test: (cost[test], test)):
        if found and seconds([*found, test]) > PATIENCE:
            break
        found.append(test)
    return found


def in_order(tests: Iterable[str], cost: dict[str, float]) -> list[str]:
    """The cheapest few, then file by file, as they share fixtures: the cheapest file first, and its cheapest test."""
    tests, costs_of = sorted(tests, key=lambda test: (cost[test], test)), defaultdict(list)
    for test in tests[FEW:]:
        costs_of[file_of(test)].append(cost[test])
    return tests[:FEW] + sorted(tests[FEW:], key=lambda test: (
        statistics.mean(costs_of[file_of(test)]), file_of(test), cost[test], test))


def file_of(test: str) -> str:
    return test.partition("::")[0]


if __name__ == "__main__":
    prepare() if sys.argv[1] == "prepare" else try_mutants("clean" in sys.argv)
