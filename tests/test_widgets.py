import pytest

from tutorial_lib.show.widgets import LambdaLab, Position


@pytest.fixture
def lab(noise):
    return LambdaLab("lambda", [Position(str(10**n), noise(3, 3, 20, 30), f"e_stab {n}") for n in range(5)])


def test_each_position_shows_its_own_picture_and_words(lab):
    seen = set()
    for position in range(5):
        lab.slider.value = position
        seen.add((bytes(lab.picture.value), lab.text.value))
        assert bytes(lab.picture.value).startswith(b"\xff\xd8")
        assert lab.text.value == f"e_stab {position}"
    assert len({picture for picture, _ in seen}) == 5


def test_the_frame_slider_runs_through_the_clip(lab):
    pictures = []
    for frame in range(3):
        lab.frame.value = frame
        pictures.append(bytes(lab.picture.value))
    assert len(set(pictures)) == 3
    assert lab.player.max == lab.frame.max == 2
    state = lab.player.get_state()
    assert state.get("repeat", state.get("_repeat")) is True          # ipywidgets 7 hides its name


def test_the_labels_are_the_lambdas(lab):
    assert [label for label, _ in lab.slider.options] == ["1", "10", "100", "1000", "10000"]
