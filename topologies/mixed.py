"""Two generations of hardware: a fabric each, joined."""

from collections.abc import Sequence

import networkx as nx

from topologies.arguments import require_count, require_endpoints, require_number
from topologies.joined import Part, add_part, join_parts, part_plan
from topologies.wiring import add_nics, nic_cabling, nic_names, optic

JOINING_M = 100.0
"""Of fibre between the fabrics (assumed)."""


def mixed(
    *,
    endpoints: int = 2048,
    nics_per_node: int = 8,
    second_endpoints: int | None = None,
    tiers: int = 2,
    radix: int = 64,
    oversubscription: Sequence[float] | None = None,
    joining_links: int = 64,
    bandwidth_bytes_per_s: float = 50e9,
    second_bandwidth_bytes_per_s: float | None = None,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return two Clos fabrics, one for each of two generations of nodes, joined by cables between border leaves.

    The first generation has the first endpoints and every cable of bandwidth_bytes_per_s; the second the last
    second_endpoints (default half, whole nodes) and second_bandwidth_bytes_per_s (default twice the first). Border
    leaves have no endpoints; their lower ports take joining_links cables of the slower bandwidth. Vertices know their
    generation, 0 or 1. In a scenario all nodes are of one kind, whose NICs cap those of both generations.

    endpoints: NIC ports of both. tiers, radix, oversubscription: of both fabrics, as in `clos`.
    latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for a generation without a node, and for more endpoints than fit beside the border leaves.

    >>> graph = mixed(endpoints=64, radix=16, joining_links=4)
    >>> [graph.nodes[f"nic-0000{e}"]["generation"] for e in (31, 32)]
    [0, 1]
    >>> graph.edges["first-leaf-0-4", "second-leaf-0-4"]["count"]
    4
    """
    require_count("nics_per_node", nics_per_node)
    count = require_endpoints(endpoints, nics_per_node, require_count("endpoints", endpoints), "the mix")
    half = count // nics_per_node // 2 * nics_per_node
    last = half if second_endpoints is None else require_count("second_endpoints", second_endpoints, 0)
    if last % nics_per_node or not 0 < last < count:
        raise ValueError(
            f"second_endpoints: got {last:,} of {count:,}, expected some and not all, in whole nodes of {nics_per_node}"
        )
    first_bytes_per_s = require_number("bandwidth_bytes_per_s", bandwidth_bytes_per_s)
    second_bytes_per_s = (
        2 * first_bytes_per_s
        if second_bandwidth_bytes_per_s is None
        else require_number("second_bandwidth_bytes_per_s", second_bandwidth_bytes_per_s)
    )
    require_count("joining_links", joining_links)
    parts = []
    for generation, (prefix, own) in enumerate((("first-", count - last), ("second-", last))):
        plan, borders = part_plan(own, joining_links, tiers=tiers, radix=radix, oversubscription=oversubscription)
        parts.append(Part(plan=plan, borders=borders, prefix=prefix, marks={"generation": generation}))
    graph: nx.Graph[str] = nx.Graph(family="mixed")
    names = nic_names(count)
    add_nics(
        graph,
        ((name, {"node": e // nics_per_node, "generation": int(e >= count - last)}) for e, name in enumerate(names)),
    )
    add_part(graph, parts[0], names[: count - last], nic_cabling(first_bytes_per_s, latency_s))
    add_part(graph, parts[1], names[count - last :], nic_cabling(second_bytes_per_s, latency_s))
    slower = nic_cabling(min(first_bytes_per_s, second_bytes_per_s), latency_s)
    join_parts(graph, parts, joining_links, optic(slower, JOINING_M))
    return graph
