import pytest
import torch

from tutorial_lib.errors import TutorialError
from tutorial_lib.losses.low_rank import (
    common_mask,
    low_rank_loss,
    nuclear_norm,
    rank_excess,
    singular_values,
    traceable_matrix,
)


@pytest.mark.parametrize("shape", [(5, 3000), (3, 48), (4, 5, 300)])
def test_nuclear_norm_agrees_with_the_svd(noise, shape):
    matrix = noise(*shape)
    expected = torch.linalg.svdvals(matrix.double()).sum(-1)
    assert torch.allclose(nuclear_norm(matrix).double(), expected, rtol=1e-6)


def test_small_singular_values_survive_the_squaring(noise):
    """Five nearly equal rows, as a steady clip gives: the tail is a thousandth of the first value."""
    matrix = noise(1, 4000).repeat(5, 1) + 1e-4 * noise(5, 4000)
    expected = torch.linalg.svdvals(matrix.double()).flip(-1)
    assert torch.allclose(singular_values(matrix), expected, rtol=1e-4)


def test_gradient_agrees_with_finite_differences(noise):
    matrix = (noise(4, 12) - 0.5).double().requires_grad_()
    assert torch.autograd.gradcheck(nuclear_norm, matrix, eps=1e-6, atol=1e-6)


def test_gradient_is_u_times_v(noise):
    """In theory the gradient of the nuclear norm is U V^T: an orthogonal matrix with the rows' directions."""
    matrix = noise(5, 200).double().requires_grad_()
    nuclear_norm(matrix).backward()
    u, _, vh = torch.linalg.svd(matrix.detach(), full_matrices=False)
    assert torch.allclose(matrix.grad, u @ vh, atol=1e-8)


@pytest.mark.parametrize("matrix", [torch.zeros(5, 60), torch.ones(5, 60), torch.eye(5, 60)])
def test_gradient_is_finite_where_singular_values_are_zero_or_equal(matrix):
    matrix = matrix.clone().requires_grad_()
    nuclear_norm(matrix).backward()
    assert torch.isfinite(matrix.grad).all()


def test_the_loss_is_zero_for_the_input_itself_and_grows_with_flicker(noise):
    frames = noise(1, 3, 16, 20).expand(5, -1, -1, -1)
    flows, masks = torch.zeros(5, 2, 16, 20), torch.ones(5, 1, 16, 20)
    steady = nuclear_norm(traceable_matrix(frames, flows, masks))
    assert low_rank_loss(steady, steady) == 0
    assert steady.item() == pytest.approx((5 * frames[0].square().sum()).sqrt().item(), rel=1e-4)   # rank one
    flicker = nuclear_norm(traceable_matrix(frames + 0.1 * noise(5, 3, 16, 20), flows, masks))
    assert flicker > 1.05 * steady


def test_rows_are_masked_frames_seen_from_the_reference(noise):
    frames, masks = noise(3, 3, 8, 10), (noise(3, 1, 8, 10) > 0.5).float()
    flows = torch.zeros(3, 2, 8, 10)
    flows[2, 0] = 1                                                   # the last frame's content moved right by 1
    matrix = traceable_matrix(frames, flows, masks)
    assert matrix.shape == (3, 240)
    assert torch.allclose(matrix[0], (frames[0] * masks[0]).flatten(), atol=1e-4)
    row = matrix[2].reshape(3, 8, 10)
    assert torch.allclose(row[..., :9], (frames[2] * masks[2].roll(1, -1)).roll(-1, -1)[..., :9], atol=1e-4)


def test_a_clip_with_too_few_flows_is_refused():
    with pytest.raises(TutorialError, match="5 frames, 4 flows"):
        traceable_matrix(torch.zeros(5, 3, 8, 8), torch.zeros(4, 2, 8, 8), torch.zeros(4, 1, 8, 8))


def test_the_excess_is_of_flicker_and_not_of_brightness_or_of_what_is_hidden(noise):
    still = noise(1, 3, 16, 20).repeat(5, 1, 1, 1)
    flows, masks = torch.zeros(5, 2, 16, 20), torch.ones(5, 1, 16, 20)
    masks[0, :, :4], masks[3, :, :, 9:] = 0, 0                 # two frames hide something each
    seen = common_mask(masks)
    assert seen.shape == masks.shape and torch.equal(seen[2], masks[0] * masks[3])

    def excess(frames, masks):
        return rank_excess(traceable_matrix(frames, flows, masks)).item()

    flickering = still + 0.1 * (noise(5, 3, 16, 20) - 0.5)
    assert excess(still, seen) == pytest.approx(0, abs=1e-3) and excess(still, masks) > 0.3
    assert excess(flickering, seen) > 0.05
    assert excess(0.4 * flickering, seen) == pytest.approx(excess(flickering, seen), rel=1e-4)
    different = rank_excess(torch.eye(5, 60)).item()
    assert different == pytest.approx(4, rel=1e-5)             # K - 1


@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_what_has_rank_one_has_no_second_singular_value_of_note_however_bright_it_is(noise, size):
    values = singular_values(size * noise(1, 300).repeat(5, 1))
    assert (values[:-1] < 2e-7 * values[-1]).all()


def test_the_excesses_of_several_matrices_are_those_of_each(noise):
    several = noise(3, 4, 50)
    assert torch.allclose(rank_excess(several), torch.stack([rank_excess(matrix) for matrix in several]))


def test_the_gradient_of_the_excess_is_finite_where_nothing_is_seen():
    frames = torch.rand(5, 60).requires_grad_()
    rank_excess(0 * frames).backward()
    assert torch.isfinite(frames.grad).all()


class OnAppleGpu(torch.Tensor):
    """A matrix on a device without float64, as far as one can be had without that device."""

    is_mps = True
    device = torch.device("meta")

    def cpu(self):
        return self.as_subclass(torch.Tensor)

    def double(self):
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64.")


class OnAnotherGpu(torch.Tensor):
    def cpu(self):
        raise AssertionError("it can be computed where it is")


def test_a_matrix_on_another_gpu_stays_there(noise):
    matrix = noise(5, 60)
    assert torch.allclose(singular_values(matrix.as_subclass(OnAnotherGpu)).as_subclass(torch.Tensor),
                          singular_values(matrix))


@pytest.mark.parametrize("measure", [nuclear_norm, rank_excess])
def test_a_matrix_on_an_apple_gpu_is_measured_by_the_processor(noise, measure, monkeypatch):
    there = noise(5, 60).as_subclass(OnAppleGpu)
    assert torch.allclose(singular_values(there), singular_values(there.cpu()))
    assert (measure(there).device.type, measure(there).dtype) == ("meta", torch.float32)     # and brought back
    monkeypatch.setattr(OnAppleGpu, "device", torch.device("cpu"))
    matrix, expected = there.clone().requires_grad_(), there.cpu().clone().requires_grad_()
    measure(matrix).backward()
    measure(expected).backward()
    assert torch.allclose(matrix.grad.cpu(), expected.grad)
