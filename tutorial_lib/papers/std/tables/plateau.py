"""PSNR on the validation scenes against the steps: whether a training was long enough to say what a network can."""

from collections.abc import Mapping

from tutorial_lib.papers.std.roles import STUDENTS, TEACHER
from tutorial_lib.tables.parts import ROW, block, column, table

Curve = Mapping[str, float]      # {step: decibels}

QUARTER = 0.75      # of the steps: from there on a plateau is flat
FLAT = 0.1          # dB that may still be gained on it


def plateau(curves: Mapping[str, Curve]) -> dict:
    """The teacher and the plain students of every seed: where they end, and how much of that was won at the end.

    A plain student of twice the steps tells whether what they would win is worth the time.
    """
    wanted = (TEACHER, *(f"sr-{kind}-plain{longer}" for kind in STUDENTS for longer in ("", "-x2")))
    rows = [_row(name, curves[name]) for role in wanted for name in sorted(curves)
            if role_of(name) == role and len(curves[name]) >= 2]
    notes = [f"A plateau: over the last quarter of the steps, no more than {FLAT} dB are gained. The learning rate "
             "falls with a cosine to a hundredth, which makes the end of any training flat: whether more steps would "
             "gain more, only a training of another length says. -x2 is one."]
    return table("plateau", "PSNR on the validation scenes against the steps", [block("plateau", "Trainings", [
        ROW, column("steps", "steps", ",d"), column("psnr", "PSNR at the end", ".3f"),
        column("before", "at three quarters", ".3f"), column("late", "gained since", "+.3f"), column("verdict", ""),
    ], rows)], notes)


def role_of(record: str) -> str:
    """The role of a record: its name without its seed."""
    return record.rpartition("-seed")[0] or record


def points(curve: Curve) -> list[tuple[int, float]]:
    return sorted((int(step), value) for step, value in curve.items())


def _row(name: str, curve: Curve) -> dict:
    steps, found = points(curve)[-1][0], points(curve)
    before = max((point for point in found if point[0] <= QUARTER * steps), default=found[0])[1]
    late = found[-1][1] - before
    return {"row": name, "steps": steps, "psnr": found[-1][1], "before": before, "late": round(late, 4),
            "verdict": "a plateau" if late <= FLAT else "still rising", "curve": [list(point) for point in found]}
