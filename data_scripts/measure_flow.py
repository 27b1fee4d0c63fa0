"""What does flow buy a teacher: the training with it, or the past that it brings along at inference?

    python data_scripts/measure_flow.py [--styles mosaic candy] [--output results]

The zoo's two teachers over the five test scenes (final pass), and the one with flow in three ways: its weights alone
(no past, mask 0, on every frame), its past by estimated flow (DIS), and its past by exact flow and masks. e_stab is
summed over the scenes, for neighbouring frames and for frames four apart. "beside holes" is the error between
neighbours, a mean over the scenes, where a pixel can be traced but is given no past, because an occlusion is near.
Written: flow.json, flow.txt.
"""

if __name__ == "__main__":      # before the imports that take seconds: Ctrl-C during them is one sentence, too
    from tutorial_lib.errors import start

    start(__file__)

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from tutorial_lib import evaluation, zoo
from tutorial_lib.data.clips import Clip
from tutorial_lib.files import write_report
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp
from tutorial_lib.settings import Settings, scale
from tutorial_lib.stylize import stylize_clip

PLAIN, ALONE, DIS, EXACT = "teacher-plain", "teacher-flow, no past", "teacher-flow, DIS", "teacher-flow, exact"


def paintings(with_flow: nn.Module, plain: nn.Module, clip: Clip) -> dict[str, torch.Tensor]:
    return {
        PLAIN: stylize_clip(plain, clip.frames),
        ALONE: stylize_clip(lambda frame: with_flow(frame), clip.frames),
        DIS: stylize_clip(with_flow, clip.frames),
        EXACT: stylize_clip(with_flow, clip.frames, clip.backward.flows, clip.backward.masks),
    }


def beside_holes(video: torch.Tensor, clip: Clip) -> float:
    """The error between neighbours where the backward mask is 1, but 0 once it is eroded for the teacher."""
    there = clip.backward.masks * (1 - erode(clip.backward.masks))
    change = (video[1:] - warp(video[:-1], clip.backward.flows)).square().mean(1, keepdim=True)
    return ((there * change).sum() / there.sum().clamp_min(1)).sqrt().item()


@torch.inference_mode()
def measure(style: str, scenes: Sequence[Clip], gaps: Sequence[int], settings: Settings) -> list[dict]:
    """A row for each way to paint; e_stab by gap and scene, the other figures a mean over the scenes."""
    judge = evaluation.judge_of(style, settings)
    teachers = [zoo.load(f"{style}-{role}") for role in ("teacher-flow", "teacher-plain")]
    rows: dict[str, dict] = {}
    for scene in scenes:
        for way, video in paintings(*teachers, scene).items():
            row = rows.setdefault(way, {"way": way, "style_loss": 0.0, "beside_holes": 0.0,
                                        "e_stab": {str(gap): {} for gap in gaps}})
            row["style_loss"] += evaluation.score(way, video, scene, judge).style / len(scenes)
            row["beside_holes"] += beside_holes(video, scene) / len(scenes)
            for gap in gaps:
                row["e_stab"][str(gap)][scene.name] = round(evaluation.instability(video, scene, gap), 4)
    return [{**row, **{key: round(row[key], 4) for key in ("style_loss", "beside_holes")}} for row in rows.values()]


def table(found: Mapping) -> str:
    """For each style the sums, and what the past changes scene by scene."""
    near, far = map(str, found["gaps"])
    scenes = found["scenes"]
    lines = [f"e_stab, sum of {len(scenes)} scenes, final pass, {found['width']}x{found['height']}, "
             f"{found['frames']} frames"]
    for style, rows in found["styles"].items():
        lines += ["", f"{style:24}{'1 frame':>10}{f'{far} frames':>10}{'beside holes':>14}{'style loss':>12}"]
        lines += [f"{r['way']:24}" + "".join(f"{sum(r['e_stab'][gap].values()):10.4f}" for gap in (near, far))
                  + f"{r['beside_holes']:14.4f}{r['style_loss']:12.4f}" for r in rows]
        by_way = {r["way"]: r["e_stab"] for r in rows}
        lines.append(f"{'the past changes':24}" + "".join(f"{scene:>11}" for scene in scenes))
        for way in (DIS, EXACT):
            for gap, words in ((near, "1 frame"), (far, f"{far} frames")):
                changes = (by_way[way][gap][scene] / by_way[ALONE][gap][scene] - 1 for scene in scenes)
                lines.append(f"{'  ' + way.split(', ')[1] + ' flow, ' + words:24}"
                             + "".join(f"{change:+11.1%}" for change in changes))
        plain, alone, past = (sum(by_way[way][near].values()) for way in (PLAIN, ALONE, DIS))
        share = (plain - alone) / (plain - past)
        lines.append(f"Of the fall from teacher-plain to DIS, {share:.0%} is there without a past.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--styles", nargs="+", default=["mosaic", "candy"], metavar="STYLE")
    parser.add_argument("--scale", default=None)
    parser.add_argument("--output", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    settings = scale(arguments.scale)
    gaps = 1, min(4, settings.evaluation_frames - 1)
    scenes = evaluation.test_scenes(settings, steps=(*gaps, -1))
    found = {"width": settings.evaluation_width, "height": settings.evaluation_height,
             "frames": settings.evaluation_frames, "gaps": gaps, "scenes": [scene.name for scene in scenes],
             "styles": {style: measure(style, scenes, gaps, settings) for style in arguments.styles}}
    write_report(arguments.output / "flow.json", found, table(found))
