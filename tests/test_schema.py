import json
import math
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from tutorial_lib import zoo
from tutorial_lib.checkpoint import Checkpoint
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation.bench import read_records
from tutorial_lib.files import read_json
from tutorial_lib.lambdas import RECORD
from tutorial_lib.schema import (
    FLAG,
    MANIFEST,
    SCALAR,
    TEXT,
    check,
    check_resumable,
    check_tensors,
    checkpoint_about,
    each,
    number,
    one_of,
    optional,
    whole,
)


@pytest.mark.parametrize(("form", "good", "bad"), [
    (whole(1, 9), [1, 9], [0, 10, 1.0, True, "1", None, [1], 10**30]),
    (number(), [0, -1.5, 10**200], [math.nan, math.inf, True, "1", None, 10**400]),
    (number(0), [0, 0.5], [-0.1]),
    (TEXT, ["", "a"], [1, None, ["a"]]),
    (FLAG, [True, False], [0, 1, "true"]),
    (SCALAR, ["a", 1, 0.5, False], [None, [], {}, math.nan]),
    (one_of("a", "b"), ["a"], ["c", ["a"], None]),
    (optional(whole()), [None, 3], ["3"]),
    ([whole()], [[], [1, 2]], [{}, "12", 3, [1, "2"]]),
    (each(whole()), [{}, {"x": 1}], [[], {"x": "1"}]),
    ({"a": TEXT, "b": optional(FLAG)}, [{"a": "x"}, {"a": "x", "b": True, "c": object()}], [{}, {"b": True}, [], 5,
                                                                                          {"a": "x", "b": 1}]),
])
def test_what_fits_and_what_does_not(form, good, bad):
    for value in good:
        check(value, form, "file.json")
    for value in bad:
        with pytest.raises(TutorialError, match=r"^file.json is damaged"):
            check(value, form, "file.json")


def test_the_place_in_the_file_is_named_and_long_values_are_cut():
    form = {"films": [each({"score": number()})]}
    with pytest.raises(TutorialError, match=r"films\[1\].alley.score should be a finite number, not 'x+\.\.\.\.$"):
        check({"films": [{}, {"alley": {"score": "x" * 10**6}}]}, form, "f")
    with pytest.raises(TutorialError, match=r"it lacks films\[0\].alley.score\.$"):
        check({"films": [{"alley": {}}]}, form, "f")


def test_everything_that_ships_fits():
    labs = set(zoo.FOLDER.glob("*-lab.json"))
    assert [read_json(path, RECORD)["style"] for path in labs] == ["mosaic"]
    manifests = sorted(set(zoo.FOLDER.glob("*.json")) - labs)
    assert len(manifests) > 20
    for path in manifests:
        read_json(path, MANIFEST)
        with safe_open(path.with_suffix(".safetensors"), "pt") as file:
            assert checkpoint_about(file.metadata(), path)["network"]
    results = Path(__file__).parent.parent / "results"
    assert sum(len(read_records(folder)) for folder in results.glob("scores*")) > 50


@pytest.mark.parametrize("metadata", [None, {}, {"settings": "{"}, {"settings": "[" * 100_000}])
def test_metadata_that_is_none_of_ours(metadata):
    with pytest.raises((KeyError, ValueError)):
        checkpoint_about(metadata, "f")
    with pytest.raises(TutorialError, match="should be a dictionary"):
        checkpoint_about({"settings": json.dumps([1])}, "f")


def test_a_rule_of_words_takes_these_words_alone():
    rule = one_of("a", "b")
    assert rule.holds("b") and not rule.holds("c") and not rule.holds(["a"])


def test_tensors_have_the_names_the_shapes_and_the_numbers_of_their_form():
    form, fitting = {"a": (2,), "b": (1, 3)}, {"a": torch.zeros(2), "b": torch.zeros(1, 3)}
    check_tensors(fitting, form, "x")
    for name, wrong in (("a", torch.zeros(3)), ("c", torch.zeros(1)), ("b", torch.full((1, 3), torch.nan))):
        with pytest.raises(TutorialError, match=f"x is damaged.*{name}"):
            check_tensors({**fitting, name: wrong}, form, "x")


def test_a_checkpoint_without_an_optimiser_s_state_fits_any_optimiser():
    network = torch.nn.Linear(2, 1)
    saved = Checkpoint(Path("x"), {}, {})
    check_resumable(saved, network, torch.optim.Adam(network.parameters()))
