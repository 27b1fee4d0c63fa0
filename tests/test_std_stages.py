"""The trainings of space-time distillation: who learns from what, how strongly, and what is kept of it."""

import json
import math
import sys
from dataclasses import replace

import pytest
import torch
from scripts import loaded
from stages import SuperResolution, weights

from tutorial_lib import checkpoint, quality
from tutorial_lib.data.degradation import degrade, upscale_bicubic
from tutorial_lib.data.pairs import estimated_flows
from tutorial_lib.errors import TutorialError
from tutorial_lib.losses.space_time import attention_map, charbonnier
from tutorial_lib.networks.superres import upscale
from tutorial_lib.papers.stages import used_settings
from tutorial_lib.papers.std import roles
from tutorial_lib.papers.std.settings import SCALES, scale
from tutorial_lib.papers.std.stages import (
    Curve,
    Distillation,
    TeacherTargets,
    balanced,
    indexes,
    new_student,
    new_teacher,
    validation_films,
    validation_psnr,
)
from tutorial_lib.training.balance import gradient_norms
from tutorial_lib.training.loop import Progress
from tutorial_lib.workshop import Workshop

TERMS = {"plain": set(), "space": {"space"}, "time": {"time"}, "both": {"space", "time"}, "attention": {"attention"},
         "hint": {"hint"}, "imitation": {"imitation"}}


@pytest.fixture(scope="module", autouse=True)
def build(tmp_path_factory):
    """The patches of all these tests are rendered once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OFD_BUILD", str(tmp_path_factory.mktemp("build")))
        yield


@pytest.fixture
def made():
    return SuperResolution()


# --- the roles ---


@pytest.mark.parametrize("kind", roles.STUDENTS)
def test_the_methods_of_a_student_differ_in_their_terms_alone(kind):
    for method, wanted in TERMS.items():
        role = next(role for role in roles.methods(kind) if role.name == f"sr-{kind}-{method}")
        assert role.recipe.options["kind"] == kind and role == roles.ROLES[role.name]
        changed = role.recipe.settings(scale("laptop")).as_dict()
        usual = scale("laptop").as_dict()
        if method == "plain":
            assert changed == usual and role.control is None and role.recipe.needs == ()
            continue
        active = {name.removeprefix("lambda_") for name in usual if name.startswith("lambda_") and changed[name]}
        assert active == wanted
        assert {name for name in usual if usual[name] != changed[name]} <= {f"lambda_{term}" for term in
                                                                            set.union(*TERMS.values())}
        assert role.control == f"sr-{kind}-plain" and role.recipe.needs[0] == roles.TEACHER


@pytest.mark.parametrize("kind", roles.STUDENTS)
def test_what_else_is_tried_changes_one_thing(kind):
    """Against L_SD, L_TD or both as they are: the map, the cell, the weights or the steps, and nothing else."""
    usual = scale("laptop")
    tried = {role.name.removeprefix(f"sr-{kind}-"): role for role in roles.attempts(kind)}
    assert {f"sr-{kind}-{name}": role for name, role in tried.items()} == {
        name: role for name, role in roles.ATTEMPTS.items() if name.startswith(f"sr-{kind}-")}
    options = {"space-body": {"map": "body"}, "space-truth": {"map": "truth"}, "both-late": {"begins": "halfway"},
               "both-balanced": {"begins": "halfway", "balance": "plain"}}
    changes = {"space-body": {}, "space-truth": {"normalised": True}, "both-late": {}, "both-balanced": {},
               "space-absolute": {"power": "absolute"}, "space-maximum": {"power": "maximum"},
               "space-normalised": {"normalised": True}, "time-random": {}, "time-learned": {},
               "both-x0.3": {"lambda_space": 0.03, "lambda_time": 0.03},
               "both-x3": {"lambda_space": 0.3, "lambda_time": 0.3}, "plain-x2": {"student_steps": 6000}}
    assert tried.keys() == changes.keys()
    for name, changed in changes.items():
        method, recipe = name.split("-")[0], tried[name].recipe
        like = roles.ROLES[f"sr-{kind}-{method}"].recipe
        assert recipe.settings(usual) == like.settings(usual).but(**changed) and recipe.stage == like.stage
        memory = {"time-random": "random", "time-learned": "learned"}.get(name, like.options.get("memory"))
        asked = options.get(name, {})
        assert recipe.options == {**like.options, **({"memory": memory} if memory else {}), **asked}
        plain = (f"sr-{kind}-plain",) if name == "both-balanced" else ()
        assert recipe.needs == tuple(role for role in like.needs if role != roles.MEMORY or memory == "frozen") + plain
        assert tried[name].control == f"sr-{kind}-{'plain' if method == 'plain' else 'both'}"


def test_all_variants_of_a_student_have_one_start_and_see_one_order(made):
    starts = {checkpoint.digest(Distillation(made.job(f"sr-stacked-{method}")).student)
              for method in ("both", "hint", "time-learned")}
    assert starts == {checkpoint.digest(new_student("stacked", made.settings))}
    assert indexes(made.settings, 100, 3) == indexes(made.settings, 100, 3) != indexes(made.settings, 100, 4)
    other = made.settings.but(seed=1)
    assert checkpoint.digest(new_student("stacked", other)) != checkpoint.digest(new_student("stacked", made.settings))


def test_teacher_and_student_have_taps_of_one_width():
    settings = SCALES["laptop"]
    assert new_teacher(settings).configuration["tap"] == new_student("stacked", settings).configuration["tap"]


# --- the terms ---


@pytest.mark.parametrize("method", [method for method in TERMS if method != "plain"])
def test_the_loss_is_the_reconstruction_and_the_weighted_terms(made, method):
    distillation = Distillation(made.job(f"sr-recurrent-{method}"))
    terms = distillation.loss(1)
    assert set(terms) == {"reconstruction", "total"} | TERMS[method]
    wanted = terms["reconstruction"] + sum(
        getattr(distillation.settings, f"lambda_{name}") * terms[name] for name in TERMS[method])
    assert terms["total"].item() == pytest.approx(wanted.item(), rel=1e-6)
    norms = gradient_norms(distillation.student, terms)
    assert all(norm > 0 for norm in norms.values())


def test_the_reconstruction_is_of_the_patches_of_the_step(made):
    job = made.job("sr-stacked-space")
    distillation, clips = Distillation(job), job.clips()
    numbers = indexes(job.settings, len(clips), 5)
    student = new_student("stacked", job.settings)
    known = [charbonnier(student(clips[i].small).frames, clips[i].truth) for i in numbers]
    assert distillation.terms(5)["reconstruction"].item() == pytest.approx(sum(known).item() / len(known), rel=1e-5)


def test_what_the_teacher_says_is_asked_once_and_kept_in_16_bits(made):
    job = made.job("sr-stacked-both")
    distillation = Distillation(job)
    targets, (teacher, memory) = distillation.targets, job.networks.values()
    pair, known = targets.batch([1, 1])
    assert targets.computed - len(targets.remembered) == 0
    found = teacher(pair.small, pair.flows)
    assert torch.allclose(known["space"], attention_map(found.tap), rtol=2e-3, atol=1e-6)
    assert torch.allclose(known["memory"], memory(found.tap)[:, -1], rtol=2e-3, atol=1e-5)
    before = targets.computed
    targets.batch([1, 1])
    assert targets.computed == before


def test_the_teacher_is_asked_once_for_all_methods(made, tmp_path):
    """What any of them wants lies in one file a patch, and is what it would be in memory."""
    jobs = {method: made.job(f"sr-stacked-{method}") for method in ("space", "attention", "hint", "imitation", "both")}
    computed = {}
    for method, job in jobs.items():
        kept, remembered = (Distillation(replace(job, targets=folder)).targets for folder in (tmp_path, None))
        (_, found), (_, wanted) = kept.batch([0, 1]), remembered.batch([0, 1])
        computed[method] = kept.computed
        assert found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert computed == {"space": 2, "attention": 0, "hint": 0, "imitation": 0, "both": 2}      # with a memory: others
    path = next(path for path in tmp_path.rglob("*.safetensors") if path.parent.name == kept.name)
    path.write_bytes(path.read_bytes()[:100])
    again = Distillation(replace(jobs["both"], targets=tmp_path)).targets
    assert all(torch.equal(value, found[name]) for name, value in again.batch([0, 1])[1].items())
    assert again.computed == 1


def test_the_map_that_is_asked_for_is_the_body_s_the_truth_s_or_the_tap_s(made):
    for role, features in (("space", "tap"), ("space-body", "body"), ("space-truth", "tap")):
        job = made.job(f"sr-stacked-{role}")
        distillation, teacher = Distillation(job), job.networks["sr-teacher"]
        numbers = indexes(job.settings, len(job.clips()), 3)
        pair, _ = distillation.targets.batch(numbers)
        mine, theirs = distillation.student(pair.small, pair.flows), teacher(pair.small, pair.flows)
        if role == "space-truth":
            large = torch.stack([upscale_bicubic(clip) for clip in pair.small])
            wanted = attention_map(pair.truth - large, normalised=True)
            found = attention_map(mine.tap, normalised=True)
        else:
            wanted, found = (attention_map(getattr(one, features)) for one in (theirs, mine))
        assert distillation.terms(3)["space"].item() == pytest.approx((found - wanted).square().mean().item(), rel=5e-3)


def test_terms_that_come_in_halfway_do_nothing_before(made):
    distillation = Distillation(made.job("sr-stacked-both-late"))
    half = SCALES["smoke"].student_steps // 2
    for step in range(2 * half):
        terms = distillation.loss(step)
        weighted = sum(getattr(distillation.settings, f"lambda_{name}", 1.0) * term
                       for name, term in terms.items() if name != "total")
        assert torch.equal(terms["total"], terms["reconstruction"]) == (step < half)
        assert step < half or torch.allclose(terms["total"], weighted)


def test_targets_of_other_networks_or_maps_have_other_names(made):
    job = made.job("sr-stacked-both")
    clips, (teacher, memory) = job.clips(), job.networks.values()
    s = job.settings
    names = {TeacherTargets(clips, *arguments).name for arguments in (
        (teacher, ["space"], s), (teacher, ["space", "memory"], s, memory),
        (teacher, ["space"], s.but(power="maximum")),
        (teacher, ["space"], s.but(normalised=True)), (new_teacher(s.but(seed=3)), ["space"], s))}
    assert len(names) == 5


def test_only_what_is_meant_to_learn_learns(made):
    """The student always; the regressor of a hint; the cell only where it is the paper's, shared and learned."""
    for method, beside in (("both", set()), ("time-random", set()), ("hint", {"regressor"}),
                           ("time-learned", {"memory"})):
        job = made.job(f"sr-stacked-{method}")
        distillation = Distillation(job)
        distillation.loss(0)["total"].backward()
        trained = distillation.trained
        learning = {name.split(".")[0] for name, p in trained.named_parameters() if p.grad is not None and p.grad.any()}
        assert learning == ({"student", *beside} if beside else {"body", "tail"}), method
        frozen = [*job.networks.values(), *([distillation.memory] if "memory" not in beside else [])]
        assert all(p.grad is None for network in frozen if network is not None for p in network.parameters())


# --- the command line ---


@pytest.fixture
def train_zoo(tmp_path, monkeypatch):
    """The script, up to the networks that it asks for."""
    module, asked = loaded("train_zoo"), []
    monkeypatch.setattr(module.workshop.Workshop, "__getitem__", lambda self, name: asked.append((self.style, name)))

    def main(*arguments):
        monkeypatch.setattr(sys, "argv", ["train_zoo.py", *arguments])
        module.main()
        return asked

    return main


def test_the_script_trains_the_networks_of_the_paper(train_zoo):
    assert train_zoo("--paper", "std", "--only", "zoo", "sr-stacked-both-x3", "--scale", "smoke") == [
        (None, name) for name in (*roles.ZOO, "sr-stacked-both-x3")]


@pytest.mark.parametrize(("arguments", "message"), [
    (("--paper", "std", "--style", "mosaic", "--only", "zoo"), "The networks of std do not paint; leave --style out"),
    (("--paper", "std", "--only", "student-ours"), "student-ours is of another paper; give --paper ofd"),
    (("--only", "sr-teacher"), "sr-teacher is of another paper; give --paper std"),
    (("--paper", "std", "--scale", "smoke"), "At the scale smoke with seed 0, this would replace the networks"),
    (("--paper", "std", "--scale", "laptop", "--seed", "2"), "laptop with seed 2, this would replace the networks"),
])
def test_what_the_script_cannot_train_is_said(train_zoo, arguments, message):
    with pytest.raises(TutorialError, match=message):
        train_zoo(*arguments)


# --- how strongly ---


def test_a_lambda_is_a_share_of_the_pull_of_the_reconstruction(made):
    job = made.job("sr-stacked-both")
    distillation = Distillation(job)
    pulls = [gradient_norms(distillation.student, distillation.terms(step)) for step in range(3)]
    pull = {name: sum(one[name] for one in pulls) for name in pulls[0]}
    for name, share in (("space", made.settings.lambda_space), ("time", made.settings.lambda_time)):
        found = getattr(job.settings, f"lambda_{name}") * pull[name] / pull["reconstruction"]
        assert share / math.sqrt(2) * 0.99 <= found <= share * math.sqrt(2) * 1.01
    assert job.settings.lambda_hint == 0


def test_a_lambda_can_be_a_share_of_the_pull_at_the_plain_student_s_weights(made):
    """Over the weights that a term reaches: all but the output convolution's."""
    job = made.job("sr-recurrent-both-balanced")
    distillation, plain = Distillation(job), job.networks["sr-recurrent-plain"]
    assert checkpoint.digest(distillation.student) != checkpoint.digest(plain)      # it starts as every other one
    distillation.student.load_state_dict(plain.state_dict())
    inner = [p for name, p in distillation.student.named_parameters() if not name.startswith("tail.out")]
    assert len(inner) == len(list(distillation.student.parameters())) - 2

    def norm(term):
        return sum(g.square().sum() for g in torch.autograd.grad(term, inner, retain_graph=True)).sqrt().item()

    pulls = [{name: norm(term) for name, term in distillation.terms(step).items()} for step in range(3)]
    pull = {name: sum(one[name] for one in pulls) for name in pulls[0]}
    for name, share in (("space", made.settings.lambda_space), ("time", made.settings.lambda_time)):
        found = getattr(job.settings, f"lambda_{name}") * pull[name] / pull["reconstruction"]
        assert share / math.sqrt(2) * 0.99 <= found <= share * math.sqrt(2) * 1.01


def test_a_share_is_multiplied_and_what_the_user_gave_is_not(made):
    usual, thrice = (made.job(f"sr-stacked-both{suffix}").settings for suffix in ("", "-x3"))
    assert thrice.lambda_space == pytest.approx(3 * usual.lambda_space)
    job = made.job("sr-stacked-both")
    given = replace(job, settings=job.settings.but(lambda_space=7.0, lambda_time=0.1), given={"lambda_space"})
    assert balanced(given).lambda_space == 7.0
    assert balanced(given).lambda_time == pytest.approx(usual.lambda_time)


# --- what is kept ---


def test_the_curve_is_the_psnr_of_the_validation_scenes(made, tmp_path):
    student, s = new_student("stacked", made.settings), made.settings
    (film,) = validation_films(s.height, s.width, s.clip_length, 1)
    assert film.frames.shape == (3, 3, 64, 64)
    video = upscale(student, degrade(film.frames))
    known = quality.psnr(*quality.compared(video, film.frames)).mean().item()
    assert validation_psnr(student, s) == pytest.approx(known)
    teacher, small = new_teacher(s), degrade(film.frames)
    known = quality.psnr(*quality.compared(upscale(teacher, small, estimated_flows(small[None])), film.frames))
    assert validation_psnr(teacher, s) == pytest.approx(known.mean().item())


def test_an_interrupted_training_goes_on_with_its_curve(made, tmp_path):
    path = tmp_path / "a.curve.json"
    curve = Curve(path, new_student("stacked", made.settings), made.settings)
    for step in (1, 2, 3):
        curve(Progress(step, 5, {}))
    again = Curve(path, new_student("stacked", made.settings), made.settings)
    for step in (4, 5):
        again(Progress(step, 5, {}))
    assert list(json.loads(path.read_text())) == ["2", "4", "5"]       # every second, and the last


def test_the_workshop_makes_a_student_with_its_teacher_and_memory(tmp_path):
    workshop = Workshop(None, scale("smoke"), tmp_path)
    student = workshop["sr-recurrent-both"]
    assert {path.stem for path in tmp_path.glob("*.json")} == {"sr-teacher", "sr-memory", "sr-recurrent-both"}
    said = json.loads(workshop.path("sr-recurrent-both").with_suffix(".json").read_text())
    assert said["command"].endswith("train_zoo.py --paper std --scale smoke --seed 0 --only sr-recurrent-both")
    assert (said["kind"], said["memory"], said["settings"]["degradation"]) == ("recurrent", "frozen", "BI")
    assert said["made_from"] == {name: checkpoint.digest(workshop[name]) for name in ("sr-teacher", "sr-memory")}
    assert said["network"] == student.configuration == new_student("recurrent", scale("smoke")).configuration
    assert (tmp_path / "training" / "sr-recurrent-both.curve.json").is_file()
    with pytest.raises(TutorialError, match="another degradation; delete it"):
        _ = Workshop(None, scale("smoke").but(degradation="BD"), tmp_path)["sr-teacher"]


def test_the_students_of_every_seed_have_the_teacher_of_seed_0(tmp_path):
    first, second = (Workshop(None, scale("smoke").but(seed=seed), tmp_path / f"smoke-{seed}") for seed in (0, 1))
    _ = second["sr-stacked-space"]
    assert {path.stem for path in (tmp_path / "smoke-1").glob("*.json")} == {"sr-stacked-space"}
    assert torch.equal(weights(second["sr-teacher"]), weights(first["sr-teacher"]))
    said = json.loads(second.path("sr-stacked-space").with_suffix(".json").read_text())
    assert said["seed"] == 1 and said["made_from"] == {"sr-teacher": checkpoint.digest(first["sr-teacher"])}


def test_a_hint_or_a_learned_cell_leaves_a_student_alone(made, tmp_path):
    """What learned beside it is in the checkpoint, to go on from, and not in the network."""
    for role in ("sr-stacked-hint", "sr-stacked-time-learned"):
        path = tmp_path / f"{role}.safetensors"
        student = made.run(role, path, steps=2)
        assert student.configuration["kind"] == "stacked"
        names = {name.split(".")[0] for name in checkpoint.read(path).weights}
        assert names == {"student", "regressor" if role.endswith("hint") else "memory"}


@pytest.mark.parametrize("role", ["sr-memory", "sr-stacked-both", "sr-recurrent-attention", "sr-stacked-imitation"])
def test_what_a_teacher_said_is_of_use_in_bfloat16(made, role, monkeypatch):
    """It is kept in float16, which autocast does not mix with bfloat16."""
    monkeypatch.setenv("OFD_PRECISION", "bfloat16")
    assert all(torch.isfinite(value).all() for value in made.run(role, steps=2).state_dict().values())


def test_distillation_adds_nothing_to_the_network(made):
    plain, both = (made.run(f"sr-stacked-{method}", steps=1) for method in ("plain", "both"))
    assert plain.configuration == both.configuration
    assert [p.shape for p in plain.parameters()] == [p.shape for p in both.parameters()]
    assert not torch.equal(weights(plain), weights(both))


def test_what_a_manifest_names_is_what_decides(made):
    used = used_settings(made.job("sr-stacked-plain"))
    assert "lambda_space" not in used and "teacher_width" not in used and used["student_width"] == 4
    assert {"power", "normalised", "lambda_time"} <= used_settings(made.job("sr-stacked-both")).keys()
