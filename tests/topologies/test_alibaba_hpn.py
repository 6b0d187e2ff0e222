"""HPN has the published segments, pods and ratios, and two ports a NIC in two planes."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.build import build_bare, endpoint_cluster
from sim.cluster.contract import check_graph
from sim.cluster.describe import describe
from tests.topologies.reference import cables, network, ports, switches
from topologies import alibaba_hpn
from topologies.alibaba_hpn import alibaba_hpn_plan

PUBLISHED = network()["published_cluster_tables"]["alibaba_hpn"]["params"]


def test_a_segment_has_the_published_hosts_and_leaves():
    graph = alibaba_hpn(segments=1)
    assert endpoint_cluster(graph).gpus == PUBLISHED["segment_gpus"]
    assert len({graph.nodes[nic]["node"] for nic in switches(graph, 0)}) == PUBLISHED["segment_hosts"]
    leaves = switches(graph, 1)
    assert len(leaves) == PUBLISHED["tors_per_segment"]
    up = {sum(graph.nodes[other]["tier"] == 2 for other in graph[leaf]) for leaf in leaves}
    assert up == {60}
    assert describe(graph)["oversubscription"][1] == pytest.approx(PUBLISHED["tor_oversub"], abs=5e-4)


def test_a_pod_has_the_published_gpus_and_spines():
    graph = alibaba_hpn(segments=PUBLISHED["segments_per_pod"])
    facts = describe(graph, PUBLISHED["pod_gpus"])
    assert facts["hosts"] == 2 * PUBLISHED["pod_gpus"] == 2 * endpoint_cluster(graph).gpus
    assert facts["switches_by_tier"] == {"leaf": 240, "spine": PUBLISHED["planes"] * PUBLISHED["agg_per_plane"]}
    assert {graph.nodes[spine]["plane"] for spine in switches(graph, 2)} == {0, 1}


def test_two_pods_meet_in_cores_with_15_to_1():
    graph = alibaba_hpn(segments=16)
    spine = "plane-0-spine-0-0"
    down = sum(link["count"] for other, link in graph[spine].items() if graph.nodes[other]["tier"] == 1)
    up = sum(link["count"] for other, link in graph[spine].items() if graph.nodes[other]["tier"] == 3)
    assert (down, up) == (120, 8)
    assert cables(graph, 2, 3) == 2 * 2 * 60 * 8


def test_the_two_ports_of_a_nic_are_on_two_leaves_in_two_planes():
    graph = alibaba_hpn(segments=2)
    for port in range(0, 4096, 2):
        one, other = (next(iter(graph[f"nic-{each:06d}"])) for each in (port, port + 1))
        assert (graph.nodes[one]["plane"], graph.nodes[other]["plane"]) == (0, 1)
        assert one.removeprefix("plane-0") == other.removeprefix("plane-1")


def test_backup_hosts_take_the_last_ports_of_their_segment():
    graph = alibaba_hpn(segments=2, backup_hosts=PUBLISHED["backup_hosts"])
    hosts = {graph.nodes[nic]["node"]: graph.nodes[nic]["segment"] for nic in switches(graph, 0)}
    assert len(hosts) == 2 * 136
    assert [hosts[host] for host in (0, 127, 128, 255, 256, 263, 264, 271)] == [0, 0, 1, 1, 0, 0, 1, 1]
    down = [nic for nic in graph["plane-0-leaf-1-7"] if graph.nodes[nic]["kind"] == "nic"]
    assert len(down) == 136


def test_uplinks_have_twice_the_bandwidth_of_a_port():
    graph = alibaba_hpn(endpoints=32, bandwidth_bytes_per_s=25e9)
    assert graph["plane-0-leaf-0-0"]["plane-0-spine-0-0"]["bandwidth_bytes_per_s"] == 50e9
    assert graph["nic-000000"]["plane-0-leaf-0-0"]["bandwidth_bytes_per_s"] == 25e9


def test_one_lost_leaf_leaves_every_host_in_reach():
    graph = build_bare("alibaba-hpn", {"endpoints": 320})
    graph.remove_nodes_from([nic for nic in [*graph["plane-0-leaf-0-3"]] if nic.startswith("nic")])
    check_graph(graph, 300, 1 << 30)
    assert nx.has_path(graph, "nic-000007", "nic-000023")  # the other port of that rail


@given(segments=st.integers(1, 3), backup=st.integers(0, 8), share=st.floats(0.01, 1.0))
def test_any_part_is_joined_by_its_hosts_within_its_ports(segments, backup, share):
    hosts = max(1, int(share * segments * (128 + backup)))
    graph = alibaba_hpn(endpoints=hosts * 4, nics_per_node=4, segments=segments, backup_hosts=backup)
    plan = alibaba_hpn_plan(endpoints=hosts * 4, nics_per_node=4, segments=segments, backup_hosts=backup)
    check_graph(graph, hosts * 4, 4)
    assert len(graph) - hosts * 4 == 2 * plan.switches
    assert all(ports(graph, leaf) <= 136 + 60 for leaf in switches(graph, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nics_per_node": 7}, "nics_per_node: got 7, expected an even number"),
        ({"backup_hosts": 9}, "backup_hosts: got 9, expected at most 8"),
        ({"segments": 1, "endpoints": 2064}, "endpoints: got 2,064, but HPN of 1 segment with 128 hosts holds at most"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        alibaba_hpn(**arguments)
    assert str(error.value).startswith(message)
