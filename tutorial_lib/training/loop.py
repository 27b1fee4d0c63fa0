"""The one training loop: a step, a check, a checkpoint, a callback. Every stage is a loss that is passed to it."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from tutorial_lib import checkpoint
from tutorial_lib.data import styles
from tutorial_lib.errors import TutorialError
from tutorial_lib.lock import only_writer
from tutorial_lib.settings import Settings, differing

Terms = dict[str, torch.Tensor]
"""The named, unweighted terms of a loss. "total" is what is minimised."""


class NonFiniteLossError(TutorialError):
    """A term of the loss became NaN or infinite."""


@dataclass(frozen=True)
class Progress:
    """What a callback sees after each step."""

    step: int                  # steps done
    steps: int                 # steps in all
    terms: dict[str, float]    # the loss of this step, term by term


Callback = Callable[[Progress], None]


def learning_rate(settings: Settings, peak: float, step: int, decay_every: int) -> float:
    """Starts at `peak`, is divided by `decay` every `decay_every` steps, not below `floor`.

    Without the floor the paper's schedule ends at 7e-7 after 20,000 steps, which trains nothing.
    """
    return max(settings.floor, peak / settings.decay ** (step // decay_every))


def generator(seed: int, n: int) -> torch.Generator:
    """The random numbers of the n-th training sample: known from n alone, so a resumed training needs only n."""
    return torch.Generator().manual_seed((seed * 1_000_003 + n) % 2**63)


def train(
    network: nn.Module,
    loss: Callable[[int], Terms],
    steps: int,
    rate: Callable[[int], float],
    name: str,
    about: dict,
    path: str | Path | None = None,
    save_every: int = 100,
    callback: Callback | None = None,
    bar: bool = True,
    precision: torch.dtype | None = None,
    averaging: float = 0.0,
) -> list[dict[str, float]]:
    """Minimises `loss(step)["total"]` over the network's parameters with Adam; returns the terms of every step.

    loss: called with the number of the step, so that the n-th sample depends on n alone.
    rate: the learning rate of a step.
    about: what tells this training from others, as JSON can hold it, with the settings under "scale" and what
    `styles.record` says.
    path: the checkpoint. If it exists, training goes on from its step, and weights and terms at the end are those of an
    uninterrupted run; it must be about the same training. It is written every `save_every` steps and at the end, and
    by one run at a time.
    precision: torch.bfloat16 or torch.float16 for `torch.autocast`; None for float32.
    averaging: the network ends with the moving average of its weights, after every step averaging * average +
    (1 - averaging) * weights; 0 for the weights of the last step.
    Raises: NonFiniteLossError, naming the term, before such a loss touches the weights; the last checkpoint
    stays. TutorialError when the checkpoint is of another architecture or another training, or another run is writing
    it.
    """
    with nullcontext() if path is None else only_writer(path):
        device = next(network.parameters()).device
        optimiser = torch.optim.Adam((p for p in network.parameters() if p.requires_grad), lr=rate(0))
        average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(averaging)) if averaging else None
        start = 0
        history: list[dict[str, float]] = []
        if path is not None and Path(path).exists():
            saved = checkpoint.read(path)
            _check_same(saved, about)
            checkpoint.restore(saved, network, optimiser, average)
            start, history = saved.step, saved.terms()
            if start > steps:
                raise TutorialError(f"{path} has {start} steps already, more than the {steps} asked for.")
        network.train()
        with tqdm(total=steps, initial=min(start, steps), desc=name, disable=not bar) as progress:
            for step in range(start, steps):
                for group in optimiser.param_groups:
                    group["lr"] = rate(step)
                optimiser.zero_grad(set_to_none=True)
                with torch.autocast(device.type, precision, enabled=precision is not None):
                    terms = loss(step)
                values = {term: value.item() for term, value in terms.items()}
                _check_finite(values, step, path)
                terms["total"].backward()
                # A loss can be finite and its slope not, as at the root of zero. One sum, so that a GPU waits once.
                slopes = torch.stack([p.grad.sum() for p in network.parameters() if p.grad is not None])
                _check_finite({"gradient": slopes.abs().sum().item()}, step, path)
                optimiser.step()
                if average is not None:
                    average.update_parameters(network)
                history.append(values)
                if path is not None and ((step + 1) % save_every == 0 or step + 1 == steps):
                    # A checkpoint of an older version had no terms; then they stay unknown.
                    known = history if len(history) == step + 1 else ()
                    checkpoint.save(path, network, about, step + 1, optimiser, average=average, history=known)
                progress.set_postfix_str(f"loss {values['total']:.4g}", refresh=False)
                progress.update()
                if callback is not None:
                    callback(Progress(step + 1, steps, values))
        if average is not None:
            network.load_state_dict(average.module.state_dict())
        network.eval()
        return history


def _check_finite(values: dict[str, float], step: int, path: str | Path | None) -> None:
    # "total" is the sum of the others, so it is only blamed when no single term is at fault.
    for term in sorted(values, key=lambda name: name == "total"):
        if not math.isfinite(values[term]):
            saved = path is not None and Path(path).exists()
            kept = f"the checkpoint {path} keeps the last good ones" if saved else "nothing was overwritten"
            raise NonFiniteLossError(
                f"The term {term!r} of the loss became {values[term]} at step {step}: {kept}; "
                "a smaller learning rate or a smaller lambda usually helps."
            )


def _check_same(saved: checkpoint.Checkpoint, about: dict) -> None:
    others = differing(saved.about.get("scale", {}), about.get("scale", {}))
    others += styles.differing(saved.about, about)
    others += [key for key in about if key not in ("scale", "style", "picture") and saved.about.get(key) != about[key]]
    if others:
        raise TutorialError(
            f"{saved.path} was trained with another {', '.join(sorted(others))}; "
            "give the same settings to go on with it, or another file to start anew."
        )
