"""Where networks are made that are to ship or to stand in a table: each once, with a manifest of how."""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from tutorial_lib import checkpoint, papers
from tutorial_lib.data import styles
from tutorial_lib.data.clips import RenderedClips
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path, read_json, sha256_of, write_json
from tutorial_lib.hardware import hardware
from tutorial_lib.lock import only_writer
from tutorial_lib.networks.build import load_network
from tutorial_lib.papers.stages import prepared, run, stage_of, used_settings
from tutorial_lib.roles import Role
from tutorial_lib.schema import MANIFEST, TEXT, each
from tutorial_lib.settings import Settings, build_folder, device, differing, precision
from tutorial_lib.stage import Job
from tutorial_lib.training.loop import Progress

SAVE_EVERY = 50         # steps


def folder(settings: Settings) -> Path:
    """Where the networks of a scale and seed are made."""
    return build_folder() / "zoo" / f"{settings.name}-{settings.seed}"


class Workshop:
    """The networks of one style, each trained when it is first asked for, from those it needs.

    workshop[role] -> the network, frozen. Unfinished trainings go on from their checkpoint in `folder`/training. A
    finished one is kept as it would ship: STYLE-ROLE.safetensors in half precision (ROLE.safetensors where there is no
    style) and its manifest beside it, ending in .json; what is trained from it starts from exactly these weights.
    watch: called after every step of a training with the role's name and the `Progress`.
    Raises: TutorialError for an unknown role, for a network that is there but was made with other settings, and for
    one that another run is making.
    """

    def __init__(self, style: str | None, settings: Settings, folder: Path,
                 watch: Callable[[str, Progress], None] | None = None):
        self.style, self.settings, self.folder, self.watch = style, settings, folder, watch
        self.networks: dict[str, nn.Module] = {}
        self.rendered: dict[tuple, Sequence] = {}

    def __getitem__(self, name: str) -> nn.Module:
        if name not in self.networks:
            role = self.role(name)
            if role.once and self.settings.seed != 0:
                self.networks[name] = self.first()[name]
                return self.networks[name]
            path = self.path(name)
            finished = path.with_suffix(".json")
            if not finished.exists():
                with only_writer(path):
                    if not finished.exists():       # another run may have ended just now
                        self.make(role)
            self.check(role)
            self.networks[name] = load_network(path).to(device())
        return self.networks[name]

    def role(self, name: str) -> Role:
        if name not in papers.ROLES:
            raise TutorialError(f"Unknown role {name!r}; the roles are {', '.join(papers.ROLES)}.")
        return papers.ROLES[name]

    def first(self) -> "Workshop":
        """The workshop of seed 0, beside this one."""
        settings = self.settings.but(seed=0)
        return Workshop(self.style, settings, self.folder.with_name(folder(settings).name), self.watch)

    def path(self, name: str) -> Path:
        return self.folder / (f"{Path(self.style).stem}-{name}.safetensors" if self.style else f"{name}.safetensors")

    def job(self, role: Role) -> Job:
        """The training of a role, after the trainings that it needs."""
        recipe = role.recipe
        networks = {name: self[name] for name in recipe.needs}
        clips = partial(self.clips, make=stage_of(recipe).clips)
        return prepared(Job(recipe, recipe.settings(self.settings), networks, clips, recipe.scale(self.settings),
                            self.style, targets=self.folder / "targets"))

    def make(self, role: Role) -> None:
        """Trains a network and writes it with its manifest, the manifest last."""
        path, job = self.path(role.name), self.job(role)
        print(f"{path.stem}, seed {job.settings.seed}", flush=True)
        clock = self.folder / "training" / f"{path.stem}.minutes"
        started, before = time.monotonic(), float(clock.read_text()) if clock.exists() else 0.0

        def minutes() -> float:
            return before + (time.monotonic() - started) / 60

        def after_step(progress: Progress) -> None:
            if progress.step % SAVE_EVERY == 0:
                with atomic_path(clock) as temporary:
                    temporary.write_text(f"{minutes():.2f}")
            if self.watch is not None:
                self.watch(role.name, progress)

        network = run(job, path=self.folder / "training" / path.name, save_every=SAVE_EVERY,
                      about=styles.record(self.style), callback=after_step)
        checkpoint.save(path, network, {"network": network.configuration, "style": self.style}, dtype=torch.float16)
        write_json(path.with_suffix(".json"), self.manifest(role, job, network, round(minutes(), 1)))

    def manifest(self, role: Role, job: Job, network: nn.Module, minutes: float) -> dict:
        """What anybody needs to know, or to do, to come to the same network."""
        path, settings = self.path(role.name), job.settings
        asked = f"OFD_PRECISION={os.environ['OFD_PRECISION']} " if os.environ.get("OFD_PRECISION") else ""
        paper = papers.paper_of(role.name)
        which = f"--style {self.style} " if self.style else "" if paper.paints else f"--paper {paper.name} "
        return {
            "name": path.stem, "recipe": role.name, **styles.record(self.style), "network": network.configuration,
            "command": f"{asked}python data_scripts/train_zoo.py {which}--scale {settings.name} "
                       f"--seed {settings.seed} --only {role.name}",
            "made_from": {name: checkpoint.digest(needed) for name, needed in job.networks.items()},
            "stage": job.recipe.stage, **job.recipe.options,
            "settings": used_settings(job), "seed": settings.seed, "minutes": minutes,
            "hardware": f"{hardware()}, torch {torch.__version__}",
            "precision": "bfloat16" if precision(device()) else "float32",
            "sha256": sha256_of(path),
        }

    def clips(self, settings: Settings, make: Callable[[Settings], Sequence] = RenderedClips) -> Sequence:
        """The training clips, rendered once for all networks that are trained on the same ones."""
        clips = make(settings)
        return self.rendered.setdefault((type(clips), len(clips), clips.key(0)), clips)

    def check(self, role: Role) -> None:
        """Refuses a finished network that was made otherwise than it would be now."""
        path, job = self.path(role.name), self.job(role)
        kept = read_json(path.with_suffix(".json"), MANIFEST | {"made_from": each(TEXT)})
        others = differing(kept["settings"], used_settings(job))
        others += styles.differing(kept, styles.record(self.style))
        others += [name for name, needed in job.networks.items()
                   if kept["made_from"].get(name) != checkpoint.digest(needed)]
        if others:
            raise TutorialError(
                f"{path} was trained with another {', '.join(others)}; delete it and its .json to train it anew."
            )
