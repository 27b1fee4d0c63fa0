"""The notebooks' sources as notebooks: with fixed ids, and with the way in on Colab once the course has an address."""

import os
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
COLAB = Path(__file__).parent.parent / "colab"
GITHUB = "https://github.com/"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({link})\n\n"

def sources() -> list[Path]:
    return sorted((NOTEBOOKS / "src").glob("[0-9][0-9]_*.py"))


def address() -> str:
    """Where the course can be cloned from; empty while that is unknown."""
    if "OFD_ADDRESS" in os.environ:
        return os.environ["OFD_ADDRESS"]
    lines = (COLAB / "address.txt").read_text(encoding="utf-8").splitlines()
    return next((line.strip() for line in lines if line.strip() and not line.startswith("#")), "")


def on_colab(address: str, notebook: str) -> str:
    """The link to a notebook on Colab, which opens those of GitHub alone; empty for any other address."""
    if not address.startswith(GITHUB):
        return ""
    path = address.removesuffix(".git").removeprefix(GITHUB)
    return f"https://colab.research.google.com/github/{path}/blob/main/notebooks/{notebook}.ipynb"


def notebook_of(source: Path, address: str = "") -> NotebookNode:
    """A source as it is executed; with an address, a badge and a first cell that brings the course along."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        # Fixed ids, or every update would change every line of the file.
        cell.id = f"{source.stem[:2]}-{number:03}"
    if address:
        after = next((other.stem for other in sources() if other.stem > source.stem), "")
        link = on_colab(address, after) if after else ""
        way_in = (COLAB / "first_cell.txt").read_text(encoding="utf-8").rstrip()
        code = way_in.format(address=address, next=f" --next {link}" if link else "")
        notebook.cells.insert(1, nbformat.v4.new_code_cell(code, id=f"{source.stem[:2]}-colab"))
        if link := on_colab(address, source.stem):
            notebook.cells[0].source = BADGE.format(link=link) + notebook.cells[0].source
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook
