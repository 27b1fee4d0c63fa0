"""The tables of the second paper as figures, each drawn from what the table's JSON holds."""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from tutorial_lib.papers.std.roles import STUDENTS, TEACHER
from tutorial_lib.papers.std.tables.plateau import role_of
from tutorial_lib.papers.std.tables.runs import middle
from tutorial_lib.show.figures import colour
from tutorial_lib.show.table_figures import grid, save


def draw(table: Mapping, path) -> None:
    """Draws a table into a PNG; the same table gives the same picture."""
    save(FIGURES[table["name"].split("-")[0]](table), path)


def _block(table: Mapping, name: str) -> Mapping | None:
    return next((block for block in table["blocks"] if block["name"] == name), None)


NEAR = 0.12     # of an axis: two dotted lines so near are named on their outer sides


def _point(axis, value: float | list[float] | None, place: int, name: str) -> None:
    if value is not None:
        axis.errorbar(middle(value), place, xerr=value[1] if isinstance(value, list) else None, fmt="o", capsize=4,
                      color=colour(name))


def upscaling(table: Mapping) -> Figure:
    """PSNR and warping error of every student, mean and spread over the seeds; dotted: bicubic, teacher and truth."""
    blocks = [block for kind in STUDENTS if (block := _block(table, kind))]
    anchors = {row["row"]: row for row in _block(table, "anchors")["rows"]}
    figure, axes = grid(max(1, len(blocks)), 2, 5.2, 0.32 * max((len(b["rows"]) for b in blocks), default=2) + 1.0)
    for (left, right), block in zip(axes, blocks, strict=False):
        rows = block["rows"]
        places = range(len(rows))[::-1]
        for axis, key, label in ((left, "psnr", "PSNR on Y, dB (higher is better)"),
                                 (right, "warping", "warping error (lower is steadier)")):
            for place, row in zip(places, rows, strict=True):
                _point(axis, row.get(key), place, row["row"])
            known = {name: middle(anchors.get(name, {}).get(key)) for name in (TEACHER, "truth", "bicubic")}
            known = {name: value for name, value in known.items() if value is not None}
            for name, value in known.items():
                axis.axvline(value, color=colour(name), linestyle=":", linewidth=1.2)
            near = NEAR * (axis.get_xlim()[1] - axis.get_xlim()[0])
            for name, value in known.items():
                below = any(0 <= value - other < near for one, other in known.items() if one != name)
                above = any(0 < other - value < near for one, other in known.items() if one != name)
                axis.annotate(name.removeprefix("sr-"), (value, len(rows) - 0.4), fontsize=8, va="bottom",
                              ha="left" if below else "right" if above else "center", color=colour(name))
            axis.set_ylim(-0.6, len(rows) - 0.4)
            axis.grid(axis="y", color="#eeeeee")
            axis.set_xlabel(label, fontsize=9)
            axis.tick_params(labelsize=8)
        left.set_yticks(places, [row["label"] for row in rows], fontsize=9)
        right.set_yticks(places, [""] * len(rows))
        left.set_title(f"{block['title']} (mean ± standard deviation over the seeds)", fontsize=9, pad=16)
    figure.tight_layout()
    return figure


def claims(table: Mapping) -> Figure:
    """The differences in PSNR that the claims are about, with twice their standard deviation; a claim a line."""
    blocks = [(block, [row for row in block["rows"] if row.get("difference") is not None]) for block in table["blocks"]]
    blocks = [(block, rows) for block, rows in blocks if rows]
    figure, axes = grid(max(1, len(blocks)), 1, 8.4, 0.34 * max((len(rows) for _, rows in blocks), default=2) + 0.9)
    for (axis,), (block, rows) in zip(axes, blocks, strict=False):
        places = range(len(rows))[::-1]
        for place, row in zip(places, rows, strict=True):
            value = row["difference"]
            shade = {"holds": "#009E73", "fails": "#D55E00"}.get(row["verdict"], "#666666")
            axis.errorbar(middle(value), place, xerr=2 * value[1] if isinstance(value, list) else None, fmt="o",
                          capsize=4, color=shade)
            axis.annotate(row["verdict"], (1.01, place), xycoords=("axes fraction", "data"), fontsize=8, va="center")
        axis.axvline(0, color="#444444", linewidth=0.8)
        axis.set_yticks(places, [f"{row['row']} than {row['other']}" for row in rows], fontsize=8)
        axis.set_ylim(-0.6, len(rows) - 0.4)
        axis.set_xlabel("difference in PSNR, dB, ± twice its standard deviation over the seeds", fontsize=9)
        axis.set_title(block["title"], fontsize=9)
    figure.tight_layout()
    return figure


def plateau(table: Mapping) -> Figure:
    """PSNR on the validation scenes against the steps, a line a training; the seeds of a role in its colour."""
    figure, ((axis,),) = grid(1, 1, 7.2, 4.0)
    named = set()
    for row in table["blocks"][0]["rows"]:
        role = role_of(row["row"])
        steps, values = zip(*row["curve"], strict=True)
        axis.plot(steps, values, color=colour(role), linewidth=1.4, marker="o", markersize=2.5,
                  linestyle="--" if "stacked" in role else "-", label="" if role in named else role)
        named.add(role)
    axis.set_xlabel("steps", fontsize=9)
    axis.set_ylabel("PSNR on the validation scenes, dB", fontsize=9)
    axis.grid(color="#eeeeee")
    axis.legend(fontsize=8, frameon=False, loc="lower right")
    figure.tight_layout()
    return figure


FIGURES: dict[str, Callable[[Mapping], Figure]] = {"upscaling": upscaling, "claims": claims, "plateau": plateau}
