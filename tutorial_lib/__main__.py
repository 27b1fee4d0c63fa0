"""`python -m tutorial_lib` is the command line of `tutorial_lib.cli`."""

from tutorial_lib.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
