"""What `make mutants` is told about its survivors is about the code as it is."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SURVIVORS = tomllib.loads((ROOT / "tests/mutants/survivors.toml").read_text())["survivor"]


def test_every_survivor_has_a_reason_and_is_still_in_the_code():
    for survivor in SURVIVORS:
        assert survivor.keys() == {"file", "was", "is", "why"} and survivor["why"].strip(), survivor
        code = " ".join((ROOT / survivor["file"]).read_text().split())
        assert survivor["was"] in code and survivor["is"] != survivor["was"], survivor
