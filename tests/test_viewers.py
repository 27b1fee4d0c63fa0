import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from tutorial_lib.data.clips import filmed
from tutorial_lib.data.scenes import test_scene as scene_of
from tutorial_lib.errors import TutorialError
from tutorial_lib.losses.low_rank import singular_values
from tutorial_lib.show import figures
from tutorial_lib.show.viewers.flicker import BRIGHTEST, MOST, flicker_player
from tutorial_lib.show.viewers.flow import FINEST, flow_viewer
from tutorial_lib.show.viewers.rank import rank_viewer


def data_of(viewer):
    return json.loads(re.search(r"  view\(place, (\{.*\})\)\.catch", viewer.data)[1])


def picture(source):
    kind, data = source.split(",")
    assert kind == "data:image/webp;base64"
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1) / 255


@pytest.fixture(scope="module")
def clip():
    return filmed(scene_of("alley_2", 32, 48, 4), steps=(1, -1))


def test_the_player_holds_every_frame_of_every_film_in_its_order(clip):
    films = {"input": clip.frames, "student-ours": clip.frames.flip(0)}
    data = data_of(flicker_player(films))
    assert data["names"] == list(films) and data["size"] == [48, 32]
    assert data["inks"] == [figures.ink(name) for name in films]
    for kept, frames in zip(data["frames"], films.values(), strict=True):
        for source, frame in zip(kept, frames, strict=True):
            assert (picture(source) - frame).abs().mean() < 0.03
    assert data["errors"] == [[None] * 4] * 2


def test_the_flicker_is_the_error_map_of_each_frame_and_the_next(clip):
    kept, = data_of(flicker_player({"input": clip.frames}, clip))["errors"]
    assert kept[-1] is None
    for t, source in enumerate(kept[:-1]):
        pair = clip.frames[[t + 1, t]]
        wanted = figures.error_map(pair, clip.forward.flows[t:t + 1], clip.forward.masks[t:t + 1]) / BRIGHTEST
        assert (picture(source)[:1] - wanted.clamp(0, 1)).abs().mean() < 0.03
        assert wanted.mean() > 0.02


def test_a_part_of_the_films_is_that_part_of_their_flicker_too(clip):
    whole = data_of(flicker_player({"input": clip.frames}, clip))
    data = data_of(flicker_player({"input": clip.frames}, clip, (slice(4, 20), slice(8, 40))))
    assert data["size"] == [32, 16]
    for key in ("frames", "errors"):
        part, all_of_it = picture(data[key][0][1]), picture(whole[key][0][1])
        assert (part - all_of_it[:, 4:20, 8:40]).abs().mean() < 0.03, key


def test_films_of_other_sizes_or_too_many_are_refused(noise):
    film = noise(3, 3, 16, 16)
    with pytest.raises(TutorialError, match="films of one size"):
        flicker_player({"a": film, "b": film[:2]})
    with pytest.raises(TutorialError, match=f"1 to {MOST}"):
        flicker_player({str(n): film for n in range(MOST + 1)})
    with pytest.raises(TutorialError, match="it got 0"):
        flicker_player({})


def test_the_picture_that_stands_in_its_place_has_words(clip):
    for viewer in (flicker_player({"input": clip.frames}), flow_of(clip), rank_viewer(clip.frames, clip.frames)):
        tag = re.search(r'<img alt="([^"]+)"[^>]*src="([^"]+)"', viewer.data)
        assert len(tag[1]) > 30 and picture(tag[2]).shape[-1] >= 48
    assert picture(tag[2]).shape[-1] < 4 * 48                       # three of the four frames in a row


def test_a_name_cannot_end_the_script(clip):
    name = "</script><b>"
    viewer = flicker_player({name: clip.frames})
    assert viewer.data.count("</script>") == 1 and data_of(viewer)["names"] == [name]


def flow_of(clip):
    return flow_viewer(clip.frames[1:2], clip.frames[:1], clip.backward.flows[:1], clip.backward.masks[:1])


def test_the_flow_viewer_holds_the_flow_of_every_pixel_and_its_mask(clip):
    data = data_of(flow_of(clip))
    flow = np.frombuffer(base64.b64decode(data["flow"]), "<i2").reshape(32, 48, 2) / FINEST
    wanted = clip.backward.flows[0].permute(1, 2, 0).numpy()
    assert abs(flow - wanted).max() <= 0.51 / FINEST and abs(wanted).max() > 0.3
    mask = np.frombuffer(base64.b64decode(data["mask"]), np.uint8).reshape(32, 48)
    assert (mask == clip.backward.masks[0, 0].numpy()).all() and 0 < mask.mean() < 1
    for source, frame in zip(data["pictures"], clip.frames[[1, 0]], strict=False):
        assert (picture(source) - frame).abs().mean() < 0.03


def test_a_flow_of_another_size_is_refused(clip):
    with pytest.raises(TutorialError, match="one size"):
        flow_viewer(clip.frames[1:2], clip.frames[:1], clip.backward.flows[:1, :, :5], clip.backward.masks[:1])


def test_the_rank_viewer_holds_products_that_are_exact_for_any_flicker(clip, noise):
    frames, wanted = clip.frames, noise(*clip.frames.shape)
    data = data_of(rank_viewer(frames, wanted))
    mean, both, flicker = (torch.tensor(data["products"][name]).double() for name in ("mean", "both", "flicker"))
    for share, count in ((1.0, 4), (0.5, 4), (2.0, 3), (0.0, 2)):
        shown = frames.mean(0) + share * (frames - frames.mean(0))
        matrix = (mean + share * (both[:, None] + both) + share**2 * flicker)[:count, :count]
        found = torch.linalg.eigvalsh(matrix).clamp_min(0).sqrt()
        torch.testing.assert_close(found, singular_values(shown[:count].flatten(1)), rtol=1e-4, atol=2e-3)
    assert data["wanted"] == [pytest.approx(singular_values(wanted[:n].flatten(1)).sum().item()) for n in (1, 2, 3, 4)]
    for source, frame in zip(data["frames"], frames, strict=True):
        assert (picture(source) - frame).abs().mean() < 0.03


def test_clips_that_do_not_fit_each_other_have_no_rank_viewer(noise):
    with pytest.raises(TutorialError, match="two clips of one shape"):
        rank_viewer(noise(3, 3, 16, 16), noise(2, 3, 16, 16))
    with pytest.raises(TutorialError, match="at least 2 frames"):
        rank_viewer(noise(1, 3, 16, 16), noise(1, 3, 16, 16))
