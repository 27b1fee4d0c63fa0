"""Notebook 2."""

import torch
import torch.nn.functional as F

from answers.answer import Answers
from tutorial_lib.flow.warp import pixel_grid, warp


def sampled(image, places, times=None, plus=-1, **options):
    """As in the course, with one thing changed."""
    height, width = image.shape[-2:]
    span = torch.tensor([width - 1, height - 1])
    times = 2 / span if times is None else times
    options = {"padding_mode": "border", "align_corners": True} | options
    return F.grid_sample(image, places.permute(0, 2, 3, 1) * times + plus, **options)


def pixels(flow):
    return pixel_grid(*flow.shape[-2:])


def span(image):
    return torch.tensor([image.shape[-1] - 1.0, image.shape[-2] - 1.0])


def warp_in_place(image, flow):
    flow += pixels(flow)
    return sampled(image, flow)


def reshaped(image, flow):
    places = pixels(flow) + flow
    n, _, h, w = places.shape
    return F.grid_sample(image, 2 * places.reshape(n, h, w, 2) / span(image) - 1, padding_mode="border",
                         align_corners=True)


def warp_pixel_by_pixel(image, flow):
    """Four neighbours and their weights, in loops."""
    n, _, height, width = image.shape
    result = torch.zeros_like(image)
    for i in range(n):
        for y in range(height):
            for x in range(width):
                a = min(max(x + float(flow[i, 0, y, x]), 0), width - 1)
                b = min(max(y + float(flow[i, 1, y, x]), 0), height - 1)
                left, top = min(int(a), width - 2), min(int(b), height - 2)
                u, v = a - left, b - top
                result[i, :, y, x] = (
                    (1 - u) * (1 - v) * image[i, :, top, left] + u * (1 - v) * image[i, :, top, left + 1]
                    + (1 - u) * v * image[i, :, top + 1, left] + u * v * image[i, :, top + 1, left + 1])
    return result


def warp_by_gather(image, flow):
    n, c, height, width = image.shape
    x, y = (pixels(flow) + flow).unbind(1)
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.floor().clamp(max=width - 2), y.floor().clamp(max=height - 2)

    def at(i, j):
        index = ((top + j) * width + left + i).long().flatten(1)[:, None].expand(n, c, -1)
        return image.flatten(2).gather(2, index).reshape(image.shape)

    u, v = (x - left)[:, None], (y - top)[:, None]
    return (1 - v) * ((1 - u) * at(0, 0) + u * at(1, 0)) + v * ((1 - u) * at(0, 1) + u * at(1, 1))


def warp_by_outer_edges(image, flow):
    """align_corners=False, with the places scaled as that wants them."""
    size = torch.tensor([image.shape[-1], image.shape[-2]])
    grid = (2 * (pixels(flow) + flow).permute(0, 2, 3, 1) + 1) / size - 1
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False)


def warp_by_affine_grid(image, flow):
    same = torch.eye(2, 3)[None].expand(len(image), 2, 3)
    grid = F.affine_grid(same, image.shape, align_corners=True) + 2 * flow.permute(0, 2, 3, 1) / span(image)
    return F.grid_sample(image, grid, padding_mode="border", align_corners=True)


def length(flow):
    return flow.norm(dim=1, keepdim=True)


def squared(flow):
    return flow.square().sum(1, keepdim=True)


def mean(values, mask):
    return (values * mask).sum() / mask.sum()


def home(flow, back):
    return (squared(flow + back) < 0.01 * (squared(flow) + squared(back)) + 0.5).float()


def home_by_components(flow, reverse):
    (u, v), (a, b) = flow.unbind(1), warp(reverse, flow).unbind(1)
    gap = (u + a) ** 2 + (v + b) ** 2
    return torch.where(gap >= 0.01 * (u**2 + v**2 + a**2 + b**2) + 0.5, 0.0, 1.0)[:, None]


def home_picture_by_picture(flow, reverse):
    verdicts = []
    for f, r in zip(flow.split(1), reverse.split(1), strict=True):
        way_back = warp(r, f)
        gap = torch.einsum("nchw,nchw->nhw", f + way_back, f + way_back)
        allowed = 0.01 * (f.norm(dim=1) ** 2 + way_back.norm(dim=1) ** 2) + 0.5
        verdicts.append(1 - (gap >= allowed).float())
    return torch.stack(verdicts)


def average_pixel_by_pixel(estimated, exact, mask):
    total = count = 0.0
    for n in range(len(mask)):
        for y in range(mask.shape[2]):
            for x in range(mask.shape[3]):
                if mask[n, 0, y, x] > 0:
                    u, v = (estimated - exact)[n, :, y, x].tolist()
                    total += (u * u + v * v) ** 0.5
                    count += 1
    return total / count


ANSWERS = {
    "warp": Answers(
        wrong={
            "the other sign": (lambda i, f: sampled(i, pixels(f) - f), "points the other way"),
            "x and y of the flow": (lambda i, f: sampled(i, pixels(f) + f.flip(1)), "flow\\[:, 0\\] goes to the right"),
            "y first in the grid": (
                lambda i, f: sampled(i, (pixels(f) + f).flip(1), 2 / span(i).flip(0)), r"wants \(x, y\)"),
            "the spans exchanged": (lambda i, f: sampled(i, pixels(f) + f, 2 / span(i).flip(0)), "in the span"),
            "the flow alone": (lambda i, f: sampled(i, f), "add its own place"),
            "in pixels": (lambda i, f: sampled(i, pixels(f) + f, 1, 0), "these are pixels"),
            "from 0 to 2": (lambda i, f: sampled(i, pixels(f) + f, plus=0), "subtract 1"),
            "from 0 to 1": (lambda i, f: sampled(i, pixels(f) + f, 1 / span(i), 0), "twice that"),
            "from -1 to 0": (lambda i, f: sampled(i, pixels(f) + f, 1 / span(i)), "twice that"),
            "the flow for a grid": (
                lambda i, f: F.grid_sample(i, f.permute(0, 2, 3, 1), align_corners=False), "the flow itself"),
            "the flow as a share of the picture": (
                lambda i, f: sampled(i, pixels(f) + f * span(i)[:, None, None] / 2), "both together"),
            "align_corners": (lambda i, f: sampled(i, pixels(f) + f, align_corners=False), "align_corners"),
            "in pixels, all by default": (
                lambda i, f: F.grid_sample(i, (pixels(f) + f).permute(0, 2, 3, 1), align_corners=False),
                "black beyond the border"),
            "no option at all": (
                lambda i, f: sampled(i, pixels(f) + f, align_corners=False, padding_mode="zeros"), "align_corners"),
            "W for W - 1, by default": (
                lambda i, f: sampled(i, pixels(f) + f, 2 / (span(i) + 1), align_corners=False, padding_mode="zeros"),
                "half a pixel"),
            "W for W - 1": (lambda i, f: sampled(i, pixels(f) + f, 2 / (span(i) + 1)), "W - 1 pixels, not W"),
            "black beyond the border": (lambda i, f: sampled(i, pixels(f) + f, padding_mode="zeros"), "black"),
            "mirrored beyond the border": (
                lambda i, f: sampled(i, pixels(f) + f, padding_mode="reflection"), "mirror"),
            "nearest": (lambda i, f: sampled(i, pixels(f) + f, mode="nearest"), "nearest one"),
            "reshaped": (reshaped, "permute"),
            "unmoved": (lambda i, f: i, "moved nothing"),
            "the first flow for all": (
                lambda i, f: sampled(i, (pixels(f) + f)[:1].expand_as(f)), "flow of its own"),
            "detached": (lambda i, f: warp(i, f).detach(), "gradient"),
            "in place": (warp_in_place, "changes what it was given"),
            "one channel": (lambda i, f: warp(i[:, :1], f), "shape"),
        },
        right={
            "by grid_sample": lambda i, f: sampled(i, pixels(f) + f),
            "in loops": lambda i, f: warp_by_gather(i, f) if i.requires_grad else warp_pixel_by_pixel(i, f),
            "by gather": warp_by_gather,
            "by outer edges": warp_by_outer_edges,
            "by affine_grid": warp_by_affine_grid,
        }),
    "end_point_error": Answers(
        wrong={
            "no mask": (lambda e, x, m: length(e - x).mean(), "leave those out"),
            "masked ones as perfect": (lambda e, x, m: (length(e - x) * m).mean(), "mask.sum()"),
            "the mask inverted": (lambda e, x, m: mean(length(e - x), 1 - m), "wrong way round"),
            "squared": (lambda e, x, m: mean(squared(e - x), m), "squared lengths"),
            "root of the mean square": (lambda e, x, m: mean(squared(e - x), m).sqrt(), "root first"),
            "round the corner": (lambda e, x, m: mean((e - x).abs().sum(1, keepdim=True), m), "round the corner"),
            "mean of the components": (lambda e, x, m: mean((e - x).abs().mean(1, keepdim=True), m), "averages"),
            "mean under the root": (
                lambda e, x, m: mean((e - x).square().mean(1, keepdim=True).sqrt(), m), "not averaged"),
            "difference of lengths": (lambda e, x, m: mean((length(e) - length(x)).abs(), m), "two lengths"),
            "a sum": (lambda e, x, m: (length(e - x) * m).sum(), "divide it by"),
            "one length for all": (lambda e, x, m: ((e - x) * m).norm(), "each pixel has its own"),
            "one length for all, by the count": (
                lambda e, x, m: ((e - x).norm() * m).sum() / m.sum(), "each pixel has its own"),
            "picture by picture": (
                lambda e, x, m: ((length(e - x) * m).sum((1, 2, 3)) / m.sum((1, 2, 3))).mean(),
                "averaged by itself"),
            "pictures paired with masks": (
                lambda e, x, m: ((e - x).norm(dim=1) * m).sum() / m.sum(), "keepdim"),
            "pictures paired, and a mean": (lambda e, x, m: ((e - x).norm(dim=1) * m).mean(), "divided by mask.sum"),
            "the 1-norm": (lambda e, x, m: ((e - x).norm(1) * m).sum() / m.sum(), "norm\\(dim=1\\)"),
            "a map": (lambda e, x, m: length(e - x), "scalar"),
            "a masked map": (lambda e, x, m: length(e - x) * m, "scalar"),
        },
        right={
            "by the masked sum": lambda e, x, m: mean(length(e - x), m),
            "by boolean indexing": lambda e, x, m: (e - x).norm(dim=1)[m[:, 0] > 0].mean(),
            "in loops": average_pixel_by_pixel,
            "by hypot": lambda e, x, m: mean(torch.hypot(*(e - x).split(1, 1)), m),
        }),
    "there_and_back": Answers(
        wrong={
            "1 where lost": (lambda f, r: 1 - home(f, warp(r, f)), "does not come home"),
            "not warped": (home, "starts where the way there ends"),
            "the wrong one warped": (lambda f, r: home(r, warp(f, r)), "wrong one is warped"),
            "the wrong one warped for the way back": (
                lambda f, r: home(f, warp(f, r)), "wrong one is warped"),
            "0.5 in the bracket": (
                lambda f, r: (squared(f + warp(r, f)) < 0.01 * (squared(f) + squared(warp(r, f)) + 0.5)).float(),
                "outside the bracket"),
            "the lengths not looked up": (
                lambda f, r: (squared(f + warp(r, f)) < 0.01 * (squared(f) + squared(r)) + 0.5).float(),
                "on the right side"),
            "looked up behind": (lambda f, r: home(f, warp(r, -f)), "p - f"),
            "the difference": (
                lambda f, r: (squared(f - warp(r, f)) < 0.01 * (squared(f) + squared(warp(r, f))) + 0.5).float(),
                "add up to 0"),
            "nothing squared": (
                lambda f, r: (length(f + warp(r, f)) < 0.01 * (length(f) + length(warp(r, f))) + 0.5).float(),
                "on both sides"),
            "the gap not squared": (
                lambda f, r: (length(f + warp(r, f)) < 0.01 * (squared(f) + squared(warp(r, f))) + 0.5).float(),
                "the gap is squared"),
            "without 0.5": (
                lambda f, r: (squared(f + warp(r, f)) < 0.01 * (squared(f) + squared(warp(r, f)))).float(), "0.5"),
            "without 0.01": (lambda f, r: (squared(f + warp(r, f)) < 0.5).float(), "0.01"),
            "one way only": (
                lambda f, r: (squared(f + warp(r, f)) < 0.01 * squared(f) + 0.5).float(), "both ways count"),
            "x and y cancel": (
                lambda f, r: ((f + warp(r, f)).sum(1, keepdim=True).square()
                              < 0.01 * (squared(f) + squared(warp(r, f))) + 0.5).float(), "cancel"),
            "means over x and y": (
                lambda f, r: (squared(f + warp(r, f)) / 2
                              < 0.01 * (squared(f) + squared(warp(r, f))) / 2 + 0.5).float(), "mean over x and y"),
            "a verdict each for x and y": (
                lambda f, r: ((f + warp(r, f)).square() < 0.01 * (f.square() + warp(r, f).square()) + 0.5).float(),
                "one verdict a pixel"),
            "both inverted": (
                lambda f, r: (f + warp(r, f)) ** 2 >= 0.01 * (f**2 + warp(r, f) ** 2) + 0.5, "who comes home"),
            "a dimension lost": (lambda f, r: home(f, warp(r, f))[:, 0], "keepdim"),
            "the gap itself": (lambda f, r: squared(f + warp(r, f)), "the gap itself"),
            "ones": (lambda f, r: torch.ones_like(f[:, :1]), "off by up to"),
        },
        right={
            "by sums": lambda f, r: home(f, warp(r, f)),
            "by components": home_by_components,
            "picture by picture": home_picture_by_picture,
            "as booleans": lambda f, r: home(f, warp(r, f)) > 0,
        }),
}
