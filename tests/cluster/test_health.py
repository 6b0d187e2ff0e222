"""What is lost or slow lowers bandwidth or stops the job, as the graph says."""

from dataclasses import replace

import numpy as np
import pytest

from sim.cluster.examples import node
from sim.cluster.fabric.protocols import FLUID
from sim.cluster.health import Fault, Health
from sim.cluster.network import Network
from sim.cluster.records import Cluster, NetworkSettings
from sim.errors import InputError, ScenarioError, TopologyError, UnknownNameError
from tests.cluster.graphs import cluster, folded

ACROSS = np.stack([np.arange(4), np.arange(4, 8)], axis=1)


def two_leaves(**health: object) -> Network:
    built = cluster(folded(leaves=2, down=4, spines=4, count=2), node())
    fault = Fault(**health)  # type: ignore[arg-type]
    return Network(replace(built, health=Health(faults=(fault,))), NetworkSettings(), (FLUID,))


def slower(network: Network) -> float:
    """Return the time of a shift over the spines, over that in full health (8 cables for 4 NICs: room for twice)."""
    times = [each.cost("p2p", ACROSS, 1e12).time_s for each in (network, network.changed(health=Health()))]
    return times[0] / times[1]


@pytest.mark.parametrize(
    ("what", "name", "factor", "count", "expected"),
    [
        ("link", "leaf-0-0 - spine-0-0", 0.0, None, 1.0),
        ("vertex", "spine-0-1", 0.0, None, 1.0),
        ("link", "leaf-0-0 - spine-0-0", 0.25, None, 2.0),
        ("link", "spine-0-0 - leaf-0-0", 0.25, 1, 2.0),
        ("class", "nic", 0.5, 1, 2.0),
        ("class", "nic", 0.5, 8, 2.0),
        ("vertex", "nic-000001", 0.5, None, 2.0),
        ("link", "nic-000001 - leaf-0-0", 0.5, None, 2.0),
        ("vertex", "leaf-0-0", 0.25, None, 4.0),
        ("class", "leaf-spine", 0.0, 1, 1.0),
    ],
)
def test_bandwidth_falls_as_the_graph_says(
    what: str, name: str, factor: float, count: int | None, expected: float
) -> None:
    network = two_leaves(what=what, name=name, factor=factor, count=count)
    assert slower(network) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("what", "name"), [("vertex", "leaf-0-0"), ("vertex", "nic-000001"), ("rail", "0")])
def test_a_single_tor_or_nic_lost_stops_the_job(what: str, name: str) -> None:
    with pytest.raises(TopologyError, match=r"job stops: node \d has no path: endpoint nic-00000\d has no link"):
        slower(two_leaves(what=what, name=name))


def dual_tor(lost: Fault | None) -> Network:
    """Return 32 nodes of 8 GPUs, each GPU with a port on either of two leaves of its rack."""
    graph = folded(leaves=8, down=64, spines=16, count=4)
    each = node(gpus=8, nics=16)
    built = cluster(graph, each)
    rack = np.arange(512).reshape(4, 64, 2).transpose(0, 2, 1).ravel()
    order = np.empty(512, dtype=np.int64)
    order[rack] = np.arange(512)
    built = replace(built, endpoints=tuple(built.endpoints[each] for each in order))
    faults = (lost,) if lost else ()
    return Network(replace(built, health=Health(faults=faults)), NetworkSettings(), (FLUID,))


def test_one_port_lost_on_dual_tor_halves_that_nic_and_the_job_goes_on() -> None:
    rings = np.arange(256).reshape(32, 8).T
    whole = dual_tor(None)
    lost = dual_tor(Fault(what="vertex", name=whole.cluster.endpoints[0]))
    kinds = (("all-reduce", "ring"), ("all-to-all", None))
    ratios = [
        lost.cost(kind, rings, 1e12, algorithm).time_s / whole.cost(kind, rings, 1e12, algorithm).time_s
        for kind, algorithm in kinds
    ]
    assert ratios == pytest.approx([2.0, 2.0], rel=1e-3)


def test_a_leaf_lost_on_dual_tor_leaves_half() -> None:
    rings = np.arange(256).reshape(32, 8).T
    whole = dual_tor(None)
    lost = whole.changed(health=Health(faults=(Fault(what="vertex", name="leaf-0-0"),)))
    ratio = lost.cost("all-reduce", rings, 1e12, "ring").time_s / whole.cost("all-reduce", rings, 1e12, "ring").time_s
    assert ratio == pytest.approx(2.0, rel=1e-3)


def in_a_node(count: int) -> Network:
    each = replace(node(gpus=4, nics=4), scale_up_switches=4)
    built = cluster(folded(leaves=2, down=4, spines=4), each)
    health = Health(faults=(Fault(what="nvswitch", name="1", count=count),))
    return Network(replace(built, health=health), NetworkSettings(), (FLUID,))


def test_a_lost_nvswitch_takes_its_part_of_the_scale_up_bandwidth() -> None:
    inside = np.arange(8).reshape(2, 4)
    whole_s = in_a_node(1).changed(health=Health()).cost("all-gather", inside, 1e12).time_s
    assert in_a_node(1).cost("all-gather", inside, 1e12).time_s == pytest.approx(whole_s * 4 / 3)
    assert in_a_node(4).cost("all-gather", inside[:1], 1e12).time_s == pytest.approx(whole_s)
    with pytest.raises(TopologyError, match="job stops: node 1 has no path between its GPUs"):
        in_a_node(4).cost("all-gather", inside, 1e12)


@pytest.mark.parametrize(
    ("what", "name", "count", "error", "message"),
    [
        ("vertex", "leaf-0-9", None, UnknownNameError, "unknown vertex 'leaf-0-9'; did you mean 'leaf-0-"),
        ("link", "leaf-0-0 - spine-9-0", None, UnknownNameError, "did you mean 'spine-0-0'"),
        ("link", "leaf-0-0 - leaf-0-1", None, ScenarioError, "no such link; leaf-0-0 is linked to spine-0-0"),
        ("link", "leaf-0-0 - nic-000005", None, ScenarioError, "no such link"),
        ("link", "leaf-0-0", None, ScenarioError, "expected a link by its ends"),
        ("link", "leaf-0-0 - spine-0-0", 3, ScenarioError, "got 3 cables .* at most 2"),
        ("class", "leaf-spin", 1, UnknownNameError, "did you mean 'leaf-spine'"),
        ("class", "spine", 5, ScenarioError, "got 5 of class spine, expected at most 4"),
        ("rail", "1", None, ScenarioError, "got rail 1, expected 0 to 0"),
        ("plane", "1", None, ScenarioError, "got plane 1, expected 0 to 0"),
    ],
)
def test_what_is_not_there_cannot_be_lost(
    what: str, name: str, count: int | None, error: type[InputError], message: str
) -> None:
    with pytest.raises(error, match=message):
        two_leaves(what=what, name=name, count=count)


def test_members_of_a_class_are_drawn_by_the_seed() -> None:
    built: Cluster = cluster(folded(leaves=8, down=2, spines=4), node())
    health = [Health(faults=(Fault(what="class", name="leaf-spine", count=3),), seed=seed) for seed in (1, 1, 2)]
    kept = [Network(replace(built, health=each), NetworkSettings()).fabric for each in health]
    assert [fabric.source.size for fabric in kept] == [2 * (32 - 3)] * 3
    assert np.array_equal(kept[0].target, kept[1].target)
    assert not np.array_equal(kept[0].target, kept[2].target)
