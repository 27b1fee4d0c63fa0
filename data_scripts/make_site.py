"""Build the course as a website: pages that are read without a kernel, with search, light and dark, on any screen.

    python data_scripts/make_site.py [--output build/site] [--lab build/site/lab]

README, RESULTS, the guide for instructors and the executed notebooks become pages, each notebook with a download of
itself. Nothing is fetched when a page is read, its formulas included. --lab: the lambda lab as make_lab_page.py has
made it, which becomes a part of the site. Needs: pip install ".[site]".
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


# The lambda lab is no page of Sphinx, which follows links to those alone: so these are written as HTML.
ON_THE_FIRST_PAGE = """**<a href="lab/index.html">The lambda lab</a>**: mix trained students with sliders, and see them
paint at once: a clip, a picture of yours, your camera. It runs in this browser, and nothing leaves your computer.

"""
IN_A_NOTEBOOK = """<a href="../lab/index.html">The lambda lab</a> has this notebook's lambdas as sliders, without a
kernel.

"""
ABOUT_LAMBDAS = "07_total_loss"
BACK = f"""<p class="home"><a href="../index.html">The course</a> ·
      <a href="../notebooks/{ABOUT_LAMBDAS}.html">Notebook 7, where the lambdas come from</a></p>"""


def lay_out(target: Path, lab: bool) -> None:
    """The pages as Sphinx wants them, in the folders that they are in, so that their links hold.

    lab: whether there is a lambda lab to link to.
    """
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
        to_the_lab = IN_A_NOTEBOOK if lab and path.stem == ABOUT_LAMBDAS else ""
        notebook.cells[0].source = f"{title}\n\n{{nb-download}}`{path.name}`\n\n{to_the_lab}{text}"
        nbformat.write(notebook, target / "notebooks" / path.name)
    for path in sorted((ROOT / "notebooks").glob("*.md")):
        shutil.copyfile(path, target / "notebooks" / path.name)
    index = (target / "README.md").read_text(encoding="utf-8")
    (target / "README.md").unlink()
    contents = CONTENTS.format(notebooks="\n".join(f"notebooks/{path.stem}" for path in notebooks))
    if lab:
        index = index.replace("## Two commands", f"{ON_THE_FIRST_PAGE}## Two commands", 1)
    (target / "index.md").write_text(index + contents, encoding="utf-8")


def bring(lab: Path, target: Path) -> None:
    """The lambda lab beside the pages, with the way back to them."""
    shutil.copytree(lab, target)
    page = (target / "index.html").read_text(encoding="utf-8")
    (target / "index.html").write_text(page.replace("<!-- home -->", BACK), encoding="utf-8")


def for_the_site(text: str) -> str:
    """README is the site's first page; a folder, or a script, is no page and stays a name."""
    text = re.sub(r"\]\((\.\./)*README\.md(#[^)]*)?\)", r"](\1index.md\2)", text)
    return re.sub(r"\[([^\]]+)\]\((?!https?:|#|attachment:)[^)]*(?:/|\.py|\.lock|\.toml|\.cff)\)", r"\1", text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--lab", type=Path, help="the folder of the lambda lab's page (default: a site without it)")
    options = parser.parse_args()
    output, lab = options.output, options.lab
    lay_out(output / "pages", lab is not None)
    shutil.rmtree(output / "html" / "lab", ignore_errors=True)
    status = sphinx(["-b", "html", "-q", "-W", "--keep-going", "-j", "auto",
                     *(["-t", "lab"] if lab else []), str(output / "pages"), str(output / "html")])
    if status == 0:
        if lab is None:
            print("The site is without the lambda lab, which needs npm: install Node.js and run make site again.")
        else:
            bring(lab, output / "html" / "lab")
        print(output / "html" / "index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
