"""Scripts as modules, for tests of their functions."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent


def loaded(name: str, folder: str = "data_scripts") -> ModuleType:
    """A new module of a script; its neighbours have to be on sys.path where it imports some."""
    spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
