"""Everything that ships has a licence that is written down."""

import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

from tutorial_lib.data import photographs, styles

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "LICENSES.md").read_text()
PATTERNS = re.findall(r"^\| `([^`]+)` \|", TEXT.split("## What they were made of")[0], re.MULTILINE)
CODE = {".js", ".css", ".py", ".toml", ".yml", ".yaml", ".lock", ".ci", ""}  # what the last line may hold


def shipped() -> list[str]:
    """Every file of the repository; of a copy without git, what the folders that ship hold."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return listed.stdout.splitlines()
    return [str(path.relative_to(ROOT)) for folder in ("tutorial_lib", "results", "notebooks", "colab")
            for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def line_for(name: str) -> str:
    return next(pattern for pattern in PATTERNS if fnmatch(name, pattern))


def test_everything_that_is_no_code_has_a_line_of_its_own():
    assert PATTERNS[-1] == "*"
    missing = [name for name in shipped() if line_for(name) == "*" and Path(name).suffix not in CODE]
    assert not missing, "LICENSES.md has no line for these"


def test_no_line_is_for_nothing():
    used = {line_for(name) for name in shipped()}
    assert used >= {pattern for pattern in PATTERNS if pattern.startswith(("tutorial_lib", "results", "notebooks"))}


def test_every_picture_that_is_used_has_a_line():
    for name in (*photographs.TRAINING, *photographs.TEST, "motorcycle", *styles.names()):
        assert f"`{name}`" in TEXT, name
