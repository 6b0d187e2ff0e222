"""What of a network no seed decides: its links in their health, routes, cuts, and which NICs carry which messages."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from sim.cluster.damage import damage
from sim.cluster.fabric.arrays import Fabric, fabric_arrays
from sim.cluster.fabric.bounds import Cut, fabric_cuts, lower_bound_s_per_byte
from sim.cluster.fabric.collectives import Flows, Phase, arrange
from sim.cluster.fabric.fluid import check_routing
from sim.cluster.fabric.patterns import PATTERNS, RELAYED
from sim.cluster.fabric.placing import Placed, place
from sim.cluster.fabric.routing import Router
from sim.cluster.health import damaged, is_inside
from sim.cluster.inside import nic_rates, node_graph
from sim.cluster.records import Cluster, GpuArray, NetworkSettings
from sim.errors import TopologyError


class Wiring:
    """A cluster's links, read once; networks whose flows are hashed by other seeds share it.

    before: of the same cluster in another health, if that was read. Raises TopologyError for a graph that breaks the
    contract, or that cannot be routed so.
    """

    def __init__(self, cluster: Cluster, settings: NetworkSettings, before: "Wiring | None" = None) -> None:
        if len(cluster.endpoints) != cluster.nodes * cluster.node.nics:
            raise TopologyError(
                f"cluster: got {len(cluster.endpoints)} endpoints, "
                f"expected {cluster.nodes} nodes x {cluster.node.nics} NICs"
            )
        self.cluster = cluster
        self.whole: Fabric = _fabric_of(cluster) if before is None else before.whole
        self._before = before
        self.fabric = _surviving(cluster, self.whole)
        if settings.sharing == "max-min":
            check_routing(self.fabric, settings.routing, str(cluster.graph.graph.get("family", "this graph")))
        self._reduces = settings.in_network_reduction
        # Ideal sharing does not see the fabric, so only the cuts at its ends bound it.
        self._bounds_inside = settings.sharing == "max-min"
        self.lost: Mapping[int, str] = damage(cluster).lost if any(map(is_inside, cluster.health.faults)) else {}
        # Messages are placed once for all seeds: only where flows are hashed are there several.
        self._keeps = settings.routing == "ecmp"
        self._bounds: dict[tuple[object, ...], float] = {}

    @cached_property
    def router(self) -> Router:
        """Its shortest paths."""
        return Router(self.fabric)

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """What bounds any traffic within the fabric."""
        return fabric_cuts(self.cluster, self.fabric, reduces=self._reduces) if self._bounds_inside else ()

    @cached_property
    def _placed(self) -> dict[tuple[object, ...], tuple[Flows, Placed]]:
        """What has been placed: where the same endpoints reach each other, messages take the same NICs."""
        before, self._before = self._before, None
        same = before is not None and np.array_equal(before.router.part, self.router.part)
        return before._placed if before is not None and same else {}

    def placed(self, phase: Phase, key: tuple[object, ...]) -> tuple[Flows, Placed]:
        """Return the messages of a phase, and the NICs and ports that carry them; key: what tells phases apart."""
        if key in self._placed:
            return self._placed[key]
        flows = PATTERNS[phase.pattern](arrange(phase.groups, self.cluster.node.scale_up_domain))
        found = flows, place(flows, self.cluster.node, self.router, relayed=phase.pattern in RELAYED)
        if self._keeps:
            self._placed[key] = found
        return found

    def lower_bound_s_per_byte(
        self, kind: str, groups: GpuArray, key: tuple[object, ...], *, scale_up_reduces: bool, network_reduces: bool
    ) -> float:
        """Return the least time of a collective of all groups at once; key: what tells groups apart."""
        if (kind, *key) not in self._bounds:
            self._bounds[kind, *key] = lower_bound_s_per_byte(
                kind,
                groups,
                self.cluster,
                self.fabric,
                self.cuts,
                scale_up_reduces=scale_up_reduces,
                network_reduces=network_reduces,
            )
        return self._bounds[kind, *key]

    def require_gpus(self, groups: GpuArray) -> None:
        """Raise TopologyError for groups with a GPU that is lost."""
        if not self.lost:
            return
        for gpu in np.intersect1d(groups, list(self.lost)).tolist()[:1]:
            raise TopologyError(f"job stops: {self.lost[gpu]} is lost, and the job has a rank there")


def _fabric_of(cluster: Cluster) -> Fabric:
    """Return the fabric; what a NIC carries is the least of its link, its line rate and the node's way to its GPUs."""
    node = cluster.node
    fabric = fabric_arrays(cluster.graph, cluster.endpoints, node.nic_bandwidth_bytes_per_s)
    inside = np.tile(nic_rates(node_graph(node, cluster.accelerator), node), cluster.nodes)
    return replace(fabric, nic_capacity_bytes_per_s=np.minimum(fabric.nic_capacity_bytes_per_s, inside))


def _surviving(cluster: Cluster, whole: Fabric) -> Fabric:
    """Return what the cluster's health leaves of its fabric."""
    if not cluster.health.faults:
        return whole
    node = cluster.node
    planes = [cluster.graph.nodes[name].get("plane") for name in whole.switches]
    ports = max(1, node.nics // node.accelerators)
    left = damaged(whole, cluster.health, max(node.nics, 1), ports, planes)
    if not any(map(is_inside, cluster.health.faults)):
        return left
    nics = damage(cluster).nics
    return replace(
        left,
        nic_capacity_bytes_per_s=left.nic_capacity_bytes_per_s * nics,
        leaf=np.where(nics > 0, left.leaf, -1),
    )
