import json
import shutil
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from tutorial_lib import checkpoint, zoo
from tutorial_lib import workshop as workshop_module
from tutorial_lib.data.images import write_image
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import read_json, sha256_of, write_json
from tutorial_lib.lock import only_writer
from tutorial_lib.losses.perceptual import perceptual_loss
from tutorial_lib.networks.build import load_network
from tutorial_lib.networks.features import load_features
from tutorial_lib.papers.ofd import stages
from tutorial_lib.papers.ofd.roles import POCKETS, TABLED, ZOO
from tutorial_lib.settings import scale
from tutorial_lib.training import new_teacher
from tutorial_lib.training.balance import SQUARES, steadiness
from tutorial_lib.training.loop import Progress
from tutorial_lib.workshop import Workshop


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    made = Workshop("waves", scale("smoke"), tmp_path_factory.mktemp("zoo"))
    _ = made["student-ours"], made["student-scratch"], made["unaligned-plain"]
    return made


def manifest(workshop, name):
    return json.loads(workshop.path(name).with_suffix(".json").read_text())


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


def test_the_manifest_says_how_to_come_to_the_same_network(workshop):
    said = manifest(workshop, "student-ours")
    assert said["command"].endswith("train_zoo.py --style waves --scale smoke --seed 0 --only student-ours")
    assert [said[key] for key in ("name", "recipe", "style", "seed")] == [
        "waves-student-ours", "student-ours", "waves", 0]
    assert (said["stage"], said["source"], said["rank_from"]) == ("distill", "residual", "input")
    assert said["network"] == workshop["student-ours"].configuration
    assert said["sha256"] == sha256_of(workshop.path("student-ours"))


def test_who_watches_sees_every_step_of_every_training(tmp_path):
    seen = []
    few = scale("smoke").but(plain_steps=2)
    networks = Workshop("waves", few, tmp_path, lambda role, step: seen.append((role, step)))
    _ = networks["student-plain"]
    assert [(role, step.step, step.steps) for role, step in seen] == [
        ("teacher-plain", 1, 2), ("teacher-plain", 2, 2), ("student-plain", 1, 2), ("student-plain", 2, 2)]
    assert all(step.terms["total"] > 0 for _, step in seen)


def test_a_stage_before_distillation_names_no_lambda_of_eq_13(workshop):
    settings = manifest(workshop, "teacher-flow")["settings"]
    assert {key for key in settings if key.startswith("lambda_")} == {"lambda_flow", "lambda_look"}
    assert {key for key in manifest(workshop, "student-ours")["settings"] if key.startswith("lambda_")} == {
        "lambda_percep", "lambda_res", "lambda_temp", "lambda_rank", "lambda_excess"}


def test_the_losses_of_steadiness_are_as_strong_as_the_style_needs(workshop):
    settings = workshop.settings
    perceptual = perceptual_loss(load_features("compact"), "waves", settings)
    factor = steadiness(workshop["teacher-plain"], workshop.clips(settings), perceptual)
    assert factor != 1
    assert manifest(workshop, "student-ours")["settings"]["lambda_res"] == factor * settings.lambda_res
    assert manifest(workshop, "teacher-flow")["settings"]["lambda_flow"] == factor * settings.lambda_flow
    assert manifest(workshop, "student-scratch")["settings"]["lambda_res"] == 0
    assert manifest(workshop, "student-ours")["settings"]["lambda_rank"] == settings.lambda_rank


def test_the_network_is_the_one_that_is_kept(workshop):
    kept = load_network(workshop.path("student-ours"))
    assert all(torch.equal(a, b) for a, b in zip(kept.parameters(), workshop["student-ours"].parameters(), strict=True))


def test_the_file_of_a_network_says_what_it_is_wherever_it_is_taken(workshop):
    about = checkpoint.read(workshop.path("student-ours")).about
    assert (about["style"], about["network"]) == ("waves", workshop["student-ours"].configuration)


def test_the_minutes_of_an_interrupted_training_count(tmp_path, monkeypatch):
    clock = tmp_path / "training" / "waves-teacher-plain.minutes"
    clock.parent.mkdir()
    clock.write_text("12.50")

    def run(job, callback, **options):
        for step in (49, 50):
            callback(Progress(step, 100, {}))
            noted.append(float(clock.read_text()))
        return new_teacher(job.settings)

    noted = []
    monkeypatch.setattr("tutorial_lib.workshop.run", run)
    clock_of_the_machine = SimpleNamespace(monotonic=iter(range(0, 6000, 60)).__next__)      # a minute at every look
    monkeypatch.setattr("tutorial_lib.workshop.time", clock_of_the_machine)
    made = Workshop("waves", scale("smoke"), tmp_path)
    _ = made["teacher-plain"]
    assert noted == [12.5, 13.5]
    assert manifest(made, "teacher-plain")["minutes"] == 14.5


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


def test_a_style_is_its_picture_and_not_its_name(tmp_path, monkeypatch, noise):
    monkeypatch.chdir(tmp_path)
    write_image("s.png", noise(1, 3, 64, 64))
    network = Workshop("s.png", scale("smoke"), tmp_path / "zoo")["teacher-plain"]
    monkeypatch.setattr(Workshop, "make", None)
    again = Workshop("./s.png", scale("smoke"), tmp_path / "zoo")["teacher-plain"]
    assert checkpoint.digest(again) == checkpoint.digest(network)
    write_image("s.png", noise(1, 3, 64, 64))
    with pytest.raises(TutorialError, match="another style picture; delete it"):
        _ = Workshop("s.png", scale("smoke"), tmp_path / "zoo")["teacher-plain"]


def test_an_unfinished_training_is_not_gone_on_with_by_another_picture(tmp_path, monkeypatch, noise):
    monkeypatch.chdir(tmp_path)
    write_image("s.png", noise(1, 3, 64, 64))

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Workshop, "manifest", stopped)
        _ = Workshop("s.png", scale("smoke"), tmp_path / "zoo")["teacher-plain"]
    unfinished = tmp_path / "zoo" / "training" / "s-teacher-plain.safetensors"
    before = unfinished.read_bytes()
    write_image("s.png", noise(1, 3, 64, 64))
    with pytest.raises(TutorialError, match=r"s-teacher-plain\.safetensors was trained with another style picture"):
        _ = Workshop("s.png", scale("smoke"), tmp_path / "zoo")["teacher-plain"]
    assert unfinished.read_bytes() == before


def test_another_picture_of_the_same_name_is_measured_anew(tmp_path, monkeypatch, noise):
    """Within one process, too: a notebook's."""
    monkeypatch.chdir(tmp_path)
    teacher, clips, measured = nn.Linear(1, 1), (), []
    monkeypatch.setattr(stages, "steadiness", lambda *_: measured.append(1) or float(len(measured)))
    for picture, factor in (("a", 1), ("a", 1), ("b", 2)):
        write_image("s.png", torch.full((1, 3, 64, 64), 0.2 if picture == "a" else 0.8))
        assert stages.known_steadiness(teacher, clips, "s.png", scale("smoke")) == factor


def test_two_runs_never_make_one_network(tmp_path, monkeypatch):
    """The second is told so; the next after the first finds it made."""
    first, second = (Workshop("waves", scale("smoke"), tmp_path) for _ in range(2))
    make = Workshop.make

    def meanwhile(self, role):
        if self is first:
            with pytest.raises(TutorialError, match=r"Another run is writing .*waves-teacher-plain\.safetensors"):
                _ = second["teacher-plain"]
        make(self, role)

    monkeypatch.setattr(Workshop, "make", meanwhile)
    made = checkpoint.digest(first["teacher-plain"])
    monkeypatch.setattr(Workshop, "make", None)
    assert checkpoint.digest(second["teacher-plain"]) == made
    assert sorted(path.name for path in tmp_path.glob("*") if path.is_file()) == [
        "waves-teacher-plain.json", "waves-teacher-plain.safetensors"]


def test_a_network_that_another_run_has_just_made_is_not_made_again(tmp_path, monkeypatch):
    first, second = (Workshop("waves", scale("smoke"), tmp_path) for _ in range(2))

    @contextmanager
    def late(path):
        monkeypatch.setattr(workshop_module, "only_writer", only_writer)
        _ = first["teacher-plain"]
        monkeypatch.setattr(Workshop, "make", None)
        yield

    monkeypatch.setattr(workshop_module, "only_writer", late)
    assert checkpoint.digest(second["teacher-plain"]) == checkpoint.digest(first["teacher-plain"])


def test_an_unknown_role_names_the_known_ones(workshop):
    with pytest.raises(TutorialError, match=r"Unknown role 'nobody'.*student-ours"):
        _ = workshop["nobody"]


def test_a_manifest_older_than_a_setting_had_its_default(workshop):
    path = workshop.path("student-ours").with_suffix(".json")
    kept = json.loads(path.read_text())
    del kept["settings"]["averaging"]
    path.write_text(json.dumps(kept))
    workshop.check(workshop.role("student-ours"))
    path.write_text(json.dumps({**kept, "settings": {**kept["settings"], "averaging": 0.5}}))
    with pytest.raises(TutorialError, match="another averaging"):
        workshop.check(workshop.role("student-ours"))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """{style: a workshop whose networks are copies of those that ship}; they share the clips they are measured on."""
    folder, settings = tmp_path_factory.mktemp("shipped"), scale("laptop")
    for path in zoo.FOLDER.glob("*-*"):
        shutil.copy(path, folder)
    made, rendered = {style: Workshop(style, settings, folder) for style in zoo.styles()}, {}
    for each in made.values():
        each.rendered = rendered
    return made


@pytest.mark.parametrize("style", zoo.styles())
def test_what_ships_is_what_would_be_trained_today(style, shipped, monkeypatch):
    """Roles, the styles' factors, and the weights that each network was made from: none has moved on since."""
    monkeypatch.setattr(Workshop, "make", None)         # nothing is trained here
    there = [name for name in TABLED if shipped[style].path(name).is_file()]
    assert set(ZOO) <= set(there)
    for name in there:
        shipped[style].check(shipped[style].role(name))


@pytest.mark.parametrize("style", zoo.styles())
def test_the_pocket_students_that_ship_are_what_would_be_trained_today(style):
    """Their teachers do not ship, so the style's factor cannot be measured again; but they all had the same."""
    there = {name: zoo.manifest(f"{style}-{name}") for name in POCKETS if f"{style}-{name}" in zoo.names()}
    assert set(there) == {name for name, role in POCKETS.items() if role.ships}
    teachers, factors = set(), set()
    for name, kept in there.items():
        recipe = POCKETS[name].recipe
        today = recipe.settings(scale("laptop")).as_dict()
        for key, value in kept["settings"].items():
            if key in SQUARES and today[key]:
                factors.add(value / today[key])
            else:
                assert value == today[key], (name, key)
        assert [*kept["made_from"]] == [*recipe.needs]
        teachers.add(kept["made_from"]["screen-teacher-plain"])
        if "pocket-plain" in recipe.needs:
            assert kept["made_from"]["pocket-plain"] == checkpoint.digest(zoo.load(f"{style}-pocket-plain"))
    assert len(teachers) == len(factors) == 1 and factors <= {2.0**n for n in range(-4, 5)}


def test_a_shipped_network_of_another_strength_is_refused(shipped):
    workshop = shipped["waves"]
    path = workshop.path("student-ours").with_suffix(".json")
    kept = read_json(path)
    write_json(path, {**kept, "settings": {**kept["settings"], "lambda_res": kept["settings"]["lambda_res"] / 2}})
    try:
        with pytest.raises(TutorialError, match="another lambda_res;"):
            workshop.check(workshop.role("student-ours"))
    finally:
        write_json(path, kept)
