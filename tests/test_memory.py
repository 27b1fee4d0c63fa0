"""The script that measures what a film needs of the memory."""

import json
import sys

from scripts import loaded

from tutorial_lib import checkpoint
from tutorial_lib.networks.superres import Bidirectional


def test_a_longer_film_needs_no_more_memory_to_be_made_larger(tmp_path, monkeypatch):
    """By the teacher, which holds the most frames at once."""
    network, teacher = tmp_path / "teacher.safetensors", Bidirectional(4, 1, 4)
    checkpoint.save(network, teacher, {"network": teacher.configuration})
    monkeypatch.setenv("OFD_DEVICE", "cpu")
    monkeypatch.setattr(sys, "argv", ["measure_memory.py", "--frames", "60", "240", "--network", str(network),
                                      "--output", str(tmp_path / "memory.json")])
    loaded("measure_memory").main()
    report = json.loads((tmp_path / "memory.json").read_text())
    short, long = report["films"]
    assert (short["painted"], long["painted"]) == (60, 240)
    made = 180 * 16 * report["height"] * report["width"] * 3 * 4 / 1e6      # of the further frames, as they are made
    assert long["megabytes"] < short["megabytes"] + made / 4
    assert "of `upscale`" in (tmp_path / "memory.txt").read_text()
