import numpy
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tutorial_lib.data.images import write_image
from tutorial_lib.data.styles import load_style
from tutorial_lib.errors import TutorialError
from tutorial_lib.losses import perceptual
from tutorial_lib.losses.perceptual import PerceptualLoss, gram, tv_loss
from tutorial_lib.networks.features import VGG16Features, load_features
from tutorial_lib.settings import scale


class TwoTaps(nn.Module):
    """A perceptual network small enough to follow by hand: the picture itself, and its halves' averages."""

    content_tap = "half"

    def forward(self, image, until=None):
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


def test_total_variation_is_of_neighbours_below_and_beside(noise):
    image = noise(2, 3, 6, 7)
    down, right = (numpy.diff(image.numpy(), axis=axis) for axis in (2, 3))
    assert tv_loss(image).item() == pytest.approx((down ** 2).mean() + (right ** 2).mean(), rel=1e-5)
    assert tv_loss(image.transpose(2, 3)).item() == pytest.approx(tv_loss(image).item())
    rows = torch.arange(8.0)[:, None].expand(1, 3, 8, 8)              # a row differs from the next by 1
    assert tv_loss(rows) == tv_loss(rows.transpose(2, 3)) == 1


def test_content_is_measured_by_the_power_of_the_style_at_its_tap(noise):
    style, stylized, content = noise(3, 1, 3, 16, 16).unbind()
    half = [TwoTaps()(image)["half"] for image in (4 * style, stylized, content)]
    terms = PerceptualLoss(TwoTaps(), 4 * style).terms(stylized, content)
    expected = (half[1] - half[2]).square().mean() / half[0].square().mean()
    assert terms["content"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_original_is_looked_at_no_deeper_than_content_is(noise, monkeypatch):
    asked = []
    seen = TwoTaps.forward
    monkeypatch.setattr(TwoTaps, "forward", lambda self, *args, until=None: asked.append(until) or seen(self, *args))
    loss = PerceptualLoss(TwoTaps(), noise(1, 3, 16, 16))
    asked.clear()
    loss.content_of(noise(1, 3, 16, 16))
    assert asked == ["half"]


def test_a_loss_keeps_nothing_of_a_style_in_a_checkpoint(noise):
    assert not PerceptualLoss(TwoTaps(), noise(1, 3, 16, 16)).state_dict()


def test_a_loss_by_the_settings_has_their_weights_and_their_size_of_style(noise, tmp_path):
    write_image(picture := tmp_path / "style.png", noise(1, 3, 90, 90))
    features, settings = load_features("compact"), scale("smoke")
    settings = settings.but(content_weight=2.0, style_weight=3.0, tv_weight=5.0, style_size=64)
    loss = perceptual.perceptual_loss(features, picture, settings)
    assert loss.weights == {"content": 2, "style": 3, "tv": 5}
    target = PerceptualLoss(features, load_style(picture, 64)).target
    assert all(torch.equal(matrix, target.grams[name]) for name, matrix in loss.target.grams.items())
    assert not torch.equal(loss.content_power, PerceptualLoss(features, load_style(picture, 90)).content_power)
    usual = PerceptualLoss(features, loss.target)      # without settings, all but the smoothing counts alike
    assert usual.weights["content"] == usual.weights["style"] == 1 and 0 < usual.weights["tv"] < 0.01


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


def test_a_style_without_its_picture_is_kept_by_its_gram_matrices(noise, tmp_path, monkeypatch):
    monkeypatch.setattr(perceptual, "KEPT", tmp_path)
    features, settings = load_features("compact"), scale("smoke")
    stylized, content = noise(2, 1, 3, 32, 32).unbind()
    picture = PerceptualLoss(features, noise(1, 3, 40, 40))
    loud = PerceptualLoss(features, noise(1, 3, 40, 40))
    loud.gram_tap1 *= 1e6                                    # more than half precision holds
    perceptual.write_target("loud", features, loud.target, 40)
    kept = perceptual.kept_target("loud", features, 40)
    assert torch.allclose(kept.grams["tap1"], loud.gram_tap1, rtol=2e-3, atol=1e3)
    perceptual.write_target("night", features, picture.target, settings.style_size)
    kept = perceptual.perceptual_loss(features, "night", settings).terms(stylized, content)
    for name, value in picture.terms(stylized, content).items():
        assert kept[name].item() == pytest.approx(value.item(), rel=2e-3)     # kept in half precision
    with pytest.raises(TutorialError, match=r"kept as 512-compact only .*, not as 512-vgg16"):
        perceptual.perceptual_loss(VGG16Features(), "night", settings)
    with pytest.raises(TutorialError, match="not as 1536-compact"):
        perceptual.perceptual_loss(features, "night", settings.but(style_size=1536))
    with pytest.raises(TutorialError, match="neither a picture file nor a style"):
        perceptual.perceptual_loss(features, "day", settings)
    write_image(tmp_path / "night.png", noise(1, 3, 40, 40))      # a path is a picture, whatever its name
    assert perceptual.perceptual_loss(features, str(tmp_path / "night.png"), settings).terms(stylized, content)


@pytest.mark.parametrize("damage", [
    {"gram.tap1": torch.zeros(1, 2, 3)}, {"content_power": None}, {"other": torch.ones(2)},
    {"largest.tap1": torch.tensor(float("nan"))}, {"content_power": torch.ones(2)}])
def test_a_kept_style_that_is_damaged_is_refused(damage, tmp_path, monkeypatch):
    monkeypatch.setattr(perceptual, "KEPT", tmp_path)
    whole = {"gram.tap1": torch.ones(1, 3, 3), "largest.tap1": torch.ones(()), "content_power": torch.ones(())}
    features = load_features("compact")
    save_file(whole, tmp_path / "night-64-compact.safetensors")
    assert perceptual.kept_target("night", features, 64).grams["tap1"].shape == (1, 3, 3)
    kept = {name: value for name, value in (whole | damage).items() if value is not None}
    save_file(kept, tmp_path / "night-64-compact.safetensors")
    with pytest.raises(TutorialError, match=r"night-64-compact\.safetensors is damaged"):
        perceptual.kept_target("night", features, 64)
    (tmp_path / "night-64-compact.safetensors").write_bytes(b"half")
    with pytest.raises(TutorialError, match="missing or damaged"):
        perceptual.kept_target("night", features, 64)


def test_every_kept_style_scores_a_picture_without_style_as_such(noise):
    """A style loss of about 1 a tap is no style at all; a target that was read wrongly gives anything else."""
    features = load_features("compact")
    kept = [path.stem.split("-") for path in perceptual.KEPT.glob("*-compact.safetensors")]
    assert {size for name, size, _ in kept if name == "starry_night"} == {"512", "1536"}
    for name, size, _ in kept:
        loss = perceptual.perceptual_loss(features, name, scale("laptop").but(style_size=int(size)))
        grey = torch.full((1, 3, 64, 64), 0.5)
        assert 2 < loss.terms(grey, grey)["style"].item() < 6
