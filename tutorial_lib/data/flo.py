"""Flow fields in files: the Middlebury .flo format, which MPI Sintel uses too."""

from pathlib import Path

import numpy as np
import torch

from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path

MAGIC = 202021.25        # as a little-endian float32 these four bytes read "PIEH"
LONGEST_SIDE = 99_999    # the limit of the format's own reader; more means that the header is not a header
HEADER_BYTES = 12


def read_flo(path: str | Path) -> torch.Tensor:
    """Reads a .flo file as a flow field (2, H, W), float32, pixels, x to the right first.

    Raises: TutorialError when there is no such file, it is no .flo file, or its length does not fit its header.
    Source: Baker et al. 2011, the Middlebury flow benchmark.
    """
    path = Path(path)
    if not path.is_file():
        raise TutorialError(f"There is no flow file {path}.")
    content = path.read_bytes()
    if len(content) < HEADER_BYTES or np.frombuffer(content, "<f4", 1)[0] != np.float32(MAGIC):
        raise TutorialError(f"{path} is not a .flo file: it does not begin with the number {MAGIC}.")
    width, height = (int(side) for side in np.frombuffer(content, "<i4", 2, offset=4))
    if not (1 <= width <= LONGEST_SIDE and 1 <= height <= LONGEST_SIDE):
        raise TutorialError(f"{path} claims a flow of {width}x{height} pixels; the file is damaged.")
    expected = HEADER_BYTES + 8 * width * height
    if len(content) != expected:
        raise TutorialError(
            f"{path} has {len(content)} bytes and a flow of {width}x{height} pixels needs {expected}; "
            "the file is damaged, write or download it again."
        )
    interleaved = np.frombuffer(content, "<f4", offset=HEADER_BYTES).reshape(height, width, 2)
    return torch.from_numpy(interleaved.astype(np.float32)).permute(2, 0, 1).contiguous()


def write_flo(path: str | Path, flow: torch.Tensor) -> None:
    """Writes a flow field (2, H, W) or (1, 2, H, W), pixels, as a .flo file, whole or not at all.

    Raises: TutorialError for another shape, or when the file cannot be written.
    Source: Baker et al. 2011, the Middlebury flow benchmark.
    """
    field = flow[0] if flow.dim() == 4 and len(flow) == 1 else flow
    if field.dim() != 3 or field.shape[0] != 2 or not all(1 <= side <= LONGEST_SIDE for side in field.shape[1:]):
        raise TutorialError(f"A .flo file holds a flow (2, H, W); this one has the shape {tuple(flow.shape)}.")
    height, width = field.shape[1:]
    interleaved = field.detach().cpu().permute(1, 2, 0).contiguous().numpy().astype("<f4")
    header = np.float32(MAGIC).astype("<f4").tobytes() + np.array([width, height], "<i4").tobytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes(header + interleaved.tobytes())
