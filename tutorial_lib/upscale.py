"""A film made four times as large by a network for super-resolution, for as long as it is."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F

from tutorial_lib import settings
from tutorial_lib.checkpoint import digest
from tutorial_lib.data.degradation import FACTOR
from tutorial_lib.data.video import Video
from tutorial_lib.errors import TutorialError
from tutorial_lib.film import FilmReport, State, Step, write_film
from tutorial_lib.networks.superres import SMALLEST, SuperResolver

SEGMENT = 48     # frames at most that are finished and kept at a time: what an interruption costs
BLOCK, MOST = 16, 139_264    # a macroblock's side in pixels, and how many a frame has in H.264's highest level, 6.2


def upscale_video(
    network: SuperResolver,
    source: str | Path,
    target: str | Path,
    device: torch.device | str | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> FilmReport:
    """Writes `source`, a video or a folder of pictures, at four times the size as `target`: H.264 in .mp4, .mov, .mkv.

    Orientation, the time stamp of every frame and the sound stay. The recurrent student sees one frame after the other
    and what it remembers; the stacked one and the teacher, which estimates the flow, work in windows of a few frames
    and those beside them. So length costs no memory, and every 48 frames are kept in a folder beside the target, named
    .TARGET.parts: when a run is interrupted, the same call goes on after the last of them, with the same result. The
    network is moved to `device` (without one: the GPU, if any).

    overwrite: the target may be replaced, and the finished frames of another film for it thrown away.
    Raises: TutorialError when the source cannot be read, the target cannot be written, exists (unless `overwrite`), is
    the source, is being written by another run or was begun as another film, would have larger frames than H.264 knows,
    or for a network that gives no numbers; KeyboardInterrupt, with a sentence on how to go on, when stopped by Ctrl-C.
    """
    device = torch.device(device) if device else settings.device()
    return write_film(_Enlarger(network, device), source, target, overwrite, progress)


class _Enlarger:
    """A `film.Maker`: a network, and what it has to know of the frames around."""

    decided: Mapping = {}

    def __init__(self, network: SuperResolver, device: torch.device):
        self.network, self.device = network, device
        self.context, self.segment = network.behind, SEGMENT // network.at_once * network.at_once
        self.job = {"upscaler": f"{network} {digest(network)}", "device": device.type}

    def size(self, video: Video) -> tuple[int, int]:
        height, width = FACTOR * video.height, FACTOR * video.width
        if -(-height // BLOCK) * -(-width // BLOCK) > MOST:
            raise TutorialError(f"{video.path} of {video.width}x{video.height} pixels would become {width}x{height}, "
                                "more than H.264 can hold; make it smaller first, 1920x1080 is not too large.")
        return height, width

    def decide(self, before: Mapping) -> None:
        pass

    def begin(self, video: Video, progress: bool) -> None:
        self.network = self.network.to(self.device).eval()
        self.height, self.width = self.size(video)

    def prepared(self, image: torch.Tensor) -> torch.Tensor:
        """Frames that are smaller than a network can take are repeated at their edges; what is made of those is cut."""
        bottom, right = (max(0, SMALLEST - side) for side in image.shape[-2:])
        return F.pad(image, (0, right, 0, bottom), mode="replicate") if bottom or right else image

    def steps(self, frames: Iterator[torch.Tensor], past: Sequence[torch.Tensor], state: State) -> Iterator[Step]:
        known = [frame[0].to(self.device) for frame in past]
        state = {name: value.to(self.device) for name, value in state.items()}
        for picture, after in self.network.steps((frame[0].to(self.device) for frame in frames), known, state):
            yield Step(picture[None, ..., :self.height, :self.width], after)
