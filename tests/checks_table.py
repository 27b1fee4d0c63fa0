"""Try every check on its wrong and its right answers, and write how many it rejected and accepted.

    python tests/checks_table.py        # writes results/checks.txt
"""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

from answers import ANSWERS

from tutorial_lib import checks
from tutorial_lib.checks.asking import Wrong

TARGET = Path(__file__).parent.parent / "results" / "checks.txt"
HEADER = ("check", "wrong answers", "rejected", "right ways", "accepted")


def line(name: str, *numbers: object) -> str:
    return f"{name:28}" + "".join(f"{number:>15}" for number in numbers)


def accepts(check: Callable, answer: Callable) -> bool:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            check(answer)
    except Wrong:
        return False
    return True


def row(name: str) -> tuple[int, int, int, int]:
    check, answers = getattr(checks, name), ANSWERS[name]
    rejected = sum(not accepts(check, answer) for answer, _ in answers.wrong.values())
    accepted = sum(accepts(check, answer) for answer in answers.right.values())
    return len(answers.wrong), rejected, len(answers.right), accepted


def main() -> None:
    rows = {name: row(name) for name in ANSWERS}
    total = [sum(column) for column in zip(*rows.values(), strict=True)]
    lines = [line(*HEADER), *(line(name, *numbers) for name, numbers in rows.items()), line("all", *total)]
    TARGET.write_text("\n".join(lines) + "\n")
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
