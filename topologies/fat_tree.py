"""The k-ary fat tree."""

from collections.abc import Sequence
from math import ceil

import networkx as nx

from topologies.arguments import require_endpoints, require_number, require_ports, require_ratios
from topologies.folded import Plan, split_ports, three_tiers, wire_packed


def fat_tree(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    k: int,
    oversubscription: Sequence[float] = (1, 1, 1),
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a three-tier fat tree of switches with k ports (Al-Fares et al., SIGCOMM 2008; Leiserson 1985).

    Full: k pods of k/2 leaves and k/2 spines, (k/2)^2 cores, k^3/4 endpoints, 5k^2/4 switches, 3k^3/4 cables,
    bisection k^3/8 cables, (k/2)^2 shortest paths between pods. With fewer endpoints, pods and leaves are filled
    in order and each plane has the fewest cores that take all its uplinks. oversubscription: one ratio a tier
    from the bottom, the first being the NICs' own and 1; a ratio that the ports do not allow is rounded down.

    endpoints: NIC ports, default a full tree. bandwidth_bytes_per_s: one direction of every cable.
    latency_s: of every cable with the switch it enters, one way (0.5 us is of InfiniBand, where two more of them
    add 0.9 us; RoCE is nearer 1 us, two adding 2 us; Insights into DeepSeek-V3, arXiv 2505.09343, table 5).
    Raises ValueError for an odd k, ratios below 1, and more endpoints than it holds.

    >>> graph = fat_tree(k=4)
    >>> graph.number_of_nodes(), graph.number_of_edges()
    (36, 48)
    >>> fat_tree(k=4, endpoints=6).number_of_nodes() - 6  # 3 leaves in 2 pods, 4 spines, 2 cores
    9
    """
    return wire_packed(
        fat_tree_plan(k=k, endpoints=endpoints, nics_per_node=nics_per_node, oversubscription=oversubscription),
        family="fat-tree",
        nics_per_node=nics_per_node,
        bandwidth_bytes_per_s=require_number("bandwidth_bytes_per_s", bandwidth_bytes_per_s),
        latency_s=require_number("latency_s", latency_s, zero=True),
    )


def fat_tree_plan(
    *, k: int, endpoints: int | None = None, nics_per_node: int = 1, oversubscription: Sequence[float] = (1, 1, 1)
) -> Plan:
    """Return the dimensions of a fat tree without building it.

    >>> plan = fat_tree_plan(k=64)
    >>> plan.endpoints, plan.switches, plan.cables
    (65536, 5120, 131072)
    """
    if require_ports("k", k) % 2:
        raise ValueError(f"k: got {k}, expected an even integer")
    ratios = require_ratios(oversubscription, 3)
    for position, ratio in enumerate(ratios):
        if ratio < 1:
            raise ValueError(f"oversubscription[{position}]: got {float(ratio):g}, expected a ratio >= 1")
    leaf_down, leaf_up = split_ports(k, ratios[1])
    leaves_per_pod = split_ports(k, ratios[2])[0]
    capacity = k * leaves_per_pod * leaf_down
    count = require_endpoints(endpoints, nics_per_node, capacity, f"a fat tree of k = {k}")
    return three_tiers(
        endpoints=count,
        leaves=ceil(count / leaf_down),
        leaves_per_pod=leaves_per_pod,
        leaf_down=leaf_down,
        leaf_up=leaf_up,
        ratio=ratios[2],
        spine_ports=k,
        core_ports=k,
    )
