import importlib
import itertools
import re
import shutil
import threading
import time
import weakref

import cv2
import numpy as np
import pytest
import torch
from cameras import decoded, until
from films import film, picture

from tutorial_lib import engines, show, zoo
from tutorial_lib.data import playing
from tutorial_lib.data.images import to_pixels, to_tensor
from tutorial_lib.errors import TutorialError
from tutorial_lib.stylize import stylize_clip

module = importlib.import_module("tutorial_lib.show.live")     # its function has taken its name in the package


@pytest.fixture
def live():
    """`show.live`, small and in PyTorch, and everything closed at the end."""
    made = []

    def start(*args, **options):
        made.append(show.live(*args, **{"size": 64, "engine": "torch", "style": "mosaic",
                                        "network": "student-ours", **options}))
        return made[-1]

    yield start
    for widget in made:
        widget.close()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name in ("live", "camera")])


@pytest.fixture
def still(tmp_path):
    """A film of one picture, as a folder."""
    folder = tmp_path / "still"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), picture(3)[..., ::-1])
    return folder


def painted(widget):
    """Whether it has shown a picture."""
    return len(widget.picture.value) > 0


def changes(widget):
    before = widget.picture.value
    until(lambda: widget.picture.value != before or not widget.running)
    return widget.running


def ended(widget):
    """Whether it says that it has ended, by itself."""
    return widget.button.description == "Start" and not widget.running


def halves(widget):
    pixels = decoded(widget.picture.value)
    width = (pixels.shape[1] - module.GAP) // 2
    return pixels[:, :width].astype(float), pixels[:, -width:].astype(float)


def shows(widget, network):
    """Whether what is shown at the right is what a network paints of `still`.

    The JPEG of so small a picture is off by up to 7.3 of 255, another network by at least 33.
    """
    expected = to_pixels(zoo.load(network)(to_tensor(picture(3))))
    return painted(widget) and np.abs(halves(widget)[1] - expected).mean() < 12


# --- playing ---


def test_it_returns_at_once_and_plays_in_a_thread(cameras, live):
    cameras.may_open.clear()
    began = time.monotonic()
    widget = live("camera")
    assert time.monotonic() < began + 1
    assert widget.running and not painted(widget) and cameras.opened == 0
    assert (widget.button.description, widget.label.value) == ("Stop", "Starting ...")
    cameras.may_open.set()
    until(lambda: painted(widget))
    assert changes(widget) and cameras.held


def test_input_and_painted_side_by_side(still, live):
    widget = live(still)
    until(lambda: painted(widget))
    assert decoded(widget.picture.value).shape == (48, 64 + module.GAP + 64, 3)
    given, _ = halves(widget)
    assert np.abs(given - picture(3)).mean() < 5
    assert shows(widget, "mosaic-student-ours") and not shows(widget, "candy-student-ours")


def test_frames_are_shrunk_to_the_size_and_small_ones_stay(still, live):
    for size, shape in ((32, (24, 2 * 32 + module.GAP, 3)), (640, (48, 2 * 64 + module.GAP, 3))):
        widget = live(still, size=size)
        until(lambda widget=widget: painted(widget))
        assert decoded(widget.picture.value).shape == shape


def test_a_video_is_played_in_a_loop(tmp_path, live):
    path = film(tmp_path / "film.mp4", [np.full((48, 64, 3), level, np.uint8) for level in (0, 120, 240)])
    widget, seen = live(path), []
    widget.picture.observe(lambda change: seen.append(round(halves(widget)[0].mean() / 120)), "value")
    until(lambda: len([1 for a, b in itertools.pairwise(seen) if b < a]) >= 3)
    assert set(seen) == {0, 1, 2}


def test_without_a_source_there_is_a_rendered_scene(live):
    widget = live(size=32)
    until(lambda: painted(widget))
    assert changes(widget)
    assert decoded(widget.picture.value).shape == (18, 2 * 32 + module.GAP, 3)


def test_no_camera_is_one_sentence_and_a_film(cameras, still, live):
    cameras.there = False
    widget = live("camera", film=still)
    until(lambda: "frames a second" in widget.label.value)
    assert widget.label.value.startswith("No camera found on this machine; here is a film instead. ")
    assert shows(widget, "mosaic-student-ours")
    rendered = live(7, size=32)
    until(lambda: painted(rendered))
    assert rendered.label.value.startswith("No camera found on this machine; here is a film instead.")
    cameras.there = True
    widget.start()                                  # it is looked for again
    until(lambda: cameras.held)


def test_frames_a_second_are_shown_and_follow_the_camera(cameras, live, monkeypatch):
    monkeypatch.setattr(module, "SMOOTHED", 0.4)
    monkeypatch.setattr(module, "EVERY", 0.1)
    cameras.pause = 0.01
    widget, rates = live("camera"), []

    def note(_change):
        if found := re.fullmatch(r"(\d+\.\d) frames a second, 64x48, torch\.", widget.label.value):
            rates.append(float(found[1]))

    widget.label.observe(note, "value")
    until(lambda: rates and rates[-1] > 12)
    cameras.pause = 0.1
    until(lambda: rates[-1] < 10.5)


def test_frames_a_second_at_any_rate(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module, "time", type("Clock", (), {"monotonic": lambda: now[0]}))
    for wanted in (0.2, 1, 7, 24, 300):
        rate, said = module._Rate(), 0
        for _ in range(max(3, round(4 * wanted))):
            now[0] += 1 / wanted
            if rate.counted():
                said += 1
                assert rate.value == pytest.approx(wanted)
        assert said >= 2 and len(rate._times) <= module.SMOOTHED * wanted + 3
        assert said <= 9                        # not with every picture


def test_a_slow_network_sees_the_newest_frames_and_none_wait(cameras, live, monkeypatch):
    """Memory: of all pictures that the camera sends, only a few are ever there."""
    sent, most = [], 0

    def noted(pixels):
        image = to_tensor(pixels)
        sent.append(weakref.ref(image))
        return image

    monkeypatch.setattr(playing, "to_tensor", noted)
    start = engines.start

    def slowly(network, name):
        engine = start(network, name)
        paint = engine._paint
        engine._paint = lambda frame: (time.sleep(0.01), paint(frame))[1]
        return engine

    monkeypatch.setattr(engines, "start", slowly)
    live("camera")
    until(lambda: len(sent) > 60)
    for _ in range(20):
        most = max(most, sum(ref() is not None for ref in list(sent)))
    assert most <= 4 and cameras.reads > 1.5 * len(sent)


# --- choosing ---


def test_style_and_network_change_while_it_runs(still, live):
    widget = live(still)
    until(lambda: shows(widget, "mosaic-student-ours"))
    thread = widget._thread
    widget.network_choice.value = "student-plain"
    until(lambda: shows(widget, "mosaic-student-plain"))
    widget.style_choice.value = "candy"
    until(lambda: shows(widget, "candy-student-plain"))
    assert widget.running and widget._thread is thread


def test_a_style_offers_its_own_networks(live, still):
    widget = live(still, network="student-ours-plus")
    loaded = []
    widget.network_choice.observe(lambda change: loaded.append(widget._chosen), "value")
    offered = dict(widget.network_choice.options)
    assert offered["teacher with flow"] == "teacher-flow" and offered["ours"] == "student-ours"
    assert "starry_night-student-ours-plus" not in zoo.names()
    widget.style_choice.value = "starry_night"
    assert widget.network_choice.value == "pocket-ours"
    assert "student-ours-plus" not in dict(widget.network_choice.options).values()
    until(lambda: shows(widget, "starry_night-pocket-ours"))
    assert set(loaded) <= {"mosaic-student-ours-plus", "starry_night-pocket-ours"}      # none in between


def test_of_the_lambda_lab_only_what_was_asked_for_is_offered(still, live):
    """Its seventeen students would bury the others."""
    for asked, offered in ((None, []), ("lab-rank-x0.3", ["lab-rank-x0.3"])):
        roles = dict(live(still, style="mosaic", network=asked).network_choice.options).values()
        assert [role for role in roles if role.startswith("lab-")] == offered and "pocket-ours" in roles


def test_what_is_chosen_while_it_stands_still_is_painted_next(still, live):
    widget = live(still)
    widget.stop()
    widget.style_choice.value = "waves"
    widget.start()
    until(lambda: shows(widget, "waves-student-ours"))


def test_a_network_can_be_given_by_its_name_or_file(tmp_path, still, live):
    named = live(still, style=None, network="candy-student-plain")
    assert (named.style_choice.value, named.network_choice.value) == ("candy", "student-plain")
    path = tmp_path / "mine.safetensors"
    shutil.copy(zoo.path_of("waves-student-ours"), path)
    widget = live(still, network=path)
    assert widget.network_choice.options[0] == ("mine", str(path))
    until(lambda: shows(widget, "waves-student-ours"))
    widget.style_choice.value = "candy"
    assert widget.network_choice.value == str(path)
    widget.network_choice.value = "student-ours"
    until(lambda: shows(widget, "candy-student-ours"))


def test_a_teacher_with_flow_remembers_the_frame_before(noise):
    teacher = zoo.load("mosaic-teacher-flow")
    frames = torch.cat([to_tensor(picture(number)) for number in range(3)])
    painter = module._Painter(engines.start(teacher, "torch"))
    with torch.no_grad():
        assert torch.equal(torch.cat([painter(frame) for frame in frames.split(1)]), stylize_clip(teacher, frames))


def test_the_fastest_engine_is_measured_once_for_networks_of_the_same_layers(still, live, monkeypatch):
    measured = []

    def fastest(network, size):
        measured.append(tuple(size))
        return "torch-bfloat16"

    monkeypatch.setattr(engines, "fastest", fastest)
    widget, said = live(still, engine="auto"), []
    until(lambda: "torch-bfloat16." in widget.label.value)
    widget.label.observe(lambda change: said.append(change["new"]), "value")
    widget.style_choice.value = "candy"
    until(lambda: shows(widget, "candy-student-ours"))
    assert measured == [(48, 64)] and not any("Measuring" in text for text in said)
    monkeypatch.setattr(engines, "NEAR", 1000.0)           # the engine comes less near to this network
    widget.style_choice.value = "waves"
    until(lambda: shows(widget, "waves-student-ours"))
    assert len(measured) == 2 and "Measuring engines for waves-student-ours, once ..." in said


def test_the_fastest_engine_is_that_of_a_size_and_of_a_kind_of_network(still, noise, monkeypatch):
    measured = []
    monkeypatch.setattr(engines, "fastest", lambda network, size: measured.append(tuple(size)) or "torch")
    widget, stop = module.Live(still, "mosaic", "student-ours", 64, "auto"), threading.Event()
    for name, height in (("mosaic-student-ours", 32), ("candy-student-ours", 32), ("mosaic-student-ours", 48),
                         ("mosaic-teacher-plain", 48), ("mosaic-student-ours", 32)):
        widget._painter(name, noise(1, 3, height, 64), "", stop)
    widget.close()
    assert measured == [(32, 64), (48, 64), (48, 64)]


def test_what_cannot_be_is_said_at_once(live, still):
    for options, sentence in (
        ({"style": "nobody"}, "There is no network for the style 'nobody'; there are some for: candy"),
        ({"style": "starry_night", "network": "student-ours-plus"}, "There is no student-ours-plus for the style"),
        ({"network": "nobody"}, "Unknown network 'nobody'"),
        ({"size": 8}, "Frames cannot be 8 pixels wide"),
        ({"engine": "tensorrt"}, "Unknown engine 'tensorrt'"),
    ):
        with pytest.raises(TutorialError, match=sentence):
            live(still, **options)


# --- stopping ---


def test_the_button_stops_and_starts(cameras, live):
    cameras.pause = 0.05        # it is free only after the picture on which the camera is at work
    widget = live("camera")
    until(lambda: painted(widget))
    widget.button.click()
    reads, shown = cameras.reads, widget.picture.value
    assert not widget.running and not widget._thread.is_alive() and not cameras.held
    assert (widget.button.description, widget.label.value) == ("Start", "Stopped.")
    assert [thread.name for thread in threading.enumerate() if thread.name in ("live", "camera")] == []
    widget.button.click()
    assert widget.button.description == "Stop"
    until(lambda: cameras.reads > reads + 5 and widget.picture.value != shown)
    assert cameras.opened == 2
    widget.stop()
    widget.stop()


def test_after_a_stop_the_picture_stays(cameras, live):
    widget = live("camera")
    for _ in range(5):
        until(lambda: painted(widget))
        widget.stop()
        shown = widget.picture.value
        time.sleep(0.02)
        assert widget.picture.value is shown
        widget.start()
        assert changes(widget)


def test_a_stop_while_it_waits_for_the_next_frame(tmp_path, live):
    times = [0, 3600]
    widget = live(film(tmp_path / "slow.mp4", [picture(n) for n in range(2)], times))
    until(lambda: painted(widget))
    began = time.monotonic()
    widget.stop()
    assert not widget._thread.is_alive() and time.monotonic() < began + 1


def test_closing_frees_everything(cameras, live):
    widget = live("camera")
    until(lambda: painted(widget))
    widget.close()
    assert not cameras.held and not widget._thread.is_alive() and widget.comm is None
    assert widget._browser.asked.comm is None


def test_the_cell_is_run_again(cameras, live):
    first = live("camera")
    until(lambda: painted(first))
    second = live("camera")
    assert not first.running and first.button.description == "Start"
    until(lambda: painted(second))
    assert cameras.held and cameras.opened == 2 and "No camera" not in second.label.value
    first.button.click()                                    # and back
    assert not second.running
    assert changes(first) and cameras.opened == 3


def test_a_stop_does_not_wait_for_the_measurement_but_the_next_start_does(cameras, live, monkeypatch):
    go, inside = threading.Event(), []

    def fastest(network, size):
        inside.append(1)
        go.wait(30)
        return "torch"

    monkeypatch.setattr(engines, "fastest", fastest)
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    widget = live("camera", engine="auto")
    until(lambda: inside)
    assert widget.label.value == "Measuring engines for mosaic-student-ours, once ..."
    widget.stop()
    assert widget._thread.is_alive() and widget.label.value == "Stopped."
    until(lambda: not cameras.held)
    widget.start()
    time.sleep(0.02)
    assert cameras.opened == 1
    go.set()
    until(lambda: painted(widget))
    assert cameras.opened == 2 and len(inside) == 1


# --- errors ---


def test_a_camera_that_is_pulled_out_is_a_sentence(cameras, live):
    widget = live("camera")
    until(lambda: painted(widget))
    cameras.works = False
    until(lambda: ended(widget))
    assert widget.label.value.startswith("Stopped: The camera 0 sends no more pictures")
    assert widget.button.description == "Start" and isinstance(widget.error, TutorialError)
    until(lambda: not cameras.held)
    cameras.works = True
    widget.button.click()
    assert changes(widget) and widget.error is None


def test_files_that_are_no_video_or_damaged(tmp_path, still, live):
    widget = live(tmp_path / "none.mp4")
    until(lambda: ended(widget))
    assert widget.label.value == f"Stopped: There is no video {tmp_path / 'none.mp4'}."
    cv2.imwrite(str(still / "2.png"), np.zeros((10, 10, 3), np.uint8))
    widget = live(still)
    until(lambda: ended(widget))
    assert "the frames of a video must be of one size" in widget.label.value and painted(widget)


def test_a_network_that_cannot_be_loaded(tmp_path, cameras, live, monkeypatch):
    (tmp_path / "mosaic-student-plain.safetensors").write_bytes(b"nothing")
    monkeypatch.setenv("OFD_ZOO", str(tmp_path))
    widget = live("camera")
    until(lambda: painted(widget))
    widget.network_choice.value = "student-plain"
    until(lambda: ended(widget))
    assert "is not a checkpoint of this project, or is damaged" in widget.label.value
    until(lambda: not cameras.held)
    widget.network_choice.value = "student-ours"
    widget.start()
    assert changes(widget)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_foresaw_is_a_sentence_too(still, live, monkeypatch):
    def fail(*args):
        raise ValueError("<b>odd</b>")

    monkeypatch.setattr(module, "jpeg", fail)
    widget = live(still)
    until(lambda: ended(widget))
    assert widget.label.value == "Stopped: ValueError: &lt;b&gt;odd&lt;/b&gt;"
    assert isinstance(widget.error, ValueError)


# --- the browser ---


@pytest.fixture
def browser(monkeypatch):
    monkeypatch.setattr(module, "ASK", 0.01)
    monkeypatch.setattr(module, "BEHIND", 0.02)
    monkeypatch.setattr(module, "LOST", 0.3)
    browser = module._Browser()
    yield browser
    browser.close()


def waited(browser):
    began = time.monotonic()
    browser.wait(threading.Event())
    return time.monotonic() - began


def test_a_browser_that_never_answers_is_not_waited_for(browser):
    for _ in range(5):
        browser.ask()
        time.sleep(0.03)
        assert waited(browser) < 0.009
    assert browser.asked.value == 1


def test_one_that_answers_late_is_waited_for_a_little(browser, monkeypatch):
    browser.ask()
    browser.answer.value = browser.asked.value
    assert waited(browser) < 0.009
    time.sleep(0.02)
    browser.ask()
    assert browser.asked.value == 2 and waited(browser) < 0.009          # it still has time
    time.sleep(0.03)
    assert waited(browser) >= 0.009                                      # but no more than this
    monkeypatch.setattr(module, "ASK", 20)
    threading.Timer(0.02, lambda: setattr(browser.answer, "value", 2)).start()
    assert waited(browser) < 10
    assert waited(browser) < 0.009


def test_one_that_was_lost_is_asked_again(browser):
    browser.ask()
    browser.answer.value = 1
    time.sleep(0.02)
    browser.ask()
    time.sleep(0.32)
    browser.ask()
    assert browser.asked.value == 3


def test_the_browser_copies_the_number_by_itself(browser):
    state = browser._link.get_state()
    assert (state["source"], state["target"]) == (
        [f"IPY_MODEL_{browser.asked.model_id}", "value"], [f"IPY_MODEL_{browser.answer.model_id}", "value"])
    assert state["_model_name"] == "DirectionalLinkModel"
