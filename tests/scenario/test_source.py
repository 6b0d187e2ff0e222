"""Files, presets, extension by one level, overrides."""

from pathlib import Path
from typing import Any

import pytest

from sim.errors import InputError, UnknownNameError
from sim.scenario import load_scenario, preset_names
from sim.scenario.source import merged, overridden, read_scenario

STUDY = """
name = "study"
[training]
step_time = "10 s"
[cluster]
node = "dgx-h100"
nodes = 16
[run]
work = "3 d"
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def test_a_file_is_read_and_overridden(study: Path) -> None:
    scenario = load_scenario(str(study), ["cluster.nodes=32", "run.work=5 d", "run.seed=9"])
    assert (scenario.machines.nodes, scenario.limits.work_s, scenario.seed) == (32, 5 * 86400, 9)


def test_a_file_extends_another_beside_it(study: Path) -> None:
    child = study.with_name("child.toml")
    child.write_text('name = "child"\nextends = "study.toml"\n[cluster]\nspare_nodes = 2\n')
    scenario = load_scenario(str(child))
    assert (scenario.name, scenario.machines.nodes, scenario.machines.spare_nodes) == ("child", 16, 2)


def test_a_file_extends_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nextends = "tiny"\n[run]\nseed = 5\n')
    assert load_scenario(str(path)).machines == load_scenario("tiny").machines


def test_extension_goes_one_level_only(study: Path) -> None:
    child, grandchild = study.with_name("child.toml"), study.with_name("grandchild.toml")
    child.write_text('extends = "study.toml"\n')
    grandchild.write_text('extends = "child.toml"\n')
    with pytest.raises(InputError, match=r"'child\.toml' extends 'study\.toml' itself; expected one level only"):
        read_scenario(str(grandchild))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"name = ", "is not valid TOML"),
        (b"\xff\xfe", "cannot be read: it is not UTF-8 text"),
        (b"extends = 3", "extends: got 3, expected a preset's name or a file"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, text: bytes, expected: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(text)
    with pytest.raises(InputError) as caught:
        read_scenario(str(path))
    assert expected in str(caught.value)
    assert "bad.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_scenario(str(tmp_path / "none.toml"))
    with pytest.raises(InputError, match="is a directory; expected a scenario in TOML"):
        read_scenario(f"{tmp_path}/")


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown preset 'llama3-405'; did you mean 'llama3-405b'"):
        read_scenario("llama3-405")


def test_tables_merge_and_lists_are_replaced() -> None:
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    assert merged(base, {"a": {"y": [3]}, "c": 2}) == {"a": {"x": 1, "y": [3]}, "b": 1, "c": 2}
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 1}


def test_a_table_that_states_its_kind_replaces_the_one_below() -> None:
    assert merged({"t": {"kind": "clos", "pod": 8}}, {"t": {"kind": "torus"}}) == {"t": {"kind": "torus"}}
    assert merged({"t": {"kind": "clos", "pod": 8}}, {"t": {"pod": 9}}) == {"t": {"kind": "clos", "pod": 9}}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("a.b=3", {"a": {"b": 3}}),
        ("a.b=3.5", {"a": {"b": 3.5}}),
        ("a.b=true", {"a": {"b": True}}),
        ("a.b=10 min", {"a": {"b": "10 min"}}),
        ('a.b="x=y"', {"a": {"b": "x=y"}}),
        ("a.b=fat-tree", {"a": {"b": "fat-tree"}}),
        ('a.b={ kind = "fixed", every = "10 min" }', {"a": {"b": {"kind": "fixed", "every": "10 min"}}}),
        ("a.b=[1, 1, 7]", {"a": {"b": [1, 1, 7]}}),
        ("a.b=1\nc=2", {"a": {"b": "1\nc=2"}}),
        ("a.b=", {"a": {"b": ""}}),
        (" a . b = 3 ", {"a": {"b": 3}}),
    ],
)
def test_an_override_is_typed_as_toml_with_text_as_fallback(override: str, expected: dict[str, Any]) -> None:
    assert overridden({}, [override]) == expected


def test_an_override_reaches_into_a_list_and_leaves_the_original() -> None:
    tree = {"training": {"phases": [{"tokens": 1}, {"tokens": 2}]}}
    assert overridden(tree, ["training.phases.1.tokens=5"])["training"]["phases"] == [{"tokens": 1}, {"tokens": 5}]
    assert tree["training"]["phases"][1] == {"tokens": 2}


def test_the_last_of_two_overrides_holds() -> None:
    assert overridden({}, ["a=1", "a=2"]) == {"a": 2}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("cluster.nodes", "expected dotted.key=value"),
        ("=3", "expected dotted.key=value"),
        ("a..b=3", "expected dotted.key=value"),
        ("n.x=3", "'x' lies inside 5; expected a key of a table"),
        ("l.7=3", "'7' lies inside a list of 2; expected 0 to 1"),
    ],
)
def test_an_override_that_reaches_nothing_says_why(override: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        overridden({"n": 5, "l": [1, 2]}, [override])


def test_an_unknown_key_of_an_override_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"cluster\.spare_node: unknown key 'spare_node'; did you mean 'spare_nodes'"):
        load_scenario("tiny", ["cluster.spare_node=3"])


@pytest.mark.parametrize("key", ["a.'b.c'.d", 'a."b.c".d', ' a . "b.c" . d '])
def test_a_part_of_a_key_may_be_quoted(key: str) -> None:
    assert overridden({}, [f"{key}=1"]) == {"a": {"b.c": {"d": 1}}}


@pytest.mark.parametrize("key", ["a.'b", 'a."b', "a.''", "a.", ".a", "a. .b"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(InputError, match=r"expected dotted\.key=value"):
        overridden({}, [f"{key}=1"])


def test_an_unknown_base_names_the_file_that_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nextends = "tinny"\n')
    with pytest.raises(UnknownNameError, match=r"mine\.toml: extends .*unknown preset 'tinny'; did you mean 'tiny'"):
        read_scenario(str(path))
    path.write_text('name = "mine"\nextends = "none.toml"\n')
    with pytest.raises(InputError, match=r"mine\.toml: extends: .*none\.toml: no such file"):
        read_scenario(str(path))


def test_the_presets_are_there() -> None:
    assert {"llama3-405b", "llama3-405b-54d", "gpt3-175b", "tiny"} <= set(preset_names())


def test_another_kind_by_override_drops_the_arguments_of_the_old_one() -> None:
    tree = {"topology": {"kind": "clos", "pod": 8}, "nodes": 2}
    changed = overridden(tree, ["topology.kind=leaf-spine", "topology.radix=16"])
    assert changed == {"topology": {"kind": "leaf-spine", "radix": 16}, "nodes": 2}
    assert overridden(tree, ["topology.kind=clos"]) == tree


def test_another_law_of_a_cause_keeps_its_name_and_component() -> None:
    tree = {"causes": [{"component": "gpu", "name": "Faulty", "kind": "weibull", "mean": "1 d", "shape": 0.7}]}
    changed = overridden(tree, ["causes.0.kind=exponential", "causes.0.mean=2 d"])
    assert changed["causes"] == [{"component": "gpu", "name": "Faulty", "kind": "exponential", "mean": "2 d"}]


NETWORK = {"network": {"sharing": "max-min", "routing": "ecmp", "queue_pairs": 16}}


@pytest.mark.parametrize(
    ("key", "value", "left"),
    [
        ("routing", "adaptive", {"sharing": "max-min", "routing": "adaptive"}),
        ("routing", "ecmp", NETWORK["network"]),
        ("sharing", "ideal", {"sharing": "ideal"}),
        ("queue_pairs", 4, {"sharing": "max-min", "routing": "ecmp", "queue_pairs": 4}),
    ],
)
def test_another_routing_or_sharing_drops_what_only_the_old_one_reads(
    key: str, value: object, left: dict[str, object]
) -> None:
    assert merged(NETWORK, {"network": {key: value}}) == {"network": left}
    assert overridden(NETWORK, [f"network.{key}={value}"]) == {"network": left}
    assert load_scenario("llama3-405b", [f"cluster.network.{key}={value}"]).name == "llama3-405b"
