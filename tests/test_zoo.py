import hashlib
import shutil

import pytest

from tutorial_lib import checkpoint, zoo
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.build import load_network
from tutorial_lib.networks.memory import Memory
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.superres import Stacked
from tutorial_lib.papers import PAPERS
from tutorial_lib.papers.ofd.roles import LAB, POCKETS, SHIPPED, ZOO
from tutorial_lib.papers.std.roles import STUDENTS


def test_every_style_has_every_role_in_their_order():
    assert "mosaic" in zoo.styles()
    found = [zoo.split(name)[0] or "" for name in zoo.names()]
    assert found == sorted(found)
    for style in zoo.styles():
        found = [name.removeprefix(f"{style}-") for name in zoo.names() if name.startswith(f"{style}-")]
        assert found == [role for role in SHIPPED if role in ZOO or role in found]


@pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.split(name)[0]])
def test_a_network_that_paints_loads_runs_and_is_the_one_in_its_manifest(noise, name):
    network, manifest = zoo.load(name), zoo.manifest(name)
    frame = noise(1, 3, 33, 18)
    assert network(frame).shape == frame.shape
    assert not network.training
    assert network.configuration == manifest["network"]
    assert hashlib.sha256((zoo.FOLDER / f"{name}.safetensors").read_bytes()).hexdigest() == manifest["sha256"]
    assert {"settings", "seed", "command", "minutes", "hardware"} <= manifest.keys()


@pytest.mark.parametrize("name", PAPERS["std"].shipped)
def test_a_network_of_the_second_paper_loads_runs_and_is_the_one_in_its_manifest(noise, name):
    network, manifest = load_network(zoo.path_of(name)), zoo.manifest(name)
    assert network.configuration == manifest["network"] and not network.training
    assert hashlib.sha256((zoo.FOLDER / f"{name}.safetensors").read_bytes()).hexdigest() == manifest["sha256"]
    assert {"settings", "seed", "command", "minutes", "hardware"} <= manifest.keys()
    for needed, digest in manifest["made_from"].items():
        assert checkpoint.digest(load_network(zoo.path_of(needed))) == digest
    if network.task == "upscale":
        assert network(noise(1, 2, 3, 12, 9)).frames.shape == (1, 2, 3, 48, 36)


def test_the_students_of_the_second_paper_differ_in_what_they_learned_from_alone():
    for kind in STUDENTS:
        manifests = [zoo.manifest(name) for name in PAPERS["std"].shipped if name.startswith(f"sr-{kind}-")]
        assert len(manifests) == 7
        for key in ("student_steps", "batch", "learning_rate", "clips", "seed", "student_width", "student_blocks"):
            assert len({manifest["settings"][key] for manifest in manifests}) == 1


def test_scratch_and_ours_differ_in_their_weights_alone():
    for style in zoo.styles():
        settings = [zoo.manifest(f"{style}-student-{role}")["settings"] for role in ("scratch", "ours")]
        scratch, ours = settings     # an older manifest names settings of other stages, too
        differing = {key for key in scratch.keys() & ours.keys() if scratch[key] != ours[key]}
        assert differing <= {"lambda_res", "lambda_rank", "style_weight"}
        assert differing


def test_the_zoo_is_small():
    sizes = {path.stem: path.stat().st_size for path in zoo.FOLDER.glob("*.safetensors")}
    pockets, lab, upscalers = (sum(size for name, size in sizes.items() if zoo.split(name)[1] in group)
                               for group in (POCKETS, LAB, PAPERS["std"].roles))
    assert sum(sizes.values()) - pockets - lab - upscalers < 20e6
    assert 0 < pockets < 12e6 and 0 < lab < 9e6 and 0 < upscalers < 4e6


def test_a_network_of_another_task_is_refused_and_those_that_fit_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("OFD_ZOO", str(tmp_path))
    network = Stacked(4, 1, 4)
    checkpoint.save(tmp_path / "sr-stacked-plain.safetensors", network, {"network": network.configuration})
    memory = Memory(4)
    checkpoint.save(tmp_path / "sr-memory.safetensors", memory, {"network": memory.configuration})
    assert checkpoint.digest(zoo.load("sr-stacked-plain", "upscale")) == checkpoint.digest(network)
    with pytest.raises(TutorialError, match="sr-stacked-plain makes videos larger; give a network that paints: candy"):
        zoo.load("sr-stacked-plain")
    wanted = "mosaic-student-ours paints; give a network that makes videos larger: sr-teacher, sr-stacked-plain"
    with pytest.raises(TutorialError, match=wanted):
        zoo.load("mosaic-student-ours", "upscale")
    with pytest.raises(TutorialError, match="sr-memory remembers a teacher's features"):
        zoo.load("sr-memory")


def test_an_unknown_network_names_the_known_ones():
    with pytest.raises(TutorialError, match=r"'nobody'.*mosaic-student-ours"):
        zoo.load("nobody")
    with pytest.raises(TutorialError, match="Unknown network"):
        zoo.manifest("nobody")


@pytest.mark.parametrize(("name", "parts"), [
    ("mosaic-student-ours", ("mosaic", "student-ours")), ("mosaic-student-ours-plus", ("mosaic", "student-ours-plus")),
    ("mosaic-temp-res", ("mosaic", "temp-res")), ("my-own-style-res-x3", ("my-own-style", "res-x3")),
    ("student-plain", (None, "student-plain")),
    ("unaligned-plain", (None, "unaligned-plain")), ("something-else", (None, "")),
])
def test_a_name_is_a_style_and_the_longest_role_that_fits(name, parts):
    assert zoo.split(name) == parts


# --- a zoo of one's own ---


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with a network of a style of its own, and one that is named like a shipped one."""
    shutil.copy(zoo.FOLDER / "waves-student-ours.safetensors", tmp_path / "rare-student-ours.safetensors")
    for suffix in (".safetensors", ".json"):
        shutil.copy(zoo.FOLDER / f"candy-student-ours{suffix}", tmp_path / f"mosaic-student-ours{suffix}")
    monkeypatch.setenv("OFD_ZOO", str(tmp_path))
    return tmp_path


def digest(name):
    return checkpoint.digest(zoo.load(name))


def test_ones_own_network_is_found_by_its_name(own):
    assert digest("rare-student-ours") == digest("waves-student-ours")


def test_ones_own_network_comes_before_the_shipped_one(own, monkeypatch):
    assert digest("mosaic-student-ours") == digest("candy-student-ours")
    assert zoo.path_of("mosaic-student-ours").parent == own
    assert zoo.manifest("mosaic-student-ours") == zoo.manifest("candy-student-ours")
    monkeypatch.delenv("OFD_ZOO")
    assert digest("mosaic-student-ours") != digest("candy-student-ours")


def test_ones_own_networks_are_listed_among_the_shipped_ones_once(own, monkeypatch):
    with_own, styles = zoo.names(), zoo.styles()
    monkeypatch.delenv("OFD_ZOO")
    assert [name for name in with_own if name != "rare-student-ours"] == zoo.names()
    before = with_own.index("rare-student-ours") - 1
    assert with_own[before].startswith("mosaic-") and with_own[before + 2].startswith("starry_night-")
    assert styles == ["candy", "mosaic", "rare", "starry_night", "waves"]


def test_the_style_is_what_the_name_says_and_else_what_the_file_says(own, tmp_path):
    """The file may name a picture on another machine."""
    assert zoo.style_of("rare-student-ours") == "rare"
    for path in (own / "my-best.safetensors", tmp_path / "elsewhere.safetensors"):
        shutil.copy(zoo.FOLDER / "waves-student-ours.safetensors", path)
    assert zoo.style_of("my-best") == zoo.style_of(tmp_path / "elsewhere.safetensors") == "waves"


def test_without_a_manifest_the_checkpoint_says_how_a_network_was_made(own):
    network = Student(4, 1)
    about = {"network": network.configuration, "style": "rare", "scale": {"seed": 3}}
    checkpoint.save(own / "rare-student-temp.safetensors", network, about)
    checkpoint.save(own / "waves-student-ours.safetensors", network, about)
    for name in ("rare-student-temp", "waves-student-ours"):      # not the manifest of the shipped one
        assert zoo.manifest(name) == {**about, "name": name, "settings": {"seed": 3}}


def test_a_network_without_a_style_is_listed_and_has_none(own):
    network = Student(4, 1)
    checkpoint.save(own / "student-plain.safetensors", network, {"network": network.configuration, "style": None})
    assert zoo.names()[0] == "student-plain"
    assert zoo.style_of("student-plain") is None
    assert "student-plain" not in zoo.styles() and None not in zoo.styles()
    assert zoo.load("student-plain").configuration == network.configuration
