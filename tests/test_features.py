import pytest
import torch
from safetensors.torch import save_file

from tutorial_lib.data.photographs import load_photograph
from tutorial_lib.errors import TutorialError
from tutorial_lib.files import sha256_of
from tutorial_lib.networks import features
from tutorial_lib.networks.features import COMPACT_FILE, CompactFeatures, VGG16Features, load_features
from tutorial_lib.settings import scale


def test_the_shipped_network_is_small_frozen_and_sees(noise):
    assert COMPACT_FILE.stat().st_size < 2e6
    network = load_features("compact")
    assert not any(p.requires_grad for p in network.parameters())
    taps = network(load_photograph("chelsea"))
    assert list(taps) == ["tap1", "tap2", "tap3", "tap4"]
    for tap in taps.values():
        assert 0.1 < tap.square().mean() < 10            # unit power on photographs
        assert 0.05 < (tap > 0).float().mean() < 0.95    # neither dead nor linear


def test_from_16_pixels_up(noise):
    for network in (CompactFeatures("squeezenet"), CompactFeatures("vgg16")):
        assert all(tap.numel() for tap in network(noise(1, 3, 16, 17)).values())


def test_the_plans_have_their_teachers_strides_and_widths(noise):
    image = noise(1, 3, 64, 64)
    vgg = [(t.shape[1], t.shape[-1]) for t in VGG16Features()(image).values()]
    assert vgg == [(64, 64), (128, 32), (256, 16), (512, 8)]
    assert [(t.shape[1], t.shape[-1]) for t in CompactFeatures("vgg16")(image).values()] == vgg


def test_vgg16_reads_the_published_names(noise, tmp_path, monkeypatch):
    """The published file's keys and shapes, filled with noise: what a download would give."""
    published = {f"features.{i}.{part}": value for i, layer in VGG16Features().features.items()
                 for part, value in layer.state_dict().items()} | {"classifier.0.weight": noise(2, 2)}
    path = tmp_path / "vgg16-397923af.pth"
    torch.save(published, path)
    monkeypatch.setenv("OFD_CACHE", str(tmp_path))
    monkeypatch.setattr(features, "VGG16_BYTES", path.stat().st_size)
    monkeypatch.setattr(features, "VGG16_SHA256", sha256_of(path))
    taps = load_features("vgg16")(noise(1, 3, 32, 32))
    assert list(taps) == ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]


@pytest.mark.parametrize(("network", "deviations"), [
    (VGG16Features(), (0.229, 0.224, 0.225)), (CompactFeatures("vgg16"), (0.225, 0.225, 0.225)),
    (CompactFeatures("squeezenet"), (0.225, 0.225, 0.225))], ids=["vgg16", "compact", "compact-squeezenet"])
def test_a_perceptual_network_sees_colours_as_it_was_trained_to(network, deviations, noise):
    """ImageNet's mean colour is zero to it, and its deviation one: whatever its weights, at its first layer."""
    image, seen = noise(2, 3, 32, 32), []
    first = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
    handle = first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(image)
    handle.remove()
    for channel, (mean, deviation) in enumerate(zip((0.485, 0.456, 0.406), deviations, strict=True)):
        assert torch.allclose(seen[0][:, channel], (image[:, channel] - mean) / deviation, atol=1e-5)


def test_a_kept_vgg16_that_was_changed_since_is_refused_and_hashed_once_a_process(tmp_path, monkeypatch):
    path, hashed = tmp_path / "vgg16-397923af.pth", []
    monkeypatch.setenv("OFD_CACHE", str(tmp_path))
    monkeypatch.setattr(features, "VGG16_BYTES", 4)
    monkeypatch.setattr(features, "sha256_of", lambda file: hashed.append(file) or sha256_of(file))
    for content, hashes in ((b"cut", 0), (b"good", 1)):         # of another size: refused without reading it
        path.write_bytes(content)
        with pytest.raises(TutorialError, match="delete it, and it is downloaded again"):
            load_features("vgg16")
        assert len(hashed) == hashes
    monkeypatch.setattr(features, "VGG16_SHA256", sha256_of(path))
    monkeypatch.setattr(torch, "load", lambda *_, **__: VGG16Features().state_dict())
    for _ in range(2):
        load_features("vgg16")
    assert len(hashed) == 2


def test_squeezenets_published_form_is_read(noise, tmp_path):
    tensors, inputs = {"conv1.weight": noise(96, 3, 7, 7), "conv1.bias": noise(96)}, 96
    for n, (squeeze, expand) in zip(range(2, 8), [(16, 64)] * 2 + [(32, 128)] * 2 + [(48, 192)] * 2, strict=True):
        for name, (out, into, size) in {"squeeze": (squeeze, inputs, 1), "expand1x1": (expand, squeeze, 1),
                                        "expand3x3": (expand, squeeze, 3)}.items():
            tensors[f"fire{n}.{name}.weight"] = noise(out, into, size, size) - 0.5
            tensors[f"fire{n}.{name}.bias"] = noise(out)
        inputs = 2 * expand
    save_file(tensors, tmp_path / "s.safetensors")
    image = noise(1, 3, 40, 40)
    tap = load_features(tmp_path / "s.safetensors")(image)["tap1"]
    caffe = (image.flip(1) * 255 - torch.tensor([104.0, 117, 123])[None, :, None, None])
    expected = torch.conv2d(caffe, tensors["conv1.weight"], tensors["conv1.bias"], 2).relu()
    assert torch.allclose(tap, expected, rtol=1e-4, atol=1e-2)


def test_unknown_names_and_files_of_another_kind(tmp_path):
    with pytest.raises(TutorialError, match="give compact, vgg16 or an existing file"):
        load_features("resnet")
    (tmp_path / "a.safetensors").write_bytes(b"no")
    with pytest.raises(TutorialError, match="not a safetensors file"):
        load_features(tmp_path / "a.safetensors")


@pytest.mark.parametrize("name", ["colab", "paper"])
def test_the_large_scales_need_no_download_where_compact_is_asked_for(name, monkeypatch):
    def download(*_, **__):
        raise ConnectionError

    monkeypatch.setattr(features, "download", download)
    with pytest.raises(ConnectionError):
        load_features(scale(name).features)
    monkeypatch.setenv("OFD_FEATURES", "compact")
    assert load_features(scale(name).features).configuration["kind"] == "compact"


def test_without_a_network_the_way_out_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("OFD_CACHE", str(tmp_path))
    monkeypatch.setattr(features, "VGG16_ADDRESS", "http://127.0.0.1:9/vgg16.pth")
    with pytest.raises(TutorialError, match="compact, which needs no network"):
        load_features("vgg16")
