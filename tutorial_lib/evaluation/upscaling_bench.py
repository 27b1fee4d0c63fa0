"""One record a network for super-resolution: its scores on the test scenes, kept while weights and protocol stay."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import nn
from tqdm.auto import tqdm

from tutorial_lib.data.clips import Clip
from tutorial_lib.data.degradation import FACTOR
from tutorial_lib.data.pairs import PASS
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation import upscaling
from tutorial_lib.evaluation.bench import Entry, entries
from tutorial_lib.files import read_json, sha256_of, write_json
from tutorial_lib.papers import PAPERS
from tutorial_lib.papers.std.roles import MEMORY
from tutorial_lib.papers.std.settings import Settings
from tutorial_lib.schema import TEXT, Form, check, each, number, optional, whole
from tutorial_lib.speed import multiply_adds

ROW = {name: number() for name in ("psnr", "ssim", "warping", "truth_warping")}
RECORD: Form = {
    "name": TEXT, "recipe": TEXT, "seed": whole(), "sha256": TEXT, "parameters": whole(), "multiply_adds": number(0),
    "protocol": {"films": TEXT, "width": whole(1), "height": whole(1), "frames": whole(1), "degradation": TEXT,
                 "channels": TEXT, "border": whole()},
    "scores": each(each(number())), "lambdas": optional(each(number())),
}
TIMES = [{"row": TEXT, "seconds": number(0), "range": [number(0)]}]
SPEED: Form = {"machine": TEXT, "rounds": whole(1), "width": whole(1), "height": whole(1), "rows": TIMES,
               "training": optional(TIMES)}
MEAN = "mean"           # of the scenes, among them
COUNTED = 32            # pixels of a side of the frames by which multiply-adds are counted


def networks(folders: Iterable[Path]) -> list[Entry]:
    """Every finished network of the paper in the folders that makes videos larger."""
    return [entry for entry in entries(folders) if entry.recipe in PAPERS["std"].roles and entry.recipe != MEMORY]


def cost(network: nn.Module) -> dict[str, float]:
    """Parameters, and multiply-adds for each pixel of a small frame, without those of estimating a flow."""
    clip = torch.zeros(1, 2, 3, COUNTED, COUNTED, device=next(network.parameters()).device)
    return {"parameters": sum(p.numel() for p in network.parameters()),
            "multiply_adds": multiply_adds(network, clip) / (2 * COUNTED**2)}


class UpscalingBench:
    """The test scenes, made small by one degradation, and the folder of the records.

    protocol: what two records must share to stand in one table.
    """

    def __init__(self, settings: Settings, folder: Path, channels: str = "Y", border: int = 0):
        self.settings, self.folder, self.channels, self.border = settings, folder, channels, border
        self.made: list[Clip] | None = None
        height, width = (side // FACTOR * FACTOR for side in (settings.evaluation_height, settings.evaluation_width))
        self.protocol = {"films": f"rendered test scenes, {PASS} pass", "width": width, "height": height,
                         "frames": settings.evaluation_frames, "degradation": settings.degradation,
                         "channels": channels, "border": border}

    @property
    def films(self) -> list[Clip]:
        if self.made is None:
            self.made = upscaling.films(self.settings, "test")
        return self.made

    def fits(self, entry: Entry) -> bool:
        """Whether a network was trained to undo what this bench does."""
        return entry.manifest["settings"].get("degradation") == self.settings.degradation

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def is_known(self, name: str, sha256: str) -> bool:
        """Whether there is a record of these weights under this protocol."""
        if not self.path(name).is_file():
            return False
        known = read_record(self.path(name))
        return known["sha256"] == sha256 and known["protocol"] == self.protocol

    def score(self, entry: Entry | None) -> dict:
        """Scores a network, or without one the bicubic enlargement, and writes its record.

        Raises: TutorialError for a network of another degradation.
        """
        if entry is None:
            about = {"name": upscaling.BICUBIC, "recipe": upscaling.BICUBIC, "seed": 0, "sha256": "",
                     "parameters": 0, "multiply_adds": 0}
            network = upscaling.BICUBIC
        else:
            if not self.fits(entry):
                raise TutorialError(f"{entry.path} was not trained to undo {self.settings.degradation}; the two "
                                    "degradations are never mixed.")
            network = entry.load()
            about = {**description(entry), **cost(network)}
        scores = {}
        for film in self.films:
            made = upscaling.made_large(network, film, self.settings.degradation)
            scores[film.name] = _rounded(upscaling.score(made, film, self.channels, self.border))
        scores[MEAN] = {key: round(sum(row[key] for row in scores.values()) / len(scores), 6) for key in ROW}
        record = {**about, "style": None, "protocol": self.protocol, "scores": scores}
        write_json(self.path(entry.record_name if entry else upscaling.BICUBIC), record)
        return record

    def score_all(self, wanted: Iterable[Entry], fresh: bool = False, bar: bool = True) -> list[str]:
        """Scores what has no record yet, or one of other weights or another protocol; returns the names of those."""
        jobs: list[Entry | None] = [entry for entry in wanted
                                    if fresh or not self.is_known(entry.record_name, sha256_of(entry.path))]
        if fresh or not self.is_known(upscaling.BICUBIC, ""):
            jobs.append(None)
        for entry in tqdm(jobs, unit="network", disable=not bar or not jobs):
            self.score(entry)
        return [entry.record_name if entry else upscaling.BICUBIC for entry in jobs]


def _rounded(score: upscaling.Score) -> dict[str, float]:
    return {key: round(getattr(score, key), 6) for key in ROW}


def description(entry: Entry) -> dict:
    """What a manifest says that matters for reading the scores."""
    manifest, settings = entry.manifest, entry.manifest["settings"]
    return {
        "name": entry.name, "recipe": entry.recipe, "seed": entry.seed, "scale": settings["name"],
        "sha256": sha256_of(entry.path),
        **{key: manifest[key] for key in ("minutes", "hardware", "command", "network") if key in manifest},
        "lambdas": {key: value for key, value in settings.items() if key.startswith("lambda_")},
    }


def read_records(folder: Path) -> list[dict]:
    """The records of a folder, in the order of their names."""
    return [read_record(path) for path in sorted(Path(folder).glob("*.json"))]


def read_record(path: Path) -> dict:
    """Raises: TutorialError when it is not what `UpscalingBench.score` writes."""
    record = read_json(path, RECORD)
    for scene, row in record["scores"].items():
        check(row, ROW, path, f"scores.{scene}")
    if MEAN not in record["scores"]:
        raise TutorialError(f"{path} lacks the mean of its scenes; score the network again with --fresh.")
    return record


# --- the way of a training ---


def curves(folders: Iterable[Path]) -> dict[str, dict[str, float]]:
    """{record's name: {step: PSNR on the validation scenes}} of what was trained in these folders of the workshop."""
    found: dict[str, dict[str, float]] = {}
    for entry in networks(folders):
        path = entry.path.parent / "training" / f"{entry.path.stem}.curve.json"
        if path.is_file():
            found[entry.record_name] = read_json(path, each(number()))
    return found


def kept_curves(path: Path, new: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The curves of a file, with new ones in their place; the file holds all of them then."""
    known = read_json(path, each(each(number()))) if path.is_file() else {}
    every = dict(sorted({**known, **new}.items()))
    if every != known:
        write_json(path, every)
    return every
