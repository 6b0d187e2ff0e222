"""Rows of a network validation: one published number and its prediction, or why there is none."""

import math
from dataclasses import dataclass, replace
from typing import Any

from sim import catalog
from sim.cluster.build import build_cluster
from sim.cluster.examples import accelerator, node
from sim.cluster.network import Network
from sim.cluster.records import Cluster, NetworkSettings

Entry = dict[str, Any]
"""What a file holds for one source."""

SCORED_BYTES = float(2**20)
"""Smallest message that a score counts: below it, a benchmark times how fast its host launches."""

NODES = {"A100": "dgx-a100", "H100": "dgx-h100", "H800": "hgx-h800", "H200": "dgx-h200", "B200": "dgx-b200"}
"""The node behind an accelerator's name in a published text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A published number and ours, in one unit: busbw in bytes/s, a time in s, or a fraction.

    measured_by: "hardware", or "simulator" for another program's result.
    """

    id: str
    section: str
    group: str
    unit: str
    measured: float
    simulated: float
    source: str
    measured_by: str = "hardware"
    scored: bool = True
    algorithm: str = ""
    protocol: str = ""
    bottleneck: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A published number without a prediction, and the reason."""

    id: str
    source: str
    reason: str


def machine(name: str, gpus: int) -> Network:
    """Return the network of whole nodes of an accelerator on one leaf and spine layer that does not block."""
    each = catalog.node(NODES[name])
    nodes = -(-gpus // each.accelerators)
    chip = catalog.accelerator(each.accelerator)
    return Network(build_cluster("leaf-spine", {"radix": 64}, each, chip, nodes), NetworkSettings())


def bare(
    ranks: int, bandwidth_bytes_per_s: float, latency_s: float, leaf_ports: int = 0, spines: int | None = None
) -> Cluster:
    """Return a non-blocking two-tier tree of nodes with one GPU, links all alike; leaf_ports: nodes below a leaf."""
    side = leaf_ports or max(2, math.ceil(math.sqrt(ranks)))
    arguments = {"radix": 2 * side} if spines is None else {"radix": 2 * side, "spines": spines}
    each = replace(node(), nic_bandwidth_bytes_per_s=bandwidth_bytes_per_s)
    built = build_cluster("leaf-spine", arguments, each, accelerator(), ranks)
    for _, _, link in built.graph.edges(data=True):
        link.update(bandwidth_bytes_per_s=bandwidth_bytes_per_s, latency_s=latency_s)
    return built
