"""Notebook 9: the degradation BD, the attention map of L_SD and one step of a ConvLSTM."""

import torch
import torch.nn.functional as F

from tutorial_lib.checks.asking import Answer, Wrong, check, expect, expect_gradient, numbers
from tutorial_lib.losses import space_time


@check
def blur_and_keep(answer: Answer) -> None:
    """blur_and_keep(padded, row): (N, 3, H + 4, W + 4), (5,) -> (N, 3, H/4, W/4), blurred, every fourth pixel kept."""
    padded = numbers(2, 3, 8 + 4, 12 + 4)
    row = torch.tensor([0.1, 0.2, 0.4, 0.2, 0.1])
    plane = row[:, None] * row

    def filtered(weights: torch.Tensor) -> torch.Tensor:
        """Each colour by itself, without what is beyond the picture: (N, 3, H', W')."""
        return F.conv2d(padded.flatten(0, 1)[:, None], weights[None, None])[:, 0].unflatten(0, (2, 3))

    blurred, inner = filtered(plane), padded[..., 2:-2, 2:-2]
    right = blurred[..., ::4, ::4]
    expect(answer, (padded, row), right, {
        "nothing is blurred: this keeps every fourth pixel of the large picture, and what is finer than four pixels "
        "comes out as stripes that are not there.": (inner[..., ::4, ::4], padded[..., :-4:4, :-4:4]),
        "all of the blurred picture is left; keep every fourth pixel of both sides: [..., ::4, ::4], or stride=4.":
            blurred,
        "this is blurred along the rows alone; blur along the columns, too.":
            filtered(row[None])[..., 2:-2, :][..., ::4, ::4],
        "this is blurred along the columns alone; blur along the rows, too.":
            filtered(row[:, None])[..., 2:-2][..., ::4, ::4],
        "the mean of 4 x 4 pixels is another degradation (it is near to BI); here each pixel is weighted by `row`.":
            F.avg_pool2d(inner, 4),
        "the *first* of four pixels is kept in BD, and you keep the second.": blurred[..., 1::4, 1::4],
        "the *first* of four pixels is kept in BD, and you keep the third.": blurred[..., 2::4, 2::4],
        "the *first* of four pixels is kept in BD, and you keep the last.": blurred[..., 3::4, 3::4],
        "every second pixel is kept; the factor is four.": blurred[..., ::2, ::2],
        "every fourth row is kept, but every column.": blurred[..., ::4, :],
        "every fourth column is kept, but every row.": blurred[..., ::4],
        "the three colours are added up; each is blurred by itself (groups=3, or each colour as a picture of its own).":
            (right.sum(1, keepdim=True), right.sum(1, keepdim=True).expand_as(right)),
        "the three colours are mixed into one grey; each is blurred by itself.":
            (right.mean(1, keepdim=True), right.mean(1, keepdim=True).expand_as(right)),
        "the weights of the square are those of `row` times those of `row`, which add up to 1; yours are one row's, "
        "repeated, and add up to 5.": filtered(row.expand(5, 5))[..., ::4, ::4],
        "this is padded once more; the picture that is given has its border already.":
            F.conv2d(padded.flatten(0, 1)[:, None], plane[None, None], padding=2, stride=4)[:, 0].unflatten(0, (2, 3)),
    }, "two pictures of 8 x 12 pixels, with a border of 2")


@check
def attention_map(answer: Answer) -> None:
    """attention_map(features): (K, C, H, W) -> (K, 1, H, W), the sum of squares over the channels."""
    features = numbers(2, 3, 4, 5) - 0.4
    squares = features.square()
    right = space_time.attention_map(features)
    expect(answer, (features,), right, {
        "this is a sum without squares: a channel that says +1 and one that says -1 would say nothing together.":
            (features.sum(1, keepdim=True), features.sum(1)),
        "absolute values are another choice (Zagoruyko and Komodakis list it, too); the paper squares.":
            (features.abs().sum(1, keepdim=True), features.abs().sum(1)),
        "the largest channel is another choice; the paper adds up the squares of all of them.":
            (squares.amax(1, keepdim=True), features.abs().amax(1, keepdim=True), squares.amax(1)),
        "this is the mean over the channels; with the sum, what teacher and student say does not depend on the number "
        "of channels that stay silent.": (squares.mean(1, keepdim=True), squares.mean(1)),
        "this is the root of the sum; leave the root out.": (right.sqrt(), right.sqrt()[:, 0]),
        "add up after squaring, not before: signs cancel in a sum.":
            (features.sum(1, keepdim=True).square(), features.sum(1).square()),
        "the axis of the channels is gone; keep it with one entry: keepdim=True, (K, 1, H, W).": right[:, 0],
        "this adds up over the frames; the channels are the second axis: dim=1.":
            (squares.sum(0, keepdim=True), squares.sum(0)),
        "this adds up over the pixels; *where* a network is active is what the map says. The channels are dim=1.":
            (squares.sum((2, 3), keepdim=True), squares.sum((2, 3))),
        "this is one number; a map has one for each pixel.": squares.sum(),
        "these are the squares; add them up over the channels.": squares,
        "this is normalised, which is the second choice of this notebook; first without.":
            (space_time.attention_map(features, normalised=True), F.normalize(right.flatten(1)).view_as(right)),
        "this is a softmax: a map of shares. The paper's map keeps how much there is.":
            right.flatten(1).softmax(1).view_as(right),
    }, "two frames of 3 channels and 4 x 5 pixels")
    expect_gradient(answer, (features,), 0, "no gradient reaches the features, so a student could not learn from the "
                                            "map; leave out detach(), .item() and no_grad().")


@check
def lstm_step(answer: Answer) -> None:
    """lstm_step(i, f, o, g, cell): five tensors of one shape, before their sigmoid or tanh -> (h, the new cell)."""
    i, f, o, g, cell = given = tuple(4 * numbers(2, 3, 4, 5, seed=seed) - 2 for seed in range(5))

    def both(*arguments: torch.Tensor) -> torch.Tensor:
        result = answer(*arguments)
        if result is None:
            raise Wrong("the function returns nothing; does it end with `return`?")
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise Wrong("two tensors are wanted, h and the new cell: return h, cell.")
        if not all(isinstance(part, torch.Tensor) and part.shape == cell.shape for part in result):
            raise Wrong(f"both h and the new cell are tensors of the shape of what was given, {tuple(cell.shape)}.")
        return torch.stack(tuple(result))

    def made(new: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        return torch.stack((torch.sigmoid(o) * torch.tanh(new) if out is None else out, new))

    def gate(x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x)

    new = gate(f) * cell + gate(i) * torch.tanh(g)
    right = made(new)
    expect(both, given, right, {
        "h and the cell are exchanged: return h, cell.": right.flip(0),
        "the gates are numbers from 0 to 1: i, f and o go through a sigmoid first.":
            (made(f * cell + i * torch.tanh(g), o * torch.tanh(f * cell + i * torch.tanh(g))),
             made(f * cell + i * g, o * torch.tanh(f * cell + i * g))),
        "f and i are exchanged: f says how much of the old cell stays, i how much of the new comes in.":
            made(gate(i) * cell + gate(f) * torch.tanh(g)),
        "where is the old cell? Without it nothing is remembered.": made(gate(i) * torch.tanh(g)),
        "nothing new comes in: add sigmoid(i) * tanh(g).": made(gate(f) * cell),
        "all of the old cell stays: times sigmoid(f), or nothing is ever forgotten.":
            made(cell + gate(i) * torch.tanh(g)),
        "all of the new comes in: tanh(g) times sigmoid(i).": made(gate(f) * cell + torch.tanh(g)),
        "what comes in is tanh(g), a number from -1 to 1; yours has no tanh.": made(gate(f) * cell + gate(i) * g),
        "what comes in is tanh(g); through a sigmoid it could only ever add.":
            made(gate(f) * cell + gate(i) * gate(g)),
        "h comes from the *new* cell; yours is from the old one.": made(new, gate(o) * torch.tanh(cell)),
        "h is sigmoid(o) * tanh(cell); the tanh is missing.": made(new, gate(o) * new),
        "h is sigmoid(o) * tanh(cell); the output gate is missing.": made(new, torch.tanh(new)),
        "the output gate goes through a sigmoid as well.": made(new, o * torch.tanh(new)),
        "the output gate belongs to h alone; the cell itself goes on as it is.":
            (made(gate(o) * torch.tanh(new), gate(o) * torch.tanh(new)), made(gate(o) * new)),
        "what stays and what comes in have a gate each here; 1 - sigmoid(f) in the place of sigmoid(i) is another cell "
        "(the GRU's idea).": made(gate(f) * cell + (1 - gate(f)) * torch.tanh(g)),
    }, "two pictures of 3 channels and 4 x 5 pixels")
    for place, name in enumerate("ifog"):
        expect_gradient(both, given, place, f"no gradient reaches {name}, so the cell could learn nothing through it; "
                                            "leave out detach() and no_grad().")
    expect_gradient(both, given, 4, "no gradient reaches the old cell, so nothing could be learned from what came "
                                    "before; leave out detach().")
