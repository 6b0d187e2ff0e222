"""Failure domains and correlated failures in a scenario: which keys go together, and what follows from them."""

from typing import Any

import pytest

from sim.cluster.domains import DomainSize
from sim.errors import InputError
from sim.reliability.records import Correlated, Law
from sim.scenario import Scenario, canonical_text, scenario_of
from tests.scenario.trees import WITHOUT_MODEL, changed

RACK = {"component": "rack", "name": "busbar", "kind": "exponential", "mean": "9 y"}
GPU = {"component": "gpu", "name": "GPU", "kind": "exponential", "mean": "400 d"}
TOGETHER = {"domain": "rack", "share": 0.03, "hit": 0.5}
WIRED = {"kind": "leaf-spine", "radix": 512}


def resolved(*causes: dict[str, Any], domains: dict[str, Any] | None = None, **changes: Any) -> Scenario:
    tree = changed(WITHOUT_MODEL, failures={"causes": list(causes)}, **changes)
    if domains is not None:
        tree["cluster"]["domains"] = domains
    return scenario_of(tree, "file.toml")


def test_a_domain_takes_its_nodes_to_repair_unless_it_is_only_out() -> None:
    (lost,) = resolved(RACK, domains={"rack": {"nodes": 4}}).failures.classes
    assert (lost.component, lost.replace, lost.outage) == ("rack", True, None)
    (out,) = resolved({**RACK, "repair": "4 h"}, domains={"rack": {"nodes": 4}}, repair=None).failures.classes
    assert (out.replace, out.outage, out.of_network) == (False, Law(kind="constant", mean_s=14_400.0), False)


def test_sizes_are_kept_by_kind() -> None:
    power = {**RACK, "component": "power-domain"}
    found = resolved(power, domains={"rack": {"nodes": 4}, "power-domain": {"racks": 8}})
    assert found.machines.domains == (("power-domain", DomainSize(racks=8)), ("rack", DomainSize(nodes=4)))


def test_correlated_failures_keep_what_was_said_of_them() -> None:
    (found,) = resolved({**GPU, "correlated": TOGETHER}, domains={"rack": {"nodes": 2}}).failures.classes
    assert found.correlated == Correlated(domain="rack", share=0.03, hit=0.5)
    assert found.life == Law(kind="exponential", mean_s=400 * 86_400.0)


def test_a_share_of_nothing_is_the_scenario_without_it() -> None:
    apart = resolved(GPU, cluster__topology=WIRED)
    none = resolved({**GPU, "correlated": {**TOGETHER, "share": 0}}, cluster__topology=WIRED)
    assert none == apart
    assert canonical_text(none) == canonical_text(apart)


def test_a_scenario_without_domains_keeps_the_name_of_its_runs() -> None:
    text = canonical_text(resolved(GPU))
    assert not {name for name in ("holds", "correlated", "domains") if f'"{name}"' in text}


@pytest.mark.parametrize(
    ("component", "stated", "per_node"),
    [("hbm", None, 8), ("hbm", 40, 40), ("cpu", None, 2), ("psu", 6, 6), ("ssd", 8, 8), ("nvlink", 144, 144)],
)
def test_parts_of_a_node_are_counted_by_its_record_or_as_stated(
    component: str, stated: int | None, per_node: int
) -> None:
    cause = {**GPU, "component": component, **({} if stated is None else {"per_node": stated})}
    (found,) = resolved(cause).failures.classes
    assert (found.per_node, found.replace) == (per_node, True)


@pytest.mark.parametrize(
    ("cause", "domains", "expected"),
    [
        (RACK, None, "cluster.domains.rack: is missing, and there is no cluster.topology"),
        ({**RACK, "component": "power-domain"}, {"power-domain": {"racks": 2}}, "cluster.domains.rack: is missing"),
        ({**GPU, "correlated": TOGETHER}, None, "cluster.domains.rack: is missing"),
        (
            GPU,
            {"rack": {"nodes": 2}},
            "cluster.domains.rack: nothing reads it; expected a cause of failure that hits a",
        ),
        (RACK, {"rack": {"racks": 2}}, "cluster.domains.rack: got racks; expected its nodes"),
        (RACK, {"rack": {}}, "cluster.domains.rack: got neither nodes nor racks; expected one of them"),
        (RACK, {"rack": {"nodes": 2, "racks": 2}}, "got both nodes and racks; expected one of them"),
        (RACK, {"rak": {"nodes": 2}}, "unknown failure domain 'rak'; did you mean 'rack'?"),
        (RACK, {"rack": {"node": 2}}, "unknown key 'node'; did you mean 'nodes'?"),
        (
            {**RACK, "repair": "4 h", "replace": True},
            {"rack": {"nodes": 2}},
            "got both repair, which leaves nodes where",
        ),
        ({**GPU, "correlated": {**TOGETHER, "share": 1}}, {"rack": {"nodes": 2}}, "share: got 1, expected less than 1"),
        ({**GPU, "correlated": {**TOGETHER, "hit": 0}}, {"rack": {"nodes": 2}}, "hit: got 0, expected more than 0"),
        ({**GPU, "correlated": {**TOGETHER, "domain": "row"}}, {"rack": {"nodes": 2}}, "unknown domain 'row'"),
        (
            {**GPU, "kind": "weibull", "shape": 0.7, "correlated": TOGETHER},
            {"rack": {"nodes": 2}},
            "'GPU': correlated: shocks leave the rate of a weibull life not what it is; expected exponential",
        ),
        (
            {**GPU, "component": "job", "correlated": TOGETHER},
            {"rack": {"nodes": 2}},
            "correlated: a job is no part of a node; expected one of gpu",
        ),
        ({**GPU, "component": "psu"}, None, "'GPU': got no per_node; the record of 'dgx-h100' does not count its psus"),
        ({**GPU, "per_node": 4}, None, "got per_node 4, but a gpu is counted by itself: 8; expected per_node only of"),
        ({**GPU, "component": "rak"}, None, "did you mean 'rack'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    cause: dict[str, Any], domains: dict[str, Any] | None, expected: str
) -> None:
    with pytest.raises(InputError) as caught:
        resolved(cause, domains=domains)
    assert expected in str(caught.value)


def test_the_rate_of_a_job_counts_what_fails_together_once() -> None:
    # 512 nodes with 8 GPUs of a mean life of an hour fail 1.14 times a second, too often; less a third, they may.
    often = {**GPU, "mean": "1 h"}
    with pytest.raises(InputError, match=r"the job would fail every 0\.879 s on average"):
        resolved(often)
    shared = {"domain": "rack", "share": 0.3, "hit": 1}
    (found,) = resolved({**often, "correlated": shared}, domains={"rack": {"nodes": 4}}).failures.classes
    assert found.correlated is not None
