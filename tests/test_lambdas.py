import json

import pytest
import torch

from tutorial_lib import evaluation, zoo
from tutorial_lib.data.clips import filmed
from tutorial_lib.data.scenes import test_scene as scene_of
from tutorial_lib.errors import TutorialError
from tutorial_lib.lambdas import Lambdas
from tutorial_lib.mixtures import Axis, task_vector
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.papers.ofd.roles import AXES
from tutorial_lib.settings import scale
from tutorial_lib.show.lab import LambdaMixer


def scores(e_stab, style, content=1.0):
    return {"e_stab": e_stab, "style": style, "content": content}


RECORD = {
    "style": "mosaic", "origin": scores(0.4, 0.2), "zoo": {"student-ours": scores(0.3, 0.2)},
    "axes": {"temp": {"0.1": scores(0.2, 0.2), "1": scores(0.1, 0.4)},
             "style": {"0.5": scores(0.4, 0.4), "2": scores(0.4, 0.1)}},
    "slopes": {"style_weight": 1.0, "content_weight": 2.0, "lambda_temp": 3.0},
    "weights": {"style_weight": 2.0, "content_weight": 1.0, "lambda_temp": 2.0},
}


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
    made = LambdaMixer(lambdas, film, judge, {"temp": 40.0, "style": 2.2}, {"off": {}, "steady": {"temp": 1.0}})
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


def test_between_and_across_axes_factors_are_multiplied(lambdas):
    halfway = lambdas.estimated({"temp": 0.1**0.5})                     # halfway between 0.1 and 1 in log
    assert halfway["e_stab"] == pytest.approx((0.2 * 0.1) ** 0.5)
    both = lambdas.estimated({"temp": 1.0, "style": 2.0})
    assert both["e_stab"] == pytest.approx(0.1) and both["style"] == pytest.approx(0.2 * (0.4 / 0.2) * (0.1 / 0.2))


def test_the_pull_is_slope_times_weight_times_strength_and_sums_to_one(lambdas):
    off = lambdas.pull({})
    assert off == {"style_weight": 0.5, "content_weight": 0.5, "lambda_temp": 0.0}
    on = lambdas.pull({"temp": 1.0, "style": 2.0})                      # 4, 2 and 6
    assert on == pytest.approx({"style_weight": 4 / 12, "content_weight": 2 / 12, "lambda_temp": 6 / 12})


def test_beyond_what_was_trained_is_refused(lambdas):
    with pytest.raises(TutorialError, match=r"1\.2 was not"):
        lambdas.network({"temp": 1.2})
    with pytest.raises(TutorialError, match="There is no lambda lab for waves"):
        Lambdas.shipped("waves")


def test_what_ships_is_read_from_the_zoo(lambdas, monkeypatch, tmp_path):
    rows = {key: {f"{end:g}": scores(0.3, 0.2) for end in axis.strengths} for key, axis in AXES.items()}
    (tmp_path / "mosaic-lab.json").write_text(json.dumps({**RECORD, "axes": rows}))
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    asked = []

    def load(name):
        asked.append(name)
        return Pocket(8, 1)

    found = Lambdas.shipped("mosaic", load)
    assert asked[0] == "mosaic-pocket-scratch" and len(asked) == 17
    assert {key: axis.strengths for key, axis in found.axes.items()} == {
        key: sorted({*axis.strengths, axis.origin}) for key, axis in AXES.items()}
    assert found.settings["rank"] == "lambda_rank"
    (tmp_path / "mosaic-lab.json").write_text(json.dumps({**RECORD, "axes": 3}))
    with pytest.raises(TutorialError, match="axes"):
        Lambdas.shipped("mosaic", load)


# --- the widget, as its page talks to it ---


def asked(lab, **message):
    lab.sent.clear()
    lab._asked(lab, message)
    (content, buffers), = lab.sent
    return content, buffers


def test_every_slider_over_its_whole_range_changes_the_picture_and_the_numbers(lab):
    for key, axis in lab.data["axes"].items():
        seen, told = [], []
        for strength in (axis["strengths"][0], sum(axis["strengths"]) / 2, axis["strengths"][-1]):
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


def test_what_cannot_be_painted_is_said_in_the_widget(lab):
    content, _ = asked(lab, kind="paint", number=1, strengths={"temp": 9.0}, frame=0)
    assert content == {"kind": "problem", "sentence": "Strengths from 0 to 1 were trained; 9 was not."}
    content, _ = asked(lab, kind="paint", number=1, strengths={}, frame=99)
    assert content["kind"] == "problem" and ":" in content["sentence"]


def test_the_page_gets_the_axes_the_presets_and_the_networks_beside_them(lab):
    data = lab.data
    assert data["axes"]["temp"] == {"label": "temp", "setting": "lambda_temp", "unit": 40.0, "origin": 0.0,
                                    "strengths": [0.1, 1.0]}
    assert data["axes"]["style"]["strengths"] == [0.5, 1.0, 2.0]
    assert data["size"] == [48, 32] and data["frames"] == 3
    assert data["known"]["student-ours"] == {**scores(0.3, 0.2), "colour": "#009E73"}
