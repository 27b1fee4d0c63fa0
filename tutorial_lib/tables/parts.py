"""What tables are built of: dictionaries that JSON can hold, made from the records of `evaluation.bench`."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from tutorial_lib.data.rendering import PASSES
from tutorial_lib.data.scenes import TEST_SCENES
from tutorial_lib.evaluation.scores import Score, verdict

Records = Mapping[tuple[str, str, int], Mapping]     # by style, recipe and seed
Point = tuple[float, float]                          # what it costs (a loss) and the e_stab that goes with it


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
    return verdict(as_score(name, row, judged), as_score(name, control, judged))


def styles_of(records: Records) -> list[str]:
    return sorted({style for style, _, _ in records})


def passes_of(records: Records) -> list[str]:
    """"final" first: it is the main one."""
    scored = {p for record in records.values() for p in record["scores"]}
    return [p for p in (*PASSES[::-1], "real") if p in scored]


def films_of(records: Records, pass_name: str) -> list[str]:
    """The scenes in the order of the paper's tables; other films by name."""
    names = {film for record in records.values() for film in record["scores"].get(pass_name, {})} - {"sum"}
    return [name for name in TEST_SCENES if name in names] + sorted(names - set(TEST_SCENES))


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


def spread(values: Sequence[float]) -> list[float]:
    """Mean and standard deviation."""
    return [round(statistics.mean(values), 6), round(statistics.stdev(values), 6)]


def holds(change: float, noise: float) -> str:
    """Whether something is lower, as was claimed. A change that is not larger than the noise says neither."""
    if abs(change) <= noise:
        return "within the noise"
    return "holds" if change < 0 else "does not hold"


def having(records: Records, some: Iterable[str]) -> list[str]:
    """The styles that have at least one of some networks."""
    some = set(some)
    return sorted({style for style, recipe, seed in records if recipe in some and seed == 0})
