"""Attacks: what a user, a stranger's file, a server or the system can do to a command.

`causes.py` is the table (what is wrong, and the commands that meet it), `place.py` the folder where it happens and
`making.py` the damaged files. `make test` runs a tenth of the cases, spread over the table, `make attack` all of them
(OFD_ATTACKS=all).
"""

import os

import pytest
from making import good_things

from tutorial_lib import cli

# Permissions, limits and signals are those of Unix.
collect_ignore_glob = ["test_*.py"] if os.name == "nt" else []


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    good_things(folder)
    os.environ["OFD_SCALE"], before = "smoke", os.environ.get("OFD_SCALE")
    try:
        begun = ["train", "teacher-plain", "--style", "mosaic", "--steps", "1", "--output"]
        assert cli.main([*begun, str(folder / "begun.safetensors")]) == 0
    finally:
        os.environ.pop("OFD_SCALE") if before is None else os.environ.update(OFD_SCALE=before)
    return folder
