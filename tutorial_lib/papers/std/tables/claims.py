"""Whether the paper's claims hold here. A verdict is computed from the records of all seeds, and never typed."""

from tutorial_lib.papers.std.roles import STUDENTS, TEACHER
from tutorial_lib.papers.std.tables.runs import (
    Records,
    best_rival,
    differences,
    over_seeds,
    psnr,
    shares,
    verdict,
    warping,
)
from tutorial_lib.tables.parts import ROW, block, column, table

GAP = 0.8           # dB that the teacher has to be better, or there is little to distil
SHARE = 0.2         # of the gap that both terms are to close


def claims(records: Records) -> dict:
    """A row a claim: the differences that it is about, and what they say of it."""
    blocks = []
    for kind, words in STUDENTS.items():
        rows = [row for row in _of(records, kind) if row["seeds"]]
        blocks.append(block(kind, f"Students: {words}", [
            ROW, column("other", "than"), column("seeds", "seeds", "d"), column("difference", "difference", "+.3f"),
            column("share", "of the gap", ".1%"), column("change", "warping error", "+.5f"),
            column("verdict", "verdict"),
        ], rows))
    notes = ["Differences are taken seed by seed: in dB of PSNR, as a share of the gap, or in warping error. A claim "
             "holds, or fails, where the mean difference is farther from what is claimed than twice its standard "
             "deviation over the seeds (n - 1); otherwise it is within the spread. The best rival is chosen by these "
             "scenes, in its favour."]
    return table("claims", "What the paper claims, here", blocks, notes)


def _of(records: Records, kind: str) -> list[dict]:
    def name(method: str) -> str:
        return f"sr-{kind}-{method}"

    plain, both, rival = name("plain"), name("both"), best_rival(records, kind)
    rows = [_better(records, TEACHER, plain, f"the teacher is at least {GAP} dB better", GAP)]
    rows += [_better(records, name(method), plain, f"{words} makes it better") for method, words in (
        ("space", "L_SD"), ("time", "L_TD"), ("both", "space-time distillation"))]
    rows += [_better(records, both, name(method), "both terms are better") for method in ("space", "time")]
    if rival:
        rows.append(_better(records, both, rival, "both terms are better"))
    closed = shares(records, both, plain)
    rows.append({"row": f"both terms close {SHARE:.0%} of the gap", "seeds": len(closed), "share": over_seeds(closed),
                 "verdict": verdict(closed, SHARE)})
    for method, words in (("space", "L_SD makes it steadier"), ("time", "L_TD makes it steadier"),
                          ("both", "both terms make it steadier")):
        steadier = differences(records, name(method), plain, warping)
        rows.append({"row": words, "other": plain, "seeds": len(steadier), "change": over_seeds(steadier),
                     "verdict": verdict([-value for value in steadier])})
    return rows


def _better(records: Records, recipe: str, other: str, words: str, least: float = 0.0) -> dict:
    values = differences(records, recipe, other, psnr)
    return {"row": words, "other": other, "seeds": len(values), "difference": over_seeds(values),
            "verdict": verdict(values, least)}
