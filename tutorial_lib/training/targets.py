"""What the frozen networks say about a clip: computed when it first comes, then remembered."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from tutorial_lib import checkpoint
from tutorial_lib.data.clips import Clip
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import read_tensors, write_tensors
from tutorial_lib.losses.low_rank import nuclear_norm, traceable_matrix
from tutorial_lib.losses.residual import residual_target
from tutorial_lib.networks.teacher import Teacher, roll_out


class Remembered:
    """What does not change while a network is trained: computed when a clip first comes, then remembered.

    clips[i] -> the clip, and what `compute` said of it. name: tells these targets from those of other networks.
    folder: where to keep them when they are too many for memory; otherwise they stay in memory. Its files are named
    after the clip and the targets, so several trainings can share it.
    """

    def __init__(self, clips: Sequence, name: str, folder: Path | None = None):
        self.clips, self.name, self.folder = clips, name, folder
        self.remembered: dict[int, dict[str, torch.Tensor]] = {}
        self.computed = 0

    def __getstate__(self) -> dict:
        """Without what was remembered: it follows from the rest."""
        return {**vars(self), "remembered": {}, "computed": 0}

    def __len__(self) -> int:
        return len(self.clips)

    def compute(self, clip) -> dict[str, torch.Tensor]:
        raise NotImplementedError

    def known(self, index: int) -> tuple[object, dict[str, torch.Tensor]]:
        """A clip, and what is known of it."""
        clip = self.clips[index]
        stored = self.folder / self.name / f"{self.clips.key(index)}.safetensors" if self.folder else None
        if index in self.remembered:
            return clip, self.remembered[index]
        if stored is not None and (kept := self._kept(stored, clip)) is not None:
            return clip, kept
        self.computed += 1
        found = self.compute(clip)
        if stored is None:
            self.remembered[index] = found
        else:
            write_tensors(stored, found)
        return clip, found

    def form(self, clip) -> Mapping[str, tuple[int, ...]] | None:
        """The names and shapes of what is known of a clip; None where any will do."""
        return None

    def _kept(self, path: Path, clip) -> dict[str, torch.Tensor] | None:
        """What was kept of a clip; None where nothing is, or nothing that fits it."""
        if not path.exists():
            return None
        try:
            return read_tensors(path, self.form(clip))
        except TutorialError:
            return None


class FrozenTargets(Remembered):
    """What the frozen networks of Algorithm 1 say of a clip.

    clips[i] -> the clip, one picture a frame that the student's output is compared with (fp16), and the
    nuclear norm it should have.
    source: "residual" (Eq. 5) or "vanilla" (Eq. 2). rank_from: "input" (Eq. 11) or "teacher" (Eq. 10).
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        teacher_with_flow: Teacher,
        teacher_plain: nn.Module,
        student_plain: nn.Module,
        source: str = "residual",
        rank_from: str = "input",
        folder: Path | None = None,
    ):
        self.source, self.rank_from = source, rank_from
        self.teacher_with_flow, self.teacher_plain = teacher_with_flow, teacher_plain
        self.student_plain = student_plain
        digests = "-".join(checkpoint.digest(n) for n in (teacher_with_flow, teacher_plain, student_plain))
        super().__init__(clips, f"{source}-{rank_from}-{digests}", folder)

    def __getitem__(self, index: int) -> tuple[Clip, torch.Tensor, torch.Tensor]:
        clip, known = self.known(index)
        return clip, known["target"].float(), known["norm"]

    def form(self, clip: Clip) -> Mapping[str, tuple[int, ...]]:
        return {"target": tuple(clip.frames.shape), "norm": ()}

    @torch.no_grad()
    def compute(self, clip: Clip) -> dict[str, torch.Tensor]:
        clip = clip.to(next(self.student_plain.parameters()).device)
        target = with_flow = roll_out(
            self.teacher_with_flow, clip.frames, clip.backward.flows, clip.backward.masks)
        if self.source == "residual":
            target = residual_target(with_flow, self.teacher_plain(clip.frames), self.student_plain(clip.frames))
        ranked = clip.frames if self.rank_from == "input" else with_flow
        norm = nuclear_norm(traceable_matrix(ranked, clip.from_middle.flows, clip.from_middle.masks))
        return {"target": target.half().cpu(), "norm": norm.cpu()}
