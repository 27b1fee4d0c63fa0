"""Execute the notebooks in order and leave the executed copies in a folder.

    python data_scripts/run_notebooks.py --output build/notebooks

The scale is that of the variable OFD_SCALE (smoke, laptop, colab, paper).
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from folding import solved
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from tqdm import tqdm

from tutorial_lib.files import atomic_path
from tutorial_lib.lock import only_writer
from tutorial_lib.settings import build_folder, scale

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def execute(source: Path, target: Path) -> float:
    """Runs one notebook in its own folder, its stubs solved, writes it even when a cell fails; returns the seconds."""
    notebook = nbformat.read(source, as_version=4)
    notebook.cells = solved(notebook.cells)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    start = time.monotonic()
    shape = "{desc} {n_fmt}/{total_fmt} cells {elapsed}"
    with tqdm(total=cells, desc=f"{source.stem:28}", bar_format=shape) as bar:
        client = NotebookClient(
            notebook, timeout=3600, kernel_name="python3", resources={"metadata": {"path": str(source.parent)}},
            on_cell_executed=lambda **_: bar.update(), record_timing=False,
            extra_arguments=["--log-level=ERROR"],  # the kernel's warning about its own sockets helps nobody
        )
        with only_writer(target):
            try:
                client.execute()
            finally:
                with atomic_path(target) as temporary:
                    nbformat.write(notebook, temporary)
    return time.monotonic() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="which ones (all by default)")
    parser.add_argument("--output", type=Path, default=build_folder() / "notebooks")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    sources = arguments.notebooks or sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    os.environ.setdefault("OFD_BUILD", str(build_folder()))
    print(f"{len(sources)} notebooks at the scale {scale().name!r}")
    seconds = 0.0
    for source in sources:
        target = arguments.output / source.name
        try:
            seconds += execute(source, target)
        except CellExecutionError as error:
            last = str(error).strip().splitlines()[-1]
            print(f"{source.name} stopped: {last}\nThe notebook up to there is {target}.", file=sys.stderr)
            return 1
    print(f"All done in {seconds / 60:.1f} minutes.\n  executed notebooks  {arguments.output}")
    build = Path(os.environ["OFD_BUILD"])
    for label, pattern in (("videos", "videos/*.mp4"), ("results", "results/*")):
        for path in sorted(build.glob(pattern)):
            print(f"  {label:18}  {path}")
    return 0
