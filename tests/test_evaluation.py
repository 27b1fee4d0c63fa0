import dataclasses
import re
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tutorial_lib import checkpoint, evaluation, zoo
from tutorial_lib.data import styles
from tutorial_lib.data.clips import Clip, Motion, filmed
from tutorial_lib.data.images import write_image
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.data.sintel import write_scene
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation import (
    Score,
    agreement,
    as_row,
    e_stab,
    e_stab_forward,
    evaluate,
    instability,
    judge_of,
    report,
    scores,
    sharpness,
    verdict,
)
from tutorial_lib.evaluation.report import format_table
from tutorial_lib.evaluation.scores import Fidelity, device_of, floor, score, steadiness, total
from tutorial_lib.flow.warp import warp
from tutorial_lib.networks.student import Student


def test_agreement_is_the_correlation_over_what_is_seen(noise):
    one, another, masks = noise(3, 3, 6, 8), noise(3, 3, 6, 8), torch.ones(3, 1, 6, 8)
    masks[:, :, 4:] = 0
    assert agreement(one, one, masks) == pytest.approx(1) and agreement(one, 2 - 3 * one, masks) == pytest.approx(-1)
    seen = [np.asarray(video)[:, :, :4].ravel() for video in (one, another)]
    assert agreement(one, another, masks) == pytest.approx(np.corrcoef(seen)[0, 1], abs=1e-5)
    hidden = another.clone()
    hidden[:, :, 4:] = one[:, :, 4:]
    assert agreement(one, hidden, masks) == agreement(one, another, masks)


def e_stab_in_numpy(frames, flows, masks, gap=1):
    """Eq. 14 once more, pixel by pixel."""
    n, _, height, width = frames.shape
    pairs = []
    for t in range(gap, n):
        squared = 0.0
        for y in range(height):
            for x in range(width):
                u = np.clip(x + flows[t - gap, 0, y, x], 0, width - 1)
                v = np.clip(y + flows[t - gap, 1, y, x], 0, height - 1)
                x0, y0 = min(int(u), width - 2), min(int(v), height - 2)
                a, b = u - x0, v - y0
                for c in range(3):
                    previous = frames[t - gap, c]
                    top = previous[y0, x0] * (1 - a) + previous[y0, x0 + 1] * a
                    bottom = previous[y0 + 1, x0] * (1 - a) + previous[y0 + 1, x0 + 1] * a
                    squared += (masks[t - gap, 0, y, x] * (frames[t, c, y, x] - top * (1 - b) - bottom * b)) ** 2
        pairs.append(squared / (3 * height * width))
    return np.sqrt(np.mean(pairs))


def test_e_stab_agrees_with_numpy(noise):
    frames, flows = noise(4, 3, 9, 11), noise(3, 2, 9, 11) * 6 - 3
    masks = (noise(3, 1, 9, 11) > 0.3).float()
    expected = e_stab_in_numpy(*(x.double().numpy() for x in (frames, flows, masks)))
    assert e_stab(frames, flows, masks) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("gap", [2, 3])
def test_e_stab_at_a_gap_agrees_with_numpy(noise, gap):
    frames, flows = noise(5, 3, 7, 9), noise(5 - gap, 2, 7, 9) * 6 - 3
    masks = noise(5 - gap, 1, 7, 9) > 0.3
    expected = e_stab_in_numpy(*(x.double().numpy() for x in (frames, flows, masks)), gap)
    assert e_stab(frames, flows, masks, gap) == pytest.approx(expected, rel=1e-4)
    # The same pairs, told from the other end: flows from the earlier frame of each into the later.
    assert e_stab_forward(frames, flows, masks, gap) == pytest.approx(
        e_stab_in_numpy(*(x.double().numpy() for x in (frames.flip(0), flows.flip(0), masks.flip(0))), gap), rel=1e-4)


def test_a_gap_that_does_not_fit_is_refused(noise):
    for gap in (0, 4):
        with pytest.raises(TutorialError, match=f"4 frames have no two that are {gap} apart"):
            e_stab(noise(4, 3, 8, 8), noise(1, 2, 8, 8), noise(1, 1, 8, 8), gap)
    with pytest.raises(TutorialError, match="4 frames need 2 flows and masks, not 3 and 3"):
        e_stab(noise(4, 3, 8, 8), noise(3, 2, 8, 8), noise(3, 1, 8, 8), 2)


def test_e_stab_is_zero_for_a_still_and_known_for_a_step():
    still = torch.full((3, 3, 8, 8), 0.4)
    flows, masks = torch.zeros(2, 2, 8, 8), torch.ones(2, 1, 8, 8)
    assert e_stab(still, flows, masks) == 0
    still[1] += 0.1                                       # up and down again: .1 in each of the two pairs
    assert e_stab(still, flows, masks) == pytest.approx(0.1, rel=1e-5)


def test_forward_flow_is_the_video_run_backwards(noise):
    frames = noise(1, 3, 16, 20).repeat(3, 1, 1, 1)
    frames[1], frames[2] = frames[0].roll(2, -1), frames[0].roll(4, -1)      # everything moves right by 2
    forward = torch.zeros(2, 2, 16, 20)
    forward[:, 0] = 2
    masks = torch.ones(2, 1, 16, 20)
    masks[..., -2:] = 0
    masks[..., :2] = 0
    assert e_stab_forward(frames, forward, masks) < 1e-5
    assert e_stab_forward(frames, -forward, masks) > 0.1


def test_instability_takes_the_motion_that_is_known(noise):
    """Forward or backward; both are the same pairs, told from either end, where the motion is exact."""
    scene = test_scene("market_6", 54, 128, 4)
    video = noise(4, 3, 54, 128)
    for gap in (1, 2):
        forward, backward = filmed(scene, steps=(gap,)), filmed(scene, steps=(-gap,))
        ahead, back = forward.motions[gap], backward.motions[-gap]
        assert instability(video, forward, gap) == e_stab_forward(video, ahead.flows, ahead.masks, gap)
        assert instability(video, backward, gap) == e_stab(video, back.flows, back.masks, gap)
        own = [instability(clip.frames, clip, gap) for clip in (forward, backward)]
        assert own[0] == pytest.approx(own[1], rel=0.3)
    both = filmed(scene, steps=(-1, 1))
    assert instability(video, both) == instability(video, filmed(scene))        # as where only the forward one is known
    with pytest.raises(TutorialError, match="No motion over 3 frames is known of the clip 'market_6'"):
        instability(video, both, 3)


def test_wrong_numbers_are_refused(noise):
    with pytest.raises(TutorialError, match="two frames"):
        e_stab(noise(1, 3, 8, 8), noise(0, 2, 8, 8), noise(0, 1, 8, 8))
    with pytest.raises(TutorialError, match="3 frames need 2 flows and masks, not 3 and 2"):
        e_stab(noise(3, 3, 8, 8), noise(3, 2, 8, 8), noise(2, 1, 8, 8))


def test_blur_lowers_sharpness(noise):
    picture = noise(1, 3, 20, 20)
    assert sharpness(F.avg_pool2d(picture, 3, 1, 1)) < 0.4 * sharpness(picture)


def test_sharpness_is_how_much_the_luma_differs_from_its_four_neighbours(noise):
    frames = noise(2, 3, 7, 9)
    luma = np.tensordot(frames.numpy(), [0.299, 0.587, 0.114], ([1], [0]))
    around = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    assert sharpness(frames) == pytest.approx(np.abs(around - 4 * luma[:, 1:-1, 1:-1]).mean(), rel=1e-5)
    expected = sharpness(frames)
    with torch.device("meta"):                      # what is made lies where the frames are
        assert sharpness(frames) == expected


@pytest.mark.parametrize("step", [1, -1])
def test_the_motion_comes_to_where_the_video_is(step, noise):
    asked, motion = [], Motion(torch.zeros(1, 2, 8, 8), torch.ones(1, 1, 8, 8))

    class Elsewhere:
        def to(self, device):
            asked.append(device)
            return motion

    instability(noise(2, 3, 8, 8), Clip(noise(2, 3, 8, 8), {step: Elsewhere()}))
    assert asked == [torch.device("cpu")]


def test_a_network_is_where_its_weights_are_and_a_function_on_the_processor():
    assert device_of(nn.Linear(2, 2, device="meta")).type == "meta"
    assert device_of(nn.Identity()) == device_of(torch.relu) == torch.device("cpu")


def test_a_judge_may_be_another_perceptual_network_than_the_scales(smoke, monkeypatch):
    monkeypatch.setattr(scores, "load_features", lambda name: f"network {name}")
    monkeypatch.setattr(scores, "perceptual_loss", lambda *about: about)
    assert judge_of("mosaic", smoke) == (f"network {smoke.features}", "mosaic", smoke)
    assert judge_of("mosaic", smoke, "other.safetensors") == ("network other.safetensors", "mosaic", smoke)


def test_a_floor_is_computed_once_a_clip_and_gap(noise, monkeypatch):
    computed = []
    monkeypatch.setattr(scores, "instability", lambda video, clip, gap: computed.append((video, clip, gap)) or 0.25)
    one, another = Clip(noise(3, 3, 8, 8)), Clip(noise(3, 3, 8, 8))
    assert [floor(one), floor(one, 1), floor(one, 2), floor(another), floor(one)] == [0.25] * 5
    assert computed == [(one.frames, one, 1), (one.frames, one, 2), (another.frames, another, 1)]


def test_steadiness_names_its_gaps(noise):
    motion = {gap: Motion(torch.zeros(4 - gap, 2, 8, 8), torch.ones(4 - gap, 1, 8, 8)) for gap in (1, 2)}
    clip, video = Clip(noise(4, 3, 8, 8), motion), noise(4, 3, 8, 8)
    row = steadiness(video, clip, (1, 2))
    assert list(row) == ["e_stab", "floor", "e_stab_2", "floor_2", "std", "sharpness"]
    assert [row["e_stab"], row["e_stab_2"]] == [instability(video, clip, gap) for gap in (1, 2)]
    assert [row["floor"], row["floor_2"]] == [instability(clip.frames, clip, gap) for gap in (1, 2)]
    assert row["std"] == pytest.approx(video.double().numpy().std(ddof=1), rel=1e-5)
    assert row["sharpness"] == sharpness(video)


def test_an_evaluation_shows_how_far_it_is_where_it_is_asked_to(noise, capsys):
    exact = Motion(torch.zeros(1, 2, 32, 48), torch.ones(1, 1, 32, 48))
    clips = [Clip(noise(2, 3, 32, 48), {1: exact}, None, name) for name in ("one", "two")]
    networks, judge = {"copy": nn.Identity(), "grey": Grey()}, Difference()
    evaluate(networks, clips, judge, bar=False)
    assert capsys.readouterr().err == ""
    found = evaluate(networks, iter(clips), judge)
    assert re.search(r"evaluate: 100%.* 4/4 ", capsys.readouterr().err)
    assert [(row.network, row.scene) for row in found["grey"]] == [("grey", "one"), ("grey", "two"), ("grey", "sum")]
    for row, clip in zip(found["copy"], clips, strict=False):
        assert row == Score("copy", clip.name, **steadiness(clip.frames, clip),
                            style=pytest.approx(clip.frames.mean().item()), content=0)
    assert {row.style for row in found["grey"]} == {0.5}


def test_a_network_is_given_its_frames_and_its_motion_where_it_is(noise, monkeypatch):
    exact, seen = Motion(torch.zeros(1, 2, 8, 8), torch.ones(1, 1, 8, 8)), []
    clip = Clip(noise(2, 3, 8, 8), {1: exact, -1: exact})

    def stylized(network, *given):
        seen.append([None if tensor is None else tensor.device.type for tensor in given])
        return clip.frames

    monkeypatch.setattr(scores, "stylize_clip", stylized)
    for is_exact in (False, True):
        evaluate({"elsewhere": nn.Linear(2, 2, device="meta")}, [clip], Difference(), is_exact, bar=False)
    assert seen == [["meta", None, None], ["meta"] * 3]


class Difference(nn.Module):
    """In the place of a perceptual loss: what differs from the original, and how bright it is."""

    def content_of(self, image):
        return image

    def fidelity(self, stylized, wanted):
        return {"content": (stylized - wanted).square().mean(), "style": stylized.mean()}


class Grey(nn.Module):
    def forward(self, frame):
        return torch.full_like(frame, 0.5)


class Blurred(nn.Module):
    """Another student's output, blurred 9 x 9: much steadier, and no picture any more."""

    def __init__(self, student):
        super().__init__()
        self.student = student

    def forward(self, frame):
        return F.avg_pool2d(F.pad(self.student(frame), [4] * 4, mode="replicate"), 9, 1)


@pytest.fixture(scope="module")
def rows(smoke):
    """Real rows: the zoo's plain student as control, and its two cheats."""
    control = zoo.load("mosaic-student-scratch")
    scenes = evaluation.test_scenes(smoke)[:2]
    networks = {"student-scratch": control, "grey": Grey(), "blurred": Blurred(control)}
    return evaluate(networks, scenes, judge_of("mosaic", smoke), bar=False)


def test_grey_and_blur_do_not_come_out_as_good(rows):
    sums = {name: scores[-1] for name, scores in rows.items()}
    control = sums["student-scratch"]
    assert verdict(control, control) == "control"
    for cheat in ("grey", "blurred"):
        assert sums[cheat].e_stab < 0.8 * control.e_stab          # however steady,
        assert verdict(sums[cheat], control) != "steadier"        # it is not called so
        assert "style" in verdict(sums[cheat], control)
    assert sums["grey"].e_stab < 1e-6
    table = format_table([as_row(score) for scores in rows.values() for score in scores]).splitlines()
    said = {line.split()[0]: line for line in table}
    assert said["student-scratch"].endswith("  control")
    assert "steadier, but style" in said["grey"] and "contrast -100%" in said["grey"]
    assert "steadier, but" in said["blurred"] and "sharpness" in said["blurred"]


def test_a_teacher_is_given_the_exact_motion_only_where_it_is_asked_for():
    """By its own estimate it is scored as it would be in use."""
    seen = []

    class Teacher(nn.Module):
        uses_flow = True

        def forward(self, frame, warped_previous=None, mask=None):
            seen.append(warped_previous)
            return frame

    frames = torch.rand(2, 3, 32, 48)                    # without any motion that could be estimated
    exact = Motion(torch.full((1, 2, 32, 48), 3.0), torch.ones(1, 1, 32, 48))
    clip = Clip(frames, {1: exact, -1: exact}, None, "noise")
    for asked in (False, True):
        seen.clear()
        evaluate({"teacher": Teacher()}, [clip], Difference(), exact=asked, bar=False)
        moved = torch.equal(seen[1], warp(frames[:1], exact.flows))
        assert moved == asked


def test_style_and_content_are_means_over_the_frames_that_are_shown(smoke, noise):
    judge, clip = judge_of("mosaic", smoke), Clip(noise(4, 3, 32, 48))
    video = noise(4, 3, 32, 48).flip(3)
    for every, frames in ((1, (0, 1, 2, 3)), (2, (0, 2))):
        terms = [judge.terms(video[t:t + 1], clip.frames[t:t + 1]) for t in frames]
        row = Fidelity(judge)(video[::every], clip, every)
        for name in ("style", "content"):
            assert row[name] == pytest.approx(sum(t[name].item() for t in terms) / len(frames), rel=1e-5)


def test_judges_that_share_what_they_saw_say_the_same_as_alone(smoke, noise):
    clip, video, seen = Clip(noise(2, 3, 32, 48)), noise(2, 3, 32, 48).flip(3), weakref.WeakKeyDictionary()
    for style in ("mosaic", "waves"):
        judge = judge_of(style, smoke)
        assert Fidelity(judge, seen)(video, clip) == Fidelity(judge)(video, clip)
    assert Fidelity(judge, seen)(video[::2], clip, 2) == Fidelity(judge)(video[::2], clip, 2)
    assert len(seen) == 1


def test_any_judge_will_do():
    clip = filmed(test_scene("bandage_2", 40, 64, 2))
    found = score("copy", clip.frames, clip, lambda shown, clip, every: {"style": len(shown), "content": every})
    assert (found.network, found.scene, found.style, found.content) == ("copy", "bandage_2", 2, 1)
    assert found.e_stab == found.floor == instability(clip.frames, clip)


def test_verdicts():
    control = Score("a", "sum", 0.5, 0.1, 1.0, 0.2, 0.1, 0.05)

    def row(**changes):
        return Score(**{**control.__dict__, "network": "b", **changes})

    assert verdict(row(e_stab=0.3), control) == "steadier"
    assert verdict(row(e_stab=0.3, style=0.104), control) == "steadier"
    assert verdict(row(e_stab=0.3, style=0.12), control) == "steadier, but style +20%"
    assert verdict(row(e_stab=0.3, content=1.2), control) == "steadier, but content +20%"
    assert verdict(row(e_stab=0.3, content=0.6), row(content=0.5)) == "steadier, but content +20%"
    assert verdict(row(e_stab=0.25, std=0.1), control) == "steadier, but contrast -50%, not for its contrast"
    assert verdict(row(e_stab=0.3, std=0.1), control) == "steadier, but contrast -50%, not for its contrast"
    assert verdict(row(e_stab=0.3, sharpness=0.05), control) == "steadier, but sharpness -50%"
    assert verdict(row(e_stab=0.5), control) == "not steadier"
    for amiss in (float("nan"), float("inf")):      # which is neither above nor below anything
        assert verdict(row(e_stab=amiss), control) == "no verdict (e_stab: no number)"
        assert verdict(row(e_stab=0.3, style=amiss, std=amiss), control) == "no verdict (style, std: no number)"
        assert verdict(row(e_stab=0.3), row(sharpness=amiss)) == "no verdict (control's sharpness: no number)"


@pytest.mark.parametrize(("figure", "least", "fault"), [
    ("style", None, "style"), ("content", None, "content"), ("std", 0.9, "contrast"), ("sharpness", 0.7, "sharpness")])
def test_the_limits_of_a_verdict_lie_where_the_table_says(figure, least, fault):
    """5 % more style or content loss, nine tenths of the contrast, seven tenths of the sharpness."""
    control = Score("a", "sum", 0.5, 0.1, 1.0, 0.2, 0.1, 0.05)
    limit = getattr(control, figure) * (least or 1.05)
    for share, within in ((0.99, least is None), (1.01, least is not None)):
        row = dataclasses.replace(control, network="b", e_stab=0.1, **{figure: share * limit})
        said = verdict(row, control)
        assert said == "steadier" if within else said.startswith(f"steadier, but {fault} "), (share, said)


def test_what_is_not_steadier_for_its_contrast_or_at_all_is_said():
    control = Score("a", "sum", 0.5, 0.1, 1.0, 0.2, 0.1, 0.05)
    for unsteady, std, said in ((0.49, 0.19, "steadier, but not for its contrast"), (0.47, 0.19, "steadier"),
                                (0.51, 0.3, "not steadier"), (0.51, 0.1, "not steadier (contrast -50%)")):
        assert verdict(dataclasses.replace(control, network="b", e_stab=unsteady, std=std), control) == said


def test_the_last_row_sums_e_stab_and_averages_the_rest(rows):
    scores = rows["student-scratch"]
    assert scores[-1].scene == "sum"
    assert scores[-1].e_stab == pytest.approx(sum(s.e_stab for s in scores[:-1]))
    for figure in ("style", "content", "std", "sharpness"):
        mean = sum(getattr(s, figure) for s in scores[:-1]) / 2
        assert getattr(scores[-1], figure) == pytest.approx(mean), figure
    assert scores[-1].floor == pytest.approx(sum(s.floor for s in scores[:-1]))
    assert 0 < scores[-1].floor < scores[-1].e_stab


def test_rendered_and_written_scenes_score_alike(smoke, tmp_path):
    """Through memory, and through files in Sintel's layout: the same table but for the 8 bits of a PNG."""
    size = smoke.evaluation_height, smoke.evaluation_width, smoke.evaluation_frames
    scene = test_scene("bandage_2", *size)
    write_scene(tmp_path, scene)
    in_memory = filmed(scene, "final")
    on_disk = evaluation.test_scenes(smoke, "final", tmp_path)
    assert [s.name for s in on_disk] == ["bandage_2"]
    student, judge = {"s": zoo.load("mosaic-student-scratch")}, judge_of("mosaic", smoke)
    a, b = (evaluate(student, [s], judge, bar=False)["s"][0] for s in (in_memory, on_disk[0]))
    assert a.e_stab == pytest.approx(b.e_stab, rel=0.03)
    assert a.style == pytest.approx(b.style, rel=0.03)


def table_row(name, style, e_stab, scene="sum"):
    return {**as_row(Score(name, scene, e_stab, 0.1, 1.0, 0.2, 0.1, 0.05)), "style_name": style}


def test_every_network_is_judged_against_the_control_of_its_own_style():
    """Candy's ours is steadier than mosaic's control, too; that says nothing."""
    found = [table_row("mosaic-student-scratch", "mosaic", 0.5), table_row("mosaic-student-ours", "mosaic", 0.4),
             table_row("candy-student-scratch", "candy", 0.3), table_row("candy-student-ours", "candy", 0.35),
             table_row("waves-student-ours", "waves", 0.2)]
    said = {line.split()[0]: line.split("  ")[-1] for line in format_table(found).splitlines()[2:]}
    assert said["mosaic-student-scratch"] == said["candy-student-scratch"] == "control"
    assert said["mosaic-student-ours"] == "steadier"
    assert said["candy-student-ours"] == "not steadier"
    assert said["waves-student-ours"] not in ("steadier", "not steadier")         # its control is not there


def test_a_table_is_the_figures_of_every_scene_and_what_stands_beside_them():
    def rows(name, *e_stab):
        scenes = [Score(name, *about, 0.25, 1.5, 0.2, 0.125, floor) for *about, floor in zip(
            ("alley_2", "market_6"), e_stab, (0.05, 0.0625), strict=True)]
        return [{**as_row(row), "style_name": "mosaic"} for row in (*scenes, total(scenes))]

    ours, control = rows("ours", 0.4, 0.6), rows("mosaic-student-scratch", 0.5, 0.7)
    assert [row["relative_e_stab"] for row in ours] == pytest.approx([2.0, 3.0, 5.0])
    assert format_table([*control, *ours]).splitlines() == [
        "e_stab                   alley_2  market_6       sum    style content   e/std   sharp  verdict",
        "input (floor)             0.0500    0.0625    0.1125",
        "mosaic-student-scratch    0.5000    0.7000    1.2000   0.2500  1.5000   6.000  0.1250  control",
        "ours                      0.4000    0.6000    1.0000   0.2500  1.5000   5.000  0.1250  steadier"]
    assert format_table(ours).splitlines() == [
        "e_stab          alley_2  market_6       sum    style content   e/std   sharp",
        "input (floor)    0.0500    0.0625    0.1125",
        "ours             0.4000    0.6000    1.0000   0.2500  1.5000   5.000  0.1250"]


def test_without_a_control_there_is_no_verdict():
    table = format_table([table_row("mosaic-student-ours", "mosaic", 0.4)])
    assert "verdict" not in table and "steadier" not in table


def test_a_network_that_says_no_style_is_not_scored(smoke, tmp_path):
    network, path = Student(4, 1), tmp_path / "mine.safetensors"
    checkpoint.save(path, network, {"network": network.configuration})
    with pytest.raises(TutorialError, match="does not say which style it was trained for"):
        report.evaluate_networks([str(path)], None, smoke)


def test_a_network_is_not_judged_by_another_picture_of_the_same_name(smoke, tmp_path, monkeypatch, noise):
    network, path, picture = Student(4, 1), tmp_path / "mine.safetensors", tmp_path / "style.png"
    write_image(picture, noise(1, 3, 40, 40))
    checkpoint.save(path, network, {"network": network.configuration, **styles.record(picture)})
    monkeypatch.setattr(report, "test_scenes", lambda *about: [])
    monkeypatch.setattr(report, "evaluate", lambda networks, *_: {name: [] for name in networks})
    assert report.evaluate_networks([str(path)], None, smoke) == []
    write_image(picture, 1 - noise(1, 3, 40, 40))
    with pytest.raises(TutorialError, match=r"another picture than the one that .*style\.png stands for here"):
        report.evaluate_networks([str(path)], None, smoke)
    painted = styles.record(picture) | {"style": "candy"}       # a picture of one's own, named as a painted style
    checkpoint.save(path, network, {"network": network.configuration, **painted})
    with pytest.raises(TutorialError, match="another picture than the one that candy stands for"):
        report.evaluate_networks([str(path)], None, smoke)


def test_every_network_is_scored_in_its_own_style_on_the_scenes_that_were_asked_for(smoke, monkeypatch, tmp_path):
    asked = []

    class Judge(nn.Module):
        def __init__(self, *about):
            super().__init__()
            self.about, self.weight = about, nn.Parameter(torch.zeros(1))

    monkeypatch.setattr(report, "device", lambda: torch.device("meta"))
    monkeypatch.setattr(report, "test_scenes", lambda *about: asked.append(about) or ["a scene"])
    monkeypatch.setattr(report, "judge_of", Judge)
    monkeypatch.setattr(zoo, "load", lambda name: Student(4, 1).requires_grad_(False))

    def evaluated(networks, scenes, judge):
        name, = networks
        assert device_of(networks[name]) == device_of(judge) == torch.device("meta")
        asked.append((name, *judge.about, *scenes))
        return {name: [Score(name, "sum", *[0.1] * 6)]}

    monkeypatch.setattr(report, "evaluate", evaluated)
    rows = report.evaluate_networks(["waves-student-ours", "candy-teacher-plain"], tmp_path, smoke, "clean")
    assert asked == [(smoke, "clean", tmp_path), ("waves-student-ours", "waves", smoke, "a scene"),
                     ("candy-teacher-plain", "candy", smoke, "a scene")]
    assert [(row["network"], row["style_name"], row["pass"]) for row in rows] == [
        ("waves-student-ours", "waves", "clean"), ("candy-teacher-plain", "candy", "clean")]


def test_the_table_names_everything(smoke):
    names = ["mosaic-student-scratch", "mosaic-student-ours"]
    found = report.evaluate_networks(names, None, smoke.but(evaluation_frames=2))
    assert len(found) == 2 * 6
    table = format_table(found)
    for word in [*names, "alley_2", "temple_2", "sum", "input (floor)", "style"]:
        assert word in table
    with pytest.raises(TutorialError, match="Unknown network 'nobody'"):
        report.evaluate_networks(["nobody"], None, smoke)
