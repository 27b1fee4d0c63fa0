import platform
from pathlib import Path

from tutorial_lib.hardware import hardware


def test_the_machine_is_named_with_its_cores(monkeypatch):
    monkeypatch.setenv("OFD_DEVICE", "cpu")
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    monkeypatch.setattr(Path, "read_text", lambda path: "vendor_id\t: x\nmodel name\t: An Abacus 3\n" * 5)
    assert hardware() == "An Abacus 3, 5 cores"


def test_where_linux_does_not_tell_python_does(monkeypatch):
    def missing(path):
        raise FileNotFoundError

    monkeypatch.setenv("OFD_DEVICE", "cpu")
    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    assert hardware().startswith("arm, ")
