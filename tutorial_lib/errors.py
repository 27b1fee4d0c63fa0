"""The one exception that a user is meant to read, and the one place that shows it, or what the system has to say."""

import contextlib
import errno
import importlib
import importlib.util
import os
import re
import select
import sys
from collections.abc import Callable
from types import ModuleType
from typing import NoReturn

BROKEN_PIPE = 128 + 13      # as a shell reports a program that nobody reads any more

# What to do about what the system says; whatever is not here is said without advice.
ADVICE = {
    errno.EACCES: "change its permissions or name another",
    errno.EPERM: "change its permissions or name another",
    errno.EROFS: "name a place that can be written to",
    errno.ENOSPC: "make room or name another place",
    errno.EDQUOT: "make room or name another place",
    errno.ENOENT: "check the name",
    errno.EEXIST: "something of that name is in the way; name another",
    errno.ENOTDIR: "a file stands where a folder is needed; name another",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ELOOP: "its links lead in a circle; name another",
    errno.EMFILE: "allow more open files with ulimit -n",
}
# PyTorch and OpenCV have words for a lack of memory, but no exception of their own for it on every device.
NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|insufficient memory|bad.?alloc", re.I)
SURROGATE = r"\S*[\ud800-\udfff]\S*"      # how Python writes bytes of a name that are no UTF-8


class TutorialError(Exception):
    """What was given cannot be used; the message is one sentence that says what to do instead.

    Raised for every foreseeable bad input (a file that is no video, a flow of another size, an unknown
    style). The command line prints it without a traceback and exits with code 2.
    """


def start(module: str) -> NoReturn:
    """Runs the `main` of a module, given by name or as a .py file, and ends the program with its exit code.

    The module is imported in here: its imports take seconds, and Ctrl-C during them is one sentence, too.
    """
    sys.exit(run(lambda: _imported(module).main()))


def run(command: Callable[[], int | None]) -> int:
    """Runs a command line and returns its exit code.

    That is the command's own, else 0; 2 after a TutorialError, or after what only the system knew (no permission, a
    full disk, too little memory), and 130 after Ctrl-C, each with one sentence in one line on stderr; 141, without a
    word, when nobody reads the output any more. Programming errors are raised.
    """
    _prepare_streams()
    try:
        try:
            code = command() or 0
        except SystemExit:                  # after --help, which writes, too
            _flush()
            raise
        _flush()
        return code
    except KeyboardInterrupt as stop:
        _say(f"\n{one_line(stop.args[0] if stop.args else 'Stopped; run the same command again.')}")
        return 130
    except Exception as error:
        if isinstance(error, BrokenPipeError) and any(map(_is_gone, (sys.stdout, sys.stderr))):
            return BROKEN_PIPE
        said = sentence(error)
        if said is None:
            raise
        _say(said)
        return 2
    finally:
        for stream in (sys.stdout, sys.stderr):
            _let_go_if_broken(stream)


def sentence(error: Exception) -> str | None:
    """What a user should read about an error, in one line; None for a programming error, which wants its traceback."""
    if isinstance(error, TutorialError):
        said = str(error)
    elif isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
        said = ("There is too little memory for this; use a smaller scale, size or picture, or the processor "
                "(OFD_DEVICE=cpu), or close other programs.")
    elif isinstance(error, OSError):
        said = _of_the_system(error)
    elif isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        said = f"The name {re.search(SURROGATE, error.object)[0]} is no UTF-8; use another."
    elif isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):     # pathlib's, up to Python 3.12
        said = f"{error}; {ADVICE[errno.ELOOP]}."
    else:
        return None
    return one_line(said)


def one_line(text: str) -> str:
    """A message in one line, whatever names or other programs' messages are part of it; control codes are spelt out."""
    text = " ".join(part.strip() for part in str(text).splitlines() if part.strip())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def reason(error: OSError) -> str:
    """The system's words for an error."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def _of_the_system(error: OSError) -> str:
    advice = f"; {ADVICE[error.errno]}" if error.errno in ADVICE else ""
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    if names:
        return f"Cannot use {' or '.join(names)}: {reason(error)}{advice}."
    return f"The system refused: {reason(error)}{advice}."


def _imported(module: str) -> ModuleType:
    if not module.endswith(".py"):
        return importlib.import_module(module)
    name = os.path.basename(module).removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, module)
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


# --- the streams ---


def _prepare_streams() -> None:
    """Any name can be printed, and a stream that was closed from outside is read from and written to in vain."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The next file that is opened would get this number, and a library's messages would be written into it.
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _say(text: str) -> None:
    if sys.stderr is not None:              # else print would take stdout
        with contextlib.suppress(OSError):
            print(text, file=sys.stderr, flush=True)


def _flush() -> None:
    """Writes out what was printed, so that a full disk is noticed here and not when the interpreter ends."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TutorialError(f"Cannot write to the standard output: {reason(error)}.") from error


def _is_gone(stream) -> bool:
    """Whether nobody reads a stream any more."""
    if stream is None:
        return False
    try:
        stream.flush()                      # what could not be written is still in its buffer, and fails again
        pipe = select.poll()                # or, where nothing is buffered, the system knows
        pipe.register(stream.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in pipe.poll(0))
    except BrokenPipeError:
        return True
    except (OSError, AttributeError):       # not a file of the system's, or Windows, which has no poll
        return False


def _let_go_if_broken(stream) -> None:
    """What a stream still holds and cannot write goes nowhere; the interpreter would complain about it at its end."""
    try:
        if stream is not None:
            stream.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
