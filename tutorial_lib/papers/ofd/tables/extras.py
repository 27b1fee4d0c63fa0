"""What goes beyond the paper, each change against the network that it is measured by; and the paper's letter."""

from tutorial_lib.papers.ofd.roles import CONTROL, PLUS
from tutorial_lib.papers.ofd.tables.noise import Noise
from tutorial_lib.tables.parts import (
    ROW,
    Records,
    absent,
    block,
    column,
    fidelity,
    gain,
    having,
    judgement,
    passes_of,
    sums,
    table,
)

# (what changes, the role with it, the one without it), where that is not just a role of PLUS and its control
CHANGES = (
    ("smooth: the plain student", "plain-smooth", "student-plain"),
    ("smooth: ours", "ours-smooth", "student-ours"),
    ("L_rank normalised: ours", "ours-excess", "student-ours"),
    ("averaged weights: ours", "ours-averaged", "student-ours"),
    ("larger frames, averaged: scratch", "scratch-large", CONTROL),
    ("larger frames, averaged: ours", "ours-large", "student-ours"),
    ("a weaker L_temp: against scratch", "temp-x0.3", CONTROL),
    ("a weaker L_temp: ours with it, against it", "ours-weak-temp", "temp-x0.3"),
    ("a weaker L_temp: ours with it, against scratch", "ours-weak-temp", CONTROL),
    ("to the letter: ours", "unaligned-ours", "unaligned-scratch"),
    ("to the letter: plain students apart", "unaligned-scratch", CONTROL),
    ("plus: against larger frames, scratch", "student-ours-plus", "scratch-large"),
    ("plus: against its L_temp alone", "student-ours-plus", "temp-large"),
    ("plus: against scratch", "student-ours-plus", CONTROL),
)
WHERE = {"holds": "beyond", "does not hold": "beyond", "within the noise": "within"}
COMPARED = {name for _, *pair in CHANGES for name in pair}
CHANGES += tuple((role.label, role.name, role.control) for role in PLUS.values()
                 if role.control and role.name not in COMPARED)


def extras(records: Records) -> dict:
    """A row a change: e_stab with and without it, and what it costs."""
    blocks, names = [], dict.fromkeys(name for _, *pair in CHANGES for name in pair)
    styles = having(records, ("plain-smooth", "ours-excess", "unaligned-ours", "student-ours-plus"))
    for pass_name in passes_of(records):
        for style in styles:
            rows, noise = [], Noise(records, style, pass_name)
            for label, recipe, other in CHANGES:
                own, base = (sums(records, style, name, pass_name) for name in (recipe, other))
                if own and base:
                    change = gain(own["e_stab"], base["e_stab"])
                    judged = "judge_" if "judge_style" in own and "judge_style" in base else ""
                    rows.append({
                        "row": label, "recipe": recipe, "other": other, "e_stab": own["e_stab"],
                        "without": base["e_stab"], "gain": change,
                        "noise": noise.usual() and WHERE[noise.says(recipe, other, change)],
                        "relative_gain": gain(own["e_stab"] / own["std"], base["e_stab"] / base["std"]),
                        "style_gain": gain(own[f"{judged}style"], base[f"{judged}style"]),
                        "content_gain": gain(own[f"{judged}content"], base[f"{judged}content"]),
                        "sharpness": fidelity(own)["sharpness"], "verdict": judgement(recipe, own, base),
                    })
            blocks.append(block(f"{style}.{pass_name}.changes", f"{style}, {pass_name} pass", [
                ROW, column("recipe", "network"), column("other", "against"), column("without", "its e_stab", ".4f"),
                column("e_stab", "e_stab", ".4f"), column("gain", "change", "+.1%"),
                column("noise", "the noise"), column("relative_gain", "e/std", "+.1%"),
                column("style_gain", "style loss", "+.1%"),
                column("content_gain", "content loss", "+.1%"), column("sharpness", "sharpness", ".4f"),
                column("verdict", "verdict"),
            ], rows, [noise.described({"e_stab": "e_stab"})] if noise.usual() else [],
                aside=pass_name == "clean"))
    notes = [
        "smooth: the shift-equivariant student, blurred before it is halved and doubled bilinearly. L_rank normalised: "
        "the nuclear norm over the largest singular value, of the pixels that all frames show. To the letter: a plain "
        "student that was never drawn to the plain teacher, as in the paper. Larger frames: half as large again, as "
        "many steps, the weights averaged. Plus: these, all of Eq. 13, five times the L_temp.",
        "Style and content are the judge's where it is there; the verdict is against the network named beside it.",
    ]
    return table("extras", "Beyond the paper, change by change, and its letter", blocks, notes,
                 absent(records, names, styles))
