"""Notebook 6."""

import torch
import torch.nn.functional as F

from answers.answer import Answers
from tutorial_lib.flow.warp import warp


def matrix(frames, flows, masks):
    return (masks * warp(frames, flows)).flatten(1)


def matrix_by_loops(frames, flows, masks):
    rows = []
    for frame, flow, mask in zip(frames, flows, masks, strict=True):
        rows.append((mask * warp(frame[None], flow[None])[0]).reshape(-1))
    return torch.stack(rows)


def matrix_pixel_by_pixel(frames, flows, masks):
    return torch.einsum("kchw,kahw->khwc", warp(frames, flows), masks).reshape(len(frames), -1)


def matrix_in_place(frames, flows, masks):
    frames[:] = warp(frames, flows) * masks
    return frames.flatten(1)


def gammas(X, guard=1e-12):
    X = X.double()
    return torch.linalg.eigvalsh(X @ X.T).clamp_min(guard).sqrt()


def norm(X):
    return gammas(X).sum()


def without_guard(X):
    X = X.double()
    return torch.linalg.eigvalsh(X @ X.T).clamp_min(0).sqrt().sum()


def without_clamp(X):
    X = X.double()
    return torch.linalg.eigvalsh(X @ X.T).sqrt().sum()


def in_float32(X):
    return torch.linalg.eigvalsh(X @ X.T).clamp_min(1e-12).sqrt().sum()


def with_threshold(X):
    eigenvalues = torch.linalg.eigvalsh(X @ X.T)
    return torch.where(eigenvalues > 1e-5 * eigenvalues[-1], eigenvalues, torch.tensor(1e-30)).sqrt().sum()


def by_large_gram(X):
    X = X.double()
    return torch.linalg.eigvalsh(X.T @ X).clamp_min(1e-30).sqrt().sum()


def svd(X):
    return torch.linalg.svdvals(X)


ANSWERS = {
    "traceable_matrix": Answers(
        wrong={
            "no masks": (lambda x, f, m: warp(x, f).flatten(1), "masks are not used"),
            "masked before it was warped": (lambda x, f, m: warp(m * x, f).flatten(1), "warp first"),
            "the flow's sign": (lambda x, f, m: matrix(x, -f, m), "points the other way"),
            "x and y exchanged": (lambda x, f, m: matrix(x, f[:, [1, 0]], m), "exchanged"),
            "not warped": (lambda x, f, m: (m * x).flatten(1), "motion is still in it"),
            "a common mask": (lambda x, f, m: matrix(x, f, m.prod(0, keepdim=True)), "mask of its own"),
            "the mask upside down": (lambda x, f, m: matrix(x, f, 1 - m), "upside down"),
            "on its side": (lambda x, f, m: matrix(x, f, m).T, "on its side"),
            "read across the frames": (
                lambda x, f, m: matrix(x, f, m).T.reshape(len(x), -1), "across the frames"),
            "one row": (lambda x, f, m: matrix(x, f, m).flatten(), "one long row"),
            "grey": (lambda x, f, m: (m * warp(x, f)).mean(1).flatten(1), "averaged"),
            "pictures": (lambda x, f, m: m * warp(x, f), "still pictures"),
            "columns left out": (
                lambda x, f, m: warp(x, f)[:, :, m.min(0).values[0] == 1].flatten(1), "left out"),
            "in place": (matrix_in_place, "changes what it was given"),
            "detached": (lambda x, f, m: matrix(x, f, m).detach(), "gradient"),
        },
        right={"at once": matrix, "frame by frame": matrix_by_loops, "the colours last": matrix_pixel_by_pixel}),
    "nuclear_norm": Answers(
        wrong={
            "no root": (lambda X: torch.linalg.eigvalsh(X @ X.T).sum(), "take their roots"),
            "Frobenius": (lambda X: X.norm(), "Frobenius"),
            "the largest": (lambda X: gammas(X)[-1], "largest singular value alone"),
            "the smallest": (lambda X: gammas(X)[0], "smallest"),
            "a mean": (lambda X: gammas(X).mean(), "mean"),
            "all but the first": (lambda X: gammas(X)[:-1].sum(), "left out"),
            "the rank": (lambda X: torch.linalg.matrix_rank(X).float(), "rank"),
            "not summed": (gammas, "their sum is wanted"),
            "all entries": (lambda X: X.abs().sum(), "absolute values"),
            "an SVD": (lambda X: svd(X).sum(), "40 columns was taken apart"),
            "PyTorch's own norm": (lambda X: torch.linalg.matrix_norm(X.double(), "nuc"), "40 columns"),
            "the large Gram matrix": (by_large_gram, "40 columns"),
            "eigenvalues of any matrix": (lambda X: torch.linalg.eigvals(X @ X.T).sqrt().sum(), "complex"),
            "no gradient": (lambda X: norm(X).item(), "gradient"),
            "no guard": (without_guard, "no slope at zero|no number"),
            "no clamp": (without_clamp, "no number"),
            "float32": (in_float32, "rounding"),
            "a guard that a black clip has not": (
                lambda X: (lambda e: e.clamp_min(1e-14 * e[-1].item()).sqrt().sum())(
                    torch.linalg.eigvalsh(X.double() @ X.double().mT)), "A part of the largest eigenvalue"),
            "a large guard": (lambda X: gammas(X, 0.01).sum(), "guard too large"),
            "a threshold in float32": (with_threshold, "drown"),
        },
        right={
            "by eigenvalues": norm,
            "by eigh, in float32 again": lambda X: (
                torch.linalg.eigh(torch.einsum("kl,ml->km", X.double(), X.double()))[0] + 1e-13
            ).clamp_min(1e-13).sqrt().sum().float(),
            "a guard that is relative": lambda X: (lambda e: e.clamp(min=1e-14 * e.max().item() + 1e-300).sqrt().sum())(
                torch.linalg.eigvalsh(X.double() @ X.double().mT)),
        }),
    "rank_loss": Answers(
        wrong={
            "a difference": (lambda wanted, y: norm(wanted) - norm(y), "fall for ever"),
            "the other difference": (lambda wanted, y: norm(y) - norm(wanted), "to be squared"),
            "absolute": (lambda wanted, y: (norm(wanted) - norm(y)).abs(), "without its sign"),
            "the norm of the difference": (lambda wanted, y: norm(wanted - y), "difference of their norms"),
            "its square": (lambda wanted, y: norm(wanted - y) ** 2, "squared difference of their norms"),
            "value by value": (lambda wanted, y: (svd(wanted) - svd(y)).square().sum(), "one by one"),
            "value by value, a mean": (lambda wanted, y: F.mse_loss(svd(wanted), svd(y)), "one by one"),
            "squares of the norms": (lambda wanted, y: norm(wanted) ** 2 - norm(y) ** 2, "not the two norms"),
            "entry by entry": (lambda wanted, y: F.mse_loss(wanted, y), "entry by entry"),
            "the ranks": (
                lambda wanted, y: (torch.linalg.matrix_rank(wanted) - torch.linalg.matrix_rank(y)).float() ** 2,
                "the ranks"),
            "Frobenius": (lambda wanted, y: (wanted.norm() - y.norm()) ** 2, "Frobenius"),
            "relative": (lambda wanted, y: (1 - norm(y) / norm(wanted)) ** 2, "not relative"),
            "from above only": (lambda wanted, y: (norm(y) - norm(wanted)).relu() ** 2, "norms above"),
            "from below only": (lambda wanted, y: (norm(wanted) - norm(y)).relu() ** 2, "norms below"),
            "detached": (lambda wanted, y: (norm(wanted) - norm(y.detach())) ** 2, "gradient reaches the painted"),
        },
        right={
            "by the norms": lambda wanted, y: (norm(wanted) - norm(y)).square(),
            "by mse_loss": lambda wanted, y: F.mse_loss(norm(y), norm(wanted)),
            "by an SVD": lambda wanted, y: (svd(wanted).sum() - svd(y).sum()) ** 2,
        }),
}
