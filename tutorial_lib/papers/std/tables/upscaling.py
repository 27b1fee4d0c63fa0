"""Every student by every method: how near to the truth, how steady, and at what cost."""

from collections.abc import Mapping

from tutorial_lib.data.scenes import TEST_SCENES
from tutorial_lib.evaluation.upscaling import BICUBIC
from tutorial_lib.papers.std.roles import ATTEMPTS, STUDENTS, TEACHER, ZOO
from tutorial_lib.papers.std.tables.paper import ANCHORS
from tutorial_lib.papers.std.tables.runs import (
    Records,
    best_rival,
    differences,
    means,
    measured,
    over_seeds,
    psnr,
    seeds_of,
    shares,
    warping,
)
from tutorial_lib.tables.parts import ROW, block, column, table

HEIGHT, WIDTH = 180, 320     # of a small frame by which multiply-adds are stated
SCORES = (
    ROW, column("label", ""), column("seeds", "seeds"), column("psnr", "PSNR", ".3f"),
    column("gain", "PSNR against plain", "+.3f"), column("share", "of the gap", ".1%"), column("ssim", "SSIM", ".4f"),
    column("warping", "warping error", ".5f"), column("steadier", "warping against plain", "+.1%"),
)


def students(kind: str) -> list[str]:
    """The networks of a kind, the plain one first."""
    return [name for name in ZOO if name.startswith(f"sr-{kind}-")]


def upscaling(records: Records, speed: Mapping | None = None) -> dict:
    """PSNR, SSIM and warping error over the seeds, the share of the gap that is closed, and the cost."""
    blocks = [block("anchors", "From what to what", SCORES, [
        row for name in (BICUBIC, TEACHER) if (row := _row(records, name, None))] + _truth(records))]
    for kind, words in STUDENTS.items():
        plain, rival = f"sr-{kind}-plain", best_rival(records, kind)
        rows = [row for name in students(kind) if (row := _row(records, name, plain))]
        notes = [f"The best rival by PSNR: {rival}."] if rival else []
        blocks.append(block(kind, f"Students: {words}", SCORES, rows, notes))
    blocks.append(_cost(records, speed))
    for kind, words in STUDENTS.items():
        tried = [row for name, role in ATTEMPTS.items()
                 if name.startswith(f"sr-{kind}-") and (row := _row(records, name, f"sr-{kind}-plain"))]
        blocks.append(block(f"{kind}.attempts", f"What else was tried: {words}", SCORES, tried, aside=True))
    blocks.append(_scenes(records))
    if records:
        blocks.append(block("published", "Published, of other films (orders only)", [
            ROW, column("vimeo", "Vimeo-90K-T", ".2f"), column("vid4", "Vid4", ".2f"),
            column("parameters", "parameters", ",.0f"),
        ], [dict(zip(("row", "vimeo", "vid4", "parameters"), anchor, strict=True)) for anchor in ANCHORS], aside=True))
    notes = ["PSNR in dB. Mean ± standard deviation (n - 1) over the seeds. What is against the plain student, and the "
             "share of the gap between it and the teacher, is taken seed by seed: both began with the same weights. "
             "The teacher is one for all seeds, so the spread is of students alone. A warping error below the truth's "
             "own says that a video is too smooth or too still.",
             f"Multiply-adds of a small frame of {WIDTH}x{HEIGHT}, without estimating the flow."]
    wanted = [TEACHER, *(name for kind in STUDENTS for name in students(kind))]
    return table("upscaling", "Four times as large", blocks if records else [], notes,
                 [name for name in wanted if not seeds_of(records, name)])


def _row(records: Records, recipe: str, plain: str | None) -> dict | None:
    seeds = seeds_of(records, recipe)
    if not seeds:
        return None
    row = {"row": recipe, "label": ZOO[recipe].label if recipe in ZOO else
           ATTEMPTS[recipe].label if recipe in ATTEMPTS else "", "seeds": " ".join(map(str, seeds)),
           "psnr": measured(records, recipe, psnr), "ssim": measured(records, recipe, lambda row: row["ssim"]),
           "warping": measured(records, recipe, warping)}
    if plain and recipe != plain and (both := seeds_of(records, recipe, plain)):
        row["gain"] = over_seeds(differences(records, recipe, plain, psnr))
        row["share"] = over_seeds(shares(records, recipe, plain))
        row["steadier"] = over_seeds([warping(means(records, recipe, seed)) / warping(means(records, plain, seed)) - 1
                                      for seed in both])
    return row


def _truth(records: Records) -> list[dict]:
    """The truth's own warping error, which is the films' and not a network's."""
    for record in records.values():
        return [{"row": "truth", "warping": record["scores"]["mean"]["truth_warping"]}]
    return []


def _cost(records: Records, speed: Mapping | None) -> dict:
    """A row a network; the plain and the distilled student of a kind are equal, or something was added."""
    timed = {row["row"]: row for row in speed["rows"]} if speed else {}
    rows = []
    for name in (BICUBIC, TEACHER, *(f"sr-{kind}-{method}" for kind in STUDENTS for method in ("plain", "both"))):
        seeds = seeds_of(records, name)
        if not seeds:
            continue
        record = records[name, seeds[0]]
        row = {"row": name, "parameters": record["parameters"],
               "gmac": round(record["multiply_adds"] * HEIGHT * WIDTH / 1e9, 4)}
        if name in timed:
            row["milliseconds"] = round(1000 * timed[name]["seconds"], 2)
            row["range"] = " to ".join(f"{1000 * second:.1f}" for second in timed[name]["range"])
        rows.append(row)
    notes = [f"Times: {speed['machine']}; small frames of {speed['width']}x{speed['height']}, the flow's estimation "
             f"included, medians of {speed['rounds']} rounds."] if timed else [
        "No time a frame is measured yet (data_scripts/measure_upscaling.py)."]
    return block("cost", "What a frame costs", [
        ROW, column("parameters", "parameters", ",.0f"), column("gmac", "G multiply-adds", ".3f"),
        column("milliseconds", "ms a frame", ".1f"), column("range", "range"),
    ], rows, notes)


def _scenes(records: Records) -> dict:
    """PSNR scene by scene, means over the seeds."""
    rows = []
    for recipe in (BICUBIC, TEACHER, *(name for kind in STUDENTS for name in students(kind))):
        seeds = seeds_of(records, recipe)
        if seeds:
            rows.append({"row": recipe, **{
                scene: over_seeds([records[recipe, seed]["scores"][scene]["psnr"] for seed in seeds])
                for scene in TEST_SCENES if scene in records[recipe, seeds[0]]["scores"]}})
    return block("scenes", "PSNR by scene", [ROW, *(column(scene, scene, ".2f") for scene in TEST_SCENES)], rows,
                 aside=True)
