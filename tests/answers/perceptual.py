"""Notebook 1."""

import torch
import torch.nn.functional as F

from answers.answer import Answers


def flat(maps):
    return maps.flatten(2)


def gram(maps):
    return flat(maps) @ flat(maps).mT / (maps.shape[2] * maps.shape[3])


def gram_in_place(maps):
    maps -= 0.5
    return gram(maps)


def gram_pair_by_pair(maps):
    rows = [[(a * b).mean((1, 2)) for b in maps.unbind(1)] for a in maps.unbind(1)]
    return torch.stack([torch.stack(row, -1) for row in rows], 1)


def tap_style_loss(maps, style):
    return (gram(maps) - gram(style)).square().sum() / gram(style).square().sum()


def down(image):
    return image[:, :, 1:] - image[:, :, :-1]


def across(image):
    return image[:, :, :, 1:] - image[:, :, :, :-1]


ANSWERS = {
    "gram": Answers(
        wrong={
            "a sum": (lambda m: flat(m) @ flat(m).mT, "mean"),
            "divided by C*H*W": (lambda m: flat(m) @ flat(m).mT / m[0].numel(), "not by the number of all values"),
            "divided by N*C*H*W": (lambda m: flat(m) @ flat(m).mT / m.numel(), "whole batch"),
            "pixels with pixels": (lambda m: flat(m).mT @ flat(m) / m[0, 0].numel(), "maps with maps"),
            "over the batch": (lambda m: torch.einsum("nchw,ndhw->cd", m, m) / (m.numel() / m.shape[1]), "mixed"),
            "centred": (lambda m: gram(m - m.mean((2, 3), keepdim=True)), "centred"),
            "reshaped in the wrong order": (
                lambda m: gram(m.permute(0, 2, 3, 1).reshape(m.shape)), "in this order"),
            "diagonal only": (lambda m: torch.diag_embed(m.square().mean((2, 3))), "diagonal"),
            "diagonal only, in a row": (lambda m: m.square().mean((2, 3)), "diagonal"),
            "detached": (lambda m: gram(m).detach(), "gradient"),
            "copied into a new tensor": (lambda m: torch.tensor(gram(m).tolist()), r"torch\.tensor"),
            "in place": (gram_in_place, "changes what it was given"),
            "zeros": (lambda m: torch.zeros(m.shape[0], m.shape[1], m.shape[1]), "off by up to"),
        },
        right={
            "as a product of matrices": gram,
            "by einsum": lambda m: torch.einsum("nchw,ndhw->ncd", m, m) / m.shape[2] / m.shape[3],
            "pair by pair": gram_pair_by_pair,
        }),
    "tap_style_loss": Answers(
        wrong={
            "not relative": (lambda m, s: (gram(m) - gram(s)).square().sum(), "every tap weighs the same"),
            "a mean": (lambda m, s: F.mse_loss(gram(m), gram(s)), "divide by"),
            "relative to the painted": (lambda m, s: tap_style_loss(s, m), "not by the painted"),
            "not squared": (lambda m, s: (gram(m) - gram(s)).norm() / gram(s).norm(), "squared, both"),
            "absolute": (lambda m, s: (gram(m) - gram(s)).abs().sum() / gram(s).abs().sum(), "absolute"),
            "means of the maps": (
                lambda m, s: (m.mean((2, 3)) - s.mean((2, 3))).square().sum() / s.mean((2, 3)).square().sum(),
                "how bright"),
            "a sum of quotients": (
                lambda m, s: ((gram(m) - gram(s)).square() / gram(s).square()).sum(), "first the sums"),
            "a difference of norms": (
                lambda m, s: (gram(m).norm() ** 2 - gram(s).norm() ** 2) / gram(s).norm() ** 2, "subtract first"),
            "a float": (lambda m, s: tap_style_loss(m, s).item(), "item"),
            "a matrix": (lambda m, s: (gram(m) - gram(s)).square() / gram(s).square(), "shape"),
            "detached": (lambda m, s: tap_style_loss(m.detach(), s), "gradient"),
            "the sign, so that it cannot fall": (lambda m, s: -tap_style_loss(m, s), "is right, and yours"),
        },
        right={
            "by norms": lambda m, s: ((gram(m) - gram(s)).norm() / gram(s).norm()) ** 2,
            "by sums": tap_style_loss,
        }),
    "tv_loss": Answers(
        wrong={
            "down only": (lambda i: down(i).square().mean(), "to the right count"),
            "across only": (lambda i: across(i).square().mean(), "below count"),
            "absolute": (lambda i: down(i).abs().mean() + across(i).abs().mean(), "absolute"),
            "a sum": (lambda i: down(i).square().sum() + across(i).square().sum(), "larger picture"),
            "averaged": (lambda i: (down(i).square().mean() + across(i).square().mean()) / 2, "not averaged"),
            "not squared": (lambda i: down(i).mean() + across(i).mean(), "cancel"),
            "one mean of all": (
                lambda i: torch.cat([down(i).flatten(), across(i).flatten()]).square().mean(), "not one mean of all"),
            "cut to one size": (
                lambda i: (down(i)[..., :-1].square() + across(i)[..., :-1, :].square()).mean(), "left out"),
            "round the border": (
                lambda i: (i - i.roll(1, 2)).square().mean() + (i - i.roll(1, 3)).square().mean(), "no neighbours"),
            "a float": (lambda i: (down(i).square().mean() + across(i).square().mean()).item(), "gradient"),
        },
        right={
            "by slices": lambda i: down(i).square().mean() + across(i).square().mean(),
            "by diff": lambda i: i.diff(dim=2).pow(2).mean() + torch.diff(i, dim=3).pow(2).mean(),
            "by mse_loss": lambda i: F.mse_loss(i[:, :, 1:], i[:, :, :-1]) + F.mse_loss(i[..., 1:], i[..., :-1]),
        }),
}
