"""Messages take ports that the fabric joins: matching planes, the target's rail, or a neighbour on it."""

import networkx as nx
import numpy as np
import pytest

from sim.catalog.records import Node
from sim.cluster.examples import node
from sim.cluster.fabric.protocols import FLUID
from sim.cluster.network import Network
from sim.cluster.records import Cluster, NetworkSettings
from sim.errors import TopologyError
from tests.cluster.graphs import cluster, direct


def apart(leaves: int, nodes: int, each: Node) -> Cluster:
    """Return leaves without a link between them, NIC e on leaf e modulo leaves: rails only, or planes of ports."""
    graph = direct(nx.empty_graph(leaves), down=0)
    for endpoint in range(nodes * each.nics):
        graph.add_node(f"nic-{endpoint:06d}", kind="nic", tier=0)
        leaf = f"router-{endpoint % leaves}"
        graph.add_edge(f"nic-{endpoint:06d}", leaf, count=1, bandwidth_bytes_per_s=50e9, latency_s=500e-9)
    return cluster(graph, each)


def network(built: Cluster, routing: str = "adaptive") -> Network:
    return Network(built, NetworkSettings(routing=routing), (FLUID,))


RAILS = apart(4, 4, node(gpus=4, nics=4))


@pytest.mark.parametrize("routing", ["adaptive", "ecmp", "d-mod-k"])
def test_a_message_between_rails_goes_over_scale_up_to_the_right_rail(routing: str) -> None:
    cost = network(RAILS, routing).cost("p2p", np.array([[0, 5]]), 1e9)
    assert cost.time_s == pytest.approx(1e-6 + 1e9 / 50e9)


def test_rings_and_trees_whose_ends_are_on_different_rails_are_relayed_too() -> None:
    """GPUs 0 and 5 share no rail: 0 sends by GPU 1's NIC, 5 by that of GPU 4."""
    for algorithm in ("ring", "tree"):
        cost = network(RAILS).cost("all-reduce", np.array([[0, 5]]), 1e9, algorithm)
        assert cost.bottleneck == "nic"
        assert cost.time_s > 1e9 / 50e9


def test_relayed_messages_share_the_nic_of_their_rail() -> None:
    cost = network(RAILS).cost("p2p", np.array([[0, 5], [1, 9]]), 1e9)
    assert cost.time_s == pytest.approx(1e-6 + 2 * 1e9 / 50e9)
    assert cost.load == pytest.approx(2.0)


def test_all_to_all_over_rails_keeps_to_them() -> None:
    cost = network(RAILS).cost("all-to-all", np.arange(16)[None], 16e9)
    assert cost.time_s == pytest.approx(1e-6 + 12 * 1e9 / 50e9)


def test_without_scale_up_different_rails_do_not_meet() -> None:
    built = apart(2, 4, node(gpus=1, nics=1))
    assert network(built).cost("p2p", np.array([[0, 2]]), 1e9).time_s > 0
    with pytest.raises(TopologyError, match=r"node 0 has no path to node 1: .* no scale-up link to relay over"):
        network(built).cost("p2p", np.array([[0, 1]]), 1e9)


def test_a_domain_of_several_nodes_relays_by_any_of_its_nics() -> None:
    built = apart(2, 4, node(gpus=1, nics=1, domain=2))
    assert network(built).cost("p2p", np.array([[0, 3]]), 1e9).time_s == pytest.approx(1e-6 + 1e9 / 50e9)


def test_ports_of_a_gpu_keep_to_their_plane() -> None:
    """Two planes, port i of every GPU on plane i: both carry half, as one NIC of twice the bandwidth would."""
    built = apart(2, 4, node(gpus=1, nics=2))
    cost = network(built).cost("all-gather", np.arange(4)[None], 1e9)
    assert cost.time_s == pytest.approx(3 * 1e-6 + 3 / 4 * 1e9 / 100e9)
    assert cost.load == pytest.approx(1.0)


def test_a_lost_port_leaves_the_other_plane() -> None:
    built = apart(2, 4, node(gpus=1, nics=2))
    built.graph.remove_edge("nic-000002", "router-0")
    cost = network(built).cost("p2p", np.array([[0, 1]]), 1e9)
    assert cost.time_s == pytest.approx(1e-6 + 1e9 / 50e9)
    built.graph.add_edge("nic-000002", "router-0", count=1, bandwidth_bytes_per_s=50e9, latency_s=500e-9)


def test_a_gpu_with_no_port_left_stops_the_job() -> None:
    built = apart(2, 4, node(gpus=1, nics=2))
    built.graph.remove_edges_from([("nic-000002", "router-0"), ("nic-000003", "router-1")])
    with pytest.raises(TopologyError, match="job stops: node 1 has no path: endpoint nic-000002 has no link"):
        network(built).cost("p2p", np.array([[0, 1]]), 1e9)


def test_ports_that_the_fabric_does_join_stand_in_for_each_other() -> None:
    """Two leaves with a link: a port lost at the target halves it, and the source still sends by both."""
    built = apart(2, 2, node(gpus=1, nics=2))
    built.graph.add_edge("router-0", "router-1", count=2, bandwidth_bytes_per_s=50e9, latency_s=500e-9)
    built.graph.remove_edge("nic-000002", "router-0")
    cost = network(built).cost("p2p", np.array([[0, 1]]), 1e9)
    assert cost.bottleneck == "nic"
    assert cost.time_s == pytest.approx(1.5e-6 + 1e9 / 50e9)
