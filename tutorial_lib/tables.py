"""The paper's Tables 1 to 3 and what must stand beside them, made from the records of `scoring`, and nothing else.

A table is a dictionary that JSON can hold: a title, blocks of rows with the columns to print, and notes. The text, the
Markdown and the figures are made from it.
"""

import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations, pairwise

from tutorial_lib.data.rendering import PASSES
from tutorial_lib.data.scenes import TEST_SCENES
from tutorial_lib.evaluation import Score, verdict
from tutorial_lib.scoring import CHEATS, CONTROL, without_judge

# The paper's own numbers: style Candy on MPI Sintel, the five scenes in the order of TEST_SCENES and their sum.
PAPER = {
    "teacher-flow": (0.0560, 0.0751, 0.0489, 0.0956, 0.0679, 0.3435),
    "student-scratch": (0.0746, 0.0887, 0.0575, 0.0997, 0.0815, 0.4019),
    "student-ours": (0.0524, 0.0676, 0.0445, 0.0779, 0.0627, 0.3050),
    "student-temp": (0.0701, 0.0844, 0.0535, 0.0948, 0.0758, 0.3787),
    "student-ours-temp": (0.0506, 0.0643, 0.0423, 0.0770, 0.0596, 0.2938),
    "res": (0.0606, 0.0764, 0.0493, 0.0870, 0.0691, 0.3424),
    "rank": (0.0716, 0.0862, 0.0554, 0.0950, 0.0773, 0.3855),
    "res-rank-teacher": (0.0601, 0.0755, 0.0488, 0.0882, 0.0689, 0.3415),
    "temp-res": (0.0574, 0.0729, 0.0483, 0.0870, 0.0661, 0.3317),
}
PAPER_OTHERS = {
    "Chen et al.": (0.0934, 0.1352, 0.0715, 0.103, 0.1094, 0.5125),
    "Ruder et al.": (0.0252, 0.0512, 0.0195, 0.0407, 0.0361, 0.1727),
}
PAPER_K = {"student-ours": (0.3158, 0.3061, 0.3050), "student-ours-temp": (0.2986, 0.2950, 0.2938)}

TABLE1 = ("teacher-flow", "teacher-plain", "student-plain", CONTROL, "student-ours", "student-temp",
          "student-ours-temp", "student-ours-plus")
TABLE2 = {
    CONTROL: "Student", "res": "+ L_res", "rank": "+ L_rank(input)", "student-ours": "+ L_res + L_rank(input)",
    "res-rank-teacher": "+ L_res + L_rank(teacher)", "student-temp": "Student w/ L_temp",
    "temp-res": "w/ L_temp + L_res", "student-ours-temp": "w/ L_temp + L_res + L_rank(input)",
}
ORDERS = (   # (the steadier row, the other) for every comparison that the paper draws from its Tables 1 and 2
    ("res", CONTROL), ("rank", CONTROL), ("student-ours", CONTROL), ("student-ours", "res"), ("student-ours", "rank"),
    ("student-ours", "res-rank-teacher"), ("student-temp", CONTROL), ("temp-res", "student-temp"),
    ("student-ours-temp", "student-temp"), ("student-ours-temp", "temp-res"), ("student-ours-temp", "student-ours"),
)
TABLE3 = {"student-ours": ("ours-k3", "ours-k4", "student-ours"),
          "student-ours-temp": ("ours-temp-k3", "ours-temp-k4", "student-ours-temp")}
FIG23 = (CONTROL, "vanilla-alone", "res-alone", "student-ours")
NO_WORSE = 1.005
TEMP = "student-temp"

# The frontier's own points: what METHOD-x1 would be.
OWN = {"scratch": CONTROL, "temp": TEMP, "ours": "student-ours", "style": "student-ours",
       "ours-temp": "student-ours-temp", "plus": "student-ours-plus"}
METHODS = ("scratch", "temp", "res", "rank", "ours", "style")

Records = Mapping[tuple[str, str, int], Mapping]     # by style, recipe and seed
Point = tuple[float, float]                          # a style loss and the e_stab that goes with it


# --- small parts ---


def column(key: str, title: str, form: str = "", empty: str = "–") -> dict:
    return {"key": key, "title": title, "format": form, "empty": empty}


ROW = column("row", "")


def block(name: str, title: str, columns: Sequence[dict], rows: Sequence[dict], notes: Iterable[str] = (),
          aside: bool = False) -> dict:
    """aside: of less weight; folded away in the Markdown."""
    used = [c for c in columns if c["key"] == "row" or any(row.get(c["key"]) is not None for row in rows)]
    return {"name": name, "title": title, "columns": used, "rows": list(rows), "notes": list(notes), "aside": aside}


def table(
    name: str, title: str, blocks: Sequence[dict], notes: Sequence[str] = (), missing: Sequence[str] = ()
) -> dict:
    kept = [block for block in blocks if block["rows"]]
    return {"name": name, "title": title, "blocks": kept, "notes": list(notes), "missing": list(missing)}


def gain(value: float, control: float) -> float:
    """The relative change of the temporal error: -0.24 is 24 % steadier."""
    return round(value / control - 1, 6)


def sums(records: Records, style: str, recipe: str, pass_name: str, seed: int = 0) -> Mapping[str, float] | None:
    record = records.get((style, recipe, seed))
    return record and record["scores"].get(pass_name, {}).get("sum")


def as_score(name: str, row: Mapping[str, float], judged: bool) -> Score:
    """A record's sums as `evaluation.verdict` takes them; judged: style and content by the judge."""
    prefix = "judge_" if judged else ""
    return Score(name, "sum", row["e_stab"], row[f"{prefix}style"], row[f"{prefix}content"], row["std"],
                 row["sharpness"], row["floor"])


def judgement(name: str, row: Mapping[str, float], control: Mapping[str, float]) -> str:
    """`evaluation.verdict`, by the judge's style and content where both rows have them."""
    judged = "judge_style" in row and "judge_style" in control
    return verdict(as_score(name, row, judged), as_score(CONTROL, control, judged))


def styles_of(records: Records) -> list[str]:
    return sorted({style for style, _, _ in records})


def passes_of(records: Records) -> list[str]:
    """"final" first: it is the main one."""
    found = {p for record in records.values() for p in record["scores"]}
    return [p for p in (*PASSES[::-1], "real") if p in found]


def films_of(records: Records, pass_name: str) -> list[str]:
    """The scenes in the order of the paper's tables; other films by name."""
    found = {film for record in records.values() for film in record["scores"].get(pass_name, {})} - {"sum"}
    return [name for name in TEST_SCENES if name in found] + sorted(found - set(TEST_SCENES))


def absent(records: Records, wanted: Iterable[str], styles: Iterable[str]) -> list[str]:
    wanted = list(wanted)
    return [f"{style}-{recipe}" for style in styles for recipe in wanted if (style, recipe, 0) not in records]


def fidelity(row: Mapping[str, float]) -> dict:
    """What must stand beside an e_stab."""
    keys = ("style", "content", "judge_style", "judge_content", "std", "sharpness")
    return {**{key: row.get(key) for key in keys},
            "relative": round(row["e_stab"] / row["std"], 6) if row["std"] > 1e-4 else None}


FIDELITY = (
    column("style", "style", ".4f"), column("content", "content", ".4f"),
    column("judge_style", "judge's style", ".4f"), column("judge_content", "judge's content", ".4f"),
    column("relative", "e/std", ".3f"), column("sharpness", "sharpness", ".4f"),
)
HOLDS = {True: "holds", False: "does not hold"}


# --- the tables ---


def table1(records: Records) -> dict:
    """Every role of every style: e_stab a scene, the gain, the fidelity beside it, and the verdict."""
    blocks, styles, passes = [], styles_of(records), passes_of(records)
    for pass_name in passes:
        films = films_of(records, pass_name)
        blocks.append(_overview(records, styles, pass_name))
        for style in styles:
            found = {recipe: records[style, recipe, 0]["scores"][pass_name]
                     for recipe in (*TABLE1, *CHEATS) if sums(records, style, recipe, pass_name)}
            if found:
                blocks += _table1_of(style, pass_name, films, found)
    if "real" not in passes:
        blocks.append(_papers_table1())
    notes = [
        "e_stab is Eq. 14, summed over the scenes; style and content are losses against the style picture and the "
        "frame (lower is better), by the perceptual network of the training and, where it is there, by the judge.",
        "The verdict is against student-scratch and needs equal style, content, contrast and sharpness too.",
        "grey is a constant picture, blurred is student-scratch under a 9x9 box: steady, and worthless.",
    ]
    return table("table1", "Table 1: temporal error and what it costs", blocks, notes, absent(records, TABLE1, styles))


def _called(pass_name: str) -> str:
    return "real films" if pass_name == "real" else f"{pass_name} pass"


def _overview(records: Records, styles: Sequence[str], pass_name: str) -> dict:
    """The comparisons that the paper is about, a row a style and pair."""
    rows = []
    for a, b in (("student-ours", CONTROL), ("student-ours-temp", TEMP), ("student-temp", CONTROL),
                 ("student-ours-plus", CONTROL), ("teacher-flow", CONTROL)):
        for style in styles:
            ours, other = (sums(records, style, name, pass_name) for name in (a, b))
            if ours and other:
                key = "judge_style" if "judge_style" in ours and "judge_style" in other else "style"
                rows.append({
                    "row": a, "other": b, "style": style, "gain": gain(ours["e_stab"], other["e_stab"]),
                    "paper": gain(PAPER[a][-1], PAPER[b][-1]) if a in PAPER and pass_name != "real" else None,
                    "style_gain": gain(ours[key], other[key]), "verdict": judgement(a, ours, other),
                })
    return block(f"overview.{pass_name}", f"{_called(pass_name)}, in short", [
        ROW, column("other", "against"), column("style", "style"), column("gain", "e_stab", "+.1%"),
        column("paper", "(paper)", "+.1%"), column("style_gain", "style loss", "+.1%"), column("verdict", "verdict"),
    ], rows, aside=pass_name == "clean")


def _papers_table1() -> dict:
    paper = {**PAPER, **PAPER_OTHERS}
    rows = [{"row": name, **dict(zip(TEST_SCENES, paper[name], strict=False)), "e_stab": paper[name][-1],
             "gain": gain(paper[name][-1], PAPER[CONTROL][-1]) if name != CONTROL else None,
             "gain_temp": gain(paper[name][-1], PAPER[TEMP][-1]) if name == "student-ours-temp" else None}
            for name in (*(n for n in TABLE1 if n in PAPER), *PAPER_OTHERS)]
    return block("paper", "The paper's Table 1: style Candy, MPI Sintel, 1024x436", [
        ROW, *(column(name, name, ".4f") for name in TEST_SCENES), column("e_stab", "sum", ".4f"),
        column("gain", "vs scratch", "+.1%"), column("gain_temp", "vs temp", "+.1%"),
    ], rows, aside=True)


def _table1_of(style: str, pass_name: str, films: Sequence[str], found: Mapping[str, Mapping]) -> list[dict]:
    control, temp = (found.get(name, {}).get("sum") for name in (CONTROL, TEMP))
    first = next(iter(found.values()))
    errors = [{"row": "input (floor)", **{film: first[film]["floor"] for film in films},
               "e_stab": first["sum"]["floor"]}]
    beside = []
    for recipe, scores in found.items():
        total = scores["sum"]
        row = {"row": recipe, **{film: scores[film]["e_stab"] for film in films}, "e_stab": total["e_stab"]}
        if control and recipe != CONTROL:
            row["gain"] = gain(total["e_stab"], control["e_stab"])
        if temp and recipe == "student-ours-temp":
            row["gain_temp"] = gain(total["e_stab"], temp["e_stab"])
        if recipe in PAPER and pass_name != "real":
            row["paper"] = PAPER[recipe][-1]
            row["paper_gain"] = gain(PAPER[recipe][-1], PAPER[CONTROL][-1]) if recipe != CONTROL else None
        if recipe == "student-ours-temp" and pass_name != "real":
            row["paper_gain_temp"] = gain(PAPER[recipe][-1], PAPER[TEMP][-1])
        errors.append(row)
        said = judgement(recipe, total, control) if control else None
        beside.append({"row": recipe, "e_stab": total["e_stab"], **fidelity(total), "verdict": said})
    notes = []
    if temp and "student-ours-temp" in found:
        said = judgement("student-ours-temp", found["student-ours-temp"]["sum"], temp)
        notes.append(f"student-ours-temp against student-temp: {said}.")
    return [
        block(f"{style}.{pass_name}.errors", f"{style}, {_called(pass_name)}: e_stab", [
            ROW, *(column(film, film, ".4f") for film in films), column("e_stab", "sum", ".4f"),
            column("gain", "vs scratch", "+.1%"), column("paper_gain", "(paper)", "+.1%"),
            column("gain_temp", "vs temp", "+.1%"), column("paper_gain_temp", "(paper)", "+.1%"),
            column("paper", "paper's sum", ".4f"),
        ], errors, aside=pass_name == "clean"),
        block(f"{style}.{pass_name}.fidelity", f"{style}, {_called(pass_name)}: what stands beside it", [
            ROW, column("e_stab", "e_stab", ".4f"), *FIDELITY, column("verdict", "verdict"),
        ], beside, notes, aside=pass_name == "clean"),
    ]


def seeds(records: Records) -> dict:
    """Table 1's rows over the seeds: mean and standard deviation, and how often the gain is one."""
    blocks = []
    for pass_name in passes_of(records):
        for style in styles_of(records):
            rows = [row for recipe in TABLE1 if (row := _over_seeds(records, style, recipe, pass_name))]
            if rows:
                blocks.append(block(f"{style}.{pass_name}", f"{style}, {pass_name} pass, over the seeds", [
                    ROW, column("seeds", "seeds"), column("e_stab", "e_stab", ".4f"), column("style", "style", ".4f"),
                    column("content", "content", ".4f"), column("judge_style", "judge's style", ".4f"),
                    column("judge_content", "judge's content", ".4f"), column("gain", "vs scratch", "+.1%"),
                    column("steadier", "steadier in"), column("gain_temp", "vs temp", "+.1%"),
                ], rows, aside=pass_name == "clean"))
    notes = ["Mean ± standard deviation (n - 1) over the seeds. A gain is against the control of the same seed."]
    return table("seeds", "The same trainings with other seeds", blocks, notes)


def _over_seeds(records: Records, style: str, recipe: str, pass_name: str) -> dict | None:
    found = {seed: total for s, r, seed in sorted(records) if (s, r) == (style, recipe)
             and (total := sums(records, style, recipe, pass_name, seed))}
    if len(found) < 2:
        return None
    row: dict = {"row": recipe, "seeds": " ".join(map(str, found))}
    for key in ("e_stab", "style", "content", "judge_style", "judge_content"):
        if all(key in total for total in found.values()):
            row[key] = spread([total[key] for total in found.values()])
    for key, control in (("gain", CONTROL), ("gain_temp", TEMP)):
        pairs = [(total["e_stab"], other["e_stab"]) for seed, total in found.items()
                 if (other := sums(records, style, control, pass_name, seed))]
        wanted = recipe != CONTROL if control == CONTROL else recipe == "student-ours-temp"
        if wanted and len(pairs) > 1:
            row[key] = spread([gain(*pair) for pair in pairs])
            if key == "gain":
                row["steadier"] = f"{sum(a < b for a, b in pairs)} of {len(pairs)}"
    return row


def spread(values: Sequence[float]) -> list[float]:
    """Mean and standard deviation."""
    return [round(statistics.mean(values), 6), round(statistics.stdev(values), 6)]


def table2(records: Records) -> dict:
    """Each distillation loss by itself and together, and whether the paper's comparisons hold."""
    blocks, styles = [], _with(records, ("res", "rank", "res-rank-teacher", "temp-res"))
    for pass_name in passes_of(records):
        films = films_of(records, pass_name)
        for style in styles:
            found = {r: records[style, r, 0]["scores"][pass_name]
                     for r in TABLE2 if sums(records, style, r, pass_name)}
            if not found.keys() - set(TABLE1):
                continue    # the ablations are scored on one pass
            rows = []
            for recipe, scores in found.items():
                base = TEMP if TABLE2[recipe].startswith("w/") else CONTROL
                row = {"row": TABLE2[recipe], "recipe": recipe, **{film: scores[film]["e_stab"] for film in films},
                       "e_stab": scores["sum"]["e_stab"], "paper": PAPER[recipe][-1],
                       **fidelity(scores["sum"])}
                if base in found and recipe not in (CONTROL, TEMP):
                    row["gain"] = gain(scores["sum"]["e_stab"], found[base]["sum"]["e_stab"])
                    row["paper_gain"] = gain(PAPER[recipe][-1], PAPER[base][-1])
                rows.append(row)
            e_stab = {recipe: scores["sum"]["e_stab"] for recipe, scores in found.items()}
            aside = pass_name == "clean"
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
                    column("holds", ""),
                ], orders(e_stab), [concordance(e_stab)], aside=aside),
            ]
    notes = ["A gain is against the student of the same half: without or with L_temp.",
             "e_stab alone: whether a gain is at equal style, table1 and frontier say."]
    return table("table2", "Table 2: each distillation loss by itself", blocks, notes, absent(records, TABLE2, styles))


def orders(e_stab: Mapping[str, float]) -> list[dict]:
    """The paper's comparisons between rows that are there: {recipe: e_stab} -> a row each, "holds" or not."""
    return [{"row": TABLE2[a], "other": TABLE2[b], "paper": gain(PAPER[a][-1], PAPER[b][-1]),
             "gain": gain(e_stab[a], e_stab[b]), "holds": HOLDS[e_stab[a] < e_stab[b]]}
            for a, b in ORDERS if a in e_stab and b in e_stab]


def concordance(e_stab: Mapping[str, float]) -> str:
    """How many pairs of rows stand in the paper's order."""
    pairs = list(combinations([recipe for recipe in TABLE2 if recipe in e_stab], 2))
    same = sum((PAPER[a][-1] - PAPER[b][-1]) * (e_stab[a] - e_stab[b]) > 0 for a, b in pairs)
    return f"Of all {len(pairs)} pairs of rows, {same} stand in the paper's order."


def table3(records: Records) -> dict:
    """K, the number of frames whose rank is kept low."""
    blocks, ks = [], (3, 4, 5)
    styles = _with(records, (name for row in TABLE3.values() for name in row[:2]))
    for pass_name in passes_of(records):
        for style in styles:
            rows, claims = [], []
            for recipe, names in TABLE3.items():
                found = {k: total for k, name in zip(ks, names, strict=True)
                         if (total := sums(records, style, name, pass_name))}
                if len(found) < 2:
                    continue
                label = TABLE2[recipe]
                rows.append({"row": label, **{f"k{k}": total["e_stab"] for k, total in found.items()},
                             **{f"style{k}": total.get("judge_style", total["style"]) for k, total in found.items()}})
                rows.append({"row": "  (paper)", **{f"k{k}": v for k, v in zip(ks, PAPER_K[recipe], strict=True)}})
                paper = dict(zip(ks, PAPER_K[recipe], strict=True))
                claims += [{"row": f"{label}: K = {b} no worse than {a}", "paper": gain(paper[b], paper[a]),
                            "gain": gain(found[b]["e_stab"], found[a]["e_stab"]),
                            "holds": HOLDS[found[b]["e_stab"] <= NO_WORSE * found[a]["e_stab"]]}
                           for a, b in ((3, 4), (4, 5), (3, 5)) if a in found and b in found]
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
                    ], claims, aside=aside),
                ]
    notes = [f"No worse: e_stab at most {NO_WORSE - 1:.1%} higher. K is the length of the training clips, so L_res "
             "too sees as many frames.", "The style loss is the judge's where it is there."]
    wanted = dict.fromkeys(name for names in TABLE3.values() for name in names)
    return table("table3", "Table 3: K, the frames in a clip", blocks, notes, absent(records, wanted, styles))


def fig23(records: Records) -> dict:
    """Figures 2 and 3: what is copied without the perceptual loss, from the teacher's picture or its residual."""
    blocks, styles = [], _with(records, ("vanilla-alone", "res-alone"))
    labels = {CONTROL: "L_percep alone (scratch)", "vanilla-alone": "(a) L_vanilla", "res-alone": "(b) L_res",
              "student-ours": "(c) ours: L_percep + L_res + L_rank"}
    claims = (("(a) is blurrier than (b)", "sharpness", "vanilla-alone", "res-alone"),
              ("(a) is blurrier than (c)", "sharpness", "vanilla-alone", "student-ours"),
              ("(b) is blurrier than (c)", "sharpness", "res-alone", "student-ours"),
              ("(c) has a lower style loss than (b)", "style", "student-ours", "res-alone"),
              ("(c) has a lower style loss than (a)", "style", "student-ours", "vanilla-alone"))
    for pass_name in passes_of(records):
        for style in styles:
            found = {r: total for r in FIG23 if (total := sums(records, style, r, pass_name))}
            if not found.keys() - set(TABLE1):
                continue
            rows = [{"row": labels[r], "recipe": r, "e_stab": total["e_stab"], **fidelity(total)}
                    for r, total in found.items()]
            judged = all("judge_style" in total for total in found.values())
            said = []
            for claim, key, low, high in claims:
                if low in found and high in found:
                    key = "judge_style" if key == "style" and judged else key
                    said.append({"row": claim, "gain": gain(found[low][key], found[high][key]),
                                 "holds": HOLDS[found[low][key] < found[high][key]]})
            aside = pass_name == "clean"
            blocks += [
                block(f"{style}.{pass_name}.rows", f"{style}, {pass_name} pass", [
                    ROW, column("sharpness", "sharpness", ".4f"), *FIDELITY[:-1], column("e_stab", "e_stab", ".4f"),
                ], rows, aside=aside),
                block(f"{style}.{pass_name}.orders", f"{style}, {pass_name} pass: what the paper's figures show", [
                    ROW, column("gain", "difference", "+.1%"), column("holds", "")], said, aside=aside),
            ]
    return table("fig23", "Figures 2 and 3: what is distilled, and the perceptual loss", blocks, (),
                 absent(records, FIG23, styles))


def _with(records: Records, some: Iterable[str]) -> list[str]:
    """The styles that have at least one of some networks."""
    some = set(some)
    return sorted({style for style, recipe, seed in records if recipe in some and seed == 0})


# --- at equal style ---


def curves(records: Records, style: str, pass_name: str, measure: str) -> dict[str, list[dict]]:
    """Each method at its strengths, weakest first: {method: [{factor, recipe, style, e_stab}, ...]}.

    From every recipe METHOD-xFACTOR, and the one that would be METHOD-x1.
    """
    found: dict[str, dict[float, str]] = {}
    for s, recipe, seed in records:
        if s == style and seed == 0 and (parts := re.fullmatch(r"(.+)-x([\d.]+)", recipe)):
            found.setdefault(parts[1], {})[float(parts[2])] = recipe
    drawn = {}
    for method in sorted(found, key=lambda m: (METHODS.index(m) if m in METHODS else len(METHODS), m)):
        for own in (OWN.get(method), f"student-{method}", method):
            if (style, own, 0) in records:
                found[method].setdefault(1.0, own)
                break
        points = [(factor, recipe, total) for factor, recipe in sorted(found[method].items())
                  if (total := sums(records, style, recipe, pass_name)) and measure in total]
        drawn[method] = [{"factor": factor, "recipe": recipe, "style": total[measure], "e_stab": total["e_stab"]}
                         for factor, recipe, total in points]
    return {method: points for method, points in drawn.items() if len(points) > 1}


def at_style(points: Sequence[Point], style: float) -> float | None:
    """The e_stab of a curve (style, e_stab), in the order of its factors, at a style loss; None beyond the curve.

    Between two points log e_stab is linear in the style loss. Where a curve passes a style loss more than once,
    the steadier of its factors counts.
    """
    found = []
    for (s0, e0), (s1, e1) in pairwise(points):
        if min(s0, s1) - 1e-12 <= style <= max(s0, s1) + 1e-12:
            share = (style - s0) / (s1 - s0) if s1 != s0 else (0.0 if e0 < e1 else 1.0)
            found.append(math.exp((1 - share) * math.log(e0) + share * math.log(e1)))
    return min(found) if found else None


def at_equal_style(ours: Sequence[Point], other: Sequence[Point], samples: int = 101) -> dict:
    """How much steadier one curve is than another over the style losses that both reach; gains as in `gain`."""
    lowest = max(min(s for s, _ in ours), min(s for s, _ in other))
    highest = min(max(s for s, _ in ours), max(s for s, _ in other))
    if lowest > highest:
        return {"from": None, "to": None, "mean": None, "best": None, "worst": None,
                "said": "no style loss that both reach"}
    places = [lowest + (highest - lowest) * k / (samples - 1) for k in range(samples)]
    ratios = [math.log(at_style(ours, s) / at_style(other, s)) for s in places]
    share = sum(ratio < 0 for ratio in ratios) / samples
    said = {1.0: "steadier at equal style", 0.0: "not steadier at equal style"}.get(
        share, f"steadier over {share:.0%} of the common range")
    mean, best, worst = (round(math.exp(value) - 1, 6)
                         for value in (statistics.mean(ratios), min(ratios), max(ratios)))
    return {"from": round(lowest, 6), "to": round(highest, 6), "mean": mean, "best": best, "worst": worst, "said": said}


def frontier(records: Records) -> dict:
    """e_stab against the style loss, a curve a method, and who is steadier at equal style."""
    blocks = []
    for pass_name in passes_of(records):
        for style in styles_of(records):
            for measure in ("judge_style", "style"):
                blocks += _frontier_of(records, style, pass_name, measure)
    notes = [
        "A point METHOD-xF is the method with its lambdas (scratch and style: with the style weight) times F; factor 1 "
        "is the network of table1. Between two points of a curve log e_stab is linear in the style loss; nothing is "
        "extrapolated. Where a curve passes a style loss twice, its steadier point counts.",
        "At equal style only: content, contrast and sharpness stand with the points.",
    ]
    return table("frontier", "At equal style: e_stab against the style loss", blocks, notes)


def _frontier_of(records: Records, style: str, pass_name: str, measure: str) -> list[dict]:
    drawn = curves(records, style, pass_name, measure)
    if not drawn:
        return []
    lines = {method: [(p["style"], p["e_stab"]) for p in points] for method, points in drawn.items()}
    rows = [{"row": method, **point, **{key: sums(records, style, point["recipe"], pass_name).get(key) for key in (
        "content", "std", "sharpness")}} for method, points in drawn.items() for point in points]
    marks = {name: total[measure] for name in (CONTROL, TEMP, "student-ours")
             if (total := sums(records, style, name, pass_name)) and measure in total}
    equal = [{"row": method, **{name: _rounded(at_style(line, s)) for name, s in marks.items()}}
             for method, line in lines.items()]
    pairs = [("ours", "scratch"), ("ours", "temp"), ("style", "scratch"), ("style", "temp"), ("temp", "scratch"),
             ("res", "scratch"), ("rank", "scratch")]
    pairs += [(method, other) for method in drawn if method not in METHODS for other in ("scratch", "temp")]
    compared = [{"row": a, "other": b, **at_equal_style(lines[a], lines[b])}
                for a, b in pairs if a in lines and b in lines]
    place, aside = f"{style}.{pass_name}.{measure}", pass_name == "clean" or measure == "style"
    who = "the judge's style loss" if measure == "judge_style" else "the training network's style loss"
    if not any((style, r, 0) in records and "judge_style" in (sums(records, style, r, pass_name) or {})
               for r in (CONTROL, "student-ours")):
        aside = pass_name == "clean"
    return [
        block(f"{place}.points", f"{style}, {pass_name} pass: the points, by {who}", [
            column("row", "method"), column("factor", "factor", "g"), column("style", "style", ".4f"),
            column("e_stab", "e_stab", ".4f"), column("content", "content", ".4f"), column("std", "std", ".4f"),
            column("sharpness", "sharpness", ".4f")], rows, aside=aside),
        block(f"{place}.equal", f"{style}, {pass_name} pass: e_stab at given values of {who}", [
            column("row", "method"), *(column(name, f"at {name}'s {s:.4f}", ".4f", "beyond the curve")
                                       for name, s in marks.items())], equal, aside=aside),
        block(f"{place}.verdicts", f"{style}, {pass_name} pass: at equal style, by {who}", [
            column("row", "method"), column("other", "against"), column("from", "from style", ".4f"),
            column("to", "to", ".4f"), column("mean", "mean", "+.1%"), column("best", "best", "+.1%"),
            column("worst", "worst", "+.1%"), column("said", "")], compared, aside=aside),
    ]


def _rounded(value: float | None) -> float | None:
    return value if value is None else round(value, 6)


def gaps(records: Records) -> dict:
    """How steadiness holds over more than one frame."""
    blocks, numbers = [], sorted({gap for record in records.values() for gap in record["protocol"]["gaps"]})
    if len(numbers) < 2:
        return table("gaps", "", [])
    keys = {gap: "" if gap == 1 else f"_{gap}" for gap in numbers}
    for pass_name in passes_of(records):
        for style in styles_of(records):
            found = {r: total for r in TABLE1 if (total := sums(records, style, r, pass_name))}
            if not found:
                continue
            control, first = found.get(CONTROL), next(iter(found.values()))
            rows = [{"row": "input (floor)", **{f"gap{g}": first[f"floor{key}"] for g, key in keys.items()}}]
            for recipe, total in found.items():
                row = {"row": recipe, **{f"gap{g}": total[f"e_stab{key}"] for g, key in keys.items()}}
                row["ratio"] = round(row[f"gap{numbers[-1]}"] / row[f"gap{numbers[0]}"], 6)
                if control and recipe != CONTROL:
                    row |= {f"gain{g}": gain(row[f"gap{g}"], control[f"e_stab{key}"]) for g, key in keys.items()}
                rows.append(row)
            blocks.append(block(f"{style}.{pass_name}", f"{style}, {pass_name} pass", [
                ROW, *(column(f"gap{g}", f"gap {g}", ".4f") for g in numbers),
                column("ratio", f"{numbers[-1]} / {numbers[0]}", ".2f"),
                *(column(f"gain{g}", f"vs scratch at {g}", "+.1%") for g in numbers),
            ], rows, aside=pass_name == "clean"))
    notes = ["e_stab between frames that far apart, summed over the scenes, with exact flow and occlusion."]
    return table("gaps", "Over longer times", blocks, notes)


BUILDERS: tuple[Callable[[Records], dict], ...] = (table1, seeds, table2, table3, fig23, frontier, gaps)


def build(records: Sequence[Mapping], suffix: str = "") -> dict[str, dict]:
    """Every table that the records can fill, {name + suffix: table}; records of another protocol are left out.

    "Another" is any but that of the most records. A table without a row is left out. Of real films there is one.
    """
    kept, left_out, protocol = of_one_protocol(records)
    made = {}
    for builder in BUILDERS if suffix != "-real" else BUILDERS[:1]:
        found = builder(kept)
        if not any(b["name"] != "paper" for b in found["blocks"]):
            continue
        if suffix == "-real":
            found |= {"name": "real", "title": "Real films: temporal error by estimated flow, and what it costs"}
        elif suffix:
            found["name"] += suffix
            found["title"] += f" ({protocol['films']}, {protocol['width']}x{protocol['height']})"
        found["protocol"] = protocol
        found["notes"] = [*found["notes"], described(protocol, kept)]
        found["missing"] += [f"{name} (scored under another protocol)" for name in left_out]
        made[found["name"]] = found
    return made


def of_one_protocol(records: Sequence[Mapping]) -> tuple[Records, list[str], dict]:
    """The records by (style, recipe, seed), the names of those left out, and the protocol without the judge."""
    protocols = [without_judge(record["protocol"]) for record in records]
    keys = [repr(sorted(protocol.items())) for protocol in protocols]
    most = Counter(keys).most_common(1)[0][0] if keys else ""
    kept = {(r["style"], r["recipe"], r["seed"]): r for r, key in zip(records, keys, strict=True) if key == most}
    left_out = [r["name"] for r, key in zip(records, keys, strict=True) if key != most]
    return kept, left_out, next((p for p, key in zip(protocols, keys, strict=True) if key == most), {})


def described(protocol: Mapping, records: Records) -> str:
    """The protocol in a sentence."""
    judges = sorted({record["protocol"]["judge"]["name"] for record in records.values() if record["protocol"]["judge"]})
    height = protocol["height"]
    size = f"{protocol['width']}x{height} pixels" if height else f"at most {protocol['width']} pixels a side"
    return (f"Protocol: {protocol['films']}, {size}, at most {protocol['frames']} frames a film; style and content on "
            f"every {protocol['fidelity_every']}th frame, by the network {protocol['perceptual']['name']}"
            + (f" and, as the judge, {', '.join(judges)}" if judges else "") + ".")


# --- as text ---


def cell(value, form: str = "", empty: str = "–") -> str:
    """A value in its column's format; two values are a mean and a standard deviation."""
    if value is None:
        return empty
    if isinstance(value, list):
        return f"{value[0]:{form}} ± {abs(value[1]):{form.lstrip('+')}}"
    return f"{value:{form}}" if form else str(value)


def cells(part: Mapping) -> list[list[str]]:
    """A block as strings, the head first."""
    head = [c["title"] for c in part["columns"]]
    return [head, *([cell(row.get(c["key"]), c["format"], c["empty"]) for c in part["columns"]]
                    for row in part["rows"])]


def as_text(found: Mapping, asides: bool = True) -> str:
    """A table for the terminal and for .txt files; asides: with the blocks of less weight."""
    lines = [found["title"], "=" * len(found["title"])]
    for part in (p for p in found["blocks"] if asides or not p["aside"]):
        grid = cells(part)
        widths = [max(len(row[i]) for row in grid) for i in range(len(grid[0]))]
        lines += ["", part["title"], ""]
        for row in grid:
            padded = [text.rjust(width) if c["format"] else text.ljust(width)
                      for text, width, c in zip(row, widths, part["columns"], strict=True)]
            lines.append("  ".join(padded).rstrip())
        lines += ["", *part["notes"]] if part["notes"] else []
    lines += ["", *found["notes"]]
    if found["missing"]:
        lines.append(f"Not there: {', '.join(found['missing'])}.")
    return "\n".join(lines) + "\n"


def block_as_markdown(part: Mapping) -> str:
    head, *rows = cells(part)
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    rule = "|".join("---:" if c["format"] else "---" for c in part["columns"])
    text = "\n".join([lines[0], f"|{rule}|", *lines[1:]])
    return text + ("\n\n" + "\n".join(part["notes"]) if part["notes"] else "")


def as_markdown(found: Mapping) -> str:
    """A table for GitHub; what is of less weight is folded away."""
    parts = [f"**{found['title']}**"]
    for part in found["blocks"]:
        text = block_as_markdown(part)
        parts.append(f"<details><summary>{part['title']}</summary>\n\n{text}\n\n</details>" if part["aside"]
                     else f"{part['title']}:\n\n{text}")
    parts += found["notes"]
    if found["missing"]:
        parts.append(f"Not there: {', '.join(found['missing'])}.")
    return "\n\n".join(parts) + "\n"


def insert(markdown: str, name: str, text: str) -> str:
    """Replaces what stands between <!-- name --> and <!-- /name -->, wherever that is; without the marks, nothing."""
    marks = rf"(<!-- {re.escape(name)} -->).*?(<!-- /{re.escape(name)} -->)"
    return re.sub(marks, lambda found: f"{found[1]}\n{text.strip()}\n{found[2]}", markdown, flags=re.DOTALL)
