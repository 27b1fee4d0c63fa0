"""Notebook 2: warping, the end-point error, and the way there and back."""

import torch
import torch.nn.functional as F

from tutorial_lib.checks.asking import Answer, Wrong, check, expect, expect_gradient, numbers
from tutorial_lib.flow import warp as course
from tutorial_lib.flow.warp import pixel_grid


@check
def warp(answer: Answer) -> None:
    """warp(image, flow): (N, C, H, W) and (N, 2, H, W), in pixels -> (N, C, H, W)."""
    image, flow = numbers(2, 3, 8, 11), 2.8 * numbers(2, 2, 8, 11, seed=1) - 1.4
    height, width = image.shape[-2:]
    pixels = pixel_grid(height, width)
    span = torch.tensor([width - 1.0, height - 1.0])
    share = 2 / span      # of the way from -1 to 1, a pixel

    def looked_up(places: torch.Tensor, times: torch.Tensor | int = share, plus: int = -1, padding: str = "border",
                  mode: str = "bilinear", align: bool = True) -> torch.Tensor:
        """places: (N, 2, H, W), in pixels."""
        grid = places.permute(0, 2, 3, 1) * times + plus
        return F.grid_sample(image, grid, mode, padding, align)

    places = pixels + flow
    reshaped = F.grid_sample(image, 2 * places.reshape(2, height, width, 2) / span - 1,
                             padding_mode="border", align_corners=True)
    # First the middle of the picture, from where no flow of this example leads beyond the border. Otherwise who has not
    # seen to the border yet would make two mistakes at once, and neither would be recognised.
    mistakes = {
        "your flow points the other way: with -2 across everywhere, what was in column 1 has to come out in column 3. "
        "The pixel p is looked up at p + f(p).": looked_up(pixels - flow),
        "x and y are exchanged: flow[:, 0] goes to the right and is added to the column, flow[:, 1] goes down.":
            looked_up(pixels + flow.flip(1)),
        "grid_sample wants (x, y) in its last dimension, and yours has (y, x).":
            looked_up(places.flip(1), 2 / span.flip(0)),
        "x and y are exchanged in the span: x runs from 0 to W - 1 and y from 0 to H - 1.":
            looked_up(places, 2 / span.flip(0)),
        "this looks every pixel up at f(p) alone; add its own place p, which pixel_grid gives.": looked_up(flow + 0),
        "-1 is the centre of the first pixel and 1 that of the last: 2 * place / span runs from 0 to 2; subtract 1.":
            looked_up(places, plus=0),
        "the places are divided by their span alone; grid_sample wants -1..1, so twice that, minus 1.":
            (looked_up(places, 1 / span, 0), looked_up(places, 1 / span)),
        "this gives grid_sample the flow itself; it wants places: p + f(p), scaled to -1..1.":
            (looked_up(flow, 1, 0), looked_up(flow, 1, 0, "zeros", align=False)),
        "the flow is in pixels, and grid_sample counts half pictures: scale p + f(p) to -1..1, both together.":
            looked_up(pixels + flow * span[:, None, None] / 2),
        "grid_sample counts in -1..1, and these are pixels: 2 * place / span - 1.": looked_up(places, 1, 0),
        "grid_sample counts in -1..1, and these are pixels (and black beyond the border): 2 * place / span - 1.":
            looked_up(places, 1, 0, "zeros", align=False),
        "align_corners=True is missing: without it -1 is the outer edge of the first pixel, not its centre, and even "
        "a flow of 0 moves the picture.": looked_up(places, align=False),
        "from the first pixel's centre to the last one's it is W - 1 pixels, not W (and H - 1, not H).":
            looked_up(places, 2 / (span + 1)),
        "everything is half a pixel off: with align_corners=True, and W - 1 for W, -1 and 1 are the centres of the "
        "outermost pixels.": looked_up(places, 2 / (span + 1), align=False),
        "between pixels the four around are mixed, and yours takes the nearest one (mode=\"bilinear\").":
            looked_up(places, mode="nearest"),
        "the flow is (N, 2, H, W) and grid_sample wants (N, H, W, 2): permute its dimensions; a reshape or view mixes "
        "the values of different pixels.": reshaped,
        "this is the picture as it was; the flow has moved nothing.": image,
        "every picture of the batch has a flow of its own; yours takes the first one's for all.":
            looked_up(places[:1].expand_as(places)),
    }
    expect(middle(answer), (image, flow), middle(course.warp)(image, flow),
           {sentence: tuple(map(middle_of, wrong)) if isinstance(wrong, tuple) else middle_of(wrong)
            for sentence, wrong in mistakes.items()},
           "the middle of two pictures of 11 x 8 pixels, each with its flow")
    expect(answer, (image, flow), course.warp(image, flow), {
        "the middle is right. Beyond the border the nearest pixel counts, padding_mode=\"border\"; yours is black.":
            looked_up(places, padding="zeros"),
        "the middle is right. Beyond the border the nearest pixel counts, padding_mode=\"border\"; yours is a mirror.":
            looked_up(places, padding="reflection"),
    }, "two pictures of 11 x 8 pixels, each with its flow")
    expect_gradient(answer, (image, flow), 0, "no gradient reaches the picture, so no network could learn from what is "
                                              "warped; leave out detach(), .numpy() and no_grad().")


def middle_of(pictures: torch.Tensor) -> torch.Tensor:
    return pictures[..., 2:-2, 2:-2]


def middle(answer: Answer) -> Answer:
    """An answer without what lies within two pixels of the border."""

    def asked(image: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
        got = answer(image, flow)
        if not isinstance(got, torch.Tensor):
            return got
        if got.shape != image.shape:
            raise Wrong(f"what comes out has the picture's shape, {tuple(image.shape)}, and yours has "
                        f"{tuple(got.shape)}.")
        return middle_of(got)

    return asked


@check
def end_point_error(answer: Answer) -> None:
    """end_point_error(estimated, exact, mask): (N, 2, H, W) twice and (N, 1, H, W) -> a scalar, in pixels."""
    estimated, exact = 4 * numbers(2, 2, 4, 5), 3 * numbers(2, 2, 4, 5, seed=1)
    mask = (numbers(2, 1, 4, 5, seed=2) > 0.4).float()
    apart = estimated - exact
    length = apart.norm(dim=1, keepdim=True)
    count = mask.sum()

    paired = ("norm(dim=1) leaves (N, H, W), and times a mask (N, 1, H, W) that pairs every picture with every mask; "
              "keepdim=True keeps (N, 1, H, W).")

    def mean(values: torch.Tensor) -> torch.Tensor:
        return (values * mask).sum() / count

    expect(answer, (estimated, exact, mask), mean(length), {
        "this is the mean over all pixels; where the mask is 0 there is nothing to find, so leave those out.":
            length.mean(),
        "masked pixels count as perfect here: divide by mask.sum(), the number of pixels that count, and not by all.":
            (length * mask).mean(),
        "the mask is the wrong way round: 1 is a pixel that can be traced.": (length * (1 - mask)).sum() / (
            1 - mask).sum(),
        "these are squared lengths; the error is in pixels, so take the root of each.": mean(length.square()),
        "this is the root of the mean square; the mean of the lengths is wanted: the root first, then the mean.":
            mean(length.square()).sqrt(),
        "|u| + |v| is the way round the corner; the length of an arrow is the root of u² + v².":
            mean(apart.abs().sum(1, keepdim=True)),
        "this averages |u| and |v|; the length of an arrow is the root of u² + v².":
            mean(apart.abs().mean(1, keepdim=True)),
        "u² and v² are added under the root, not averaged.": mean(length / 2**0.5),
        "a difference of two lengths is not the length of the difference: two arrows of one length may point apart.":
            mean((estimated.norm(dim=1, keepdim=True) - exact.norm(dim=1, keepdim=True)).abs()),
        "this is the sum; divide it by the number of pixels that count.": (length * mask).sum(),
        "this is one length for all arrows together; each pixel has its own (dim=1), and they are averaged.":
            ((apart * mask).norm(), (apart * mask).norm() / count, apart.norm()),
        "each picture is averaged by itself here; all pixels that can be traced count alike: one sum, one count.":
            ((length * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))).mean(),
        paired: (length[:, 0] * mask).sum() / count,
        paired + " And it is to be divided by mask.sum().": (length[:, 0] * mask).mean(),
        "norm(1) is the sum of all absolute values, one number; norm(dim=1) is the length of the arrow of each pixel.":
            apart.abs().sum(),
        "a scalar is wanted, the mean of this map where the mask is 1.": length,
        "a scalar is wanted; average this map over the pixels where the mask is 1.": length * mask,
    }, "two flows of 5 x 4 pixels")


@check
def there_and_back(answer: Answer) -> None:
    """there_and_back(flow, reverse_flow): (N, 2, H, W) twice -> (N, 1, H, W), 1 = comes home."""
    # Both ways nearly close, by more and by less than is allowed; what the second flow has to say lies elsewhere.
    flow = 12 * F.interpolate(numbers(2, 2, 3, 4), (18, 24), mode="bilinear") - 6
    reverse = course.warp(-flow, -flow) + 2.4 * (numbers(2, 2, 18, 24, seed=1) - 0.5)
    back = course.warp(reverse, flow)

    def squared(arrows: torch.Tensor) -> torch.Tensor:
        return arrows.square().sum(1, keepdim=True)

    def home(gap: torch.Tensor, lengths: torch.Tensor, least: float = 0.5) -> torch.Tensor:
        return (gap < 0.01 * lengths + least).float()

    gap, lengths = squared(flow + back), squared(flow) + squared(back)
    other = course.warp(flow, reverse)
    right = home(gap, lengths)
    each = (flow + back).square() < 0.01 * (flow.square() + back.square()) + 0.5
    expect(answer, (flow, reverse), right, {
        "this is 1 where a pixel does not come home; a mask is 1 where a pixel can be traced.": 1 - right,
        "the way back starts where the way there ends: warp the reverse flow along the flow before you add the two.":
            home(squared(flow + reverse), squared(flow) + squared(reverse)),
        "the wrong one is warped: the way back has to be looked up where the flow leads, warp(reverse_flow, flow).":
            (home(squared(reverse + other), squared(reverse) + squared(other)),
             home(squared(flow + other), squared(flow) + squared(other))),
        "the reverse flow is looked up at p - f(p); where the flow leads is p + f(p).":
            home(squared(flow + course.warp(reverse, -flow)), squared(flow) + squared(course.warp(reverse, -flow))),
        "who comes home has gone there and back, and the two arrows add up to 0; yours takes their difference.":
            home(squared(flow - back), lengths),
        "the lengths are squared, on both sides.":
            home(gap.sqrt(), squared(flow).sqrt() + squared(back).sqrt()),
        "the gap is squared, as well as the lengths.": home(gap.sqrt(), lengths),
        "0.5 is missing: half a pixel off is not lost, even where nothing moves.": home(gap, lengths, 0.0),
        "0.01 of the squared lengths is missing: who goes far may miss by more.": home(gap, 0 * lengths),
        "0.5 stands alone, outside the bracket that 0.01 multiplies.": home(gap, lengths, 0.005),
        "on the right side, too, the way back is the one that was looked up where the flow leads.":
            home(gap, squared(flow) + squared(reverse)),
        "both ways count in what is allowed: |f|² and that of the way back.": home(gap, squared(flow)),
        "square first, then add over x and y; yours adds x and y first, so that they can cancel.":
            home((flow + back).sum(1, keepdim=True).square(), lengths),
        "this takes the mean over x and y; |f|² is their sum.":
            home(gap / 2, lengths / 2),
        "one verdict a pixel is wanted, (N, 1, H, W): add x and y up, |f|² = u² + v².": each.float(),
        "one verdict a pixel is wanted, (N, 1, H, W): add x and y up, |f|² = u² + v². And 1 is for who comes home.":
            1 - each.float(),
        "keep the dimension that you add up over (keepdim=True): a mask is (N, 1, H, W).": right[:, 0],
        "this is the gap itself; a mask says 1 where it is smaller than what is allowed, and 0 elsewhere.": gap,
    }, "two pairs of flows of 24 x 18 pixels")
