"""What a new user's installer reads."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


def test_the_lock_holds_versions_that_an_index_has():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert len(lines) > 50
    for line in lines:
        # 2.13.0+cpu, say, is a build of one machine, and 2.13.0 would not satisfy it
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line), line


def test_every_dependency_is_a_range_that_the_lock_lies_in():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [d for extra in project["optional-dependencies"].values() for d in extra]
    locked = dict(line.lower().split("==") for line in (ROOT / "requirements.lock").read_text().splitlines())
    for requirement in map(Requirement, wanted):
        operators = {part.operator for part in requirement.specifier}
        # An upper bound for what is known to break; a pinned torch or numpy would replace the one that Colab has.
        assert ">=" in operators and operators <= ({">="} if requirement.name in ("torch", "numpy") else {">=", "<"})
        assert requirement.specifier.contains(locked[requirement.name.lower()]), requirement
    assert "requirements.lock" in (ROOT / "Makefile").read_text()
    assert "requirements.lock" in (ROOT / "environment.yml").read_text()


def test_what_ci_calls_is_in_the_makefile():
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())["jobs"].values()
    commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    commands += (ROOT / ".ci/run").read_text().splitlines()
    called = set(re.findall(r"^make (\w+)", "\n".join(commands), re.MULTILINE))
    assert called == {"test", "colab"}
    targets = re.findall(r"^(\w+): \$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert called <= set(targets)


def test_every_action_of_a_workflow_is_one_commit_of_it():
    """A tag can be moved to other code, which would then run with the workflow's rights."""
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        uses = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
        assert uses and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in uses), path.name
        assert workflow["permissions"]["contents"] == "read", path.name


def test_every_test_that_the_makefile_names_is_there():
    named = re.findall(r"(tests/\w+\.py)(?:::(\w+))?", (ROOT / "Makefile").read_text())
    assert any(function for _, function in named)
    for path, function in named:
        assert f"def {function}" in (ROOT / path).read_text(), f"{path}::{function}"
