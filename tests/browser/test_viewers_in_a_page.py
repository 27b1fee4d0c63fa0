import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from tutorial_lib.data.clips import Clip, Motion
from tutorial_lib.losses.low_rank import singular_values
from tutorial_lib.show.viewers.flicker import flicker_player
from tutorial_lib.show.viewers.flow import flow_viewer
from tutorial_lib.show.viewers.rank import rank_viewer

HEIGHT, WIDTH, COUNT = 36, 60, 4


def film(shade):
    """Frame n is n steps brighter than the first, and its right half is darker: every frame, row and side differs."""
    frames = torch.full((COUNT, 3, HEIGHT, WIDTH), shade)
    frames += torch.arange(COUNT)[:, None, None, None] * 0.1 + torch.linspace(0, 0.2, HEIGHT)[:, None]
    frames[..., WIDTH // 2:] -= 0.15
    return frames.clamp(0, 1)


FILMS = {"input": film(0.2), "student-ours": film(0.5)}


@pytest.fixture
def player(opened):
    page = opened(flicker_player(FILMS).data)
    page.locator(".viewer[data-frame]").wait_for()
    return page


def pixels(page, label):
    """What a canvas shows: (H, W, 3) from 0 to 1."""
    source = page.evaluate("(label) => document.querySelector(`canvas[aria-label='${label}']`).toDataURL()", label)
    return np.array(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("RGB")) / 255


def frame(page):
    return int(page.locator(".viewer").get_attribute("data-frame"))


def test_every_film_is_seen_frame_by_frame(player):
    for number in range(COUNT):
        assert frame(player) == number
        for name, frames in FILMS.items():
            shown = np.delete(pixels(player, name), [HEIGHT // 2 - 1, HEIGHT // 2], 0)      # without the line
            wanted = np.delete(frames[number].permute(1, 2, 0).numpy(), [HEIGHT // 2 - 1, HEIGHT // 2], 0)
            assert abs(shown - wanted).mean() < 0.02, (name, number)
        player.get_by_role("button", name="Next frame").click()
    assert frame(player) == COUNT - 1
    player.get_by_role("button", name="Previous frame").click()
    assert frame(player) == COUNT - 2


def test_nothing_moves_before_play_and_it_plays_on_and_stops(player):
    player.evaluate("""() => { window.seen = [];
        new MutationObserver(() => window.seen.push(Number(document.querySelector('.viewer').dataset.frame)))
            .observe(document.querySelector('.viewer'), {attributes: true, attributeFilter: ['data-frame']}); }""")
    player.wait_for_timeout(200)
    assert player.evaluate("window.seen") == []
    player.get_by_label("speed").select_option("2")
    player.get_by_role("button", name="Play").click()
    player.wait_for_function("() => window.seen.length > 7")
    player.get_by_role("button", name="Pause").click()
    seen = player.evaluate("window.seen")
    assert seen[:7] == [1, 2, 3, 2, 1, 0, 1]                                # there and back
    assert player.evaluate("new Promise(done => setTimeout(() => done(window.seen.length), 300))") == len(seen)


def test_at_its_end_a_film_starts_again_or_stops_as_one_likes(player):
    player.get_by_role("slider", name="frame").fill(str(COUNT - 1))
    player.get_by_label("at the end").select_option("once")
    player.get_by_role("button", name="Play").click()
    player.get_by_role("button", name="Play").wait_for()                    # has stopped by itself
    assert frame(player) == COUNT - 1
    player.get_by_label("at the end").select_option("start")
    player.get_by_role("button", name="Play").click()
    player.wait_for_function("() => document.querySelector('.viewer').dataset.frame === '0'")


def test_the_keyboard_alone_moves_the_frame_and_its_place_is_spoken(player):
    slider = player.get_by_role("slider", name="frame")
    slider.focus()
    player.keyboard.press("ArrowRight")
    assert frame(player) == 1
    assert slider.get_attribute("aria-valuetext") == "2 of 4"


def test_every_control_has_a_name(player):
    for kind in ("button", "slider", "combobox"):
        named = player.get_by_role(kind, include_hidden=True, name=re.compile(r"\w"))
        assert named.count() == player.get_by_role(kind, include_hidden=True).count() > 1


def test_under_a_film_stands_the_row_that_one_drags_to(player):
    label = "input: one row over time, downwards"
    screen = player.locator("canvas[aria-label='input']")
    box = screen.bounding_box()
    for row in (3, 31):
        player.mouse.move(box["x"] + 5, box["y"] + 5)
        player.mouse.down()
        player.mouse.move(box["x"] + 10, box["y"] + row / (HEIGHT - 1) * box["height"])
        player.mouse.up()
        wanted = FILMS["input"][:, :, row].permute(0, 2, 1).numpy().repeat(4, 0)      # (N * 4, W, 3)
        assert abs(pixels(player, label) - wanted)[:, 6:].mean() < 0.03               # 5 are the mark of now
        assert f"row {row}" in player.get_by_role("slider", name="line").get_attribute("aria-valuetext")


def test_zoom_shows_a_part_around_the_place(player):
    player.get_by_label("zoom").select_option("4")
    player.get_by_role("slider", name="place").fill("1")
    shown = pixels(player, "input")
    wanted = FILMS["input"][0, :, :, -WIDTH // 4:].permute(1, 2, 0).numpy()
    assert abs(shown[0].mean() - wanted[round(HEIGHT * 3 / 8)].mean()) < 0.03
    player.get_by_role("slider", name="place").fill("0")
    assert pixels(player, "input")[0].mean() > shown[0].mean() + 0.1                  # the left half is brighter


def test_one_film_is_wiped_over_another(player):
    assert not player.get_by_role("slider", name="wipe").is_visible()
    player.get_by_label("wipe to").select_option("1")
    player.get_by_role("slider", name="wipe").fill("0.25")
    both = pixels(player, "two films, one wiped over the other")
    one, other = (frames[0].permute(1, 2, 0).numpy() for frames in FILMS.values())
    assert abs(both[:, :13] - one[:, :13]).mean() < 0.02
    assert abs(both[:, 18:] - other[:, 18:]).mean() < 0.02


def test_the_maps_of_flicker_are_shown_where_there_are_some(opened, player, clip_of):
    assert not player.get_by_label("show").is_visible()
    still = FILMS["input"][:1].repeat(COUNT, 1, 1, 1)
    page = opened(flicker_player({"input": FILMS["input"], "still": still}, clip_of(FILMS["input"])).data)
    page.locator(".viewer[data-frame]").wait_for()
    page.get_by_label("show").select_option("error")
    page.get_by_role("slider", name="line").fill("0")
    assert pixels(page, "input")[5:].mean() == pytest.approx(0.1 / 0.25, abs=0.03)
    assert pixels(page, "still")[5:].mean() < 0.03


@pytest.fixture
def clip_of():
    def clip_of(frames):
        count, _, height, width = frames.shape
        motion = Motion(torch.zeros(count - 1, 2, height, width), torch.ones(count - 1, 1, height, width))
        return Clip(frames, {1: motion, -1: motion})

    return clip_of


def test_a_page_without_scripts_shows_a_picture(opened):
    for viewer in (flicker_player(FILMS), flow_viewer(*moving())):
        page = opened(viewer.data, scripts=False)
        picture = page.get_by_role("img")
        assert picture.is_visible() and picture.get_attribute("alt")
        assert picture.bounding_box()["height"] > 20


def test_on_a_phone_nothing_is_wider_than_the_page(opened):
    for viewer in (flicker_player(FILMS), flow_viewer(*moving())):
        page = opened(viewer.data, width=390)
        page.locator(".viewer canvas").first.wait_for(state="attached")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def moving():
    """A frame, the one before it, and a flow that is another at every pixel; the left column cannot be followed."""
    down, right = torch.meshgrid(torch.linspace(-3, 3, HEIGHT), torch.linspace(-5, 5, WIDTH), indexing="ij")
    flow = torch.stack((right, down))
    mask = torch.ones(1, 1, HEIGHT, WIDTH)
    mask[..., 0] = 0
    return FILMS["input"][1:2], FILMS["input"][:1], flow[None], mask


def test_a_pixel_is_followed_to_where_its_flow_leads(opened):
    current, previous, flow, mask = moving()
    page = opened(flow_viewer(current, previous, flow, mask).data)
    page.locator(".viewer[data-x]").wait_for()
    page.get_by_role("slider", name="column").fill("40")
    page.get_by_role("slider", name="row").fill("30")
    words = page.get_by_role("status").inner_text()
    right, down = flow[0, :, 30, 40].tolist()
    assert f"(+{right:.2f}, +{down:.2f})" in words.replace("−", "-")
    assert f"column {40 + right:.2f}, row {30 + down:.2f} of frame t-1" in words
    assert "The mask says 1" in words


def test_dragging_chooses_the_pixel_and_what_cannot_be_followed_is_said(opened):
    page = opened(flow_viewer(*moving()).data)
    page.locator(".viewer[data-x]").wait_for()
    box = page.locator("canvas[aria-label='frame t']").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] * (20.5 / HEIGHT))
    page.mouse.up()
    viewer = page.locator(".viewer")
    assert (viewer.get_attribute("data-x"), viewer.get_attribute("data-y")) == ("0", "20")
    words = page.get_by_role("status").inner_text()
    assert "outside" in words and "cannot be followed" in words


def test_at_first_it_is_the_fastest_pixel_that_can_be_followed(opened):
    current, previous, flow, mask = moving()
    mask[..., :5] = 0
    mask[..., -1:] = 0
    page = opened(flow_viewer(current, previous, flow, mask).data)
    page.locator(".viewer[data-x]").wait_for()
    fastest = int((flow.norm(dim=1) * mask[:, 0]).argmax())
    assert int(page.locator(".viewer").get_attribute("data-x")) == fastest % WIDTH
    assert int(page.locator(".viewer").get_attribute("data-y")) == fastest // WIDTH


def test_a_viewer_twice_in_a_page_is_alive_twice_and_a_broken_one_says_so(opened):
    page = opened(flicker_player(FILMS).data * 2)
    page.wait_for_function("() => document.querySelectorAll('.viewer[data-frame]').length === 2")
    broken = flicker_player(FILMS).data.replace("data:image/webp;base64,", "data:image/webp;base64,broken", 3)
    page = opened(broken)
    page.get_by_text("This viewer does not run here").wait_for()
    assert page.get_by_role("img").first.get_attribute("alt")


def test_the_singular_values_follow_frames_flicker_and_darkness(opened):
    torch.manual_seed(1)
    clip = (FILMS["student-ours"] + 0.1 * torch.randn(COUNT, 3, HEIGHT, WIDTH)).clamp(0, 1)
    page = opened(rank_viewer(clip, FILMS["input"]).data)
    place = page.locator(".viewer[data-norm]")
    place.wait_for()

    def norm_and_tail(frames):
        found = singular_values(frames.flatten(1)).flip(0)
        return pytest.approx((found.sum().item(), found[1:].sum().item()), abs=2e-3, rel=1e-3)

    def said():
        return float(place.get_attribute("data-norm")), float(place.get_attribute("data-tail"))

    sliders = {name: page.get_by_role("slider", name=name) for name in ("frames", "flicker", "darkness")}
    assert said() == norm_and_tail(clip)
    assert sliders["flicker"].get_attribute("aria-valuetext") == "100 % of the student's"
    wanted = singular_values(FILMS["input"].flatten(1)).sum().item()
    assert f"The input's norm is {wanted:.1f}" in page.get_by_role("status").inner_text()
    bright = pixels(page, "frame 1").mean()
    sliders["darkness"].fill("0.5")
    assert said() == norm_and_tail(clip / 2) and pixels(page, "frame 1").mean() == pytest.approx(bright / 2, rel=0.03)
    sliders["darkness"].fill("0")
    sliders["frames"].fill("2")
    assert said() == norm_and_tail(clip[:2]) and not page.locator("canvas[aria-label='frame 3']").is_visible()
    sliders["frames"].fill(str(COUNT))
    sliders["flicker"].focus()
    page.keyboard.press("End")
    twice = clip.mean(0) + 2 * (clip - clip.mean(0))
    assert said() == norm_and_tail(twice)
    assert sliders["flicker"].get_attribute("aria-valuetext") == "200 % of the student's"
    page.keyboard.press("Home")
    assert said()[1] == pytest.approx(0, abs=0.05)                     # copies have one singular value
    assert (pixels(page, "frame 0") == pixels(page, "frame 3")).all()
