"""Records of what exists: accelerators, nodes, links, switches, storage, models, failures, prices, software.

SI units throughout; every rate is per second, every bandwidth is one direction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["measured", "published", "derived", "fitted", "assumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a number comes from: source, date and kind."""

    source: str
    date: str
    kind: Kind
    note: str = ""


Sources = Mapping[str, Provenance]
"""Provenance by field name; "*" stands for every field without its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GemmCurve:
    """Efficiency of a matrix product by shape, for one accelerator and precision.

    efficiency = asymptote x wave_quantisation ** wave_exponent x k / (k + k_half), on top of the
    memory roofline and a fixed overhead per kernel; tiles of tile_m x tile_n over the SMs. A grouped product (one
    for each of several experts) has a curve of its own, with group_overhead_s for each group besides.
    """

    asymptote: float
    wave_exponent: float
    k_half: float
    tile_m: int = 128
    tile_n: int = 256
    overhead_s: float = 5e-6
    group_overhead_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class GemmShape:
    """One product, or several in one kernel: a batch of equal ones, or groups (experts) of m rows each."""

    precision: str
    m: int
    n: int
    k: int
    batch: int = 1
    groups: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionCurve:
    """Efficiency of flash attention by shape, forward and backward apart.

    efficiency = asymptote x s / (s + s_half) x b / (b + blocks_half) x head, on top of the memory roofline and a
    fixed overhead per kernel. s: sequence length under a causal mask; b: blocks of 128 queries per SM, over batch and
    heads; head = (d / (d + head_dim_half)) over its value at d = 128, for head dimensions below 128 (else 1).
    """

    forward_asymptote: float
    forward_s_half: float
    backward_asymptote: float
    backward_s_half: float
    forward_blocks_half: float = 0.0
    backward_blocks_half: float = 0.0
    head_dim_half: float = 0.0
    overhead_s: float = 5e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """One accelerator; peaks are dense, bandwidths one direction.

    gemm, grouped and attention hold curves by precision: of one product (or a batch of equal ones), of products
    grouped by expert, and of flash attention. measured_gemm: times of exact products that a user measured, in seconds.
    nvls_efficiency: of a ring's bandwidth, reached where the scale-up switches reduce (NVLS), 0 where they cannot;
    nvls_channels: thread blocks that work at it. speed_spread: standard deviation of the speed of one GPU among its
    kind, relative to the mean. flash_2_pace: of FlashAttention-2 over the kernels that the attention curves are of.
    sustained: pace of kernels within a step of each precision, over the same kernels measured alone (1 where none is
    known). collective_engines: whether engines of their own move data between accelerators, so that a collective takes
    nothing from the kernels beside it (TPU, Trainium); sm_count of these counts matrix units.
    """

    name: str
    vendor: str
    peak_flops_per_s: Mapping[str, float]
    sm_count: int
    hbm_bytes: float
    hbm_bandwidth_bytes_per_s: float
    hbm_efficiency: float
    scale_up_bandwidth_bytes_per_s: float
    scale_up_efficiency: float
    tdp_w: float
    idle_w: float
    busy_w: float
    communicating_w: float
    gemm: Mapping[str, GemmCurve]
    attention: Mapping[str, AttentionCurve]
    sources: Sources
    speed_spread: float = 0.0
    nvls_efficiency: float = 0.0
    nvls_channels: int = 0
    collective_engines: bool = False
    flash_2_pace: float = 1.0
    sustained: Mapping[str, float] = field(default_factory=dict)
    grouped: Mapping[str, GemmCurve] = field(default_factory=dict)
    measured_gemm: Mapping[GemmShape, float] = field(default_factory=dict)

    @property
    def wide_peak_flops_per_s(self) -> float:
        """The dense peak in 16 bit: of bf16, or of fp16 on what knows no bf16."""
        return self.peak_flops_per_s.get("bf16") or self.peak_flops_per_s["fp16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One server: accelerators, NICs, the scale-up domain it belongs to, and what the rest of it draws.

    network_technology: "infiniband" or "ethernet", of its NICs and so of the switches they plug into.
    scale_up_domain: accelerators that reach one another without the fabric: whole nodes, or 1 where none do (TPU).
    liquid_cooled: whether it is sold with cold plates, so that its powers are those with liquid already.
    pcie_switches: shared evenly by GPUs and NICs; 0: they hang on the CPUs. pcie_bandwidth_bytes_per_s: of a device's
    slot, one direction.
    """

    name: str
    accelerator: str
    accelerators: int
    scale_up_domain: int
    scale_up_latency_s: float
    scale_up_switches: int
    nics: int
    nic_bandwidth_bytes_per_s: float
    nic_latency_s: float
    network_technology: str
    cpus: int
    pcie_switches: int
    pcie_bandwidth_bytes_per_s: float
    host_to_device_bandwidth_bytes_per_s: float
    nameplate_w: float
    overhead_idle_w: float
    overhead_busy_w: float
    sources: Sources
    liquid_cooled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One network switch; in_network_reduction: whether it adds up what an all-reduce sends (SHARP)."""

    name: str
    ports: int
    port_bandwidth_bytes_per_s: float
    latency_s: float
    power_w: float
    technology: str
    sources: Sources
    in_network_reduction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cable:
    """One cable with its two ends (transceivers or connectors): medium, reach, power of both ends, one-way latency."""

    name: str
    medium: str
    bandwidth_bytes_per_s: float
    reach_m: float
    power_w: float
    latency_s: float
    sources: Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """One shared store."""

    name: str
    capacity_bytes: float
    write_bandwidth_bytes_per_s: float
    read_bandwidth_bytes_per_s: float
    file_operation_s: float
    commit_s: float
    servers: int
    server_power_w: float
    sources: Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooling:
    """One way of cooling nodes; powers of nodes in the catalog are those with air and its fans.

    fan_fraction: of a node's nameplate, what leaves IT power because its fans do: 0 with air, and nothing leaves a node
    that is liquid-cooled as sold. pump_w_per_w: what the
    pumps of coolant distribution units (CDU) draw a watt of the nodes, which enters IT power. pue: of a facility so
    cooled, over that IT power. cdu_w: IT power that one CDU cools, 0 without any.
    """

    name: str
    fan_fraction: float
    pump_w_per_w: float
    pue: float
    cdu_w: float
    sources: Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One electricity grid: CO2e of a kWh, by where it is drawn (location-based)."""

    name: str
    intensity_kg_per_kwh: float
    sources: Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A transformer decoder (shape only).

    experts: routed experts of a mixture layer, 0 for a dense model; dense_layers: how many layers at the start are
    dense all the same; expert_nodes: at most so many nodes hold the experts of a token (0: any). head_dim: of queries
    and keys without the rotary part, which MLA keeps apart (rope_head_dim); v_head_dim: of values, 0 for head_dim.
    sliding_window: keys that a query sees at most in windowed_layers of the layers, spread evenly (0: all before it).
    parallel_block: attention and feed-forward read the same norm and are added at once (PaLM).
    mtp_layers: multi-token prediction modules after the last layer, each a layer, a projection and a pass of the head.
    """

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn_hidden: int
    gated_ffn: bool
    vocab: int
    tied_embeddings: bool
    attention: str
    experts: int = 0
    experts_per_token: int = 0
    shared_experts: int = 0
    expert_ffn_hidden: int = 0
    dense_layers: int = 0
    kv_lora_rank: int = 0
    q_lora_rank: int = 0
    rope_head_dim: int = 0
    v_head_dim: int = 0
    expert_nodes: int = 0
    mtp_layers: int = 0
    sliding_window: int = 0
    windowed_layers: int = 0
    parallel_block: bool = False
    max_position: int = 0
    sources: Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCause:
    """One cause of failure: which component has a clock for it, its law, and whether the node must be replaced.

    component: gpu, nic, node, link or job. mean_s: mean life of one component. replace: whether recovery
    needs another node. kind: exponential (shape is for the laws that later join).
    """

    name: str
    component: str
    kind: str
    mean_s: float
    replace: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FailurePreset:
    """A set of failure causes with the exposure they were counted over: components of each sort, for duration_s."""

    name: str
    causes: tuple[FailureCause, ...]
    duration_s: float = 0.0
    components: Mapping[str, int] = field(default_factory=dict)
    sources: Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One price of a book: a value, its unit and where it comes from."""

    value: float
    unit: str
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """Dated prices by key ("server/dgx-h100" and so on); valid_from is an ISO date, inclusive, valid_to exclusive."""

    name: str
    currency: str
    valid_from: str
    valid_to: str
    prices: Mapping[str, Price]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareProfile:
    """A training stack of one generation: which overlaps and fusions exist, and what it costs per step.

    tensor_overlap: fraction of tensor-parallel communication hidden behind the kernels beside it;
    context_ring: whether keys and values go around a ring beside attention (else they are gathered before it);
    data_overlap: whether gradient reduction and parameter gather run beside compute;
    pipeline_overlap: whether sends and receives run on their own stream;
    gradient_bytes / reduce_bytes: bytes per parameter of a gradient held, and of one sent;
    fused_gradient_accumulation: the weight-gradient kernel adds into the main gradient;
    discard_cheap: normalisation outputs and gated activations are recomputed, not stored;
    recompute_stops_early: a layer that is recomputed as a whole stops before its last product, which nobody keeps;
    elementwise_fused: chains of elementwise kernels are one kernel;
    attention_kernel: "best" that the accelerator has, "flash-2" (FlashAttention-2, for Ampere) or "flash-1" (Triton);
    fp8_scaling: "delayed" (by the largest elements of past steps) or "current" (by those of the tensor itself);
    loss_fused: softmax cross-entropy is one kernel that never writes logits in FP32;
    flash_attention: attention never stores its score matrix;
    expert_overlap: fraction of the exchange of tokens between experts hidden behind other kernels;
    expert_exchange: "pairwise", or "deduplicated" where a token crosses the network once for each node that it visits;
    dispatch_bytes: of one element of a token on its way to its experts;
    grouped_products: the products of all experts of a GPU are one kernel, not one each;
    permutation_fused: tokens are sorted by expert in one pass with their exchange, not in two of their own;
    rank_order: dimensions of a rank's number, innermost first, joined by hyphens, where a layout does not say;
    kernel_level: pace of kernels within a step of this stack over that of the same kernels measured alone;
    expert_levels: of kernels around experts, besides, by precision (1 where none is known);
    kernel_launch: "queued" (the host runs ahead), "graphs" (recorded, launched at once) or "blocking" (the host awaits
    each kernel, CUDA_LAUNCH_BLOCKING=1); launch_s: host time of an operation that is no part of
    a graph; step_overhead_s: host work per optimizer step;
    serialise_bytes_per_s: rate at which one process turns its shard of a checkpoint into bytes to send.
    """

    name: str
    tensor_overlap: float
    context_ring: bool
    data_overlap: bool
    pipeline_overlap: bool
    gradient_bytes: float
    reduce_bytes: float
    fused_gradient_accumulation: bool
    discard_cheap: bool
    recompute_stops_early: bool
    elementwise_fused: bool
    attention_kernel: str
    fp8_scaling: str
    loss_fused: bool
    flash_attention: bool
    launch_s: float
    step_overhead_s: float
    serialise_bytes_per_s: float
    expert_overlap: float
    expert_exchange: str
    dispatch_bytes: float
    grouped_products: bool
    permutation_fused: bool
    kernel_launch: str
    rank_order: str
    kernel_level: float = 1.0
    expert_levels: Mapping[str, float] = field(default_factory=dict)
    sources: Sources
