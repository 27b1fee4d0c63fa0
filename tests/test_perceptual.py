import pytest
import torch
from torch import nn

from tutorial_lib.losses.perceptual import PerceptualLoss, gram, tv_loss


class TwoTaps(nn.Module):
    """A perceptual network small enough to follow by hand: the picture itself, and its halves' averages."""

    content_tap = "half"

    def forward(self, image):
        return {"full": image, "half": nn.functional.avg_pool2d(image, 2)}


def test_gram_agrees_with_loops(noise):
    features = noise(2, 4, 5, 6)
    result = gram(features)
    for n in range(2):
        for i in range(4):
            for j in range(4):
                expected = sum(features[n, i, y, x] * features[n, j, y, x] for y in range(5) for x in range(6)) / 30
                assert result[n, i, j].item() == pytest.approx(expected.item(), rel=1e-5)


def test_every_term_is_zero_where_theory_says_zero(noise):
    picture = noise(1, 3, 16, 16)
    loss = PerceptualLoss(TwoTaps(), picture)
    terms = loss.terms(picture, picture)
    assert terms["content"] == 0
    assert terms["style"] == 0
    assert tv_loss(torch.full((1, 3, 8, 8), 0.3)) == 0
    # style does not see where things are: any shuffle of the pixels has the same Gram matrix at the first tap
    shuffled = picture.flatten(2)[..., torch.randperm(256)].reshape(1, 3, 16, 16)
    assert loss.style_error("full", shuffled).item() == pytest.approx(0, abs=1e-8)


def test_a_black_picture_has_a_style_loss_of_one_a_tap(noise):
    loss = PerceptualLoss(TwoTaps(), noise(1, 3, 16, 16))
    assert loss.terms(torch.zeros(2, 3, 16, 16), noise(2, 3, 16, 16))["style"].item() == pytest.approx(2)


def test_the_weights_compose_eq_1(noise):
    style, stylized, content = noise(3, 1, 3, 16, 16).unbind()
    loss = PerceptualLoss(TwoTaps(), style, content_weight=2, style_weight=3, tv_weight=5)
    terms = loss.terms(stylized, content)
    expected = 2 * terms["content"] + 3 * terms["style"] + 5 * terms["tv"]
    assert loss(stylized, content).item() == pytest.approx(expected.item())


def test_a_style_target_stands_in_for_its_picture(noise):
    style, stylized, content = noise(3, 1, 3, 16, 16).unbind()
    loss = PerceptualLoss(TwoTaps(), style)
    assert PerceptualLoss(TwoTaps(), loss.target)(stylized, content) == loss(stylized, content)


def test_the_style_moves_with_the_module(noise):
    style, stylized, content = noise(3, 1, 3, 16, 16).unbind()
    loss = PerceptualLoss(TwoTaps(), style)
    expected = loss(stylized, content).item()
    moved = loss.to(torch.float64)          # what .to("cuda") does, seen without a GPU
    assert all(matrix.dtype == torch.float64 for matrix in moved.target.grams.values())
    assert moved(stylized.double(), content.double()).item() == pytest.approx(expected, rel=1e-5)
