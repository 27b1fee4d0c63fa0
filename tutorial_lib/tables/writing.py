"""Tables as text, for the terminal and for Markdown."""

import re
from collections.abc import Mapping


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


def as_text(table: Mapping, asides: bool = True) -> str:
    """A table for the terminal and for .txt files; asides: with the blocks of less weight."""
    lines = [table["title"], "=" * len(table["title"])]
    for part in (p for p in table["blocks"] if asides or not p["aside"]):
        grid = cells(part)
        widths = [max(len(row[i]) for row in grid) for i in range(len(grid[0]))]
        lines += ["", part["title"], ""]
        for row in grid:
            padded = [text.rjust(width) if c["format"] else text.ljust(width)
                      for text, width, c in zip(row, widths, part["columns"], strict=True)]
            lines.append("  ".join(padded).rstrip())
        lines += ["", *part["notes"]] if part["notes"] else []
    lines += ["", *table["notes"]]
    if table["missing"]:
        lines.append(f"Not there: {', '.join(table['missing'])}.")
    return "\n".join(lines) + "\n"


def block_as_markdown(part: Mapping) -> str:
    head, *rows = cells(part)
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    rule = "|".join("---:" if c["format"] else "---" for c in part["columns"])
    text = "\n".join([lines[0], f"|{rule}|", *lines[1:]])
    return text + ("\n\n" + "\n".join(part["notes"]) if part["notes"] else "")


def as_markdown(table: Mapping) -> str:
    """A table for GitHub; what is of less weight is folded away."""
    parts = [f"**{table['title']}**"]
    for part in table["blocks"]:
        text = block_as_markdown(part)
        parts.append(f"<details><summary>{part['title']}</summary>\n\n{text}\n\n</details>" if part["aside"]
                     else f"{part['title']}:\n\n{text}")
    parts += table["notes"]
    if table["missing"]:
        parts.append(f"Not there: {', '.join(table['missing'])}.")
    return "\n\n".join(parts) + "\n"


def insert(markdown: str, name: str, text: str) -> str:
    """Replaces what stands between <!-- name --> and <!-- /name -->, wherever that is; without the marks, nothing."""
    marks = rf"(<!-- {re.escape(name)} -->).*?(<!-- /{re.escape(name)} -->)"
    return re.sub(marks, lambda match: f"{match[1]}\n{text.strip()}\n{match[2]}", markdown, flags=re.DOTALL)
