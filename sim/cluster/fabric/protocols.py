"""What a communication library adds to bare links: start-up and per-step latencies, and the bandwidth it reaches."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sim.catalog.records import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLatency:
    """Latency of one algorithm: once per collective, and what each step adds to the bare link's own latency."""

    base_s: float = 0.0
    scale_up_step_s: float = 0.0
    network_step_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How a library moves bytes; the defaults add nothing to the fluid model (alpha-beta).

    network_factor, scale_up_factor: of what the links give, reached by rings and messages; tree_factor by trees,
    times tree_correction by floor(log2(bytes / 64)). network_efficiency: of line rate, payload over NICs and switches.
    network_cap_bytes_per_s: most busbw of a group between nodes. post_s: processor time per network message.
    ring_plateau: factor on the latency of a ring all-reduce between nodes. pairwise: whether it serves all-to-all
    and point to point.
    """

    name: str = "fluid"
    ring: StepLatency = StepLatency()
    tree: StepLatency = StepLatency()
    network_factor: float = 1.0
    scale_up_factor: float = 1.0
    tree_factor: float = 1.0
    tree_correction: tuple[float, ...] = ()
    network_efficiency: float = 1.0
    network_cap_bytes_per_s: float = math.inf
    post_s: float = 0.0
    ring_plateau: float = 1.0
    pairwise: bool = True


FLUID = Protocol()
"""Links alone: T = steps x alpha + bytes / bandwidth."""

NETWORK_EFFICIENCY = 0.875

# Steps are net of the LL protocol's ring (0.6 us over NVLink, 2.7 us over the network): that much is the bare link,
# and comes from the node and the graph.
NCCL = (
    Protocol(
        name="LL",
        ring=StepLatency(base_s=6.6e-6),
        tree=StepLatency(base_s=6.8e-6, network_step_s=2.3e-6),
        network_factor=0.5,
        scale_up_factor=0.38,
        tree_factor=0.92 / 3.8,
        tree_correction=(
            *(1.0, 1.0, 1.0, 1.0, 0.9, 0.8, 0.7, 0.7, 0.7, 0.7, 0.6, 0.5),
            *(0.4, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0),
        ),
        network_efficiency=NETWORK_EFFICIENCY,
        network_cap_bytes_per_s=20.4e9,
        post_s=1e-6,
    ),
    Protocol(
        name="LL128",
        ring=StepLatency(base_s=14e-6, scale_up_step_s=1.3e-6, network_step_s=1.3e-6),
        tree=StepLatency(base_s=14e-6, scale_up_step_s=0.65e-6, network_step_s=5.8e-6),
        network_factor=0.92,
        scale_up_factor=0.92,
        tree_factor=0.92 * 120 / 128,
        tree_correction=(
            *(1.0, 1.0, 1.0, 1.0, 1.0, 0.9, 0.8, 0.8, 0.8, 0.7, 0.6, 0.6),
            *(0.6, 0.6, 0.6, 0.6, 0.8, 0.9, 0.9, 0.9, 0.9, 1.0, 1.0, 1.0),
        ),
        network_efficiency=NETWORK_EFFICIENCY,
        post_s=1e-6,
        pairwise=False,
    ),
    Protocol(
        name="Simple",
        ring=StepLatency(base_s=8.4e-6, scale_up_step_s=2.8e-6, network_step_s=11.3e-6),
        tree=StepLatency(base_s=8.4e-6, scale_up_step_s=3.4e-6, network_step_s=11.3e-6),
        tree_factor=0.92,
        tree_correction=(
            *(0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.7, 0.6, 0.6, 0.5),
            *(0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.7, 0.7, 0.8, 0.9, 0.9, 0.9),
        ),
        network_efficiency=NETWORK_EFFICIENCY,
        post_s=3e-6,
        ring_plateau=1.4,
    ),
)
"""NCCL's protocols; a collective uses whichever is fastest."""

SOURCES: Mapping[str, Provenance] = {
    "*": Provenance(
        source="NVIDIA/nccl src/graph/tuning.cc @5067397c (2.30): base and hardware latencies, bandwidth factors",
        date="2026",
        kind="published",
        note="post_s: network overhead on Intel hosts, three times with Simple; the plateau is that of Hopper",
    ),
    "network_efficiency": Provenance(
        source="uccl-project/uccl#205: all-reduce of 64 H100 in 8 nodes at a busbw of 350 GB/s, over 8 x 50 GB/s",
        date="2025",
        kind="derived",
        note="a ring's busbw is its NICs' rate; 4 nodes of H200 reach 310 (stas00/ml-engineering)",
    ),
    "scale_up_factor": Provenance(
        source="tuning.cc: LL tops out at 87.7 GB/s on Ampere, 141 on Hopper, over the 231.6 and 370 GB/s of rings",
        date="2026",
        kind="derived",
    ),
    "network_cap_bytes_per_s": Provenance(
        source="tuning.cc: LL between four nodes or more, Intel hosts", date="2026", kind="published"
    ),
    "pairwise": Provenance(
        source="NCCL sends point to point with LL or Simple only", date="2026", kind="assumed", note="recalled"
    ),
}
