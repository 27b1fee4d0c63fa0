"""The one exception that a user is meant to read, and the one place that shows it."""

import sys
from collections.abc import Callable


class TutorialError(Exception):
    """What was given cannot be used; the message is one sentence that says what to do instead.

    Raised for every foreseeable bad input (a file that is no video, a flow of another size, an unknown
    style). The command line prints it without a traceback and exits with code 2.
    """


def run(command: Callable[[], int | None]) -> int:
    """Runs a command line and returns its exit code.

    That is the command's own, else 0; 2 after a TutorialError and 130 after Ctrl-C, each with one sentence on stderr.
    """
    try:
        return command() or 0
    except TutorialError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        sentence = stop.args[0] if stop.args else "Stopped; run the same command again."
        print(f"\n{sentence}", file=sys.stderr)
        return 130
