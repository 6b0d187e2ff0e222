"""How long a phase takes: latency of its steps, bytes over the busiest link, and what its pipeline waits for."""

import math
from collections.abc import Mapping, Sequence

from sim.cluster.fabric.collectives import Phase
from sim.cluster.fabric.loading import Load
from sim.cluster.fabric.pipelining import nvls_fill_bytes, nvls_rounds, ring_fill_bytes
from sim.cluster.fabric.protocols import Protocol, StepLatency
from sim.cluster.records import Cluster

IN_SWITCH = ("nvls", "nvls-tree", "nvls-sharp")
"""Patterns that reduce in the switches of the scale-up domain."""

_LATENCIES: Mapping[str, str] = {
    "tree": "tree",
    "nvls": "nvls",
    "nvls-tree": "nvls_tree",
    "nvls-sharp": "nvls",
    "collnet": "collnet",
}
"""The latencies of a protocol that a pattern has; rings and messages share one."""


def latency_of(pattern: str, protocol: Protocol) -> StepLatency | None:
    """Return the latencies of a pattern, None where the protocol does not serve it."""
    found: StepLatency | None = getattr(protocol, _LATENCIES.get(pattern, "ring"))
    return found


def phase_time_s(phase: Phase, load: Load, protocol: Protocol, cluster: Cluster, size_bytes: float) -> float:
    """Return base + steps x latency + bytes over the busiest link: by this NCCL's tuner chooses (src/graph/tuning.cc).

    A step within a domain takes at least the time to post a network message where the phase also has those.

    Ring of 4 ranks, one a node, 1 us a step, 1 GB at 1 GB/s: 6 us + 1.5 s.

    >>> from sim.cluster.examples import line
    >>> from sim.cluster.fabric.protocols import FLUID
    >>> import numpy as np
    >>> empty = {"cable_s": np.zeros(0), "nic_s": np.zeros(0)}
    >>> load = Load(network_s=1e-9, scale_up_s=0.0, own_s=1e-9, latency_s=1e-6, link_class="nic", **empty)
    >>> ring = Phase(pattern="ring", groups=np.arange(4)[None], share=1.5, network_steps=6)
    >>> round(phase_time_s(ring, load, FLUID, line(), 1e9), 9)
    1.500006
    """
    latency, node = latency_of(phase.pattern, protocol), cluster.node
    assert latency is not None, f"{protocol.name} does not serve {phase.pattern}"
    inner_s = node.scale_up_latency_s + latency.scale_up_step_s
    if phase.network_steps:
        inner_s = max(inner_s, protocol.post_s)
    outer_s = load.latency_s + node.nic_latency_s + latency.network_step_s
    fixed_s = latency.base_s + phase.scale_up_steps * inner_s + phase.network_steps * outer_s
    if phase.reduces and phase.network_steps:
        fixed_s *= protocol.ring_plateau
    busy_s: float = size_bytes * max(busy_s_per_byte(phase, load, protocol, cluster, size_bytes))
    return fixed_s + phase.messages * protocol.post_s + busy_s


def waiting_s(phase: Phase, load: Load, protocol: Protocol, cluster: Cluster, size_bytes: float) -> float:
    """Return what chunks that wait for each other add, which NCCL's tuner does not know; see `pipelining`.

    To rings that all-reduce within a domain (what was measured), and to reductions in its switches: a round of chunks
    takes its bytes and a step's latency,
    and no less than the lanes need to agree one after another.
    """
    if phase.pattern in IN_SWITCH and protocol.switch_losses:
        lanes = cluster.accelerator.nvls_channels * min(cluster.node.scale_up_domain, phase.groups.shape[1])
        _, scale_up_s = busy_s_per_byte(phase, load, protocol, cluster, size_bytes)
        rounds, busy_s = nvls_rounds(size_bytes, lanes), size_bytes * scale_up_s
        rounds_s: float = max(busy_s + rounds * protocol.nvls_round_s, rounds * lanes * protocol.nvls_lane_s)
        fill = nvls_fill_bytes(size_bytes, lanes, protocol.slice_share)
        return rounds_s - busy_s + fill * scale_up_s
    if phase.pattern == "ring" and phase.reduces and protocol.slice_share and not phase.network_steps:
        step_bytes = size_bytes * phase.share / phase.scale_up_steps
        fill = ring_fill_bytes(step_bytes, protocol.slice_share, protocol.chunk_bytes)
        return phase.scale_up_steps * fill * load.scale_up_s
    return 0.0


def busy_s_per_byte(
    phase: Phase, load: Load, protocol: Protocol, cluster: Cluster, size_bytes: float
) -> tuple[float, float]:
    """Return seconds per byte of size that the network and the scale-up ports need, with what a protocol reaches."""
    network_factor, scale_up_factor, rounds = protocol.network_factor, protocol.scale_up_factor, 1.0
    if phase.pattern == "tree":
        network_factor = scale_up_factor = protocol.tree_factor * _correction(protocol, size_bytes)
    if phase.pattern in ("tree", "nvls-tree"):
        rounds = 2.0
    if phase.pattern in IN_SWITCH and protocol.switch_losses:
        scale_up_factor *= cluster.accelerator.nvls_efficiency
    network_s = load.network_s / (protocol.network_efficiency * network_factor)
    if load.network_s:
        network_s = max(network_s, rounds / protocol.network_cap_bytes_per_s)
    return phase.share * network_s, phase.share * load.scale_up_s / scale_up_factor


def _correction(protocol: Protocol, size_bytes: float) -> float:
    place = int(math.log2(size_bytes / 64)) if size_bytes >= 64 else 0
    return protocol.tree_correction[place] if place < len(protocol.tree_correction) else 1.0


def bottleneck(
    phases: Sequence[tuple[Phase, Load]], protocol: Protocol, cluster: Cluster, size_bytes: float
) -> tuple[str, float]:
    """Return the class of the busiest link of the longest phase, and its load over that of a GPU alone on its NIC."""
    lanes: list[tuple[float, str, float]] = []
    for phase, load in phases:
        network_s, scale_up_s = busy_s_per_byte(phase, load, protocol, cluster, size_bytes)
        own_s = phase.share * load.own_s / (protocol.network_efficiency if load.network_s else 1.0)
        lanes.append((network_s, load.link_class, load.network_s / load.own_s))
        lanes.append((scale_up_s, "scale-up", scale_up_s / own_s))
    _, name, ratio = max(lanes, key=lambda lane: lane[0])
    return name, ratio
