"""Which routing a fabric can have, and the ways that flows take under it."""

from collections.abc import Iterator, Mapping

import numpy as np

from sim.catalog.records import Provenance
from sim.cluster.fabric.arrays import Fabric, FloatArray, IntArray, total
from sim.cluster.fabric.dimensions import dimension_ordered_paths
from sim.cluster.fabric.direct import direct_hashed, direct_loads, direct_paths
from sim.cluster.fabric.hashing import Pick
from sim.cluster.fabric.routing import Router, hashed_paths, split_loads, split_paths
from sim.cluster.fabric.valiant import valiant_loads
from sim.errors import TopologyError

HASHED = ("ecmp", "d-mod-k")
"""One path a flow, chosen at every switch."""

PACKET_BAND = (1.07, 1.25)
"""How much later packets arrive than a fluid, which has no incast and no PFC: from, to, as factors on a time."""

SOURCES: Mapping[str, Provenance] = {
    "PACKET_BAND": Provenance(
        source="this project's design notes: packet simulations of collectives end 7 to 25 % after the fluid",
        date="2026",
        kind="assumed",
        note="no publication read; which collectives and which congestion control is not known",
    ),
}


def check_routing(fabric: Fabric, routing: str, family: str) -> None:
    """Raise TopologyError where a fabric cannot be routed so: no coordinates, no tree, or nothing but a tree."""
    level = bool(np.any(fabric.tier[fabric.source] == fabric.tier[fabric.target]))
    where = f"cluster.network.routing: {routing}"
    if routing == "dimension-ordered" and fabric.lattice is None:
        raise TopologyError(f"{where} needs a torus, mesh or HyperX; the switches of '{family}' have no coordinates")
    if routing == "d-mod-k" and level:
        raise TopologyError(f"{where} needs a tree, in which every link joins two tiers; '{family}' is none")
    if routing == "valiant" and not level:
        raise TopologyError(
            f"{where} needs links between switches of one tier (torus, HyperX, dragonfly, Slim Fly, Jellyfish); "
            f"'{family}' is a tree, whose shortest paths already meet every spine: expected 'adaptive' or 'ecmp'"
        )


def fluid_loads(
    router: Router, routing: str, source: IntArray, target: IntArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the load of every cable (C,) and each pair's mean path latency (P,), pairs of switches; see split_loads.

    Raises TopologyError for a pair without a path.
    """
    if routing == "valiant":
        return valiant_loads(router, source, target, weight)
    if routing == "dimension-ordered":
        pair, cable, fraction = dimension_ordered_paths(router, source, target)
        loads = total(cable, fraction * weight[pair], router.fabric.source.size)
        return loads, total(pair, fraction * router.fabric.latency_s[cable], source.size)
    if router.direct:
        return direct_loads(router, source, target, weight)
    return split_loads(router, source, target, weight)


def fluid_paths(
    router: Router, routing: str, source: IntArray, target: IntArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the (pair, cable, fraction) entries of which `fluid_loads` adds up the weights; not for valiant."""
    assert routing != "valiant", "a unit meets every cable"
    if routing == "dimension-ordered":
        return dimension_ordered_paths(router, source, target)
    if router.direct:
        return direct_paths(router, source, target)
    return split_paths(router, source, target)


def walks(router: Router, source: IntArray, target: IntArray, pick: Pick) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield (flow, cable) hop by hop for flows that take one shortest path each; see hashed_paths."""
    if router.direct:
        return direct_hashed(router, source, target, pick)
    return hashed_paths(router, source, target, pick)
