"""Imports go one way: who reads a module needs to know those before it, and no other."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parent.parent / "tutorial_lib"

# A module or package may import from its own line and from those above it.
LAYERS = (
    "errors", "arguments", "schema", "lock", "files", "threads", "settings", "hardware",
    "flow", "data", "quality", "checkpoint", "networks", "losses", "training",  # what any paper is made of
    "roles", "papers.ofd.roles", "papers.std.settings", "papers.std.roles", "papers",           # what a network is
    "stage", "papers.ofd.stages", "papers.std.stages", "papers.stages", "zoo", "workshop", "train",     # how it comes
    "mixtures", "timing", "engines", "unfinished", "film", "stylize", "upscale", "speed",       # what is done with one
    "evaluation", "tables", "papers.ofd.tables", "papers.std.tables",           # what one is worth
    "doctor", "cli", "__main__",
    "keep", "lambdas", "mixable", "show", "checks",                            # for notebooks and scripts alone
)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(LIBRARY).with_suffix("").parts).removesuffix("__init__").rstrip(".")


FILES = {name_of(path): path for path in LIBRARY.rglob("*.py")}


def imported(path: Path) -> set[str]:
    """The modules of the library that a file imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import by its full name is found more easily"
            parts = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {part if part.removeprefix("tutorial_lib.") in FILES else node.module for part in parts}
    return {name.removeprefix("tutorial_lib.") for name in found if name.startswith("tutorial_lib.")}


IMPORTS = {name: imported(path) for name, path in FILES.items()}


def layer_of(module: str) -> int:
    """The place of the narrowest line that a module belongs to."""
    fitting = [line for line in LAYERS if module == line or module.startswith(f"{line}.")]
    assert fitting, f"{module} has no place among the layers"
    return LAYERS.index(max(fitting, key=len))


@pytest.mark.parametrize("module", sorted(FILES.keys() - {""}))
def test_a_module_imports_from_the_layers_before_it(module):
    assert [other for other in IMPORTS[module] if layer_of(other) > layer_of(module)] == []


def test_no_two_modules_import_each_other():
    TopologicalSorter(IMPORTS).prepare()      # raises CycleError


def test_every_layer_is_there():
    assert [line for line in LAYERS if line not in FILES] == []


def test_the_names_of_the_roles_need_no_torch():
    """So the command line answers at once."""
    look = "import sys; from tutorial_lib.papers import ROLES; print(len(ROLES) > 0, 'torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", look], text=True) == "True False\n"
