import re

import pytest

CELL = """
import torch
from tutorial_lib import mixtures
from tutorial_lib.data.clips import filmed
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.lambdas import Lambdas
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.show.lab import LambdaMixer

torch.manual_seed(0)
start, end, other = Pocket(8, 1), Pocket(8, 1), Pocket(8, 1)
row = {"e_stab": 0.4, "style": 0.2, "content": 0.5}
steadier = {"e_stab": 0.2, "style": 0.3, "content": 0.6}
axes = {"temp": mixtures.Axis({0.1: mixtures.task_vector(end, start), 1.0: mixtures.task_vector(other, start)}),
        "style": mixtures.Axis({0.5: mixtures.task_vector(end, start), 2.0: mixtures.task_vector(other, start)}, 1.0)}
record = {"style": "mosaic", "origin": row, "zoo": {"student-scratch": row, "student-ours": steadier},
          "axes": {"temp": {"0.1": row, "1": steadier}, "style": {"0.5": row, "2": row}},
          "slopes": {"style_weight": 1 / 2.2, "lambda_temp": 3 / 40},
          "weights": {"style_weight": 2.2, "lambda_temp": 40.0}}
lambdas = Lambdas(record, axes, start, {"temp": "lambda_temp", "style": "style_weight"})
lab = LambdaMixer(lambdas, filmed(test_scene("alley_2", 48, 64, 4)), None,
                {"everything off": {}, "L_temp alone": {"temp": 1.0}})
lab
"""


TRAINS = CELL.replace("\nlab\n", """
from tutorial_lib import evaluation
from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.settings import scale
from tutorial_lib.show.lab.train_here import TrainHere
from tutorial_lib.training.targets import FrozenTargets

settings = scale("smoke").but(height=32, width=48, clips=2, clip_length=3, finetune_rate=1e-3)
teachers = Teacher(8, 1).eval().requires_grad_(False), Teacher(8, 1, uses_flow=False).eval().requires_grad_(False)
targets = FrozenTargets(RenderedClips(settings), *teachers, start.eval().requires_grad_(False))
judge = evaluation.judge_of("mosaic", settings)
record["weights"] |= {"content_weight": 1.0, "tv_weight": 0.3, "lambda_res": 10.0, "lambda_rank": 1e-4}
record["slopes"] = dict.fromkeys(record["weights"], 1.0)
here = TrainHere(start, targets, judge, settings)
lab = LambdaMixer(lambdas, filmed(test_scene("alley_2", 48, 64, 4)), judge, train_here=here, presets={})
lab
""")


@pytest.fixture
def lab(ran):
    page = ran(CELL)
    page.locator(".lambda-lab[data-shown]").wait_for(timeout=40_000)
    return page


def shown(page):
    return int(page.locator(".lambda-lab").get_attribute("data-shown"))


def picture(page):
    return page.evaluate("() => document.querySelector('.lambda-lab canvas').toDataURL()")


def after(page, action):
    """Does something and waits for the frame that answers it."""
    before = shown(page)
    action()
    page.wait_for_function("(n) => Number(document.querySelector('.lambda-lab').dataset.shown) > n", arg=before)


def test_sliders_by_mouse_keyboard_and_preset_change_the_picture_and_the_numbers(lab):
    numbers, slider = lab.locator(".numbers"), lab.get_by_role("slider", name="temp")
    assert "e_stab 0.400 (+0 %)" in numbers.inner_text()
    assert slider.get_attribute("aria-valuetext") == "lambda_temp 0"
    first = picture(lab)
    slider.focus()
    after(lab, lambda: lab.keyboard.press("End"))
    assert "e_stab 0.200 (−50 %), style 0.300 (+50 %)" in numbers.inner_text()
    assert slider.get_attribute("aria-valuetext") == "lambda_temp 40"
    steadiest = picture(lab)
    assert steadiest != first
    after(lab, lambda: lab.get_by_role("button", name="everything off").click())
    assert picture(lab) == first and slider.get_attribute("aria-valuetext") == "lambda_temp 0"
    box = slider.bounding_box()
    after(lab, lambda: lab.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2))
    assert picture(lab) not in (first, steadiest)
    after(lab, lambda: lab.get_by_role("button", name="L_temp alone").click())
    assert picture(lab) == steadiest
    assert "75 %" in lab.locator(".pulls").inner_text()                    # 3 of 4


def test_the_film_plays_and_stops(lab):
    lab.get_by_role("button", name="Play").click()
    lab.wait_for_function("() => document.querySelector('.lambda-lab').dataset.frame === '3'")
    lab.get_by_role("button", name="Pause").click()
    lab.locator(".lambda-lab[data-busy=false]").wait_for()              # one frame may have been under way
    after(lab, lambda: lab.get_by_role("slider", name="frame").fill("1"))
    last = shown(lab)
    lab.wait_for_timeout(300)
    assert (shown(lab), lab.locator(".lambda-lab").get_attribute("data-frame")) == (last, "1")


def test_a_measurement_is_shown_and_a_problem_is_one_sentence(lab):
    lab.get_by_role("button", name="Measure this one").click()
    lab.locator(".problem").filter(has_text=re.compile("AttributeError|TypeError")).wait_for()   # it has no judge
    after(lab, lambda: lab.get_by_role("slider", name="temp").fill("0.5"))
    assert lab.locator(".problem").inner_text() == ""


def test_train_here_trains_stops_goes_on_and_begins_anew_while_the_sliders_answer(ran):
    page = ran(TRAINS)
    lab = page.locator(".lambda-lab")
    page.locator(".lambda-lab[data-shown]").wait_for(timeout=60_000)
    assert page.locator("[data-still]").count() == 0                     # the picture in its place is gone
    begin, stop = page.get_by_role("button", name="Train here"), page.get_by_role("button", name="Stop")
    reset = page.get_by_role("button", name="Reset")
    assert stop.is_disabled() and reset.is_disabled()
    assert page.get_by_role("slider", name="time").get_attribute("aria-valuetext") == "20 seconds"
    page.get_by_role("slider", name="time").fill("120")
    curves, film = (page.locator(f"canvas[aria-label='{label}']") for label in (
        "loss curves of the training, term by term", "the film, painted by the student in training"))
    begin.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => Number(document.querySelector('.lambda-lab').dataset.step) > 1", timeout=60_000)
    assert begin.is_disabled() and curves.is_visible() and film.is_visible()
    first = film.evaluate("canvas => canvas.toDataURL()")
    before = picture(page)
    after(page, lambda: page.get_by_role("slider", name="temp").fill("1"))      # the kernel is free meanwhile
    assert picture(page) != before and lab.get_attribute("data-training") == "true"
    page.wait_for_function(f"() => Number(document.querySelector('.lambda-lab').dataset.step) > {steps(page)}",
                           timeout=60_000)
    stop.click()
    page.locator(".lambda-lab[data-training=false]").wait_for(timeout=60_000)
    stopped = steps(page)
    assert film.evaluate("canvas => canvas.toDataURL()") != first
    words = page.locator(".train-here").inner_text()
    assert f"Trained for {stopped} steps" in words and re.search(rf"Step {stopped}, [\d.]+ s", words)
    frontier = page.locator("canvas[aria-label='e_stab against style loss']")
    with_triangle = frontier.evaluate("canvas => canvas.toDataURL()")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_function(f"() => Number(document.querySelector('.lambda-lab').dataset.step) > {stopped}",
                           timeout=60_000)
    page.get_by_role("button", name="Stop").click()
    page.locator(".lambda-lab[data-training=false]").wait_for(timeout=60_000)
    reset.click()
    assert steps(page) == 0 and not curves.is_visible() and reset.is_disabled()
    assert frontier.evaluate("canvas => canvas.toDataURL()") != with_triangle


def steps(page):
    return int(page.locator(".lambda-lab").get_attribute("data-step"))


def test_a_problem_of_the_training_is_its_sentence(ran):
    page = ran(TRAINS.replace("\nlab\n", "\nhere.plain = None\nlab\n"))
    page.locator(".lambda-lab[data-shown]").wait_for(timeout=60_000)
    page.get_by_role("button", name="Train here").click()
    page.locator(".train-here .problem").filter(has_text="AttributeError").wait_for(timeout=60_000)
    assert page.get_by_role("button", name="Train here").is_enabled()
