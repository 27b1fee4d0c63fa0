"""Every role reaches its training with the right networks, settings and options, from the workshop and by hand."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from stages import Stages
from torch import nn

from tutorial_lib import cli, papers, train, workshop, zoo
from tutorial_lib.errors import TutorialError
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.papers import stages
from tutorial_lib.papers.ofd import stages as ofd
from tutorial_lib.papers.ofd.roles import ABLATIONS, ZOO, distilled
from tutorial_lib.roles import Recipe
from tutorial_lib.settings import scale
from tutorial_lib.training import stages as training

SMOKE = scale("smoke")
STEADIER = 3.0              # what the losses of steadiness are multiplied by here, instead of a measurement
LAMBDAS = ("lambda_percep", "lambda_res", "lambda_temp", "lambda_rank", "lambda_excess")


def test_a_distillation_says_what_it_is_made_from_and_how():
    changes, times, base = {"lambda_res": 2.0}, {"lambda_temp": 3.0}, {"height": 2}
    assert distilled(changes, times, "start", "vanilla", "teacher", ("a", "b"), base) == Recipe(
        "distill", ("a", "b", "start"), changes, times, {"source": "vanilla", "rank_from": "teacher"}, base)
    usual = distilled({})
    assert usual.needs == ("teacher-flow", "teacher-plain", "student-plain")
    assert usual.options == {"source": "residual", "rank_from": "input"} and not usual.times and not usual.base


def test_a_bar_has_the_name_of_its_training(capsys):
    smallest = Stages(SMOKE.but(height=32, width=32, clips=1, style_size=32, teacher_width=4, teacher_blocks=1,
                                student_width=4, student_blocks=1))
    for stage in ("plain", "distill"):
        train = (partial(training.train_plain, smallest.student_plain) if stage == "plain" else
                 partial(training.distill, smallest.student_plain, smallest.targets()))
        train(smallest.perceptual, smallest.settings, steps=1)
        assert f"{stage}: 100%" in capsys.readouterr().err


def test_what_is_not_said_of_a_target_is_the_paper_s():
    assert Stages().targets().name.startswith("residual-input-")


@dataclass
class Call:
    """What reached a function of `training`. judge: the style and the settings that Eq. 1 was made for."""

    function: str
    networks: dict[str, nn.Module]
    settings: object
    options: dict = field(default_factory=dict)
    judge: tuple | None = None


class Judge(tuple):
    """Eq. 1, of which only the style and the settings matter here."""

    def __new__(cls, *about):
        return super().__new__(cls, about)

    def to(self, device):
        return self


@pytest.fixture
def calls(monkeypatch):
    """Trainings that only note what they are given."""
    noted = []

    def train_plain(network, perceptual, settings, agree_with=None, **options):
        noted.append(Call("train_plain", {"agree_with": agree_with}, settings, {**options, "network": network},
                          perceptual))

    def train_teacher(plain, clips, perceptual, settings, **options):
        noted.append(Call("train_teacher", {"plain": plain}, settings, {**options, "clips": clips}, perceptual))
        return plain, []

    def frozen_targets(clips, teacher_with_flow, teacher_plain, student_plain, **options):
        return {"clips": clips, "teacher_with_flow": teacher_with_flow, "teacher_plain": teacher_plain,
                "student_plain": student_plain, **options}

    def distill(student_plain, targets, perceptual, settings, **options):
        networks = {"start": student_plain} | {name: targets.pop(name) for name in (
            "teacher_with_flow", "teacher_plain", "student_plain")}
        noted.append(Call("distill", networks, settings, {**options, **targets}, perceptual))
        return student_plain, []

    def known_steadiness(teacher_plain, clips, style, scale):
        networks = {"teacher_plain": teacher_plain}
        noted.append(Call("known_steadiness", networks, scale, {"clips": clips, "style": style}))
        return STEADIER

    for name, spy in (("train_plain", train_plain), ("train_teacher", train_teacher), ("distill", distill)):
        monkeypatch.setattr(training, name, spy)
    monkeypatch.setattr(ofd, "FrozenTargets", frozen_targets)
    monkeypatch.setattr(ofd, "perceptual_loss", lambda features, style, settings: Judge(style, settings))
    monkeypatch.setattr(ofd, "known_steadiness", known_steadiness)
    return noted


@pytest.fixture
def networks(monkeypatch):
    """One of each kind that something is made from; as files of the zoo they have the names of their roles."""
    made = {"teacher-flow": Teacher(8, 1), "teacher-plain": Teacher(8, 1, uses_flow=False),
            "student-plain": Student(4, 1), "unaligned-plain": Student(4, 1),
            "screen-teacher-flow": Teacher(8, 1), "screen-teacher-plain": Teacher(8, 1, uses_flow=False),
            "pocket-plain": Pocket(4, 1)}
    monkeypatch.setattr(zoo, "load", made.__getitem__)
    return made


def by_workshop(role, networks, folder, style="mosaic"):
    made = workshop.Workshop(style, SMOKE, folder)
    made.networks.update(networks)
    made.make(papers.ROLES[role])


def by_hand(role, networks, folder, style="mosaic", steps=None, **given):
    named = {train.FLAGS[papers.ROLES[name].recipe.stage][0]: name for name in papers.ROLES[role].recipe.needs}
    train.train(role, style, SMOKE, folder / "made.safetensors", networks=named, given=given, steps=steps)


EITHER_WAY = pytest.mark.parametrize("run", [by_workshop, by_hand])


@EITHER_WAY
def test_the_plain_teacher_is_trained_alone(run, calls, networks, tmp_path):
    run("teacher-plain", networks, tmp_path)
    call, = calls
    assert (call.function, call.networks, call.settings) == ("train_plain", {"agree_with": None}, SMOKE)
    assert call.options["network"].configuration == Teacher(8, 2, uses_flow=False).configuration


@EITHER_WAY
@pytest.mark.parametrize(("role", "agrees"), [("student-plain", True), ("unaligned-plain", False)])
def test_a_plain_student_is_drawn_to_the_plain_teacher_or_not(run, role, agrees, calls, networks, tmp_path):
    run(role, networks, tmp_path)
    call, = calls
    assert (call.function, call.settings) == ("train_plain", SMOKE)
    assert call.networks["agree_with"] is (networks["teacher-plain"] if agrees else None)
    assert call.options["network"].configuration == Student(8, 2).configuration


@EITHER_WAY
def test_the_teacher_with_flow_comes_from_the_plain_one(run, calls, networks, tmp_path):
    run("teacher-flow", networks, tmp_path)
    measured, call = calls
    assert measured.networks["teacher_plain"] is call.networks["plain"] is networks["teacher-plain"]
    assert call.function == "train_teacher"
    assert call.settings.lambda_flow == STEADIER * SMOKE.lambda_flow
    assert call.settings.lambda_look == SMOKE.lambda_look
    assert len(call.options["clips"]) == SMOKE.clips


# role: lambdas over those of the scale (of L_percep, L_res, L_temp, L_rank), the style weight, and what is not usual
DISTILLED = {
    "student-scratch": ((1, 0, 0, 0), 1, {}),
    "student-ours": ((1, STEADIER, 0, 1), 2.2, {}),
    "student-temp": ((1, 0, STEADIER, 0), 2.2, {}),
    "student-ours-temp": ((1, STEADIER, STEADIER, 1), 2.2, {}),
    "res": ((1, STEADIER, 0, 0), 2.2, {}),
    "rank": ((1, 0, 0, 1), 2.2, {}),
    "res-rank-teacher": ((1, STEADIER, 0, 1), 2.2, {"rank_from": "teacher"}),
    "temp-res": ((1, STEADIER, STEADIER, 0), 2.2, {}),
    "ours-k3": ((1, STEADIER, 0, 1), 2.2, {"clip_length": 3}),
    "ours-k4": ((1, STEADIER, 0, 1), 2.2, {"clip_length": 4}),
    "ours-temp-k3": ((1, STEADIER, STEADIER, 1), 2.2, {"clip_length": 3}),
    "ours-temp-k4": ((1, STEADIER, STEADIER, 1), 2.2, {"clip_length": 4}),
    "vanilla-alone": ((0, STEADIER, 0, 0), 2.2, {"source": "vanilla"}),
    "res-alone": ((0, STEADIER, 0, 0), 2.2, {}),
    "unaligned-scratch": ((1, 0, 0, 0), 1, {"start": "unaligned-plain"}),
    "unaligned-ours": ((1, STEADIER, 0, 1), 2.2, {"start": "unaligned-plain"}),
}


def test_every_distillation_of_the_paper_is_known_here():
    roles = {**ZOO, **ABLATIONS}
    assert set(DISTILLED) == {name for name, role in roles.items() if role.recipe.stage == "distill"}


@pytest.mark.parametrize(("run", "role"), [
    *((by_workshop, role) for role in DISTILLED), *((by_hand, role) for role in DISTILLED)])
def test_a_distillation_gets_its_networks_in_order_and_its_settings(run, role, calls, networks, tmp_path):
    """The teacher with flow never stands for the plain one: exchanged, Eq. 5 would distil the opposite."""
    factors, style_weight, unusual = DISTILLED[role]
    start = unusual.get("start", "student-plain")
    run(role, networks, tmp_path)
    measured, call = calls
    assert measured.networks["teacher_plain"] is networks["teacher-plain"]
    assert call.function == "distill"
    assert call.networks["teacher_with_flow"] is networks["teacher-flow"]
    assert call.networks["teacher_plain"] is networks["teacher-plain"]
    assert call.networks["start"] is call.networks["student_plain"] is networks[start]
    expected = {name: factor * getattr(SMOKE, name) for name, factor in zip(LAMBDAS, (*factors, 1), strict=True)}
    assert {name: getattr(call.settings, name) for name in LAMBDAS} == expected
    assert (call.settings.style_weight, call.settings.averaging) == (style_weight, 0)
    assert (call.options["source"], call.options["rank_from"]) == (
        unusual.get("source", "residual"), unusual.get("rank_from", "input"))
    length = unusual.get("clip_length", SMOKE.clip_length)
    assert call.settings.clip_length == length == len(call.options["clips"][0].frames)


@pytest.mark.parametrize(("role", "start", "wanted"), [
    ("pocket-ours", "student-plain", "student, not a pocket"),
    ("student-ours", "pocket-plain", "pocket, not a student"),
])
def test_by_hand_a_start_has_to_be_of_the_roles_kind(role, start, wanted, calls, networks, tmp_path):
    named = {"teacher-flow": "teacher-flow", "teacher-plain": "teacher-plain", "start": start}
    with pytest.raises(TutorialError, match=f"--start {start} is a {wanted}"):
        train.train(role, "mosaic", SMOKE, tmp_path / "made.safetensors", networks=named)
    assert calls == []


@EITHER_WAY
def test_the_pocket_students_have_teachers_frames_and_a_factor_of_their_own(run, calls, networks, tmp_path):
    run("pocket-ours", networks, tmp_path)
    measured, call = calls
    assert measured.networks["teacher_plain"] is networks["screen-teacher-plain"]
    assert (measured.settings.style_size, measured.settings.width) == (3 * SMOKE.style_size, 2 * SMOKE.width)
    assert measured.options["clips"].settings.width == call.options["clips"].settings.width == 2 * SMOKE.width
    assert [call.networks[name] for name in ("teacher_with_flow", "teacher_plain", "start")] == [
        networks[name] for name in ("screen-teacher-flow", "screen-teacher-plain", "pocket-plain")]
    assert call.settings.lambda_res == pytest.approx(STEADIER * 1.6 * SMOKE.lambda_res)
    assert (call.settings.lambda_temp, call.settings.style_weight, call.settings.content_weight) == (0, 5.4, 3.3)
    assert call.settings.lambda_rank == SMOKE.lambda_rank / 4 and call.settings.averaging == 0.98


def test_by_hand_a_plain_student_agrees_with_a_teacher_that_is_named(calls, networks, tmp_path):
    train.train("student-plain", "mosaic", SMOKE, tmp_path / "made.safetensors", networks={"teacher-plain": None})
    assert calls[0].networks["agree_with"] is None


@EITHER_WAY
def test_a_style_is_measured_by_the_scale_whatever_the_recipe(run, calls, networks, tmp_path):
    """Longer clips or another style weight make no other factor: all networks of a style have the same."""
    run("ours-k4", networks, tmp_path, style="candy")
    measured, call = calls
    assert (measured.settings, measured.options["style"]) == (SMOKE, "candy")
    assert measured.options["clips"].settings == SMOKE
    assert call.options["clips"].settings.clip_length == 4


def test_a_lambda_that_is_given_reaches_the_training_as_it_is(calls, networks, tmp_path):
    """Neither times what the style needs, nor set to zero by the role; the others are as they always are."""
    by_hand("student-ours", networks, tmp_path, lambda_temp=7.0, lambda_rank=5.0)
    by_hand("student-ours-temp", networks, tmp_path, lambda_res=8.0)
    _, ours, _, both = calls
    given = [(call.settings.lambda_res, call.settings.lambda_temp, call.settings.lambda_rank) for call in (ours, both)]
    assert given == [(STEADIER * SMOKE.lambda_res, 7.0, 5.0), (8.0, STEADIER * SMOKE.lambda_temp, SMOKE.lambda_rank)]


def test_a_setting_that_the_role_does_not_use_is_refused_when_it_is_given(calls, networks, tmp_path):
    unused = {"teacher-flow": "lambda_temp", "student-plain": "lambda_res", "student-ours": "lambda_flow"}
    for role, idle in unused.items():
        stage = papers.ROLES[role].recipe.stage
        with pytest.raises(TutorialError, match=f"The stage {stage} does not use {idle}; leave it out"):
            by_hand(role, networks, tmp_path, **{idle: 5.0})
    assert calls == []


STAGED = ("teacher-plain", "teacher-flow", "student-plain", "pocket-plain", "student-ours", "pocket-ours")


@EITHER_WAY
@pytest.mark.parametrize("role", STAGED)
def test_a_training_has_a_file_to_go_on_from_and_knows_its_style(run, role, calls, networks, tmp_path):
    run(role, networks, tmp_path, style="candy")
    options = calls[-1].options
    assert options["about"]["style"] == "candy"
    assert tmp_path in options["path"].parents


@EITHER_WAY
@pytest.mark.parametrize("role", STAGED)
def test_eq_1_is_of_the_style_and_of_the_settings_of_the_training(run, role, calls, networks, tmp_path):
    """With the recipe's own style weight and size, which are not those of the scale."""
    run(role, networks, tmp_path, style="candy")
    assert calls[-1].judge == ("candy", calls[-1].settings)


@EITHER_WAY
def test_a_plain_pocket_student_is_a_pocket_trained_longer_beside_the_teacher_for_the_screen(
        run, calls, networks, tmp_path):
    run("pocket-plain", networks, tmp_path)
    call, = calls
    assert call.networks["agree_with"] is networks["screen-teacher-plain"]
    assert call.options["network"].configuration == Pocket(SMOKE.pocket_width, SMOKE.pocket_blocks).configuration
    assert (call.settings.plain_steps, call.settings.decay_every) == (2 * SMOKE.plain_steps, 2 * SMOKE.decay_every)


# A value for every option of the command line's `train`, and where the training shows it.
OPTIONS = {
    "--style": ("candy", lambda call: call.judge[0]),
    "--scale": ("laptop", lambda call: call.settings.name),
    "--output": ("there.safetensors", lambda call: call.options["path"].name),
    "--steps": (7, lambda call: call.options["steps"]),
    "--seed": (5, lambda call: call.settings.seed),
    "--lambda-res": (0.5, lambda call: call.settings.lambda_res),
    "--lambda-temp": (0.5, lambda call: call.settings.lambda_temp),
    "--lambda-rank": (0.5, lambda call: call.settings.lambda_rank),
    "--videos": ("films", lambda call: str(call.options["clips"])),
    "--teacher-flow": ("screen-teacher-flow", lambda call: call.networks["teacher_with_flow"]),
    "--teacher-plain": ("screen-teacher-plain", lambda call: call.networks["teacher_plain"]),
    "--start": ("unaligned-plain", lambda call: call.networks["start"]),
}


def test_every_option_of_train_is_known_here():
    subparsers = next(action for action in cli.parser()._actions if isinstance(action.choices, dict))
    actions = subparsers.choices["train"]._actions
    assert {name for action in actions for name in action.option_strings} == {*OPTIONS, "-h", "--help"}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_the_command_line_reaches_the_training_and_changes_nothing_else(
        option, calls, networks, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "_clips", lambda settings, videos: videos)
    monkeypatch.chdir(tmp_path)
    usual = {"--style": "mosaic", "--scale": "smoke", "--output": "here.safetensors", "--teacher-flow": "teacher-flow",
             "--teacher-plain": "teacher-plain", "--start": "student-plain"}

    def trained(**more):
        words = [str(word) for pair in {**usual, **more}.items() for word in pair]
        assert cli.main(["train", "student-ours-temp", *words]) == 0
        return {name: look(calls[-1]) for name, (_, look) in OPTIONS.items()}

    value, before, after = OPTIONS[option][0], trained(), trained(**{option: OPTIONS[option][0]})
    assert after[option] == networks.get(value, value) != before[option]
    depending = {"--lambda-rank"} if option == "--scale" else set()
    assert {name for name in OPTIONS if after[name] != before[name]} == {option} | depending


def test_what_a_training_says_of_itself_is_what_it_was_given(calls, networks, tmp_path, monkeypatch):
    clips = []
    monkeypatch.setattr(train, "_clips", lambda settings, videos: clips.append((settings.seed, videos)))
    named = {"teacher-plain": "teacher-plain"}
    train.train("teacher-flow", "candy", SMOKE.but(seed=5), tmp_path / "a", videos=Path("films"), networks=named)
    assert {"style": "candy", "videos": "films"}.items() <= calls[-1].options["about"].items()
    assert set(clips) == {(5, Path("films"))}


@EITHER_WAY
@pytest.mark.parametrize("role", STAGED)
def test_a_stage_reports_and_stops_as_it_is_told(run, role, calls, networks, tmp_path):
    """By hand as many steps as are asked for; in the workshop a checkpoint every 50, and the minutes are noted."""
    if run is by_hand:
        run(role, networks, tmp_path, steps=3)
        assert calls[-1].options["steps"] == 3
    else:
        run(role, networks, tmp_path)
        assert calls[-1].options["save_every"] == 50 and callable(calls[-1].options["callback"])
        assert "steps" not in calls[-1].options


def test_a_recipe_may_not_set_what_its_stage_does_not_use():
    for recipe, unused in ((Recipe("teacher-flow", changes={"lambda_rank": 0.0, "student_smooth": True}),
                            "lambda_rank, student_smooth"),
                           (Recipe("distill", times={"lambda_flow": 2.0}), "lambda_flow")):
        with pytest.raises(TutorialError, match=f"The stage {recipe.stage} does not use {unused}; a recipe cannot"):
            stages.stage_of(recipe)


def test_what_a_plain_student_agrees_by_belongs_to_the_one_that_does():
    settings = {"lambda_agree": 5.0}
    assert stages.stage_of(Recipe("student-plain", ("teacher-plain",), settings))
    with pytest.raises(TutorialError, match="does not use lambda_agree"):
        stages.stage_of(Recipe("student-plain", (), settings))


def test_every_recipe_sets_what_its_stage_uses():
    for role in papers.ROLES.values():
        assert stages.stage_of(role.recipe)


def test_a_network_that_paints_needs_a_style(calls, networks, tmp_path):
    with pytest.raises(TutorialError, match="needs a style"):
        by_workshop("teacher-plain", networks, tmp_path, style=None)
