"""What a network made of films, in numbers that stand beside each other, and the verdict on them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
from torch import nn
from tqdm.auto import tqdm

from tutorial_lib.data.clips import Clip
from tutorial_lib.evaluation.measures import instability, sharpness
from tutorial_lib.losses.perceptual import PerceptualLoss, perceptual_loss
from tutorial_lib.networks.features import load_features
from tutorial_lib.settings import Settings
from tutorial_lib.stylize import stylize_clip

TOLERANCE = 1.05  # how much more style or content loss still counts as "the same"
PALER = 0.9       # below this share of the control's standard deviation, steadiness is bought with contrast
BLURRIER = 0.7    # below this share of its sharpness, with detail

MEASURES = ("e_stab", "style", "content", "std", "sharpness")     # what the verdict looks at

Judge = Callable[[torch.Tensor, Clip, int], Mapping[str, float]]
"""judge(shown, clip, every) -> named losses; `shown` are every `every`-th of the video's frames."""


# --- one video ---


class Fidelity:
    """A judge of style and content: the two terms of a perceptual loss, mean over the frames that are shown.

    seen: what the perceptual network sees in the unpainted frames, by clip; it is the same for every style, so the
    judges of several styles can share it.
    """

    def __init__(self, loss: PerceptualLoss, seen: WeakKeyDictionary | None = None):
        self.loss = loss
        self.seen = WeakKeyDictionary() if seen is None else seen

    @torch.inference_mode()
    def __call__(self, shown: torch.Tensor, clip: Clip, every: int = 1) -> dict[str, float]:
        place = device_of(self.loss)
        if self.seen.get(clip, (None,))[0] != every:
            originals = clip.frames[::every].to(place).split(1)
            self.seen[clip] = every, torch.cat([self.loss.content_of(frame) for frame in originals])
        wanted = self.seen[clip][1]                                                         # (N / every, C, h, w)
        pairs = zip(shown.to(place).split(1), wanted.split(1), strict=True)
        terms = [self.loss.fidelity(frame, content) for frame, content in pairs]
        return {name: sum(t[name].item() for t in terms) / len(terms) for name in ("style", "content")}


_floors: WeakKeyDictionary = WeakKeyDictionary()


def floor(clip: Clip, gap: int = 1) -> float:
    """The instability of the clip itself: what no network can be asked to undercut. Remembered."""
    known = _floors.setdefault(clip, {})
    if gap not in known:
        known[gap] = instability(clip.frames, clip, gap)
    return known[gap]


def steadiness(video: torch.Tensor, clip: Clip, gaps: Sequence[int] = (1,)) -> dict[str, float]:
    """Instability and floor over each gap ("e_stab", "e_stab_4", ...), and what must not get lost: contrast, detail."""
    row = {}
    for gap in gaps:
        suffix = "" if gap == 1 else f"_{gap}"
        row |= {f"e_stab{suffix}": instability(video, clip, gap), f"floor{suffix}": floor(clip, gap)}
    return {**row, "std": video.std().item(), "sharpness": sharpness(video)}


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
def score(name: str, stylized: torch.Tensor, clip: Clip, judge: PerceptualLoss | Judge) -> Score:
    """Scores the stylized frames (N, 3, H, W) of a clip. Style and content are means over the frames."""
    judge = Fidelity(judge) if isinstance(judge, PerceptualLoss) else judge
    return Score(name, clip.name, **steadiness(stylized, clip), **judge(stylized, clip, 1))


# --- several videos ---


def total(scores: Sequence[Score]) -> Score:
    """The scores of several scenes as one: e_stab and its floor summed as in the paper's tables, the rest averaged."""
    def mean(key: str) -> float:
        return sum(getattr(s, key) for s in scores) / len(scores)

    return Score(scores[0].network, "sum", sum(s.e_stab for s in scores), mean("style"), mean("content"),
                 mean("std"), mean("sharpness"), sum(s.floor for s in scores))


def verdict(row: Score, control: Score) -> str:
    """Whether a row is steadier than the control *at the same style*, in words.

    "steadier" needs a lower e_stab and e_stab / std, style and content losses at most 5 % above the control's, and
    a picture that is not much paler or blurrier. Everything that is amiss is named. What is NaN or infinite cannot be
    compared with anything.
    """
    for name, scored in (("", row), ("control's ", control)):
        amiss = [key for key in MEASURES if not math.isfinite(getattr(scored, key))]
        if amiss:
            return f"no verdict ({name}{', '.join(amiss)}: no number)"
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


# --- several networks ---


def judge_of(style: str, settings: Settings, features: str | Path | None = None) -> PerceptualLoss:
    """The perceptual loss of a style under the scale's features, or any other perceptual network."""
    return perceptual_loss(load_features(features or settings.features), style, settings)


def evaluate(
    networks: Mapping[str, nn.Module | Callable],
    clips: Iterable[Clip],
    judge: PerceptualLoss,
    exact: bool = False,
    bar: bool = True,
) -> dict[str, list[Score]]:
    """Stylizes every clip with every network and scores it: {network: one `Score` a clip, then their total}.

    A teacher's flow is estimated, as it would have to be in use. exact: give it the clip's own backward motion instead,
    which no camera delivers: an upper bound, to be marked as such.
    """
    clips, fidelity = list(clips), Fidelity(judge)
    rows: dict[str, list[Score]] = {name: [] for name in networks}
    with tqdm(total=len(networks) * len(clips), desc="evaluate", disable=not bar) as progress:
        for clip in clips:
            for name, network in networks.items():
                place = device_of(network)
                motion = (clip.backward.flows.to(place), clip.backward.masks.to(place)) if exact else (None, None)
                stylized = stylize_clip(network, clip.frames.to(place), *motion).cpu()
                rows[name].append(score(name, stylized, clip, fidelity))
                progress.update()
    return {name: [*scores, total(scores)] for name, scores in rows.items()}


def as_row(score: Score) -> dict:
    """A score as it is written to files: its figures, and e_stab / std beside them."""
    return {**asdict(score), "relative_e_stab": score.relative_e_stab}


def device_of(network: nn.Module | Callable) -> torch.device:
    parameters = network.parameters() if isinstance(network, nn.Module) else iter(())
    return next((p.device for p in parameters), torch.device("cpu"))
