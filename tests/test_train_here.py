"""The training beside the sliders: in a thread, stopped and gone on with, and what it tells the page."""

import json
import threading

import pytest
import torch

from tutorial_lib import evaluation, training
from tutorial_lib.data.clips import RenderedClips, filmed
from tutorial_lib.data.scenes import test_scene as scene_of
from tutorial_lib.errors import TutorialError
from tutorial_lib.lambdas import Lambdas
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.mixtures import Axis, task_vector
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.settings import scale
from tutorial_lib.show.lab import LambdaMixer
from tutorial_lib.show.lab.train_here import LONGEST, TrainHere
from tutorial_lib.training.targets import FrozenTargets

SETTINGS = scale("smoke").but(height=32, width=48, clips=2, clip_length=3, finetune_rate=1e-3)
WEIGHTS = {"style_weight": 2.0, "content_weight": 1.5, "tv_weight": 0.3, "lambda_res": 10.0, "lambda_temp": 5.0,
           "lambda_rank": 1e-4}
STRENGTHS = {"temp": 0.5}


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    plain, teacher, other = Pocket(8, 1), Teacher(8, 1), Teacher(8, 1, uses_flow=False)
    frozen = (one.eval().requires_grad_(False) for one in (teacher, other, plain))
    return plain, FrozenTargets(RenderedClips(SETTINGS), *frozen), evaluation.judge_of("mosaic", SETTINGS)


@pytest.fixture
def here(parts):
    made = TrainHere(*parts, SETTINGS, (64, 96))
    yield made
    made.close()


def same(one, other):
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_it_trains_what_the_library_trains_at_the_sliders_lambdas(here, parts):
    plain, targets, judge = parts
    here.start(STRENGTHS, WEIGHTS, steps=4)
    here.wait()
    assert here.report.step == len(here.report.history) == 4 and not here.report.problem and not here.running
    settings = SETTINGS.but(**{**WEIGHTS, "lambda_rank": 4e-4})         # these frames have a quarter of the pixels
    perceptual = PerceptualLoss(judge.features, judge.target, 1.5, 2.0, 0.3)
    student, history = training.distill(plain, targets, perceptual, settings, steps=4, bar=False)
    assert list(here.report.history) == history and same(here.report.student, student)
    assert set(history[0]) == {"perceptual", "residual", "temporal", "rank", "total"}


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(here, parts):
    here.start(STRENGTHS, WEIGHTS, steps=5)
    here.wait()
    whole = here.report
    here.start(STRENGTHS, WEIGHTS, steps=2)
    here.wait()
    assert (here.report.step, same(here.report.student, whole.student)) == (2, False)
    here.go_on(steps=3)
    here.wait()
    assert here.report.step == 5 and here.report.history == whole.history
    assert same(here.report.student, whole.student) and here.report.seconds > 0


def test_it_stops_when_it_is_asked_and_tells_where_it_was(here):
    told, looked = [], threading.Event()

    def tell(report):
        told.append(report)
        looked.set()

    here.tell = tell
    here.start(STRENGTHS, WEIGHTS, seconds=LONGEST)
    assert looked.wait(60) and here.running
    with pytest.raises(TutorialError, match="under way"):
        here.start(STRENGTHS, WEIGHTS, seconds=1)
    with pytest.raises(TutorialError, match="under way"):
        here.reset()
    here.stop()
    here.wait(60)
    assert not here.running and told[0].running and not told[-1].running and told[-1].step == here.report.step > 0
    here.reset()
    assert here.report is None
    with pytest.raises(TutorialError, match="Nothing was trained yet"):
        here.go_on(1)


def test_it_ends_after_its_time(here):
    here.start(STRENGTHS, WEIGHTS, seconds=0.2)
    here.wait(60)
    assert not here.running and here.report.step >= 1 and 0.2 <= here.report.seconds < 30
    for seconds in (0, -1, LONGEST + 1, float("nan")):
        with pytest.raises(TutorialError, match=f"from 1 to {LONGEST} seconds"):
            here.start(STRENGTHS, WEIGHTS, seconds=seconds)


def test_a_problem_is_its_sentence_and_the_next_training_begins_well(here, monkeypatch):
    here.start(STRENGTHS, {**WEIGHTS, "lambda_temp": float("nan")}, steps=2)
    here.wait()
    assert "became nan at step 0" in here.report.problem and here.report.student is None

    def breaks(*_inputs, **_options):
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(training, "distill", breaks)
        here.start(STRENGTHS, WEIGHTS, steps=2)
        here.wait()
    assert here.report.problem == "MemoryError: no room"
    here.start(STRENGTHS, WEIGHTS, steps=1)
    here.wait()
    assert here.report.step == 1 and here.report.problem == ""


# --- as the page talks to it ---


@pytest.fixture
def lab(here, parts):
    plain, _, judge = parts
    torch.manual_seed(5)
    row = {"e_stab": 0.4, "style": 0.2, "content": 0.5}
    record = {"style": "mosaic", "origin": row, "zoo": {}, "axes": {"temp": {"1": row}},
              "slopes": dict.fromkeys(WEIGHTS, 1.0), "weights": WEIGHTS}
    lambdas = Lambdas(record, {"temp": Axis({1.0: task_vector(Pocket(8, 1), plain)})}, plain, {"temp": "lambda_temp"})
    made = LambdaMixer(lambdas, filmed(scene_of("alley_2", 32, 48, 3)), judge, presets={"off": {}}, train_here=here)
    made.sent = []
    made.send = lambda content, buffers=None: made.sent.append((json.loads(json.dumps(content)), buffers))
    yield made
    made.close()


def test_the_button_trains_at_the_sliders_and_its_point_lands_on_the_map(lab, here):
    assert lab.data["trains"]
    lab._asked(lab, {"kind": "train", "strengths": STRENGTHS, "seconds": 0.2})
    here.wait()
    running, (picture,) = lab.sent[0]
    assert running["kind"] == "training" and running["running"] and running["step"] == 1
    assert picture.startswith(b"\xff\xd8") and "point" not in running
    last, (picture,) = lab.sent[-1]
    assert not last["running"] and last["step"] == here.report.step == len(last["terms"]["total"])
    assert last["strengths"] == STRENGTHS and last["problem"] == ""
    assert here._weights["lambda_temp"] == 0.5 * WEIGHTS["lambda_temp"]
    with torch.inference_mode():
        row = evaluation.score("", here.report.student(lab.film.frames), lab.film, lab.judge)
    assert last["point"] == pytest.approx(lab.placed(row))
    lab.sent.clear()
    lab._asked(lab, {"kind": "go on", "strengths": {}, "seconds": 0.01})
    here.wait()
    assert lab.sent[-1][0]["step"] > last["step"] and lab.sent[-1][0]["strengths"] == STRENGTHS
    lab._asked(lab, {"kind": "reset", "strengths": {}, "seconds": 1})
    assert here.report is None


def test_a_problem_of_the_training_is_said_beside_it_and_the_lab_paints_on(lab, here):
    for message, sentence in (({"kind": "go on", "seconds": 1}, "Nothing was trained yet"),
                              ({"kind": "train", "strengths": STRENGTHS, "seconds": 0}, "from 1 to"),
                              ({"kind": "train", "strengths": {"temp": "a"}, "seconds": 1}, "TypeError")):
        lab.sent.clear()
        lab._asked(lab, message)
        (content, _), = lab.sent
        assert content["kind"] == "training problem" and sentence in content["sentence"]
    lab._asked(lab, {"kind": "paint", "number": 1, "strengths": {}, "frame": 0})
    assert lab.sent[-1][0]["kind"] == "painted"


def test_what_cannot_be_scored_is_said_too(lab, here):
    lab.judge = None
    lab._asked(lab, {"kind": "train", "strengths": STRENGTHS, "seconds": 0.1})
    here.wait()
    assert lab.sent[0][0]["running"] and not here.running
    last = lab.sent[-1][0]
    assert last["kind"] == "training problem" and "TypeError" in last["sentence"]


def test_the_kernel_paints_while_it_trains(lab, here):
    looked = threading.Event()
    told = here.tell
    here.tell = lambda report: (told(report), looked.set())
    lab._asked(lab, {"kind": "train", "strengths": STRENGTHS, "seconds": LONGEST})
    assert looked.wait(60) and here.running
    lab._asked(lab, {"kind": "paint", "number": 7, "strengths": {"temp": 1.0}, "frame": 1})
    assert any(content.get("number") == 7 for content, _ in lab.sent) and here.running
    lab._asked(lab, {"kind": "stop"})
    here.wait(60)
    assert not here.running


def test_a_lab_that_is_closed_trains_no_more(lab, here):
    lab._asked(lab, {"kind": "train", "strengths": STRENGTHS, "seconds": LONGEST})
    lab.close()
    assert not here.running
