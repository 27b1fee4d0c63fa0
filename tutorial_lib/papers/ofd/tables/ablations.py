"""Tables 2 and 3, and what Figures 2 and 3 show."""

from collections.abc import Mapping
from itertools import combinations

from tutorial_lib.papers.ofd.roles import CONTROL, TABLED, TEMP
from tutorial_lib.papers.ofd.tables.noise import Noise
from tutorial_lib.papers.ofd.tables.paper import FIG23, ORDERS, PAPER, PAPER_K, TABLE2, TABLE3
from tutorial_lib.tables.parts import (
    FIDELITY,
    ROW,
    Records,
    absent,
    block,
    column,
    fidelity,
    films_of,
    gain,
    having,
    passes_of,
    sums,
    table,
)


def table2(records: Records) -> dict:
    """Each distillation loss by itself and together, and whether the paper's comparisons hold."""
    blocks, styles = [], having(records, ("res", "rank", "res-rank-teacher", "temp-res"))
    for pass_name in passes_of(records):
        films = films_of(records, pass_name)
        for style in styles:
            scored = {r: records[style, r, 0]["scores"][pass_name]
                     for r in TABLE2 if sums(records, style, r, pass_name)}
            if not scored.keys() - set(TABLED):
                continue    # the ablations are scored on one pass
            rows = []
            for recipe, scores in scored.items():
                base = TEMP if TABLE2[recipe].startswith("w/") else CONTROL
                row = {"row": TABLE2[recipe], "recipe": recipe, **{film: scores[film]["e_stab"] for film in films},
                       "e_stab": scores["sum"]["e_stab"], "paper": PAPER[recipe][-1],
                       **fidelity(scores["sum"])}
                if base in scored and recipe not in (CONTROL, TEMP):
                    row["gain"] = gain(scores["sum"]["e_stab"], scored[base]["sum"]["e_stab"])
                    row["paper_gain"] = gain(PAPER[recipe][-1], PAPER[base][-1])
                rows.append(row)
            e_stab = {recipe: scores["sum"]["e_stab"] for recipe, scores in scored.items()}
            aside, noise = pass_name == "clean", Noise(records, style, pass_name)
            blocks += [
                block(f"{style}.{pass_name}.errors", f"{style}, {pass_name} pass", [
                    ROW, *(column(film, film, ".4f") for film in films), column("e_stab", "sum", ".4f"),
                    column("gain", "gain", "+.1%"), column("paper", "paper's sum", ".4f"),
                    column("paper_gain", "(paper)", "+.1%"), column("style", "style", ".4f"),
                    column("content", "content", ".4f"), column("judge_style", "judge's style", ".4f"),
                    column("judge_content", "judge's content", ".4f"), column("sharpness", "sharpness", ".4f"),
                ], rows, aside=aside),
                block(f"{style}.{pass_name}.orders", f"{style}, {pass_name} pass: the paper's comparisons", [
                    column("row", "steadier in the paper"), column("other", "than"),
                    column("paper", "paper's gain", "+.1%"), column("gain", "gain here", "+.1%"),
                    column("over_seeds", "over the seeds", "+.1%"), column("holds", ""),
                ], orders(e_stab, noise), [concordance(e_stab, noise), noise.described({"e_stab": "e_stab"})],
                    aside=aside),
            ]
    notes = ["A gain is against the student of the same half: without or with L_temp.",
             "e_stab alone: whether a gain is at equal style, table1 and frontier say."]
    return table("table2", "Table 2: each distillation loss by itself", blocks, notes, absent(records, TABLE2, styles))


def orders(e_stab: Mapping[str, float], noise: Noise) -> list[dict]:
    """The paper's comparisons between rows that are there: {recipe: e_stab} -> a row each, and whether it holds."""
    pairs = {(a, b): gain(e_stab[a], e_stab[b]) for a, b in ORDERS if a in e_stab and b in e_stab}
    return [{"row": TABLE2[a], "other": TABLE2[b], "paper": gain(PAPER[a][-1], PAPER[b][-1]), "gain": change,
             "over_seeds": noise.spread(a, b), "holds": noise.says(a, b, change)}
            for (a, b), change in pairs.items()]


def concordance(e_stab: Mapping[str, float], noise: Noise) -> str:
    """How many pairs of rows stand in the paper's order, and how many too near to each other for any."""
    rows = sorted((recipe for recipe in TABLE2 if recipe in e_stab), key=lambda recipe: PAPER[recipe][-1])
    said = [noise.says(a, b, gain(e_stab[a], e_stab[b])) for a, b in combinations(rows, 2)]   # a: steadier in the paper
    return (f"Of all {len(said)} pairs of rows, {said.count('holds')} stand in the paper's order, "
            f"{said.count('does not hold')} in the other, and {said.count('within the noise')} within the noise.")


def table3(records: Records) -> dict:
    """K, the number of frames whose rank is kept low."""
    blocks, ks = [], (3, 4, 5)
    styles = having(records, (name for row in TABLE3.values() for name in row[:2]))
    for pass_name in passes_of(records):
        for style in styles:
            rows, claims, noise = [], [], Noise(records, style, pass_name)
            for recipe, names in TABLE3.items():
                totals = {k: total for k, name in zip(ks, names, strict=True)
                         if (total := sums(records, style, name, pass_name))}
                if len(totals) < 2:
                    continue
                label = TABLE2[recipe]
                rows.append({"row": label, **{f"k{k}": total["e_stab"] for k, total in totals.items()},
                             **{f"style{k}": total.get("judge_style", total["style"]) for k, total in totals.items()}})
                rows.append({"row": "  (paper)", **{f"k{k}": v for k, v in zip(ks, PAPER_K[recipe], strict=True)}})
                paper = dict(zip(ks, PAPER_K[recipe], strict=True))
                changes = {(a, b): gain(totals[b]["e_stab"], totals[a]["e_stab"])
                           for a, b in ((3, 4), (4, 5), (3, 5)) if a in totals and b in totals}
                named = dict(zip(ks, names, strict=True))
                claims += [{"row": f"{label}: K = {b} steadier than {a}", "paper": gain(paper[b], paper[a]),
                            "gain": change, "holds": noise.says(named[b], named[a], change)}
                           for (a, b), change in changes.items()]
            if rows:
                aside = pass_name == "clean"
                blocks += [
                    block(f"{style}.{pass_name}.errors", f"{style}, {pass_name} pass: e_stab, and style loss", [
                        ROW, *(column(f"k{k}", f"K = {k}", ".4f") for k in ks),
                        *(column(f"style{k}", f"style, K = {k}", ".4f") for k in ks),
                    ], rows, aside=aside),
                    block(f"{style}.{pass_name}.orders", f"{style}, {pass_name} pass: the paper's comparisons", [
                        ROW, column("paper", "paper's gain", "+.1%"), column("gain", "gain here", "+.1%"),
                        column("holds", ""),
                    ], claims, [noise.described({"e_stab": "e_stab"})], aside=aside),
                ]
    notes = ["K is the length of the training clips, so L_res too sees as many frames.",
             "The style loss is the judge's where it is there."]
    wanted = dict.fromkeys(name for names in TABLE3.values() for name in names)
    return table("table3", "Table 3: K, the frames in a clip", blocks, notes, absent(records, wanted, styles))


def fig23(records: Records) -> dict:
    """Figures 2 and 3: what is copied without the perceptual loss, from the teacher's picture or its residual."""
    blocks, styles = [], having(records, ("vanilla-alone", "res-alone"))
    labels = {CONTROL: "L_percep alone (scratch)", "vanilla-alone": "(a) L_vanilla", "res-alone": "(b) L_res",
              "student-ours": "(c) ours: L_percep + L_res + L_rank"}
    claims = (("(a) is blurrier than (b)", "sharpness", "vanilla-alone", "res-alone"),
              ("(a) is blurrier than (c)", "sharpness", "vanilla-alone", "student-ours"),
              ("(b) is blurrier than (c)", "sharpness", "res-alone", "student-ours"),
              ("(c) has a lower style loss than (b)", "style", "student-ours", "res-alone"),
              ("(c) has a lower style loss than (a)", "style", "student-ours", "vanilla-alone"))
    for pass_name in passes_of(records):
        for style in styles:
            totals = {r: total for r in FIG23 if (total := sums(records, style, r, pass_name))}
            if not totals.keys() - set(TABLED):
                continue
            rows = [{"row": labels[r], "recipe": r, "e_stab": total["e_stab"], **fidelity(total)}
                    for r, total in totals.items()]
            judged, noise = all("judge_style" in total for total in totals.values()), Noise(records, style, pass_name)
            measures, said = {"sharpness": "sharpness", "judge_style" if judged else "style": "style"}, []
            for claim, key, low, high in claims:
                if low in totals and high in totals:
                    key = "judge_style" if key == "style" and judged else key
                    change = gain(totals[low][key], totals[high][key])
                    said.append({"row": claim, "gain": change, "holds": noise.says(low, high, change, key)})
            aside = pass_name == "clean"
            blocks += [
                block(f"{style}.{pass_name}.rows", f"{style}, {pass_name} pass", [
                    ROW, column("sharpness", "sharpness", ".4f"), *FIDELITY[:-1], column("e_stab", "e_stab", ".4f"),
                ], rows, aside=aside),
                block(f"{style}.{pass_name}.orders", f"{style}, {pass_name} pass: what the paper's figures show", [
                    ROW, column("gain", "difference", "+.1%"), column("holds", "")], said,
                    [noise.described(measures)], aside=aside),
            ]
    return table("fig23", "Figures 2 and 3: what is distilled, and the perceptual loss", blocks, (),
                 absent(records, FIG23, styles))
