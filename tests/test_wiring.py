"""What a training is told reaches its weights, and what its networks are shown is what the method says.

That every role hands the right things to its stage is in test_stage.py; here is what the stages make of them.
"""

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import combinations, permutations, product
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from tutorial_lib import checkpoint, training
from tutorial_lib.data.clips import Clip, Motion, RenderedClips
from tutorial_lib.data.images import write_image
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import inside, warp
from tutorial_lib.losses.perceptual import perceptual_loss
from tutorial_lib.losses.total import total_loss
from tutorial_lib.networks.features import CompactFeatures
from tutorial_lib.papers.ofd import stages as ofd
from tutorial_lib.papers.ofd.stages import STAGES
from tutorial_lib.papers.stages import prepared, run, stage_of
from tutorial_lib.roles import Recipe
from tutorial_lib.settings import Settings, scale
from tutorial_lib.stage import Job
from tutorial_lib.training import balance, stages
from tutorial_lib.workshop import Workshop

# The smallest scale at which every setting counts: the rates fall from step to step, and no lambda is 0.
TINY = scale("smoke").but(
    height=32, width=32, clips=3, clip_length=3, style_size=32, plain_batch=1, plain_steps=2, teacher_steps=4,
    distill_steps=2, decay_every=1, distill_decay_every=1, teacher_width=4, teacher_blocks=1, student_width=4,
    student_blocks=1, pocket_width=4, pocket_blocks=1, lambda_excess=1.0,
)


# --- every setting, in every stage ---

RECIPES = {
    "teacher-plain": Recipe("teacher-plain"),
    "student-plain": Recipe("student-plain", ("teacher-plain",)),
    "pocket-plain": Recipe("pocket-plain", ("teacher-plain",)),
    "teacher-flow": Recipe("teacher-flow", ("teacher-plain",)),
    "distill": Recipe("distill", ("teacher-flow", "teacher-plain", "student-plain"),
                      options={"source": "residual", "rank_from": "input"}),
}
PLAIN = {"teacher-plain", "student-plain", "pocket-plain"}      # Eq. 1 on stills
TUNED = {"teacher-flow", "distill"}                             # on clips, from a trained network
DRAWN = {"student-plain", "pocket-plain"}                       # to the plain teacher
EVERY, FLOW, OURS = PLAIN | TUNED, {"teacher-flow"}, {"distill"}

# Every setting: another value, and the stages that end with other weights by it.
SETTINGS = {
    "name": ("another", set()),
    "height": (40, EVERY), "width": (40, EVERY), "clips": (1, TUNED), "clip_length": (4, TUNED),
    "features": (None, EVERY),                                  # a file, which the fixture `changed` writes
    "teacher_width": (8, {"teacher-plain"}), "teacher_blocks": (2, {"teacher-plain"}),
    "student_width": (8, {"student-plain"}), "student_blocks": (2, {"student-plain"}),
    "pocket_width": (8, {"pocket-plain"}), "pocket_blocks": (2, {"pocket-plain"}),
    "plain_steps": (3, PLAIN), "teacher_steps": (5, FLOW), "distill_steps": (3, OURS), "demo_steps": (1, set()),
    "evaluation_height": (32, set()), "evaluation_width": (32, set()), "evaluation_frames": (2, set()),
    "style_size": (48, EVERY), "plain_batch": (2, PLAIN),
    "learning_rate": (2e-3, PLAIN), "finetune_rate": (2e-3, TUNED), "demo_rate": (2e-3, set()),
    "decay": (2.0, EVERY), "decay_every": (2, PLAIN | FLOW), "distill_decay_every": (2, OURS), "floor": (1e-2, EVERY),
    "content_weight": (2.0, EVERY), "style_weight": (2.0, EVERY), "tv_weight": (3.0, EVERY),
    "lambda_percep": (2.0, OURS), "lambda_res": (2.0, OURS), "lambda_temp": (2.0, OURS), "lambda_rank": (1.0, OURS),
    "lambda_flow": (2.0, FLOW), "lambda_look": (2.0, FLOW), "lambda_agree": (2.0, DRAWN),
    "student_smooth": (True, {"student-plain"}), "pocket_separable": (True, {"pocket-plain"}),
    "averaging": (0.5, OURS), "lambda_excess": (20.0, OURS), "seed": (1, EVERY),
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """changed(setting): the tiny scale with another value of it."""
    network, path = CompactFeatures("vgg16"), tmp_path_factory.mktemp("features") / "other.safetensors"
    checkpoint.save(path, network, {"plan": "vgg16"})
    values = {name: value for name, (value, _) in SETTINGS.items()} | {"features": str(path)}
    return lambda *names: TINY.but(**{name: values[name] for name in names})


@pytest.fixture(scope="module")
def given():
    """What the later stages are trained from, whatever the settings."""
    made = {"teacher-flow": training.new_teacher(TINY.but(seed=5)), "teacher-plain": training.new_teacher(TINY),
            "student-plain": training.new_student(TINY)}
    return {name: network.eval().requires_grad_(False) for name, network in made.items()}


@lru_cache
def clips_of(clips, clip_length, height, width, seed):
    return RenderedClips(TINY.but(clips=clips, clip_length=clip_length, height=height, width=width, seed=seed))


@pytest.fixture(scope="module")
def ends_with(given):
    """ends_with(stage, settings): what tells the weights at the end of a training from others."""
    @lru_cache
    def weights(stage, settings):
        recipe = RECIPES[stage]
        job = Job(recipe, settings, {name: given[name] for name in recipe.needs},
                  lambda s: clips_of(s.clips, s.clip_length, s.height, s.width, s.seed), settings, "mosaic")
        return checkpoint.digest(run(prepared(job), bar=False))

    return weights


def test_every_setting_and_every_stage_is_here():
    assert set(SETTINGS) == {part.name for part in fields(Settings)}
    assert {recipe.stage for recipe in RECIPES.values()} == set(STAGES)


@pytest.mark.parametrize("stage", RECIPES)
def test_a_manifest_names_the_settings_that_count(stage):
    counting = {name for name, (_, where) in SETTINGS.items() if stage in where}
    assert stage_of(RECIPES[stage]).settings_for(RECIPES[stage]) == counting | {"name"}


@pytest.mark.parametrize(("stage", "setting"), [
    (stage, name) for name, (_, where) in SETTINGS.items() for stage in RECIPES if stage in where])
def test_a_setting_that_counts_changes_the_weights(stage, setting, ends_with, changed):
    assert ends_with(stage, changed(setting)) != ends_with(stage, TINY)


@pytest.mark.parametrize("stage", RECIPES)
def test_the_other_settings_change_nothing(stage, ends_with, changed):
    others = [name for name, (_, where) in SETTINGS.items() if stage not in where]
    assert ends_with(stage, changed(*others)) == ends_with(stage, TINY)


# --- what the networks are shown ---


@dataclass
class Call:
    """One call of a network: what it was given, what it painted, and whether a gradient would follow."""

    network: nn.Module
    frame: torch.Tensor
    past: torch.Tensor | None
    mask: torch.Tensor | None
    painted: torch.Tensor
    graded: bool


class Noted(list):
    """A list that the copy of a network shares with it."""

    def __deepcopy__(self, memo):
        return self


class Spy(nn.Module):
    """Paints its frame, darkened to a share that can be trained, and notes every call."""

    def __init__(self, share: float, uses_flow: bool = False):
        super().__init__()
        self.share, self.uses_flow, self.seen = nn.Parameter(torch.tensor(share)), uses_flow, Noted()
        self.configuration = {"kind": "spy", "uses_flow": uses_flow}

    def forward(self, frame, past=None, mask=None):
        painted = frame * self.share
        self.seen.append(Call(self, frame.clone(), past, mask, painted.detach(), painted.requires_grad))
        return painted


class Judge:
    """In the place of Eq. 1: what is painted should be a fifth of the frame. Notes what it is shown."""

    def __init__(self):
        self.seen = []

    def __call__(self, stylized, content):
        self.seen.append((stylized.detach(), content))
        return (stylized - content / 5).square().mean()


def steps_of(*noted: list):
    """(callback, steps): the callback cuts what was noted so far off, into one tuple of lists a step."""
    steps = []

    def callback(progress):
        steps.append((*(list(notes) for notes in noted), progress.terms))
        for notes in noted:
            notes.clear()

    return callback, steps


MOVING = scale("smoke").but(clips=4, clip_length=5, plain_batch=3, lambda_flow=3.0, lambda_look=5.0, lambda_agree=7.0)


@pytest.fixture(scope="module")
def moving():
    """Clips in which everything differs from frame to frame: a flow or mask of another pair is another one."""
    random, k = torch.Generator().manual_seed(3), MOVING.clip_length

    def motion(count):
        flows = torch.randn(count, 2, 48, 64, generator=random) + 3 * torch.randn(count, 2, 1, 1, generator=random)
        patches = (torch.rand(count, 1, 3, 4, generator=random) > 0.3).float()
        return Motion(flows, F.interpolate(patches, scale_factor=16))

    return [Clip(torch.rand(k, 3, 48, 64, generator=random), {-1: motion(k - 1)}, motion(k))
            for _ in range(MOVING.clips)]


def place(frame: torch.Tensor, clips) -> tuple[int, int] | None:
    """Which frame of which clip this is, if any."""
    found = [(i, t) for i, clip in enumerate(clips) for t, known in enumerate(clip.frames) if torch.equal(known, frame)]
    return found[0] if found else None


@pytest.fixture(scope="module")
def flow_teacher(moving):
    """Every step of a training of the teacher with flow: calls, what was judged, camera motions and terms."""
    plain, judge, cameras = Spy(0.5), Judge(), []

    def zoom_and_shift(*arguments):
        cameras.append(stages_zoom_and_shift(*arguments))
        return cameras[-1]

    stages_zoom_and_shift = stages.zoom_and_shift
    callback, steps = steps_of(plain.seen, judge.seen, cameras)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "zoom_and_shift", zoom_and_shift)
        trained, _ = training.train_teacher(plain, moving, judge, MOVING, steps=30, callback=callback, bar=False)
    return SimpleNamespace(steps=steps, plain=plain, trained=trained)


def kinds(flow_teacher, moving) -> dict[str, list]:
    """The steps by what they show."""
    found = {"clip": [], "camera": [], "still": []}
    for step in flow_teacher.steps:
        calls, _, cameras, _ = step
        by_clip = place(calls[0].frame[0], moving)
        found["camera" if cameras else "clip" if by_clip else "still"].append(step)
    return found


def mine(calls, network):
    return [call for call in calls if call.network is network]


def test_the_teacher_with_flow_sees_three_kinds_of_sample(flow_teacher, moving):
    found = kinds(flow_teacher, moving)
    assert len(found["clip"]) > len(found["camera"]) + len(found["still"])
    assert len(found["camera"]) >= 3 and len(found["still"]) >= 3
    for calls, _, _, terms in found["still"]:
        call, = calls
        assert call.network is flow_teacher.trained and call.graded
        assert call.past is call.mask is None and len(call.frame) == 1
        assert set(terms) == {"perceptual", "total"}
    stills = [calls[0].frame for calls, *_ in found["still"] + found["camera"]]
    assert not any(torch.equal(a, b) for a, b in combinations(stills, 2)), "always the same still"


def test_on_a_clip_it_sees_its_own_last_frame_where_that_is_now(flow_teacher, moving):
    """Moved by the flow between these two frames, masked by where that can be trusted, less the edges."""
    drawn, starts = set(), set()
    for calls, *_ in kinds(flow_teacher, moving)["clip"]:
        rolled = mine(calls, flow_teacher.trained)
        places = [place(call.frame[0], moving) for call in rolled]
        clip, first = places[0]
        assert places == [(clip, first + n) for n in range(len(places))], "one clip, frame after frame"
        assert rolled[0].past is rolled[0].mask is None
        for before, call, (_, t) in zip(rolled, rolled[1:], places[1:], strict=False):
            motion = moving[clip].backward
            assert torch.equal(call.past, warp(before.painted, motion.flows[t - 1:t]))
            assert torch.equal(call.mask, erode(motion.masks[t - 1:t]))
            assert not torch.equal(call.mask, motion.masks[t - 1:t])
        drawn.add(clip)
        starts.add(first)
    assert drawn == set(range(MOVING.clips)), "always the same clip"
    assert len(starts) > 1


def test_the_roll_out_grows_from_one_frame_to_four(flow_teacher, moving):
    steps = flow_teacher.steps
    lengths = [(number, len(mine(step[0], flow_teacher.trained)) - 1) for number, step in enumerate(steps)
               if not step[2] and place(step[0][0].frame[0], moving)]
    for number, length in lengths:
        assert length == (1, 2, 4)[3 * number // len(steps)]
    assert {length for _, length in lengths} == {1, 2, 4}


def test_under_a_camera_that_moves_it_sees_what_it_painted_before_the_move(flow_teacher, moving):
    for calls, _, cameras, _ in kinds(flow_teacher, moving)["camera"]:
        flow, = cameras
        before, after = mine(calls, flow_teacher.trained)
        assert before.past is None and len(before.frame) == 1
        assert torch.equal(after.frame, warp(before.frame, flow))
        assert torch.equal(after.mask, erode(inside(flow)))
        # It paints every pixel by itself, so its own last picture, moved, is the new one.
        assert torch.allclose(after.past, after.painted, atol=1e-6)
        assert not torch.allclose(before.painted, after.painted, atol=1e-2)
        assert flow.abs().max() > 0.5
        assert flow[:, 0].abs().max() < 0.1 * flow.shape[3] and flow[:, 1].abs().max() < 0.1 * flow.shape[2]


def test_a_camera_zooms_and_shifts_by_up_to_a_twentieth_of_the_width():
    """Affine about the centre: one zoom along both axes, and two shifts that have nothing to do with each other."""
    random, found = torch.Generator().manual_seed(1), []
    for _ in range(300):
        right, down = stages.zoom_and_shift(21, 41, random)[0]
        zooms = right.diff(dim=1), down.diff(dim=0)
        zoom = zooms[0].mean()
        assert all(torch.allclose(slope, zoom.expand_as(slope), atol=1e-5) for slope in zooms)
        assert right.std(0).max() < 1e-5 and down.std(1).max() < 1e-5
        found.append((zoom.item(), right[10, 20].item() / 41, down[10, 20].item() / 41))
    found = torch.tensor(found)                                                     # (300, 3)
    assert found.amax(0).max() <= 0.05 and found.amin(0).min() >= -0.05
    assert found.amax(0).min() > 0.045 and found.amin(0).max() < -0.045
    assert (torch.corrcoef(found.T) - torch.eye(3)).abs().max() < 0.25


def test_only_the_last_picture_of_a_step_has_a_gradient(flow_teacher, moving):
    """The past is what it is; through it, a teacher would learn to paint for its own next frame."""
    for calls, *_ in flow_teacher.steps:
        trained = mine(calls, flow_teacher.trained)
        assert [call.graded for call in trained] == [False] * (len(trained) - 1) + [True]
        assert not any(call.graded for call in mine(calls, flow_teacher.plain))
        for call in calls:
            assert call.past is None or not (call.past.requires_grad or call.mask.requires_grad)


def test_its_loss_is_of_the_last_picture_and_weighted_by_the_settings(flow_teacher, moving):
    found = kinds(flow_teacher, moving)
    for calls, judged, _, terms in found["clip"] + found["camera"]:
        last, without = mine(calls, flow_teacher.trained)[-1], mine(calls, flow_teacher.plain)
        (stylized, content), = judged
        assert torch.equal(stylized, last.painted) and torch.equal(content, last.frame)
        assert len(without) == 1 and torch.equal(without[0].frame, last.frame) and without[0].past is None
        temporal = (last.mask * (last.painted - last.past)).square().mean().item()
        look = (F.avg_pool2d(last.painted, 8) - F.avg_pool2d(without[0].painted, 8)).square().mean().item()
        assert terms["temporal"] == pytest.approx(temporal, rel=1e-4, abs=1e-9)
        assert terms["look"] == pytest.approx(look, rel=1e-4, abs=1e-9)
        assert terms["total"] == pytest.approx(terms["perceptual"] + 3 * temporal + 5 * look, rel=1e-4)
    for _, judged, _, terms in found["still"]:
        (_, content), = judged
        assert len(content) == 1 and terms["total"] == terms["perceptual"]


@pytest.fixture(scope="module")
def plain_student():
    """Every step of a plain student's training beside a teacher that it is drawn to."""
    student, teacher, judge = Spy(0.5), Spy(0.7).requires_grad_(False), Judge()
    callback, steps = steps_of(student.seen, teacher.seen, judge.seen)
    training.train_plain(student, judge, MOVING, steps=5, agree_with=teacher, callback=callback, bar=False)
    return steps


def test_a_plain_student_is_drawn_to_what_the_teacher_makes_of_the_same_pictures(plain_student):
    for student, teacher, judged, terms in plain_student:
        (own,), (other,), ((stylized, content),) = student, teacher, judged
        assert own.graded and own.past is other.past is None
        assert torch.equal(own.frame, other.frame) and torch.equal(own.frame, content)
        assert torch.equal(own.painted, stylized)
        apart = (own.painted - other.painted).square().mean().item()
        assert terms["agreement"] == pytest.approx(apart, rel=1e-4)
        assert terms["total"] == pytest.approx(terms["perceptual"] + 7 * apart, rel=1e-4)


def test_every_step_shows_another_batch(plain_student):
    batches = [student[0].frame for student, *_ in plain_student]
    assert len(batches) == 5, "as many steps as were asked for, and not the scale's"
    assert all(len(batch) == MOVING.plain_batch for batch in batches)
    assert not any(torch.equal(a, b) for a, b in combinations(torch.cat(batches), 2))


@pytest.mark.parametrize("stage", ["plain", "teacher-flow", "distill"])
def test_another_seed_shows_other_samples(stage, moving):
    """Of the same clips, too: it is more than other weights at the start, or other scenes."""
    def seen(seed):
        network, settings = Spy(0.5), MOVING.but(seed=seed)
        if stage == "plain":
            training.train_plain(network, Judge(), settings, steps=3, bar=False)
            return [call.frame.sum().item() for call in network.seen]
        if stage == "teacher-flow":
            training.train_teacher(network, moving, Judge(), settings, steps=9, bar=False)
        else:
            targets = training.FrozenTargets(moving, Spy(0.6, True), Spy(0.8), Spy(0.5))
            training.distill(network, targets, Judge(), settings.but(lambda_res=0, lambda_rank=0), steps=9, bar=False)
        return [place(call.frame[0], moving) for call in network.seen]

    assert seen(0) == seen(0) != seen(1)


@pytest.mark.parametrize("new", [training.new_student, training.new_teacher, training.new_pocket])
def test_a_new_network_has_the_weights_of_its_seed_and_disturbs_no_other_random_number(new):
    before = torch.random.get_rng_state()
    digests = [checkpoint.digest(new(TINY.but(seed=seed))) for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]
    assert torch.equal(before, torch.random.get_rng_state())


# --- what is distilled ---


class Marked:
    """In the place of `FrozenTargets`: clips whose targets say which clip they are of."""

    name = "marked"

    def __init__(self, clips):
        self.clips = clips

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, i):
        clip = self.clips[i]
        return clip, torch.full_like(clip.frames, i), torch.tensor(100.0 + i)


def test_a_student_is_compared_with_the_target_of_its_own_clip(moving, monkeypatch):
    compared = []

    def compare(student, clip, perceptual, settings, target, norm):
        compared.append((student.detach(), clip, settings, target, norm))
        return {"total": student.mean()}

    monkeypatch.setattr(stages, "total_loss", compare)
    start = Spy(0.5)
    trained, _ = training.distill(start, Marked(moving), Judge(), MOVING, steps=24, bar=False)
    drawn = []
    for (student, clip, settings, target, norm), call in zip(compared, start.seen, strict=True):
        i, first = place(clip.frames[0], moving)
        assert first == 0 and torch.equal(clip.frames, moving[i].frames) and torch.equal(call.frame, clip.frames)
        assert call.network is trained and torch.equal(student, call.painted)
        assert target.unique().item() == i and norm == 100 + i and settings is MOVING
        drawn.append(i)
    assert set(drawn) == set(range(MOVING.clips)), "always the same clip"


@pytest.mark.parametrize(("alone", "options", "shares", "brighter"), [
    # What flow changes is that the teacher gets darker: exchanged, the student would get brighter.
    ("lambda_res", {"source": "residual"}, (0.6, 0.8, 0.5), False),
    ("lambda_res", {"source": "vanilla"}, (0.6, 0.8, 0.5), True),
    # The input's norm is that of the undarkened frames.
    ("lambda_rank", {"rank_from": "input"}, (0.4, 0.8, 0.5), True),
    ("lambda_rank", {"rank_from": "teacher"}, (0.4, 0.8, 0.5), False),
])
def test_what_is_distilled_moves_the_student_where_it_says(alone, options, shares, brighter, moving, monkeypatch):
    flow, plain, start = Spy(shares[0], uses_flow=True), Spy(shares[1]), Spy(shares[2])
    monkeypatch.setattr(ofd, "eq_1", lambda style, settings: Judge())
    others = dict.fromkeys(("lambda_percep", "lambda_res", "lambda_temp", "lambda_rank"), 0.0)
    settings, usual = MOVING.but(**{**others, alone: 1.0}), RECIPES["distill"]
    recipe = replace(usual, options={**usual.options, **options})
    networks = dict(zip(recipe.needs, (flow, plain, start), strict=True))
    job = Job(recipe, settings, networks, lambda _: moving, settings, "mosaic")
    student = run(job, steps=2, bar=False)
    assert start.share == shares[2]
    assert (student.share > shares[2]) == brighter and student.share != shares[2]


def test_the_target_is_that_of_the_networks_and_the_teacher_with_flow_alone_has_a_past(moving):
    flow, plain, start = Spy(0.6, uses_flow=True), Spy(0.8), Spy(0.5)
    _, target, _ = training.FrozenTargets(moving, flow, plain, start)[2]
    assert torch.allclose(target, (0.5 + 0.6 - 0.8) * moving[2].frames, atol=1e-3)
    assert [call.past is None for call in flow.seen] == [True, False, False, False, False]
    for t, (before, call) in enumerate(zip(flow.seen, flow.seen[1:], strict=False)):
        assert torch.equal(call.past, warp(before.painted, moving[2].backward.flows[t:t + 1]))
        assert torch.equal(call.mask, erode(moving[2].backward.masks[t:t + 1]))
    for other in (plain, start):
        call, = other.seen
        assert call.past is None and torch.equal(call.frame, moving[2].frames)


# --- how strong the losses of steadiness are ---


def test_a_film_that_only_moves_does_not_flicker():
    """Each frame is compared with the one before it, along the flow that leads back: nothing is left."""
    texture, masks = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(5)), torch.ones(3, 1, 32, 48)
    masks[..., :3] = masks[..., -3:] = 0
    flows = torch.zeros(3, 2, 32, 48)
    flows[:, 0] = -3
    film = Clip(torch.cat([texture.roll(3 * t, 3) for t in range(4)]), {-1: Motion(flows, masks)})
    still = replace(film, motions={-1: Motion(torch.zeros_like(flows), masks)})
    assert balance.steadiness(Spy(0.5), [film], Judge()) == 2**4
    assert balance.steadiness(Spy(0.5), [still], Judge()) == 2**-4


def test_a_factor_is_remembered_for_a_teacher_clips_a_style_and_a_scale(moving, monkeypatch):
    monkeypatch.setattr(ofd, "eq_1", lambda style, settings: (style, settings))
    monkeypatch.setattr(ofd, "steadiness", lambda *about: about)
    usual = (Spy(0.5), tuple(moving), "candy", TINY)
    others = (Spy(0.5), tuple(moving[:1]), "waves", TINY.but(style_weight=2.0))
    asked = [usual, *((*usual[:n], other, *usual[n + 1:]) for n, other in enumerate(others)), usual]
    for teacher, clips, style, settings in asked:
        assert ofd.known_steadiness(teacher, clips, style, settings) == (teacher, clips, (style, settings))


# --- what is remembered ---


class Keyed(list):
    """Clips with the keys that files about them are named by."""

    def key(self, i):
        return f"clip-{i}"


VARIANTS = [*product((0, 1), repeat=5)]     # the first or the second of each network, source and origin of the rank


@pytest.fixture(scope="module")
def targets_of(moving):
    """targets_of(variant, folder): targets of which any two variants differ in every pixel and norm."""
    networks = [[Spy(a, uses_flow=True), Spy(b, uses_flow=True)] for a, b in ((0.3, 0.4), (0.6, 0.9), (0.5, 0.55))]

    def targets(variant, folder=None):
        chosen = [pair[which] for pair, which in zip(networks, variant, strict=False)]
        source, rank_from = ("residual", "vanilla")[variant[3]], ("input", "teacher")[variant[4]]
        return training.FrozenTargets(Keyed(moving), *chosen, source=source, rank_from=rank_from, folder=folder)

    return targets


def test_no_two_kinds_of_targets_share_a_name(targets_of):
    assert len({targets_of(variant).name for variant in VARIANTS}) == len(VARIANTS) == 32


def test_the_same_networks_in_other_places_are_other_targets(moving):
    networks = [Spy(share, uses_flow=True) for share in (0.3, 0.6, 0.5)]
    names = {training.FrozenTargets(Keyed(moving), *order).name for order in permutations(networks)}
    assert len(names) == 6


def test_in_one_folder_every_kind_finds_its_own_targets_and_only_those(targets_of, tmp_path):
    for variant in VARIANTS:
        kept, fresh = targets_of(variant, tmp_path), targets_of(variant)
        for i in (0, 1):
            found, wanted = kept[i], fresh[i]
            assert kept.computed == i + 1, "read what others had left"
            assert torch.equal(found[1], wanted[1]) and torch.equal(found[2], wanted[2])
        again = targets_of(variant, tmp_path)
        assert torch.equal(again[1][1], wanted[1]) and torch.equal(again[1][2], wanted[2]) and again.computed == 0


@pytest.mark.parametrize("damage", [b"half a file", {"target": (3, 3, 9, 9), "norm": ()}, {"target": None},
                                    {"target": None, "norm": (), "more": (1,)}, {"target": "nan", "norm": ()}])
def test_targets_that_are_damaged_are_computed_again(damage, targets_of, tmp_path):
    whole = targets_of(VARIANTS[0], tmp_path)
    frames, wanted, norm = whole[0]
    stored, = tmp_path.rglob("clip-0.safetensors")
    if isinstance(damage, bytes):
        stored.write_bytes(damage)
    else:
        save_file({name: torch.full(frames.frames.shape if shape in (None, "nan") else shape,
                                    float("nan") if shape == "nan" else 0.5) for name, shape in damage.items()}, stored)
    again = targets_of(VARIANTS[0], tmp_path)
    assert torch.equal(again[0][1], wanted) and torch.equal(again[0][2], norm) and again.computed == 1
    later = targets_of(VARIANTS[0], tmp_path)
    assert torch.equal(later[0][1], wanted) and later.computed == 0


@pytest.mark.parametrize("setting", SETTINGS)
def test_clips_are_shared_by_those_alone_who_would_render_the_same(setting, changed, tmp_path):
    """And their keys say so."""
    workshop = Workshop("mosaic", TINY, tmp_path)
    usual, other = workshop.clips(TINY), workshop.clips(changed(setting))
    wanted = clips_of(*(getattr(changed(setting), name) for name in (
        "clips", "clip_length", "height", "width", "seed")))
    assert len(other) == len(wanted)
    assert torch.equal(other[0].frames, wanted[0].frames)
    same = usual[0].frames.shape == wanted[0].frames.shape and torch.equal(usual[0].frames, wanted[0].frames)
    assert (usual.key(0) == other.key(0)) == same
    if setting == "style_weight":
        assert other is usual, "rendered twice"


@pytest.mark.parametrize("other", ["elsewhere/rare.png", "rare.png"])
def test_another_picture_of_the_same_name_is_never_taken_for_it(other, given, tmp_path, monkeypatch, noise):
    """Its networks would have the same files."""
    monkeypatch.setattr("tutorial_lib.workshop.run", lambda job, **_: training.new_teacher(job.settings))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("rare.png", "elsewhere/rare.png")):
        write_image(tmp_path / name, noise(1 + number, 3, 32, 32)[number:])
    _ = Workshop("rare.png", TINY, tmp_path)["teacher-plain"]
    if other == "rare.png":
        _ = Workshop(other, TINY, tmp_path)["teacher-plain"]
    else:
        with pytest.raises(TutorialError, match="was trained with another"):
            _ = Workshop(other, TINY, tmp_path)["teacher-plain"]


# --- Eq. 13, term by term ---


def moved(image: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """A picture (3, H, W) sampled along a flow (2, H, W) of whole pixels, pixel by pixel; the edge is repeated."""
    _, height, width = image.shape
    result = torch.zeros_like(image)
    for y in range(height):
        for x in range(width):
            right, down = int(flow[0, y, x]), int(flow[1, y, x])
            result[:, y, x] = image[:, min(max(y + down, 0), height - 1), min(max(x + right, 0), width - 1)]
    return result


@pytest.fixture(scope="module")
def eq_13():
    """(clip, student, target, norm, {term: its value by hand}) for a film in which everything moves and flickers."""
    random, k, height, width = torch.Generator().manual_seed(4), 4, 9, 11

    def motion(count):
        flows = torch.randint(-3, 4, (count, 2, height, width), generator=random).float()
        return Motion(flows, (torch.rand(count, 1, height, width, generator=random) > 0.3).float())

    films = torch.rand(5, k, 3, height, width, generator=random)
    shown, student, with_flow, plain, student_plain = films
    clip = Clip(shown, {-1: motion(k - 1)}, motion(k))
    back, middle = clip.backward, clip.from_middle

    residual = sum(((with_flow[t] - plain[t]) - (student[t] - student_plain[t])).square().mean() for t in range(k))
    temporal = sum((back.masks[t - 1] * (student[t] - moved(student[t - 1], back.flows[t - 1]))).square().mean()
                   for t in range(1, k))

    def values(film, masks):
        rows = [(masks[t] * moved(film[t], middle.flows[t])).flatten() for t in range(k)]
        return torch.linalg.svdvals(torch.stack(rows).double())

    every = middle.masks.prod(0, keepdim=True).expand_as(middle.masks)
    norm = values(shown, middle.masks).sum()
    rank = (norm - values(student, middle.masks).sum()) ** 2
    of_input, of_student = (v.sum() / v.max() for v in (values(shown, every), values(student, every)))
    by_hand = {
        "perceptual": sum((student[t] - shown[t] / 5).square().mean() for t in range(k)),
        "residual": residual, "temporal": temporal, "rank": rank, "excess": (of_input - of_student) ** 2,
    }
    return clip, student, student_plain + with_flow - plain, norm.float(), {t: v.item() for t, v in by_hand.items()}


LAMBDA_OF = {"perceptual": "lambda_percep", "residual": "lambda_res", "temporal": "lambda_temp", "rank": "lambda_rank",
             "excess": "lambda_excess"}


def test_every_term_of_eq_13_is_what_it_is_by_hand(eq_13):
    clip, student, target, norm, by_hand = eq_13
    settings = TINY.but(**dict.fromkeys(LAMBDA_OF.values(), 1.0))
    terms = total_loss(student, clip, Judge(), settings, target, norm)
    assert set(terms) == {*by_hand, "total"}
    for name, value in by_hand.items():
        assert terms[name].item() == pytest.approx(value, rel=1e-4), name


@pytest.mark.parametrize("name", LAMBDA_OF)
def test_every_term_of_eq_13_has_its_own_weight(name, eq_13):
    """Each by itself: beside the rank, which is nearly all of the sum, the others could be anything."""
    clip, student, target, norm, by_hand = eq_13
    settings = TINY.but(**{**dict.fromkeys(LAMBDA_OF.values(), 0.0), LAMBDA_OF[name]: 3.0})
    terms = total_loss(student, clip, Judge(), settings, target, norm)
    assert set(terms) == {name, "total"}
    assert terms["total"].item() == pytest.approx(3 * by_hand[name], rel=1e-4)


@pytest.mark.parametrize("name", LAMBDA_OF)
def test_every_term_of_eq_13_pulls_at_the_student_alone(name, eq_13):
    """A step against its gradient lowers it; what it is compared with stays what it is."""
    clip, student, target, norm, _ = eq_13
    settings = TINY.but(**{**dict.fromkeys(LAMBDA_OF.values(), 0.0), LAMBDA_OF[name]: 1.0})

    def loss(film):
        return total_loss(film, clip, Judge(), settings, target, norm)["total"]

    film = student.clone().requires_grad_(True)
    before = loss(film)
    slope, = torch.autograd.grad(before, film)
    assert slope.abs().amax((1, 2, 3)).min() > 0, "a frame that is left alone"
    assert loss(student - 1e-3 * slope / slope.abs().max()) < before


@pytest.mark.parametrize("term", ["content", "style", "tv"])
def test_every_term_of_eq_1_has_its_own_weight(term, noise):
    settings = TINY.but(content_weight=0.0, style_weight=0.0, tv_weight=0.0).but(**{f"{term}_weight": 3.0})
    judge = perceptual_loss(CompactFeatures("vgg16").requires_grad_(False), noise(1, 3, 32, 32), settings)
    painted, frame = noise(2, 3, 32, 32).flip(3), noise(2, 3, 32, 32)
    assert judge(painted, frame).item() == pytest.approx(3 * judge.terms(painted, frame)[term].item(), rel=1e-5)
