"""PSNR and SSIM against scikit-image's, on the luma that MATLAB would make."""

import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from tutorial_lib.errors import TutorialError
from tutorial_lib.quality import compared, luma, psnr, ssim


@pytest.fixture
def videos(noise):
    truth = torch.nn.functional.interpolate(noise(2, 3, 9, 11), (37, 45), mode="bicubic").clamp(0, 1)
    return (truth + 0.1 * (noise(2, 3, 37, 45) - 0.5)).clamp(0, 1), truth


def test_luma_is_that_of_scikit_image(videos):
    for frame in videos[0]:
        known = rgb2ycbcr(frame.permute(1, 2, 0).double().numpy())[..., 0] / 255
        assert luma(frame[None].double())[0, 0].numpy() == pytest.approx(known, abs=1e-9)


@pytest.mark.parametrize("channels", ["Y", "RGB"])
@pytest.mark.parametrize("border", [0, 4])
def test_psnr_and_ssim_are_those_of_scikit_image(videos, channels, border):
    pair = compared(*videos, channels, border)
    assert pair[0].shape[-2:] == (37 - 2 * border, 45 - 2 * border)
    found = psnr(*pair), ssim(*pair)
    for n, (one, other) in enumerate(zip(*(part.permute(0, 2, 3, 1).numpy() for part in pair), strict=True)):
        assert found[0][n].item() == pytest.approx(peak_signal_noise_ratio(other, one, data_range=1), abs=1e-6)
        known = structural_similarity(other, one, data_range=1, gaussian_weights=True, sigma=1.5,
                                      use_sample_covariance=False, channel_axis=2)
        assert found[1][n].item() == pytest.approx(known, abs=1e-6)


def test_what_is_compared_is_what_a_file_would_hold(videos):
    video, truth = compared(videos[0] + 0.001, videos[1], "RGB")
    assert torch.equal((video * 255).round(), ((videos[0].double() + 0.001).clamp(0, 1) * 255).round())
    assert torch.equal(compared(truth, truth, "RGB")[0], truth)
    assert psnr(truth, truth).isinf().all() and ssim(truth, truth).tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize(("more", "message"), [
    (("YUV",), "taken on Y or in RGB, not 'YUV'"), (("Y", 19), "A border of 19 pixels leaves nothing"),
    (("Y", -1), "A border of -1"),
])
def test_what_cannot_be_compared_is_said(videos, more, message):
    with pytest.raises(TutorialError, match=message):
        compared(*videos, *more)
    with pytest.raises(TutorialError, match="differ in shape"):
        compared(videos[0], videos[1][..., 1:])
    with pytest.raises(TutorialError, match="a window of 11 pixels; these pictures have 45x10"):
        ssim(videos[0][..., :10, :], videos[1][..., :10, :])
