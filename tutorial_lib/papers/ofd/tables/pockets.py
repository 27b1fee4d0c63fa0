"""The pocket students, trained and judged for a screen, beside the paper's student under the same judge."""

from collections.abc import Mapping

from tutorial_lib.papers.ofd.roles import CONTROL, OURS, POCKET, POCKET_CONTROL, POCKETS
from tutorial_lib.tables.parts import (
    FIDELITY,
    ROW,
    Records,
    absent,
    block,
    column,
    fidelity,
    gain,
    having,
    judgement,
    passes_of,
    spread,
    sums,
    table,
)

BESIDE = (CONTROL, OURS)     # the paper's, whose strokes are a third as large
STUDENTS = [name for name, role in POCKETS.items() if role.ships]


def pockets(records: Records) -> dict:
    """Every role of every style: e_stab, the gain over the pocket student from scratch, and what stands beside it."""
    blocks, styles = [], having(records, [POCKET_CONTROL])
    for pass_name in passes_of(records):
        for style in styles:
            rows = [row for name in (*POCKETS, *BESIDE) if (row := _row(records, style, name, pass_name))]
            blocks.append(block(f"{style}.{pass_name}", f"{style}, {pass_name}", [
                ROW, column("e_stab", "e_stab", ".4f"), column("gain", "vs pocket-scratch", "+.1%"),
                column("gain_zoo", "vs student-scratch", "+.1%"), column("style_gain", "style loss", "+.1%"),
                column("content_gain", "content loss", "+.1%"), *FIDELITY, column("verdict", "verdict"),
            ], rows, aside=pass_name == "clean"))
            blocks.append(_over_seeds(records, style, pass_name))
    notes = [
        "Gains, style and content are against pocket-scratch: the same network, start, frames, steps and seed; style "
        "and content by the judge where it is there. All are judged by the style picture at the size for a screen; the "
        "paper's students were trained with strokes a third as large, so their style loss is of another aim.",
    ]
    return table("pockets", "Pocket students, for a screen", blocks, notes, absent(records, STUDENTS, styles))


def _row(records: Records, style: str, name: str, pass_name: str) -> dict | None:
    total = sums(records, style, name, pass_name)
    if not total:
        return None
    row = {"row": name, "e_stab": total["e_stab"], **fidelity(total)}
    control, zoo = (sums(records, style, other, pass_name) for other in (POCKET_CONTROL, CONTROL))
    if name != POCKET_CONTROL and control:
        row |= _gains(total, control)
    if name != CONTROL and zoo:
        row["gain_zoo"] = gain(total["e_stab"], zoo["e_stab"])
    row["verdict"] = judgement(name, total, control) if control and name in POCKETS else None
    return row


def _gains(total: Mapping[str, float], control: Mapping[str, float]) -> dict:
    judge = "judge_" if "judge_style" in total and "judge_style" in control else ""
    return {"gain": gain(total["e_stab"], control["e_stab"]),
            "style_gain": gain(total[f"{judge}style"], control[f"{judge}style"]),
            "content_gain": gain(total[f"{judge}content"], control[f"{judge}content"])}


def _over_seeds(records: Records, style: str, pass_name: str) -> dict:
    """The gain of ours in every seed that has a control, and their mean."""
    rows = []
    for seed in sorted(seed for s, recipe, seed in records if (s, recipe) == (style, POCKET)):
        ours, control = (sums(records, style, name, pass_name, seed) for name in (POCKET, POCKET_CONTROL))
        if ours and control:
            rows.append({"row": f"seed {seed}", **_gains(ours, control), "verdict": judgement(POCKET, ours, control)})
    if len(rows) > 1:
        keys = ("gain", "style_gain", "content_gain")
        rows.append({"row": "mean", **{key: spread([row[key] for row in rows]) for key in keys}})
    return block(f"{style}.{pass_name}.seeds", f"{style}, {pass_name}: {POCKET} over the seeds", [
        ROW, column("gain", "vs pocket-scratch", "+.1%"), column("style_gain", "style loss", "+.1%"),
        column("content_gain", "content loss", "+.1%"), column("verdict", "verdict"),
    ], rows if len(rows) > 1 else [], aside=pass_name == "clean")
