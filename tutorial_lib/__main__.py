"""`python -m tutorial_lib` is the command line of `tutorial_lib.cli`."""

from tutorial_lib.errors import start

if __name__ == "__main__":
    start("tutorial_lib.cli")
