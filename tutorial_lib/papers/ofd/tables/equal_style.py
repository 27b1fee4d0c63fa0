"""A gain is a gain at equal style: every method as a curve of e_stab against what it costs.

The cost is the style loss, as in the literature, or all of Eq. 1 at the usual weights (style and content added):
a method can buy style with content, and one that does looks better at equal style than it is.
"""

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tutorial_lib.papers.ofd.roles import CONTROL, METHODS, TEMP
from tutorial_lib.tables.parts import Point, Records, block, column, passes_of, styles_of, sums, table

# The ways to measure what a network costs, {name: (the prefix of a record's columns, its name in titles, in short)}.
MEASURES = {
    "judge_style": ("judge_", "the judge's style loss", "style"),
    "judge_perceptual": ("judge_", "the judge's Eq. 1", "Eq. 1"),
    "style": ("", "the training network's style loss", "style"),
    "perceptual": ("", "the training network's Eq. 1", "Eq. 1"),
}


def cost(total: Mapping[str, float], measure: str) -> float | None:
    """One of MEASURES for the sums of a record; None where there is no judge."""
    whose, _, short = MEASURES[measure]
    if f"{whose}style" not in total:
        return None
    return total[f"{whose}style"] + (total[f"{whose}content"] if short == "Eq. 1" else 0)


def curves(records: Records, style: str, pass_name: str, measure: str) -> dict[str, list[dict]]:
    """Each method at its strengths, weakest first: {method: [{factor, recipe, cost, e_stab}, ...]}.

    From every recipe METHOD-xFACTOR, and the one that would be METHOD-x1.
    """
    recipes: dict[str, dict[float, str]] = {}
    for s, recipe, seed in records:
        if s == style and seed == 0 and (parts := re.fullmatch(r"(.+)-x([\d.]+)", recipe)):
            recipes.setdefault(parts[1], {})[float(parts[2])] = recipe
    drawn = {}
    order = [*METHODS, *sorted(recipes.keys() - METHODS.keys())]
    for method in (method for method in order if method in recipes):
        usual = METHODS[method].usual if method in METHODS else f"student-{method}"
        if (style, usual, 0) in records:
            recipes[method].setdefault(1.0, usual)
        points = [(factor, recipe, total) for factor, recipe in sorted(recipes[method].items())
                  if (total := sums(records, style, recipe, pass_name)) and cost(total, measure) is not None]
        drawn[method] = [{"factor": factor, "recipe": recipe, "cost": cost(total, measure), "e_stab": total["e_stab"]}
                         for factor, recipe, total in points]
    return {method: points for method, points in drawn.items() if len(points) > 1}


def at_cost(points: Sequence[Point], cost: float) -> float | None:
    """The e_stab of a curve (cost, e_stab), in the order of its factors, at a cost; None beyond the curve.

    Between two points log e_stab is linear in the cost. Where a curve passes a cost more than once, the steadier
    of its factors counts.
    """
    crossings = []
    for (s0, e0), (s1, e1) in pairwise(points):
        if min(s0, s1) - 1e-12 <= cost <= max(s0, s1) + 1e-12:
            share = (cost - s0) / (s1 - s0) if s1 != s0 else (0.0 if e0 < e1 else 1.0)
            crossings.append(math.exp((1 - share) * math.log(e0) + share * math.log(e1)))
    return min(crossings) if crossings else None


def at_equal_cost(ours: Sequence[Point], other: Sequence[Point], samples: int = 101) -> dict:
    """How much steadier one curve is than another over the costs that both reach; gains as in `gain`."""
    lowest = max(min(s for s, _ in ours), min(s for s, _ in other))
    highest = min(max(s for s, _ in ours), max(s for s, _ in other))
    if lowest > highest:
        return {"from": None, "to": None, "mean": None, "best": None, "worst": None,
                "said": "no cost that both reach"}
    places = [lowest + (highest - lowest) * k / (samples - 1) for k in range(samples)]
    ratios = [math.log(at_cost(ours, s) / at_cost(other, s)) for s in places]
    share = sum(ratio < 0 for ratio in ratios) / samples
    said = {1.0: "steadier", 0.0: "not steadier"}.get(
        share, f"steadier over {share:.0%} of the common range")
    mean, best, worst = (round(math.exp(value) - 1, 6)
                         for value in (statistics.mean(ratios), min(ratios), max(ratios)))
    return {"from": round(lowest, 6), "to": round(highest, 6), "mean": mean, "best": best, "worst": worst, "said": said}


def frontier(records: Records) -> dict:
    """e_stab against the style loss, a curve a method, and who is steadier at equal style."""
    blocks = []
    for pass_name in passes_of(records):
        for style in styles_of(records):
            for measure in MEASURES:
                blocks += _frontier_of(records, style, pass_name, measure)
    notes = [
        "A point METHOD-xF is the method with its lambdas (scratch and style: with the style weight) times F; factor 1 "
        "is the network of table1. Between two points of a curve log e_stab is linear in the cost; nothing is "
        "extrapolated. Where a curve passes a cost twice, its steadier point counts.",
        "At equal style a method may have paid in content; Eq. 1, style and content together at the usual weights of "
        "one, counts both. Contrast and sharpness stand with the points.",
    ]
    return table("frontier", "At equal style, and at equal Eq. 1: e_stab against what it costs", blocks, notes)


def _frontier_of(records: Records, style: str, pass_name: str, measure: str) -> list[dict]:
    drawn = curves(records, style, pass_name, measure)
    if not drawn:
        return []
    lines = {method: [(p["cost"], p["e_stab"]) for p in points] for method, points in drawn.items()}
    whose, called, short = MEASURES[measure]
    rows = []
    for method, points in drawn.items():
        for point in points:
            total = sums(records, style, point["recipe"], pass_name)
            rows.append({"row": method, **point, "style": total[f"{whose}style"], "content": total[f"{whose}content"],
                         "std": total["std"], "sharpness": total["sharpness"]})
    marks = {name: cost(total, measure) for name in (CONTROL, TEMP, "student-ours")
             if (total := sums(records, style, name, pass_name)) and cost(total, measure) is not None}
    equal = [{"row": method, **{name: _rounded(at_cost(line, s)) for name, s in marks.items()}}
             for method, line in lines.items()]
    pairs = [("ours", "scratch"), ("ours", "temp"), ("style", "scratch"), ("style", "temp"), ("temp", "scratch"),
             ("res", "scratch"), ("rank", "scratch"), ("ours-temp", "scratch"), ("ours-temp", "temp")]
    pairs += [(method, other) for method in drawn if method not in METHODS for other in ("scratch", "temp")]
    compared = [{"row": a, "other": b, **at_equal_cost(lines[a], lines[b])}
                for a, b in pairs if a in lines and b in lines]
    place, aside = f"{style}.{pass_name}.{measure}", pass_name == "clean" or not whose
    if not any((style, r, 0) in records and "judge_style" in (sums(records, style, r, pass_name) or {})
               for r in (CONTROL, "student-ours")):
        aside = pass_name == "clean"
    return [
        block(f"{place}.points", f"{style}, {pass_name} pass: the points, by {called}", [
            column("row", "method"), column("factor", "factor", "g"), column("e_stab", "e_stab", ".4f"),
            *([] if short == "style" else [column("cost", short, ".4f")]), column("style", "style", ".4f"),
            column("content", "content", ".4f"), column("std", "std", ".4f"), column("sharpness", "sharpness", ".4f"),
        ], rows, aside=aside),
        block(f"{place}.equal", f"{style}, {pass_name} pass: e_stab at given values of {called}", [
            column("row", "method"), *(column(name, f"at {name}'s {s:.4f}", ".4f", "beyond the curve")
                                       for name, s in marks.items())], equal, aside=aside),
        block(f"{place}.verdicts", f"{style}, {pass_name} pass: at equal {short}, by {called}", [
            column("row", "method"), column("other", "against"), column("from", f"from {short}", ".4f"),
            column("to", "to", ".4f"), column("mean", "mean", "+.1%"), column("best", "best", "+.1%"),
            column("worst", "worst", "+.1%"), column("said", "")], compared, aside=aside),
    ]


def _rounded(value: float | None) -> float | None:
    return value if value is None else round(value, 6)
