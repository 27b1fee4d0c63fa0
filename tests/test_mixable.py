"""What a page without a kernel mixes and paints with: files that hold what the zoo and its mixtures are made of."""

import json

import numpy as np
import pytest
import torch

from tutorial_lib import engines, mixable, zoo
from tutorial_lib.lambdas import POCKETS, Between, Lambdas, lab_roles
from tutorial_lib.mixtures import Axis, task_vector
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.papers.ofd.roles import AXES

pytest.importorskip("onnx")

ROW = {"e_stab": 0.4, "style": 0.2, "content": 0.5}
RECORD = {"style": "mosaic", "origin": ROW, "zoo": {},
          "slopes": {"style_weight": 7.0, "content_weight": 4.4, "lambda_temp": 1.0},
          "weights": {"lambda_temp": 40.0, "style_weight": 2.2, "content_weight": 1.5},
          "axes": {"temp": {"0.1": ROW, "1": ROW}, "style": {"0.5": ROW, "2": ROW}}}


class Tiny(Lambdas):
    @property
    def presets(self):
        return {"off": {}, "steady": {"temp": 1.0}}


@pytest.fixture(scope="module")
def lab():
    start, *ends = (Pocket(8, 1).eval() for _ in range(5))
    vectors = [task_vector(end, start) for end in ends]
    axes = {"temp": Axis({1.0: vectors[1], 0.1: vectors[0]}), "style": Axis({0.5: vectors[2], 2.0: vectors[3]}, 1.0)}
    return Tiny(RECORD, axes, start, {"temp": "lambda_temp", "style": "style_weight"})


def read(path):
    """What a page makes of the files: its .json, the weights as (networks, numbers), and both check pictures."""
    about = json.loads(path.read_text())
    raw = (path.parent / about["weights"]).read_bytes()
    numbers = sum(int(np.prod(shape)) for _, shape in about["parameters"])
    networks = 1 + sum(len(axis["trained"]) for axis in about["axes"].values())
    shape = about["check"]["height"], about["check"]["width"], 3
    weights = np.frombuffer(raw, "<f2", networks * numbers).reshape(networks, numbers)
    pictures = np.frombuffer(raw, np.uint8, offset=weights.nbytes).reshape(2, *shape)
    return about, weights, pictures


@pytest.fixture(scope="module")
def files(lab, tmp_path_factory):
    frame = torch.rand(1, 3, 90, 160, generator=torch.Generator().manual_seed(1))
    return read(mixable.write(lab, tmp_path_factory.mktemp("files"), frame)), frame


def flat(weights):
    return torch.cat([value.flatten() for value in weights.values()]).numpy()


def test_the_weights_come_back_as_they_were_in_half_precision(files, lab):
    (about, weights, _), _ = files
    wanted = [lab.start.state_dict(), *(lab.axes[key].trained[end]
              for key, ends in (("temp", (0.1, 1.0)), ("style", (0.5, 2.0))) for end in ends)]
    assert [axis["trained"] for axis in about["axes"].values()] == [[0.1, 1.0], [0.5, 2.0]]
    assert len(weights) == len(wanted) == 5
    for row, network in zip(weights, wanted, strict=True):
        assert np.array_equal(row, flat(network).astype(np.float16))
    assert about["parameters"] == [[name, [*value.shape]] for name, value in lab.start.state_dict().items()]


def test_the_json_says_what_the_lab_says(files, lab):
    (about, _, _), _ = files
    axis = about["axes"]["temp"]
    first, second = (flat(lab.axes["temp"].trained[end]) for end in (0.1, 1.0))
    wanted = [[first @ first, first @ second], [second @ first, second @ second]]
    assert np.allclose(axis.pop("dots"), wanted, rtol=1e-4)
    assert axis == {"words": mixable.WORDS["temp"], "setting": "lambda_temp", "origin": 0.0, "unit": 40.0,
                    "trained": [0.1, 1.0]}
    assert about["axes"]["style"]["origin"] == 1.0 and about["axes"]["style"]["unit"] == 2.2
    assert about["presets"] == {"off": {}, "steady": {"temp": 1.0}}
    assert about["rises"] == {"style": pytest.approx(0.7)}          # 2.2 x 7 of 2.2 x 7 + 1.5 x 4.4
    assert about["scores"] == {"origin": ROW, "axes": RECORD["axes"]} and about["honesty"] is None


def test_the_check_is_pytorchs_picture_of_a_mixture_of_everything(files, lab):
    (about, _, (shown, painted)), frame = files
    assert about["check"]["strengths"] == {"temp": 0.5, "style": 1.0}
    picture = torch.from_numpy(shown.copy()).permute(2, 0, 1)[None] / 255
    assert abs(picture.mean() - frame.mean()) < 0.01
    with torch.inference_mode():
        wanted = lab.network(about["check"]["strengths"])(picture)
    assert engines.decibels(torch.from_numpy(painted.copy()).permute(2, 0, 1)[None] / 255, wanted) > 55


def test_the_graph_paints_with_any_weights_that_it_is_given(lab, noise):
    onnxruntime = pytest.importorskip("onnxruntime")
    graph = engines.to_onnx_without_weights(lab.start)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    assert [put.name for put in session.get_inputs()] == ["frame", *lab.start.state_dict()]
    for strengths, size in (({"temp": 1.0}, (48, 64)), ({"temp": 0.3, "style": 1.5}, (47, 65)), ({}, (16, 18))):
        network, frame = lab.network(strengths), noise(1, 3, *size)
        given = {name: value.numpy() for name, value in network.state_dict().items()}
        painted, = session.run(None, {"frame": frame.numpy(), **given})
        assert engines.decibels(torch.from_numpy(painted), network(frame)) > 90


# --- what the zoo has ---


def test_without_a_lab_of_its_own_a_style_has_the_axes_between_its_pockets(tmp_path):
    lab = Between.of("mosaic")
    about, networks, _ = read(mixable.write(lab, tmp_path, torch.rand(1, 3, 90, 160)))
    assert about["style"] == "mosaic" and about["scores"] is None and about["presets"] == lab.presets
    for n, key in enumerate(("ours", "temp"), 1):
        assert about["axes"][key]["trained"] == [1.0] and about["axes"][key]["words"] == mixable.WORDS[key]
        ends = {name: [lab.record["weights"][name], lab.at({key: 1.0})[name]] for name in lab.record["weights"]}
        assert about["axes"][key]["moves"] == {name: pair for name, pair in ends.items() if pair[0] != pair[1]}
        vector = task_vector(zoo.load(f"mosaic-pocket-{key}"), lab.start)
        assert np.array_equal(networks[n], flat(vector).astype(np.float16))


def test_only_styles_with_pockets_have_a_page(monkeypatch):
    pockets = [f"{style}-{part}" for style in ("mosaic", "waves") for part in POCKETS.values()]
    there = [*pockets[:-1], "candy-student-ours"]
    monkeypatch.setattr(zoo, "names", lambda: there)
    monkeypatch.setattr(zoo, "styles", lambda: ["mosaic", "waves", "candy", "rare"])
    assert mixable.styles() == ["mosaic"]
    monkeypatch.setattr("tutorial_lib.mixable.record_of", lambda style: style == "rare")
    assert mixable.styles() == ["mosaic", "rare"]


def test_where_a_lab_was_trained_and_measured_its_axes_come_by_themselves(monkeypatch, tmp_path):
    rows = {key: {f"{end:g}": ROW for end in axis.strengths} for key, axis in AXES.items()}
    weights = dict.fromkeys(("lambda_res", "lambda_temp", "lambda_rank", "style_weight"), 7.0)
    (tmp_path / "rare-lab.json").write_text(json.dumps({**RECORD, "style": "rare", "axes": rows, "weights": weights}))
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    for name in lab_roles():
        (tmp_path / f"rare-{name}.safetensors").touch()
    lab = Lambdas.shipped("rare", lambda name: Pocket(8, 1))
    assert {key: axis.strengths for key, axis in lab.axes.items()} == {
        key: sorted({*axis.strengths, axis.origin}) for key, axis in AXES.items()}
    about, networks, _ = read(mixable.write(lab, tmp_path, torch.rand(1, 3, 90, 160)))
    assert len(networks) == 17 and about["scores"]["axes"] == rows
    del about["axes"]["rank"]["dots"]
    assert about["axes"]["rank"] == {"words": mixable.WORDS["rank"], "setting": "lambda_rank", "origin": 0.0,
                                     "unit": 7.0, "trained": [0.3, 1.0, 3.0, 6.0]}
    for strengths in about["presets"].values():          # none beyond what was trained
        lab.network(strengths)
