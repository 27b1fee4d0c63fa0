import json

import pytest
import torch

from tutorial_lib import recipes, training, zoo
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.build import load_network
from tutorial_lib.recipes import ABLATIONS, ROLES, Workshop
from tutorial_lib.settings import SCALES, scale


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    made = Workshop("waves", scale("smoke"), tmp_path_factory.mktemp("zoo"))
    _ = made["student-ours"], made["student-scratch"], made["unaligned-plain"]
    return made


def manifest(workshop, name):
    return json.loads(workshop.path(name).with_suffix(".json").read_text())


def test_every_shipped_role_has_a_recipe():
    assert set(ROLES) == set(zoo.ROLES)
    assert set(recipes.plus(scale("smoke"))) >= set(zoo.EXTRAS)


@pytest.mark.parametrize("settings", SCALES.values(), ids=SCALES)
def test_the_frontier_scales_its_lambdas_and_no_name_is_used_twice(settings):
    points = recipes.frontier(settings)
    assert points["res-x3"].changes["lambda_res"] == pytest.approx(3 * settings.lambda_res)
    assert points["res-x3"].changes["lambda_rank"] == points["res-x3"].changes["lambda_temp"] == 0
    assert points["scratch-x2"].changes["style_weight"] == 2 * settings.style_weight
    assert len(recipes.recipes(settings)) == len(ROLES) + len(recipes.plus(settings)) + len(ABLATIONS) + len(points)


def test_a_network_brings_about_those_that_it_is_made_from(workshop):
    made = {path.stem.removeprefix("waves-") for path in workshop.folder.glob("*.safetensors")}
    assert made == {"teacher-plain", "teacher-flow", "student-plain", "student-ours", "student-scratch",
                    "unaligned-plain"}
    assert set(manifest(workshop, "student-ours")["made_from"]) == {"teacher-flow", "teacher-plain", "student-plain"}
    assert manifest(workshop, "unaligned-plain")["made_from"] == {}


def test_scratch_and_ours_differ_in_their_weights_alone(workshop):
    ours, scratch = manifest(workshop, "student-ours"), manifest(workshop, "student-scratch")
    differing = {key for key in ours["settings"] if ours["settings"][key] != scratch["settings"][key]}
    assert differing == {"lambda_res", "lambda_rank", "style_weight"}
    assert ours["made_from"] == scratch["made_from"]


def test_a_stage_before_distillation_names_no_lambda_of_eq_13(workshop):
    settings = manifest(workshop, "teacher-flow")["settings"]
    assert {key for key in settings if key.startswith("lambda_")} == {"lambda_flow", "lambda_look"}
    assert {key for key in manifest(workshop, "student-ours")["settings"] if key.startswith("lambda_")} == {
        "lambda_percep", "lambda_res", "lambda_temp", "lambda_rank", "lambda_excess"}


def test_the_losses_of_steadiness_are_as_strong_as_the_style_needs(workshop):
    settings, raised = workshop.settings, workshop.strength
    assert raised == training.strength(workshop["teacher-plain"], workshop.clips(settings)) != 1
    assert manifest(workshop, "student-ours")["settings"]["lambda_res"] == raised * settings.lambda_res
    assert manifest(workshop, "teacher-flow")["settings"]["lambda_flow"] == raised * settings.lambda_flow
    assert manifest(workshop, "student-scratch")["settings"]["lambda_res"] == 0
    assert manifest(workshop, "student-ours")["settings"]["lambda_rank"] == settings.lambda_rank


def test_the_network_is_the_one_that_is_kept(workshop):
    kept = load_network(workshop.path("student-ours"))
    assert all(torch.equal(a, b) for a, b in zip(kept.parameters(), workshop["student-ours"].parameters(), strict=True))


def test_what_is_there_is_not_trained_again(workshop, capsys):
    again = Workshop("waves", scale("smoke"), workshop.folder)
    _ = again["student-ours"]
    assert capsys.readouterr().out == ""


def test_other_settings_or_another_teacher_are_refused(workshop, tmp_path):
    with pytest.raises(TutorialError, match="another lambda_flow; delete it"):
        _ = Workshop("waves", scale("smoke").but(lambda_flow=7.0), workshop.folder)["teacher-flow"]
    path = workshop.path("student-scratch").with_suffix(".json")
    before = path.read_text()
    path.write_text(before.replace(json.loads(before)["made_from"]["teacher-plain"], "0" * 16))
    try:
        with pytest.raises(TutorialError, match="another teacher-plain"):
            _ = Workshop("waves", scale("smoke"), workshop.folder)["student-scratch"]
    finally:
        path.write_text(before)


def test_an_unknown_recipe_names_the_known_ones(workshop):
    with pytest.raises(TutorialError, match=r"Unknown recipe 'nobody'.*student-ours"):
        _ = workshop["nobody"]


def test_a_style_that_needs_more_gets_it_in_its_distillation_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(Workshop, "strength", 3.0)
    settings = scale("smoke")
    for style, factor in (("candy", 2), ("mosaic", 1)):
        workshop = Workshop(style, settings, tmp_path)
        assert workshop.settings_of("student-ours").lambda_res == 3 * factor * settings.lambda_res
        assert workshop.settings_of("teacher-flow").lambda_flow == 3 * settings.lambda_flow


def test_plus_and_its_control_differ_in_their_weights_alone():
    ours, control = (recipes.plus(scale("smoke"))[name] for name in ("student-ours-plus", "scratch-large"))
    weights = {"style_weight", "lambda_res", "lambda_temp", "lambda_rank"}
    assert {k: v for k, v in ours.changes.items() if k not in weights} == {
        k: v for k, v in control.changes.items() if k not in weights}
    assert ours.start == control.start and ours.changes["height"] == 72


def test_a_manifest_older_than_a_setting_had_its_default(workshop):
    path = workshop.path("student-ours").with_suffix(".json")
    kept = json.loads(path.read_text())
    del kept["settings"]["averaging"]
    path.write_text(json.dumps(kept))
    workshop.check("student-ours")
    path.write_text(json.dumps({**kept, "settings": {**kept["settings"], "averaging": 0.5}}))
    with pytest.raises(TutorialError, match="another averaging"):
        workshop.check("student-ours")
