"""Switches of networks without tiers, and the endpoints that hang on each of them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat

import networkx as nx

from topologies.wiring import Cabling, add_cables, add_nics, nic_names


def add_terminals(
    graph: "nx.Graph[str]",
    switches: Sequence[str],
    *,
    endpoints: int,
    per_switch: int,
    nics_per_node: int,
    nic: Cabling,
    pod: Mapping[str, int] | None = None,
    marks: Iterable[Mapping[str, object]] = repeat({}),
) -> None:
    """Add switches of tier 1 after their endpoints, which fill one switch after the other.

    pod: of the switches that have one; marks: what else is known of each switch.
    """
    names = nic_names(endpoints)
    hosts = [switches[e // per_switch] for e in range(endpoints)]
    pods = {name: {"pod": place} for name, place in pod.items()} if pod else {}
    add_nics(
        graph,
        (
            (name, {**pods.get(host, {}), "node": e // nics_per_node})
            for e, (name, host) in enumerate(zip(names, hosts, strict=True))
        ),
    )
    graph.add_nodes_from(
        (name, {"kind": "switch", "tier": 1, **pods.get(name, {}), **own})
        for name, own in zip(switches, marks, strict=False)
    )
    add_cables(graph, zip(names, hosts, strict=True), 1, nic)


def add_counted_cables(graph: "nx.Graph[str]", pairs: Mapping[tuple[str, str], int], cabling: Cabling) -> None:
    """Join pairs of vertices by as many parallel cables as is said of each."""
    for count in sorted(set(pairs.values())):
        add_cables(graph, (pair for pair, cables in pairs.items() if cables == count), count, cabling)
