"""A network is one line among the roles; everything else follows from it."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import tutorial_lib
from tutorial_lib import papers
from tutorial_lib.papers.ofd.roles import (
    ABLATIONS,
    AXES,
    CONTROL,
    FRONTIER,
    GROUPS,
    LAB,
    LAB_TRIES,
    METHODS,
    OURS,
    PLUS,
    POCKETS,
    ROLES,
    SHIPPED,
    SIZES,
    TEMP,
    ZOO,
    drawn,
)
from tutorial_lib.roles import Recipe, Role, by_name
from tutorial_lib.settings import SCALES, scale


def test_a_recipe_multiplies_the_scales_settings_and_then_sets_some():
    recipe = Recipe("distill", changes={"lambda_temp": 0.0}, times={"lambda_res": 2.0, "height": 1.5, "lambda_temp": 3})
    settings = recipe.settings(scale("smoke").but(lambda_res=7.0))
    assert (settings.lambda_res, settings.lambda_temp) == (14.0, 0.0)
    assert (settings.height, settings.width) == (72, 64) and isinstance(settings.height, int)


def test_no_two_roles_have_one_name():
    role = Role("a", "a", "#000000", Recipe("distill"))
    with pytest.raises(AssertionError, match="two roles of one name"):
        by_name((role,), (role,))


def test_every_role_is_trained_with_one_of_the_groups():
    grouped = {name for group in GROUPS.values() for name in group}
    assert grouped == {*ZOO, *PLUS, *POCKETS, *LAB, *LAB_TRIES, *SIZES, *ABLATIONS, *FRONTIER} == set(ROLES)


@pytest.mark.parametrize("paper", papers.PAPERS.values(), ids=papers.PAPERS)
def test_every_role_of_a_paper_is_trained_with_a_group_and_needs_roles_of_the_same(paper):
    assert {name for group in paper.groups.values() for name in group} == set(paper.roles)
    for role in paper.roles.values():
        assert {*role.recipe.needs, role.control} - {None} <= paper.roles.keys(), role.name
        assert papers.paper_of(role.name) is paper and papers.ROLES[role.name] is role


def test_the_shipped_roles_are_those_of_the_paper_plus_and_the_pocket_students():
    students = [name for name in POCKETS if not name.startswith("screen-teacher")]
    sliders = [name for name in LAB if "judge" not in name]
    assert list(SHIPPED) == [*ZOO, "student-ours-plus", *students, *sliders]


def test_a_student_of_the_lab_has_the_strengths_of_its_name_and_the_origin_elsewhere():
    usual = ROLES["lab-start"].recipe
    origin, own = (usual.settings(scale("laptop")), usual.scale(scale("laptop")))
    assert 2 * origin.distill_steps == ROLES["pocket-scratch"].recipe.settings(scale("laptop")).distill_steps
    for key, axis in AXES.items():
        assert len(axis.strengths) == 4 and sorted(axis.strengths) == list(axis.strengths)
        for strength in axis.strengths:
            found = LAB[f"lab-{key}-x{strength:g}"].recipe.settings(scale("laptop"))
            assert getattr(found, axis.setting) == pytest.approx(strength * getattr(own, axis.setting))
            assert found.but(**{axis.setting: getattr(origin, axis.setting)}) == origin


def test_the_labs_judges_are_off_every_axis_within_its_range_and_always_the_same():
    points = drawn()
    assert points == drawn() != drawn(seed=1) and len(points) == 10
    judges = [LAB[f"lab-judge-{n}"].recipe for n in range(10)]
    assert all(role.recipe not in judges for role in LAB_TRIES.values())     # they choose how to mix
    for n, point in enumerate(points):
        found = LAB[f"lab-judge-{n}"].recipe.settings(scale("laptop"))
        own = LAB[f"lab-judge-{n}"].recipe.scale(scale("laptop"))
        for key, axis in AXES.items():
            assert axis.strengths[0] <= point[key] <= axis.strengths[-1] and point[key] not in axis.strengths
            assert getattr(found, axis.setting) == pytest.approx(point[key] * getattr(own, axis.setting))
        assert not LAB[f"lab-judge-{n}"].ships


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in LAB])
def test_every_shipped_role_has_a_colour_of_its_own_in_its_family(name):
    family = POCKETS if name in POCKETS else {**ZOO, **PLUS}
    same = [role.name for role in family.values() if role.ships and role.colour == SHIPPED[name].colour]
    assert same == [name]


@pytest.mark.parametrize("settings", SCALES.values(), ids=SCALES)
def test_the_frontier_scales_its_lambdas(settings):
    found = {name: role.recipe.settings(settings) for name, role in FRONTIER.items()}
    assert found["res-x3"].lambda_res == pytest.approx(3 * settings.lambda_res)
    assert found["res-x3"].lambda_rank == found["res-x3"].lambda_temp == 0
    assert found["scratch-x2"].style_weight == 2 * settings.style_weight
    assert found["style-x2"].style_weight == 2 * ZOO[OURS].recipe.settings(settings).style_weight
    assert found["temp-x0.3"].lambda_temp == pytest.approx(0.3 * settings.lambda_temp)


def test_a_curve_of_the_frontier_is_its_usual_role_at_other_strengths():
    """At factor 1 it would be the very same network."""
    for method in METHODS.values():
        once = method.role(1.0).recipe
        assert once.settings(scale("smoke")) == ROLES[method.usual].recipe.settings(scale("smoke")), method.name
        assert once.needs == ROLES[method.usual].recipe.needs
        assert {f"{method.name}-x{factor:g}" for factor in method.factors} <= FRONTIER.keys()


def test_plus_and_its_control_differ_in_their_weights_alone():
    ours, control = (PLUS[name].recipe for name in ("student-ours-plus", "scratch-large"))
    found = {name: recipe.settings(scale("smoke")).as_dict() for name, recipe in (("a", ours), ("b", control))}
    differing = {key for key, value in found["a"].items() if found["b"][key] != value}
    assert differing == {"style_weight", "lambda_res", "lambda_temp", "lambda_rank"}
    assert ours.needs == control.needs and found["a"]["height"] == 72


def test_what_is_compared_has_one_start():
    """A gain over a control that began elsewhere would be no gain of the loss."""
    for name, role in {**ZOO, **ABLATIONS}.items():
        if role.control and role.recipe.stage == "distill" and name != "unaligned-scratch":
            assert role.recipe.needs == ROLES[role.control].recipe.needs, name


def test_the_pocket_students_differ_in_their_weights_alone_and_share_one_start():
    found = {name: POCKETS[name].recipe for name in POCKETS if POCKETS[name].recipe.stage == "distill"}
    assert len(found) == 4 and len({recipe.needs for recipe in found.values()}) == 1
    settings = [recipe.settings(scale("laptop")).as_dict() for recipe in found.values()]
    differing = {key for other in settings for key, value in other.items() if settings[0][key] != value}
    assert differing == {"style_weight", "content_weight", "lambda_res", "lambda_temp", "lambda_rank"}


def test_a_family_is_as_large_as_its_screen():
    laptop = scale("laptop")
    for role in POCKETS.values():
        settings = role.recipe.settings(laptop)
        assert (settings.height, settings.width, settings.style_size) == (192, 256, 1536)
        assert (settings.evaluation_height, settings.evaluation_width) == (360, 640)
        assert role.recipe.scale(laptop).lambda_rank == laptop.lambda_rank / 4     # as many times fewer as more pixels
    assert ROLES["pocket-ours"].recipe.scale(laptop).distill_steps == laptop.distill_steps
    assert ROLES["pocket-ours"].recipe.settings(laptop).distill_steps == 2 * laptop.distill_steps


def test_the_three_that_others_name_are_there():
    assert {CONTROL, TEMP, OURS} <= ZOO.keys()


# --- one line more ---

LINE = '''    Role("student-novel", "novel", "#123456", distilled(NO_TEMP), True, CONTROL),\n'''

LOOK = """
    import json, runpy, sys
    from pathlib import Path

    sys.path.insert(0, sys.argv[1])                     # the tests' own folder
    from records import record
    from tutorial_lib import cli, papers, tables, workshop, zoo
    from tutorial_lib.evaluation.bench import Entry
    from tutorial_lib.data.clips import Clip
    from tutorial_lib.papers.ofd.tables import BUILDERS
    from tutorial_lib.show.figures import colour

    made, scripts = [], Path(sys.argv[1]).parent / "data_scripts"

    class Workshop(dict):
        def __missing__(self, name):
            made.append(name)

    workshop.Workshop = lambda *arguments: Workshop()
    sys.argv = ["train_zoo.py", "--only", "plus"]
    try:
        runpy.run_path(str(scripts / "train_zoo.py"), run_name="__main__")
    except SystemExit as stop:
        assert stop.code == 0
    records = [record(name, 0.5) for name in ("student-scratch", "student-novel", "student-ours-plus")]
    made_tables = tables.build(BUILDERS, records)
    table = made_tables["table1"]
    print(json.dumps({
        "file": papers.__file__, "names": zoo.names(), "split": zoo.split("mosaic-student-novel"),
        "colour": colour("mosaic-student-novel"), "trained": made,
        "on the command line": cli.parser().parse_args(
            ["train", "student-novel", "--style", "a", "--output", "b"]).role,
        "on both passes": Entry("mosaic", "student-novel", 0, None, {}).sees(Clip(None, pass_name="clean")),
        "side by side": runpy.run_path(str(scripts / "compare_videos.py"))["SHOWN"],
        "rows": {block["name"]: [row["row"] for row in block["rows"]] for block in table["blocks"]},
        "against": {row["row"]: row["other"] for block in table["blocks"] if block["name"] == "overview.final"
                    for row in block["rows"]},
        "extras": {row["row"]: row["other"] for row in made_tables["extras"]["blocks"][0]["rows"]},
        "missing": table["missing"],
    }))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What becomes of a copy of the library with one more line among the roles."""
    folder = tmp_path_factory.mktemp("copy")
    library = shutil.copytree(Path(tutorial_lib.__file__).parent, folder / "tutorial_lib",
                              ignore=shutil.ignore_patterns("*.safetensors", "*.json", "__pycache__"))
    roles = library / "papers" / "ofd" / "roles.py"
    text, start = roles.read_text(), "PLUS = by_name((\n"
    assert text.count(start) == 1
    roles.write_text(text.replace(start, start + LINE))
    for name in ("mosaic-student-novel", "mosaic-student-ours", "mosaic-student-ours-plus", "waves-student-novel"):
        (library / "zoo" / f"{name}.safetensors").touch()
    (folder / "look.py").write_text(textwrap.dedent(LOOK))
    done = subprocess.run(
        [sys.executable, "look.py", Path(__file__).parent], cwd=folder, capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(folder), "OFD_BUILD": str(folder)})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["file"]).is_relative_to(folder)
    return found


def test_a_new_role_is_a_network_of_the_zoo(seen):
    assert seen["names"] == ["mosaic-student-ours", "mosaic-student-novel", "mosaic-student-ours-plus",
                             "waves-student-novel"]
    assert seen["split"] == ["mosaic", "student-novel"]


def test_a_new_role_has_its_colour(seen):
    assert seen["colour"] == "#123456"


def test_a_new_role_is_trained_with_its_group_and_by_hand(seen):
    assert seen["trained"][:2] == ["student-novel", "ours-excess"]
    assert seen["on the command line"] == "student-novel"


def test_a_new_role_is_scored_as_one_that_ships(seen):
    assert seen["on both passes"] is True
    assert "student-novel" in seen["side by side"]


def test_a_new_role_is_in_table_1_and_compared_with_its_control(seen):
    rows = ["student-scratch", "student-novel", "student-ours-plus"]
    assert seen["rows"]["mosaic.final.errors"] == ["input (floor)", *rows]
    assert seen["rows"]["mosaic.final.fidelity"] == rows
    assert seen["against"]["student-novel"] == "student-scratch"
    assert "mosaic-student-ours" in seen["missing"] and "mosaic-student-novel" not in seen["missing"]


def test_a_new_role_beyond_the_paper_is_measured_against_its_control(seen):
    assert seen["extras"]["novel"] == "student-scratch"
