import pytest
import torch

from tutorial_lib import checkpoint
from tutorial_lib.errors import TutorialError
from tutorial_lib.flow.occlusion import erode
from tutorial_lib.flow.warp import warp
from tutorial_lib.networks.build import build, load_network
from tutorial_lib.networks.layers import MEAN_COLOUR, StyleNetwork
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.networks.student import Student
from tutorial_lib.networks.teacher import Teacher, roll_out


def parameters(network) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_papers_sizes():
    assert parameters(Student(48, 4)) == 3_098_307
    # 1.68 M for three channels in; the four of the past add 4 * 32 * 81
    assert parameters(Teacher(32, 5)) == 1_679_235 + 4 * 32 * 81


@pytest.mark.parametrize("size", [(16, 16), (17, 33), (18, 31), (40, 64)])
def test_any_size_from_16_pixels_comes_out_as_it_went_in(noise, size):
    frame = noise(2, 3, *size)
    for network in (Student(4, 1), Teacher(4, 1), Pocket(4, 1), Pocket(4, 1, separable=True)):
        output = network(frame)
        assert output.shape == frame.shape
        assert output.min() > 0
        assert output.max() < 1


def test_too_small_a_picture_is_refused():
    for network in (Student(4, 1), Pocket(4, 1)):
        with pytest.raises(ValueError, match="16 pixels"):
            network(torch.zeros(1, 3, 15, 40))


def test_the_pocket_student_has_the_layers_it_says():
    def by_hand(width: int, blocks: int) -> int:
        def layer(inputs: int, outputs: int, norm: bool = True) -> int:
            return 9 * inputs * outputs + outputs + 2 * outputs * norm

        return (layer(48, width) + 2 * blocks * layer(width, width) + layer(width, 32) + layer(32, 12, norm=False))

    assert parameters(Pocket(48, 5)) == by_hand(48, 5) == 247_068
    assert parameters(Pocket(32, 5)) == by_hand(32, 5)
    assert parameters(Pocket(64, 5, separable=True)) < parameters(Pocket(32, 5))


def test_the_pocket_student_sees_colours_about_their_mean(noise):
    """A constant colour is folded into 48 equal thirds; only the difference from the mean colour gets in."""
    network, seen = Pocket(4, 1), []
    network.first.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    network(torch.tensor(MEAN_COLOUR)[None, :, None, None].expand(1, 3, 16, 20))
    assert seen[0].shape == (1, 48, 4, 5) and seen[0].abs().max() < 1e-6


def test_the_pocket_student_moves_with_its_input_by_whole_folds(noise):
    """By four pixels and nothing else changes, away from the edges and but for the statistics of the norms."""
    network, picture = Pocket(8, 1).eval(), noise(1, 3, 32, 72)
    for module in network.modules():
        if isinstance(module, torch.nn.InstanceNorm2d):
            module.forward = lambda x: x
    left, right = network(picture[..., :-4]), network(picture[..., 4:])
    torch.testing.assert_close(left[..., 28:-24], right[..., 24:-28], atol=1e-5, rtol=0)
    assert (left[..., 27:-25] - right[..., 24:-28]).abs().max() > 1e-3


def test_the_teacher_sees_its_past_only_where_the_mask_lets_it(noise):
    teacher, frame, past = Teacher(4, 1), noise(1, 3, 20, 20), noise(1, 3, 20, 20)
    nothing, everything = torch.zeros(1, 1, 20, 20), torch.ones(1, 1, 20, 20)
    assert torch.equal(teacher(frame), teacher(frame, past, nothing))
    assert not torch.allclose(teacher(frame), teacher(frame, past, everything), atol=1e-3)
    # the mean colour under a mask of 0 and under a mask of 1 differ by the mask channel alone
    mean = torch.tensor(MEAN_COLOUR)[None, :, None, None].expand(1, 3, 20, 20)
    assert torch.equal(teacher(frame, mean, nothing), teacher(frame))


def test_roll_out_hands_each_frame_the_one_before(noise):
    teacher, frames = Teacher(4, 1), noise(3, 3, 20, 24)
    flows, masks = noise(2, 2, 20, 24), (noise(2, 1, 20, 24) > 0.1).float()
    expected = [teacher(frames[:1])]
    for t in (1, 2):
        past = warp(expected[-1], flows[t - 1:t])
        expected.append(teacher(frames[t:t + 1], past, erode(masks[t - 1:t])))
    assert torch.equal(roll_out(teacher, frames, flows, masks), torch.cat(expected))


def test_a_network_comes_back_from_its_file(noise, tmp_path):
    teacher = Teacher(4, 1, uses_flow=False)
    path = tmp_path / "teacher.safetensors"
    checkpoint.save(path, teacher, {"network": teacher.configuration})
    loaded = load_network(path)
    frame = noise(1, 3, 16, 16)
    assert torch.equal(loaded(frame), teacher(frame))
    assert not loaded.uses_flow
    assert not any(p.requires_grad for p in loaded.parameters())


def test_unknown_kinds_are_named():
    with pytest.raises(TutorialError, match=r"'transformer'.*student, pocket, teacher"):
        build({"kind": "transformer"})


def test_pictures_are_float32_also_under_autocast(noise):
    frame = noise(1, 3, 20, 24)
    with torch.autocast("cpu", torch.bfloat16):
        assert Student(4, 1)(frame).dtype == torch.float32


def test_the_smooth_student_follows_a_shift_more_closely(noise):
    """Inside the picture, a picture shifted by one pixel should give the answer shifted by one pixel."""
    picture = torch.nn.functional.interpolate(noise(1, 3, 12, 12), size=(64, 64), mode="bicubic").clamp(0, 1)

    def error(smooth: bool) -> float:
        torch.manual_seed(0)
        network = Student(8, 1, smooth).eval()
        a, b = network(picture), network(picture.roll(1, 3))
        inside = (slice(None), slice(None), slice(20, -20), slice(20, -20))
        return (a.roll(1, 3) - b)[inside].square().mean().item()

    assert error(smooth=True) < 0.5 * error(smooth=False)


def test_the_smooth_student_has_as_many_weights_and_comes_back(noise, tmp_path):
    smooth, frame = Student(4, 1, smooth=True).eval(), noise(1, 3, 19, 22)
    assert parameters(smooth) == parameters(Student(4, 1))
    assert smooth(frame).shape == frame.shape
    checkpoint.save(tmp_path / "a.safetensors", smooth, {"network": smooth.configuration})
    assert torch.equal(load_network(tmp_path / "a.safetensors")(frame), smooth(frame))


def test_what_is_added_for_a_multiple_of_four_is_mirrored(noise):
    network = StyleNetwork(3, 4, 1).eval()
    picture = noise(1, 3, 22, 25)
    mirrored = torch.nn.functional.pad(picture, (0, 3, 0, 2), mode="reflect")
    with torch.no_grad():
        torch.testing.assert_close(network(picture), network(mirrored)[..., :22, :25])
