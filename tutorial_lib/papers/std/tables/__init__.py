"""What the students of Space-Time Distillation are worth, whether the paper's claims hold, and how they came there."""

from collections.abc import Mapping, Sequence

from tutorial_lib.papers.std.tables.claims import claims
from tutorial_lib.papers.std.tables.plateau import plateau
from tutorial_lib.papers.std.tables.upscaling import upscaling
from tutorial_lib.tables import of_one_protocol


def build(records: Sequence[Mapping], curves: Mapping[str, Mapping[str, float]], speed: Mapping | None = None,
          suffix: str = "") -> dict[str, dict]:
    """Every table that the records and curves can fill, {name + suffix: table}, as `tables.build` for the first paper.

    records: of `evaluation.upscaling_bench`; those of another protocol than most are left out, and named. curves: PSNR
    on the validation scenes against the steps, by record. speed: the report of measure_upscaling.py, if there is one.
    """
    kept, left_out, protocol = of_one_protocol(records)
    by_seed = {(recipe, seed): record for (_, recipe, seed), record in kept.items()}
    made = {}
    for table in (upscaling(by_seed, speed), claims(by_seed), plateau(curves)):
        if not table["blocks"]:
            continue
        if table["name"] != "plateau" and protocol:
            table["protocol"] = protocol
            table["notes"].append(described(protocol))
            table["missing"] += [f"{name} (scored under another protocol)" for name in left_out]
        table["name"] += suffix
        made[table["name"]] = table
    return made


def described(protocol: Mapping) -> str:
    """The protocol in a sentence."""
    where = {"Y": "BT.601's Y", "RGB": "RGB"}[protocol["channels"]]
    border = f"without {protocol['border']} pixels at each side" if protocol["border"] else "borders included"
    return (f"Protocol: {protocol['films']}, {protocol['width']}x{protocol['height']} pixels, {protocol['frames']} "
            f"frames a film, made small by {protocol['degradation']}; PSNR and SSIM of 8-bit pictures on {where}, "
            f"{border}; warping error by the exact flow; means over the scenes.")
