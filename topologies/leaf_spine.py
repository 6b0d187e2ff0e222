"""Two tiers: leaves, and spines that join every leaf."""

from dataclasses import replace
from math import ceil

import networkx as nx

from topologies.arguments import require_count, require_endpoints, require_number, require_ports
from topologies.folded import Plan, two_tiers, wire_packed


def leaf_spine(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    radix: int = 64,
    leaves: int | None = None,
    spines: int | None = None,
    down: int | None = None,
    up: int | None = None,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a two-tier leaf-spine fabric of switches with `radix` ports (a folded Clos; Clos, BSTJ 1953).

    Full and non-blocking, R = radix: R leaves, R/2 spines, R^2/2 endpoints, R^2/2 cables between switches, R/2
    shortest paths between leaves. down, up: ports of a leaf to endpoints and to spines, default half of the ports
    each; with only `down` given, up is what is left of the ports, at most down; oversubscription is down/up.
    leaves: default as many as the endpoints need. spines: default the fewest that take every uplink, in equal
    numbers from each leaf.

    endpoints: NIC ports, default all that the leaves hold. bandwidth_bytes_per_s: one direction of every cable.
    latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for port counts beyond the radix, spines that do not divide the uplinks, too many endpoints.

    >>> graph = leaf_spine(radix=8)
    >>> graph.number_of_nodes(), graph.number_of_edges()
    (44, 64)
    >>> graph = leaf_spine(leaves=4, spines=2, down=12, up=4, radix=16)
    >>> graph.number_of_nodes() - 48, graph.edges["leaf-0-0", "spine-0-1"]["count"]
    (6, 2)
    """
    leaf_down, leaf_up = _leaf_ports(require_ports("radix", radix), down, up)
    capacity = (radix if leaves is None else require_count("leaves", leaves)) * leaf_down
    fabric = f"a leaf-spine of {capacity // leaf_down:,} leaves with {leaf_down} endpoints each"
    count = require_endpoints(endpoints, nics_per_node, capacity, fabric)
    built = ceil(count / leaf_down) if leaves is None else leaves
    fewest = two_tiers(endpoints=count, leaves=built, leaf_down=leaf_down, leaf_up=leaf_up, spine_ports=radix)
    return wire_packed(
        fewest if spines is None else _with_spines(fewest, spines, radix),
        family="leaf-spine",
        nics_per_node=nics_per_node,
        bandwidth_bytes_per_s=require_number("bandwidth_bytes_per_s", bandwidth_bytes_per_s),
        latency_s=require_number("latency_s", latency_s, zero=True),
    )


def _leaf_ports(radix: int, down: int | None, up: int | None) -> tuple[int, int]:
    """Return the leaf's ports to endpoints and to spines."""
    if down is not None:
        require_count("down", down)
    if up is not None:
        require_count("up", up)
    leaf_down = down if down is not None else radix // 2 if up is None else radix - up
    leaf_up = up if up is not None else min(leaf_down, radix - leaf_down)
    if leaf_down < 1 or leaf_up < 1 or leaf_down + leaf_up > radix:
        raise ValueError(f"down + up: got {leaf_down} + {leaf_up}, expected at least 1 each and {radix} (radix) in all")
    return leaf_down, leaf_up


def _with_spines(plan: Plan, spines: int, radix: int) -> Plan:
    """Return the dimensions with the spines asked for."""
    if plan.leaf_up % require_count("spines", spines):
        raise ValueError(f"spines: got {spines}, expected a divisor of the {plan.leaf_up} uplinks of a leaf")
    ports = plan.leaves * (plan.leaf_up // spines)
    if ports > radix:
        raise ValueError(f"spines: got {spines}, which need {ports:,} ports each; the radix is {radix}")
    return replace(plan, spines=spines)
