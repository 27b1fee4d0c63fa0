"""Build the course as a website: pages that are read without a kernel, with search, light and dark, on any screen.

    python data_scripts/make_site.py [--output build/site]

README, RESULTS, the guide for instructors and the executed notebooks become pages, each notebook with a download of
itself. Nothing is fetched when a page is read, its formulas included. Needs: pip install ".[site]".
"""

import argparse
import base64
import re
import shutil
import sys
from pathlib import Path

import nbformat
from sphinx.cmd.build import main as sphinx

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "RESULTS.md", "INSTRUCTORS.md", "LICENSES.md")
ORPHAN = "---\norphan: true\n---\n"      # a page that the contents do not name; RESULTS leads to it
CONTENTS = """

```{{toctree}}
:hidden:
:caption: The course

{notebooks}
```

```{{toctree}}
:hidden:
:caption: Around it

notebooks/GLOSSARY
RESULTS
INSTRUCTORS
LICENSES
```
"""


def lay_out(target: Path) -> None:
    """The pages as Sphinx wants them, in the folders that they are in, so that their links hold."""
    shutil.rmtree(target, ignore_errors=True)
    (target / "notebooks").mkdir(parents=True)
    for path in (ROOT / "site").iterdir():
        if path.is_file():
            shutil.copyfile(path, target / path.name)
    for name in PAGES:
        (target / name).write_text(for_the_site((ROOT / name).read_text(encoding="utf-8")), encoding="utf-8")
    (target / "results").mkdir()
    for path in (ROOT / "results").glob("*.[jp][pn]g"):
        shutil.copyfile(path, target / "results" / path.name)
    for path in (ROOT / "results").glob("*.md"):
        (target / "results" / path.name).write_text(f"{ORPHAN}{path.read_text(encoding='utf-8')}", encoding="utf-8")
    notebooks = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = for_the_site(cell.source)
                for name, data in cell.pop("attachments", {}).items():
                    file = f"{path.stem}-{cell.id}-{name}"
                    (target / "notebooks" / file).write_bytes(base64.b64decode(next(iter(data.values()))))
                    cell.source = cell.source.replace(f"(attachment:{name})", f"({file})")
        title, _, text = notebook.cells[0].source.partition("\n")
        notebook.cells[0].source = f"{title}\n\n{{nb-download}}`{path.name}`\n{text}"
        nbformat.write(notebook, target / "notebooks" / path.name)
    for path in sorted((ROOT / "notebooks").glob("*.md")):
        shutil.copyfile(path, target / "notebooks" / path.name)
    index = (target / "README.md").read_text(encoding="utf-8")
    (target / "README.md").unlink()
    contents = CONTENTS.format(notebooks="\n".join(f"notebooks/{path.stem}" for path in notebooks))
    (target / "index.md").write_text(index + contents, encoding="utf-8")


def for_the_site(text: str) -> str:
    """README is the site's first page; a folder, or a script, is no page and stays a name."""
    text = re.sub(r"\]\((\.\./)*README\.md(#[^)]*)?\)", r"](\1index.md\2)", text)
    return re.sub(r"\[([^\]]+)\]\((?!https?:|#|attachment:)[^)]*(?:/|\.py|\.lock|\.toml|\.cff)\)", r"\1", text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "site")
    output = parser.parse_args().output
    lay_out(output / "pages")
    status = sphinx(["-b", "html", "-q", "-W", "--keep-going", "-j", "auto",
                     str(output / "pages"), str(output / "html")])
    if status == 0:
        print(output / "html" / "index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
