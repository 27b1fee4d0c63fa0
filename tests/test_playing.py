import threading
import weakref
from fractions import Fraction

import cv2
import pytest
import torch
from cameras import number_of, until

from tutorial_lib.data import playing
from tutorial_lib.data.playing import Camera, NoCamera, looped, rendered_film
from tutorial_lib.data.video import Video, VideoFrame
from tutorial_lib.errors import TutorialError
from tutorial_lib.threads import ahead


class Time:
    """A clock that is moved by hand, and an event whose waiting moves it."""

    def __init__(self):
        self.now, self.ended = 0.0, False

    def monotonic(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds

    def is_set(self):
        return self.ended


@pytest.fixture
def clock(monkeypatch):
    clock = Time()
    monkeypatch.setattr(playing, "time", clock)
    return clock


def numbered(frames, rate=10, costs=lambda: None, made=None):
    """A film whose frames hold their number; `costs` is called for every one that is decoded."""
    def play(start, skip):
        for number in range(start, frames):
            costs()
            moment = Fraction(number, rate)
            if not skip(moment):
                image = torch.full((1, 1, 1, 1), float(number))
                if made is not None:
                    made.append(weakref.ref(image))
                yield VideoFrame(image, moment)

    return Video(None, 1, 1, Fraction(rate), frames, Fraction(1), False, play)


def played(film, clock, pictures, seconds):
    """(number, time) of the pictures that a painter is shown who takes some seconds for each."""
    shown = []
    for image in looped(film, clock):
        shown.append((int(image), round(clock.now, 6)))
        if len(shown) == pictures:
            return shown
        clock.now += seconds


def test_every_frame_comes_when_it_is_due_again_and_again(clock):
    shown = played(numbered(4), clock, 10, 0.01)
    assert [number for number, _ in shown] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert [at for _, at in shown] == pytest.approx([n / 10 for n in range(10)])


def test_a_slow_painter_misses_frames_but_never_the_time(clock):
    shown = played(numbered(20), clock, 30, 0.35)
    for number, at in shown:
        assert 0 <= at * 10 - number - 20 * int(at / 2 + 1e-9) < 1.01
    assert len({number for number, _ in shown}) > 6


def test_a_film_shorter_than_a_painting_does_not_stand_still(clock):
    shown = played(numbered(4), clock, 20, 0.93)
    assert {number for number, _ in shown} == {0, 1, 2, 3}


def test_a_film_that_is_decoded_too_slowly_is_played_slowly(clock):
    def decode():
        clock.now += 0.25

    shown = played(numbered(50, costs=decode), clock, 12, 0.01)
    numbers = [number for number, _ in shown]
    assert numbers == sorted(numbers) and len(set(numbers)) == 12
    assert shown[-1][1] < 12 * (playing.PATIENCE + 0.6)


def test_a_long_break_is_not_made_up_for_forever(clock):
    """A film of an hour, and a minute's break: the clock waits for the film."""
    steps = []

    def decode():
        clock.now += 0.05
        steps.append(1)

    film = looped(numbered(36_000, costs=decode), clock)
    next(film)
    clock.now += 60
    before = len(steps)
    next(film)
    assert len(steps) - before < 30
    before = len(steps)
    next(film)
    assert len(steps) - before <= 2


def test_whole_rounds_that_were_missed_are_not_decoded(clock):
    decoded = []
    film = looped(numbered(4, costs=lambda: decoded.append(1)), clock)
    next(film)
    clock.now += 100.25
    assert int(next(film)) == 2 and len(decoded) <= 8


def test_it_ends_when_it_is_told_to(clock):
    film = looped(numbered(4), clock)
    next(film)
    clock.ended = True
    assert next(film, None) is None
    assert list(looped(numbered(4), clock)) == []


def test_a_wait_ends_at_once():
    stop = threading.Event()
    film = looped(numbered(2, rate=Fraction(1, 600)), stop)
    next(film)
    threading.Timer(0.02, stop.set).start()
    assert next(film, None) is None


def test_a_long_film_takes_the_memory_of_a_few_frames():
    made, stop, most = [], threading.Event(), 0
    film = ahead(looped(numbered(50, rate=10_000, made=made), stop), most=1)
    for _, _image in zip(range(300), film, strict=False):
        most = max(most, sum(ref() is not None for ref in made[-100:]))
    stop.set()
    film.close()
    assert len(made) >= 300 and most <= 4


def test_the_rendered_film_goes_forth_and_back_and_is_rendered_once(monkeypatch):
    rendered_film.cache_clear()
    film = rendered_film(32)
    assert (film.width, film.height) == (32, 18)
    frames = [frame.image for frame in film]
    assert len(frames) == film.number_of_frames == 2 * playing.SCENE_FRAMES - 2
    assert torch.equal(frames[1], frames[-1]) and not torch.equal(frames[0], frames[1])
    monkeypatch.setattr("tutorial_lib.data.rendering.Scene.frame", None)
    again = list(rendered_film(32).frames(3, skip=lambda moment: moment < 1))
    assert again[0].time == 1 and torch.equal(again[0].image, frames[24])


def test_no_frame_is_rendered_that_is_left_out(monkeypatch):
    rendered_film.cache_clear()
    monkeypatch.setattr("tutorial_lib.data.rendering.Scene.frame", None)
    assert list(rendered_film(32).frames(skip=lambda moment: True)) == []


# --- the camera ---


@pytest.fixture
def stop():
    stop = threading.Event()
    yield stop
    stop.set()


def test_always_the_newest_picture_and_none_twice(cameras, stop):
    camera = Camera(0, stop)
    frames = camera.frames()
    assert next(frames).shape == (1, 3, 48, 64)
    until(lambda: cameras.reads > 30)
    last, so_far = number_of(next(frames)), cameras.reads
    assert last >= 30 and last >= so_far - 3        # what was sent in between is gone
    for _ in range(20):
        last, before = number_of(next(frames)), last
        assert last > before
    camera.close()


def test_a_camera_is_free_when_it_is_closed_or_told_to_stop(cameras, stop):
    camera = Camera(0, stop)
    assert cameras.held
    camera.close()
    assert not cameras.held and next(camera.frames(), None) is None
    again = threading.Event()
    Camera(0, again)
    again.set()
    until(lambda: not cameras.held)


def test_no_camera_and_one_that_is_taken(cameras, stop):
    with pytest.raises(NoCamera, match="No camera 1 found on this machine"):
        Camera(1, stop)
    Camera(0, stop)
    with pytest.raises(NoCamera):
        Camera(0, stop)


def test_a_camera_that_sends_nothing_is_none_and_is_let_go(cameras, stop):
    cameras.works = False
    with pytest.raises(NoCamera):
        Camera(0, stop)
    assert cameras.opened == 1 and not cameras.held


def test_a_camera_that_is_pulled_out(cameras, stop):
    frames = Camera(0, stop).frames()
    next(frames)
    cameras.works = False
    with pytest.raises(TutorialError, match="The camera 0 sends no more pictures"):
        for _ in frames:
            pass
    assert not cameras.held


def test_a_picture_or_two_may_be_missing(cameras, stop):
    camera = Camera(0, stop)
    frames, read = camera.frames(), camera._capture.read
    missing = [1, 1]
    camera._capture.read = lambda: (False, None) if missing and missing.pop() else read()
    until(lambda: not missing)
    assert [number_of(next(frames)) for _ in range(3)]


def test_an_error_of_opencv_is_a_missing_picture(cameras, stop):
    camera = Camera(0, stop)
    frames, read, failed = camera.frames(), camera._capture.read, []

    def fail_once():
        if not failed:
            failed.append(1)
            raise cv2.error("select() timeout")
        return read()

    camera._capture.read = fail_once
    until(lambda: failed)
    assert [number_of(next(frames)) for _ in range(3)]


def test_opencv_says_nothing_about_a_camera_that_is_not_there(capfd, stop):
    with pytest.raises(NoCamera):
        Camera(97, stop)
    assert capfd.readouterr() == ("", "")
