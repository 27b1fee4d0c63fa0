"""The lambda lab without a kernel: a page from a server of files alone, which mixes and paints in the browser."""

import base64
import contextlib
import functools
import http.server
import io
import json
import os
import re
import shutil
import threading

import numpy as np
import pytest
import torch
from films import film, picture
from PIL import Image
from scripts import script

from tutorial_lib import engines, mixable
from tutorial_lib.lambdas import Between, Lambdas
from tutorial_lib.mixtures import Axis
from tutorial_lib.networks.pocket import Pocket

READY = "body[data-frames][data-busy=false]"
GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")


def row(e_stab, style=0.2, content=0.5):
    return {"e_stab": e_stab, "style": style, "content": content}


RECORD = {
    "style": "tiny", "origin": row(0.4), "zoo": {},
    "weights": {"lambda_temp": 40.0, "style_weight": 2.0, "content_weight": 1.0},
    "slopes": {"style_weight": 1.0, "content_weight": 2.0, "lambda_temp": 3.0},
    "axes": {"temp": {"0.1": row(0.3), "1": row(0.2, 0.3)}, "style": {"0.5": row(0.4, 0.4), "2": row(0.5, 0.1)}},
}


class Tiny(Lambdas):
    @property
    def presets(self):
        return {"everything off": {}, "steady": {"temp": 1.0, "style": 2.0}}


def tiny(seed):
    """A lab of random students whose weights are numbers that half precision has."""
    torch.manual_seed(seed)
    start = Pocket(8, 1).eval().half().float()
    vectors = [{name: (0.2 * torch.randn(value.shape)).half().float() for name, value in start.state_dict().items()}
               for _ in range(4)]
    axes = {"temp": Axis({0.1: vectors[0], 1.0: vectors[1]}), "style": Axis({0.5: vectors[2], 2.0: vectors[3]}, 1.0)}
    return Tiny({**RECORD, "style": f"tiny-{seed}"}, axes, start, {"temp": "lambda_temp", "style": "style_weight"})


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def copyfile(self, *files):
        with contextlib.suppress(ConnectionError):      # a page that was closed wants the rest of a file no more
            super().copyfile(*files)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two pages, of the zoo's own students and of two tiny labs that were measured: their folders and their labs."""
    if not shutil.which("npm"):
        (pytest.fail if os.environ.get("OFD_BROWSER") else pytest.skip)("npm is not installed")
    page, home = script("make_lab_page"), tmp_path_factory.mktemp("pages")
    ours, labs = [Between.of("mosaic")], [tiny(0), tiny(1)]
    page.build(home / "zoo", ours, 128, 4)
    shutil.copytree(home / "zoo", home / "tiny", ignore=shutil.ignore_patterns("data"))
    shutil.copytree(home / "zoo" / "data", home / "tiny" / "data")
    frame = torch.rand(1, 3, 72, 128, generator=torch.Generator().manual_seed(5))
    for lab in labs:
        mixable.write(lab, home / "tiny" / "data", frame)
    about = json.loads((home / "zoo" / "data" / "lab.json").read_text())
    styles = [lab.record["style"] for lab in labs]
    (home / "tiny" / "data" / "lab.json").write_text(json.dumps({**about, "styles": styles}))
    return home, {lab.record["style"]: lab for lab in (*ours, *labs)}


@pytest.fixture(scope="module")
def address(built):
    handler = functools.partial(Quiet, directory=built[0])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def context(browser):
    """One for all pages: what computes in them is loaded once."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def visit(browser, context, address):
    """Opens one of the pages and waits for its first painting. Nothing may be asked of anywhere but its own server."""
    pages, asked, problems = [], [], []

    def visit(which="tiny", query="", width=1280, before="", until=READY, of=context):
        page = of.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda problem: problems.append(problem))
        if before:
            page.add_init_script(before)
        page.goto(f"{address}/{which}/index.html{query}")
        if until:
            page.locator(until).wait_for(timeout=120_000)
        return page

    visit.asked = asked
    yield visit
    for page in pages:
        page.close()
    assert asked and not [url for url in asked if not url.startswith((address, "blob:", "data:"))]
    assert not problems


def after(page, action):
    """Does something, and waits until nothing is under way any more."""
    action()
    page.locator(READY).wait_for(timeout=30_000)


def shown(page, canvas="after"):
    """What a canvas shows, (1, 3, H, W)."""
    source = page.evaluate("(name) => document.getElementById(name).toDataURL()", canvas)
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255


def told(page, name):
    return page.locator("body").get_attribute(f"data-{name}")


def frames(page):
    return int(told(page, "frames"))


def goes_on(page, more=3):
    """Waits until so many more frames were painted."""
    wanted = frames(page) + more
    for _ in range(600):
        if frames(page) >= wanted:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{frames(page)} frames and no more, {page.locator('#problem').inner_text()}")


def by_pytorch(page, lambdas):
    """PyTorch's painting of what goes in, by the mixture that the page says it has."""
    with torch.inference_mode():
        return lambdas.network(json.loads(told(page, "strengths")))(shown(page, "before"))


# --- the pictures are PyTorch's ---


def test_the_zoos_students_paint_as_in_pytorch(visit, built):
    page, lambdas = visit("zoo"), built[1]["mosaic"]
    assert engines.decibels(shown(page), by_pytorch(page, lambdas)) > engines.NEAR
    start = lambdas.start(shown(page, "before"))
    after(page, page.get_by_role("button", name="all of Eq. 13").click)
    assert json.loads(told(page, "strengths")) == {"ours": 1, "temp": 1}
    assert engines.decibels(shown(page), by_pytorch(page, lambdas)) > engines.NEAR
    assert engines.decibels(shown(page), start) < 30                                   # it is another picture
    for key, place in (("ours", "0.5"), ("temp", "0")):
        after(page, lambda key=key, place=place: page.get_by_role("slider", name=key, exact=True).fill(place))
    assert json.loads(told(page, "strengths")) == {"ours": 0.5, "temp": 0}
    assert engines.decibels(shown(page), by_pytorch(page, lambdas)) > engines.NEAR


@pytest.mark.parametrize("strengths", [
    {}, {"temp": 1.0}, {"temp": 0.1}, {"temp": 0.05}, {"temp": 0.3}, {"style": 0.5}, {"style": 1.4},
    {"temp": 0.77, "style": 0.6}, {"temp": 0, "style": 1},
])
def test_weights_are_mixed_as_in_python(strengths, visit, built):
    page, lambdas = visit(until=None), built[1]["tiny-0"]
    mixed = page.evaluate("""async (strengths) => {
        const {mixture, opened} = await import("./mixing.js");
        return Array.from(mixture(await opened(new URL("data/tiny-0.json", document.baseURI)), strengths));
    }""", strengths)
    wanted = mixable.flat(lambdas.network(strengths).state_dict())
    assert torch.allclose(torch.tensor(mixed), wanted, atol=2e-6)


def test_beyond_what_was_trained_nothing_is_mixed(visit):
    page = visit(until=None)
    for trained, origin, strength, words in (
        ([0.1, 1], 0, 1.2, "Strengths from 0 to 1 were trained; 1.2 was not."),
        ([0.5, 2], 1, 0.4, "Strengths from 0.5 to 2 were trained; 0.4 was not."),
        ([1], 0, float("nan"), "Strengths from 0 to 1 were trained; NaN was not."),
    ):
        said = page.evaluate("""async ([axis, strength]) => {
            const {between} = await import("./mixing.js");
            try { return between(axis, strength); } catch (problem) { return problem.message; }
        }""", [{"trained": trained, "origin": origin}, strength])
        assert said == words


def test_on_a_graphics_processor_it_is_the_same_picture(browser, visit):
    """In software here, and slow: it is taken only where it is asked for, and only the page's own check is painted."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with_gpu = browser.browser_type.launch(executable_path=program, args=["--no-sandbox", "--disable-quic", *GPU])
    page = visit(query="?engine=webgpu", of=with_gpu, until="body[data-engine]")
    assert told(page, "engine") == "WebGPU" and float(told(page, "near")) > engines.NEAR
    page.close()
    page = visit(of=with_gpu, until="body[data-engine]")
    assert told(page, "engine") == "WebAssembly" and float(told(page, "near")) > engines.NEAR
    with_gpu.close()


# --- the mixture's controls ---


def test_sliders_by_mouse_and_keyboard_change_the_picture_and_the_numbers(visit, built):
    page, lambdas = visit(), built[1]["tiny-0"]
    slider, numbers = page.get_by_role("slider", name="temp"), page.locator("#scores")
    assert slider.get_attribute("aria-valuetext") == "lambda_temp 0"
    assert "0.400\n±0 %" in numbers.inner_text()
    first = shown(page)
    slider.focus()
    after(page, lambda: page.keyboard.press("End"))
    assert slider.get_attribute("aria-valuetext") == "lambda_temp 40"
    assert "0.200\n−50 %" in numbers.inner_text() and "0.300\n+50 %" in numbers.inner_text()
    steadiest = shown(page)
    assert engines.decibels(steadiest, first) < 30
    assert engines.decibels(steadiest, by_pytorch(page, lambdas)) > engines.NEAR
    box = slider.bounding_box()
    after(page, lambda: page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2))
    strengths = json.loads(told(page, "strengths"))
    assert 0.1 < strengths["temp"] < 1
    for name, value in lambdas.estimated(strengths).items():
        said = numbers.locator("div").filter(has=page.get_by_text(name, exact=True)).locator("dd").first.inner_text()
        assert float(said) == pytest.approx(value, abs=6e-4)
    assert engines.decibels(shown(page), by_pytorch(page, lambdas)) > engines.NEAR
    page.keyboard.press("ArrowRight")
    after(page, lambda: page.keyboard.press("ArrowRight"))
    assert strengths["temp"] < json.loads(told(page, "strengths"))["temp"] < 1
    after(page, page.get_by_role("button", name="everything off").click)
    assert torch.equal(shown(page), first) and slider.get_attribute("aria-valuetext") == "lambda_temp 0"


def test_a_trained_strength_has_a_place_on_its_slider(visit):
    page = visit()
    after(page, lambda: page.get_by_role("slider", name="temp").fill("0.12"))
    after(page, lambda: page.get_by_role("slider", name="style").fill("0"))
    assert json.loads(told(page, "strengths")) == {"temp": 0.1, "style": 0.5}
    assert page.get_by_role("slider", name="style").get_attribute("aria-valuetext") == "style_weight 1"
    assert page.locator(".axis").first.locator(".marks span").count() == 3


@pytest.mark.parametrize(("honesty", "kept", "moved"), [
    ({"holds": True, "fails": ["temp"]}, 1.0, 0.1), ({"holds": False, "fails": []}, 1.0, 0.1),
])
def test_what_may_not_be_mixed_goes_from_one_trained_student_to_the_next(honesty, kept, moved, visit, built):
    """fails: an axis without anything between; where nothing holds, each slider moves alone."""
    about = json.loads((built[0] / "tiny" / "data" / "tiny-0.json").read_text())
    about["honesty"] = {"rows": [0] * 10, "worst": 0.25, "mean": 0.1, **honesty}
    page = visit(until=None)
    page.route("**/tiny-0.json", lambda route: route.fulfill(json=about))
    page.reload()
    page.locator(READY).wait_for(timeout=60_000)
    after(page, lambda: page.get_by_role("slider", name="style").fill("0.8"))
    after(page, lambda: page.get_by_role("slider", name="temp").fill("0.5"))
    strengths = json.loads(told(page, "strengths"))
    assert strengths["temp"] == moved
    assert (strengths["style"] == kept) == (not honesty["holds"])
    assert (page.get_by_role("button", name="steady").count() == 0) == (not honesty["holds"])
    said = page.locator("#honesty").inner_text()
    assert ("within 25 %" in said) == honesty["holds"] and ("moves alone" in said) != honesty["holds"]


def test_every_control_has_a_name_and_the_keyboard_reaches_it(visit):
    page = visit()
    for kind in ("button", "slider", "combobox"):
        named = page.get_by_role(kind, include_hidden=True, name=re.compile(r"\w"))
        assert named.count() == page.get_by_role(kind, include_hidden=True).count() > 1
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("() => [document.activeElement.tagName, document.activeElement.type, "
                                  "document.activeElement.textContent].join(' ')"))
    for control in ("BUTTON button Play", "BUTTON button The clip", "INPUT file ", "BUTTON button Your camera",
                    "BUTTON button steady"):
        assert control in reached, control
    assert "INPUT range " in reached and "SELECT select-one tiny-0tiny-1" in reached


def test_another_style_is_another_network(visit, built):
    page = visit()
    after(page, lambda: page.get_by_role("slider", name="temp").fill("0.9"))
    first = shown(page)
    page.get_by_role("combobox", name="style").select_option("tiny-1")
    page.locator("body[data-strengths='{\"temp\":0,\"style\":1}'][data-busy=false]").wait_for()
    assert engines.decibels(shown(page), by_pytorch(page, built[1]["tiny-1"])) > engines.NEAR
    assert engines.decibels(shown(page), first) < 30


def test_scores_are_expected_only_where_some_were_measured(visit, built):
    assert visit().locator("#expected").is_visible()
    page = visit("zoo")
    assert not page.locator("#expected").is_visible()
    slider, end = page.get_by_role("slider", name="ours", exact=True), built[1]["mosaic"].at({"ours": 1.0})
    assert "lambda_res 0," in slider.get_attribute("aria-valuetext")
    after(page, page.get_by_role("button", name="ours", exact=True).click)
    assert f"lambda_res {end['lambda_res']:.0f}," in slider.get_attribute("aria-valuetext")


# --- where frames come from ---


def test_the_clip_waits_for_play_and_goes_on_until_it_is_paused(visit, built):
    page = visit()
    before = frames(page)
    page.wait_for_timeout(300)
    first = shown(page, "before")
    assert frames(page) == before
    page.get_by_role("button", name="Play").click()
    seen = set()
    for _ in range(300):
        seen.add(shown(page, "before").numpy().tobytes())
        if len(seen) == 4:
            break
    assert len(seen) == 4                                                     # all of its frames
    assert "frames a second" in page.locator("#speed").inner_text()
    after(page, page.get_by_role("button", name="Pause").click)
    last = frames(page)
    page.wait_for_timeout(300)
    assert frames(page) == last
    assert engines.decibels(shown(page), by_pytorch(page, built[1]["tiny-0"])) > engines.NEAR
    after(page, page.get_by_role("button", name="Stop").click)
    assert torch.equal(shown(page, "before"), first)


def test_sliders_move_while_it_plays(visit):
    page = visit()
    page.get_by_role("button", name="Play").click()
    page.get_by_role("slider", name="temp").fill("1")
    goes_on(page)
    assert json.loads(told(page, "strengths"))["temp"] == 1


def chosen(page, name, content, kind):
    page.locator("input[type=file]").set_input_files({"name": name, "buffer": content, "mimeType": kind})


def test_a_picture_of_ones_own_is_painted(visit, built):
    page = visit()
    content, pixels = io.BytesIO(), picture(3, 61, 47)
    Image.fromarray(pixels).save(content, "png")
    chosen(page, "mine.png", content.getvalue(), "image/png")
    page.locator("body[data-source=own][data-busy=false]").wait_for()
    assert shown(page).shape == (1, 3, 320, 247)                              # 320 is the longer side
    wanted = torch.from_numpy(np.array(Image.fromarray(pixels).resize((247, 320)))).permute(2, 0, 1)[None] / 255
    assert engines.decibels(shown(page, "before"), wanted) > 30
    assert engines.decibels(shown(page), by_pytorch(page, built[1]["tiny-0"])) > engines.NEAR
    assert page.get_by_role("button", name="Play").is_disabled()
    page.get_by_label("painted at").select_option("240")
    page.locator(READY).wait_for()
    assert shown(page).shape == (1, 3, 240, 185)


def test_what_is_transparent_lies_on_white(visit):
    page, content = visit(), io.BytesIO()
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(content, "png")
    chosen(page, "clear.png", content.getvalue(), "image/png")
    page.locator("body[data-source=own][data-busy=false]").wait_for()
    assert shown(page, "before").min() == 1


def test_a_film_of_ones_own_plays(visit, built, tmp_path):
    page = visit()
    film(tmp_path / "mine.mp4", [picture(n, 90, 160) for n in range(25)])
    chosen(page, "mine.mp4", (tmp_path / "mine.mp4").read_bytes(), "video/mp4")
    page.locator("body[data-source=own]").wait_for()
    goes_on(page, 4)
    assert page.get_by_role("button", name="Pause").is_visible()
    after(page, page.get_by_role("button", name="Pause").click)
    assert engines.decibels(shown(page), by_pytorch(page, built[1]["tiny-0"])) > engines.NEAR
    after(page, page.get_by_role("button", name="The clip").click)
    page.locator("body[data-source=clip][data-busy=false]").wait_for()


@pytest.mark.parametrize(("name", "kind"), [
    ("odd.png", "image/png"), ("odd.mp4", "video/mp4"), ("odd.txt", "text/plain")])
def test_a_broken_file_is_one_sentence_and_the_page_goes_on(name, kind, visit):
    page = visit()
    before = shown(page)
    chosen(page, name, b"This is neither.\n" * 40, kind)
    page.locator("#problem").filter(has_text=f"{name} is no picture or film that this browser can show").wait_for()
    assert torch.equal(shown(page), before) and told(page, "source") == "clip"
    page.get_by_role("button", name="Play").click()
    goes_on(page)
    assert page.locator("#problem").inner_text() == ""


STREAMS = """
window.streams = [];
const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (...wishes) => {
    const stream = await asked(...wishes);
    window.streams.push(stream);
    return stream;
};"""


def lives(page):
    """Of each stream that was asked for, whether the camera still gives it."""
    return page.evaluate(
        "() => window.streams.map((one) => one.getTracks().some((track) => track.readyState === 'live'))")


def test_the_camera_is_painted_and_free_after_stop(visit, built):
    page = visit(before=STREAMS)
    page.get_by_role("button", name="Your camera").click()
    page.locator("body[data-source=camera]").wait_for()
    goes_on(page, 4)
    assert lives(page) == [True]
    after(page, page.get_by_role("button", name="Stop").click)
    assert lives(page) == [False]
    last = frames(page)
    page.wait_for_timeout(300)
    assert frames(page) == last
    assert shown(page, "before").std() > 0.05                                 # Chromium's is green, with a clock
    assert engines.decibels(shown(page), by_pytorch(page, built[1]["tiny-0"])) > engines.NEAR
    page.get_by_role("button", name="Play").click()                           # asks for it again
    goes_on(page)
    assert lives(page) == [False, True]
    page.get_by_role("button", name="The clip").click()
    page.locator("body[data-source=clip]").wait_for()
    assert lives(page) == [False, False]


REFUSES = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', '%s'); };"


@pytest.mark.parametrize(("camera", "words"), [
    (REFUSES % "NotAllowedError", "was refused"), (REFUSES % "NotFoundError", "There is no camera"),
    ("Object.defineProperty(navigator, 'mediaDevices', {value: undefined});", "from https or from this machine"),
])
def test_without_a_camera_there_is_a_sentence(camera, words, visit):
    page = visit(before=camera)
    page.get_by_role("button", name="Your camera").click()
    page.locator("#problem").filter(has_text=words).wait_for()
    assert told(page, "source") == "clip"


# --- the page as a whole ---


def test_a_part_that_is_missing_is_a_sentence(visit):
    page = visit(until=None)
    page.route("**/tiny-0.bin", lambda route: route.fulfill(status=404))
    page.reload()
    page.locator("#problem").filter(has_text="lacks a part of its own").wait_for()
    assert "tiny-0.bin (404)" in page.locator("#problem").inner_text()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(width, visit):
    page = visit(width=width)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    after, before = (page.locator(f"#{name}").bounding_box() for name in ("after", "before"))
    assert (after["x"] > before["x"] + before["width"]) == (width == 1280)             # side by side


def test_it_says_that_nothing_leaves_the_computer_and_asks_nobody_else(browser, visit):
    """`visit` holds every request against the server; here it is seen that those of the worker are among them."""
    page = visit(of=browser.new_context())
    assert page.get_by_text("Nothing leaves your computer.").is_visible()
    assert "default-src 'self'" in page.locator("meta[http-equiv]").get_attribute("content")
    asked = {url.rsplit("/", 1)[1] for url in visit.asked}
    assert {"painter.js", "tiny-0.bin", "pocket-8x1.onnx", "wasm-core.wasm"} <= asked


def test_without_scripts_it_says_how_it_is_opened(browser, visit):
    page = visit(of=browser.new_context(java_script_enabled=False), until=None)
    assert "python -m http.server" in page.locator("#speed").inner_text()
