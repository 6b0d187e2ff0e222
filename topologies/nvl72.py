"""The scale-out fabric above GB200 and GB300 NVL72 racks."""

from dataclasses import replace
from math import ceil

import networkx as nx

from topologies.arguments import require_count, require_endpoints
from topologies.folded import Plan, leaf_names, wire
from topologies.rail_optimized import rail_plan
from topologies.wiring import nic_cabling, nic_names

RACK_GPUS = 72
UNIT_RACKS = 8
TRAY_NICS = 4


def nvl72(
    *,
    endpoints: int | None = None,
    nics_per_node: int = TRAY_NICS,
    units: int | None = None,
    radix: int = 64,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return the rail-optimized fabric above NVL72 racks (NVIDIA DGX GB200 SuperPOD, network fabrics).

    A unit is 8 racks of 18 compute trays with 4 GPUs and 4 NICs each: 576 endpoints. NIC r of a tray hangs on a leaf
    of rail r with radix/2 trays below; spines and cores as in `rail_optimized` (leaf and spine counts are derived, no
    table is published). What lies inside a rack is the node's business, not this graph's: 72 GPUs, 18 NVSwitch chips
    in 9 trays, 18 links a GPU. Every NIC knows its rack.

    endpoints: NIC ports, default all of the units. units: default the fewest that hold the endpoints, or 1.
    radix: 64 for GB200 on 400 Gbit/s, 144 for GB300 on 800 Gbit/s.
    bandwidth_bytes_per_s: one direction of every cable. latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for trays without 4 NICs, and for more endpoints than the units hold.

    By hand: 144 trays take 5 groups of 32, hence 20 leaves; these take 10 spines of 64 ports and more, in equal
    numbers of cables 16. With 144 ports 2 groups of 72, hence 8 leaves and 4 spines.

    >>> plan = nvl72_plan(units=1)
    >>> plan.endpoints, plan.leaves, plan.spines
    (576, 20, 16)
    >>> plan = nvl72_plan(units=1, radix=144)
    >>> plan.leaves, plan.spines
    (8, 4)
    >>> nvl72(units=1).nodes["nic-000072"]["rack"]
    1
    """
    plan = nvl72_plan(endpoints=endpoints, nics_per_node=nics_per_node, units=units, radix=radix)
    group = plan.leaf_down * TRAY_NICS
    graph = wire(
        plan,
        family="nvl72",
        leaf_of=[e // group * TRAY_NICS + e % TRAY_NICS for e in range(plan.endpoints)],
        leaf_names=leaf_names(replace(plan, leaves_per_pod=TRAY_NICS)),
        nics_per_node=TRAY_NICS,
        nic=nic_cabling(bandwidth_bytes_per_s, latency_s, optic=True),
    )
    for endpoint, name in enumerate(nic_names(plan.endpoints)):
        graph.nodes[name].update(rack=endpoint // RACK_GPUS, rail=endpoint % TRAY_NICS)
    return graph


def nvl72_plan(
    *, endpoints: int | None = None, nics_per_node: int = TRAY_NICS, units: int | None = None, radix: int = 64
) -> Plan:
    """Return the dimensions of the fabric above NVL72 racks without building it.

    >>> nvl72_plan(endpoints=2304).leaves
    72
    """
    if nics_per_node != TRAY_NICS:
        raise ValueError(f"nics_per_node: got {nics_per_node!r}, expected {TRAY_NICS}: a compute tray has 4 NICs")
    per_unit = UNIT_RACKS * RACK_GPUS
    if units is None:
        units = 1 if endpoints is None else ceil(require_count("endpoints", endpoints) / per_unit)
    full = require_count("units", units) * per_unit
    fabric = f"an NVL72 SuperPOD of {units} unit{'s' if units > 1 else ''}"
    count = require_endpoints(endpoints, TRAY_NICS, full, fabric)
    return replace(rail_plan(endpoints=full, nics_per_node=TRAY_NICS, radix=radix), endpoints=count)
