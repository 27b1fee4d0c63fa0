"""What holds for the columns of every table, whichever paper's."""

import re

ASIDE = {"recipe", "std", "relative", "cost"}        # what a row may know and a table not show


def check(part):
    """A block shows what its rows know, under words, and writes no number with more than five decimals."""
    shown = {column["key"]: column for column in part["columns"]}
    assert all(isinstance(column["title"], str) for column in shown.values()), part["name"]
    for row in part["rows"]:
        known = {key: value for key, value in row.items() if value is not None}
        assert known.keys() - shown.keys() <= ASIDE, part["name"]
        for key in known.keys() & shown.keys():
            for value in known[key] if isinstance(known[key], list) else [known[key]]:
                if isinstance(value, float):
                    text = format(value, shown[key]["format"])
                    assert re.fullmatch(r"[+-]?\d[\d,]*(\.\d{1,5})?%?", text), (part["name"], key, text)
