"""The networks of Space-Time Distillation: a teacher, two compact students by every method, and what was tried."""

from collections.abc import Mapping

from tutorial_lib.roles import Recipe, Role, by_name

TEACHER, MEMORY = "sr-teacher", "sr-memory"
UPSCALER = "sr-recurrent-both"      # what `upscale` takes where no network is asked for: it alone needs no later frame
STUDENTS = {"stacked": "three frames", "recurrent": "recurrent"}       # kinds of networks.superres, in words

# Okabe and Ito's palette, as for the first paper: the teacher blue, the control orange, the paper's method red.
BLUE, GREY, ORANGE, PINK, GREEN, RED, SKY, YELLOW, BROWN = (
    "#0072B2", "#999999", "#E69F00", "#CC79A7", "#009E73", "#D55E00", "#56B4E9", "#B8A300", "#8C564B")

TERMS = ("lambda_space", "lambda_time", "lambda_attention", "lambda_hint", "lambda_imitation")


def only(*terms: str) -> dict[str, float]:
    """The settings in which every other term of distillation than these has the weight 0."""
    return {name: 0.0 for name in TERMS if name not in terms}


def distilled(kind: str, *terms: str, memory: str = "frozen", options: Mapping[str, str] | None = None,
              **changes) -> Recipe:
    """A student of a kind with some terms of distillation beside the reconstruction loss.

    memory: the ConvLSTM of L_TD. "frozen": `sr-memory`, trained on the teacher alone; "random": frozen as it was drawn;
    "learned": the paper's, which learns with the student until it collapses. options: further ones of the stage.
    {"map": "body"}: attention maps of the features at low resolution; {"map": "truth"}: of what the bicubic enlargement
    lacks, instead of the teacher's; {"begins": "halfway"}: the terms of distillation come in after half of the steps;
    {"balance": "plain"}: a lambda is a share of the reconstruction loss's pull at the plain student's weights.
    """
    needs = (TEACHER, MEMORY) if "lambda_time" in terms and memory == "frozen" else (TEACHER,)
    if (options or {}).get("balance") == "plain":
        needs += (f"sr-{kind}-plain",)
    asked = {"kind": kind, **({"memory": memory} if "lambda_time" in terms else {}), **(options or {})}
    return Recipe("sr-distill", needs, {**only(*terms), **changes}, options=asked)


def methods(kind: str) -> tuple[Role, ...]:
    """A student by every method, from the same initial weights and for as many steps; the first is the control."""
    name, words = f"sr-{kind}", STUDENTS[kind]
    plain = f"{name}-plain"

    def role(method: str, label: str, colour: str, recipe: Recipe) -> Role:
        return Role(f"{name}-{method}", f"{words}, {label}", colour, recipe, True, plain)

    return (
        Role(plain, f"{words}, plain", ORANGE, Recipe("sr-plain", options={"kind": kind}), True),
        role("space", "with L_SD", PINK, distilled(kind, "lambda_space")),
        role("time", "with L_TD", GREEN, distilled(kind, "lambda_time")),
        role("both", "space-time distillation", RED, distilled(kind, "lambda_space", "lambda_time")),
        role("attention", "attention transfer", SKY, distilled(kind, "lambda_attention")),
        role("hint", "FitNets' hint", YELLOW, distilled(kind, "lambda_hint")),
        role("imitation", "imitating the teacher", BROWN, distilled(kind, "lambda_imitation")),
    )


def attempts(kind: str) -> tuple[Role, ...]:
    """What else was tried with a student: other attention maps, other memories, other shares."""
    name, words, both = f"sr-{kind}", STUDENTS[kind], ("lambda_space", "lambda_time")

    def role(method: str, label: str, recipe: Recipe, control: str = "both") -> Role:
        return Role(f"{name}-{method}", f"{words}, {label}", GREY, recipe, control=f"{name}-{control}")

    return (
        role("plain-x2", "plain, twice the steps",
             Recipe("sr-plain", times={"student_steps": 2}, options={"kind": kind}), "plain"),
        role("space-absolute", "L_SD of absolute values", distilled(kind, "lambda_space", power="absolute")),
        role("space-maximum", "L_SD of maxima", distilled(kind, "lambda_space", power="maximum")),
        role("space-normalised", "L_SD normalised", distilled(kind, "lambda_space", normalised=True)),
        role("space-body", "L_SD at low resolution", distilled(kind, "lambda_space", options={"map": "body"})),
        role("space-truth", "L_SD with the truth's detail, normalised",
             distilled(kind, "lambda_space", options={"map": "truth"}, normalised=True)),
        role("time-random", "L_TD by a random cell", distilled(kind, "lambda_time", memory="random")),
        role("time-learned", "L_TD by a cell that learns", distilled(kind, "lambda_time", memory="learned")),
        role("both-late", "both, from halfway on", distilled(kind, *both, options={"begins": "halfway"})),
        role("both-balanced", "both, from halfway on, balanced where the plain one ended",
             distilled(kind, *both, options={"begins": "halfway", "balance": "plain"})),
        role("both-x0.3", "both, 0.3 times", distilled(kind, *both, lambda_space=0.03, lambda_time=0.03)),
        role("both-x3", "both, 3 times", distilled(kind, *both, lambda_space=0.3, lambda_time=0.3)),
    )


ZOO = by_name(
    (Role(TEACHER, "teacher", BLUE, Recipe("sr-teacher"), True, once=True),
     Role(MEMORY, "memory of the teacher", GREY, Recipe("sr-memory", (TEACHER,)), True, once=True)),
    *(methods(kind) for kind in STUDENTS),
)
ATTEMPTS = by_name(*(attempts(kind) for kind in STUDENTS))
GROUPS = {"zoo": ZOO, "attempts": ATTEMPTS}
ROLES = by_name(*(tuple(group.values()) for group in GROUPS.values()))
SHIPPED = {name: role for name, role in ROLES.items() if role.ships}
