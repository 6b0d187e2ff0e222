"""Planes: independent two-tier fabrics, of which each NIC of a node belongs to one."""

from dataclasses import dataclass
from math import ceil

import networkx as nx

from topologies.arguments import require_count, require_endpoints, require_ports
from topologies.folded import Plan, add_fabric, leaf_names, two_tiers
from topologies.wiring import add_nics, nic_cabling, nic_names


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanePlan:
    """Dimensions of a multi-plane fabric: planes alike."""

    endpoints: int
    planes: int
    nics_per_node: int
    plane: Plan

    @property
    def switches(self) -> int:
        """Switches of all planes."""
        return self.planes * self.plane.switches

    @property
    def cables(self) -> int:
        """Cables between switches."""
        return self.planes * self.plane.cables


def multi_plane(
    *,
    endpoints: int | None = None,
    nics_per_node: int | None = None,
    planes: int = 8,
    radix: int = 64,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a multi-plane fat tree (MPFT: Insights into DeepSeek-V3, arXiv 2505.09343, section 5.1).

    Each of P planes is a non-blocking leaf-spine of switches with R = radix ports: P R^2/2 endpoints, 3 P R/2
    switches, P R^2/2 cables between them. NIC g of a node is on plane g mod P; between planes, traffic crosses the
    node (its scale-up domain), so that the graph alone does not join them. DGX B300 is two planes of two ports a GPU:
    nics_per_node = 16.

    endpoints: NIC ports, default all that fit. nics_per_node: a multiple of planes, default as many as planes.
    bandwidth_bytes_per_s: one direction of every cable. latency_s: of every cable with the switch it enters, one way.
    Raises ValueError where NICs do not divide over planes, and for too many endpoints.

    Published for 8 planes of 64-port switches: 16,384 endpoints, 768 switches, 16,384 cables between them.

    >>> plan = multi_plane_plan()
    >>> plan.endpoints, plan.switches, plan.cables
    (16384, 768, 16384)
    >>> graph = multi_plane(endpoints=32, planes=2, nics_per_node=8)
    >>> [graph.nodes[f"nic-00000{g}"]["plane"] for g in range(4)]
    [0, 1, 0, 1]
    """
    plan = multi_plane_plan(endpoints=endpoints, nics_per_node=nics_per_node, planes=planes, radix=radix)
    cable = nic_cabling(bandwidth_bytes_per_s, latency_s)
    graph: nx.Graph[str] = nx.Graph(
        family="multi-plane", gpus_per_node=plan.nics_per_node, nics_per_node=plan.nics_per_node
    )
    names = nic_names(plan.endpoints)
    add_nics(
        graph,
        ((name, {"pod": 0, "node": e // plan.nics_per_node, "plane": e % planes}) for e, name in enumerate(names)),
    )
    for plane in range(planes):
        prefix = f"plane-{plane}-"
        own = names[plane::planes]
        add_fabric(
            graph,
            plan.plane,
            nics=own,
            leaf_of=[place // plan.plane.leaf_down for place in range(len(own))],
            leaf_names=leaf_names(plan.plane, prefix),
            nic=cable,
            prefix=prefix,
            marks={"plane": plane},
        )
    return graph


def multi_plane_plan(
    *, endpoints: int | None = None, nics_per_node: int | None = None, planes: int = 8, radix: int = 64
) -> PlanePlan:
    """Return the dimensions of a multi-plane fabric without building it; arguments as in `multi_plane`.

    >>> multi_plane_plan(endpoints=8192, planes=2, nics_per_node=16, radix=128).switches  # 512 nodes of DGX B300
    192
    """
    down = require_ports("radix", radix) // 2
    nics = require_count("planes", planes) if nics_per_node is None else require_count("nics_per_node", nics_per_node)
    if nics % planes:
        raise ValueError(f"planes: got {planes}, expected a divisor of the {nics} NICs of a node")
    fabric = f"a multi-plane fabric of {planes} planes with radix {radix}"
    count = require_endpoints(endpoints, nics, planes * radix * down, fabric)
    own = count // planes
    plane = two_tiers(endpoints=own, leaves=ceil(own / down), leaf_down=down, leaf_up=down, spine_ports=radix)
    return PlanePlan(endpoints=count, planes=planes, nics_per_node=nics, plane=plane)
