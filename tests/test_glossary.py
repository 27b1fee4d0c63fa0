"""The glossary: one name for a thing, the same in the glossary, in notebook 0 and in the list of roles."""

import re
from pathlib import Path

from tutorial_lib.papers import ROLES

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
LINES = [line for line in (NOTEBOOKS / "GLOSSARY.md").read_text().splitlines()
         if line.startswith("| ") and not line.startswith("| word ")]
WORDS = {word: (others, sentence, where) for word, others, sentence, where in
         ([cell.strip() for cell in line.strip("|").split("|")] for line in LINES)}


def source(notebook: str) -> str:
    return (NOTEBOOKS / "src" / f"{Path(notebook).stem}.py").read_text()


def test_every_word_has_one_sentence_and_a_notebook_that_says_it():
    assert len(WORDS) == len(LINES) >= 25
    for word, (_, sentence, where) in WORDS.items():
        assert sentence.endswith(".") and ". " not in sentence.replace("Eq. ", "Eq.~"), word
        linked = re.findall(r"\[(\d+)\]\((\d\d)_[a-z_]+\.ipynb\)", where)
        assert linked and all(int(number) == int(file) for number, file in linked), word
        texts = [source(notebook).lower() for notebook in re.findall(r"\((\S+\.ipynb)\)", where)]
        parts = re.split(r"[ -]", word.lower().replace("l_temp", "temp"))
        assert any(all(part in text for part in parts) for text in texts), f"{where} does not say {word!r}"


def test_notebook_0_draws_its_words_from_the_glossary():
    table = re.findall(r"^# (\| .+ \| \[\d+\]\(\d\d_.+)$", source("00_start_here.py"), flags=re.MULTILINE)
    drawn = [line for line in table if line.count("|") == 5 and not line.startswith("| [")]
    assert len(drawn) >= 8
    assert set(drawn) <= set(LINES)


def test_the_networks_are_called_what_their_roles_are_called():
    for name in ("teacher-flow", "teacher-plain", "student-plain", "student-scratch", "student-temp", "student-ours"):
        word = next(word for word, (others, *_) in WORDS.items() if re.search(rf"\b{name}\b", others))
        assert ROLES[name].label.startswith(word)
