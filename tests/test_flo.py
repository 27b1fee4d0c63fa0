import struct

import pytest
import torch

from tutorial_lib.data.flo import read_flo, write_flo
from tutorial_lib.errors import TutorialError


def test_round_trip_is_exact(tmp_path):
    flow = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0)) * 30
    write_flo(tmp_path / "a.flo", flow)
    assert torch.equal(read_flo(tmp_path / "a.flo"), flow)


def test_a_batch_of_one_is_written_and_a_larger_one_refused(tmp_path):
    write_flo(tmp_path / "a.flo", torch.ones(1, 2, 3, 4))
    assert read_flo(tmp_path / "a.flo").shape == (2, 3, 4)
    with pytest.raises(TutorialError, match=r"\(2, H, W\)"):
        write_flo(tmp_path / "a.flo", torch.ones(2, 2, 3, 4))


def test_bytes_are_middleburys(tmp_path):
    # Written by hand after the format's description: PIEH, width, height, then u and v of each pixel, row by row.
    content = b"PIEH" + struct.pack("<ii", 2, 1) + struct.pack("<4f", 1.5, -2.0, 3.0, 4.25)
    (tmp_path / "a.flo").write_bytes(content)
    flow = read_flo(tmp_path / "a.flo")
    assert flow.tolist() == [[[1.5, 3.0]], [[-2.0, 4.25]]] and flow.dtype == torch.float32
    write_flo(tmp_path / "b.flo", flow)
    assert (tmp_path / "b.flo").read_bytes() == content


def test_opencv_reads_what_is_written(tmp_path):
    cv2 = pytest.importorskip("cv2")
    flow = torch.randn(2, 6, 9)
    write_flo(tmp_path / "a.flo", flow)
    theirs = torch.from_numpy(cv2.readOpticalFlow(str(tmp_path / "a.flo"))).permute(2, 0, 1)
    assert torch.equal(theirs, flow)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a .flo file"),
        (b"PIEH", "not a .flo file"),
        (b"HEIP" + struct.pack("<ii", 1, 1) + bytes(8), "not a .flo file"),
        (b"PIEH" + struct.pack("<ii", 2, 2) + bytes(31), "43 bytes"),
        (b"PIEH" + struct.pack("<ii", 2, 2) + bytes(33), "45 bytes"),
        (b"PIEH" + struct.pack("<ii", 0, 2), "0x2"),
        (b"PIEH" + struct.pack("<ii", -1, -1) + bytes(8), "-1x-1"),
        (b"PIEH" + struct.pack("<ii", 2**30, 2**30), "damaged"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, message):
    (tmp_path / "a.flo").write_bytes(content)
    with pytest.raises(TutorialError, match=message):
        read_flo(tmp_path / "a.flo")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TutorialError, match="nowhere"):
        read_flo(tmp_path / "nowhere.flo")
