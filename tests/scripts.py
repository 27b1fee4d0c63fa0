"""Scripts as modules, and commands in this process: with imports done once, which take a process of its own seconds."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from tutorial_lib import cli, errors

ROOT = Path(__file__).parent.parent


def loaded(name: str, folder: str = "data_scripts") -> ModuleType:
    """A new module of a script; its neighbours have to be on sys.path where it imports some."""
    spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def script(name: str) -> ModuleType:
    """A data script as the one module that every test shares."""
    if name not in sys.modules:
        sys.path.insert(0, str(ROOT / "data_scripts"))      # one script imports its neighbour
        try:
            sys.modules[name] = loaded(name)
        finally:
            sys.path.remove(str(ROOT / "data_scripts"))
    return sys.modules[name]


def call(arguments: list[str]) -> int:
    """Runs `ofd ...` (the command line) or `SCRIPT ...` as their own entry does, and returns the exit code."""
    program, *rest = map(str, arguments)
    before = sys.argv
    try:
        if program == "ofd":
            return cli.main(rest)
        sys.argv = [program, *rest]
        return errors.run(script(program).main)
    except SystemExit as stop:              # argparse's
        return stop.code
    finally:
        sys.argv = before
