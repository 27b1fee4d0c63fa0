"""The networks of Optical Flow Distillation: those that ship, the ablations of its tables, the frontier, and beyond."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tutorial_lib.roles import Recipe, Role, by_name

CONTROL, TEMP, OURS = "student-scratch", "student-temp", "student-ours"

# Okabe and Ito's palette, distinct for every kind of colour vision, for the seven of the paper; the others stand
# between them or in grey.
BLUE, SKY, GREY, ORANGE, PINK, GREEN, RED = (
    "#0072B2", "#56B4E9", "#999999", "#E69F00", "#CC79A7", "#009E73", "#D55E00")
DARK_GREEN, BROWN, OLIVE, DARK = "#004D40", "#8C564B", "#7F7F00", "#444444"

# What each method leaves out of Eq. 13. A loss of steadiness pulls away from the style; beside one, a higher style
# weight brings the style back to that of the student from scratch, so that the tables compare like with like. What
# that weight does by itself is on the frontier (scratch-x2).
STEADY = {"style_weight": 2.2}
NOTHING = {"lambda_res": 0.0, "lambda_temp": 0.0, "lambda_rank": 0.0}
ONLY_RES = {"lambda_temp": 0.0, "lambda_rank": 0.0, **STEADY}
ONLY_RANK = {"lambda_res": 0.0, "lambda_temp": 0.0, **STEADY}
ONLY_TEMP = {"lambda_res": 0.0, "lambda_rank": 0.0, **STEADY}
NO_TEMP = {"lambda_temp": 0.0, **STEADY}

# Frames half as large again. The nuclear norm grows with the number of pixels, its square with their square.
LARGE = {"height": 1.5, "width": 1.5, "lambda_rank": 1 / 1.5**2}
AVERAGED = {"averaging": 0.98}


TEACHERS = ("teacher-flow", "teacher-plain")


def distilled(changes: Mapping[str, float], times: Mapping[str, float] | None = None, start: str = "student-plain",
              source: str = "residual", rank_from: str = "input", teachers: tuple[str, str] = TEACHERS,
              base: Mapping[str, float] | None = None) -> Recipe:
    """Algorithm 1, from a plain student.

    source: "residual" (Eq. 5) or "vanilla" (Eq. 2). rank_from: "input" (Eq. 11) or "teacher" (Eq. 10).
    """
    return Recipe("distill", (*teachers, start), changes, times or {}, {"source": source, "rank_from": rank_from},
                  base or {})


def plain_student(agrees: bool = True, **changes: float) -> Recipe:
    """agrees: whether it is drawn to the plain teacher."""
    return Recipe("student-plain", ("teacher-plain",) if agrees else (), changes)


ZOO = by_name((
    Role("teacher-flow", "teacher with flow", BLUE, Recipe("teacher-flow", ("teacher-plain",)), True, CONTROL),
    Role("teacher-plain", "teacher without flow", SKY, Recipe("teacher-plain"), True),
    Role("student-plain", "plain student, the start of the others", GREY, plain_student(), True),
    Role(CONTROL, "student from scratch", ORANGE, distilled(NOTHING), True),
    Role(OURS, "ours", GREEN, distilled(NO_TEMP), True, CONTROL),
    Role(TEMP, "student with L_temp", PINK, distilled(ONLY_TEMP), True, CONTROL),
    Role("student-ours-temp", "ours with L_temp", RED, distilled(STEADY), True, TEMP),
))

# Beyond the paper: single changes, and those that measured better together (student-ours-plus): averaged weights and
# larger frames. scratch-large is its control of the same price, temp-large what its L_temp does alone.
PLUS = by_name((
    Role("ours-excess", "ours, L_rank normalised", GREY, distilled(
        {**NO_TEMP, "lambda_rank": 0.0, "lambda_excess": 40.0}), control=OURS),
    Role("plain-smooth", "plain student, shift-equivariant", GREY, plain_student(student_smooth=True),
         control="student-plain"),
    Role("ours-smooth", "ours, shift-equivariant", GREY, distilled(NO_TEMP, start="plain-smooth"), control=OURS),
    Role("ours-averaged", "ours, averaged weights", GREY, distilled({**NO_TEMP, **AVERAGED}), control=OURS),
    Role("ours-weak-temp", "ours with a weaker L_temp", GREY, distilled(STEADY, {"lambda_temp": 0.3}),
         control="temp-x0.3"),
    Role("scratch-large", "from scratch, larger frames", GREY, distilled({**AVERAGED, **NOTHING}, LARGE),
         control=CONTROL),
    Role("ours-large", "ours, larger frames", GREY, distilled({**AVERAGED, **NO_TEMP}, LARGE), control=OURS),
    Role("temp-large", "L_temp, larger frames", GREY, distilled(
        {**AVERAGED, **ONLY_TEMP, "style_weight": 3.0}, {**LARGE, "lambda_temp": 5}), control="scratch-large"),
    Role("student-ours-plus", "ours, beyond the paper (+)", DARK_GREEN, distilled(
        {**AVERAGED, "style_weight": 3.0}, {**LARGE, "lambda_temp": 5}), True, CONTROL),
))

# Strokes for a screen. A style picture three times as large has strokes three times as large, and needs larger training
# frames; the squared nuclear norm grows with their pixels. Judged at 640x360.
SCREEN = {"height": 2, "width": 2, "style_size": 3, "lambda_rank": 1 / 4,
          "evaluation_height": 360 / 218, "evaluation_width": 640 / 512}
SCREEN_TEACHERS = ("screen-teacher-flow", "screen-teacher-plain")


def pocket(changes: Mapping[str, float], times: Mapping[str, float] | None = None) -> Recipe:
    """A pocket student, trained for a screen, for twice as many steps."""
    return distilled({**AVERAGED, **changes}, {"distill_steps": 2, "distill_decay_every": 2, **(times or {})},
                     "pocket-plain", teachers=SCREEN_TEACHERS, base=SCREEN)


# Beyond the paper: real time. At twice the size the losses of steadiness cost more of style and content than at the
# paper's, so their weights are higher; the residual is weaker beside L_temp, which buys the same steadiness for less.
# Chosen on validation scenes, in mosaic, so that style and content lose well below 5 % there, because the first
# weights, those of the paper's students, had cost half as much again on the test scenes. (So much of a say these had.)
POCKET_FIDELITY = {"style_weight": 5.4, "content_weight": 3.3}
POCKET_CONTROL, POCKET = "pocket-scratch", "pocket-ours"
POCKETS = by_name((
    Role("screen-teacher-plain", "teacher without flow, for the screen", SKY, Recipe("teacher-plain", base=SCREEN)),
    Role("screen-teacher-flow", "teacher with flow, for the screen", BLUE, Recipe(
        "teacher-flow", ("screen-teacher-plain",), base=SCREEN), control=POCKET_CONTROL),
    Role("pocket-plain", "plain pocket student (+)", GREY, Recipe(
        "pocket-plain", ("screen-teacher-plain",), times={"plain_steps": 2, "decay_every": 2}, base=SCREEN), True),
    Role(POCKET_CONTROL, "pocket from scratch (+)", ORANGE, pocket(NOTHING), True),
    Role(POCKET, "pocket, ours (+)", GREEN, pocket(
        {**NO_TEMP, **POCKET_FIDELITY}, {"lambda_res": 1.6}), True, POCKET_CONTROL),
    Role("pocket-temp", "pocket with L_temp (+)", PINK, pocket(
        {**ONLY_TEMP, **POCKET_FIDELITY}, {"lambda_temp": 3.1}), True, POCKET_CONTROL),
    Role("pocket-ours-temp", "pocket, ours with L_temp (+)", RED, pocket(
        POCKET_FIDELITY, {"lambda_temp": 3.1, "lambda_res": 0.3}), True, "pocket-temp"),
))


LAB_START = "lab-start"


@dataclass(frozen=True)
class LabAxis:
    """A slider of the lambda lab: students that were trained at these strengths of one setting.

    strengths: multiples of the setting's own value; 0 leaves a lambda out. origin: the strength of the lab's start.
    """

    setting: str
    strengths: tuple[float, ...]
    origin: float = 0.0


AXES = {
    "res": LabAxis("lambda_res", (0.08, 0.2, 0.5, 1.25)),
    "temp": LabAxis("lambda_temp", (0.08, 0.2, 0.5, 1.25)),
    "rank": LabAxis("lambda_rank", (0.3, 1.0, 3.0, 6.0)),
    "style": LabAxis("style_weight", (0.5, 1.5, 2.2, 3.5), origin=1.0),
}


def lab(name: str, strengths: Mapping[str, float], label: str, ships: bool) -> Role:
    """A pocket student at these strengths of the axes; an axis that is not named is at its origin.

    Trained for half as long as the other pockets, because the lab needs twenty-seven; so its start is one of its own.
    """
    absent = {axis.setting: 0.0 for key, axis in AXES.items() if not axis.origin and key not in strengths}
    times = {AXES[key].setting: strength for key, strength in strengths.items()}
    half = {"distill_steps": 1, "distill_decay_every": 1}
    return Role(f"lab-{name}", label, GREY, pocket(absent, {**half, **times}), ships,
                None if f"lab-{name}" == LAB_START else LAB_START)


def drawn(count: int = 10, seed: int = 20261122) -> list[dict[str, float]]:
    """Points off the axes, log-uniform over their whole range: trained to judge mixtures by, and never mixed."""
    numbers = Random(seed)
    return [{key: round(math.exp(numbers.uniform(math.log(axis.strengths[0]), math.log(axis.strengths[-1]))), 3)
             for key, axis in AXES.items()} for _ in range(count)]


LAB = by_name(
    (lab("start", {}, "lab, every lambda off", True),),
    tuple(lab(f"{key}-x{strength:g}", {key: strength}, f"lab, {axis.setting} x {strength:g}", True)
          for key, axis in AXES.items() for strength in axis.strengths),
    tuple(lab(f"judge-{n}", point, f"lab, judge {n}", False) for n, point in enumerate(drawn())),
)
# Other points, to choose by how task vectors are added: the judges come afterwards, once.
LAB_TRIES = by_name(tuple(lab(f"try-{n}", point, f"lab, try {n}", False) for n, point in enumerate(drawn(4, 20261129))))


def of_size(width: int, blocks: int, separable: bool = False) -> tuple[Role, ...]:
    """How small can it be? A pocket student of one size in the paper's place: its teachers, its frames, its steps."""
    name = f"pocket-{'sep-' if separable else ''}{width}x{blocks}"
    size = {"pocket_width": width, "pocket_blocks": blocks, "pocket_separable": separable}
    start, control = f"{name}-plain", f"{name}-scratch"
    return (
        Role(start, f"{name}, plain", GREY, Recipe("pocket-plain", ("teacher-plain",), size)),
        Role(control, f"{name}, from scratch", ORANGE, distilled({**AVERAGED, **NOTHING}, start=start)),
        Role(f"{name}-ours", f"{name}, ours", GREEN, distilled({**AVERAGED, **NO_TEMP}, start=start), control=control),
    )


# The one that ships is the largest with 25 frames of 640x360 a second in float32, from file to file, on two cores.
SIZES = by_name(of_size(32, 4), of_size(32, 5), of_size(48, 4), of_size(48, 5), of_size(64, 4),
                of_size(64, 5, separable=True))

# Tables 2 and 3, Figures 2 and 3, and the paper's letter: a plain student that never saw the plain teacher.
ABLATIONS = by_name((
    Role("res", "L_res alone", BROWN, distilled(ONLY_RES), control=CONTROL),
    Role("rank", "L_rank alone", OLIVE, distilled(ONLY_RANK), control=CONTROL),
    Role("res-rank-teacher", "ours, the teacher's rank", GREY, distilled(NO_TEMP, rank_from="teacher"),
         control=CONTROL),
    Role("temp-res", "L_temp and L_res", GREY, distilled({"lambda_rank": 0.0, **STEADY}), control=TEMP),
    Role("ours-k3", "ours, K = 3", GREY, distilled({**NO_TEMP, "clip_length": 3}), control=CONTROL),
    Role("ours-k4", "ours, K = 4", GREY, distilled({**NO_TEMP, "clip_length": 4}), control=CONTROL),
    Role("ours-temp-k3", "ours with L_temp, K = 3", GREY, distilled({"clip_length": 3, **STEADY}), control=TEMP),
    Role("ours-temp-k4", "ours with L_temp, K = 4", GREY, distilled({"clip_length": 4, **STEADY}), control=TEMP),
    Role("vanilla-alone", "L_vanilla alone", DARK, distilled({**ONLY_RES, "lambda_percep": 0.0}, source="vanilla"),
         control=CONTROL),
    Role("res-alone", "L_res without L_percep", BROWN, distilled({**ONLY_RES, "lambda_percep": 0.0}), control=CONTROL),
    Role("unaligned-plain", "plain student, never aligned", GREY, plain_student(agrees=False), control="student-plain"),
    Role("unaligned-scratch", "from scratch, never aligned", GREY, distilled(NOTHING, start="unaligned-plain"),
         control=CONTROL),
    Role("unaligned-ours", "ours, never aligned", GREY, distilled(NO_TEMP, start="unaligned-plain"),
         control="unaligned-scratch"),
))


@dataclass(frozen=True)
class Method:
    """A curve of the frontier: networks NAME-xFACTOR, and the role that is its factor 1.

    `scaled` are the settings that the factor multiplies. In "scratch" and "style" that is the style weight of Eq. 1,
    without any lambda and beside those of ours; elsewhere it is the lambdas.
    """

    name: str
    usual: str
    colour: str
    kept: Mapping[str, float]
    factors: tuple[float, ...]
    scaled: tuple[str, ...] = ("lambda_res", "lambda_temp", "lambda_rank")
    dashes: str = "-"

    def role(self, factor: float) -> Role:
        # What is multiplied is the method's own value where it has one (the style weight of ours), else the scale's.
        own = {name: self.kept[name] * factor for name in self.scaled if self.kept.get(name)}
        times = {name: factor for name in self.scaled if name not in self.kept}
        name = f"{self.name}-x{factor:g}"
        return Role(name, name, self.colour, distilled({**self.kept, **own}, times), control=CONTROL)


LAMBDAS, WEIGHTS = (0.3, 3.0, 10.0), (0.5, 2.0)
METHODS = {method.name: method for method in (
    Method("scratch", CONTROL, ORANGE, NOTHING, WEIGHTS, ("style_weight",)),
    Method("temp", TEMP, PINK, ONLY_TEMP, LAMBDAS),
    Method("res", "res", BROWN, ONLY_RES, LAMBDAS),
    Method("rank", "rank", OLIVE, ONLY_RANK, LAMBDAS),
    Method("ours", OURS, GREEN, NO_TEMP, LAMBDAS),
    Method("ours-temp", "student-ours-temp", RED, STEADY, LAMBDAS),
    Method("style", OURS, GREEN, NO_TEMP, WEIGHTS, ("style_weight",), "--"),
)}
FRONTIER = by_name(tuple(method.role(factor) for method in METHODS.values() for factor in method.factors))

GROUPS = {"zoo": ZOO, "plus": PLUS, "pockets": POCKETS, "lab": LAB, "lab-tries": LAB_TRIES, "sizes": SIZES,
          "tables": ABLATIONS, "frontier": FRONTIER}
ROLES = by_name(*(tuple(group.values()) for group in GROUPS.values()))
SHIPPED = {name: role for name, role in ROLES.items() if role.ships}
# Judged at the scale's own sizes.
TABLED = {name: role for name, role in SHIPPED.items() if name not in {*POCKETS, *LAB}}
