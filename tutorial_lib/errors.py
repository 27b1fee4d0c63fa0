"""The one exception that a user is meant to read."""


class TutorialError(Exception):
    """What was given cannot be used; the message is one sentence that says what to do instead.

    Raised for every foreseeable bad input (a file that is no video, a flow of another size, an unknown
    style). The command line prints it without a traceback and exits with code 2.
    """
