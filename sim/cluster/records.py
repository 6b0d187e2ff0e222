"""Records of the cluster floor: the built cluster, how its network is shared, and what a collective costs on it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.catalog.records import Accelerator, Node
from sim.cluster.health import HEALTHY, Health

if TYPE_CHECKING:
    import networkx as nx

GpuArray = NDArray[np.int64]

SHARINGS = ("ideal", "max-min")
ROUTINGS = ("ecmp", "adaptive", "spray", "d-mod-k", "dimension-ordered", "valiant")
"""In a fluid, packets sprayed and packets routed adaptively both split evenly over all shortest paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Nodes wired by a graph.

    GPU i sits in node i // gpus_per_node; its NIC is endpoint (node x nics + local GPU x nics // gpus_per_node).
    endpoints: the graph's vertices of kind "nic", endpoint e belonging to node e // nics; nodes counts job and spare
    nodes. health: what of the graph and of the nodes is lost or slow; the graph itself is the one that was bought.
    """

    graph: "nx.Graph[str]"
    endpoints: tuple[str, ...]
    node: Node
    accelerator: Accelerator
    nodes: int
    health: Health = HEALTHY

    @property
    def gpus(self) -> int:
        """GPUs of the cluster, spares included."""
        return self.nodes * self.node.accelerators


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """How flows share the fabric: sharing "ideal" or "max-min"; routing one of ROUTINGS.

    in_network_reduction: whether the fabric's switches add up what an all-reduce sends (SHARP). algorithms: pairs of a
    collective and the algorithm that it takes wherever its groups allow it (as NCCL_ALGO).
    """

    sharing: str = "max-min"
    routing: str = "adaptive"
    queue_pairs: int = 4
    seed: int = 0
    in_network_reduction: bool = False
    algorithms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectiveCost:
    """What one collective of all groups at once costs.

    time_s: until the slowest group is done. busbw_bytes_per_s: by the convention of nccl-tests.
    bottleneck: the link class that binds ("leaf-spine", "nic", "scale-up", ...); load: flows' demand on it
    over its capacity, relative to an uncontended NIC; lower_bound_s: the fluid bound of the cut.
    protocol: how the library moves the bytes.
    """

    time_s: float
    busbw_bytes_per_s: float
    algorithm: str
    bottleneck: str
    load: float
    lower_bound_s: float
    protocol: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BomLine:
    """A line of a bill of materials: item "switch", "cable" or "server", catalog name, count, power of one (watts)."""

    item: str
    name: str
    count: int
    power_w: float
