"""What is wrong with a scenario is said in one line each: where, what it got, what was expected, the nearest name."""

from typing import Any

import pytest

from sim.errors import InputError, LayoutError, ScenarioError, UnknownNameError
from sim.scenario import scenario_of
from tests.scenario.trees import WITH_MODEL, WITHOUT_MODEL, changed


def message(tree: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        scenario_of(tree, "file.toml")
    text = str(caught.value)
    assert all(line.startswith("file.toml: ") for line in text.splitlines())
    return text


@pytest.mark.parametrize("tree", [WITH_MODEL, WITHOUT_MODEL], ids=["with a model", "without"])
def test_the_scenarios_that_these_tests_break_are_sound(tree: dict[str, Any]) -> None:
    assert scenario_of(tree, "file.toml").name == tree["name"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"modle": {}}, "modle: unknown key 'modle'; did you mean 'model'?"),
        ({"cluster__spare_node": 1}, "cluster.spare_node: unknown key 'spare_node'; did you mean 'spare_nodes'?"),
        ({"parallelism__schedule": {"kind": "1f1b", "chunk": 2}}, "parallelism.schedule.chunk: unknown key 'chunk'"),
        ({"cluster__nodes": None}, "cluster.nodes: is missing; cluster needs node, nodes"),
        ({"name": None}, "name: is missing; a scenario needs name, cluster"),
        ({"name": ""}, "name: got '', expected text that is not empty"),
        ({"cluster__nodes": 2.5}, "cluster.nodes: got 2.5, expected a whole number"),
        ({"cluster__nodes": "4"}, "cluster.nodes: got '4', expected a whole number"),
        ({"cluster__nodes": True}, "cluster.nodes: got True, expected a whole number"),
        ({"cluster__nodes": 0}, "cluster.nodes: got 0, expected more than 0"),
        ({"cluster__spare_nodes": -1}, "cluster.spare_nodes: got -1, expected at least 0"),
        ({"cluster": 3}, "cluster: got 3, expected a table"),
        ({"training__phases": {"name": "x"}}, "training.phases: got {'name': 'x'}, expected a list"),
        ({"training__phases": [{"tokens": 1}]}, "training.phases.0.name: is missing; training.phases.0 needs name"),
        ({"parallelism__sequence_parallel": 1}, "parallelism.sequence_parallel: got 1, expected true or false"),
        ({"training__recompute": "ful"}, "training.recompute: unknown recompute 'ful'; did you mean 'full'?"),
        ({"run__horizon": 54}, "run.horizon: '54' has no unit; expected a time such as '30 min'"),
        ({"run__horizon": "400 Gbit/s"}, "run.horizon: '400 Gbit/s' is a bandwidth, expected a time"),
        ({"run__horizon": "0 s"}, "run.horizon: got 0, expected more than 0"),
        ({"run__start": "2024-02-30"}, "run.start: got '2024-02-30', expected a date"),
        ({"cluster__node": "dgx-h10"}, "cluster.node: unknown node 'dgx-h10'; did you mean 'dgx-h100'?"),
        ({"cluster__storage": "tectonic"}, "cluster.storage: unknown storage 'tectonic'; did you mean 'tectonic-2024'"),
        ({"model__preset": "llama3.1-8c"}, "model.preset: unknown model 'llama3.1-8c'; did you mean 'llama3-8b'?"),
        ({"training__software": "meta"}, "training.software: unknown software 'meta'"),
        ({"training__precision": "fp9"}, "unknown precision of h100-sxm 'fp9'"),
        ({"cluster__topology": {"kind": "fat-tre", "k": 8}}, "cluster.topology.kind: unknown topology kind 'fat-tre'"),
        ({"cluster__topology": {"kind": "fat-tree", "kk": 8}}, "cluster.topology: unknown argument of fat_tree 'kk'"),
        ({"cost": {"prices": "2026-own", "acquisition": "own"}}, "cost.prices: unknown price book '2026-own'"),
        ({"cost": {"prices": "2026-owned", "acquisition": "rent"}}, "cost.acquisition: unknown acquisition 'rent'"),
    ],
)
def test_an_error_names_the_key_and_the_nearest(changes: dict[str, Any], expected: str) -> None:
    assert expected in message(changed(WITH_MODEL, **changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"parallelism__schedule": {"kind": "zb-v"}}, "schedule 'zb-v' is not modelled yet; expected one of: gpipe"),
        ({"parallelism__sharding": "zero3"}, "sharding 'zero3' is not modelled yet; expected one of: ddp, zero1"),
        ({"parallelism__context": 2}, "parallelism.context: context parallelism is not modelled yet: got 2"),
        ({"parallelism__expert": 8}, "parallelism.expert: expert parallelism is not modelled yet: got 8"),
        ({"model__attention": "mla"}, "model.attention: attention 'mla' is not modelled yet"),
        ({"model__experts": 8}, "mixture-of-experts and MLA steps are not modelled yet, expected a dense model"),
        ({"model__preset": "deepseek-v3"}, "deepseek-v3 has mla attention and 256 experts"),
        ({"cluster__placement": {"kind": "random"}}, "placement 'random' is not modelled yet; expected one of: packed"),
        ({"cluster__network": {"routing": "valiant"}}, "routing 'valiant' is not modelled yet"),
        ({"recovery": {"mode": "elastic", "detect": "1 s"}}, "recovery mode 'elastic' is not modelled yet"),
        ({"cost": {"prices": "2026-owned", "acquisition": "spot"}}, "acquisition 'spot' is not modelled yet"),
    ],
)
def test_what_is_not_modelled_is_refused_not_ignored(changes: dict[str, Any], expected: str) -> None:
    assert expected in message(changed(WITH_MODEL, **changes))


def test_every_problem_is_said_at_once_each_on_its_line() -> None:
    text = message(changed(WITH_MODEL, cluster__nods=3, run__horizon="5", training__tokens="many", cluster__storage=1))
    assert len(text.splitlines()) == 4


def test_problems_of_meaning_are_also_said_at_once() -> None:
    text = message(changed(WITH_MODEL, cluster__storage="none", training__software="none", run__work="3 d"))
    assert len(text.splitlines()) == 3
    assert "cluster.storage" in text
    assert "training.software" in text
    assert "run.work: got both tokens and work" in text


def test_no_line_is_said_twice() -> None:
    text = message(changed(WITHOUT_MODEL, cluster__node="dgx"))
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"cluster__node": "none"}, UnknownNameError),
        ({"parallelism__data": 3}, LayoutError),
        ({"run__work": "3 d"}, ScenarioError),
    ],
)
def test_a_single_problem_keeps_its_own_kind(changes: dict[str, Any], kind: type[InputError]) -> None:
    with pytest.raises(kind):
        scenario_of(changed(WITH_MODEL, **changes), "file.toml")
