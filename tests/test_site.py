"""The website: every link leads somewhere, every picture is described, and nothing is fetched when a page is read."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parent.parent
# Not the pages that Sphinx adds.
OURS = ("index.html", "RESULTS.html", "INSTRUCTORS.html", "LICENSES.html", "notebooks/")


@pytest.fixture(scope="module")
def python():
    """Of the environment that has Sphinx."""
    python = os.environ.get("OFD_INSTRUCTOR", ROOT / ".venv-instructor" / "bin" / "python")
    assert Path(python).is_file(), "run: make site"
    return python


@pytest.fixture(scope="module")
def site(python, tmp_path_factory):
    """{the path of a page: its content}; with the lambda lab, but without what computes in it."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "site" / "lab", folder / "lab", ignore=shutil.ignore_patterns("node_modules"))
    command = [python, ROOT / "data_scripts" / "make_site.py", "--output", folder, "--lab", folder / "lab"]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr         # Sphinx's warnings are errors
    return {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
            for path in sorted((folder / "html").rglob("*.html"))}


def pages(site):
    root = next(iter(site)).parent
    while not (root / "index.html").is_file():
        root = root.parent
    return {path: page for path, page in site.items() if str(path.relative_to(root)).startswith(OURS)}


def test_every_notebook_is_a_page_with_a_download_of_itself(site):
    found = {path.stem: page for path, page in pages(site).items() if path.parent.name == "notebooks"}
    wanted = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert wanted <= set(found)
    for stem in wanted:
        link = found[stem].select_one("a.download")
        assert link["href"].endswith(f"{stem}.ipynb")


def test_every_link_and_every_picture_is_there(site):
    missing = []
    for path, page in pages(site).items():
        places = {tag["id"] for tag in page.select("[id]")}
        for tag in page.select("a[href], img[src], link[href], script[src]"):
            address = urlsplit(tag.get("href") or tag.get("src"))
            if address.scheme:
                continue
            if not address.path:
                if address.fragment and unquote(address.fragment) not in places:
                    missing.append((path.name, address.fragment))
            elif not (path.parent / unquote(address.path)).resolve().exists():
                missing.append((path.name, address.path))
    assert missing == []


def test_every_picture_is_described(site):
    for path, page in pages(site).items():
        bare = [picture.get("src", "")[:60] for picture in page.select("img") if not picture.get("alt")]
        assert bare == [], path.name


def test_nothing_is_fetched_when_a_page_is_read(site):
    for path, page in site.items():
        tags = page.select("script[src], link[rel=stylesheet], img[src]")
        fetched = [tag.get("src") or tag.get("href") for tag in tags]
        assert [address for address in fetched if address.startswith(("http:", "https:", "//"))] == [], path.name


def test_formulas_need_no_script(site):
    page = next(page for path, page in site.items() if path.stem == "01_perceptual_loss")
    assert len(page.select("math")) > 5 and not page.select("script[src*=mathjax]")


def test_a_matrix_has_brackets_as_high_as_itself(site):
    page = next(page for path, page in site.items() if path.stem == "06_low_rank_distillation")
    tables = page.select("mtable")
    assert tables and all(table.get("class") == ["matrix"] for table in tables)
    beside = [table.find_previous_sibling("mo") for table in tables]
    assert all(sign is None or sign.text not in "([" for sign in beside)
    style = next(path for path in site if path.name == "index.html").parent / "_static" / "course.css"
    assert "mtable.matrix" in style.read_text() and page.select("link[href*='course.css']")


def test_printed_text_is_not_coloured_as_code(site):
    page = next(page for path, page in site.items() if path.stem == "RESULTS")
    blocks = page.select("div.highlight pre")
    assert blocks and not [block for block in blocks if block.select("span.k, span.kn, span.nn, span.mi")]


def test_an_answer_is_folded(site):
    page = next(page for path, page in site.items() if path.stem == "03_two_teachers")
    folded = [part for part in page.select("details") if "a solution" in part.summary.text]
    assert len(folded) >= 7 and not [part for part in folded if part.has_attr("open")]
    assert all(part.select("div.highlight") for part in folded)
    assert "raise NotImplementedError" in page.select_one("div.cell.tag_yours").text


def test_a_table_that_a_cell_shows_is_a_table(site):
    page = next(page for path, page in site.items() if path.stem == "10_small_fast_yours")
    shown = [table.get_text(" ", strip=True) for table in page.select(".cell_output table")]
    assert len(shown) == 2 and "pocket-32x4" in shown[0] and "together" in shown[1]


def test_the_lambda_lab_is_linked_from_the_first_page_its_notebook_and_every_navigation(site):
    def leads(path, part):
        links = {(path.parent / unquote(urlsplit(tag["href"]).path)).resolve() for tag in part.select("a[href]")}
        return any(link.parts[-2:] == ("lab", "index.html") for link in links)

    for path, page in pages(site).items():
        assert leads(path, page.select_one("aside")), path.name
        assert leads(path, page.select_one("article")) == (path.stem in ("index", "07_total_loss")), path.name
    lab, = (path for path in site if path.parent.name == "lab")
    back = [(lab.parent / tag["href"]).resolve() for tag in site[lab].select(".home a")]
    assert [path.stem for path in back] == ["index", "07_total_loss"] and all(path in site for path in back)


def test_without_npm_the_site_is_built_without_the_lambda_lab_and_says_so(python, tmp_path):
    """Sphinx is left out: what is laid out for it names no lab."""
    program = ("import sys, make_site; sys.argv[1:] = ['--output', sys.argv[1]]; "
               "make_site.sphinx = lambda given: print(given) or 0; make_site.main()")
    made = subprocess.run([python, "-c", program, tmp_path], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT / "data_scripts")})
    assert "The site is without the lambda lab, which needs npm" in made.stdout and "'-t'" not in made.stdout
    texts = [path.read_text() for path in (tmp_path / "pages").rglob("*") if path.suffix in (".md", ".ipynb")]
    assert len(texts) > 10 and not [text for text in texts if "lab/index.html" in text]
