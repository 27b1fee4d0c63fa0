import pytest

from tutorial_lib import timing
from tutorial_lib.errors import TutorialError


def test_jobs_take_turns_and_the_first_round_is_not_counted():
    order = []
    seconds = timing.in_turn({name: lambda name=name: order.append(name) for name in "ab"}, rounds=3, bar=False)
    assert order == ["a", "b"] * 4
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}
    assert all(time >= 0 for times in seconds.values() for time in times)


def test_a_summary_is_the_median_and_the_range():
    row = timing.summary([0.03, 0.01, 0.02, 0.5])
    assert row == {"seconds": 0.025, "range": [0.01, 0.5]}
    assert timing.in_words(row).split() == ["25.0", "[10.0", "-", "500.0]"]


def test_nothing_is_not_measured():
    with pytest.raises(TutorialError, match="at least once; 0 rounds"):
        timing.in_turn({}, 0)
