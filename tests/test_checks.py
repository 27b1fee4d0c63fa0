"""The checks of what a reader writes: what is wrong is rejected with a sentence that helps, what is right accepted."""

import re

import pytest
import torch
from answers import ANSWERS
from checks_table import HEADER, TARGET, line

from tutorial_lib import checks
from tutorial_lib.checks.asking import Wrong

WRONG = [(name, mistake) for name, answers in ANSWERS.items() for mistake in answers.wrong]
RIGHT = [(name, way) for name, answers in ANSWERS.items() for way in answers.right]


def test_every_check_is_tried_on_wrong_answers_and_on_right_ones():
    assert set(ANSWERS) == set(checks.__all__)
    for name, answers in ANSWERS.items():
        assert len(answers.wrong) >= 5 and len(answers.right) >= 2, name


def test_the_table_of_the_checks_is_of_these_answers():
    counts = {name: (len(answers.wrong), len(answers.right)) for name, answers in ANSWERS.items()}
    counts["all"] = tuple(map(sum, zip(*counts.values(), strict=True)))
    lines = [line(*HEADER), *(line(name, wrong, wrong, right, right) for name, (wrong, right) in counts.items())]
    assert TARGET.read_text().splitlines() == lines, "run: python tests/checks_table.py"


@pytest.mark.parametrize(("name", "mistake"), WRONG, ids=lambda part: part)
def test_a_wrong_answer_is_told_what_is_wrong(name, mistake, capsys):
    answer, says = ANSWERS[name].wrong[mistake]
    with pytest.raises(Wrong) as caught:
        getattr(checks, name)(answer)
    assert re.search(says, str(caught.value)), str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("name", "way"), RIGHT, ids=lambda part: part)
def test_a_right_answer_is_accepted_however_it_is_written(name, way, capsys):
    getattr(checks, name)(ANSWERS[name].right[way])
    assert capsys.readouterr().out == f"{name}: right.\n"


@pytest.mark.parametrize("name", checks.__all__)
def test_a_check_knows_a_stub_and_leaves_the_random_numbers_alone(name):
    def stub(*_, **__):
        raise NotImplementedError

    before = torch.get_rng_state()
    with pytest.raises(NotImplementedError):
        getattr(checks, name)(stub)
    with pytest.raises(Wrong, match="without calling it"):
        getattr(checks, name)(torch.zeros(1))
    with pytest.raises(Wrong, match="return"):
        getattr(checks, name)(lambda *_, **__: None)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_notebook_shows_the_sentence_alone():
    assert Wrong("divide by H * W.")._render_traceback_() == ["Not yet: divide by H * W."]
