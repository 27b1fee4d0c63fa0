"""Make notebooks/student/*.ipynb, the copies that are handed out: without solutions, without outputs.

    python data_scripts/make_student.py [--output FOLDER]

In every function that is the reader's, nbgrader's ClearSolutions puts a NotImplementedError in the place of what stands
between BEGIN SOLUTION and END SOLUTION; the exercises' solutions are left out. A check of a function that is not
written yet says so and stops nobody: its cell may fail, and what follows takes the course's own function. Needs
nbgrader and jupytext: pip install ".[instructor]".
"""

import argparse
import sys
from pathlib import Path

import nbformat
from folding import CHECK, MAY_FAIL, YOURS, has_tag, is_solution
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from sources import NOTEBOOKS, address, notebook_of, sources


def student_copy(source: Path) -> NotebookNode:
    """The notebook of a source as a student gets it."""
    notebook = notebook_of(source, address())
    notebook.cells = [cell for cell in notebook.cells if not is_solution(cell)]
    for cell in notebook.cells:
        cell.source = cell.source.replace("](../", "](../../")      # one folder further down
        if has_tag(cell, CHECK):
            cell.metadata.tags.append(MAY_FAIL)     # so that "run all" goes on behind an unwritten function
        elif "### BEGIN SOLUTION" in cell.source:
            cell.metadata.tags = [YOURS]
    cleared, _ = ClearSolutions(enforce_metadata=False).preprocess(notebook, {})
    return cleared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=NOTEBOOKS / "student")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for source in sources():
        nbformat.write(student_copy(source), arguments.output / f"{source.stem}.ipynb")


if __name__ == "__main__":
    sys.exit(main())
