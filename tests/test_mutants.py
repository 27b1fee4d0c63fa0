"""What `make mutants` is told about its survivors is about the code as it is, and its score is enough."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SURVIVORS = tomllib.loads((ROOT / "tests/mutants/survivors.toml").read_text())["survivor"]
ROWS = [line.split() for line in (ROOT / "results/mutants.txt").read_text().splitlines()[1:]]


def test_every_survivor_has_a_reason_and_is_still_in_the_code():
    for survivor in SURVIVORS:
        assert survivor.keys() == {"file", "was", "is", "why"} and survivor["why"].strip(), survivor
        code = " ".join((ROOT / survivor["file"]).read_text().split())
        assert survivor["was"] in code and survivor["is"] != survivor["was"], survivor


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_nine_in_ten_are_killed_in_every_group(row):
    mutants, killed, survived, neither = map(int, row[1:5])
    assert killed + survived + neither == mutants and killed >= 0.9 * mutants
    assert float(row[5]) == round(100 * killed / mutants, 1)


def test_no_line_of_the_table_is_of_a_part_of_its_group_and_no_survivor_has_gone_from_it():
    """The tool itself says when one has no line: it alone knows their names."""
    groups = [row[0] for row in ROWS]
    assert groups == [name for name in ("losses", "flow", "evaluation", "elsewhere") if name in groups] and groups
    for name, mutants, _, survived, neither, _ in ROWS:
        explained = [line for line in SURVIVORS if line["file"].startswith(f"tutorial_lib/{name}/")]
        assert mutants == "300" if name == "elsewhere" else 0 < len(explained) <= int(survived) + int(neither), name
