"""Every command that writes, killed at its changes to the file system and run again: see kills.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kills import COMMANDS

EVERY = 1 if os.environ.get("OFD_ATTACKS") == "all" else 40      # with the kills of `stylize`, a tenth of all


@pytest.mark.timeout(3 * 3600 if EVERY == 1 else 600)
def test_a_killed_command_ends_with_the_same_files_when_it_is_run_again(tmp_path):
    done = subprocess.run([sys.executable, Path(__file__).with_name("kills.py"), tmp_path, str(EVERY)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = re.findall(r"^(\w+): (\d+) kills, (\d+) equal, (\d+) points$", done.stdout, re.MULTILINE)
    assert [command for command, *_ in counts] == list(COMMANDS)
    for command, kills, equal, points in counts:
        assert kills == equal and int(kills) >= max(1, int(points) // EVERY), f"{command}: {done.stdout}"
    assert sum(int(points) for *_, points in counts) >= 200
