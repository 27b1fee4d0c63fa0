import base64
import io
import re

import av
import nbformat
import pytest
import torch
from bs4 import BeautifulSoup
from films import read_frames
from PIL import Image
from scripts import ROOT, loaded

from tutorial_lib.show import players


@pytest.fixture
def videos(noise):
    return {"input": noise(1, 3, 40, 60).expand(4, -1, -1, -1), "student-ours": noise(4, 3, 40, 60)}


def test_side_by_side_keeps_every_pixel_and_names_them(videos):
    frames = players.side_by_side(videos)
    assert frames.shape[0] == 4
    height, width = frames.shape[-2:]
    assert width == 2 * (60 + 4)
    for name, left in (("input", 2), ("student-ours", 66)):
        strip = height - 40 - 4
        assert torch.equal(frames[..., strip:strip + 40, left:left + 60], videos[name])
        assert frames[0, :, :strip, left:left + 60].min() < 0.9        # something is written there
    assert players.side_by_side(videos, columns=1).shape[-1] == 64


def test_a_player_holds_the_video_that_it_wrote(videos, tmp_path, monkeypatch):
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    html = players.play(videos, "both").data
    path = tmp_path / "videos" / "both.mp4"
    data = re.search(r"base64,([^\"]+)", html).group(1)
    assert base64.b64decode(data) == path.read_bytes()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    shown = read_frames(path)
    assert len(shown) == 6                                             # forth and back without the ends twice
    assert (shown[1] - shown[5]).abs().mean() < 0.05
    assert 'aria-label="input, student-ours"' in html


def test_without_a_kernel_a_film_is_a_folded_picture_that_moves(videos, tmp_path, monkeypatch):
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    player = players.play(videos, "both", frame_rate=10).data
    page = BeautifulSoup(players.without_kernel(player, widths=(100,)), "html.parser")
    picture = page.select_one("details > img")
    assert "input, student-ours" in picture["alt"]
    moving = Image.open(io.BytesIO(base64.b64decode(picture["src"].removeprefix("data:image/webp;base64,"))))
    assert (moving.format, moving.n_frames, moving.width) == ("WEBP", 6, 100)
    assert moving.info["loop"] == 0                                    # for ever
    first = moving.convert("RGB").tobytes()
    moving.seek(1)
    assert moving.convert("RGB").tobytes() != first
    assert moving.info["duration"] == 100                              # milliseconds a frame


def test_a_heavy_film_is_made_smaller(videos, tmp_path, monkeypatch):
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    player = players.play(videos, "both").data

    def width(heavy):
        page = BeautifulSoup(players.without_kernel(player, (100, 80, 60), heavy), "html.parser")
        return Image.open(io.BytesIO(base64.b64decode(page.img["src"].partition(",")[2]))).width

    assert (width(10**6), width(1)) == (100, 60)


def test_a_notebook_is_written_with_small_films(noise, tmp_path, monkeypatch):
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    monkeypatch.syspath_prepend(ROOT / "data_scripts")
    player = players.play({"input": noise(3, 3, 20, 30)}, "film")
    output = nbformat.v4.new_output("display_data", {"text/html": player.data})
    path = tmp_path / "00.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("film", outputs=[output])]), path)
    loaded("update_notebooks").tidy(path)
    written = nbformat.read(path, as_version=4).cells[0].outputs[0].data["text/html"]
    assert "<video" not in written and "image/webp" in written
