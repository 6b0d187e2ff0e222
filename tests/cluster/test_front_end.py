"""A front end: what the store gets over it, by hand, against max-min rates, and for every family."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.contract import check_graph
from sim.cluster.describe import oversubscription
from sim.cluster.fabric.arrays import fabric_arrays
from sim.cluster.fabric.fairshare import max_min_rates
from sim.cluster.fabric.fluid import fluid_paths
from sim.cluster.fabric.routing import Router
from sim.cluster.front_end import (
    FrontEnd,
    Ports,
    StoreAccess,
    build_front_end,
    front_end_materials,
    joined,
    store_access,
    store_places,
)
from sim.cluster.skeleton import skeleton
from sim.errors import InputError, TopologyError
from tests.cluster.hardware import cable, switch
from topologies import fat_tree

NIC = 25e9


def front_end(
    kind: str = "leaf-spine",
    arguments: Mapping[str, object] | None = None,
    *,
    nodes: int = 8,
    nics: int = 1,
    storage_ports: int = 4,
    port: float = NIC,
    placement: str = "packed",
) -> FrontEnd:
    ports = Ports(
        nics=nics,
        nic_bandwidth_bytes_per_s=NIC,
        storage_ports=storage_ports,
        storage_port_bandwidth_bytes_per_s=port,
        storage_placement=placement,
    )
    return build_front_end(kind, arguments or {}, ports, nodes, "ethernet")


def leaf_spine(up: int, *, down: int = 4, nodes: int = 8, **changes: object) -> FrontEnd:
    return front_end("leaf-spine", {"radix": 64, "down": down, "up": up}, nodes=nodes, **changes)  # type: ignore[arg-type]


def test_the_leaf_of_the_store_passes_what_its_uplinks_carry() -> None:
    # 8 nodes on two leaves, 4 ports of the store on a third: all bytes cross its uplinks.
    assert store_access(leaf_spine(1), 8) == StoreAccess(bytes_per_s=1 * NIC, bottleneck="leaf-spine")
    assert store_access(leaf_spine(3), 8) == StoreAccess(bytes_per_s=3 * NIC, bottleneck="leaf-spine")
    assert store_access(leaf_spine(4), 8) == StoreAccess(bytes_per_s=4 * NIC, bottleneck="storage")


def test_the_leaves_of_nodes_bind_where_the_store_is_spread() -> None:
    # 16 places, 8 of the store, 2 on each of 4 leaves: of what the 2 nodes of a leaf send, 3/4 leave it by 1 uplink.
    spread = leaf_spine(1, storage_ports=8, placement="spread")
    access = store_access(spread, 8)
    assert access.bottleneck == "leaf-spine"
    assert access.bytes_per_s == pytest.approx(4 * NIC / (3 / 4))


def test_nodes_that_are_few_send_no_more_than_their_nics_carry() -> None:
    assert store_access(leaf_spine(4), 2) == StoreAccess(bytes_per_s=2 * NIC, bottleneck="nic")
    assert store_access(front_end(nics=2, nodes=2, storage_ports=8), 2).bytes_per_s == 4 * NIC


def test_a_store_with_few_ports_binds_whatever_the_network() -> None:
    for ports in (1, 2, 4):
        access = store_access(leaf_spine(16, down=16, storage_ports=ports, nodes=20), 20)
        assert (access.bytes_per_s, access.bottleneck) == (ports * NIC, "storage")


def test_ports_of_the_store_have_their_own_bandwidth() -> None:
    fast = leaf_spine(16, down=16, storage_ports=2, nodes=20, port=4 * NIC)
    assert store_access(fast, 20).bytes_per_s == 8 * NIC
    assert {link["bandwidth_bytes_per_s"] for port in fast.storage for link in fast.graph[port].values()} == {4 * NIC}


def test_a_fat_tree_binds_nothing_but_ports() -> None:
    access = store_access(front_end("fat-tree", {"k": 8}, nodes=96, storage_ports=32), 96)
    assert access.bottleneck == "storage"
    assert access.bytes_per_s == pytest.approx(32 * NIC, rel=1e-12)


def test_spares_send_nothing() -> None:
    assert store_access(leaf_spine(4, nodes=24), 3).bytes_per_s == 3 * NIC


@given(
    down=st.integers(1, 12),
    nodes=st.integers(1, 40),
    ports=st.integers(1, 12),
    place=st.sampled_from(("packed", "spread")),
)
def test_more_uplinks_never_make_the_store_slower(down: int, nodes: int, ports: int, place: str) -> None:
    reached = [
        store_access(leaf_spine(up, down=down, nodes=nodes, storage_ports=ports, placement=place), nodes).bytes_per_s
        for up in (1, 2, 4, 8, 16)
    ]
    assert all(more >= less * (1 - 1e-12) for less, more in pairwise(reached))
    assert reached[-1] <= min(nodes, ports) * NIC * (1 + 1e-12)


def slowest_max_min(asked: FrontEnd, nodes: int, *, reading: bool) -> float:
    """Return the bandwidth of all streams, from every port of a node to each of the store, as fast as the slowest."""
    fabric = fabric_arrays(asked.graph, (*asked.nics, *asked.storage), asked.ports.nic_bandwidth_bytes_per_s)
    router, nics, cables = Router(fabric), len(asked.nics), fabric.source.size
    node, store = (each.ravel() for each in np.meshgrid(np.arange(nodes), nics + np.arange(len(asked.storage))))
    ends = (fabric.leaf[store], fabric.leaf[node]) if reading else (fabric.leaf[node], fabric.leaf[store])
    flow, link, fraction = fluid_paths(router, "adaptive", *ends)
    each = np.arange(node.size)
    rates = max_min_rates(
        flow=np.concatenate([flow, each, each]),
        link=np.concatenate([link, cables + node, cables + store]),
        coefficient=np.concatenate([fraction, np.ones(2 * node.size)]),
        capacity=np.concatenate([fabric.capacity_bytes_per_s, fabric.nic_capacity_bytes_per_s]),
        flows=node.size,
    )
    return float(rates.min()) * node.size


ANY = st.sampled_from(
    (
        ("leaf-spine", {"radix": 16, "down": 6, "up": 2}),
        ("clos", {"radix": 8, "oversubscription": [1, 3, 1]}),
        ("dragonfly", {"p": 2, "a": 4, "h": 2}),
        ("jellyfish", {"switches": 20, "ports": 8, "degree": 5, "seed": 3}),
        ("slim-fly", {"q": 5, "p": 2}),
        ("torus", {"shape": [4, 4, 4]}),
    )
)


@given(family=ANY, nodes=st.integers(1, 24), ports=st.integers(1, 8), place=st.sampled_from(("packed", "spread")))
def test_it_is_the_slowest_of_max_min_fair_streams_written_or_read(
    family: tuple[str, Mapping[str, object]], nodes: int, ports: int, place: str
) -> None:
    asked = front_end(*family, nodes=nodes, storage_ports=ports, placement=place)
    got = store_access(asked, nodes).bytes_per_s
    assert got == pytest.approx(slowest_max_min(asked, nodes, reading=False), rel=1e-9)
    assert got == pytest.approx(slowest_max_min(asked, nodes, reading=True), rel=1e-9)


@pytest.mark.parametrize(
    ("kind", "arguments", "nics"),
    [("multi-plane", {"planes": 2, "radix": 16}, 2), ("rail-only", {}, 8), ("superpod-h100", {}, 8)],
)
def test_planes_and_rails_each_lead_to_the_ports_of_the_store_on_them(
    kind: str, arguments: Mapping[str, object], nics: int
) -> None:
    asked = front_end(kind, arguments, nodes=12, nics=nics, storage_ports=4 * nics)
    assert store_access(asked, 12).bytes_per_s == pytest.approx(4 * nics * NIC, rel=1e-12)


def test_every_port_keeps_its_node_and_the_contract_holds() -> None:
    asked = front_end("leaf-spine", {"radix": 8}, nodes=6, nics=2, storage_ports=4, placement="spread")
    assert [asked.graph.nodes[nic]["node"] for nic in asked.nics] == [e // 2 for e in range(12)]
    assert [asked.graph.nodes[port]["kind"] for port in asked.storage] == ["storage"] * 4
    assert all("node" not in asked.graph.nodes[port] for port in asked.storage)
    check_graph(asked.graph, 12, 2)


@given(store=st.integers(1, 30), nodes=st.integers(0, 60), placement=st.sampled_from(("packed", "spread")))
def test_the_store_takes_places_of_its_own(store: int, nodes: int, placement: str) -> None:
    places = store_places(store, store + nodes, placement)
    assert len(set(places.tolist())) == store
    assert places.min() >= 0
    assert places.max() < store + nodes


def test_oversubscription_counts_the_ports_of_the_store() -> None:
    asked = leaf_spine(2)
    assert oversubscription(skeleton(asked.graph, (*asked.nics, *asked.storage))) == [1.0, 2.0]


def test_its_switches_and_cables_are_of_its_own_technology() -> None:
    entries = [switch("ib", 64, technology="infiniband"), switch("eth", 64)]
    cables = [cable("dac", "copper", 3), cable("fibre", "optic", 30)]
    bill = {line.name: line.count for line in front_end_materials(leaf_spine(2), entries, cables)}
    # 3 leaves of 4 ports and 2 uplinks, one spine that takes all six; 8 NICs and 4 ports of the store.
    assert bill == {"eth": 4, "dac": 12, "fibre": 6}


def test_beside_the_compute_fabric_no_vertex_is_taken_twice() -> None:
    fabric = fat_tree(k=4)
    both = joined(fabric, leaf_spine(2))
    assert len(both) == len(fabric) + len(leaf_spine(2).graph)
    assert both.graph == fabric.graph
    assert {own.get("network") for _, own in both.nodes(data=True)} == {None, "front-end"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"radix": 4, "leaves": 2},
            r"^cluster\.front_end\.topology: leaf-spine: endpoints: got 12, but .* 8 nodes x 1",
        ),
        ({"radix": 4, "endpoints": 8}, r"^cluster\.front_end\.topology\.endpoints: got 8, but it follows from"),
        ({"radx": 4}, "did you mean 'radix'"),
    ],
)
def test_what_does_not_fit_is_one_line(arguments: Mapping[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        front_end("leaf-spine", arguments)
    assert "\n" not in str(caught.value)


def test_switches_that_nobody_sells_are_named_as_the_front_ends() -> None:
    with pytest.raises(TopologyError, match=r"^cluster\.front_end: bill of materials: no ethernet switch"):
        front_end_materials(leaf_spine(2), [switch("small", 4)], [])


def test_a_node_without_a_way_to_the_store_is_an_error() -> None:
    # Two planes, and a store whose port lies on the second only, cannot come from a family: cut one by hand.
    asked = front_end("multi-plane", {"planes": 2, "radix": 16}, nodes=4, nics=2, storage_ports=2)
    graph = asked.graph.copy()
    graph.remove_node(asked.storage[0])
    cut = FrontEnd(
        graph=graph, nics=asked.nics, storage=asked.storage[1:], ports=asked.ports, technology=asked.technology
    )
    assert store_access(cut, 4).bytes_per_s == NIC
    graph.remove_nodes_from(asked.nics[1::2])
    one_plane = FrontEnd(
        graph=graph,
        nics=asked.nics[::2],
        storage=asked.storage[1:],
        ports=Ports(nics=1, nic_bandwidth_bytes_per_s=NIC, storage_ports=1, storage_port_bandwidth_bytes_per_s=NIC),
        technology="ethernet",
    )
    with pytest.raises(TopologyError, match="node 0 has no port on a part of the network"):
        store_access(one_plane, 4)
