import base64
import re

import av
import pytest
import torch
from films import read_frames

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
