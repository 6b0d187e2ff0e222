"""NVIDIA DGX SuperPOD by scalable units of 32 nodes, for H100 and B200."""

from dataclasses import replace
from math import ceil

import networkx as nx

from topologies.arguments import require_count, require_endpoints
from topologies.folded import Plan, leaf_names, wire
from topologies.rail_optimized import rail_plan
from topologies.wiring import add_cables, nic_cabling

UNIT_NODES = 32
RAILS = 8
RADIX = 64
MANAGER_CABLES = 4
"""Of the two UFM appliances of an H100 SuperPOD."""


def superpod_h100(
    *,
    endpoints: int | None = None,
    nics_per_node: int = RAILS,
    units: int | None = None,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return the compute fabric of a DGX H100 SuperPOD (NVIDIA's reference architecture, network fabrics, table 4).

    A unit is 32 nodes on 8 leaves of 64 ports (QM9700), one for each rail; spines as in `rail_optimized`. The last
    node slot is left to the fabric manager: two UFM appliances (vertices of kind "manager") take 2 cables each, on
    rails 0 to 3 of the last unit (which rails is assumed). So units hold 32 units - 1 nodes.

    endpoints: NIC ports, default all that the units hold. units: default the fewest that hold the endpoints, or 4,
    the largest published. bandwidth_bytes_per_s: one direction of every cable.
    latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for nodes without 8 NICs, and for more endpoints than the units hold.

    Published for one unit: 31 nodes, 8 leaves, 4 spines, 252 cables to nodes and UFM, 256 to the spines.

    >>> graph = superpod_h100(units=1)
    >>> kinds = [kind for _, kind in graph.nodes(data="kind")]
    >>> kinds.count("nic"), kinds.count("switch"), int(graph.size(weight="count"))
    (248, 12, 508)
    """
    plan = superpod_h100_plan(endpoints=endpoints, nics_per_node=nics_per_node, units=units)
    graph = _wired(plan, "superpod-h100", bandwidth_bytes_per_s, latency_s)
    names = leaf_names(replace(plan, leaves_per_pod=RAILS))[-RAILS:]
    graph.add_nodes_from((f"ufm-{appliance}" for appliance in range(2)), kind="manager", tier=0)
    pairs = [(f"ufm-{cable // 2}", names[cable]) for cable in range(MANAGER_CABLES)]
    add_cables(graph, pairs, 1, nic_cabling(bandwidth_bytes_per_s, latency_s, optic=True))
    return graph


def superpod_h100_plan(*, endpoints: int | None = None, nics_per_node: int = RAILS, units: int | None = None) -> Plan:
    """Return the dimensions of a DGX H100 SuperPOD without building it.

    >>> plan = superpod_h100_plan(units=3)
    >>> plan.endpoints, plan.leaves, plan.spines, plan.cables
    (760, 24, 16, 768)
    """
    return _plan(endpoints, nics_per_node, units, default=4, kept=1)


def superpod_b200(
    *,
    endpoints: int | None = None,
    nics_per_node: int = RAILS,
    units: int | None = None,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return the compute fabric of a DGX B200 SuperPOD (NVIDIA's reference architecture, chapter 3, table 3).

    A unit is 32 nodes on 8 leaves of 64 ports, one for each rail; spines as in `rail_optimized`, and cores beyond 8
    units. No node slot is kept for the fabric manager.

    endpoints: NIC ports, default all that the units hold. units: default the fewest that hold the endpoints, or 4,
    on which the architecture is focused. bandwidth_bytes_per_s: one direction of every cable.
    latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for nodes without 8 NICs, and for more endpoints than the units hold.

    Published for 4 units: 128 nodes, 32 leaves, 16 spines, 1,024 cables to nodes and as many between switches.

    >>> graph = superpod_b200(units=4)
    >>> len(graph) - 1024, int(graph.size(weight="count"))
    (48, 2048)
    """
    plan = superpod_b200_plan(endpoints=endpoints, nics_per_node=nics_per_node, units=units)
    return _wired(plan, "superpod-b200", bandwidth_bytes_per_s, latency_s)


def superpod_b200_plan(*, endpoints: int | None = None, nics_per_node: int = RAILS, units: int | None = None) -> Plan:
    """Return the dimensions of a DGX B200 SuperPOD without building it.

    >>> plan = superpod_b200_plan(units=32)
    >>> plan.leaves, plan.pods * plan.spines, plan.spines * plan.cores
    (256, 256, 128)
    """
    return _plan(endpoints, nics_per_node, units, default=4, kept=0)


def _plan(endpoints: int | None, nics_per_node: int, units: int | None, *, default: int, kept: int) -> Plan:
    """Return the dimensions of whole units, of which the endpoints fill a part; `kept` nodes are no nodes."""
    if nics_per_node != RAILS:
        raise ValueError(f"nics_per_node: got {nics_per_node!r}, expected {RAILS}: a DGX has a NIC for each of 8 rails")
    per_unit = UNIT_NODES * RAILS
    if units is None:
        asked = default * per_unit if endpoints is None else require_count("endpoints", endpoints) + kept * RAILS
        units = ceil(asked / per_unit)
    full = rail_plan(endpoints=require_count("units", units) * per_unit, nics_per_node=RAILS, radix=RADIX)
    fabric = f"a SuperPOD of {units} unit{'s' if units > 1 else ''}"
    return replace(full, endpoints=require_endpoints(endpoints, RAILS, full.endpoints - kept * RAILS, fabric))


def _wired(plan: Plan, family: str, bandwidth_bytes_per_s: float, latency_s: float) -> "nx.Graph[str]":
    """Return the graph of a plan: NIC r of a node on leaf r of its unit, over 30 m of fibre."""
    per_unit = UNIT_NODES * RAILS
    return wire(
        plan,
        family=family,
        leaf_of=[e // per_unit * RAILS + e % RAILS for e in range(plan.endpoints)],
        leaf_names=leaf_names(replace(plan, leaves_per_pod=RAILS)),
        nics_per_node=RAILS,
        nic=nic_cabling(bandwidth_bytes_per_s, latency_s, optic=True),
    )
