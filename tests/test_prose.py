"""What is read: spelt right, its links lead somewhere, and one thing is asked for in one way."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
COPIES = sorted((ROOT / "notebooks" / "student").glob("*.ipynb"))
SOURCES = sorted((ROOT / "notebooks" / "src").glob("[0-9][0-9]_*.py"))
TEXTS = [*ROOT.glob("*.md"), *ROOT.glob("notebooks/*.md"), *ROOT.glob("results/*.md"), ROOT / "CITATION.cff"]
CODE = [path for folder in ("tutorial_lib", "data_scripts", "tests", "site", "colab")
        for path in ROOT.glob(f"{folder}/**/*.py")]
PAGES = [*TEXTS, *NOTEBOOKS, *COPIES]
# An emphasised word at the beginning of what is asked of a reader, and the one way in which it is written.
PROMPTS = {
    "predict": r"\*\*Predict, then run\.\*\* [A-Z$]",
    "question": r"\*\*Question\.\*\* ",
    "exercise": r"\*\*Exercise [1-9]\.\*\* ",
    "yours to write": r"\*\*Yours to write\*\*: ",
}

each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def markdown(page: Path) -> str:
    """The text of a page; of a notebook that of its text cells."""
    if page.suffix != ".ipynb":
        return page.read_text(encoding="utf-8")
    cells = nbformat.read(page, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|^    [^\n]*$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def links(page: Path) -> list[str]:
    """Every address that a page links to or shows."""
    found = re.findall(r"\]\(\s*([^)\s]+)\s*\)", without_code(markdown(page)))
    return [address for address in found if not address.startswith("attachment:")]


def anchors(page: Path) -> set[str]:
    """The places of a page as GitHub names them: its headings in small letters, with hyphens, without signs."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", markdown(page), flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


LINKS = [(page, address) for page in PAGES for address in links(page)]
WITHIN = [(page, address) for page, address in LINKS if not urlsplit(address).scheme]
OUTSIDE = {address for _, address in LINKS if urlsplit(address).scheme}


def test_words_are_spelt_as_a_dictionary_has_them():
    read = [*TEXTS, *SOURCES, *CODE, *ROOT.glob("colab/*.txt"), *ROOT.glob("results/*.txt"), ROOT / "Makefile"]
    found = subprocess.run([sys.executable, "-m", "codespell_lib", *read], cwd=ROOT, capture_output=True, text=True)
    assert found.stdout == "" and found.returncode == 0, found.stdout + found.stderr


def test_every_link_within_the_course_leads_to_a_file_and_to_a_place_in_it():
    assert len(WITHIN) > 100
    lost = []
    for page, address in WITHIN:
        path, _, place = unquote(address).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (place and place not in anchors(target)):
            lost.append(f"{page.relative_to(ROOT)}: {address}")
    assert lost == []


def test_links_to_the_outside_are_https_and_one_address_has_one_spelling():
    assert len(OUTSIDE) > 15
    for address in OUTSIDE:
        parts = urlsplit(address)
        assert parts.scheme == "https" and "." in parts.netloc and parts.netloc == parts.netloc.lower(), address
        if parts.netloc.endswith("arxiv.org"):
            assert re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{4,5}", address), address
    spellings: dict[str, set[str]] = {}
    for address in OUTSIDE:
        same = re.sub(r"^https?://(www\.)?|/+$|#$", "", address.lower())
        spellings.setdefault(same, set()).add(address)
    assert [several for several in spellings.values() if len(several) > 1] == []


@each_source
def test_what_is_asked_of_a_reader_is_asked_in_one_way(source):
    cells = jupytext.read(source).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for word, way in PROMPTS.items():
        said = re.findall(rf"(?<![\w*])\*{{1,2}}\s*{word}\b[^\n]*\n?[^\n]*", text, flags=re.IGNORECASE)
        assert said, f"nowhere: {word}"
        assert [line for line in said if not re.match(way, line.replace("\n", " "))] == []


@each_source
def test_a_question_has_answers_an_exercise_a_hint_and_a_solution(source):
    cells = jupytext.read(source).cells
    numbers, solutions, questions = [], [], 0
    for place, cell in enumerate(cells):
        if "solution" in cell.metadata.get("tags", []):
            solutions.append(int(re.match(r"# Exercise (\d)", cell.source)[1]))
        elif cell.cell_type == "markdown" and (number := re.search(r"\*\*Exercise (\d)\.\*\*", cell.source)):
            numbers.append(int(number[1]))
            assert "<details><summary>Hint" in cell.source, number[0]
        elif cell.cell_type == "markdown" and "**Question.**" in cell.source:
            questions += 1
            answers = re.findall(r"<details><summary>([A-Z])\. ", cell.source)
            assert len(answers) >= 3 and answers == sorted(answers), cell.source[:60]
            assert len(re.findall(r"</summary>(?:Right|Also right)\b", cell.source)) == 1, cell.source[:60]
        elif cell.cell_type == "markdown" and "**Yours to write**" in cell.source:
            assert "### BEGIN SOLUTION" in cells[place + 1].source, cell.source[:60]
            assert "<details><summary>Hint" in cell.source
    assert numbers == solutions == list(range(1, len(numbers) + 1)) and 3 <= len(numbers) <= 5
    assert 3 <= questions <= 5
