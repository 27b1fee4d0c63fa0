"""Table 1, the same over the seeds, and over longer times."""

from collections.abc import Mapping, Sequence
from itertools import product

from tutorial_lib.data.scenes import TEST_SCENES
from tutorial_lib.evaluation.bench import CHEATS
from tutorial_lib.papers.ofd.roles import CONTROL, TABLED, TEMP
from tutorial_lib.papers.ofd.tables.paper import PAPER, PAPER_OTHERS
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
    judgement,
    passes_of,
    spread,
    styles_of,
    sums,
    table,
)


def table1(records: Records) -> dict:
    """Every role of every style: e_stab a scene, the gain, the fidelity beside it, and the verdict."""
    blocks, styles, passes = [], styles_of(records), passes_of(records)
    for pass_name in passes:
        films = films_of(records, pass_name)
        blocks.append(_overview(records, styles, pass_name))
        for style in styles:
            scored = {recipe: records[style, recipe, 0]["scores"][pass_name]
                     for recipe in (*TABLED, *CHEATS) if sums(records, style, recipe, pass_name)}
            if scored:
                blocks += _table1_of(style, pass_name, films, scored)
    if "real" not in passes:
        blocks.append(_papers_table1())
    notes = [
        "e_stab is Eq. 14, summed over the scenes; style and content are losses against the style picture and the "
        "frame (lower is better), by the perceptual network of the training and, where it is there, by the judge.",
        "The verdict is against student-scratch and needs equal style, content, contrast and sharpness too.",
        "grey is a constant picture, blurred is student-scratch under a 9x9 box: steady, and worthless.",
    ]
    return table("table1", "Table 1: temporal error and what it costs", blocks, notes, absent(records, TABLED, styles))


def called(pass_name: str) -> str:
    return "real films" if pass_name == "real" else f"{pass_name} pass"


def _overview(records: Records, styles: Sequence[str], pass_name: str) -> dict:
    """The comparisons that the paper is about, a row a style and pair."""
    rows = []
    for role, style in product((role for role in TABLED.values() if role.control), styles):
        a, b = role.name, role.control
        ours, other = (sums(records, style, name, pass_name) for name in (a, b))
        if ours and other:
            judge = "judge_" if "judge_style" in ours and "judge_style" in other else ""
            rows.append({
                "row": a, "other": b, "style": style, "gain": gain(ours["e_stab"], other["e_stab"]),
                "paper": gain(PAPER[a][-1], PAPER[b][-1]) if a in PAPER and pass_name != "real" else None,
                "style_gain": gain(ours[f"{judge}style"], other[f"{judge}style"]),
                "content_gain": gain(ours[f"{judge}content"], other[f"{judge}content"]),
                "verdict": judgement(a, ours, other),
            })
    return block(f"overview.{pass_name}", f"{called(pass_name)}, in short", [
        ROW, column("other", "against"), column("style", "style"), column("gain", "e_stab", "+.1%"),
        column("paper", "(paper)", "+.1%"), column("style_gain", "style loss", "+.1%"),
        column("content_gain", "content loss", "+.1%"), column("verdict", "verdict"),
    ], rows, aside=pass_name == "clean")


def _papers_table1() -> dict:
    paper = {**PAPER, **PAPER_OTHERS}
    rows = [{"row": name, **dict(zip(TEST_SCENES, paper[name], strict=False)), "e_stab": paper[name][-1],
             "gain": gain(paper[name][-1], PAPER[CONTROL][-1]) if name != CONTROL else None,
             "gain_temp": gain(paper[name][-1], PAPER[TEMP][-1]) if name == "student-ours-temp" else None}
            for name in (*(n for n in TABLED if n in PAPER), *PAPER_OTHERS)]
    return block("paper", "The paper's Table 1: style Candy, MPI Sintel, 1024x436", [
        ROW, *(column(name, name, ".4f") for name in TEST_SCENES), column("e_stab", "sum", ".4f"),
        column("gain", "vs scratch", "+.1%"), column("gain_temp", "vs temp", "+.1%"),
    ], rows, aside=True)


def _table1_of(style: str, pass_name: str, films: Sequence[str], scored: Mapping[str, Mapping]) -> list[dict]:
    control, temp = (scored.get(name, {}).get("sum") for name in (CONTROL, TEMP))
    first = next(iter(scored.values()))
    errors = [{"row": "input (floor)", **{film: first[film]["floor"] for film in films},
               "e_stab": first["sum"]["floor"]}]
    beside = []
    for recipe, scores in scored.items():
        total = scores["sum"]
        row = {"row": recipe, **{film: scores[film]["e_stab"] for film in films}, "e_stab": total["e_stab"]}
        if control and recipe != CONTROL:
            row["gain"] = gain(total["e_stab"], control["e_stab"])
        against_temp = recipe in TABLED and TABLED[recipe].control == TEMP
        if temp and against_temp:
            row["gain_temp"] = gain(total["e_stab"], temp["e_stab"])
        if recipe in PAPER and pass_name != "real":
            row["paper"] = PAPER[recipe][-1]
            row["paper_gain"] = gain(PAPER[recipe][-1], PAPER[CONTROL][-1]) if recipe != CONTROL else None
        if recipe in PAPER and against_temp and pass_name != "real":
            row["paper_gain_temp"] = gain(PAPER[recipe][-1], PAPER[TEMP][-1])
        errors.append(row)
        said = judgement(recipe, total, control) if control else None
        beside.append({"row": recipe, "e_stab": total["e_stab"], **fidelity(total), "verdict": said})
    notes = []
    if temp and "student-ours-temp" in scored:
        said = judgement("student-ours-temp", scored["student-ours-temp"]["sum"], temp)
        notes.append(f"student-ours-temp against student-temp: {said}.")
    return [
        block(f"{style}.{pass_name}.errors", f"{style}, {called(pass_name)}: e_stab", [
            ROW, *(column(film, film, ".4f") for film in films), column("e_stab", "sum", ".4f"),
            column("gain", "vs scratch", "+.1%"), column("paper_gain", "(paper)", "+.1%"),
            column("gain_temp", "vs temp", "+.1%"), column("paper_gain_temp", "(paper)", "+.1%"),
            column("paper", "paper's sum", ".4f"),
        ], errors, aside=pass_name == "clean"),
        block(f"{style}.{pass_name}.fidelity", f"{style}, {called(pass_name)}: what stands beside it", [
            ROW, column("e_stab", "e_stab", ".4f"), *FIDELITY, column("verdict", "verdict"),
        ], beside, notes, aside=pass_name == "clean"),
    ]


def seeds(records: Records) -> dict:
    """Table 1's rows over the seeds: mean and standard deviation, and how often the gain is one."""
    blocks = []
    for pass_name in passes_of(records):
        for style in styles_of(records):
            rows = [row for recipe in TABLED if (row := _over_seeds(records, style, recipe, pass_name))]
            if rows:
                blocks.append(block(f"{style}.{pass_name}", f"{style}, {pass_name} pass, over the seeds", [
                    ROW, column("seeds", "seeds"), column("e_stab", "e_stab", ".4f"), column("style", "style", ".4f"),
                    column("content", "content", ".4f"), column("judge_style", "judge's style", ".4f"),
                    column("judge_content", "judge's content", ".4f"), column("gain", "vs scratch", "+.1%"),
                    column("steadier", "steadier in"),
                    column("fair", "by the verdict"), column("gain_temp", "vs temp", "+.1%"),
                ], rows, aside=pass_name == "clean"))
    notes = ["Mean ± standard deviation (n - 1) over the seeds. A gain is against the control of the same seed; the "
             "verdict needs style, content, contrast and sharpness too."]
    return table("seeds", "The same trainings with other seeds", blocks, notes)


def _over_seeds(records: Records, style: str, recipe: str, pass_name: str) -> dict | None:
    totals = {seed: total for s, r, seed in sorted(records) if (s, r) == (style, recipe)
             and (total := sums(records, style, recipe, pass_name, seed))}
    if len(totals) < 2:
        return None
    row: dict = {"row": recipe, "seeds": " ".join(map(str, totals))}
    for key in ("e_stab", "style", "content", "judge_style", "judge_content"):
        if all(key in total for total in totals.values()):
            row[key] = spread([total[key] for total in totals.values()])
    for key, control in (("gain", CONTROL), ("gain_temp", TEMP)):
        both = [(total, other) for seed, total in totals.items()
                if (other := sums(records, style, control, pass_name, seed))]
        pairs = [(total["e_stab"], other["e_stab"]) for total, other in both]
        wanted = recipe != CONTROL if control == CONTROL else TABLED[recipe].control == TEMP
        if wanted and len(pairs) > 1:
            row[key] = spread([gain(*pair) for pair in pairs])
            if key == "gain":
                row["steadier"] = f"{sum(a < b for a, b in pairs)} of {len(pairs)}"
                row["fair"] = f"{sum(judgement(recipe, *b) == 'steadier' for b in both)} of {len(both)}"
    return row


def gaps(records: Records) -> dict:
    """How steadiness holds over more than one frame."""
    blocks, numbers = [], sorted({gap for record in records.values() for gap in record["protocol"]["gaps"]})
    if len(numbers) < 2:
        return table("gaps", "", [])
    keys = {gap: "" if gap == 1 else f"_{gap}" for gap in numbers}
    for pass_name in passes_of(records):
        for style in styles_of(records):
            totals = {r: total for r in TABLED if (total := sums(records, style, r, pass_name))}
            if not totals:
                continue
            control, first = totals.get(CONTROL), next(iter(totals.values()))
            rows = [{"row": "input (floor)", **{f"gap{g}": first[f"floor{key}"] for g, key in keys.items()}}]
            for recipe, total in totals.items():
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
