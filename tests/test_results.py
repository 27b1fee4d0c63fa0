"""RESULTS.md says what results/ says."""

import re
from pathlib import Path

import pytest

from tutorial_lib.files import read_json
from tutorial_lib.tables import writing

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "RESULTS.md").read_text()
MARKS = re.findall(r"<!-- ([\w.-]+) -->\n(.*?)<!-- /\1 -->", TEXT, re.DOTALL)


def kept(mark: str) -> str:
    """What should stand between the marks: a measuring script's text, or a table, or one block of a table."""
    name, _, block = mark.partition(".")
    if not (ROOT / "results" / f"{name}.json").is_file():
        return ""
    table = read_json(ROOT / "results" / f"{name}.json")
    if "blocks" not in table:
        return f"```\n{(ROOT / 'results' / f'{name}.txt').read_text()}```"
    if not block:
        return writing.as_markdown(table)
    return "".join(writing.block_as_markdown(b) for b in table["blocks"] if b["name"] == block)


@pytest.mark.parametrize(("mark", "text"), MARKS, ids=[mark for mark, _ in MARKS])
def test_a_table_in_the_text_is_the_one_that_was_measured(mark, text):
    assert text.strip() == kept(mark).strip()
    assert text.strip()


def test_the_prose_around_them_names_no_measured_number():
    """A number in a sentence goes stale; those of the tables cannot."""
    prose = re.sub(r"<!-- ([\w.-]+) -->\n.*?<!-- /\1 -->", "", TEXT, flags=re.DOTALL)
    assert re.findall(r"\d+(?:\.\d+)? ?%", prose) == []


def test_compact_is_nearly_as_good_as_its_teacher_and_far_cheaper_than_vgg16():
    """At most 1.5 times the style loss of its teacher's pictures, and at least 5 times cheaper than VGG-16."""
    found = read_json(ROOT / "results" / "features.json")
    assert len({row["style"] for row in found["rows"]}) >= 4
    assert len({row["content"] for row in found["rows"]}) >= 3
    assert found["worst_ratio"] == max(row["ratio"] for row in found["rows"]) <= 1.5
    for row in found["rows"]:
        assert row["ratio"] == pytest.approx(row["style_compact"] / row["style_judge"], rel=0.01)
    assert found["gmac_640x320"]["vgg16"] > 5 * found["gmac_640x320"]["compact"]
