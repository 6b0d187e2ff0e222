"""[cluster.front_end] says what joins nodes and store; a scenario without it keeps its name."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sim import catalog
from sim.cluster.front_end import Ports
from sim.errors import InputError
from sim.machine import build_machine
from sim.scenario import canonical_text, load_scenario, scenario_of, scenario_schema
from sim.scenario.front_end import TECHNOLOGIES
from tests.scenario.trees import WITH_MODEL, WITHOUT_MODEL, changed

TABLE: dict[str, Any] = {
    "nic_bandwidth": "200 Gbit/s",
    "topology": {"kind": "leaf-spine", "radix": 64, "down": 48, "up": 16},
    "storage_ports": 64,
}


def asking(tree: dict[str, Any] = WITH_MODEL, /, **changes: Any):
    return scenario_of(changed(tree, cluster__front_end=changed(TABLE, **changes)), "small.toml")


def test_what_is_left_out_follows_from_the_nodes() -> None:
    choice = asking().machines.front_end
    assert choice is not None
    assert choice.ports == Ports(
        nics=1, nic_bandwidth_bytes_per_s=25e9, storage_ports=64, storage_port_bandwidth_bytes_per_s=25e9
    )
    assert choice.technology == "infiniband"


def test_the_store_has_ports_of_its_own_bandwidth_and_place() -> None:
    choice = asking(
        nics=2, storage_port_bandwidth="50 GB/s", storage_placement="spread", technology="ethernet"
    ).machines.front_end
    assert choice is not None
    assert (choice.ports.nics, choice.ports.storage_port_bandwidth_bytes_per_s) == (2, 50e9)
    assert (choice.ports.storage_placement, choice.technology) == ("spread", "ethernet")


def test_a_scenario_without_it_keeps_its_canonical_form() -> None:
    assert "front_end" not in canonical_text(load_scenario("llama3-405b"))
    assert '"storage_ports":64' in canonical_text(asking())
    assert canonical_text(asking()) != canonical_text(asking(storage_ports=32))


def test_job_and_spare_nodes_are_on_it() -> None:
    tree = changed(WITH_MODEL, cluster__spare_nodes=3, cluster__front_end=TABLE)
    machine = build_machine(scenario_of(tree, "small.toml"))
    assert machine is not None
    assert machine.front_end is not None
    assert (len(machine.front_end.nics), len(machine.front_end.storage)) == (7, 64)


def test_technologies_are_those_of_the_catalog() -> None:
    assert {*TECHNOLOGIES} == {switch.technology for switch in catalog.switches()}


def test_it_is_in_the_schema() -> None:
    validator = Draft202012Validator(scenario_schema())
    validator.validate(changed(WITH_MODEL, cluster__front_end=TABLE))
    assert not validator.is_valid(changed(WITH_MODEL, cluster__front_end={**TABLE, "storage_port": 1}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nic_bandwidth": "0 Gbit/s"}, "cluster.front_end.nic_bandwidth: got 0, expected more than 0"),
        ({"storage_port_bandwidth": "0 B/s"}, "cluster.front_end.storage_port_bandwidth: got 0, expected more than 0"),
        ({"nic_bandwidth": 200}, "cluster.front_end.nic_bandwidth: "),
        ({"storage_ports": None}, "cluster.front_end.storage_ports: is missing; cluster.front_end needs nic_bandwidth"),
        ({"storage_ports": 0}, "cluster.front_end.storage_ports: got 0, expected more than 0"),
        ({"nics": 3}, "cluster.front_end.storage_ports: got 64, expected a multiple of nics = 3"),
        ({"topology": None}, "cluster.front_end.topology: is missing"),
        (
            {"topology__kind": "leafspine"},
            "cluster.front_end.topology.kind: unknown topology kind 'leafspine'; did you",
        ),
        (
            {"topology__radx": 4},
            "cluster.front_end.topology: unknown argument of leaf_spine 'radx'; did you mean 'radix'",
        ),
        ({"topology__up": [1, float("inf")]}, "cluster.front_end.topology.up: got inf, expected a finite number"),
        (
            {"storage_port": 4},
            "cluster.front_end.storage_port: unknown key 'storage_port'; did you mean 'storage_ports'",
        ),
        (
            {"technology": "ethrnet"},
            "cluster.front_end.technology: unknown technology 'ethrnet'; did you mean 'ethernet'",
        ),
        ({"storage_placement": "spred"}, "cluster.front_end.storage_placement: unknown storage placement 'spred'"),
    ],
)
def test_what_makes_no_sense_is_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        asking(**changes)
    assert str(caught.value).startswith(f"small.toml: {message}")
    assert "\n" not in str(caught.value)


def test_without_a_store_it_leads_nowhere() -> None:
    with pytest.raises(InputError, match=r"cluster\.front_end: leads to no store; expected cluster\.storage"):
        asking(WITHOUT_MODEL)


def test_a_topology_too_small_for_nodes_and_store_is_one_line() -> None:
    scenario = asking(topology={"kind": "leaf-spine", "radix": 8, "leaves": 2})
    with pytest.raises(InputError) as caught:
        build_machine(scenario)
    assert str(caught.value) == (
        "cluster.front_end.topology: leaf-spine: endpoints: got 68, but a leaf-spine of 2 leaves with 4 endpoints each "
        "holds at most 8; 4 nodes x 1 NICs + 64 ports of the store = 68"
    )
