import hashlib

import pytest

from tutorial_lib import zoo
from tutorial_lib.errors import TutorialError


def test_every_style_has_every_role_and_its_manifest(noise):
    assert "mosaic" in zoo.styles()
    for style in zoo.styles():
        found = [n.removeprefix(f"{style}-") for n in zoo.names() if n.startswith(f"{style}-")]
        assert [role for role in found if role not in zoo.EXTRAS] == list(zoo.ROLES)


@pytest.mark.parametrize("name", zoo.names())
def test_a_network_loads_runs_and_is_the_one_in_its_manifest(noise, name):
    network, manifest = zoo.load(name), zoo.manifest(name)
    frame = noise(1, 3, 33, 18)
    assert network(frame).shape == frame.shape
    assert not network.training
    assert network.configuration == manifest["network"]
    assert hashlib.sha256((zoo.FOLDER / f"{name}.safetensors").read_bytes()).hexdigest() == manifest["sha256"]
    assert {"settings", "seed", "command", "minutes", "hardware"} <= manifest.keys()


def test_scratch_and_ours_differ_in_their_weights_alone():
    for style in zoo.styles():
        settings = [zoo.manifest(f"{style}-student-{role}")["settings"] for role in ("scratch", "ours")]
        differing = {key for key in settings[0] if settings[0][key] != settings[1][key]}
        assert differing <= {"lambda_res", "lambda_rank", "style_weight"}
        assert differing


def test_the_zoo_is_small():
    assert sum(path.stat().st_size for path in zoo.FOLDER.glob("*.safetensors")) < 20e6


def test_an_unknown_network_names_the_known_ones():
    with pytest.raises(TutorialError, match=r"'nobody'.*mosaic-student-ours"):
        zoo.load("nobody")
    with pytest.raises(TutorialError, match="Unknown network"):
        zoo.manifest("nobody")
