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

    ring (also of messages), tree, nvls, nvls_tree, collnet: latencies by algorithm, None for one that it cannot run.
    network_factor, scale_up_factor: of what the links give, reached by rings and messages; tree_factor by trees,
    times tree_correction by floor(log2(bytes / 64)). switch_losses: whether reductions in the scale-up switches reach
    the accelerator's nvls_efficiency only, in rounds of chunks; each costs nvls_round_s beside its bytes, and takes at
    least nvls_lane_s for every channel and GPU. slice_share, chunk_bytes: what is passed on are slices, that share of
    chunks; a ring's chunks within a domain hold at most so many bytes, all channels together.
    network_efficiency: of line rate, payload over NICs and switches. network_cap_bytes_per_s: most busbw of a group
    between nodes. post_s: processor time per network message. ring_plateau: factor on the latency of a ring all-reduce
    between nodes. pairwise: whether it serves all-to-all and point to point.
    """

    name: str = "fluid"
    ring: StepLatency = StepLatency()
    tree: StepLatency | None = StepLatency()
    nvls: StepLatency | None = StepLatency()
    nvls_tree: StepLatency | None = StepLatency()
    collnet: StepLatency | None = StepLatency()
    network_factor: float = 1.0
    scale_up_factor: float = 1.0
    tree_factor: float = 1.0
    tree_correction: tuple[float, ...] = ()
    network_efficiency: float = 1.0
    network_cap_bytes_per_s: float = math.inf
    post_s: float = 0.0
    ring_plateau: float = 1.0
    pairwise: bool = True
    switch_losses: bool = False
    nvls_round_s: float = 0.0
    nvls_lane_s: float = 0.0
    slice_share: float = 0.0
    chunk_bytes: float = 0.0


FLUID = Protocol()
"""Links alone: T = steps x alpha + bytes / bandwidth."""

NETWORK_EFFICIENCY = 0.875

CHUNK_BYTES = 4.0 * 2**20
SLICE_SHARE = 0.5

# Steps are net of the LL protocol's ring (0.6 us over NVLink, 2.7 us over the network): that much is the bare link,
# and comes from the node and the graph.
NCCL = (
    Protocol(
        name="LL",
        ring=StepLatency(base_s=6.6e-6),
        tree=StepLatency(base_s=6.8e-6, network_step_s=2.3e-6),
        nvls=None,
        nvls_tree=None,
        collnet=None,
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
        nvls=None,
        nvls_tree=None,
        collnet=None,
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
        slice_share=SLICE_SHARE,
        chunk_bytes=CHUNK_BYTES,
    ),
    Protocol(
        name="Simple",
        ring=StepLatency(base_s=8.4e-6, scale_up_step_s=2.8e-6, network_step_s=11.3e-6),
        tree=StepLatency(base_s=8.4e-6, scale_up_step_s=3.4e-6, network_step_s=11.3e-6),
        nvls=StepLatency(scale_up_step_s=24.4e-6, network_step_s=15.3e-6),
        nvls_tree=StepLatency(scale_up_step_s=24.4e-6, network_step_s=18.2e-6),
        collnet=StepLatency(scale_up_step_s=3.1e-6, network_step_s=28.3e-6),
        tree_factor=0.92,
        tree_correction=(
            *(0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.7, 0.6, 0.6, 0.5),
            *(0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.7, 0.7, 0.8, 0.9, 0.9, 0.9),
        ),
        network_efficiency=NETWORK_EFFICIENCY,
        post_s=3e-6,
        ring_plateau=1.4,
        switch_losses=True,
        nvls_round_s=4e-6,
        nvls_lane_s=0.086e-6,
        slice_share=SLICE_SHARE,
        chunk_bytes=CHUNK_BYTES,
    ),
)
"""NCCL's protocols; a collective uses whichever is fastest."""

DEEP_EP = (Protocol(name="DeepEP", ring=StepLatency(base_s=25e-6), network_efficiency=NETWORK_EFFICIENCY),)
"""DeepEP's kernels: GPUs post messages themselves, so that their number costs no processor time."""

LAUNCH_S = 20e-6
"""What launching adds to a collective that stands alone, as in a benchmark; within a step, kernels queue ahead."""

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
    "nvls_round_s": Provenance(
        source="tuning.cc: a step of the Simple protocol over NVLink, tree, 4.0 us",
        date="2026",
        kind="derived",
        note="that each round of chunks (src/enqueue.cc) waits so long is our reading; the tuner knows no rounds",
    ),
    "nvls_lane_s": Provenance(
        source="all-reduce on 8 H100 (Azure AI-benchmarking-guide) and 8 B200 (stas00/ml-engineering), 2 to 64 MiB",
        date="2025",
        kind="fitted",
        note="a round takes 12 us at least with 16 channels x 8 GPUs, 20 us with 24 x 8: one number serves both",
    ),
    "slice_share": Provenance(
        source="NCCL: an all-reduce's chunk holds two slices (ALLREDUCE_CHUNKSTEPS over ALLREDUCE_SLICESTEPS)",
        date="2026",
        kind="derived",
    ),
    "chunk_bytes": Provenance(
        source="Azure AI-benchmarking-guide, ND_A100_v4 all-reduce on 8 GPUs, 4 MiB to 8 GiB",
        date="2025",
        kind="fitted",
        note="the only published curve of a ring; the tuner's own model is up to 33 % fast from 4 to 128 MiB",
    ),
    "deep_ep": Provenance(
        source="deepseek-ai/DeepEP README, low-latency kernels on H800: dispatch and combine of 16 to 64 ranks",
        date="2025",
        kind="fitted",
        note="what is left of 118 to 314 us after the bytes over NICs: 19 to 33 us; 8, 128 and 256 ranks were not used",
    ),
    "launch_s": Provenance(
        source="the curves of network.json below 512 KiB, less latencies: 28 us on A100, 10-17 on H100, 30 on B200",
        date="2025",
        kind="fitted",
        note="sizes that no score counts; one number for all machines",
    ),
    "pairwise": Provenance(
        source="NCCL sends point to point with LL or Simple only", date="2026", kind="assumed", note="recalled"
    ),
}
