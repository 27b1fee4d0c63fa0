"""Bring notebooks/*.ipynb up to date with their sources, notebooks/src/*.py; with --execute, run them as well.

    python data_scripts/update_notebooks.py [--execute] [--check] [NAME...]

One direction only: the script is what is edited. (`jupytext --sync` goes by modification times and can undo an
edit.) --check writes nothing and fails when a notebook's cells differ from its source's.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import sys
from pathlib import Path

import jupytext
import nbformat
from run_notebooks import NOTEBOOKS, execute

from tutorial_lib.errors import TutorialError

KEPT_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def cells_of(notebook: nbformat.NotebookNode) -> list[tuple]:
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def update(source: Path, target: Path) -> None:
    """Writes the source's cells; a cell that did not change keeps its id and its outputs."""
    fresh = jupytext.read(source)
    old = {cell.source: cell for cell in nbformat.read(target, as_version=4).cells} if target.exists() else {}
    for number, cell in enumerate(fresh.cells):
        known = old.get(cell.source)
        # Fixed ids, or every update would change every line of the file.
        cell.id = f"{source.stem[:2]}-{number:03}"
        if cell.cell_type == "code" and known is not None and known.cell_type == "code":
            cell.outputs, cell.execution_count = known.outputs, known.execution_count
    fresh.metadata = nbformat.from_dict(KEPT_METADATA)
    fresh.nbformat, fresh.nbformat_minor = 4, 5
    nbformat.write(fresh, target)


UNSEEN = "<em>(A video: it plays here when this cell is run.)</em>"


def tidy(target: Path) -> None:
    """Drops what the execution adds and a page cannot show: widget state, progress bars, embedded videos."""
    notebook = nbformat.read(target, as_version=4)
    notebook.metadata = nbformat.from_dict(KEPT_METADATA)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # A widget goes with its text: that of a progress bar is "0%", for ever.
            cell.outputs = [
                o for o in cell.outputs
                if not (o.output_type == "stream" and o.name == "stderr")
                and "application/vnd.jupyter.widget-view+json" not in o.get("data", {})
            ]
            for output in cell.outputs:
                # Megabytes each; GitHub shows none, and a still stands beside every video.
                if "<video" in output.get("data", {}).get("text/html", ""):
                    output.data["text/html"] = UNSEEN
    nbformat.write(notebook, target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="such as 03_teachers (all by default)")
    parser.add_argument("--execute", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    sources = sorted((NOTEBOOKS / "src").glob("*.py"))
    unknown = sorted(set(arguments.names) - {source.stem for source in sources})
    if unknown:
        raise TutorialError(f"There is no notebook {', '.join(unknown)}; there are "
                            f"{', '.join(source.stem for source in sources)}.")
    sources = [s for s in sources if not arguments.names or s.stem in arguments.names]
    drifted = []
    for source in sources:
        target = NOTEBOOKS / f"{source.stem}.ipynb"
        if arguments.check:
            if not target.exists() or cells_of(jupytext.read(source)) != cells_of(nbformat.read(target, as_version=4)):
                drifted.append(target.name)
            continue
        update(source, target)
        if arguments.execute:
            execute(target, target)
            tidy(target)
    if drifted:
        print(f"Out of date: {', '.join(drifted)}; run: make notebooks", file=sys.stderr)
    return bool(drifted)
