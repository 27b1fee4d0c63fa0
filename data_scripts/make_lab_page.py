"""Build the lambda lab as a page without a kernel: the reader's browser mixes the students and paints with them.

    python data_scripts/make_lab_page.py [--output build/site/lab]

The folder can be served by anything that serves files (python -m http.server). What computes in it, onnxruntime-web,
comes from npm, once for this checkout, and is copied beside the page; the page fetches nothing from elsewhere.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from tutorial_lib import mixable
from tutorial_lib.arguments import whole
from tutorial_lib.data.images import to_pixels
from tutorial_lib.data.scenes import test_scene
from tutorial_lib.errors import TutorialError, one_line
from tutorial_lib.files import atomic_path, read_json, write_json
from tutorial_lib.lambdas import Lambdas
from tutorial_lib.settings import build_folder
from tutorial_lib.show import lab, viewers

PAGE = Path(__file__).parent.parent / "site" / "lab"
RUNTIME = "onnxruntime-web"
# {ours: the package's names of its script and its core}. A browser loads one of them: for WebAssembly alone, for WebGPU
# where WebAssembly can be suspended, or for WebGPU where it cannot.
BUILDS = {"wasm": ("ort.wasm.min", "ort-wasm-simd-threaded"),
          "jspi": ("ort.jspi.min", "ort-wasm-simd-threaded.jspi"),
          "asyncify": ("ort.webgpu.min", "ort-wasm-simd-threaded.asyncify")}
# What the widgets have as well, where scripts cannot import: {script: what a module of the page takes from it}.
SHARED = {viewers.HERE / "base.js": "element, button, choice, slider",
          lab.HERE / "strengths.js": "near, snapped, spoken, strengths, strengthAt, placeOf"}
SCENE, RATE = "market_6", 12


def runtime() -> Path:
    """The folder of the installed onnxruntime-web. Raises: TutorialError where npm is not there, or cannot install."""
    installed, wanted = PAGE / "node_modules" / ".package-lock.json", read_json(PAGE / "package-lock.json")
    name = f"node_modules/{RUNTIME}"
    if not installed.is_file() or read_json(installed)["packages"][name] != wanted["packages"][name]:
        npm = shutil.which("npm")
        if npm is None:
            raise TutorialError(f"The lambda lab's page needs {RUNTIME}, which npm installs, and there is no npm here; "
                                "install Node.js.")
        print(f"npm installs {RUNTIME}, once ...", flush=True)
        done = subprocess.run([npm, "ci"], cwd=PAGE, capture_output=True, text=True)
        if done.returncode:
            raise TutorialError(f"npm could not install {RUNTIME}, for which it needs a network: "
                                f"{one_line(done.stderr)[:300]}")
    return PAGE / name / "dist"


def copy(target: Path) -> None:
    """The page's own files, what it shares with the viewers, and its runtime."""
    installed = runtime()
    (target / "runtime").mkdir(parents=True, exist_ok=True)
    for path in PAGE.iterdir():
        if path.suffix in (".html", ".css", ".js", ".txt"):
            shutil.copyfile(path, target / path.name)
    for path, names in SHARED.items():
        text = path.read_text(encoding="utf-8")
        (target / path.name).write_text(f"{text}\nexport {{{names}}};\n", encoding="utf-8")
    shutil.copyfile(viewers.HERE / "viewers.css", target / "viewers.css")
    for kind, (script, core) in BUILDS.items():
        # As .js: every server knows its type.
        shutil.copyfile(installed / f"{script}.mjs", target / "runtime" / f"{kind}.js")
        shutil.copyfile(installed / f"{core}.mjs", target / "runtime" / f"{kind}-core.js")
        shutil.copyfile(installed / f"{core}.wasm", target / "runtime" / f"{kind}-core.wasm")


def clip(target: Path, width: int, count: int) -> torch.Tensor:
    """Renders the clip into one picture, its frames one under the other. Returns the first frame, (1, 3, H, W)."""
    scene = test_scene(SCENE, round(width * 9 / 16), width, count)
    frames = [scene.frame(t) for t in tqdm(range(count), unit="frame", desc=SCENE)]
    with atomic_path(target) as temporary:
        Image.fromarray(np.concatenate([to_pixels(frame) for frame in frames])).save(temporary, quality=82)
    return frames[0]


def build(target: Path, labs: Sequence[Lambdas], width: int, count: int) -> None:
    """The whole page, with the clip at a width and of so many frames."""
    copy(target)
    frame = clip(target / "data" / "clip.webp", width, count)
    for one in labs:
        mixable.write(one, target / "data", frame)
    write_json(target / "data" / "lab.json", {
        "styles": [one.record["style"] for one in labs],
        "clip": {"file": "clip.webp", "width": width, "height": frame.shape[2], "frames": count, "rate": RATE}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, help="the folder to write (default: site/lab in the build folder)")
    parser.add_argument("--width", type=whole(32, 1280), default=640, help="of the clip, in pixels (%(default)s)")
    # One picture of more than 16,383 rows is no WebP.
    parser.add_argument("--frames", type=whole(2, 22), default=22, help="of the clip (%(default)s)")
    options = parser.parse_args()
    output = options.output or build_folder() / "site" / "lab"
    labs = [Lambdas.shipped(style) for style in mixable.styles()]
    if not labs:
        raise TutorialError("The zoo has no pocket students that could be mixed; train some with train_zoo.py.")
    build(output, labs, options.width, options.frames)
    print(output / "index.html")
