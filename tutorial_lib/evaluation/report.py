"""The table of the command line: networks of any styles on the test scenes."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from tutorial_lib import zoo
from tutorial_lib.data.styles import is_another
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation.films import test_scenes
from tutorial_lib.evaluation.scores import Score, as_row, evaluate, judge_of, verdict
from tutorial_lib.papers.ofd.roles import CONTROL
from tutorial_lib.settings import Settings, device


def evaluate_networks(
    names: Sequence[str], root: Path | None, settings: Settings, pass_name: str = "final"
) -> list[dict]:
    """Scores networks of the zoo, or checkpoints, on the test scenes: one dictionary a network and scene.

    Raises: TutorialError for an unknown network, scene or pass, a network that does not paint, or one whose style's
    name stands for another picture now.
    """
    # Before the scenes, which take a minute: what is wrong with a network should not have to wait for them. And before
    # its style: one of the other paper has none.
    networks = {name: zoo.load(name).to(device()) for name in names}
    styles = {name: zoo.style_of(name) for name in names}
    for name, style in styles.items():
        if style is None:
            raise TutorialError(f"{name} does not say which style it was trained for, so its style cannot be judged.")
        if is_another(zoo.manifest(name), style):
            raise TutorialError(
                f"{name} was trained on another picture than the one that {style} stands for here, so its style cannot "
                "be judged; put its own picture there."
            )
    judges = {style: judge_of(style, settings).to(device()) for style in set(styles.values())}
    scenes, rows = test_scenes(settings, pass_name, root), []
    for name, style in styles.items():
        scores = evaluate({name: networks[name]}, scenes, judges[style])[name]
        rows += [{**as_row(score), "style_name": style, "pass": pass_name} for score in scores]
    return rows


def format_table(rows: Sequence[dict]) -> str:
    """The rows of `evaluate_networks` as text: e_stab a scene and in sum, then what must stand beside it.

    The last column is the `verdict` against the student from scratch of the same style, where that is among the rows.
    """
    networks = list(dict.fromkeys(row["network"] for row in rows))
    scenes = list(dict.fromkeys(row["scene"] for row in rows))
    by_key = {(row["network"], row["scene"]): row for row in rows}
    sums = {name: Score(**{f.name: by_key[name, "sum"][f.name] for f in fields(Score)}) for name in networks}
    style_of = {name: by_key[name, "sum"].get("style_name") for name in networks}
    controls = {style_of[name]: total for name, total in sums.items() if name.endswith(CONTROL)}
    width = max(len("input (floor)"), *(len(name) for name in networks))
    head = f"{'e_stab':{width}} " + " ".join(f"{scene:>9}" for scene in scenes)
    lines = [f"{head}  {'style':>7} {'content':>7} {'e/std':>7} {'sharp':>7}" + ("  verdict" if controls else "")]
    floors = [by_key[networks[0], scene]["floor"] for scene in scenes]
    lines.append(f"{'input (floor)':{width}} " + " ".join(f"{value:9.4f}" for value in floors))
    for name, last in sums.items():
        values = " ".join(f"{by_key[name, scene]['e_stab']:9.4f}" for scene in scenes)
        control = controls.get(style_of[name])
        lines.append((f"{name:{width}} {values}  {last.style:7.4f} {last.content:7.4f} "
                      f"{last.relative_e_stab:7.3f} {last.sharpness:7.4f}"
                      f"  {verdict(last, control) if control else ''}").rstrip())
    return "\n".join(lines)
