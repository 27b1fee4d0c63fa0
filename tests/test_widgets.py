import io

import numpy as np
import torch
from PIL import Image

from tutorial_lib.show.widgets import jpeg


def test_a_frame_becomes_a_jpeg_with_its_colours_in_their_order():
    frame = torch.zeros(1, 3, 20, 30)
    frame[:, 0], frame[:, 2, :, 15:] = 0.8, 0.4                 # red, and more blue to the right
    for shape in (frame, frame[0]):
        data = jpeg(shape)
        assert data.startswith(b"\xff\xd8")
        shown = torch.from_numpy(np.array(Image.open(io.BytesIO(data)).convert("RGB"))).permute(2, 0, 1) / 255
        assert shown.shape == (3, 20, 30) and (shown - frame[0]).abs().mean() < 0.02
    assert len(jpeg(frame, 30)) < len(data)
