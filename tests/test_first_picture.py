"""The picture that README opens with is what ships, painted."""

from pathlib import Path

import torch
from scripts import script

from tutorial_lib.data.images import read_image
from tutorial_lib.quality import psnr

ROOT = Path(__file__).parent.parent


def test_readme_opens_with_what_the_shipped_student_paints():
    opening = (ROOT / "README.md").read_text().split("\n## ")[0]
    assert "](results/first.jpg)" in opening
    drawing = script("draw_first_picture")
    with torch.inference_mode():
        painted = drawing.picture("mosaic", "ambush_5")
    shown = read_image(ROOT / "results" / "first.jpg")
    assert psnr(shown, painted).item() > 28        # what JPEG leaves of it; another network's is far below
