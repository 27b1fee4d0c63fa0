import errno
import os

import pytest
import torch

from tutorial_lib.errors import TutorialError, _is_gone, one_line, run, sentence


@pytest.mark.parametrize(("error", "said"), [
    (TutorialError("No film\nof\r\n that  name."), "No film of that  name."),
    (PermissionError(errno.EACCES, "Permission denied", "/a\nb"),
     "Cannot use /a b: permission denied; change its permissions or name another."),
    (OSError(errno.EXDEV, "Invalid link", "a", None, "b"), "Cannot use a or b: invalid link."),
    (OSError(errno.ENOSPC, "No space left on device"),
     "The system refused: no space left on device; make room or name another place."),
    (OSError("libGL.so.1: cannot open"), "The system refused: libgl.so.1: cannot open."),
    (UnicodeEncodeError("utf-8", "b a\udcff 12", 3, 4, "surrogates not allowed"),
     r"The name a\udcff is no UTF-8; use another."),
    (RuntimeError("Symlink loop from '/a'"), "Symlink loop from '/a'; its links lead in a circle; name another."),
])
def test_what_the_system_says_is_one_sentence(error, said, capsys):
    def fail():
        raise error

    assert sentence(error) == said
    assert run(fail) == 2 and capsys.readouterr().err == f"{said}\n"


@pytest.mark.parametrize("ask", [lambda: torch.empty(2**50, dtype=torch.uint8), lambda: bytearray(2**50)])
def test_too_little_memory_says_what_to_do(ask, capsys):
    assert run(ask) == 2
    assert capsys.readouterr().err.startswith("There is too little memory for this; use a smaller scale")


@pytest.mark.parametrize("error", [
    TypeError("a"), AssertionError("a"), ValueError("a"), KeyError("a"), RuntimeError("a"), IndexError("a"),
    UnicodeEncodeError("ascii", "ä", 0, 1, "ordinal not in range"), RecursionError("a"),
])
def test_a_programming_error_is_none(error):
    def fail():
        raise error

    assert sentence(error) is None
    with pytest.raises(type(error)):
        run(fail)


def test_one_line_spells_out_what_would_move_the_cursor():
    assert one_line("a\tb \x1b[31mred\x07\u2028end") == r"a\tb \x1b[31mred\x07 end"
    assert one_line("Größe 3×4 — ok") == "Größe 3×4 — ok"


def test_ctrl_c_is_130_with_its_own_words(capsys):
    def stopped():
        raise KeyboardInterrupt("Stopped;\nrun it again.")

    assert run(stopped) == 130 and capsys.readouterr().err == "\nStopped; run it again.\n"


def test_a_stream_is_gone_when_nobody_reads_it_any_more():
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        assert not _is_gone(stream) and not _is_gone(None)
        os.close(read)
        assert _is_gone(stream)
