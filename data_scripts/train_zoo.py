"""Train the networks that ship with the course: both teachers and the students of one style, with manifests.

    python data_scripts/train_zoo.py --style mosaic [--scale laptop] [--seed 0] [--output tutorial_lib/zoo]

Every stage keeps a checkpoint in the build folder: stopped at any time, the same command goes on from there.
--only trains some roles and stops, so that several processes can share the work; the last command has no --only.
A manifest says how its network was made and what it scores on the rendered test scenes.
"""

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch

from tutorial_lib import checkpoint, training, zoo
from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.data.styles import load_style
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation import evaluate, judge_of, test_scenes
from tutorial_lib.losses.perceptual import perceptual_loss
from tutorial_lib.networks.build import load_network
from tutorial_lib.networks.features import load_features
from tutorial_lib.settings import SCALES, Settings, build_folder, device, scale

# What tells the four distilled students apart: everything else about their training is the same.
STUDENTS = {
    "student-scratch": {"lambda_res": 0.0, "lambda_temp": 0.0, "lambda_rank": 0.0},
    "student-temp": {"lambda_res": 0.0, "lambda_rank": 0.0},
    "student-ours": {"lambda_temp": 0.0},
    "student-ours-temp": {},
}


class Zoo:
    """The trained networks of one style, each made when it is first asked for, from those it needs."""

    def __init__(self, style: str, settings: Settings, folder: Path):
        self.style, self.settings, self.folder = style, settings, folder
        self.name = Path(style).stem    # of the files: a style may be the path of a picture
        self.clips = RenderedClips(settings)
        picture = load_style(style, settings.style_size)
        self.perceptual = perceptual_loss(load_features(settings.features), picture, settings).to(device())
        self.networks: dict[str, torch.nn.Module] = {}
        self.minutes: dict[str, float] = {}

    def path(self, role: str) -> Path:
        return self.folder / f"{self.name}-{role}.safetensors"

    def __getitem__(self, role: str) -> torch.nn.Module:
        if role not in self.networks:
            self.networks[role] = self.train(role).eval().requires_grad_(False)
        return self.networks[role]

    def train(self, role: str) -> torch.nn.Module:
        """Trains one role, or reads it back when its checkpoint is complete."""
        clock = self.folder / f"{self.name}-{role}.minutes"
        if clock.exists():
            self.check(role)
            self.minutes[role] = float(clock.read_text())
            return load_network(self.path(role)).to(device())
        print(f"{self.name}-{role}")
        start = time.monotonic()
        settings = self.settings
        options = {"path": self.path(role), "save_every": 50, "about": {"style": self.style}}
        if role == "teacher-plain":
            network = training.new_teacher(settings).to(device())
            training.train_plain(network, self.perceptual, settings, **options)
        elif role == "teacher-flow":
            network, _ = training.train_teacher(
                self["teacher-plain"], self.clips, self.perceptual, settings, **options)
        elif role == "student-plain":
            network = training.new_student(settings).to(device())
            training.train_plain(network, self.perceptual, settings, agree_with=self["teacher-plain"], **options)
        else:
            targets = training.FrozenTargets(
                self.clips, self["teacher-flow"], self["teacher-plain"], self["student-plain"])
            network, _ = training.distill(
                self["student-plain"], targets, self.perceptual, settings.but(**STUDENTS[role]), **options)
        self.minutes[role] = round((time.monotonic() - start) / 60, 1)
        clock.write_text(str(self.minutes[role]))
        return network

    def check(self, role: str) -> None:
        """Refuses a finished network that was trained with other settings than those asked for now."""
        kept, wanted = checkpoint.read(self.path(role)).settings, self.settings_of(role).as_dict()
        # The lambdas of Eq. 13 do not matter to what is trained before it.
        unused = () if role in STUDENTS else ("lambda_res", "lambda_temp", "lambda_rank")
        other = [key for key in wanted if key not in unused and kept["scale"].get(key) != wanted[key]]
        if other or kept.get("style") != self.style:
            raise TutorialError(
                f"{self.path(role)} was trained with another {', '.join(other) or 'style'}; delete it to train it anew."
            )

    def settings_of(self, role: str) -> Settings:
        return self.settings.but(**STUDENTS.get(role, {}))


def hardware() -> str:
    """The machine in a few words, for the manifests."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores, {platform.machine()}, torch {torch.__version__}"


def write_manifest(trained: Zoo, role: str, output: Path, scores: dict) -> None:
    """The manifest of one network that is written already: how it was made, and what its fp16 weights score."""
    name, settings = f"{trained.name}-{role}", trained.settings_of(role)
    path = output / f"{name}.safetensors"
    manifest = {
        "name": name, "role": zoo.ROLES[role], "network": trained[role].configuration,
        "style": trained.style,
        "command": f"python data_scripts/train_zoo.py --style {trained.style} --scale {settings.name} "
                   f"--seed {settings.seed}",
        "settings": settings.as_dict(), "seed": settings.seed, "minutes": trained.minutes[role],
        "hardware": hardware(), "perceptual": trained.perceptual.features.configuration,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "scores": scores,
    }
    path.with_suffix(".json").write_text(json.dumps(manifest, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--style", default="mosaic", help="a painted style, or the path of a picture")
    parser.add_argument("--scale", choices=SCALES, help="default: OFD_SCALE, else laptop")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=zoo.FOLDER)
    parser.add_argument("--only", nargs="*", choices=zoo.ROLES, metavar="ROLE", help=", ".join(zoo.ROLES))
    arguments = parser.parse_args()
    settings = scale(arguments.scale).but(seed=arguments.seed)
    folder = build_folder() / "zoo" / f"{settings.name}-{settings.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    trained = Zoo(arguments.style, settings, folder)
    for role in arguments.only or zoo.ROLES:
        trained[role]
    if arguments.only:
        return
    shipped = {}
    for role in zoo.ROLES:
        path, network = arguments.output / f"{trained.name}-{role}.safetensors", trained[role]
        checkpoint.save(path, network, {"network": network.configuration, "style": trained.style}, dtype=torch.float16)
        shipped[role] = load_network(path).to(device())
    judge = judge_of(arguments.style, settings).to(device())
    scores: dict[str, dict] = {role: {} for role in zoo.ROLES}
    for pass_name in ("clean", "final"):
        rows = evaluate(shipped, test_scenes(settings, pass_name), judge)
        for role, found in rows.items():
            scores[role][pass_name] = {s.scene: {k: round(v, 6) for k, v in asdict(s).items() if isinstance(v, float)}
                                       for s in found}
    for role in zoo.ROLES:
        write_manifest(trained, role, arguments.output, scores[role])
        last = scores[role]["final"]["sum"]
        print(f"{role:18} e_stab {last['e_stab']:.4f}  style {last['style']:.4f}  content {last['content']:.4f}")


if __name__ == "__main__":
    try:
        main()
    except TutorialError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
