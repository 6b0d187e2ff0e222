"""The generic folded Clos of two or three tiers, with oversubscription by tier and pods of any size."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import networkx as nx

from topologies.arguments import require_count, require_endpoints, require_number, require_radices, require_ratios
from topologies.folded import Plan, split_ports, three_tiers, two_tiers, wire_packed


def clos(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    tiers: int = 3,
    radix: int | Sequence[int] = 64,
    oversubscription: Sequence[float] | None = None,
    pod: int | None = None,
    rack: int | None = None,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a folded Clos of two or three tiers (Clos, BSTJ 1953; Meta's pods: Gangidi et al., SIGCOMM 2024).

    radix: ports of a switch, one number or one a tier from the bottom (a chassis above has more than a leaf).
    oversubscription: one ratio a tier from the bottom, [1, 1, 7] being non-blocking within a pod and 1:7 at the
    top; entry 0 is the NICs' own links and always 1. Each switch has the fewest uplinks that keep the ratio.
    rack: endpoints of a leaf, default what the leaf's ports and its ratio allow. pod: endpoints of a pod (three
    tiers), default as many as a spine's ports allow. Spines and cores are the fewest that take every uplink, in
    equal numbers from each switch below; a single pod has no cores.

    endpoints: NIC ports, default all that fit. bandwidth_bytes_per_s: one direction of every cable.
    latency_s: of every cable with the switch it enters, one way.
    Raises ValueError for ports beyond the radix, a pod that is not whole racks, too many endpoints.

    Llama 3's cluster (arXiv 2407.21783, 3.3.1): 24,576 GPUs in 8 pods of 3,072, racks of 16, 1:7 at the top; by
    hand 1,536 leaves, 8 spines a pod with 384 cables down and 55 up, 8 cores.

    >>> llama = dict(radix=[64, 576, 576], oversubscription=[1, 1, 7], rack=16, pod=3072)
    >>> plan = clos_plan(endpoints=24576, **llama)
    >>> plan.leaves, plan.pods, plan.spines, plan.spine_up, plan.spines * plan.cores
    (1536, 8, 8, 55, 8)
    >>> graph = clos(endpoints=1600, nics_per_node=8, **llama)  # one pod, not full: no cores
    >>> graph.number_of_nodes() - 1600
    108
    """
    plan = clos_plan(
        endpoints=endpoints,
        nics_per_node=nics_per_node,
        tiers=tiers,
        radix=radix,
        oversubscription=oversubscription,
        pod=pod,
        rack=rack,
    )
    return wire_packed(
        plan,
        family="clos",
        nics_per_node=nics_per_node,
        bandwidth_bytes_per_s=require_number("bandwidth_bytes_per_s", bandwidth_bytes_per_s),
        latency_s=require_number("latency_s", latency_s, zero=True),
    )


def clos_plan(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    tiers: int = 3,
    radix: int | Sequence[int] = 64,
    oversubscription: Sequence[float] | None = None,
    pod: int | None = None,
    rack: int | None = None,
) -> Plan:
    """Return the dimensions of a Clos without building it; arguments as in `clos`.

    >>> clos_plan(tiers=2, radix=8).endpoints
    32
    """
    if require_count("tiers", tiers, 2) > 3:
        raise ValueError(f"tiers: got {tiers}, expected 2 or 3")
    radices = require_radices(radix, tiers)
    ratios = require_ratios((1,) * tiers if oversubscription is None else oversubscription, tiers)
    leaf_down, leaf_up = _leaf_ports(radices[0], ratios[1], rack)
    leaves_per_pod = _leaves_per_pod(radices[1], ratios, pod, leaf_down)
    capacity = leaves_per_pod * leaf_down * (radices[2] if tiers == 3 else 1)
    fabric = (
        f"a Clos of {tiers} tiers with pods of {leaves_per_pod * leaf_down:,}" if tiers == 3 else "a Clos of 2 tiers"
    )
    count = require_endpoints(endpoints, nics_per_node, capacity, fabric)
    leaves = ceil(count / leaf_down)
    if tiers == 2:
        return two_tiers(endpoints=count, leaves=leaves, leaf_down=leaf_down, leaf_up=leaf_up, spine_ports=radices[1])
    return three_tiers(
        endpoints=count,
        leaves=leaves,
        leaves_per_pod=leaves_per_pod,
        leaf_down=leaf_down,
        leaf_up=leaf_up,
        ratio=ratios[2],
        spine_ports=radices[1],
        core_ports=radices[2],
    )


def _leaf_ports(radix: int, ratio: Fraction, rack: int | None) -> tuple[int, int]:
    """Return the leaf's ports to endpoints and to spines."""
    if rack is None:
        return split_ports(radix, ratio)
    up = ceil(require_count("rack", rack) / ratio)
    if rack + up > radix:
        raise ValueError(f"rack: got {rack}, which takes {rack} + {up} ports of a leaf; its radix is {radix}")
    return rack, up


def _leaves_per_pod(spine_ports: int, ratios: tuple[Fraction, ...], pod: int | None, leaf_down: int) -> int:
    """Return the leaves of a pod; two tiers are one pod as large as the spines allow."""
    if pod is None:
        return spine_ports if len(ratios) == 2 else split_ports(spine_ports, ratios[2])[0]
    if len(ratios) == 2:
        raise ValueError(f"pod: got {pod!r}, but pods need three tiers")
    if require_count("pod", pod) % leaf_down:
        raise ValueError(f"pod: got {pod:,}, expected a multiple of the {leaf_down} endpoints of a leaf")
    return pod // leaf_down
