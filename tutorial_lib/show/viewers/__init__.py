"""Viewers that live in the page: pictures that a script brings to life, with a kernel, without one, or not at all.

A viewer is HTML with its data inside. Where scripts run (JupyterLab, VS Code, Colab, the website, a notebook made into
a page) it is alive; where they do not (GitHub, a notebook of somebody else that is not trusted yet) its first picture
stays, from the same data.
"""

import base64
import hashlib
import html
import io
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from IPython.display import HTML
from PIL import Image

from tutorial_lib.data.images import to_pixels

HERE = Path(__file__).parent

# Where a page has been opened twice, or a viewer stands in it twice, each place comes to life once.
PAGE = """<div class="viewer" id="{name}"><img alt="{alt}" style="max-width: 100%" src="{still}"></div>
<style>{css}</style>
<script>
(() => {{
{base}
{script}
for (const place of document.querySelectorAll('[id="{name}"]:not([data-alive])')) {{
  place.dataset.alive = "";
  view(place, {data}).catch((problem) => place.append(`This viewer does not run here: ${{problem}}`));
}}
}})();
</script>"""


def page(kind: str, data: Mapping, still: torch.Tensor, alt: str) -> HTML:
    """A viewer of a kind (the name of its script) with its data; still: (1, 3, H, W), what stands there without it."""
    inside = json.dumps(data).replace("</", "<\\/")
    return HTML(PAGE.format(
        name=f"{kind}-{hashlib.sha256(inside.encode()).hexdigest()[:10]}", alt=html.escape(alt), still=webp(still),
        css=_read("viewers.css"), base=_read("base.js"), script=_read(f"{kind}.js"), data=inside,
    ))


def webp(frame: torch.Tensor, quality: int = 75) -> str:
    """(1, 3, H, W), (3, H, W) or a grey (1, H, W) as the address of a WebP picture that holds itself."""
    pixels = to_pixels(frame.expand(3, -1, -1) if frame.shape[0] == 1 and frame.dim() == 3 else frame)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "webp", quality=quality)
    return f"data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}"


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
