"""Every attack of the table: one sentence, exit code 2, nothing left behind and nothing of the user's touched."""

import contextlib
import os
import re

import pytest
from causes import Served, chosen_cases, every_case
from place import Place, sentences
from scripts import call
from serving import http_site


@pytest.fixture
def place(tmp_path, shared, monkeypatch):
    folder = tmp_path / "user"
    (folder / "build").mkdir(parents=True)
    monkeypatch.chdir(folder)
    for name, value in {"OFD_SCALE": "smoke", "OFD_DEVICE": "cpu", "OFD_BUILD": str(folder / "build"),
                        "OFD_CACHE": str(folder / "cache")}.items():
        monkeypatch.setenv(name, value)
    (folder / "precious.txt").write_text("the only copy")
    yield Place(folder, shared)
    for parent, _, _ in os.walk(tmp_path):      # or pytest could not clear it away
        os.chmod(parent, 0o755)


CASES = [pytest.param(*case, id=f"{case[0].name}-{case[1].name}-{case[2]}") for case in chosen_cases()]


@pytest.mark.parametrize(("kind", "cause", "command"), CASES)
def test_an_attack(kind, cause, command, place, monkeypatch, capfd):
    with contextlib.ExitStack() as stack:
        for name, value in cause.environ.items():
            monkeypatch.setenv(name, value)
        if kind.name == "VGG-16":
            monkeypatch.setenv("OFD_FEATURES", "vgg16")
        it = cause.make(place)
        if isinstance(it, Served):
            site = stack.enter_context(http_site(dict(it.files)))
            for name, value in it.behaviour.items():
                setattr(site, name, value)
            it = site.address
            for notes in place.folder.glob("data/*.json"):
                notes.write_text(notes.read_text().replace("ADDRESS", site.address))
        arguments = kind.commands[command](place, it)
        before = place.listing()
        capfd.readouterr()
        with cause.around():
            code = call(arguments)
    said = capfd.readouterr().err
    lines = sentences(said)
    assert code == 2, said
    assert "Traceback" not in said
    if cause.usage and lines[0].startswith("usage:"):
        assert re.search(f"error: .*({cause.says})", lines[-1]), said
    else:
        assert len(lines) == 1 and re.search(cause.says, lines[0]) and lines[0][-1] in ".?", said
    after = place.listing()
    gone_or_changed = {name for name in before if after.get(name) != before[name]}
    left = {name for name in after.keys() - before.keys() if not re.fullmatch(kind.leaves, name)}
    assert not {name for name in gone_or_changed if not re.fullmatch(kind.leaves, name)} and not left
    unfinished = list((place.folder / "build").rglob(".*"))
    assert unfinished == []


def test_the_table_is_as_large_as_it_should_be(capsys):
    cases = every_case()
    causes = {cause.name for _, cause, _ in cases}
    with capsys.disabled():
        print(f"\n{len(causes)} causes in {len(cases)} cases, of which {len(chosen_cases())} are run.")
    assert len(causes) >= 60 and len(cases) >= 300
    assert len({(kind.name, cause.name, command) for kind, cause, command in cases}) == len(cases)
