"""What the terms of the second paper ask for: measured on networks and losses whose answers are known."""

import json
import sys
import types

import pytest
import torch
from scripts import script

from tutorial_lib import checkpoint, workshop
from tutorial_lib.networks.build import load_network
from tutorial_lib.networks.superres import Upscaled
from tutorial_lib.papers.std.settings import scale
from tutorial_lib.papers.std.stages import new_memory, new_student, new_teacher, validation_films

SMOKE = scale("smoke")
measuring = script("measure_space_time")


class Known:
    """A distillation of a single layer whose terms pull along the truth, against it, aside, and halfway."""

    def __init__(self):
        self.student = torch.nn.Linear(2, 1, bias=False)

    def terms(self, step):
        x, y = self.student.weight[0]
        noise = x * (-1) ** step        # it goes away in the sum over the batches
        return {"reconstruction": x + noise, "along": 3 * x, "against": -x, "aside": y, "halfway": x + y}


def test_a_cosine_is_of_the_gradients_of_all_batches():
    known = Known()
    found = measuring.cosines(torch.nn.Linear(2, 1, bias=False), known, 4)
    assert found == {"along": 1.0, "against": -1.0, "aside": 0.0, "halfway": pytest.approx(0.707, abs=1e-3)}


def test_the_gradients_are_those_at_the_weights_that_are_asked_about():
    known = Known()
    weight = known.student.weight
    known.terms = lambda step: {"reconstruction": weight.square().sum(), "first": weight[0, 0]}
    student = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        student.weight.copy_(torch.tensor([[3.0, 4.0]]))
    assert measuring.cosines(student, known, 1) == {"first": 0.6}


def test_weights_that_a_term_does_not_reach_are_left_out_of_every_cosine():
    """The output's gradient is a thousand times as large, and one term sees the features before it alone."""
    known = Known()
    known.student = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False), torch.nn.Linear(1, 1, bias=False))
    first, out = (layer.weight for layer in known.student)
    known.terms = lambda step: {"reconstruction": first[0, 0] + 1000 * out.sum(), "features": first.sum(),
                                "frames": first[0, 0] - out.sum()}
    student = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False), torch.nn.Linear(1, 1, bias=False))
    assert measuring.cosines(student, known, 3) == {"features": pytest.approx(0.707, abs=1e-3), "frames": 1.0}


def test_a_strength_is_a_share_of_what_the_truth_pulls_with_where_a_term_reaches():
    known = Known()
    known.student = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False), torch.nn.Linear(1, 1, bias=False))
    first, out = (layer.weight for layer in known.student)
    known.settings = types.SimpleNamespace(lambda_features=0.5, lambda_frames=2.0)
    known.terms = lambda step: {"reconstruction": 2 * first.sum() + 1000 * out.sum(),
                                "features": (1 + step) * first.sum(), "frames": 100 * out.sum()}
    student = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False), torch.nn.Linear(1, 1, bias=False))
    assert measuring.strengths(student, known, 3) == {"features": pytest.approx(0.5), "frames": pytest.approx(0.2)}


def test_a_teacher_is_as_near_to_itself_as_can_be():
    teacher, memory = new_teacher(SMOKE).eval(), new_memory(SMOKE).eval()
    scenes = measuring.lessons(teacher, memory, SMOKE)
    same, other = (measuring.nearness(one, memory, scenes, SMOKE) for one in (teacher, new_student("stacked", SMOKE)))
    assert same["space"] == same["time"] == 0 and same["frames"] > other["frames"]
    assert same["size"] == same["places"] == 1 and other["size"] != 1 and abs(other["places"]) < 0.99
    assert other["space"] > 0 and other["time"] > 0


def test_a_map_tells_where_the_student_is_worse_than_its_teacher():
    """The teacher is right everywhere, and active in the left half, where the student is wrong."""
    film, = validation_films(SMOKE.height, SMOKE.width, SMOKE.clip_length, SMOKE.validation_scenes)
    truth = film.frames[None]
    left = torch.zeros_like(truth[:, :, :1])
    left[..., :truth.shape[-1] // 2] = 1.0

    class Told(torch.nn.Module):
        uses_flow = False

        def __init__(self, frames):
            super().__init__()
            self.found = Upscaled(frames, left.expand(-1, -1, 4, -1, -1), left)

        def forward(self, small):
            return self.found

    memory = new_memory(SMOKE)
    scenes = measuring.lessons(Told(truth), memory, SMOKE)
    for wrong, wanted in ((left, 1.0), (1 - left, -1.0)):
        student = Told(truth + 0.1 * wrong * (1 - 2 * (truth > 0.5)))        # within [0, 1]
        assert measuring.nearness(student, memory, scenes, SMOKE)["tells"] == pytest.approx(wanted, abs=1e-3)


def test_every_trained_student_and_term_is_in_the_report(tmp_path, monkeypatch):
    monkeypatch.setenv("OFD_BUILD", str(tmp_path / "build"))
    monkeypatch.setattr(sys, "argv", ["measure_space_time.py", "--scale", "smoke", "--output", str(tmp_path)])
    asked = []
    for measure in ("cosines", "strengths"):
        real = getattr(measuring, measure)
        monkeypatch.setattr(measuring, measure, lambda student, *others, real=real: (
            asked.append(checkpoint.digest(student)), real(student, *others))[1])
    measuring.main()
    folder = workshop.folder(SMOKE)
    assert asked == [checkpoint.digest(student) for kind in ("stacked", "recurrent") for student in (
        new_student(kind, SMOKE), load_network(folder / f"sr-{kind}-plain.safetensors")) for _ in range(2)]
    report = json.loads((tmp_path / "targets.json").read_text())
    assert [row["row"] for row in report["students"]] == ["sr-stacked-plain", "sr-recurrent-plain"]
    assert [(row["row"], row["at"]) for row in report["pulls"]] == [
        (kind, at) for kind in ("three frames", "recurrent") for at in ("the first weights", "plain, trained")]
    for row in (*report["pulls"], *report["strengths"]):
        assert set(row) == {"row", "at", "space", "time", "attention", "imitation"}
    text = (tmp_path / "targets.txt").read_text()
    assert "imitation" in text and "sr-stacked-plain" in text
