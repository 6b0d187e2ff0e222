"""What is wrong with a scenario is said in one line each: where, what it got, what was expected, the nearest name."""

from datetime import datetime, time
from math import nan
from typing import Any

import pytest

from sim.errors import InputError, LayoutError, ScenarioError, UnknownNameError
from sim.scenario import scenario_of
from tests.scenario.trees import WITH_MODEL, WITHOUT_MODEL, changed

FIGURE = {"value": 1.0, "unit": "", "source": "a paper"}


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
        ({"name": None}, "name: is missing; the file needs name, cluster"),
        ({"name": ""}, "name: got '', expected text that is not empty"),
        ({"cluster__nodes": 2.5}, "cluster.nodes: got 2.5, expected a whole number"),
        ({"cluster__nodes": "4"}, "cluster.nodes: got '4', expected a whole number"),
        ({"cluster__nodes": True}, "cluster.nodes: got True, expected a whole number"),
        ({"cluster__nodes": 0}, "cluster.nodes: got 0, expected more than 0"),
        ({"cluster__spare_nodes": -1}, "cluster.spare_nodes: got -1, expected at least 0"),
        ({"cluster": 3}, "cluster: got 3, expected a table"),
        ({"training__phases": {"name": "x"}}, "training.phases: got one table with name; expected an array of tables"),
        ({"training__phases": [{"tokens": 1}]}, "training.phases.0.name: is missing; training.phases.0 needs name"),
        ({"parallelism__sequence_parallel": 1}, "parallelism.sequence_parallel: got 1, expected true or false"),
        ({"training__recompute": "ful"}, "training.recompute.kind: unknown recompute 'ful'; did you mean 'full'?"),
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
        ({"name": "../x"}, "name: got '../x', expected up to 80 letters, digits"),
        ({"name": "a\nb"}, "name: got 'a\\nb', expected up to 80 letters, digits"),
        ({"name": "x" * 81}, "expected up to 80 letters, digits"),
        (
            {"training__phases": [{"name": "", "tokens": 1}]},
            "training.phases.0.name: got '', expected text",
        ),
        ({"training__tokens": 1e30}, "training.tokens: got 1000000000000000019884624838656, expected at most 9007199"),
        (
            {"training__global_batch": 2**40},
            "training.global_batch: got 1,099,511,627,776, which is 274,877,906,944",
        ),
        (
            {"parallelism__schedule": "interleaved"},
            "parallelism.schedule: got 'interleaved', expected a table such as { kind = \"interleaved\" }",
        ),
        ({"model__layers": 10**12}, "model.layers: got 1,000,000,000,000, expected at most 100,000"),
        ({"cluster__nodes": 10**9}, "cluster.nodes: got 1000000000, expected at most 1000000"),
        ({"run__horizon": "1 ns"}, "run.horizon: '1 ns' is too short; expected at least 1 us"),
        ({"run__horizon": "1e299 d"}, "run.horizon: '1e299 d' is too long; expected at most 100000 y"),
        ({"run__start": datetime(2026, 3, 1, 10)}, "run.start: got 2026-03-01 10:00:00, expected a date"),
        (
            {"cluster__topology": {"kind": "fat-tree", "k": nan}},
            "cluster.topology.k: got nan, expected a finite",
        ),
        ({"cluster__topology": {"kind": "fat-tree", "k": [time(12)]}}, "cluster.topology.k: got 12:00:00, expected a"),
        (
            {"published": {"figures": {"nfu": FIGURE}}},
            "published.figures.nfu: unknown figure 'nfu'; did you mean",
        ),
        (
            {"cost": {"prices": "none.toml", "acquisition": "own"}},
            "cost.prices: none.toml: cannot be read: No such",
        ),
        ({"cost": {"prices": "2026-own", "acquisition": "own"}}, "cost.prices: unknown price book '2026-own'"),
        ({"cost": {"prices": "2026-owned", "acquisition": "rent"}}, "cost.acquisition: unknown acquisition 'rent'"),
    ],
)
def test_an_error_names_the_key_and_the_nearest(changes: dict[str, Any], expected: str) -> None:
    assert expected in message(changed(WITH_MODEL, **changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"parallelism__schedule": {"kind": "dualpipe"}, "parallelism__sharding": "zero3"},
            "parallelism.sharding: zero3 gathers the layers of one pass at a time, but dualpipe runs two passes as one",
        ),
        ({"parallelism__prefetch": 2}, "parallelism.prefetch: got 2, but sharding 'ddp' ignores it; expected"),
        (
            {"parallelism__sharding": "zero3", "parallelism__shard": 8},
            "parallelism.shard: got 8, but sharding 'zero3' ignores it; expected sharding 'hsdp'",
        ),
        (
            {"parallelism__sharding": "zero2", "parallelism__reshard_after_forward": False},
            "parallelism.reshard_after_forward: got False, but sharding 'zero2' ignores it; expected sharding 'zero3'",
        ),
        (
            {"parallelism__sharding": "hsdp", "parallelism__shard": 3},
            "parallelism.shard: 3 does not divide data x context",
        ),
        (
            {"cluster__placement": {"kind": "rail-aligned"}},
            "placement 'rail-aligned' is not modelled yet; expected one of",
        ),
    ],
)
def test_what_is_not_modelled_is_refused_not_ignored(changes: dict[str, Any], expected: str) -> None:
    assert expected in message(changed(WITH_MODEL, **changes))


QUEUED = {"routing": "ecmp", "queue_pairs": 4}
SYNCHRONOUS = {"interval": {"kind": "fixed", "every": "10 min"}, "asynchronous": False}


@pytest.mark.parametrize(
    ("tree", "changes", "expected"),
    [
        (WITH_MODEL, {"run__start": "2026-03-01"}, "run.start: dates the prices of [cost], and there is none"),
        (WITH_MODEL, {"checkpoint": None}, "cluster.storage: nothing reads it"),
        (WITHOUT_MODEL, {"cluster__storage": "nvme-server"}, "cluster.storage: nothing reads it"),
        (WITHOUT_MODEL, {"cluster__nic_ports": 2}, "cluster.nic_ports: nothing reads it"),
        (WITH_MODEL, {"cluster__network": {"queue_pairs": 4}}, "infiniband of 'dgx-h100' routes adaptively"),
        (WITH_MODEL, {"cluster__network": {**QUEUED, "routing": "spray"}}, "'spray' routing hashes no queue pairs"),
        (WITH_MODEL, {"cluster__network": {**QUEUED, "sharing": "ideal"}}, "ideal sharing routes nothing"),
        (WITH_MODEL, {"checkpoint": {**SYNCHRONOUS, "durable_after": "1 h"}}, "durable when its block ends"),
        (WITH_MODEL, {"checkpoint": {**SYNCHRONOUS, "max_in_flight": 2}}, "durable when its block ends"),
    ],
)
def test_what_nothing_reads_is_refused(tree: dict[str, Any], changes: dict[str, Any], expected: str) -> None:
    assert expected in message(changed(tree, **changes))


def test_what_is_read_under_its_condition_is_accepted() -> None:
    assert scenario_of(changed(WITH_MODEL, cluster__network=QUEUED), "f").machines.network.queue_pairs == 4
    assert scenario_of(changed(WITH_MODEL, checkpoint=SYNCHRONOUS), "f").checkpoint is not None


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
