"""The tables of `tutorial_lib.tables` as figures: each is drawn from what the table's JSON holds, final pass only."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tutorial_lib.evaluation.bench import CHEATS
from tutorial_lib.papers.ofd.roles import CONTROL, METHODS, OURS, POCKET_CONTROL, POCKETS
from tutorial_lib.papers.ofd.tables.equal_style import MEASURES
from tutorial_lib.show.figures import INK, colour, name_points

GREEN, RED = colour(OURS), colour("student-ours-temp")      # better and worse


def draw(table: Mapping, path: Path) -> None:
    """Draws a table into a PNG; the same table gives the same picture."""
    save(FIGURES[table["name"].split("-")[0]](table), path)


def save(figure: Figure, path: Path) -> None:
    """Writes a figure, the same bytes for the same figure, and closes it."""
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    matplotlib.pyplot.close(figure)


def _blocks(table: Mapping, ending: str) -> list[tuple[str, Mapping]]:
    """(style, block) of the main pass whose names end so."""
    blocks = [b for b in table["blocks"] if b["name"].endswith(ending) and b["name"].split(".")[0] != "overview"]
    main = [b for b in blocks if ".final" in b["name"] or ".real" in b["name"]] or blocks
    return [(b["name"].split(".")[0], b) for b in main]


def grid(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[list[Axes]]]:
    """Axes of so many inches each, without a frame above and to the right."""
    figure, axes = matplotlib.pyplot.subplots(rows, columns, figsize=(columns * width, rows * height), squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _bars(axis: Axes, names: Sequence[str], values: Sequence[float], colours: Sequence[str], label: str,
          texts: Sequence[str] = (), line: float | None = None) -> None:
    """Horizontal bars, the first on top; a dotted line at the control's value."""
    places = range(len(names))[::-1]
    axis.barh(places, values, color=colours, height=0.7)
    axis.set_yticks(places, names, fontsize=9)
    axis.set_xlabel(label, fontsize=9)
    if line is not None:
        axis.axvline(line, color="#444444", linestyle=":", linewidth=1.2)
    for place, value, text in zip(places, values, texts, strict=False):
        if text:     # on white, where the dotted line passes
            axis.annotate(text, (value, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8,
                          bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})
    axis.set_xlim(0, 1.18 * max(values))


def _measure(rows: Sequence[Mapping]) -> tuple[str, str]:
    """The judge's style loss where every row has it."""
    judged = all(row.get("judge_style") is not None for row in rows)
    return ("judge_style", "style loss by the judge") if judged else ("style", "style loss")


def table1(table: Mapping) -> Figure:
    """e_stab, and beside it the style loss that it costs; a row a style."""
    errors, beside = _blocks(table, ".errors"), _blocks(table, ".fidelity")
    height = 0.3 * max(len(b["rows"]) for _, b in errors) + 0.9
    figure, axes = grid(len(errors), 2, 5.2, height)
    for (left, right), (style, error), (_, fidelity) in zip(axes, errors, beside, strict=True):
        rows = [row for row in error["rows"][1:] if row["row"] not in CHEATS]
        prices = {row["row"]: row for row in fidelity["rows"]}
        names = [row["row"] for row in rows]
        control = next((row["e_stab"] for row in rows if row["row"] == CONTROL), None)
        _bars(left, names, [row["e_stab"] for row in rows], [colour(name) for name in names],
              "e_stab, summed over the films",
              [f"{row['gain']:+.1%}" if row.get("gain") is not None else "" for row in rows], control)
        floor = error["rows"][0]["e_stab"]
        left.axvline(floor, color=INK, linewidth=1)
        left.set_title(f"{style}  (dotted: from scratch; black line: the input itself)", fontsize=9)
        key, label = _measure([prices[name] for name in names])
        values = [prices[name][key] for name in names]
        base = prices.get(CONTROL, {}).get(key)
        _bars(right, [""] * len(names), values, [colour(name) for name in names], f"{label} (lower is better)",
              [f"{value / base - 1:+.1%}" if base and name != CONTROL else ""
               for name, value in zip(names, values, strict=True)], base)
    figure.tight_layout()
    return figure


def seeds(table: Mapping) -> Figure:
    """The gains over the seeds: mean and standard deviation, with the style losses beside them."""
    blocks = _blocks(table, "")
    figure, axes = grid(len(blocks), 2, 5.2, 0.32 * max(len(b["rows"]) for _, b in blocks) + 0.9)
    for (left, right), (style, block) in zip(axes, blocks, strict=True):
        key, label = _measure(block["rows"])
        rows = block["rows"]
        for axis, what in ((left, "e_stab"), (right, key)):
            for place, row in zip(range(len(rows))[::-1], rows, strict=True):
                axis.errorbar(row[what][0], place, xerr=row[what][1], fmt="o", capsize=4, color=colour(row["row"]))
            axis.set_ylim(-0.6, len(rows) - 0.4)
            axis.grid(axis="y", color="#eeeeee")
        left.set_yticks(range(len(rows))[::-1], [row["row"] for row in rows], fontsize=9)
        right.set_yticks(range(len(rows)), [""] * len(rows))
        left.set_title(f"{style}, seeds {rows[0]['seeds']}: mean ± standard deviation", fontsize=9)
        left.set_xlabel("e_stab, summed over the films", fontsize=9)
        right.set_xlabel(f"{label} (lower is better)", fontsize=9)
    figure.tight_layout()
    return figure


def table2(table: Mapping) -> Figure:
    """e_stab as a share of the student's from scratch, here and in the paper."""
    blocks = _blocks(table, ".errors")
    figure, axes = grid(1, len(blocks), 6.4, 4.2)
    for axis, (style, block) in zip(axes[0], blocks, strict=True):
        rows = block["rows"]
        base = next((row for row in rows if row["recipe"] == CONTROL), rows[0])
        places = range(len(rows))[::-1]
        for key, shift, shade, name in (("e_stab", 0.14, colour(OURS), "here"),
                                        ("paper", -0.14, "#777777", "in the paper")):
            shares = [row[key] / base[key] for row in rows]
            heights = [place + shift for place in places]
            axis.hlines(heights, [1] * len(rows), shares, color=shade, linewidth=1.5)
            axis.scatter(shares, heights, color=shade, s=36, marker="o" if key == "e_stab" else "s", label=name,
                         zorder=3)
        axis.set_yticks(places, [row["row"] for row in rows], fontsize=9)
        axis.axvline(1, color="#444444", linestyle=":", linewidth=1.2)
        axis.set_xlabel(f"e_stab as a share of that of: {base['row']}", fontsize=9)
        axis.set_title(style, fontsize=10)
        axis.legend(fontsize=8, loc="upper left")
    figure.tight_layout()
    return figure


def table3(table: Mapping) -> Figure:
    """e_stab over K, as a share of the value at K = 3, here and in the paper."""
    blocks = _blocks(table, ".errors")
    figure, axes = grid(len(blocks), 1, 8.4, 3.2)
    for (axis,), (style, block) in zip(axes, blocks, strict=True):
        roles = ("student-ours", "student-ours-temp")
        rows = iter(block["rows"])
        for role, (here, paper) in zip(roles, zip(rows, rows, strict=True), strict=False):
            for row, dashes, name in ((here, "-", here["row"]), (paper, ":", f"{here['row']} (paper)")):
                points = [(k, row[f"k{k}"]) for k in (3, 4, 5) if row.get(f"k{k}")]
                axis.plot([k for k, _ in points], [value / points[0][1] for _, value in points], dashes, marker="o",
                          color=colour(role), label=name)
        axis.set_xticks((3, 4, 5))
        axis.set_xlabel("K, frames in a clip", fontsize=9)
        axis.set_ylabel("e_stab as a share of that at K = 3", fontsize=9)
        axis.set_title(style, fontsize=10)
        axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    figure.tight_layout()
    return figure


def fig23(table: Mapping) -> Figure:
    """Sharpness, and how far from the style."""
    blocks = _blocks(table, ".rows")
    figure, axes = grid(len(blocks), 2, 5.2, 2.3)
    for (left, right), (style, block) in zip(axes, blocks, strict=True):
        rows, names = block["rows"], [row["row"] for row in block["rows"]]
        colours = [colour(row["recipe"]) for row in rows]
        key, label = _measure(rows)
        _bars(left, names, [row["sharpness"] for row in rows], colours, "sharpness (blur lowers it)",
              [f"{row['sharpness']:.3f}" for row in rows])
        _bars(right, [""] * len(rows), [row[key] for row in rows], colours, f"{label} (lower is better)",
              [f"{row[key]:.2f}" for row in rows])
        left.set_title(style, fontsize=10)
    figure.tight_layout()
    return figure


def frontier(table: Mapping) -> Figure:
    """A curve a method, from its weakest to its strongest factor: the lower left is where one wants to be."""
    blocks = _blocks(table, ".points")
    judged = [pair for pair in blocks if ".judge_" in pair[1]["name"]]
    blocks = judged or blocks       # the training's own network says nearly the same
    styles = list(dict.fromkeys(style for style, _ in blocks))
    columns = max(sum(s == style for s, _ in blocks) for style in styles)
    figure, axes = grid(len(styles), columns, 6.6, 4.6)
    for line, style in zip(axes, styles, strict=True):
        panels = [block for s, block in blocks if s == style]
        for axis, block in zip(line, panels, strict=False):
            _curves(axis, block["rows"])
            measure = block["name"].split(".")[-2]
            _, called, short = MEASURES[measure]
            axis.set_xlabel(f"{called} (lower is better)", fontsize=9)
            axis.set_ylabel("e_stab, summed over the films (log scale)", fontsize=9)
            axis.set_title(f"{style}, at equal {short}", fontsize=10)
        for axis in line[len(panels):]:
            axis.axis("off")
        line[len(panels) - 1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    figure.tight_layout()
    for line, style in zip(axes, styles, strict=True):
        for axis, block in zip(line, [block for s, block in blocks if s == style], strict=False):
            _name_strengths(axis, block["rows"])
    return figure


def _name_strengths(axis: Axes, rows: Sequence[Mapping]) -> None:
    """The factor at both ends of every curve; 1 is the large point."""
    ends = {}
    for method in dict.fromkeys(row["row"] for row in rows):
        points = [row for row in rows if row["row"] == method]
        ends |= {f"×{point['factor']:g}\t{method}": (point, METHODS[method].colour if method in METHODS else INK)
                 for point in (points[0], points[-1]) if point["factor"] != 1}
    name_points(axis, {name: (point["cost"], point["e_stab"]) for name, (point, _) in ends.items()},
                {name: shade for name, (_, shade) in ends.items()})


def _curves(axis: Axes, rows: Sequence[Mapping]) -> None:
    for method in dict.fromkeys(row["row"] for row in rows):
        points = [row for row in rows if row["row"] == method]
        name = {"style": "ours, other style weights", "scratch": "scratch, other style weights"}.get(method, method)
        shade, dashes = (METHODS[method].colour, METHODS[method].dashes) if method in METHODS else (colour(method), "-")
        axis.plot([p["cost"] for p in points], [p["e_stab"] for p in points], dashes, color=shade, linewidth=1.5,
                  label=name)
        for point in points:
            own = point["factor"] == 1
            axis.scatter(point["cost"], point["e_stab"], s=60 if own else 22, color=shade, zorder=3)
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%.2f"))
    axis.yaxis.set_minor_formatter(matplotlib.ticker.FormatStrFormatter("%.2f"))
    axis.tick_params(which="both", labelsize=8)


def extras(table: Mapping) -> Figure:
    """What each change does to e_stab, style and content, in per cent: to the left is better everywhere."""
    rows = [(row["row"] if style == "mosaic" else f"{row['row']} ({style})", row)
            for style, block in sorted(_blocks(table, ".changes"), key=lambda pair: pair[0] != "mosaic")
            for row in block["rows"]]
    figure, (axes,) = grid(1, 3, 4.0, 0.6 + 0.34 * len(rows))
    places = range(len(rows))[::-1]
    everything = [100 * row[key] for _, row in rows for key in ("gain", "style_gain", "content_gain")]
    for axis, label in zip(axes, ("e_stab", "style", "content"), strict=True):
        changes = [100 * row["gain" if label == "e_stab" else f"{label}_gain"] for _, row in rows]
        axis.barh(places, changes, height=0.6, color=[GREEN if c < 0 else RED for c in changes])
        for place, change in zip(places, changes, strict=True):
            axis.annotate(f"{change:+.1f}", (change, place), xytext=(3 if change >= 0 else -3, 0), fontsize=8,
                          textcoords="offset points", va="center", ha="left" if change >= 0 else "right")
        axis.axvline(0, color="#444444", linewidth=0.8)
        axis.set_xlim(1.3 * min(-20, *everything), 1.4 * max(20, *everything))     # one scale for the three
        axis.set_xlabel(f"{label}, change in %", fontsize=9)
        axis.set_yticks(places, [name for name, _ in rows] if axis is axes[0] else [], fontsize=9)
        axis.tick_params(axis="x", labelsize=8)
    figure.tight_layout()
    return figure


def gaps(table: Mapping) -> Figure:
    """e_stab between frames farther and farther apart."""
    blocks = _blocks(table, "")
    columns = min(2, len(blocks))
    figure, axes = grid(-(-len(blocks) // columns), columns, 4.6, 3.4)
    places = [axis for line in axes for axis in line]
    for axis in places[len(blocks):]:
        axis.axis("off")
    for axis, (style, block) in zip(places, blocks, strict=False):
        numbers = [int(c["key"][3:]) for c in block["columns"] if c["key"].startswith("gap")]
        for row in block["rows"]:
            name = "input" if row["row"].startswith("input") else row["row"]
            axis.plot(range(len(numbers)), [row[f"gap{g}"] for g in numbers], ":" if name == "input" else "-",
                      marker="o", markersize=4, color=colour(name), label=row["row"])
        axis.set_xticks(range(len(numbers)), numbers)
        axis.set_xlabel("frames apart", fontsize=9)
        axis.set_ylabel("e_stab, summed over the films", fontsize=9)
        axis.set_ylim(bottom=0)
        axis.set_title(style, fontsize=10)
    axes[0][columns - 1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    figure.tight_layout()
    return figure


def pockets(table: Mapping) -> Figure:
    """e_stab of the pocket students and the paper's, and beside it the style loss for a screen; a row a style."""
    blocks = [(style, b) for style, b in _blocks(table, "") if not b["name"].endswith(".seeds")]
    figure, axes = grid(len(blocks), 2, 5.2, 0.3 * max(len(b["rows"]) for _, b in blocks) + 0.9)
    for (left, right), (style, block) in zip(axes, blocks, strict=True):
        rows = block["rows"]
        names, (key, label) = [row["row"] for row in rows], _measure(rows)
        control = next(row for row in rows if row["row"] == POCKET_CONTROL)
        _bars(left, names, [row["e_stab"] for row in rows], [colour(name) for name in names],
              "e_stab, summed over the films",
              [f"{row['gain']:+.1%}" if row.get("gain") is not None else "" for row in rows], control["e_stab"])
        left.set_title(f"{style}  (dotted: the pocket student from scratch)", fontsize=9)
        # The paper's students, many times as far from these strokes, would leave no room for the others.
        shown = [row["row"] in POCKETS for row in rows]
        texts = [f"{row['style_gain']:+.1%}" if row.get("style_gain") is not None else "" for row in rows]
        _bars(right, [""] * len(names), [row[key] if here else 0 for row, here in zip(rows, shown, strict=True)],
              [colour(name) for name in names], f"{label}, strokes for a screen (lower is better)",
              [text if here else f"of another aim ({text})" for text, here in zip(texts, shown, strict=True)],
              control[key])
    figure.tight_layout()
    return figure


FIGURES: dict[str, Callable[[Mapping], Figure]] = {
    "table1": table1, "real": table1, "seeds": seeds, "table2": table2, "table3": table3, "fig23": fig23,
    "frontier": frontier, "extras": extras, "gaps": gaps,
    "pockets": pockets,
}
