"""What tables of results are made of: the records of `evaluation.bench`, and nothing else.

A table is a dictionary that JSON can hold: a title, blocks of rows with the columns to print, and notes. The text, the
Markdown and the figures are made from it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from tutorial_lib.evaluation.bench import without_judge
from tutorial_lib.tables.parts import Records

Builder = Callable[[Records], dict]


def build(builders: Sequence[Builder], records: Sequence[Mapping], suffix: str = "") -> dict[str, dict]:
    """Every table of a paper that the records can fill, {name + suffix: table}, without those of another protocol.

    "Another" is any but that of the most records. A table without a row is left out. Of real films there is only the
    first builder's.
    """
    kept, left_out, protocol = of_one_protocol(records)
    made = {}
    for builder in builders if not suffix.endswith("-real") else builders[:1]:
        table = builder(kept)
        if not any(b["name"] != "paper" for b in table["blocks"]):
            continue
        if suffix == "-real":
            table |= {"name": "real", "title": "Real films: temporal error by estimated flow, and what it costs"}
        elif suffix:
            table["name"] += suffix
            table["title"] += f" ({protocol['films']}, {size_of(protocol)})"
        table["protocol"] = protocol
        table["notes"] = [*table["notes"], described(protocol, kept)]
        table["missing"] += [f"{name} (scored under another protocol)" for name in left_out]
        made[table["name"]] = table
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
    return (f"Protocol: {protocol['films']}, {size_of(protocol)}, at most {protocol['frames']} frames a film; "
            f"style and content on every {protocol['fidelity_every']}th frame, by the network "
            f"{protocol['perceptual']['name']}"
            + (f" and, as the judge, {', '.join(judges)}" if judges else "") + ".")


def size_of(protocol: Mapping) -> str:
    """The size of the films in words; real ones have heights of their own."""
    width, height = protocol["width"], protocol["height"]
    return f"{width}x{height} pixels" if height else f"at most {width} pixels a side"
