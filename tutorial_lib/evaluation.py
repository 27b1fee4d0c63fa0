"""Eq. 14 and what must stand beside it: a steady video is worth nothing if the style is gone."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from tqdm.auto import tqdm

from tutorial_lib import checkpoint, zoo
from tutorial_lib.data.scenes import TEST_SCENES, test_scene
from tutorial_lib.data.sintel import SintelScene, load_scene, scene_in_memory, scene_names
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.warp import warp
from tutorial_lib.losses.perceptual import PerceptualLoss, perceptual_loss
from tutorial_lib.networks.features import load_features
from tutorial_lib.settings import Settings, device, wait_for_gpu
from tutorial_lib.stylize import stylize_clip

TOLERANCE = 1.05  # how much more style or content loss still counts as "the same"
PALER = 0.9       # below this share of the control's standard deviation, steadiness is bought with contrast
BLURRIER = 0.7    # below this share of its sharpness, with detail


def e_stab(frames: torch.Tensor, flows: torch.Tensor, masks: torch.Tensor, gap: int = 1) -> float:
    """The temporal error of a video: how much a frame differs from the one `gap` frames before, its motion undone.

    frames: (N, 3, H, W) in [0, 1]. flows: (N-gap, 2, H, W), flows[t-gap] leads from frame t into frame t-gap. masks:
    (N-gap, 1, H, W), 1 = traceable, used as given. Returns the square root of the mean over the N-gap pairs and all
    3*H*W elements, masked ones included as zeros.
    Raises: TutorialError when there are no more frames than the gap, or the numbers or sizes differ.
    Source: Eq. 14, in the reading that gives the published magnitudes (the norm squared, D = 3*H*W, N-1 pairs).
    """
    if len(frames) < 2:
        raise TutorialError("The temporal error needs at least two frames.")
    if not 1 <= gap < len(frames):
        raise TutorialError(
            f"{len(frames)} frames have no two that are {gap} apart; the gap is from 1 to {len(frames) - 1}."
        )
    if not len(frames) - gap == len(flows) == len(masks):
        raise TutorialError(
            f"{len(frames)} frames need {len(frames) - gap} flows and masks, not {len(flows)} and {len(masks)}."
        )
    return (masks * (frames[gap:] - warp(frames[:-gap], flows))).square().mean().sqrt().item()


def e_stab_forward(frames: torch.Tensor, forward_flows: torch.Tensor, masks: torch.Tensor, gap: int = 1) -> float:
    """`e_stab` where only the flow from each frame into a *later* one is known, as in Sintel: the video run backwards.

    forward_flows[t] and masks[t] lie on frame t's grid and lead into frame t+gap.
    """
    return e_stab(frames.flip(0), forward_flows.flip(0), masks.flip(0), gap)


def sharpness(frames: torch.Tensor) -> float:
    """The mean absolute Laplacian of the luma of (N, 3, H, W): what blur takes away."""
    luma = torch.einsum("c,nchw->nhw", torch.tensor([0.299, 0.587, 0.114], device=frames.device), frames)[:, None]
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], device=frames.device)[None, None]
    return F.conv2d(luma, kernel).abs().mean().item()


@dataclass(frozen=True)
class Score:
    """One video under one network. A lower e_stab is only better beside the other figures."""

    network: str
    scene: str
    e_stab: float
    style: float          # style loss under the judge, 0 = the style picture's own statistics
    content: float        # content loss under the judge
    std: float            # standard deviation of the colours: paler pictures flicker less
    sharpness: float
    floor: float          # e_stab of the video before stylization

    @property
    def relative_e_stab(self) -> float:
        """e_stab / std(y): does not fall when the picture merely gets paler."""
        return self.e_stab / max(self.std, 1e-4)    # a constant picture has rounding, not contrast


@torch.inference_mode()
def score(name: str, stylized: torch.Tensor, scene: SintelScene, judge: PerceptualLoss) -> Score:
    """Scores the stylized frames (N, 3, H, W) of a scene. Style and content are means over the frames."""
    judged, pairs = _device(judge), zip(stylized.split(1), scene.frames.split(1), strict=True)
    terms = [judge.terms(y.to(judged), x.to(judged)) for y, x in pairs]
    return Score(
        network=name,
        scene=scene.name,
        e_stab=e_stab_forward(stylized, scene.forward_flows, scene.masks),
        style=sum(t["style"].item() for t in terms) / len(terms),
        content=sum(t["content"].item() for t in terms) / len(terms),
        std=stylized.std().item(),
        sharpness=sharpness(stylized),
        floor=e_stab_forward(scene.frames, scene.forward_flows, scene.masks),
    )


def total(scores: Sequence[Score]) -> Score:
    """The scores of several scenes as one: e_stab and its floor summed as in the paper's tables, the rest averaged."""
    def mean(key: str) -> float:
        return sum(getattr(s, key) for s in scores) / len(scores)

    return Score(scores[0].network, "sum", sum(s.e_stab for s in scores), mean("style"), mean("content"),
                 mean("std"), mean("sharpness"), sum(s.floor for s in scores))


def verdict(row: Score, control: Score) -> str:
    """Whether a row is steadier than the control *at the same style*, in words.

    "steadier" needs a lower e_stab and e_stab / std, style and content losses at most 5 % above the control's, and
    a picture that is not much paler or blurrier. Everything that is amiss is named.
    """
    if row == control:
        return "control"
    faults = []
    if row.style > TOLERANCE * control.style:
        faults.append(f"style {row.style / control.style - 1:+.0%}")
    if row.content > TOLERANCE * control.content:
        faults.append(f"content {row.content / control.content - 1:+.0%}")
    if row.std < PALER * control.std:
        faults.append(f"contrast {row.std / control.std - 1:+.0%}")
    if row.sharpness < BLURRIER * control.sharpness:
        faults.append(f"sharpness {row.sharpness / control.sharpness - 1:+.0%}")
    if row.e_stab >= control.e_stab:
        return "not steadier" + (f" ({', '.join(faults)})" if faults else "")
    if row.relative_e_stab >= control.relative_e_stab:
        faults.append("not for its contrast")
    return "steadier, but " + ", ".join(faults) if faults else "steadier"


def test_scenes(settings: Settings, pass_name: str = "final", root: Path | None = None) -> list[SintelScene]:
    """The five test scenes at the scale's size: rendered, or of MPI Sintel in the folder `root`."""
    if root is None:
        size = settings.evaluation_height, settings.evaluation_width, settings.evaluation_frames
        return [scene_in_memory(test_scene(name, *size), pass_name) for name in TEST_SCENES]
    known = scene_names(root)
    chosen = [name for name in TEST_SCENES if name in known] or known
    return [load_scene(root, name, pass_name, settings.evaluation_frames, width=settings.evaluation_width)
            for name in chosen]


def exact_motions(settings: Settings) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """The exact backward flows and masks of the rendered test scenes, which no real video comes with."""
    size = settings.evaluation_height, settings.evaluation_width, settings.evaluation_frames
    motions = {}
    for name in TEST_SCENES:
        scene = test_scene(name, *size)
        times = range(1, scene.number_of_frames)
        motions[name] = (torch.cat([scene.flow(t, t - 1) for t in times]),
                         torch.cat([scene.mask(t, t - 1) for t in times]))
    return motions


def judge_of(style: str, settings: Settings, features: str | Path | None = None) -> PerceptualLoss:
    """The perceptual loss of a style under the scale's features, or any other perceptual network."""
    return perceptual_loss(load_features(features or settings.features), style, settings)


def evaluate(
    networks: dict[str, nn.Module | Callable],
    scenes: Iterable[SintelScene],
    judge: PerceptualLoss,
    motions: Mapping[str, tuple[torch.Tensor, torch.Tensor]] | None = None,
    bar: bool = True,
) -> dict[str, list[Score]]:
    """Stylizes every scene with every network and scores it: {network: one `Score` a scene, then their total}.

    A teacher's flow is estimated, as it would have to be in use. motions: {scene: exact (flows, masks)} of
    `exact_motions` gives the upper bound instead; mark it as such.
    """
    scenes = list(scenes)
    rows: dict[str, list[Score]] = {name: [] for name in networks}
    with tqdm(total=len(networks) * len(scenes), desc="evaluate", disable=not bar) as progress:
        for scene in scenes:
            for name, network in networks.items():
                flows, masks = motions[scene.name] if motions else (None, None)
                place = _device(network)
                if motions:
                    flows, masks = flows.to(place), masks.to(place)
                stylized = stylize_clip(network, scene.frames.to(place), flows, masks).cpu()
                rows[name].append(score(name, stylized, scene, judge))
                progress.update()
    return {name: [*scores, total(scores)] for name, scores in rows.items()}


def _device(module: nn.Module | Callable) -> torch.device:
    parameters = module.parameters() if isinstance(module, nn.Module) else iter(())
    return next((p.device for p in parameters), torch.device("cpu"))


def evaluate_networks(
    names: list[str], root: Path | None, settings: Settings, pass_name: str = "final"
) -> list[dict]:
    """Scores networks of the zoo, or checkpoints, on the test scenes: one dictionary a network and scene.

    Raises: TutorialError for an unknown network, scene or pass.
    """
    scenes = test_scenes(settings, pass_name, root)
    rows = []
    for name in names:
        network, style = zoo.load(name), style_of(name)
        scores = evaluate({name: network.to(device())}, scenes, judge_of(style, settings).to(device()))[name]
        rows += [{**as_row(s), "style_name": style, "pass": pass_name} for s in scores]
    return rows


def style_of(name: str) -> str:
    """The style of a network: in its name if it ships, else in the settings of its checkpoint."""
    for role in (*zoo.ROLES, *zoo.EXTRAS):
        if name in zoo.names() and name.endswith(f"-{role}"):
            return name.removesuffix(f"-{role}")
    style = checkpoint.read(name).settings.get("style")
    if style is None:
        raise TutorialError(f"{name} does not say which style it was trained for.")
    return style


def as_row(score: Score) -> dict:
    """A score as it is written to files: its figures, and e_stab / std beside them."""
    return {**asdict(score), "relative_e_stab": score.relative_e_stab}


def format_table(rows: Sequence[dict]) -> str:
    """The rows of `evaluate_networks` as text: e_stab a scene and in sum, then what must stand beside it.

    If the student from scratch is among them, the last column is everyone's `verdict` against it.
    """
    networks = list(dict.fromkeys(row["network"] for row in rows))
    scenes = list(dict.fromkeys(row["scene"] for row in rows))
    by_key = {(row["network"], row["scene"]): row for row in rows}
    sums = {name: Score(**{f.name: by_key[name, "sum"][f.name] for f in fields(Score)}) for name in networks}
    control = next((s for name, s in sums.items() if name.endswith("student-scratch")), None)
    width = max(len("input (floor)"), *(len(name) for name in networks))
    head = f"{'e_stab':{width}} " + " ".join(f"{scene:>9}" for scene in scenes)
    lines = [f"{head}  {'style':>7} {'content':>7} {'e/std':>7} {'sharp':>7}" + ("  verdict" if control else "")]
    floors = [by_key[networks[0], scene]["floor"] for scene in scenes]
    lines.append(f"{'input (floor)':{width}} " + " ".join(f"{value:9.4f}" for value in floors))
    for name, last in sums.items():
        values = " ".join(f"{by_key[name, scene]['e_stab']:9.4f}" for scene in scenes)
        lines.append(f"{name:{width}} {values}  {last.style:7.4f} {last.content:7.4f} "
                     f"{last.relative_e_stab:7.3f} {last.sharpness:7.4f}"
                     + (f"  {verdict(last, control)}" if control else ""))
    return "\n".join(lines)


@torch.inference_mode()
def seconds_per_frame(run: Callable[[], object], repeats: int = 5) -> float:
    """The median time of `run()` after one warm-up. Compare two things in one process, as a ratio: machines drift."""
    def finish() -> None:
        run()
        wait_for_gpu()

    finish()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        finish()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]
