import base64
import copy
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from tutorial_lib import checkpoint, evaluation, mixtures, schema, zoo
from tutorial_lib.data.clips import RenderedClips, filmed
from tutorial_lib.data.scenes import test_scene as scene_of
from tutorial_lib.errors import TutorialError
from tutorial_lib.lambdas import RECORD as RECORD_FORM
from tutorial_lib.lambdas import (
    SCORES,
    STUDENTS,
    WEIGHTS,
    Between,
    Lambdas,
    family_settings,
    for_size,
    scores_of,
    slopes_at,
)
from tutorial_lib.mixtures import Axis, task_vector
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.papers.ofd.roles import AXES
from tutorial_lib.settings import scale
from tutorial_lib.show.lab import LambdaMixer
from tutorial_lib.training.targets import FrozenTargets


def scores(e_stab, style, content=1.0):
    return {"e_stab": e_stab, "style": style, "content": content}


RECORD = {
    "style": "mosaic", "origin": scores(0.4, 0.2), "zoo": {"student-ours": scores(0.3, 0.2)},
    "axes": {"temp": {"0.1": scores(0.2, 0.2), "1": scores(0.1, 0.4)},
             "style": {"0.5": scores(0.4, 0.4), "2": scores(0.4, 0.1)}},
    "slopes": {"style_weight": 1.0, "content_weight": 2.0, "lambda_temp": 3.0},
    "weights": {"style_weight": 2.0, "content_weight": 1.0, "lambda_temp": 2.0},
}


def test_what_eq_1_has_no_weight_for_does_not_pull(lambdas):
    record = {**RECORD, "weights": {"style_weight": 2.0, "lambda_temp": 2.0}}
    bare = Lambdas(record, lambdas.axes, lambdas.start, lambdas.settings)
    assert (lambdas.eq1({}), bare.eq1({}), bare.eq1({"style": 3.0})) == (4.0, 2.0, 6.0)


@pytest.fixture(scope="module")
def lambdas():
    start, *ends = (Pocket(8, 1) for _ in range(5))
    vectors = [task_vector(end, start) for end in ends]
    axes = {"temp": Axis({0.1: vectors[0], 1.0: vectors[1]}), "style": Axis({0.5: vectors[2], 2.0: vectors[3]}, 1.0)}
    made = Lambdas(RECORD, axes, start, {"temp": "lambda_temp", "style": "style_weight"})
    made.ends = dict(zip([("temp", 0.1), ("temp", 1.0), ("style", 0.5), ("style", 2.0)], ends, strict=True))
    return made


@pytest.fixture(scope="module")
def lab(lambdas):
    film = filmed(scene_of("alley_2", 32, 48, 3))
    judge = evaluation.judge_of("mosaic", scale("smoke"))
    made = LambdaMixer(lambdas, film, judge, {"off": {}, "steady": {"temp": 1.0}})
    made.sent = []
    made.send = lambda content, buffers=None: made.sent.append((content, buffers))
    return made


def test_where_a_student_was_trained_the_mixture_is_that_student(lambdas):
    for (key, strength), end in lambdas.ends.items():
        mixed = lambdas.network({key: strength}).state_dict()
        assert all(torch.allclose(mixed[name], value, atol=1e-6) for name, value in end.state_dict().items())
    origin = lambdas.network(lambdas.origin).state_dict()
    assert all(torch.equal(origin[name], value) for name, value in lambdas.start.state_dict().items())


def test_what_is_expected_there_is_what_was_measured_there(lambdas):
    assert lambdas.estimated({}) == lambdas.estimated(lambdas.origin) == RECORD["origin"]
    for key, strengths in RECORD["axes"].items():
        for strength, measured in strengths.items():
            assert lambdas.estimated({key: float(strength)}) == pytest.approx(measured)


def test_across_axes_as_much_of_each_factor_counts_as_of_its_task_vector(lambdas):
    halfway = lambdas.estimated({"temp": 0.1**0.5})                     # halfway between 0.1 and 1 in log
    assert halfway["e_stab"] == pytest.approx((0.2 * 0.1) ** 0.5)
    both = lambdas.estimated({"temp": 1.0, "style": 2.0})
    vectors = lambdas.axes["temp"].vector(2 / 3), lambdas.axes["style"].trained[2.0]
    share = mixtures.share_of(vectors)
    assert 0.74 < share < 0.75
    temp = lambdas.estimated({"temp": 2 / 3})
    assert both["e_stab"] == pytest.approx(0.4 * (temp["e_stab"] / 0.4) ** share)
    assert both["style"] == pytest.approx(0.2 * (temp["style"] / 0.2) ** share * (0.1 / 0.2) ** share)
    mixed = mixtures.moved(lambdas.start, *((share, vector) for vector in vectors)).state_dict()
    found = lambdas.network({"temp": 1.0, "style": 2.0}).state_dict()
    assert all(torch.allclose(found[name], value, atol=1e-6) for name, value in mixed.items())


def test_a_lambda_is_looked_up_where_it_weighs_as_much_beside_eq_1(lambdas):
    """Eq. 1 pulls 2 x 1 + 1 x 2 = 4 at the origin, and 6 with twice the style weight: 1 is then what 2/3 was."""
    assert lambdas.effective({"temp": 1.0, "style": 2.0}) == pytest.approx({"temp": 2 / 3, "style": 2.0})
    assert lambdas.effective({"temp": 0.6, "style": 0.5}) == pytest.approx({"temp": 0.8, "style": 0.5})
    assert lambdas.effective({"temp": 0.9, "style": 0.5})["temp"] == 1.0              # no further than was trained
    assert lambdas.effective({"temp": 0.7}) == {"temp": 0.7}
    with pytest.raises(TutorialError, match=r"1\.2 was not"):
        lambdas.effective({"temp": 1.2, "style": 2.0})
    with pytest.raises(TutorialError, match="no axis rank"):
        lambdas.effective({"rank": 1.0})


def test_the_pull_is_slope_times_weight_times_strength_and_sums_to_one(lambdas):
    off = lambdas.pull({})
    assert off == {"style_weight": 0.5, "content_weight": 0.5, "lambda_temp": 0.0}
    on = lambdas.pull({"temp": 1.0, "style": 2.0})                      # 4, 2 and 6
    assert on == pytest.approx({"style_weight": 4 / 12, "content_weight": 2 / 12, "lambda_temp": 6 / 12})


def test_beyond_what_was_trained_is_refused(lambdas):
    with pytest.raises(TutorialError, match=r"1\.2 was not"):
        lambdas.network({"temp": 1.2})
    with pytest.raises(TutorialError, match="There are no students of pointillism to mix"):
        Lambdas.shipped("pointillism")


def test_what_ships_is_read_from_the_zoo(monkeypatch, tmp_path):
    rows = {key: {f"{end:g}": scores(0.3, 0.2) for end in axis.strengths} for key, axis in AXES.items()}
    start = Pocket(8, 1)
    made_from = {"lab-start": checkpoint.digest(start)}
    (tmp_path / "mosaic-lab.json").write_text(json.dumps({**RECORD, "axes": rows, "made_from": made_from}))
    (tmp_path / "mosaic-lab-start.safetensors").write_bytes(b"")
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    asked = []

    def load(name):
        asked.append(name)
        return start if name == "mosaic-lab-start" else Pocket(8, 1)

    found = Lambdas.shipped("mosaic", load)
    assert asked[0] == "mosaic-lab-start" and len(asked) == 17
    assert {key: axis.strengths for key, axis in found.axes.items()} == {
        key: sorted({*axis.strengths, axis.origin}) for key, axis in AXES.items()}
    assert found.settings["rank"] == "lambda_rank" and found.is_scored and "was not measured" in found.words
    with pytest.raises(TutorialError, match="measured with another lab-start"):
        Lambdas.shipped("mosaic", lambda name: Pocket(8, 1))
    (tmp_path / "mosaic-lab.json").write_text(json.dumps({**RECORD, "axes": 3}))
    with pytest.raises(TutorialError, match="axes"):
        Lambdas.shipped("mosaic", load)


def test_the_presets_of_a_lab_stay_within_what_was_trained(lambdas):
    weights = {"style_weight": 1.0, "lambda_res": 100.0, "lambda_temp": 40.0, "lambda_rank": 1e-4}
    axes = {key: Axis({end: {} for end in axis.strengths}, axis.origin) for key, axis in AXES.items()}
    lab = Lambdas({"weights": weights}, axes, lambdas.start, {key: axis.setting for key, axis in AXES.items()})
    assert lab.presets["the paper's"] == pytest.approx({"res": 1.25, "temp": 1 / 40, "rank": 1.0})   # 4e2 is beyond
    for strengths in lab.presets.values():
        assert all(axes[key].between(strength) is not None for key, strength in strengths.items())
    assert lab.at({"temp": 0.5}) == {"style_weight": 1.0, "lambda_res": 0.0, "lambda_temp": 20.0, "lambda_rank": 0.0}


def test_words_and_sliders_follow_what_the_honesty_test_found(lambdas):
    row = {"strengths": {"temp": 0.5}, "trained": scores(1, 1), "mixed": scores(1, 1), "expected": scores(1, 1),
           "added": scores(1, 1)}
    honesty = {"rows": [row] * 10, "mean": 0.012, "worst": 0.08, "pairs": 43, "of": 45, "moves": {}, "holds": True,
               "fails": ["style"]}

    def lab(**found):
        return Lambdas({**RECORD, "honesty": {**honesty, **found}}, lambdas.axes, lambdas.start, lambdas.settings)

    assert not lambdas.alone and lambdas.fails == []
    assert lab().words.startswith("In 10 points") and "within 8% of the trained one, 1.2% on average" in lab().words
    assert lab().fails == ["style"] and not lab().alone
    assert lab(holds=False).alone and lab(holds=False).fails == ["temp", "style"]
    shown = LambdaMixer(lab(holds=False), filmed(scene_of("alley_2", 32, 48, 2)), None, presets={
        "off": {}, "one": {"temp": 1.0}, "two": {"temp": 1.0, "style": 2.0}})
    assert list(shown.data["presets"]) == ["off", "one"] and shown.data["alone"]      # two sliders are a mixture
    assert shown.data["fails"] == ["temp", "style"]


# --- where no lab was trained ---


@pytest.fixture(scope="module")
def between():
    return Between.of("mosaic")


def test_without_a_record_a_lab_is_between_students(monkeypatch):
    monkeypatch.setattr("tutorial_lib.lambdas.record_of", lambda style: None)
    assert isinstance(Lambdas.shipped("mosaic"), Between)


def test_its_axes_lead_to_the_students_of_the_zoo(between):
    assert not between.is_scored and between.family["ours"] == "pocket-ours"
    for key in ("ours", "temp"):
        wanted, end = zoo.load(f"mosaic-pocket-{key}").state_dict(), between.network({key: 1.0}).state_dict()
        assert all(torch.allclose(end[name], value, atol=1e-6) for name, value in wanted.items())
        settings = zoo.manifest(f"mosaic-pocket-{key}")["settings"]
        assert between.at({key: 1.0}) == {name: settings[name] for name in WEIGHTS}
    full = zoo.manifest("mosaic-pocket-temp")["settings"]["lambda_temp"]
    assert between.at({})["lambda_temp"] == 0 and between.at({"temp": 0.5})["lambda_temp"] == full / 2 > 0
    start, end = between.described["temp"]["moves"]["lambda_temp"]
    assert (start, end) == (0.0, full) and set(between.described["temp"]["moves"]) >= {"lambda_temp", "style_weight"}
    assert all(start != end for axis in between.described.values() for start, end in axis["moves"].values())
    with pytest.raises(TutorialError, match=r"1\.5 was not"):
        between.network({"ours": 1.5})


def test_a_style_without_pockets_mixes_the_papers_students(monkeypatch):
    monkeypatch.setattr(zoo, "names", lambda: [f"waves-{role}" for role in STUDENTS.values()])
    lab = Between.of("waves")
    assert lab.family["plain"] == "student-plain" and lab.settings["ours"] == "share of student-ours"
    assert family_settings(lab, scale("laptop")) == scale("laptop")
    monkeypatch.undo()
    assert family_settings(Between.of("mosaic"), scale("laptop")).style_size == 1536


def test_scores_are_those_of_the_networks_on_these_films(between):
    film, judge = filmed(scene_of("alley_2", 32, 48, 3)), evaluation.judge_of("mosaic", scale("smoke"))
    slopes = dict.fromkeys(WEIGHTS, 1.0)
    ours_temp = zoo.load("mosaic-pocket-ours-temp")
    lab = between.scored([film], judge, slopes, {"pocket-ours-temp": ours_temp})
    schema.check(lab.record, RECORD_FORM, "lab")
    assert not between.is_scored                                        # it is left as it was
    for strengths, role in (({}, "scratch"), ({"ours": 1.0}, "ours"), ({"temp": 1.0}, "temp")):
        wanted = scores_of(zoo.load(f"mosaic-pocket-{role}"), [film], judge)
        assert lab.estimated(strengths) == pytest.approx(wanted, rel=1e-3)
        assert lab.record["zoo"][f"pocket-{role}"] == pytest.approx(wanted, rel=1e-3)
    assert lab.record["zoo"]["pocket-ours-temp"] == scores_of(ours_temp, [film], judge)
    # With both at their ends it is what was measured there, and halfway a quarter of the way to it.
    both = {"ours": 1.0, "temp": 1.0}
    assert lab.estimated(both) == pytest.approx(scores_of(between.network(both), [film], judge))
    share = mixtures.share_of([axis.trained[1.0] for axis in between.axes.values()])
    origin, ours, temp = (lab.estimated(strengths)["e_stab"] for strengths in ({}, {"ours": 1.0}, {"temp": 1.0}))
    along = (ours * temp / origin**2) ** share
    off = lab.record["corner"]["e_stab"] / (origin * along)
    halves = lab.estimated({"ours": 0.5, "temp": 0.5})["e_stab"]
    assert abs(off - 1) > 0.02 and halves == pytest.approx(origin * along**0.5 * off**0.25)
    with pytest.raises(TutorialError, match="no scores yet"):
        LambdaMixer(between, film, judge)


@pytest.fixture(scope="module")
def tiny():
    """A plain student, its targets and their settings."""
    settings = scale("smoke").but(height=32, width=48, clips=2, clip_length=3)
    torch.manual_seed(4)
    plain, teacher, other = Pocket(8, 1), Teacher(8, 1), Teacher(8, 1, uses_flow=False)
    frozen = (one.eval().requires_grad_(False) for one in (teacher, other, plain))
    return plain, FrozenTargets(RenderedClips(settings), *frozen), settings


def test_a_slope_is_the_norm_of_the_gradient_of_an_unweighted_term(tiny):
    plain, targets, settings = tiny
    judge = evaluation.judge_of("mosaic", settings)
    found = slopes_at(plain, targets, judge, settings, clips=1)
    student, (clip, target, _norm) = copy.deepcopy(plain).requires_grad_(True), targets[0]
    y = student(clip.frames)

    def slope(term):
        return torch.cat([part.flatten() for part in torch.autograd.grad(term, student.parameters())]).norm().item()

    assert found["lambda_res"] == pytest.approx(slope(3 * (y - target).square().mean()), rel=1e-4)
    y = student(clip.frames)
    style = 3 * judge.terms(y, clip.frames)["style"]
    assert found["style_weight"] == pytest.approx(slope(style), rel=1e-3)
    # Frames with four times the pixels have a lambda_rank of a quarter, and a slope of four times.
    larger = slopes_at(plain, targets, judge, settings, (64, 96), clips=1)
    assert larger == pytest.approx({**found, "lambda_rank": 4 * found["lambda_rank"]})
    assert for_size(1.0, (64, 96), (32, 48)) == 4.0


# --- the widget, as its page talks to it ---


def asked(lab, **message):
    lab.sent.clear()
    lab._asked(lab, message)
    (content, buffers), = lab.sent
    return content, buffers


def test_every_slider_over_its_whole_range_changes_the_picture_and_the_numbers(lab):
    for key, axis in lab.data["axes"].items():
        seen, told = [], []
        for strength in (axis["trained"][0], sum(axis["trained"]) / 2, axis["trained"][-1]):
            content, (picture,) = asked(lab, kind="paint", number=1, strengths={key: strength}, frame=0)
            assert content["kind"] == "painted" and picture.startswith(b"\xff\xd8")
            seen.append(picture)
            told.append((tuple(content["estimate"].values()), tuple(content["pull"].values())))
        assert len(set(seen)) == len(set(told)) == 3, key


def test_every_frame_and_every_preset_is_another_picture(lab):
    pictures = {asked(lab, kind="paint", number=1, strengths=strengths, frame=frame)[1][0]
                for strengths in lab.data["presets"].values() for frame in range(3)}
    assert len(pictures) == 6


def test_an_answer_names_its_question(lab):
    content, _ = asked(lab, kind="paint", number=17, strengths={}, frame=2)
    assert (content["number"], content["frame"]) == (17, 2)


def test_a_measurement_is_that_of_the_mixture_on_the_film(lab, lambdas):
    content, _ = asked(lab, kind="measure", strengths={"temp": 1.0})
    with torch.inference_mode():
        painted = lambdas.ends["temp", 1.0](lab.film.frames)
    row = evaluation.score("x", painted, lab.film, lab.judge)
    assert content["words"] == f"e_stab {row.e_stab:.4f}, style {row.style:.3f}, content {row.content:.3f}"
    # On the map it stands where its change against the start belongs.
    with torch.inference_mode():
        usual = evaluation.score("x", lambdas.start(lab.film.frames), lab.film, lab.judge)
    assert content["point"] == pytest.approx({
        name: RECORD["origin"][name] * getattr(row, name) / getattr(usual, name) for name in SCORES})


def test_what_cannot_be_painted_is_said_in_the_widget(lab):
    content, _ = asked(lab, kind="paint", number=1, strengths={"temp": 9.0}, frame=0)
    assert content == {"kind": "problem", "sentence": "Strengths from 0 to 1 were trained; 9 was not."}
    content, _ = asked(lab, kind="paint", number=1, strengths={}, frame=99)
    assert content["kind"] == "problem" and ":" in content["sentence"]


def test_the_page_gets_the_axes_the_presets_and_the_networks_beside_them(lab):
    data = lab.data
    assert data["axes"]["temp"] == {"setting": "lambda_temp", "unit": 2.0, "origin": 0.0, "trained": [0.1, 1.0]}
    assert data["axes"]["style"]["trained"] == [0.5, 2.0]
    assert data["size"] == [48, 32] and data["frames"] == 3
    assert data["known"]["student-ours"] == {**scores(0.3, 0.2), "colour": "#009E73"}


def test_a_page_without_widgets_has_a_frame_of_every_preset_and_words_for_it(lab):
    picture = lab.still().data
    tag = re.search(r'<img alt="([^"]+)"[^>]*src="data:image/jpeg;base64,([^"]+)"', picture)
    assert all(label in tag[1] for label in lab.data["presets"]) and "e_stab 0.400" in tag[1]
    assert f'data-still="{lab.data["still"]}"' in picture
    drawn = np.array(Image.open(io.BytesIO(base64.b64decode(tag[2]))).convert("L"))
    assert drawn.shape[1] > 400 and len(np.unique(drawn)) > 100


def test_the_picture_is_displayed_before_the_widget(lab, monkeypatch):
    shown = []
    monkeypatch.setattr("tutorial_lib.show.lab.display", lambda *things, **options: shown.append(things[0]))
    lab._ipython_display_()
    still, widget = shown
    assert lab.data["still"] in still.data
    assert widget["application/vnd.jupyter.widget-view+json"]["model_id"] == lab.model_id
