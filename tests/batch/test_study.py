"""Study files: what they may say, and that those which ship load, build and run."""

from pathlib import Path

import pytest

from sim.batch.study import Study, compare_study, load_study, study_names, study_of_axes
from sim.batch.variants import Variant
from sim.errors import InputError, UnknownNameError
from sim.machine import build_machine, materials
from sim.report.comparison.comparison import comparison_json
from sim.report.comparison.comparison_report import comparison_report
from sim.scenario import load_scenario

HEAD = 'name = "s"\nquestion = "which?"\nbase = "tiny"\n'
TWO = '[[variants]]\nname = "a"\nset = {"cluster.spare_nodes" = 1}\n[[variants]]\nname = "b"\nset = {"run.seed" = 2}\n'
FABRICS = load_study("topologies")


def study(tmp_path: Path, text: str) -> Study:
    path = tmp_path / "study.toml"
    path.write_text(text)
    return load_study(str(path))


def scenario_of(variant: Variant):
    return load_scenario(FABRICS.base, [*FABRICS.overrides, *variant.overrides])


def test_variants_set_dotted_keys_by_name(tmp_path: Path) -> None:
    found = study(tmp_path, HEAD + TWO)
    assert [(each.name, each.overrides) for each in found.variants] == [
        ("a", ("cluster.spare_nodes=1",)),
        ("b", ("run.seed=2",)),
    ]
    assert (found.replicas, found.base, found.question) == (3, "tiny", "which?")


def test_axes_are_those_of_the_command_line(tmp_path: Path) -> None:
    text = '[[axes]]\nkey = "cluster.topology"\nvalues = [{kind = "fat-tree", k = 8}, {kind = "rail-optimized"}]\n'
    asked = study_of_axes("tiny", ['cluster.topology=[{kind = "fat-tree", k = 8}, {kind = "rail-optimized"}]'])
    assert study(tmp_path, HEAD + text).variants == asked.variants


def test_variants_are_taken_at_every_point_of_the_axes(tmp_path: Path) -> None:
    found = study(tmp_path, HEAD + TWO + '[[axes]]\nkey = "run.horizon"\nvalues = ["1 h", "2 h"]\n')
    assert [each.name for each in found.variants] == ["a, 1 h", "a, 2 h", "b, 1 h", "b, 2 h"]
    assert found.variants[-1].overrides == ("run.seed=2", 'run.horizon="2 h"')


def test_what_all_share_lies_below_the_variants_and_the_command_line_between(tmp_path: Path) -> None:
    text = HEAD + 'replicas = 1\n[set]\n"run.seed" = 7\n"cluster.spare_nodes" = 1\n' + TWO.replace("= 2}", "= 9}")
    found = study(tmp_path, text)
    over = compare_study(found, overrides=["run.horizon=1 h"], workers=1)
    own = [[*found.overrides, "run.horizon=1 h", *each.overrides] for each in found.variants]
    assert [load_scenario("tiny", each).seed for each in own] == [7, 9]
    assert [each.samples["wall_time_s"] for each in over.measured] == [(3600.0,), (3600.0,)]
    assert (over.replicas, over.study, over.question) == (1, "s", "which?")


def test_a_base_that_is_a_file_lies_beside_the_study(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('name = "own"\nextends = "tiny"\n')
    found = study(tmp_path, HEAD.replace('"tiny"', '"own.toml"') + TWO)
    assert load_scenario(found.base).name == "own"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "repilcas = 2\n" + TWO, "unknown key 'repilcas'; did you mean 'replicas'"),
        (HEAD + "bas = 1\n" + TWO, "did you mean 'base'"),
        (HEAD, "variants: got 0; expected two at least"),
        (HEAD + TWO.replace('"b"', '"a"'), "the name 'a' is given twice"),
        (HEAD + TWO.replace('"cluster.spare_nodes" = 1', "cluster.spare_nodes = 1"), "expected a dotted key in quotes"),
        (HEAD + "replicas = 0\n" + TWO, "replicas: got 0, expected at least 1"),
        (HEAD.replace('base = "tiny"\n', "") + TWO, "base: is missing"),
        (HEAD + '[[axes]]\nkey = "a.b"\nvalues = [1]\n', "got 1 value of a.b; expected two at least"),
        (HEAD + "[[variants", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_file_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        study(tmp_path, text)
    assert said in str(refused.value)
    assert "study.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_key_that_the_base_lacks_names_its_variant_and_the_nearest(tmp_path: Path) -> None:
    found = study(tmp_path, HEAD + TWO.replace("cluster.spare_nodes", "cluster.spare_node"))
    with pytest.raises(
        InputError, match=r"^a: tiny: cluster\.spare_node: unknown key 'spare_node'.*did you mean 'spare_nodes'"
    ):
        compare_study(found, workers=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[set]\n"cluster.spare_node" = 1\n' + TWO, "tiny: cluster.spare_node: unknown key"),
        (
            TWO.replace("run.seed", "cluster.spare_node").replace("spare_nodes", "spare_node"),
            "tiny: cluster.spare_node: ",
        ),
        (
            TWO.replace("run.seed", "cluster.spare_node") + '[[axes]]\nkey = "run.horizon"\nvalues = ["1 h", "2 h"]\n',
            "b, 1 h and 1 other variant: tiny: cluster.spare_node: ",
        ),
    ],
)
def test_what_is_wrong_with_several_variants_is_said_once(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        compare_study(study(tmp_path, HEAD + text), workers=1)
    assert str(refused.value).startswith(said)
    assert len(str(refused.value).splitlines()) == 1


def test_an_unknown_study_names_the_nearest_and_a_missing_file_itself() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'topologies'"):
        load_study("topologie")
    with pytest.raises(InputError, match=r"nowhere\.toml: no such file; expected a study"):
        load_study("nowhere.toml")


@pytest.mark.parametrize("name", study_names())
def test_every_study_that_ships_loads(name: str) -> None:
    found = load_study(name)
    assert found.name == name
    for variant in found.variants:
        load_scenario(found.base, [*found.overrides, *variant.overrides])


def test_ten_fabrics_or_more_hold_the_main_job() -> None:
    assert len(FABRICS.variants) >= 10
    assert len({scenario_of(each).machines.topology.kind for each in FABRICS.variants}) >= 10
    assert {scenario_of(each).machines.gpus for each in FABRICS.variants} == {16_384}


def test_the_first_fabric_is_that_of_the_base() -> None:
    assert scenario_of(FABRICS.variants[0]).machines.topology == load_scenario(FABRICS.base).machines.topology


@pytest.mark.parametrize("variant", FABRICS.variants, ids=lambda variant: variant.name)
def test_every_fabric_is_built_and_has_a_bill(variant: Variant) -> None:
    machine = build_machine(scenario_of(variant))
    assert machine is not None and machine.cluster.gpus == 16_576
    assert {line.item for line in materials(machine)} == {"switch", "cable", "server"}


@pytest.mark.slow
def test_the_study_of_fabrics_runs_and_says_what_decides() -> None:
    answer = comparison_json(compare_study(FABRICS, overrides=["run.horizon=54 d", "training.phases=[]"], replicas=1))
    text = comparison_report(answer)
    assert max(map(len, text.splitlines())) <= 80
    stops = {
        each["value"]: {loss["lost"]: loss["remaining"] for loss in each["after_loss"]} for each in answer["variants"]
    }
    assert stops["clos 1:7"]["leaf"] is None
    assert 0.9 < stops["hpn dual-ToR"]["leaf"] < 1.0
    assert ["rail-optimized", "superpod-h100"] in answer["alike"]
    assert "rail-optimized, superpod-h100: the same" in text
