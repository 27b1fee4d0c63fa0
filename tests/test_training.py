import json
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from stages import NAMES, RESOLVING, Stages, weights

from tutorial_lib import checkpoint, training
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp
from tutorial_lib.losses.low_rank import nuclear_norm, traceable_matrix
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.losses.residual import residual_distillation_loss
from tutorial_lib.losses.temporal import temporal_loss
from tutorial_lib.losses.total import total_loss
from tutorial_lib.networks.teacher import roll_out
from tutorial_lib.settings import Settings, precision
from tutorial_lib.training import balance
from tutorial_lib.training.stages import PATCH, USES


@pytest.fixture
def stages():
    return Stages()


@pytest.fixture(scope="module")
def killed_stages(tmp_path_factory):
    """(folder, what was printed): a folder for every stage, all made by one process, which imports torch once."""
    script, folder = Path(__file__).with_name("kill_and_resume.py"), tmp_path_factory.mktemp("stages")
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, timeout=500,
                          env=os.environ | {"OFD_BUILD": str(folder / "build")})
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


@pytest.mark.parametrize("stage", [*NAMES, *RESOLVING])
def test_killed_five_times_it_ends_at_the_same_weights(stage, killed_stages):
    folder, printed = killed_stages
    assert printed.count(f"{stage}: kill ") == 5
    killed, whole = (checkpoint.read(folder / stage / f"{name}.safetensors") for name in ("killed", "whole"))
    assert killed.step == whole.step == 12
    assert killed.weights.keys() == whole.weights.keys()
    for name in whole.weights:
        assert torch.equal(killed.weights[name], whole.weights[name]), name
    for name in whole.optimiser:
        assert torch.equal(killed.optimiser[name], whole.optimiser[name]), name
    assert list((folder / stage).glob("*.safetensors")), "the finished files"


def stopped(stage, path, after=2):
    """The checkpoint of a training that was interrupted."""
    def stop(progress):
        if progress.step == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Stages().run(stage, path, steps=4, callback=stop)


def rewrite(path, scale):
    """Writes other settings into a checkpoint, and changes nothing else of it."""
    with safe_open(path, framework="pt") as file:
        tensors, about = {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["settings"])  # noqa: SIM118
    save_file(tensors, path, {"settings": json.dumps({**about, "scale": scale})})


@pytest.mark.parametrize("stage", NAMES)
def test_an_older_checkpoint_is_gone_on_with(stage, tmp_path):
    """One that names every setting, used or not, and one from before there were some."""
    whole, path = weights(Stages().run(stage, steps=4)), tmp_path / "c.safetensors"
    everything = Stages().settings.but(evaluation_frames=99).as_dict()
    since_then = ("averaging", "lambda_excess", "student_smooth")
    for scale in (everything, {key: value for key, value in everything.items() if key not in since_then}):
        path.unlink(missing_ok=True)
        stopped(stage, path)
        rewrite(path, scale)
        assert checkpoint.read(path).step == 2
        assert torch.equal(weights(Stages().run(stage, path, steps=4)), whole)


@pytest.mark.parametrize(("stage", "own", "other"), [
    ("plain teacher", "style_weight", "lambda_agree"), ("plain student", "lambda_agree", "lambda_flow"),
    ("teacher with flow", "lambda_flow", "lambda_temp"), ("distillation", "lambda_temp", "lambda_look"),
])
def test_a_checkpoint_minds_the_settings_of_its_stage_alone(stage, own, other, tmp_path):
    path = tmp_path / "c.safetensors"
    stopped(stage, path, after=1)
    settings = Stages().settings
    Stages(settings.but(**{other: 9.0})).run(stage, path, steps=4)
    assert checkpoint.read(path).step == 4
    with pytest.raises(TutorialError, match=f"trained with another {own};"):
        Stages(settings.but(**{own: 9.0})).run(stage, path, steps=4)


class Watched(Settings):
    """Settings that note which of them are read."""

    read: ClassVar[set[str]] = set()

    def __getattribute__(self, name):
        if name in Settings.__dataclass_fields__:
            Watched.read.add(name)
        return super().__getattribute__(name)

    def as_dict(self):
        return dict(vars(self))

    def but(self, **changes):
        return Watched(**self.as_dict() | changes)


@pytest.mark.parametrize(("stage", "uses"), list(zip(NAMES, (
    USES["plain"], USES["teacher-flow"], USES["plain"] | USES["agreement"], USES["distill"]), strict=True)))
def test_a_stage_reads_the_settings_that_its_checkpoint_names(stage, uses):
    """A setting that is read and not named lets a training go on with another one. (Sizes are the network's own.)"""
    Watched.read.clear()
    Stages(Watched(**Stages().settings.as_dict())).run(stage)
    sizes = {"student_width", "student_blocks", "student_smooth", "teacher_width", "teacher_blocks"}
    first_of_a_batch = {"plain_batch"} if stage == "teacher with flow" else set()    # however many come after it
    assert Watched.read - sizes - first_of_a_batch == uses - {"name"}


@pytest.mark.parametrize("stage", NAMES)
def test_every_stage_changes_its_network_and_only_that(stages, stage):
    before = {name: weights(getattr(stages, name)) for name in ("teacher_plain", "student_plain", "teacher_flow")}
    after = weights(stages.run(stage))
    mine = "teacher_plain" if "teacher" in stage else "student_plain"
    assert torch.isfinite(after).all()
    assert not torch.equal(after, before[mine])
    trained_in_place = {"plain teacher": "teacher_plain", "plain student": "student_plain"}.get(stage)
    for name, old in before.items():
        if name != trained_in_place:
            assert torch.equal(weights(getattr(stages, name)), old), name


def test_nothing_is_canned():
    """The same run gives the same weights; another lambda, seed or style gives others."""
    smoke = Stages().settings
    base = weights(Stages().run("distillation"))
    assert torch.equal(base, weights(Stages().run("distillation")))
    changes = [smoke.but(lambda_res=1.0), smoke.but(lambda_temp=1.0), smoke.but(lambda_rank=1e-3), smoke.but(seed=1)]
    others = [weights(Stages(changed).run("distillation")) for changed in changes]
    others.append(weights(Stages(style="waves").run("distillation")))
    for first, second in ((a, b) for i, a in enumerate([base, *others]) for b in others[i:]):
        assert not torch.allclose(first, second, atol=1e-6)


def test_training_lowers_the_loss(stages):
    network = stages.teacher_plain
    history = training.train_plain(network, stages.perceptual, stages.settings, steps=25, bar=False)
    first, last = (sum(terms["total"] for terms in part) for part in (history[:5], history[-5:]))
    assert last < 0.8 * first


def test_agreement_draws_the_students_together(stages):
    apart, together = Stages(), Stages()
    training.train_plain(apart.student_plain, apart.perceptual, apart.settings, steps=20, bar=False)
    training.train_plain(together.student_plain, together.perceptual, together.settings.but(lambda_agree=1000.0),
                         steps=20, agree_with=stages.teacher_plain, bar=False)
    frames = stages.clips[0].frames
    with torch.no_grad():
        wanted = stages.teacher_plain(frames)
        distances = [(n.student_plain(frames) - wanted).square().mean() for n in (apart, together)]
    assert distances[1] < 0.5 * distances[0]


def test_frozen_targets_are_computed_once_and_are_those_of_the_equations(stages, tmp_path):
    targets = stages.targets()
    clip, target, norm = targets[1]
    again = targets[1]
    assert targets.computed == 1
    assert torch.equal(again[1], target)
    with_flow = roll_out(stages.teacher_flow, clip.frames, clip.backward.flows, clip.backward.masks)
    plain, student_plain = stages.teacher_plain(clip.frames), stages.student_plain(clip.frames)
    assert torch.allclose(target, student_plain + with_flow - plain, atol=2e-3)             # fp16
    matrix = traceable_matrix(clip.frames, clip.from_middle.flows, clip.from_middle.masks)
    assert torch.equal(norm, nuclear_norm(matrix))
    # on disk instead of in memory: the same, and a second object finds it
    on_disk = stages.targets(folder=tmp_path)
    assert torch.equal(on_disk[1][1], target)
    second = stages.targets(folder=tmp_path)
    assert torch.equal(second[1][1], target)
    assert second.computed == 0


def test_vanilla_and_teacher_rank_are_their_own_targets(stages):
    clip, target, norm = stages.targets(source="vanilla", rank_from="teacher")[0]
    with_flow = roll_out(stages.teacher_flow, clip.frames, clip.backward.flows, clip.backward.masks)
    assert torch.allclose(target, with_flow, atol=1e-3)
    ranked = nuclear_norm(traceable_matrix(with_flow, clip.from_middle.flows, clip.from_middle.masks))
    assert norm.item() == pytest.approx(ranked.item(), rel=1e-5)


def test_the_total_is_eq_13(stages, noise):
    settings = stages.settings.but(lambda_res=3.0, lambda_temp=5.0, lambda_rank=7.0)
    clip = stages.clips[0]
    k = len(clip.frames)
    student = noise(*clip.frames.shape)
    teacher, plain, student_plain = noise(3, *clip.frames.shape).unbind()
    norm = nuclear_norm(traceable_matrix(clip.frames, clip.from_middle.flows, clip.from_middle.masks))
    terms = total_loss(student, clip, stages.perceptual, settings, student_plain + teacher - plain, norm)

    expected = torch.zeros(())
    for t in range(k):
        frame = slice(t, t + 1)
        expected += stages.perceptual(student[frame], clip.frames[frame])
        expected += 3 * residual_distillation_loss(teacher[frame], plain[frame], student[frame], student_plain[frame])
    for t in range(1, k):
        pair = (student[t:t + 1], student[t - 1:t], clip.backward.flows[t - 1:t], clip.backward.masks[t - 1:t])
        expected += 5 * temporal_loss(*pair)
    ranked = nuclear_norm(traceable_matrix(student, clip.from_middle.flows, clip.from_middle.masks))
    expected += 7 * (norm - ranked) ** 2
    assert terms["total"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_excess_term_is_over_the_pixels_that_all_frames_show(stages, noise):
    settings = stages.settings.but(lambda_res=0.0, lambda_temp=0.0, lambda_rank=0.0, lambda_excess=3.0)
    clip, student = stages.clips[0], noise(*stages.clips[0].frames.shape)
    common = clip.from_middle.masks.prod(0, keepdim=True)
    norms = [torch.linalg.svdvals((common * warp(video, clip.from_middle.flows)).flatten(1))
             for video in (clip.frames, student)]
    wanted, excess = (values.sum() / values[0] for values in norms)
    terms = total_loss(student, clip, stages.perceptual, settings)
    assert terms["excess"].item() == pytest.approx((excess - wanted).item() ** 2, rel=1e-3)
    assert (terms["total"] - terms["perceptual"]).item() == pytest.approx(3 * terms["excess"].item(), rel=1e-3)


def test_a_lambda_of_zero_takes_its_term_out(stages, noise):
    clip = stages.clips[0]
    settings = stages.settings.but(lambda_res=0.0, lambda_temp=0.0, lambda_rank=0.0)
    assert set(total_loss(noise(*clip.frames.shape), clip, stages.perceptual, settings)) == {"perceptual", "total"}


def test_gradient_norms_are_those_of_the_terms(stages):
    clip, target, norm = stages.targets()[0]
    student = stages.student_plain.requires_grad_(True)
    terms = total_loss(student(clip.frames), clip, stages.perceptual, stages.settings, target, norm)
    norms = training.gradient_norms(student, terms)
    assert set(norms) == {"perceptual", "residual", "temporal", "rank"}
    terms["temporal"].backward()
    expected = torch.cat([p.grad.flatten() for p in student.parameters()]).norm()
    assert norms["temporal"] == pytest.approx(expected.item(), rel=1e-4)


def test_the_teachers_keep_the_same_colours(stages):
    def apart(lambda_look):
        settings = stages.settings.but(lambda_look=lambda_look)
        teacher, history = training.train_teacher(
            stages.teacher_plain, stages.clips, stages.perceptual, settings, steps=12, bar=False)
        assert any("look" in terms for terms in history)
        frames = stages.clips[0].frames
        with torch.no_grad():
            change = teacher(frames) - stages.teacher_plain(frames)
        return torch.nn.functional.avg_pool2d(change, PATCH).square().mean().item()

    assert apart(1e4) < 0.5 * apart(0.0)


def test_bfloat16_can_be_asked_for_and_stays_near_single_precision(stages, monkeypatch):
    def first_terms(asked):
        monkeypatch.setenv("OFD_PRECISION", asked)
        _, history = training.distill(
            stages.student_plain, stages.targets(), stages.perceptual, stages.settings, steps=1, bar=False)
        return history[0]

    rough, exact = first_terms("bfloat16"), first_terms("float32")
    assert rough != exact
    assert rough["total"] == pytest.approx(exact["total"], rel=0.02)
    monkeypatch.setenv("OFD_PRECISION", "half")
    with pytest.raises(TutorialError, match="'half'; it can be bfloat16 or float32"):
        precision(torch.device("cpu"))


def test_a_style_that_outweighs_the_losses_of_steadiness_gets_stronger_ones(stages, monkeypatch):
    """By the ratio of Eq. 1 to the temporal loss, over all clips."""
    plain, clips = stages.student_plain, [stages.clips[0], stages.clips[1]]
    perceived = moved = 0.0
    with torch.no_grad():
        for clip in clips:
            stylized = plain(clip.frames)
            perceived += stages.perceptual(stylized, clip.frames).item()
            moved += temporal_loss(stylized[1:], stylized[:-1], clip.backward.flows, clip.backward.masks).item()
    for times, expected in ((1, 1), (1.3, 1), (0.8, 1), (1.5, 2), (0.6, 0.5), (8, 8), (1e9, 16), (1e-9, 1 / 16)):
        monkeypatch.setattr(balance, "USUAL", perceived / moved / times)
        assert balance.steadiness(plain, clips, stages.perceptual) == expected


def test_only_the_losses_of_steadiness_are_made_stronger(stages):
    settings = balance.steadier(stages.settings, 2.0)
    changed = {key for key, value in settings.as_dict().items() if value != stages.settings.as_dict()[key]}
    assert changed == {"lambda_flow", "lambda_res", "lambda_temp"}
    assert settings.lambda_temp == 2 * stages.settings.lambda_temp
    assert balance.steadier(stages.settings, 2.0, {"lambda_temp"}).lambda_temp == stages.settings.lambda_temp


def test_nan_names_its_term(stages):
    class Broken(PerceptualLoss):
        def forward(self, stylized, content):
            return super().forward(stylized, content) * float("nan")

    stages.perceptual.__class__ = Broken
    with pytest.raises(TutorialError, match="'perceptual'"):
        stages.run("distillation")
