"""Bring notebooks/*.ipynb up to date with their sources, notebooks/src/*.py; with --execute, run them as well.

    python data_scripts/update_notebooks.py [--execute] [--check] [--unfolded FOLDER] [NAME...]

One direction only: the script is what is edited. (`jupytext --sync` goes by modification times and can undo an
edit.) --check writes nothing and fails when a notebook's cells differ from its source's. --unfolded writes the
notebooks to another folder, as they are executed: every solution is code in its place there, not a folded text.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import shutil
import sys
from pathlib import Path

import nbformat
from folding import YOURS, as_read, has_tag, is_solution
from nbformat import NotebookNode
from run_notebooks import execute
from sources import METADATA, NOTEBOOKS, address, notebook_of

from tutorial_lib import keep
from tutorial_lib.errors import TutorialError
from tutorial_lib.show.players import without_kernel


def cells_of(notebook: NotebookNode) -> list[tuple]:
    """What a notebook has of its source. The output of a folded solution is not."""
    return [("solution", asked(cell)) if is_solution(cell)
            else (cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def asked(solution: NotebookNode) -> str:
    """A folded solution without its output: its title and its code."""
    return solution.source.partition("\n```\n")[0]


def fresh(source: Path) -> NotebookNode:
    """The notebook of a source as a reader finds it, without outputs."""
    notebook = unfolded(source)
    notebook.cells = as_read(notebook.cells)
    return notebook


def unfolded(source: Path) -> NotebookNode:
    """The notebook of a source as it is executed."""
    return notebook_of(source, address())


def update(source: Path, target: Path) -> None:
    """Writes the source's cells; a cell that did not change keeps its outputs."""
    notebook = fresh(source)
    old = nbformat.read(target, as_version=4).cells if target.exists() else []
    outputs = {cell.source: cell for cell in old if cell.cell_type == "code"}
    solutions = {asked(cell): cell for cell in old if is_solution(cell)}
    for cell in notebook.cells:
        if is_solution(cell) and asked(cell) in solutions:
            cell.update({**solutions[asked(cell)], "id": cell.id})
        elif cell.cell_type == "code" and cell.source in outputs:
            known = outputs[cell.source]
            cell.outputs, cell.execution_count = known.outputs, known.execution_count
    nbformat.write(notebook, target)


def run(source: Path, target: Path) -> None:
    """Executes a source, solutions included, and writes it with what it put out."""
    nbformat.write(unfolded(source), target)
    execute(target, target)
    tidy(target)


def tidy(target: Path) -> None:
    """Drops what the execution adds and a page cannot show, widget state and progress bars; videos become small."""
    notebook = nbformat.read(target, as_version=4)
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # A widget goes with its text: that of a progress bar is "0%", for ever.
            cell.outputs = [
                o for o in cell.outputs
                if not (o.output_type == "stream" and o.name == "stderr")
                and "application/vnd.jupyter.widget-view+json" not in o.get("data", {})
            ]
            for output in cell.outputs:
                # Megabytes each, and GitHub shows none; that of an animated picture it does.
                if "<video" in output.get("data", {}).get("text/html", ""):
                    output.data["text/html"] = without_kernel(output.data["text/html"])
    notebook.cells = as_read(notebook.cells)
    shown = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for stub in (cell for cell in shown if has_tag(cell, YOURS)):
        stub.execution_count = None               # what was executed is its solution
    executed = (cell for cell in shown if not has_tag(cell, YOURS))
    for number, cell in enumerate(executed, 1):   # folded cells have left gaps
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    nbformat.write(notebook, target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="such as 03_teachers (all by default)")
    parser.add_argument("--execute", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--unfolded", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    sources = sorted((NOTEBOOKS / "src").glob("*.py"))
    unknown = sorted(set(arguments.names) - {source.stem for source in sources})
    if unknown:
        raise TutorialError(f"There is no notebook {', '.join(unknown)}; there are "
                            f"{', '.join(source.stem for source in sources)}.")
    sources = [s for s in sources if not arguments.names or s.stem in arguments.names]
    if arguments.execute:
        shutil.rmtree(keep.folder(), ignore_errors=True)      # what a notebook shows was computed when it was executed
    drifted = []
    for source in sources:
        target = NOTEBOOKS / f"{source.stem}.ipynb"
        if arguments.check:
            if not target.exists() or cells_of(fresh(source)) != cells_of(nbformat.read(target, as_version=4)):
                drifted.append(target.name)
        elif arguments.unfolded:
            arguments.unfolded.mkdir(parents=True, exist_ok=True)
            nbformat.write(unfolded(source), arguments.unfolded / target.name)
        elif arguments.execute:
            run(source, target)
        else:
            update(source, target)
    if drifted:
        print(f"Out of date: {', '.join(drifted)}; run: make notebooks", file=sys.stderr)
    return bool(drifted)
