"""Outages of the network in a scenario: which keys go together, and what follows from them."""

from typing import Any

import pytest

from sim.errors import InputError
from sim.reliability.records import Law
from sim.scenario import Scenario, canonical_text, scenario_of
from tests.scenario.trees import WITHOUT_MODEL, changed

WIRED = changed(WITHOUT_MODEL, cluster__topology={"kind": "leaf-spine", "radix": 512}, cluster__nodes=16)
LEAF = {"component": "leaf", "name": "ToR", "kind": "exponential", "mean": "160 y", "repair": "12 h"}


def resolved(*causes: dict[str, Any], tree: dict[str, Any] = WIRED, **changes: Any) -> Scenario:
    return scenario_of(changed(tree, failures={"causes": list(causes)}, **changes), "file.toml")


def test_an_outage_takes_no_node_to_repair_and_keeps_its_law() -> None:
    (found,) = resolved(LEAF, repair=None).failures.classes
    assert (found.outage, found.replace, found.names) == (Law(kind="constant", mean_s=43_200.0), False, ())


def test_a_link_without_repair_stops_the_job_and_takes_its_node_as_ever() -> None:
    link = {"component": "link", "name": "cable", "kind": "exponential", "mean": "9 y"}
    (found,) = resolved(link).failures.classes
    assert (found.outage, found.replace) == (None, True)
    (found,) = resolved({**link, "repair": {"kind": "exponential", "mean": "4 h"}}).failures.classes
    assert (found.outage, found.replace) == (Law(kind="exponential", mean_s=14_400.0), False)


def test_a_nic_of_two_ports_is_two_endpoints_with_half_of_it_each() -> None:
    causes = [
        {"component": component, "name": component, "kind": "exponential", "mean": "9 y", "repair": "4 h"}
        for component in ("nic", "link")
    ]
    found = resolved(*causes, cluster__nic_ports=2)
    assert (found.machines.node.nics, found.machines.node.nic_bandwidth_bytes_per_s) == (16, 25e9)
    assert [each.per_node for each in found.failures.classes] == [8, 16]


@pytest.mark.parametrize(
    ("cause", "changes", "expected"),
    [
        ({**LEAF, "repair": None}, {}, "'ToR': got no repair; expected how long a leaf is out, such as '4 h'"),
        (
            {**LEAF, "component": "gpu"},
            {},
            "repair belongs to parts of the network; a gpu is repaired as [repair] says",
        ),
        ({**LEAF, "component": "link", "replace": True}, {}, "got both repair, which leaves nodes where they are"),
        ({**LEAF, "component": "leef"}, {}, "did you mean 'leaf'"),
        (LEAF, {"cluster__topology": None}, "'ToR' is an outage of the network; expected a cluster.topology"),
        (LEAF, {"cluster__nic_ports": 0}, "cluster.nic_ports"),
    ],
)
def test_what_does_not_go_together_is_refused(cause: dict[str, Any], changes: dict[str, Any], expected: str) -> None:
    given = {key: value for key, value in cause.items() if value is not None}
    with pytest.raises(InputError) as caught:
        resolved(given, **changes)
    assert expected in str(caught.value)


def test_ports_must_divide_evenly_over_gpus() -> None:
    with pytest.raises(InputError, match=r"cluster\.nic_ports: got 3, expected whole ports for each of the 8 GPUs"):
        resolved(LEAF, cluster__node="ibm-a100-2x200g", cluster__nic_ports=3)


def test_a_scenario_without_outages_keeps_the_name_of_its_runs() -> None:
    text = canonical_text(scenario_of(WITHOUT_MODEL, "file.toml"))
    assert not {name for name in ("nic_ports", "outage", "names", "stops") if f'"{name}"' in text}
