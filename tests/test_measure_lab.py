"""The script that judges and ships the lambda lab's networks, on networks whose mixtures are known."""

import json
import sys

import pytest
import torch
from scripts import loaded
from test_data_scripts import SCRIPTS

from tutorial_lib import checkpoint, zoo
from tutorial_lib.errors import TutorialError
from tutorial_lib.lambdas import Lambdas, lab_roles
from tutorial_lib.mixtures import Axis, mix, moved
from tutorial_lib.networks.pocket import Pocket
from tutorial_lib.networks.teacher import Teacher
from tutorial_lib.papers.ofd.roles import AXES, LAB, drawn

SETTINGS = {"name": "smoke", "style_weight": 1.0, "content_weight": 2.0, "tv_weight": 0.3, "lambda_res": 0.0,
            "lambda_temp": 0.0, "lambda_rank": 0.0}
ONE = {"lambda_res": 100.0, "lambda_temp": 40.0, "lambda_rank": 1e-4, "style_weight": 1.0}
JUDGES = [name for name in LAB if "judge" in name]


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A workshop where everything is finished, and each judge is exactly what is mixed at its strengths."""
    folder = tmp_path / "zoo" / "smoke-0"
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    # How a lambda weighs beside Eq. 1 hangs on slopes that the script measures only later.
    monkeypatch.setattr(Lambdas, "effective", lambda self, strengths: dict(strengths))

    def save(role, network, **settings):
        path = folder / f"mosaic-{role}.safetensors"
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint.save(path, network, {"network": network.configuration, "style": "mosaic"}, dtype=torch.float16)
        manifest = {"style": "mosaic", "seed": 0, "settings": {**SETTINGS, **settings}}
        path.with_suffix(".json").write_text(json.dumps(manifest))

    torch.manual_seed(3)
    start = Pocket(8, 1)
    for role, network in (("pocket-plain", Pocket(8, 1)), ("screen-teacher-flow", Teacher(8, 1)),
                          ("screen-teacher-plain", Teacher(8, 1, uses_flow=False)), ("lab-start", start)):
        save(role, network)
    axes = {}
    for key, axis in AXES.items():
        vector = {name: 0.05 * torch.randn(value.shape) for name, value in start.state_dict().items()}
        ends = {strength: {name: strength**0.3 * part for name, part in vector.items()} for strength in axis.strengths}
        axes[key] = Axis(ends, axis.origin)
        for strength, change in ends.items():
            save(f"lab-{key}-x{strength:g}", moved(start, (1.0, change)),
                 **{axis.setting: strength * ONE[axis.setting]})
    for role, point in zip(JUDGES, drawn(), strict=True):
        save(role, mix(start, axes, point))
    return folder, save


def measured(monkeypatch, tmp_path):
    output = tmp_path / "lab.json"
    arguments = ("--scale", "smoke", "--count", 1, "--frames", 3, "--output", output, "--ship", tmp_path / "ships")
    monkeypatch.setattr(sys, "argv", ["measure_lab.py", *map(str, arguments)])
    script = loaded("measure_lab")
    script.main()
    return script, json.loads(output.read_text()), output.with_suffix(".txt").read_text()


def test_mixtures_that_are_what_is_trained_hold_and_ship(trained, monkeypatch, tmp_path):
    script, report, text = measured(monkeypatch, tmp_path)
    honesty, ships = report["honesty"], tmp_path / "ships"
    assert all(row["added"]["e_stab"] != row["mixed"]["e_stab"] for row in honesty["rows"])
    assert len({row["added"]["e_stab"] for row in honesty["rows"]}) == 10        # each at its own point
    assert honesty["worst"] < 0.01 and honesty["pairs"] >= 43 and honesty["of"] == 45 and honesty["holds"]
    assert [row["strengths"] for row in honesty["rows"]] == drawn()
    assert text.endswith("What is mixed is what is trained.\n")
    assert report["weights"] == pytest.approx({**ONE, "content_weight": 2.0, "tv_weight": 0.3})
    assert set(report["slopes"]) == set(report["weights"]) and all(value > 0 for value in report["slopes"].values())
    # What ships is a whole lab, in half precision, and none of the judges is in it.
    names = {path.stem for path in ships.glob("*.safetensors")}
    assert names == {f"mosaic-{role}" for role in [*lab_roles(), "pocket-plain"]}
    assert all((ships / f"{name}.json").is_file() for name in names)
    monkeypatch.setattr(zoo, "FOLDER", ships)
    lab = Lambdas.shipped("mosaic")
    assert not lab.alone and f"within {honesty['worst']:.0%}" in lab.words
    moved_by = [row["e_stab"] for row in report["axes"]["temp"].values()] + [report["origin"]["e_stab"]]
    assert honesty["moves"]["temp"] == pytest.approx((max(moved_by) - min(moved_by)) / report["origin"]["e_stab"])
    assert ("temp" in lab.fails) == (honesty["moves"]["temp"] < script.MOVES["temp"])
    # What was measured is what is mixed; measured again, all is replaced but for the plain student that is there.
    other = Pocket(8, 1)
    for role in ("lab-start", "pocket-plain"):
        checkpoint.save(ships / f"mosaic-{role}.safetensors", other, {"network": other.configuration})
    with pytest.raises(TutorialError, match="another lab-start"):
        Lambdas.shipped("mosaic")
    plain = (ships / "mosaic-pocket-plain.safetensors").read_bytes()
    measured(monkeypatch, tmp_path)
    assert not Lambdas.shipped("mosaic").alone
    assert (ships / "mosaic-pocket-plain.safetensors").read_bytes() == plain


def test_one_judge_that_is_elsewhere_is_an_error_that_is_obeyed(trained, monkeypatch, tmp_path):
    _, save = trained
    save(JUDGES[4], Pocket(8, 1))
    _, report, text = measured(monkeypatch, tmp_path)
    honesty = report["honesty"]
    errors = [abs(row["mixed"]["e_stab"] / row["trained"]["e_stab"] - 1) for row in honesty["rows"]]
    assert honesty["worst"] == errors[4] > 0.1 and honesty["mean"] == pytest.approx(sum(errors) / 10)
    assert not honesty["holds"] and "each slider moves alone" in text and "at most 10%): FAILS" in text
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "ships")
    lab = Lambdas.shipped("mosaic")
    assert lab.alone and lab.fails == list(AXES) and "moves alone" in lab.words


def test_pairs_are_told_rightly_or_wrongly():
    script = loaded("measure_lab")

    def row(trained, mixed):
        return {"trained": {"e_stab": trained}, "mixed": {"e_stab": mixed}}

    rows = [row(1, 10), row(2, 20), row(3, 15)]
    assert script.rightly(rows) == 2
    record = {"origin": {"e_stab": 2.0}, "axes": {"temp": {"1": {"e_stab": 1.5}, "2": {"e_stab": 1.0}}}}
    assert script.range_along(record, "temp") == 0.5


def test_what_is_not_trained_is_named_with_the_command(trained, monkeypatch, tmp_path):
    folder, _ = trained
    (folder / "mosaic-lab-rank-x3.json").unlink()
    with pytest.raises(TutorialError, match=r"1 of the 27 networks .* lab-rank-x3 .*--only lab"):
        measured(monkeypatch, tmp_path)
    assert not (tmp_path / "ships").exists()
