"""The lab's sliders in a page, with a kernel that only writes down what it is asked."""

import json

import pytest
import torch

from tutorial_lib.data.clips import Clip
from tutorial_lib.lambdas import Lambdas, weights_of
from tutorial_lib.mixtures import Axis
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.show.lab import LambdaMixer
from tutorial_lib.show.lab.train_here import TrainHere

ROW = {"e_stab": 0.4, "style": 0.2, "content": 0.5}
WEIGHTS = weights_of({"style_weight": 2.0, "content_weight": 1.0, "tv_weight": 0.3, "lambda_res": 50.0,
                      "lambda_temp": 40.0, "lambda_rank": 1e-4})
POINT = {"strengths": {"temp": 0.5}, "trained": ROW, "mixed": ROW, "expected": ROW, "added": ROW}


def lab(holds=True, fails=(), kind=Lambdas, **more):
    honesty = {"rows": [POINT], "mean": 0.01, "worst": 0.02, "pairs": 1, "of": 1, "moves": {}, "holds": holds,
               "fails": [*fails]}
    record = {"style": "mosaic", "origin": ROW, "zoo": {}, "slopes": WEIGHTS, "weights": WEIGHTS, "honesty": honesty,
              "axes": {"temp": {"0.1": ROW, "1": ROW}, "style": {"0.5": ROW, "2": ROW}}}
    vector = dict.fromkeys(Pocket(8, 1).state_dict(), torch.zeros(()))
    axes = {"temp": Axis({0.1: vector, 1.0: vector}), "style": Axis({0.5: vector, 2.0: vector}, 1.0)}
    lambdas = kind(record, axes, Pocket(8, 1), {"temp": "lambda_temp", "style": "style_weight"})
    return LambdaMixer(lambdas, Clip(torch.zeros(2, 3, 16, 24)), None, presets={}, **more)


@pytest.fixture
def shown(opened):
    def shown(lab, width=1280):
        data = json.dumps(lab.data)
        page = opened(f"""<style>{lab._css}</style><div id="place"></div><script type="module">{lab._esm}
            window.sent = [];
            const model = {{get: () => ({data}), send: (one) => window.sent.push(one), on() {{}}, off() {{}}}};
            render({{model, el: document.querySelector("#place")}});</script>""", width)
        page.wait_for_function("() => window.sent?.length")
        return page

    return shown


def strengths(page):
    """Of the sliders, as the kernel is asked for them."""
    return page.evaluate("() => window.sent[0].strengths")


def test_between_trained_strengths_a_slider_goes_as_its_logarithm(shown):
    page = shown(lab())
    slider = page.get_by_role("slider", name="temp")
    assert strengths(page) == {"temp": 0, "style": 1}
    slider.fill("0.56")                                                 # the middle of what is left above the foot
    assert strengths(page)["temp"] == pytest.approx(0.1**0.5, rel=0.01)
    assert slider.get_attribute("aria-valuetext") == "lambda_temp 13"
    slider.fill("0.06")                                                 # halfway up the foot, which begins at 0
    assert strengths(page)["temp"] == pytest.approx(0.05)
    page.get_by_role("slider", name="style").fill("1")
    assert strengths(page) == pytest.approx({"temp": 0.05, "style": 2.0})


def test_an_axis_that_fails_has_its_trained_points_and_nothing_between(shown):
    page = shown(lab(fails=["temp"]))
    slider = page.get_by_role("slider", name="temp")
    seen = set()
    for position in range(0, 101, 10):
        slider.fill(str(position / 100))
        seen.add(strengths(page)["temp"])
    assert seen == {0, 0.1, 1}
    page.get_by_role("slider", name="style").fill("0.31")               # the other one is as free as before
    assert strengths(page)["style"] == pytest.approx(0.5 * 4**0.31) and strengths(page)["temp"] == 1


def test_where_mixtures_do_not_hold_each_slider_moves_alone(shown):
    page = shown(lab(holds=False))
    page.get_by_role("slider", name="temp").fill("0.95")
    assert strengths(page) == {"temp": 1, "style": 1}
    page.get_by_role("slider", name="style").fill("0.9")
    assert strengths(page) == {"temp": 0, "style": 2}
    assert page.get_by_role("slider", name="temp").get_attribute("aria-valuetext") == "lambda_temp 0"


def test_an_axis_that_moves_several_settings_speaks_all_of_them(shown):
    class Several(Lambdas):
        @property
        def described(self):
            moves = {"lambda_temp": [0.0, 40.0], "style_weight": [1.0, 2.2]}
            return {**super().described, "temp": {**super().described["temp"], "moves": moves}}

    page = shown(lab(kind=Several))
    slider = page.get_by_role("slider", name="temp")
    slider.focus()
    page.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "lambda_temp 40, style_weight 2.2"


def test_every_control_has_a_name_and_nothing_is_wider_than_a_phone(shown):
    class Nothing(TrainHere):
        def __init__(self):
            pass

        def close(self):
            pass

    page = shown(lab(train_here=Nothing()), 390)
    assert page.get_by_role("button", name="Train here").is_enabled()
    for control in page.get_by_role("slider").all() + page.get_by_role("button").all():
        named = control.evaluate("one => (one.labels?.[0]?.textContent || one.textContent).trim()")
        assert len(named) > 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
