"""What a check is made of: it calls a reader's function on a small example and says what is wrong in one sentence."""

import functools
from collections.abc import Callable, Mapping

import numpy as np
import torch

Answer = Callable[..., torch.Tensor]
SHOWN = 12      # numbers that a sentence may hold


class Wrong(AssertionError):
    """What is wrong with an answer, and where to look. A notebook shows the sentence alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:     # IPython asks an exception for this
        return [f"Not yet: {self}"]


def check(ask: Callable[[Answer], None]) -> Callable[[Answer], None]:
    """Makes a check of a function that raises Wrong: it prints a line when the answer is right.

    The check is called with the reader's function. What that function itself raises, a stub's NotImplementedError among
    it, comes through as it is.
    """

    @functools.wraps(ask)
    def asked(answer: Answer) -> None:
        if not callable(answer):
            raise Wrong(f"give the function itself, without calling it: checks.{ask.__name__}({ask.__name__}).")
        with torch.random.fork_rng(devices=[]):
            ask(answer)
        print(f"{ask.__name__}: right.")

    return asked


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Numbers in [0, 1) for an example, the same each time."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def expect(
    answer: Answer, given: tuple, right: torch.Tensor, mistakes: Mapping[str, torch.Tensor | tuple[torch.Tensor, ...]],
    about: str, tolerance: float = 1e-4,
) -> None:
    """Raises Wrong unless answer(*given) is `right`.

    mistakes: {what a known mistake is, in a sentence: what it leads to, or several that it may lead to}. about: the
    example, in a few words.
    tolerance: the largest difference, relative to the largest number of `right`.
    """
    copies = tuple(part.clone() if isinstance(part, torch.Tensor) else part for part in given)
    got = answer(*copies)
    if got is None:
        raise Wrong("the function returns nothing; does it end with `return`?")
    if isinstance(got, float | int | np.number) and right.dim() == 0:
        got = torch.tensor(float(got))
    if not isinstance(got, torch.Tensor):
        raise Wrong(f"a tensor is wanted, and this is a {type(got).__name__}.")
    if got.is_complex():
        raise Wrong("real numbers are wanted, and these are complex (torch.linalg.eigvalsh, with h, gives real ones).")
    for copy, part in zip(copies, given, strict=True):
        if isinstance(part, torch.Tensor) and not torch.equal(copy, part):
            raise Wrong("the function changes what it was given (by += or [...] =); make a new tensor.")
    if close(got, right, tolerance):
        return
    for sentence, values in mistakes.items():
        if any(close(got, value, tolerance) for value in (values if isinstance(values, tuple) else (values,))):
            raise Wrong(sentence)
    if got.shape != right.shape:
        raise Wrong(f"for {about} the shape is {tuple(right.shape)}, and yours is {tuple(got.shape)}.")
    if not torch.isfinite(got).all():
        raise Wrong(f"for {about} some of it is infinite or no number at all.")
    raise Wrong(f"for {about}, {_apart(got.detach(), right)}.")


def expect_gradient(answer: Answer, given: tuple, to: int, sentence: str) -> None:
    """Raises Wrong with the sentence unless the gradient of answer(*given) reaches the argument number `to`."""
    copies = [part.clone() if isinstance(part, torch.Tensor) else part for part in given]
    copies[to] = copies[to].requires_grad_(True)
    result = answer(*copies)
    if not getattr(result, "requires_grad", False):
        raise Wrong(sentence)
    slope, = torch.autograd.grad(result.sum(), copies[to], allow_unused=True)
    if slope is None or not slope.any():
        raise Wrong(sentence)


def close(got: torch.Tensor, wanted: torch.Tensor, tolerance: float = 1e-4) -> bool:
    """Equal in shape, and in value up to `tolerance` of the largest number."""
    if got.shape != wanted.shape or got.is_complex():
        return False
    largest = float(wanted.abs().max()) if wanted.numel() else 0.0
    return torch.allclose(got.detach().double(), wanted.double(), rtol=0, atol=tolerance * max(largest, 1e-6))


def _apart(got: torch.Tensor, right: torch.Tensor) -> str:
    if right.numel() <= SHOWN:
        return f"{_rounded(right)} is right, and yours is {_rounded(got)}"
    off = (got.double() - right.double()).abs()
    place = tuple(int(index) for index in torch.unravel_index(off.argmax(), off.shape))
    return (f"yours is off by up to {float(off.max()):.3g}: at {list(place)} it is {float(got[place]):.4g} "
            f"and should be {float(right[place]):.4g}")


def _rounded(tensor: torch.Tensor) -> object:
    def rounded(value: object) -> object:
        return [rounded(part) for part in value] if isinstance(value, list) else float(f"{value:.4g}")

    return rounded(tensor.tolist())
