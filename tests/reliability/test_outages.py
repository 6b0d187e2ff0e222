"""What the graph says of outages: who is cut off, which step is simulated, and what is not simulated twice."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sim.cluster.build import build_cluster
from sim.cluster.examples import accelerator, node
from sim.cluster.network import Network
from sim.cluster.records import NetworkSettings
from sim.errors import TopologyError
from sim.reliability.failures.outages import SEVERED, GraphJudge, Lost, Seats, wired
from sim.reliability.records import FailureClass, Law
from sim.workload.profile import StepProfile
from tests.ledger.traces import profile_of

WHOLE = profile_of({"compute_ideal": 500, "comm_data": 500})
ALL = tuple(range(4))


class Steps:
    """Steps that take as long as the lost bandwidth of endpoints says, and a count of how often they are asked for."""

    def __init__(self, *, path: bool = True) -> None:
        self.asked: list[tuple[int, Seats]] = []
        self.path = path

    def __call__(self, network: Network, seats: Seats) -> Sequence[StepProfile]:
        lost = int((network.fabric.leaf < 0).sum())
        self.asked.append((lost, seats))
        if not self.path:
            raise TopologyError("job stops: no path")
        slow = 1000 * (1 + lost)
        return [replace(WHOLE, step_time_ns=slow, state_ns={"compute_ideal": 500, "comm_data": slow - 500})]


def judge(steps: Steps, kind: str = "alibaba-hpn", nics: int = 16, ports: int = 2, nodes: int = 6) -> GraphJudge:
    """Return the judge of a job on the first four of six nodes."""
    built = build_cluster(kind, {}, node(gpus=8, nics=nics), accelerator(), nodes)
    return GraphJudge(Network(built, NetworkSettings()), 4, ports, [WHOLE], steps)


def link(endpoint: int) -> Lost:
    return Lost("link", endpoint, "")


def test_a_whole_network_is_condition_0_and_asks_for_no_step() -> None:
    steps = Steps()
    each = judge(steps)
    assert (each.cut([], ALL), each.condition([], ALL), each.step_us(0)) == (frozenset(), 0, (1,))
    assert steps.asked == []


def test_a_step_is_simulated_once_for_each_state_of_the_network() -> None:
    steps = Steps()
    each = judge(steps)
    assert [each.condition([link(port)], ALL) for port in (0, 5, 0)] == [1, 1, 1]
    assert each.condition([link(0), link(5)], ALL) == 2
    assert each.step_us(2) == (3,)
    assert len(steps.asked) == 3


def test_a_port_of_a_node_outside_the_job_slows_nobody() -> None:
    steps = Steps()
    assert judge(steps).condition([link(4 * 16)], ALL) == 0
    assert steps.asked == []


def test_a_replacement_takes_the_place_of_its_predecessor_with_its_own_ports() -> None:
    steps = Steps()
    each = judge(steps)
    # Node 4 sits in the seat of node 1: its dead port counts there, that of node 1 counts no more.
    seats = (0, 4, 2, 3)
    assert each.condition([link(4 * 16 + 3)], seats) == each.condition([link(16 + 3)], ALL) == 1
    assert each.condition([link(16 + 3)], seats) == 0
    assert steps.asked == [(1, ALL)]


def test_where_a_place_is_cut_off_nodes_are_where_they_are() -> None:
    steps = Steps()
    each = judge(steps)
    both = [Lost("leaf", 0, "plane-0-leaf-0-0"), Lost("leaf", 8, "plane-1-leaf-0-0")]
    each.condition(both, (5, 4, 2, 3))
    assert steps.asked[-1][1] == (5, 4, 2, 3)


def test_a_nic_takes_all_of_its_ports() -> None:
    each = judge(Steps())
    assert each.cut([Lost("nic", 1, "")], ALL) == {0}
    assert each.cut([link(2)], ALL) == frozenset()
    assert judge(Steps(), ports=1).cut([Lost("nic", 1, "")], ALL) == frozenset()


def test_ranks_without_a_path_sever_the_job() -> None:
    assert judge(Steps(path=False)).condition([link(0)], ALL) == SEVERED


def test_with_a_given_step_time_damage_that_cuts_nothing_off_costs_nothing() -> None:
    steps = Steps()
    each = judge(steps)
    each.profiles[0] = ()
    assert each.condition([link(0)], ALL) == 0 and steps.asked == []


@pytest.mark.parametrize(
    ("kind", "nics", "component", "stops"),
    [
        ("alibaba-hpn", 16, "link", False),
        ("alibaba-hpn", 16, "leaf", False),
        ("alibaba-hpn", 16, "nic", True),
        ("alibaba-hpn", 16, "cable", False),
        ("alibaba-hpn", 16, "core", False),
        ("rail-optimized", 8, "link", True),
        ("rail-optimized", 8, "leaf", True),
        ("rail-optimized", 8, "spine", False),
    ],
)
def test_dual_tor_survives_what_stops_a_single_tor(kind: str, nics: int, component: str, stops: bool) -> None:
    each = judge(Steps(), kind, nics, ports=nics // 8)
    failure = FailureClass(
        cause="c",
        component=component,
        per_node=nics,
        life=Law(kind="exponential", mean_s=1e6),
        replace=False,
        outage=Law(mean_s=60.0),
    )
    (found,) = wired([failure], each.network.fabric, each, 4)
    assert found.stops is stops
    assert bool(found.names) == (component in ("leaf", "cable", "spine"))


def test_a_port_that_keeps_a_part_is_slow_where_its_node_sits_and_causes_multiply() -> None:
    capacities: list[list[float]] = []

    def steps(network: Network, seats: Seats) -> Sequence[StepProfile]:
        capacities.append(network.fabric.nic_capacity_bytes_per_s.tolist())
        return [replace(WHOLE, step_time_ns=2000, state_ns={"compute_ideal": 500, "comm_data": 1500})]

    each = judge(Steps())
    each._steps_of = steps
    whole = each.network.fabric.nic_capacity_bytes_per_s[0]
    # Node 4 sits in the seat of node 1: half of its first NIC, which has two ports, and of one of them half again.
    slow = [Lost("nic", 4 * 8, "", 0.5), Lost("link", 4 * 16, "", 0.5)]
    assert each.cut([], ALL) == frozenset()
    assert each.condition(slow, (0, 4, 2, 3)) == 1
    assert capacities[0][15:19] == [whole, whole / 4, whole / 2, whole]
    assert each.condition(slow, ALL) == 0
