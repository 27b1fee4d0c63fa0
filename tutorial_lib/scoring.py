"""One record a network: what it scores on a fixed set of films, kept as long as its weights and the protocol stay."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from tqdm.auto import tqdm

from tutorial_lib import checkpoint, zoo
from tutorial_lib.data.images import fit_longer_side
from tutorial_lib.data.rendering import PASSES
from tutorial_lib.data.scenes import TEST_SCENES, test_scene
from tutorial_lib.data.sintel import SintelScene
from tutorial_lib.data.styles import load_style
from tutorial_lib.data.video import open_video
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation import e_stab_forward, sharpness, test_scenes
from tutorial_lib.files import read_json, write_json
from tutorial_lib.flow.estimate import estimate_flow_and_mask
from tutorial_lib.losses.perceptual import PerceptualLoss, perceptual_loss
from tutorial_lib.networks.build import load_network
from tutorial_lib.networks.features import load_features
from tutorial_lib.settings import SCALES, Settings, device
from tutorial_lib.stylize import stylize_clip

GAPS = (1, 4, 16)         # how many frames apart steadiness is asked for
FIDELITY_EVERY = 4        # style and content are means, for which every fourth frame will do
CONTROL = "student-scratch"
CHEATS = ("grey", "blurred")   # made from the control: what every verdict must refuse
REAL_FRAMES, REAL_SIDE = 60, 512

Motion = tuple[torch.Tensor, torch.Tensor]   # forward flows and masks (bool)


# --- the films ---


@dataclass(frozen=True, eq=False)
class Film:
    """Frames (N, 3, H, W) and how they move: motions[gap] leads from each frame into the one `gap` frames later."""

    name: str
    pass_name: str
    frames: torch.Tensor
    motions: Mapping[int, Motion]
    floors: Mapping[int, float] = field(init=False)   # the film's own e_stab at each gap

    def __post_init__(self) -> None:
        object.__setattr__(self, "floors", {gap: self.e_stab(self.frames, gap) for gap in self.motions})

    def e_stab(self, stylized: torch.Tensor, gap: int) -> float:
        """Eq. 14 of the stylized film; at gap 1 as in `evaluation.score`."""
        flows, masks = self.motions[gap]
        return e_stab_forward(stylized, flows.to(stylized.device), masks.to(stylized.device), gap)


def rendered_films(
    settings: Settings, gaps: Sequence[int] = GAPS, names: Sequence[str] = TEST_SCENES,
    passes: Sequence[str] = PASSES, bar: bool = True,
) -> list[Film]:
    """The rendered test scenes at the size and length of `settings`; the passes of a scene share its motions."""
    films = []
    size = settings.evaluation_height, settings.evaluation_width, settings.evaluation_frames
    for name in tqdm(names, desc="rendering", disable=not bar):
        scene = test_scene(name, *size)
        times = range(scene.number_of_frames)
        motions = {
            gap: (torch.cat([scene.flow(t, t + gap) for t in times[:-gap]]),
                  torch.cat([scene.mask(t, t + gap) for t in times[:-gap]]).bool())
            for gap in gaps if gap < len(times)
        }
        films += [Film(name, p, torch.cat([scene.frame(t, p) for t in times]), motions) for p in passes]
    return films


def sintel_films(root: Path, settings: Settings) -> list[Film]:
    """The five scenes of MPI Sintel, both passes. Its flow leads one frame ahead only, so there is one gap."""
    def film(scene: SintelScene, pass_name: str) -> Film:
        return Film(scene.name, pass_name, scene.frames, {1: (scene.forward_flows, scene.masks.bool())})

    return [film(scene, p) for p in PASSES for scene in test_scenes(settings, p, root)]


def real_films(paths: Iterable[Path], limit: int = REAL_FRAMES, side: int = REAL_SIDE) -> list[Film]:
    """Videos and folders of frames. Their flow is not known: it is estimated on them, and so is the mask.

    Raises: TutorialError when one cannot be read, or has but one frame.
    """
    films = []
    for path in map(Path, paths):
        frames = []
        for frame in open_video(path):
            image = frame.image
            frames.append(fit_longer_side(image, side).clamp(0, 1) if max(image.shape[-2:]) > side else image)
            if len(frames) == limit:
                break
        if len(frames) < 2:
            raise TutorialError(f"{path} has one frame; the temporal error needs at least two.")
        pairs = [estimate_flow_and_mask(a, b) for a, b in pairwise(frames)]
        flows, masks = (torch.cat(part) for part in zip(*pairs, strict=True))
        films.append(Film(path.stem, "real", torch.cat(frames), {1: (flows, masks.bool())}))
    return films


# --- who judges ---


class Jury:
    """A perceptual network, its targets for the styles, and what it sees in the films: each computed once.

    pictures: {style: file} for styles whose picture does not ship.
    """

    def __init__(self, features: nn.Module, settings: Settings, pictures: Mapping[str, Path] | None = None):
        self.features, self.settings, self.pictures = features.to(device()), settings, pictures or {}
        self.targets: dict[str, PerceptualLoss] = {}
        self.seen: dict[tuple[str, str], torch.Tensor] = {}

    def target(self, style: str) -> PerceptualLoss:
        """Raises: TutorialError when this network does not know the style."""
        if style not in self.targets:
            known = load_style(self.pictures[style], self.settings.style_size) if style in self.pictures else style
            try:    # on the processor, where styles are painted and kept
                self.targets[style] = perceptual_loss(self.features.cpu(), known, self.settings).to(device())
            finally:
                self.features.to(device())
        return self.targets[style]

    def knows(self, style: str) -> bool:
        try:
            self.target(style)
        except TutorialError:
            return False
        return True

    def judge(self, style: str, film: Film, shown: torch.Tensor) -> dict[str, float]:
        """The mean style and content loss of every `FIDELITY_EVERY`th stylized frame."""
        target, tap = self.target(style), self.features.content_tap
        key = film.name, film.pass_name
        if key not in self.seen:
            originals = film.frames[::FIDELITY_EVERY].to(device()).split(1)
            self.seen[key] = torch.cat([self.features(x)[tap] for x in originals])
        styles, contents = [], []
        for picture, wanted in zip(shown.split(1), self.seen[key].split(1), strict=True):
            taps = self.features(picture)
            styles.append(sum(target.style_error(name, value) for name, value in taps.items()).item())
            contents.append(((taps[tap] - wanted).square().mean() / target.content_power).item())
        return {"style": sum(styles) / len(styles), "content": sum(contents) / len(contents)}


# --- the networks ---


@dataclass(frozen=True)
class Entry:
    """A network to be scored, and what its manifest says."""

    style: str
    recipe: str
    seed: int
    path: Path         # of the weights; for a cheat, of the control's
    manifest: Mapping

    def sees(self, film: "Film") -> bool:
        """The ablations and the further seeds are scored on the final pass alone: it is the one that flickers."""
        return film.pass_name != "clean" or (self.seed == 0 and self.recipe in (*zoo.ROLES, *zoo.EXTRAS, *CHEATS))

    @property
    def record_name(self) -> str:
        return f"{self.style}-{self.recipe}" + (f"-seed{self.seed}" if self.seed else "")

    def load(self) -> nn.Module | Callable[[torch.Tensor], torch.Tensor]:
        if self.recipe == "grey":
            return partial(torch.full_like, fill_value=0.5)
        network = load_network(self.path).to(device())
        if self.recipe == "blurred":
            return lambda frame: F.avg_pool2d(F.pad(network(frame), [4] * 4, mode="replicate"), 9, 1)
        return network


def entries(folders: Iterable[Path]) -> list[Entry]:
    """Every finished network (weights with a manifest) in the folders, and the two cheats of each control of seed 0.

    What is in several folders counts as in the first of them.
    """
    found: dict[str, Entry] = {}
    for folder in folders:
        for weights in sorted(Path(folder).glob("*.safetensors")):
            described = Path(f"{weights}".removesuffix(".safetensors") + ".json")
            if not described.is_file():
                continue
            manifest = read_json(described)
            style = Path(manifest["style"]).stem
            recipe = manifest.get("recipe") or weights.stem.removeprefix(f"{style}-")
            entry = Entry(style, recipe, manifest["seed"], weights, manifest)
            found.setdefault(entry.record_name, entry)
    for entry in list(found.values()):
        if entry.recipe == CONTROL and entry.seed == 0:
            for cheat in CHEATS:
                found[f"{entry.style}-{cheat}"] = Entry(entry.style, cheat, 0, entry.path, entry.manifest)
    return list(found.values())


# --- the records ---


class Bench:
    """Films, those who judge on them, and the folder of the records.

    protocol: what two records must share to stand in one table. judge: None, or a file that
    `networks.features.load_features` takes: it scores style and content a second time, and a record without
    its columns is only completed.
    """

    def __init__(
        self, films: Callable[[], list[Film]], described: Mapping, settings: Settings, folder: Path,
        judge: str | Path | None = None, pictures: Mapping[str, Path] | None = None,
    ):
        features = load_features(settings.features)
        self.make_films, self.folder, self.made = films, folder, None
        self.juries = {"": Jury(features, settings, pictures)}
        self.protocol = {**described, "fidelity_every": FIDELITY_EVERY, "style_size": settings.style_size,
                         "perceptual": {"name": settings.features, "weights": checkpoint.digest(features)}}
        self.judge = None
        if judge:
            self.juries["judge_"] = Jury(load_features(judge), settings, pictures)
            self.judge = {"name": Path(judge).stem, "sha256": sha256(Path(judge).read_bytes()).hexdigest()}

    @property
    def films(self) -> list[Film]:
        if self.made is None:
            self.made = self.make_films()      # not before something is to be scored: rendering takes a minute
        return self.made

    def lacks(self, entry: Entry, fresh: bool = False) -> list[str]:
        """Which juries have to score a network: "" (and with it everything but style and content), "judge_"."""
        wanted = [prefix for prefix, jury in self.juries.items() if not prefix or jury.knows(entry.style)]
        path = self.folder / f"{entry.record_name}.json"
        if fresh or not path.is_file():
            return wanted
        record = read_json(path)
        if record["sha256"] != digest_of(entry.path) or without_judge(record["protocol"]) != self.protocol:
            return wanted
        return ["judge_"] if "judge_" in wanted and record["protocol"]["judge"] != self.judge else []

    @torch.inference_mode()
    def score(self, entry: Entry, prefixes: Sequence[str], on_film: Callable[[], object] = lambda: None) -> dict:
        """Scores a network and writes its record."""
        path = self.folder / f"{entry.record_name}.json"
        network = entry.load()
        record = read_json(path) if "" not in prefixes else {**description(entry), "protocol": {}, "scores": {}}
        scores = record["scores"]
        for film in filter(entry.sees, self.films):
            row = scores.setdefault(film.pass_name, {}).setdefault(film.name, {})
            frames = film.frames.to(device())
            if "" in prefixes:
                stylized = stylize_clip(network, frames)
                row.update(steadiness(film, stylized))
                shown = stylized[::FIDELITY_EVERY]
            elif getattr(network, "uses_flow", False):
                shown = stylize_clip(network, frames)[::FIDELITY_EVERY]
            else:
                shown = stylize_clip(network, frames[::FIDELITY_EVERY])
            for prefix in prefixes:
                found = self.juries[prefix].judge(entry.style, film, shown)
                row.update({f"{prefix}{key}": round(value, 6) for key, value in found.items()})
            on_film()
        for rows in scores.values():
            rows.pop("sum", None)
            rows["sum"] = summed(list(rows.values()))
        record["protocol"] = {**self.protocol, "judge": self.judge if "judge_" in prefixes else None}
        write_json(path, record)
        return record

    def score_all(self, wanted: Iterable[Entry], fresh: bool = False, bar: bool = True) -> list[str]:
        """Scores what has no record yet, or one of other weights or another protocol; returns the names of those."""
        jobs = [(entry, prefixes) for entry in wanted if (prefixes := self.lacks(entry, fresh))]
        if not jobs:
            return []
        total = sum(entry.sees(film) for entry, _ in jobs for film in self.films)
        with tqdm(total=total, unit="film", disable=not bar) as progress:
            for entry, prefixes in jobs:
                progress.set_description(entry.record_name)
                self.score(entry, prefixes, progress.update)
        return [entry.record_name for entry, _ in jobs]


def without_judge(protocol: Mapping) -> dict:
    return {key: value for key, value in protocol.items() if key != "judge"}


def digest_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def steadiness(film: Film, stylized: torch.Tensor) -> dict[str, float]:
    """e_stab and its floor at every gap, and what must not get lost: the contrast and the sharpness."""
    found = {}
    for gap in film.motions:
        suffix = "" if gap == 1 else f"_{gap}"
        found |= {f"e_stab{suffix}": film.e_stab(stylized, gap), f"floor{suffix}": film.floors[gap]}
    found |= {"std": stylized.std().item(), "sharpness": sharpness(stylized)}
    return {key: round(value, 6) for key, value in found.items()}


def summed(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Several scenes as one: errors and floors summed, as in the paper's tables, the rest averaged."""
    def over(key: str) -> float:
        total = sum(row[key] for row in rows)
        return total if key.startswith(("e_stab", "floor")) else total / len(rows)

    return {key: round(over(key), 6) for key in rows[0]}


def description(entry: Entry) -> dict:
    """What a manifest says that matters for reading the scores. changes: to the settings of the scale."""
    manifest, settings = entry.manifest, entry.manifest["settings"]
    usual = SCALES[settings["name"]].as_dict()
    about = {
        "name": f"{entry.style}-{entry.recipe}", "recipe": entry.recipe, "style": entry.style, "seed": entry.seed,
        "scale": settings["name"], "sha256": digest_of(entry.path),
    }
    if entry.recipe in CHEATS:
        return {**about, "made_from": f"{entry.style}-{CONTROL}"}
    return {
        **about,
        **{key: manifest[key] for key in ("minutes", "hardware", "command", "source", "rank_from") if key in manifest},
        "lambdas": {key: value for key, value in settings.items() if key.startswith("lambda_")},
        "clip_length": settings["clip_length"],
        "changes": {key: value for key, value in settings.items() if key != "seed" and usual.get(key) != value},
    }


def read_records(folder: Path) -> list[dict]:
    """The records of a folder, in the order of their names."""
    return [read_json(path) for path in sorted(Path(folder).glob("*.json"))]
