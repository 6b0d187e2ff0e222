"""Rails: the NICs of one ordinal, over a group of nodes, share a leaf."""

from fractions import Fraction
from math import ceil

import networkx as nx

from topologies.arguments import require_count, require_endpoints, require_number, require_ports
from topologies.folded import Plan, three_tiers, two_tiers, wire
from topologies.wiring import Cabling


def rail_optimized(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 8,
    radix: int = 64,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a non-blocking rail-optimized fabric (NVIDIA DGX SuperPOD reference architecture, H100 and B200).

    A group (scalable unit) is radix/2 nodes under nics_per_node leaves; NIC r of a node hangs on leaf r of its
    group. Spines join all leaves while these are at most `radix`; beyond, a third tier joins pods of whole groups
    with at most radix/2 leaves. Spines and cores are the fewest that take every uplink, in equal numbers from each
    switch below. A NIC hangs on 30 m of fibre, for a rail's leaf stands apart from most of its nodes (assumed).

    endpoints: NIC ports, default the largest two-tier fabric. bandwidth_bytes_per_s: one direction of every cable.
    latency_s: of every cable with the switch it enters, one way.
    Raises ValueError if a node's NICs exceed the leaves of a pod, and for more endpoints than three tiers hold.

    Published for one H100 unit: 31 nodes on 8 leaves and 4 spines.

    >>> graph = rail_optimized(endpoints=31 * 8)
    >>> graph.number_of_nodes() - 31 * 8, graph.degree("leaf-0-7")
    (12, 35)
    """
    plan = rail_plan(endpoints=endpoints, nics_per_node=nics_per_node, radix=radix)
    group = plan.leaf_down * nics_per_node
    names = [f"leaf-{leaf // nics_per_node}-{leaf % nics_per_node}" for leaf in range(plan.leaves)]
    return wire(
        plan,
        family="rail-optimized",
        leaf_of=[e // group * nics_per_node + e % nics_per_node for e in range(plan.endpoints)],
        leaf_names=names,
        nics_per_node=nics_per_node,
        nic=Cabling(
            bandwidth_bytes_per_s=require_number("bandwidth_bytes_per_s", bandwidth_bytes_per_s),
            latency_s=require_number("latency_s", latency_s, zero=True),
            medium="optic",
            length_m=30.0,
        ),
    )


def rail_plan(*, endpoints: int | None = None, nics_per_node: int = 8, radix: int = 64) -> Plan:
    """Return the dimensions of a rail-optimized fabric without building it.

    Published for 32 B200 units: 256 leaves, 256 spines, 128 cores.

    >>> plan = rail_plan(endpoints=8192)
    >>> plan.leaves, plan.pods * plan.spines, plan.spines * plan.cores
    (256, 256, 128)
    """
    down = require_ports("radix", radix) // 2
    groups_per_pod = down // require_count("nics_per_node", nics_per_node)
    two_tier = radix // nics_per_node * nics_per_node * down
    three_tier = radix * groups_per_pod * nics_per_node * down
    fabric = f"a rail-optimized fabric of radix {radix} with {nics_per_node} rails"
    capacity = max(two_tier, three_tier) if endpoints is not None else two_tier
    count = require_endpoints(endpoints, nics_per_node, capacity, fabric)
    leaves = ceil(count / (down * nics_per_node)) * nics_per_node
    if count <= two_tier:
        return two_tiers(endpoints=count, leaves=leaves, leaf_down=down, leaf_up=down, spine_ports=radix)
    return three_tiers(
        endpoints=count,
        leaves=leaves,
        leaves_per_pod=groups_per_pod * nics_per_node,
        leaf_down=down,
        leaf_up=down,
        ratio=Fraction(1),
        spine_ports=radix,
        core_ports=radix,
    )
