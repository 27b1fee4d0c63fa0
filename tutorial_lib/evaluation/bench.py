"""One record a network: what it scores on a fixed set of films, kept as long as its weights and the protocol stay."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import nn
from tqdm.auto import tqdm

from tutorial_lib import checkpoint
from tutorial_lib.data.clips import Clip
from tutorial_lib.data.styles import is_another, load_style, record
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation.scores import Fidelity, steadiness
from tutorial_lib.files import read_json, sha256_of, write_json
from tutorial_lib.losses.perceptual import perceptual_loss
from tutorial_lib.networks.build import load_network
from tutorial_lib.networks.features import load_features
from tutorial_lib.papers import ROLES
from tutorial_lib.papers.ofd.roles import CONTROL
from tutorial_lib.schema import MANIFEST, TEXT, Form, check, each, number, one_of, optional, whole
from tutorial_lib.settings import SCALES, Settings, device
from tutorial_lib.stylize import stylize_clip

GAPS = (1, 4, 16)         # how many frames apart steadiness is asked for
FIDELITY_EVERY = 4        # style and content are means, for which every fourth frame will do
ROW = {name: number() for name in ("e_stab", "floor", "std", "sharpness", "style", "content")}
RECORD: Form = {
    "name": TEXT, "recipe": TEXT, "style": optional(TEXT), "seed": whole(), "sha256": TEXT, "picture": optional(TEXT),
    "protocol": {"films": TEXT, "width": whole(1), "height": optional(whole(1)), "frames": whole(1),
                 "gaps": [whole(1)], "fidelity_every": whole(1), "perceptual": {"name": TEXT},
                 "judge": optional({"name": TEXT})},
    "scores": each(each(each(number()))), "lambdas": optional(each(number())), "changes": optional({}),
}
CHEATS = ("grey", "blurred")   # made from the control: what every verdict must refuse


# --- who judges ---


class Jury:
    """A perceptual network as the judge of every style; what it sees in the films is computed once for all of them.

    pictures: {style: file} for styles whose picture does not ship.
    """

    def __init__(self, features: nn.Module, settings: Settings, pictures: Mapping[str, Path] | None = None):
        self.features, self.settings, self.pictures = features.to(device()), settings, pictures or {}
        self.judges: dict[str, Fidelity] = {}
        self.seen = WeakKeyDictionary()

    def judge(self, style: str | None) -> Fidelity:
        """Raises: TutorialError when this network does not know the style, or there is none."""
        if style is None:
            raise TutorialError("A network that has no style cannot be judged by how well it paints.")
        if style not in self.judges:
            known = load_style(self.pictures[style], self.settings.style_size) if style in self.pictures else style
            try:    # on the processor, where styles are painted and kept
                loss = perceptual_loss(self.features.cpu(), known, self.settings).to(device())
            finally:
                self.features.to(device())
            self.judges[style] = Fidelity(loss, self.seen)
        return self.judges[style]

    def picture(self, entry: "Entry") -> str | None:
        """The SHA-256 of the picture by which a network is judged; None where its style is painted, or kept.

        Raises: TutorialError when the network was trained on another one.
        """
        style = self.pictures.get(entry.style, entry.style)
        if is_another(entry.manifest, style):
            raise TutorialError(f"{entry.path} was trained on another picture than {style}; name its own with "
                                f"--style-picture .../{entry.style}.jpg.")
        return record(style)["picture"]

    def knows(self, style: str | None) -> bool:
        try:
            self.judge(style)
        except TutorialError:
            return False
        return True


# --- the networks ---


@dataclass(frozen=True)
class Entry:
    """A network to be scored, and what its manifest says."""

    style: str | None
    recipe: str
    seed: int
    path: Path         # of the weights; for a cheat, of the control's
    manifest: Mapping

    def sees(self, film: Clip) -> bool:
        """The ablations and the further seeds are scored on the final pass alone: it is the one that flickers."""
        ships = self.recipe in CHEATS or (self.recipe in ROLES and ROLES[self.recipe].ships)
        return film.pass_name != "clean" or (self.seed == 0 and ships)

    @property
    def record_name(self) -> str:
        return self.name + (f"-seed{self.seed}" if self.seed else "")

    @property
    def name(self) -> str:
        return f"{self.style}-{self.recipe}" if self.style else self.recipe

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
    networks: dict[str, Entry] = {}
    for folder in folders:
        for weights in sorted(Path(folder).glob("*.safetensors")):
            described = Path(f"{weights}".removesuffix(".safetensors") + ".json")
            if not described.is_file():
                continue
            manifest = read_json(described, MANIFEST)
            check(manifest["settings"]["name"], one_of(*SCALES), described, "settings.name")
            style = Path(manifest["style"]).stem if manifest["style"] else None
            recipe = manifest.get("recipe") or weights.stem.removeprefix(f"{style}-")
            entry = Entry(style, recipe, manifest["seed"], weights, manifest)
            networks.setdefault(entry.record_name, entry)
    for entry in list(networks.values()):
        if entry.recipe == CONTROL and entry.seed == 0:
            for cheat in CHEATS:
                networks[f"{entry.style}-{cheat}"] = Entry(entry.style, cheat, 0, entry.path, entry.manifest)
    return list(networks.values())


# --- the records ---


class Bench:
    """Films, those who judge on them, and the folder of the records.

    protocol: what two records must share to stand in one table. judge: None, or a file that
    `networks.features.load_features` takes: it scores style and content a second time, and a record without
    its columns is only completed.
    """

    def __init__(
        self, films: Callable[[], list[Clip]], described: Mapping, settings: Settings, folder: Path,
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
            self.judge = {"name": Path(judge).stem, "sha256": sha256_of(judge)}

    @property
    def films(self) -> list[Clip]:
        if self.made is None:
            self.made = self.make_films()      # not before something is to be scored: rendering takes a minute
        return self.made

    def lacks(self, entry: Entry, fresh: bool = False) -> list[str]:
        """Which juries have to score a network: "" (and with it everything but style and content), "judge_"."""
        wanted = [prefix for prefix, jury in self.juries.items() if not prefix or jury.knows(entry.style)]
        path = self.folder / f"{entry.record_name}.json"
        if fresh or not path.is_file():
            return wanted
        known = read_record(path)
        if known["sha256"] != sha256_of(entry.path) or without_judge(known["protocol"]) != self.protocol:
            return wanted
        if known.get("picture") != self.juries[""].picture(entry):
            return wanted
        return ["judge_"] if "judge_" in wanted and known["protocol"]["judge"] != self.judge else []

    @torch.inference_mode()
    def score(self, entry: Entry, prefixes: Sequence[str], on_film: Callable[[], object] = lambda: None) -> dict:
        """Scores a network and writes its record."""
        path = self.folder / f"{entry.record_name}.json"
        network = entry.load()
        made = {**description(entry), "picture": self.juries[""].picture(entry), "protocol": {}, "scores": {}}
        scored = made if "" in prefixes else read_record(path)
        scores = scored["scores"]
        for film in filter(entry.sees, self.films):
            row = scores.setdefault(film.pass_name, {}).setdefault(film.name, {})
            frames = film.frames.to(device())
            if "" in prefixes:
                stylized = stylize_clip(network, frames)
                row.update(steadiness(stylized, film, sorted(gap for gap in film.motions if gap > 0)))
                shown = stylized[::FIDELITY_EVERY]
            elif getattr(network, "uses_flow", False):
                shown = stylize_clip(network, frames)[::FIDELITY_EVERY]
            else:
                shown = stylize_clip(network, frames[::FIDELITY_EVERY])
            for prefix in prefixes:
                losses = self.juries[prefix].judge(entry.style)(shown, film, FIDELITY_EVERY)
                row.update({f"{prefix}{name}": value for name, value in losses.items()})
            scores[film.pass_name][film.name] = {key: round(value, 6) for key, value in row.items()}
            on_film()
        for rows in scores.values():
            rows.pop("sum", None)
            rows["sum"] = summed(list(rows.values()))
        scored["protocol"] = {**self.protocol, "judge": self.judge if "judge_" in prefixes else None}
        write_json(path, scored)
        return scored

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
        "name": entry.name, "recipe": entry.recipe, "style": entry.style, "seed": entry.seed,
        "scale": settings["name"], "sha256": sha256_of(entry.path),
    }
    if entry.recipe in CHEATS:
        return {**about, "made_from": f"{entry.style}-{CONTROL}"}
    return {
        **about,
        **{key: manifest[key] for key in ("minutes", "hardware", "command", "source", "rank_from") if key in manifest},
        "lambdas": {key: value for key, value in settings.items() if key.startswith("lambda_")},
        "clip_length": settings.get("clip_length"),
        "changes": {key: value for key, value in settings.items() if key != "seed" and usual.get(key) != value},
    }


def read_records(folder: Path) -> list[dict]:
    """The records of a folder, in the order of their names."""
    return [read_record(path) for path in sorted(Path(folder).glob("*.json"))]


def read_record(path: Path) -> dict:
    """Raises: TutorialError when it is not what `Bench.score` writes."""
    record = read_json(path, RECORD)
    for pass_name, films in record["scores"].items():
        for film, row in films.items():
            check(row, ROW, path, f"scores.{pass_name}.{film}")
    return record
