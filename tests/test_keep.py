"""What a notebook trains is kept, and only what would come out just the same is taken for it."""

import re
import threading

import numpy as np
import pytest
import torch
from stages import Stages, weights

from tutorial_lib import keep as module
from tutorial_lib import training
from tutorial_lib.errors import TutorialError
from tutorial_lib.keep import fingerprint, keep
from tutorial_lib.losses.perceptual import PerceptualLoss
from tutorial_lib.settings import scale

STEPS = 4
TINY = scale("smoke").but(height=32, width=32, clips=2, style_size=32, teacher_width=4, teacher_blocks=1,
                          student_width=4, student_blocks=1)


@pytest.fixture(autouse=True)
def _own_build_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    monkeypatch.setattr(module, "SAVE_EVERY", 1)


@pytest.fixture
def stages():
    return Stages(TINY)


def distilled(stages, settings=None, **options):
    return keep(training.distill)(stages.student_plain, stages.targets(), stages.perceptual,
                                  settings or stages.settings, steps=STEPS, bar=False, **options)


@pytest.fixture
def steps_run(monkeypatch):
    """How many steps were computed: a loss is computed in each."""
    seen, real = [], training.stages.total_loss
    monkeypatch.setattr(training.stages, "total_loss", lambda *inputs: seen.append(1) or real(*inputs))
    return seen


# --- what tells one value from another ---


class Bare:
    """An object of which nothing is known but its kind."""


class Slots:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


def test_objects_without_a_state_or_without_a_dictionary_are_told_apart_all_the_same():
    assert fingerprint(Bare()) == fingerprint(Bare()) != fingerprint(Slots(1))
    assert fingerprint(Slots(1)) == fingerprint(Slots(1)) != fingerprint(Slots(2))
    with pytest.raises(TutorialError, match="keep cannot tell one object from another"):
        fingerprint(object())


# --- trainings of the library ---


def test_a_training_comes_back_with_its_losses_and_says_so(stages, steps_run, capsys):
    network, history = distilled(stages)
    assert capsys.readouterr().out == "" and len(steps_run) == STEPS == len(history)
    again, the_same = distilled(stages)
    assert len(steps_run) == STEPS
    assert torch.equal(weights(again), weights(network)) and the_same == history
    assert [list(terms) for terms in the_same] == [list(terms) for terms in history]
    assert re.fullmatch(r"distill: taken from an earlier run, of \d+ \w+ 20\d\d, \d\d:\d\d; "
                        r"nothing was computed just now\.\n", capsys.readouterr().out)


def test_a_network_that_is_trained_in_its_place_comes_back_in_its_place(stages, capsys):
    first, second = (training.new_student(stages.settings) for _ in range(2))
    train = keep(training.train_plain)
    history = train(first, stages.perceptual, stages.settings, steps=2, bar=False)
    assert train(second, stages.perceptual, stages.settings, steps=2, bar=False) == history
    assert torch.equal(weights(first), weights(second)) and "taken from" in capsys.readouterr().out
    assert not torch.equal(weights(first), weights(training.new_student(stages.settings)))


def test_a_training_that_was_killed_goes_on_and_ends_alike(stages, steps_run, capsys, tmp_path, monkeypatch):
    whole, terms = distilled(stages)
    for path in (tmp_path / "kept").iterdir():
        path.unlink()
    real = training.loop.checkpoint.save

    def killed(path, network, about, step, *others, **options):
        real(path, network, about, step, *others, **options)
        if step == 3:
            raise KeyboardInterrupt             # as a kernel's death: nothing behind it is done

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training.loop.checkpoint, "save", killed)
        distilled(stages)
    steps_run.clear()
    network, history = distilled(stages)
    assert capsys.readouterr().out == "distill: an earlier run was interrupted after 3 steps; it goes on from there.\n"
    assert len(steps_run) == STEPS - 3
    assert torch.equal(weights(network), weights(whole)) and history == terms


@pytest.mark.parametrize("change", ["settings", "library", "start", "teacher", "judge", "steps"])
def test_what_changes_the_training_trains_anew(stages, steps_run, capsys, monkeypatch, change):
    distilled(stages)
    settings, options = stages.settings, {}
    if change == "settings":
        settings = settings.but(lambda_temp=1.0)
    elif change == "library":
        monkeypatch.setattr(module, "library", lambda: "another version")
    elif change == "judge":
        stages.perceptual.weights["style"] *= 2
    elif change == "steps":
        options = {"callback": print}
        keep(training.distill)(stages.student_plain, stages.targets(), stages.perceptual, settings, steps=1, bar=False)
        assert len(steps_run) == STEPS + 1
        return
    else:
        network = {"start": stages.student_plain, "teacher": stages.teacher_flow}[change]
        next(network.parameters()).data[0] += 0.1
    distilled(stages, settings, **options)
    assert len(steps_run) == 2 * STEPS and capsys.readouterr().out == ""


def test_what_was_looked_at_or_remembered_meanwhile_changes_nothing(stages):
    targets = stages.targets()
    before = fingerprint(targets, stages.perceptual)
    targets[0]
    stages.perceptual(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    assert targets.computed and fingerprint(targets, stages.perceptual) == before


# --- the notebook's own functions ---

CELL = """
@keep
def paint(picture, steps={steps}, rate=0.5):
    "The picture follows some steps."
    calls.append(steps)
    history = []
    for _ in range(steps):
        picture = rule(picture, rate){more}
        history.append(picture.mean().item())
    return [picture], history


def rule(picture, rate):
    return picture - rate * (picture - goal.{how})


class Goal:
    def __init__(self, value):
        self.value = value

    @property
    def twice(self):
        return {twice}


calls = []
goal = Goal({value})
"""
USUAL = {"steps": 3, "value": 1.0, "more": "", "how": "value", "twice": "2 * self.value"}


def cell(**changes):
    """The names of a notebook in which a cell like the above was run, in a kernel of its own."""
    names = {"__name__": "__main__", "keep": keep, "torch": torch}
    exec(CELL.format(**USUAL | changes), names)
    return names


def test_the_result_of_a_function_of_the_notebook_is_kept(capsys):
    first, second = cell(), cell()
    (picture,), history = first["paint"](torch.zeros(2, 2))
    (again,), the_same = second["paint"](torch.zeros(2, 2))
    assert torch.equal(picture, again) and history == the_same == [0.5, 0.75, 0.875]
    assert (first["calls"], second["calls"]) == ([3], [])
    assert "paint: taken from an earlier run" in capsys.readouterr().out
    assert first["paint"].__doc__ == "The picture follows some steps."


@pytest.mark.parametrize("change", [
    {"steps": 4}, {"value": 2.0}, {"more": ".clone()"}, {"how": "twice"}], ids=lambda change: next(iter(change)))
def test_a_changed_function_or_one_that_it_calls_is_run_anew(change):
    cell()["paint"](torch.zeros(2, 2))
    other = cell(**change)
    other["paint"](torch.zeros(2, 2))
    assert len(other["calls"]) == 1


def test_another_property_of_a_class_of_the_notebook_counts_and_a_comment_does_not():
    cell(how="twice")["paint"](torch.zeros(1))
    commented = cell(how="twice", more="      # a comment")
    commented["paint"](torch.zeros(1))
    other = cell(how="twice", twice="self.value + 1.5")
    other["paint"](torch.zeros(1))
    assert (commented["calls"], other["calls"]) == ([], [3])


def test_chance_is_the_same_at_every_call_and_the_notebooks_own_goes_on():
    @keep
    def noise(n, like=torch.rand_like):
        return like(torch.zeros(n))

    torch.manual_seed(5)
    first, then = noise(3), torch.rand(1)
    for path in module.folder().iterdir():
        path.unlink()
    torch.manual_seed(6)
    assert torch.equal(noise(3), first)
    torch.manual_seed(5)
    assert torch.equal(noise(3), first) and torch.equal(torch.rand(1), then)


def test_a_function_that_fails_is_not_kept():
    names = cell(more=" / 0 if rate else picture")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            keep(lambda: 1 / 0)()
    assert names["calls"] == []


# --- what tells values from each other ---


@pytest.mark.parametrize(("one", "other"), [
    (1, 1.0), (1, True), ("1", 1), ([1, 2], (1, 2)), ([1, [2]], [[1], 2]), (["ab"], ["a", "b"]), ({"a": 1}, {"a": 2}),
    (torch.zeros(2), torch.zeros(2, 1)), (torch.zeros(2), torch.zeros(2).double()), (torch.zeros(2), -torch.zeros(2)),
    (torch.zeros(2), torch.zeros(2, requires_grad=True)), (np.zeros(2), np.ones(2)), (torch.rand_like, torch.clone),
    (lambda x: x + 1, lambda x: x + 2), (torch.nn.ReLU(), torch.nn.Tanh()), ({1, 2}, {1, 3}),
    (torch.nn.Conv2d(1, 1, 3, padding=1), torch.nn.Conv2d(1, 1, 3, padding=2)),
])
def test_values_that_differ_are_told_from_each_other(one, other):
    for function in (one, other):
        if getattr(function, "__name__", "") == "<lambda>":
            function.__module__ = "__main__"
    if isinstance(one, torch.nn.Conv2d):
        other.load_state_dict(one.state_dict())
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint(one) == fingerprint(one)


def test_what_does_not_say_what_it_is_made_of_is_refused():
    for value in (threading.Lock(), iter([]), (x for x in ()), torch.Generator()):
        with pytest.raises(TutorialError, match="cannot tell one"):
            fingerprint([value])


def test_a_loop_of_values_ends():
    ring: list = [1]
    ring.append(ring)
    assert fingerprint(ring) != fingerprint([1, [1]])


def test_a_judge_is_told_by_what_it_asks_for(stages):
    features, style = stages.perceptual.features, stages.perceptual.target
    one, other = (PerceptualLoss(features, style, 1.0, weight, 0.1) for weight in (1.0, 3.0))
    assert fingerprint(one) != fingerprint(other)
