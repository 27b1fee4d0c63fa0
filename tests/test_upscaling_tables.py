"""The second paper's records, tables and verdicts: on invented numbers whose answers are known, and on new networks."""

import json
import shutil
import sys
from pathlib import Path

import columns
import matplotlib.pyplot as plt
import pytest
import torch
from scripts import loaded

from tutorial_lib import checkpoint, quality, tables
from tutorial_lib.data.degradation import degrade, upscale_bicubic
from tutorial_lib.data.scenes import TEST_SCENES
from tutorial_lib.errors import TutorialError
from tutorial_lib.evaluation import upscaling, upscaling_bench
from tutorial_lib.evaluation.upscaling_bench import UpscalingBench, cost, networks, read_record
from tutorial_lib.files import read_json, write_json
from tutorial_lib.networks.superres import Bidirectional, Recurrent, Stacked
from tutorial_lib.papers.std import roles
from tutorial_lib.papers.std import tables as std_tables
from tutorial_lib.papers.std.settings import scale
from tutorial_lib.papers.std.tables.runs import differences, psnr, seeds_of, shares, verdict
from tutorial_lib.show import upscaling_figures
from tutorial_lib.tables import writing
from tutorial_lib.workshop import Workshop

PROTOCOL = {"films": "rendered test scenes, clean pass", "width": 64, "height": 32, "frames": 3, "degradation": "BI",
            "channels": "Y", "border": 0}


def record(recipe, psnr, seed=0, warping=0.02, **changes):
    row = {"psnr": psnr, "ssim": psnr / 40, "warping": warping, "truth_warping": 0.01}
    scores = {scene: {**row, "psnr": psnr + shift} for scene, shift in zip(TEST_SCENES, (-2, -1, 0, 1, 2), strict=True)}
    return {"name": recipe, "recipe": recipe, "style": None, "seed": seed, "sha256": "1", "parameters": 1000,
            "multiply_adds": 500.0, "protocol": {**PROTOCOL, **changes}, "scores": {**scores, "mean": row}}


def trained(kind="recurrent", teacher=32.0, **methods):
    """Records of three seeds: plain students at 30, 30.2 and 29.9 dB, the others by as many dB better as is said."""
    plain = (30.0, 30.2, 29.9)
    found = [record("bicubic", 29.0), record("sr-teacher", teacher),
             *(record(f"sr-{kind}-plain", value, seed) for seed, value in enumerate(plain))]
    for method, gains in methods.items():
        found += [record(f"sr-{kind}-{method}", round(low + gain, 6), seed)
                  for seed, (low, gain) in enumerate(zip(plain, gains, strict=True))]
    return found


def rows(table, name):
    return {row["row"]: row for block in table["blocks"] if block["name"] == name for row in block["rows"]}


def said(table, kind="recurrent"):
    block = next(block for block in table["blocks"] if block["name"] == kind)
    return {(row["row"], row.get("other")): row for row in block["rows"]}


# --- verdicts ---


@pytest.mark.parametrize(("values", "least", "wanted"), [
    ((0.5, 0.6, 0.7), 0, "holds"), ((-0.5, -0.6, -0.7), 0, "fails"), ((0.1, -0.1, 0.2), 0, "within the spread"),
    ((0.0, 0.0, 0.0), 0, "within the spread"), ((0.5, 0.6, 0.7), 0.6, "within the spread"),
    ((0.5, 0.6, 0.7), 1.0, "fails"), ((0.5,), 0, "one seed: no spread"), ((), 0, "not measured"),
])
def test_a_verdict_is_computed_from_the_differences(values, least, wanted):
    assert verdict(values, least) == wanted


def test_twice_the_standard_deviation_is_the_spread():
    """Of 1 ± s over two seeds: the mean is 1, the standard deviation s times the root of two."""
    for apart, wanted in ((0.35, "holds"), (0.36, "within the spread")):
        assert verdict((1 - apart, 1 + apart)) == wanted


def test_differences_are_taken_seed_by_seed():
    """The plain students differ by .3 dB among themselves, and each is beaten by .1."""
    made = std_tables.build(trained(both=(0.1, 0.11, 0.09), hint=(0.05, 0.05, 0.05)), {})
    found = said(made["claims"])
    better = found["space-time distillation makes it better", "sr-recurrent-plain"]
    assert better["difference"] == pytest.approx([0.1, 0.01]) and better["verdict"] == "holds" and better["seeds"] == 3
    assert found["both terms are better", "sr-recurrent-hint"]["verdict"] == "holds"
    closed = found["both terms close 20% of the gap", None]
    assert closed["share"] == pytest.approx([0.051323, 0.009198], abs=1e-5)     # .1/2, .11/1.8, .09/2.1
    assert closed["seeds"] == 3 and closed["verdict"] == "fails"
    assert found["the teacher is at least 0.8 dB better", "sr-recurrent-plain"]["verdict"] == "holds"
    assert found["both terms make it steadier", "sr-recurrent-plain"]["verdict"] == "within the spread"
    assert not any("L_SD" in row for row, _ in found)            # nothing about what is not there
    assert {"stacked"} & {block["name"] for block in made["claims"]["blocks"]} == set()


def test_a_claim_turns_round_with_the_numbers():
    found = said(std_tables.build(trained(both=(-0.1, -0.11, -0.09), space=(0.2, 0.1, -0.2)), {})["claims"])
    assert found["space-time distillation makes it better", "sr-recurrent-plain"]["verdict"] == "fails"
    assert found["L_SD makes it better", "sr-recurrent-plain"]["verdict"] == "within the spread"
    assert found["both terms are better", "sr-recurrent-space"]["verdict"] == "within the spread"


def test_steadier_is_a_lower_warping_error():
    made = trained(both=(0.1, 0.1, 0.1), space=(0.1, 0.1, 0.1))
    for n, one in enumerate(one for one in made if one["recipe"] == "sr-recurrent-both"):
        one["scores"]["mean"] = {**one["scores"]["mean"], "warping": 0.015 + 0.0001 * n}
    built = std_tables.build(made, {})
    found = said(built["claims"])
    assert found["both terms make it steadier", "sr-recurrent-plain"]["verdict"] == "holds"
    assert found["L_SD makes it steadier", "sr-recurrent-plain"]["verdict"] == "within the spread"
    assert rows(built["upscaling"], "recurrent")["sr-recurrent-both"]["steadier"][0] == pytest.approx(-0.245)


def test_the_best_rival_is_the_best_of_the_rivals():
    made = std_tables.build(trained(both=(0.3, 0.3, 0.31), hint=(0.1, 0.1, 0.1), imitation=(0.2, 0.2, 0.2),
                                    attention=(0.15, 0.1, 0.1), space=(0.9, 0.9, 0.9)), {})
    assert ("both terms are better", "sr-recurrent-imitation") in said(made["claims"])
    block = next(block for block in made["upscaling"]["blocks"] if block["name"] == "recurrent")
    assert block["notes"] == ["The best rival by PSNR: sr-recurrent-imitation."]


# --- the table ---


def test_the_table_has_means_spreads_gains_and_shares():
    table = std_tables.build(trained(both=(0.5, 0.5, 0.5)), {})["upscaling"]
    both = rows(table, "recurrent")["sr-recurrent-both"]
    assert both["psnr"] == pytest.approx([30.533333, 0.152753]) and both["gain"] == pytest.approx([0.5, 0])
    assert both["share"] == pytest.approx([0.255291, 0.020363]) and both["seeds"] == "0 1 2"
    assert rows(table, "anchors")["bicubic"]["psnr"] == 29.0 and rows(table, "anchors")["truth"]["warping"] == 0.01
    assert "gain" not in rows(table, "recurrent")["sr-recurrent-plain"]
    assert rows(table, "scenes")["sr-recurrent-both"][TEST_SCENES[0]][0] == pytest.approx(28.533333)
    assert {"sr-recurrent-space", "sr-stacked-plain"} <= set(table["missing"])
    text = writing.as_text(table)
    assert "30.533 ± 0.153" in text and "BT.601's Y, borders included" in text and "made small by BI" in text


def test_a_teacher_that_is_no_better_leaves_no_gap_to_close():
    kept, _, _ = tables.of_one_protocol(trained(teacher=30.1, both=(0.02, 0.5, 0.04)))
    assert shares({key[1:]: value for key, value in kept.items()}, "sr-recurrent-both", "sr-recurrent-plain") == [
        pytest.approx(0.2), pytest.approx(0.2)]      # the plain student of seed 1 is at 30.2 dB


def test_one_teacher_goes_with_every_seed():
    kept, _, _ = tables.of_one_protocol(trained(both=(0.5, 0.5, 0.5)))
    records = {key[1:]: value for key, value in kept.items()}
    assert seeds_of(records, "sr-teacher") == [0]
    assert seeds_of(records, "sr-teacher", "sr-recurrent-both") == [0, 1, 2]
    assert differences(records, "sr-teacher", "sr-recurrent-plain", psnr) == pytest.approx([2.0, 1.8, 2.1])
    del records["sr-teacher", 0]
    assert seeds_of(records, "sr-teacher", "sr-recurrent-both") == []


def test_records_of_another_protocol_are_named_and_left_out():
    found = [*trained(both=(0.5, 0.5, 0.5)), record("sr-stacked-plain", 33.0, border=8)]
    table = std_tables.build(found, {})["upscaling"]
    assert "sr-stacked-plain (scored under another protocol)" in table["missing"] and not rows(table, "stacked")
    assert "without 8 pixels" in std_tables.described({**PROTOCOL, "border": 8, "channels": "RGB"})


def test_a_time_stands_there_only_where_it_was_measured():
    found = trained(both=(0.5, 0.5, 0.5))
    bare = std_tables.build(found, {})["upscaling"]
    assert "milliseconds" not in rows(bare, "cost")["sr-recurrent-both"]
    assert rows(bare, "cost")["sr-recurrent-both"]["gmac"] == pytest.approx(500 * 180 * 320 / 1e9)
    speed = {"machine": "a machine", "rounds": 3, "width": 320, "height": 180,
             "rows": [{"row": "sr-recurrent-both", "seconds": 0.004, "range": [0.003, 0.005]}]}
    timed = std_tables.build(found, {}, speed)["upscaling"]
    assert rows(timed, "cost")["sr-recurrent-both"]["milliseconds"] == 4.0
    assert "milliseconds" not in rows(timed, "cost")["sr-recurrent-plain"]
    assert "Times: a machine" in writing.as_text(timed)


def test_nothing_scored_is_no_table():
    assert std_tables.build([], {}) == {}
    assert list(std_tables.build([], {"sr-teacher": {"2": 30.0, "4": 31.0}})) == ["plateau"]


# --- the way of the trainings ---


def test_a_plateau_is_where_the_last_quarter_gains_little():
    rising = {str(step): 30 + step / 100 for step in range(10, 101, 10)}
    flat = {str(step): 31 - 1 / step for step in range(10, 101, 10)}
    curves = {"sr-stacked-plain": rising, "sr-teacher-seed1": flat, "sr-teacher": flat, "sr-stacked-both": flat}
    table = std_tables.build([], curves)["plateau"]
    found = rows(table, "plateau")
    assert list(found) == ["sr-teacher", "sr-teacher-seed1", "sr-stacked-plain"]
    assert found["sr-stacked-plain"]["verdict"] == "still rising" and found["sr-teacher"]["verdict"] == "a plateau"
    assert found["sr-stacked-plain"]["late"] == pytest.approx(0.3) and found["sr-stacked-plain"]["before"] == 30.7
    assert found["sr-teacher"]["curve"][0] == [10, 30.9]             # by number, not by letters


def test_the_figures_are_the_tables_numbers(tmp_path):
    curve = {"1": 29.0, "2": 30.0, "4": 30.5}
    made = std_tables.build([*trained(both=(0.5, 0.5, 0.6), hint=(0.1, 0.1, 0.2)), record("sr-stacked-plain", 31.0)],
                            {"sr-teacher": curve, "sr-recurrent-plain": curve})
    assert set(made) == set(upscaling_figures.FIGURES)
    for name, table in made.items():
        for copy in ("a", "b"):
            upscaling_figures.draw(table, tmp_path / f"{name}-{copy}.png")
        drawn = [(tmp_path / f"{name}-{copy}.png").read_bytes() for copy in ("a", "b")]
        assert drawn[0] == drawn[1] and len(drawn[0]) > 5000
    assert plt.get_fignums() == []
    axis = upscaling_figures.plateau(made["plateau"]).axes[0]
    assert [tuple(point) for point in axis.lines[0].get_xydata()] == [(1, 29.0), (2, 30.0), (4, 30.5)]
    plt.close("all")


# --- the bench ---


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """A folder of new networks with manifests, as the workshop leaves it."""
    folder = tmp_path_factory.mktemp("zoo")
    for name, network, degradation in (
        ("sr-teacher", Bidirectional(4, 1, 4), "BI"), ("sr-stacked-plain", Stacked(4, 1, 4), "BI"),
        ("sr-stacked-both", Stacked(4, 1, 4), "BI"), ("sr-recurrent-plain", Recurrent(4, 1, 4), "BD"),
    ):
        checkpoint.save(folder / f"{name}.safetensors", network, {"network": network.configuration})
        settings = {**scale("smoke").but(degradation=degradation).as_dict(), "lambda_space": 3.0}
        write_json(folder / f"{name}.json", {"name": name, "recipe": name, "style": None, "seed": 0, "minutes": 1.0,
                                             "settings": settings})
        write_json(folder / "training" / f"{name}.curve.json", {"2": 30.0, "4": 31.0})
    return folder


@pytest.fixture(scope="module")
def films():
    return upscaling.films(scale("smoke"), "test")


@pytest.fixture
def bench(tmp_path, films):
    made = UpscalingBench(scale("smoke"), tmp_path / "scores")
    made.made = films
    return made


def test_a_record_is_the_scores_of_the_test_scenes(zoo, bench, films):
    entry = next(entry for entry in networks([zoo]) if entry.recipe == "sr-stacked-plain")
    made = bench.score(entry)
    assert read_record(bench.path("sr-stacked-plain")) == made and set(made["scores"]) == {*TEST_SCENES, "mean"}
    film = films[0]
    video = upscaling.made_large(entry.load(), film)
    known = quality.psnr(*quality.compared(video, film.frames)).mean().item()
    assert made["scores"][film.name]["psnr"] == pytest.approx(known, abs=1e-6)
    assert made["scores"]["mean"]["psnr"] == pytest.approx(
        sum(made["scores"][scene]["psnr"] for scene in TEST_SCENES) / 5, abs=1e-5)
    assert made["lambdas"]["lambda_space"] == 3.0 and made["protocol"]["degradation"] == "BI"
    bicubic = bench.score(None)["scores"][film.name]["psnr"]
    known = quality.psnr(*quality.compared(upscale_bicubic(degrade(film.frames)).clamp(0, 1), film.frames)).mean()
    assert bicubic == pytest.approx(known.item(), abs=1e-6)


def test_what_is_known_is_not_scored_again(zoo, bench, tmp_path):
    fitting = [entry for entry in networks([zoo]) if bench.fits(entry)]
    assert {entry.recipe for entry in fitting} == {"sr-teacher", "sr-stacked-plain", "sr-stacked-both"}
    assert set(bench.score_all(fitting, bar=False)) == {"sr-teacher", "sr-stacked-plain", "sr-stacked-both", "bicubic"}
    assert bench.score_all(fitting, bar=False) == []
    own = shutil.copytree(zoo, tmp_path / "own")
    torch.manual_seed(5)
    other = Stacked(4, 1, 4)
    checkpoint.save(own / "sr-stacked-both.safetensors", other, {"network": other.configuration})
    assert bench.score_all([e for e in networks([own]) if bench.fits(e)], bar=False) == ["sr-stacked-both"]
    narrower = UpscalingBench(scale("smoke"), bench.folder, border=2)
    narrower.made = bench.films
    assert len(narrower.score_all(fitting, bar=False)) == 4


def test_degradations_are_never_mixed(zoo, bench):
    other = next(entry for entry in networks([zoo]) if entry.recipe == "sr-recurrent-plain")
    with pytest.raises(TutorialError, match="was not trained to undo BI; the two degradations are never mixed"):
        bench.score(other)


def test_a_damaged_record_is_one_sentence(bench):
    write_json(bench.path("a"), {**record("sr-teacher", 30.0), "scores": {"mean": {"psnr": "high"}}})
    with pytest.raises(TutorialError, match="should be a finite number"):
        read_record(bench.path("a"))
    good = record("sr-teacher", 30.0)
    del good["scores"]["mean"]
    write_json(bench.path("a"), good)
    with pytest.raises(TutorialError, match="lacks the mean of its scenes"):
        read_record(bench.path("a"))


@pytest.mark.parametrize("kind", list(roles.STUDENTS))
def test_distillation_adds_no_parameter_and_no_multiply_add(kind, tmp_path):
    """Of the networks as the workshop leaves them, plain, distilled, and by the rival that trains something beside."""
    workshop = Workshop(None, scale("smoke"), tmp_path)
    made = {method: workshop[f"sr-{kind}-{method}"] for method in ("plain", "both", "hint")}
    assert cost(made["plain"]) == cost(made["both"]) == cost(made["hint"])
    assert [list(network.state_dict()) for network in made.values()] == 3 * [list(made["plain"].state_dict())]


def test_multiply_adds_are_those_of_the_convolutions():
    """A pixel of a small frame: the body at its own size, the tail's layers at 1, 2, 4, 4 times the side."""
    width, tap = 4, 3
    body = 9 * (9 * width) + 2 * 9 * width * width
    tail = 9 * width * 4 * width + 4 * 9 * width * 4 * tap + 16 * 9 * tap * tap + 16 * 9 * tap * 3
    assert cost(Stacked(width, 1, tap))["multiply_adds"] == body + tail


# --- the script ---


def test_the_script_brings_the_results_up_to_date(zoo, make_tables, tmp_path, capsys):
    """A block of a table, and what a measuring script wrote, between their marks; nothing else changes."""
    document, folder = tmp_path / "RESULTS.md", tmp_path / "results" / "std"
    folder.mkdir(parents=True)
    (folder / "targets.txt").write_text("asked for\n")
    document.write_text("a\n<!-- std/targets -->\n<!-- /std/targets -->\nb\n<!-- std/upscaling.stacked -->\nold\n"
                        "<!-- /std/upscaling.stacked -->\n<!-- upscaling -->\nc\n<!-- /upscaling -->\n")
    make_tables("--paper", "std", "--scale", "smoke", "--folders", zoo)
    assert "RESULTS.md brought up to date." in capsys.readouterr().out
    table = read_json(folder / "upscaling.json")
    block = next(block for block in table["blocks"] if block["name"] == "stacked")
    shown = writing.block_as_markdown(block).strip()
    assert "sr-stacked-both" in shown
    assert document.read_text() == ("a\n<!-- std/targets -->\n```\nasked for\n```\n<!-- /std/targets -->\nb\n"
                                    f"<!-- std/upscaling.stacked -->\n{shown}\n<!-- /std/upscaling.stacked -->\n"
                                    "<!-- upscaling -->\nc\n<!-- /upscaling -->\n")


@pytest.fixture
def make_tables(tmp_path, monkeypatch):
    module = loaded("make_tables")

    def main(*arguments):
        results = str(tmp_path / "results")
        monkeypatch.setattr(sys, "argv", ["make_tables.py", "--results", results, *map(str, arguments)])
        module.main()
        return tmp_path / "results" / "std"

    return main


def test_the_script_writes_records_tables_and_curves(zoo, make_tables, tmp_path, capsys):
    results = make_tables("--paper", "std", "--scale", "smoke", "--folders", zoo)
    said = capsys.readouterr().out
    assert "sr-recurrent-plain is not scored: it was not trained to undo BI." in said
    assert "4 of 4 scored, bicubic among them" in said and "Four times as large" in said
    names = {path.name for path in results.iterdir()}
    assert names == {"scores", "curves.json", *(f"{name}.{kind}" for name in ("upscaling", "claims", "plateau")
                                                for kind in ("json", "txt", "md", "png"))}
    table = read_json(results / "upscaling.json")
    assert rows(table, "stacked")["sr-stacked-both"]["seeds"] == "0"
    assert read_json(results / "curves.json")["sr-teacher"] == {"2": 30.0, "4": 31.0}
    # Where the networks are not, what is known of them stays.
    (tmp_path / "empty").mkdir()
    before = {path.name: path.read_bytes() for path in results.glob("*.*")}
    make_tables("--paper", "std", "--scale", "smoke", "--folders", tmp_path / "empty")
    assert {path.name: path.read_bytes() for path in results.glob("*.*")} == before


def test_the_other_degradation_has_a_folder_of_its_own(zoo, make_tables):
    results = make_tables("--paper", "std", "--scale", "smoke", "--folders", zoo, "--degradation", "BD", "--only",
                          "sr-recurrent-plain")
    assert {path.name for path in (results / "scores-BD").iterdir()} == {"bicubic.json", "sr-recurrent-plain.json"}
    assert (results / "upscaling-BD.json").is_file() and not (results / "upscaling.json").exists()
    assert "made small by BD" in (results / "upscaling-BD.txt").read_text()


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("--paper", "std", "--styles", "mosaic"), "--styles is for the tables of the other paper"),
    (("--paper", "std", "--screen", "--width", "64"), "--screen, --width is for"),
    (("--degradation", "BD"), "--degradation is for the tables of the other paper"),
    (("--paper", "std", "--only", "student-ours"), "Unknown recipe student-ours; the recipes are sr-teacher"),
    (("--paper", "std", "--folders", "nowhere"), "There is no folder nowhere"),
])
def test_what_does_not_go_together_is_said(make_tables, arguments, sentence):
    with pytest.raises(TutorialError, match=sentence):
        make_tables(*arguments)


def test_the_first_papers_tables_do_not_see_the_seconds(zoo, make_tables, capsys):
    """Nor its networks, nor its records."""
    results = make_tables("--paper", "std", "--scale", "smoke", "--folders", zoo)
    make_tables("--folders", zoo)
    assert "0 of 0 networks scored" in capsys.readouterr().out
    assert not list(results.parent.glob("*.json"))


def test_times_are_measured_for_every_network_and_the_bicubic(tmp_path, monkeypatch):
    module = loaded("measure_upscaling")
    monkeypatch.setattr(sys, "argv", ["measure_upscaling.py", "--scale", "smoke", "--rounds", "1", "--height", "8",
                                      "--width", "12", "--output", str(tmp_path / "speed.json")])
    module.main()
    report = json.loads((tmp_path / "speed.json").read_text())
    assert [row["row"] for row in report["rows"]] == ["bicubic", "sr-teacher", *(
        f"sr-{kind}-{method}" for kind in roles.STUDENTS for method in ("plain", "both"))]
    assert all(row["seconds"] > 0 for row in report["rows"]) and (report["width"], report["rounds"]) == (12, 1)
    methods = ("plain", "space", "time", "both", "attention", "hint", "imitation")
    assert [row["row"] for row in report["training"]] == [
        f"sr-{kind}-{method}" for kind in roles.STUDENTS for method in methods]
    read_json(tmp_path / "speed.json", upscaling_bench.SPEED)
    assert "sr-teacher" in Path(tmp_path / "speed.txt").read_text()


def test_a_step_is_timed_with_the_terms_of_its_method(monkeypatch, tmp_path):
    module, asked = loaded("measure_upscaling"), {}
    monkeypatch.setenv("OFD_BUILD", str(tmp_path))
    loss = module.Distillation.loss
    monkeypatch.setattr(module.Distillation, "loss", lambda self, step: asked.setdefault(len(asked), loss(self, step)))
    for name, step in module.steps(scale("smoke")).items():
        asked.clear()
        step()
        method = name.rpartition("-")[2]
        wanted = {"plain": set(), "both": {"space", "time"}}.get(method, {method})
        assert asked[0].keys() == {"reconstruction", "total", *wanted}, name


def test_without_a_network_or_a_record_nothing_is_scored(make_tables, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    results = make_tables("--paper", "std", "--scale", "smoke", "--folders", tmp_path / "empty")
    assert "is trained yet; python data_scripts/train_zoo.py --paper std --only zoo" in capsys.readouterr().out
    assert not results.exists()


def test_every_column_is_filled_and_named():
    made = std_tables.build(trained(both=(0.1, 0.11, 0.09), hint=(0.05, 0.05, 0.05)), {})
    assert {"upscaling", "claims"} <= made.keys()
    for table in made.values():
        for part in table["blocks"]:
            columns.check(part)


def test_the_figure_draws_every_student_and_the_anchors_on_both_sides():
    found = trained(both=(0.1, 0.11, 0.09), hint=(0.05, 0.05, 0.05))
    figure = upscaling_figures.upscaling(std_tables.build(found, {})["upscaling"])
    left, right = figure.axes
    assert [text.get_text() for text in left.texts] == ["teacher", "bicubic"]        # of the truth no PSNR is finite
    assert [text.get_text() for text in right.texts] == ["teacher", "truth", "bicubic"]
    assert len(left.containers) == len(right.containers) == len(left.get_yticklabels()) == 3
    assert all(label.get_text() for label in left.get_yticklabels())
    assert not any(label.get_text() for label in right.get_yticklabels())
    for axis in (left, right):
        (low, high), places = axis.get_ylim(), axis.get_yticks()
        assert low < min(places) and max(places) < high, "a student lies outside of the figure"
    plt.close("all")


def test_a_claim_stands_on_a_line_of_its_own_inside_the_figure():
    made = std_tables.build(trained(both=(0.1, 0.11, 0.09), hint=(0.05, 0.05, 0.05)), {})["claims"]
    figure = upscaling_figures.claims(made)
    figure.draw_without_rendering()
    (axis,) = figure.axes
    places = list(axis.get_yticks())
    low, high = axis.get_ylim()
    assert low == pytest.approx(min(places) - 0.6) and high == pytest.approx(max(places) + 0.6)
    middles = [axis.transData.inverted().transform(((box := text.get_window_extent()).x0, (box.y0 + box.y1) / 2))[1]
               for text in axis.texts]
    assert middles == pytest.approx(places, abs=0.1)
    plt.close("all")


def test_the_protocol_names_its_channels():
    for channels, words in (("Y", "BT.601's Y"), ("RGB", "on RGB")):
        assert words in std_tables.described({**PROTOCOL, "channels": channels})
