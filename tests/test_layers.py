"""Imports go one way: who reads a module needs to know those before it, and no other."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parent.parent / "tutorial_lib"

# A module or package may import from its own line and from those above it.
LAYERS = (
    "errors", "files", "settings", "hardware",
    "flow", "data", "checkpoint", "networks", "losses", "training",             # what any paper is made of
    "roles", "papers.ofd.roles", "papers", "zoo",                               # what a network of the course is
    "stage", "papers.ofd.stages", "workshop", "train",                          # how one comes about
    "stylize", "speed", "evaluation", "tables", "papers.ofd.tables",            # what one is worth
    "doctor", "cli", "__main__",
    "show",                                                                     # for notebooks and scripts alone
)
# Imported inside a function, by what comes before: who only wants the names of the roles does not wait for PyTorch.
LATE = {("papers", "papers.ofd.stages")}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(LIBRARY).with_suffix("").parts).removesuffix("__init__").rstrip(".")


FILES = {name_of(path): path for path in LIBRARY.rglob("*.py")}


def imported(tree: ast.AST) -> set[str]:
    """The modules of the library that are imported anywhere in a tree, also inside functions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import by its full name is found more easily"
            parts = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {part if part.removeprefix("tutorial_lib.") in FILES else node.module for part in parts}
    return {name.removeprefix("tutorial_lib.") for name in found if name.startswith("tutorial_lib.")}


TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
IMPORTS = {name: imported(tree) for name, tree in TREES.items()}


def layer_of(module: str) -> int:
    """The place of the narrowest line that a module belongs to."""
    fitting = [line for line in LAYERS if module == line or module.startswith(f"{line}.")]
    assert fitting, f"{module} has no place among the layers"
    return LAYERS.index(max(fitting, key=len))


@pytest.mark.parametrize("module", sorted(FILES.keys() - {""}))
def test_a_module_imports_from_the_layers_before_it(module):
    later = {other for other in IMPORTS[module] if layer_of(other) > layer_of(module)}
    assert later == {other for name, other in LATE if name == module}


def test_no_two_modules_import_each_other():
    graph = {name: {other for other in others if (name, other) not in LATE} for name, others in IMPORTS.items()}
    TopologicalSorter(graph).prepare()      # raises CycleError


@pytest.mark.parametrize(("module", "other"), LATE)
def test_what_is_imported_late_is_imported_inside_a_function(module, other):
    inside, at_the_top = set(), set()
    for node in TREES[module].body:
        (inside if isinstance(node, ast.FunctionDef) else at_the_top).update(imported(node))
    assert other in inside and other not in at_the_top


def test_every_layer_is_there():
    assert [line for line in LAYERS if line not in FILES] == []
