"""Operations of a pipeline: how long a chunk's forward and backward take on one GPU, and in which states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sim.catalog.records import Accelerator, Model, SoftwareProfile
from sim.workload.chunks import Chunk
from sim.workload.kernels import (
    attention_flop,
    attention_time_s,
    gemm_flop,
    gemm_time_s,
    grouped_gemm_time_s,
    host_bound_s,
    memory_time_s,
)
from sim.workload.layers import (
    embedding_pass,
    head_backward,
    head_forward,
    layer_backward,
    layer_forward,
    module_backward,
    module_forward,
)
from sim.workload.layout import Batch, Layout, local_kv_heads
from sim.workload.passes import Kernel, PassKernels
from sim.workload.recompute import recomputed_layers
from sim.workload.transformer import attended_share, core_head_dim

GRAPH_LAUNCH_S = 1e-6
"""Launch of a kernel that is part of a recorded graph (class of measured graph launches; assumed)."""

EXPERT_KERNELS = frozenset({"router", "permute", "sort", "combine", "expert-activation"})
"""Memory-bound kernels around experts; their products are the grouped ones."""

FLASH_1_PACE = 0.55
"""Pace of FlashAttention in Triton over FlashAttention-2, which is 1.3 to 2.5 times faster (Dao, arXiv 2307.08691)."""

PASS_EFFICIENCY = {"norm": 0.42, "activation": 0.65, "expert-activation": 0.65, "shared-activation": 0.65}
"""Bandwidth of a pass over that of a copy; others reach a copy's.

Measured (experiments/reference/kernels.json, vidur rows of A100 and H100, 1,024 and 4,096 tokens): normalisation 0.40
to 0.48, gated activation 0.60 to 0.68, addition 1.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpCost:
    """One forward or backward of a chunk: nanoseconds by state (integers), and the mean FLOP that a GPU executes."""

    state_ns: Mapping[str, int]
    flop: float

    @property
    def duration_ns(self) -> int:
        """Sum over states."""
        return sum(self.state_ns.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What runs the kernels: accelerator, precision, software, and the times of one collective of a layer.

    tensor_collective_s: of the tensor group; context_exchange_s: keys and values in the context group; dispatch_s,
    combine_s: tokens to their experts and back; expert_gather_s: among ranks that share experts.
    """

    accelerator: Accelerator
    software: SoftwareProfile
    batch: Batch
    model: Model
    layout: Layout
    tensor_collective_s: float
    context_exchange_s: float = 0.0
    dispatch_s: float = 0.0
    combine_s: float = 0.0
    expert_gather_s: float = 0.0


def chunk_costs(machine: Machine, chunk: Chunk, split: bool = False) -> tuple[OpCost, ...]:
    """Return the costs of a chunk's forward, backward and, if split, weight gradients for one microbatch.

    split: weight gradients are an operation of their own, after the input gradients; otherwise they are part of
    the backward.
    """
    model, batch, layout, software = machine.model, machine.batch, machine.layout, machine.software
    whole = recomputed_layers(batch, chunk.layers)
    kinds = [kind for kind, layers in chunk.kinds for _ in range(layers)]
    layers = [(kind, i < whole) for i, kind in enumerate(kinds)]
    forward_of = {kind: layer_forward(model, batch, layout, software, kind) for kind in set(kinds)}
    backward_of = {layer: layer_backward(model, batch, layout, software, *layer) for layer in set(layers)}
    forward = [forward_of[kind] for kind in kinds]
    backward = [backward_of[layer] for layer in layers]
    if chunk.embedding:
        forward.append(embedding_pass(model, batch, layout))
        backward.append(embedding_pass(model, batch, layout, backward=True))
    if chunk.head:
        forward.append(head_forward(model, batch, layout, software))
        backward.append(head_backward(model, batch, layout, software))
    forward += module_forward(model, batch, layout, software) * chunk.mtp
    backward += module_backward(model, batch, layout, software) * chunk.mtp
    if layout.pipeline > 1 and layout.tensor > 1 and not layout.sequence_parallel:
        # A boundary message comes in one part for each GPU of the group; gathering it is half of an all-reduce.
        received = PassKernels(collectives=0.5)
        forward += [] if chunk.embedding else [received]
        backward += [] if chunk.head else [received]
    if not split:
        return _op_cost(machine, forward), _op_cost(machine, backward)
    inputs = [replace(one, kernels=tuple(k for k in one.kernels if not k.weight)) for one in backward]
    weights = [PassKernels(kernels=tuple(k for k in one.kernels if k.weight)) for one in backward]
    return _op_cost(machine, forward), _op_cost(machine, inputs), _op_cost(machine, weights)


def kernel_time_s(machine: Machine, kernel: Kernel) -> float:
    """Return the time of one kernel within a step: alone, over the pace of kernels in this stack, on this GPU."""
    pace = machine.software.kernel_level * machine.accelerator.sustained.get(machine.batch.precision, 1.0)
    if kernel.name in EXPERT_KERNELS or kernel.kind == "grouped":
        pace *= machine.software.expert_levels.get(machine.batch.precision, 1.0)
    return _alone_s(machine, kernel) / pace


def _alone_s(machine: Machine, kernel: Kernel) -> float:
    acc, precision = machine.accelerator, machine.batch.precision
    if kernel.kind in ("gemm", "grouped"):
        precision = _wide(precision) if kernel.wide else precision
        output_bytes = machine.software.gradient_bytes if kernel.accumulate else 2.0
        m, n, k, accumulate = kernel.m, kernel.n, kernel.k, kernel.accumulate
        if kernel.kind == "grouped":
            return grouped_gemm_time_s(
                *(acc, precision), groups=kernel.batch, m=m, n=n, k=k, output_bytes=output_bytes, accumulate=accumulate
            )
        return gemm_time_s(
            *(acc, precision), m=m, n=n, k=k, batch=kernel.batch, output_bytes=output_bytes, accumulate=accumulate
        )
    if kernel.kind == "attention":
        model, batch = machine.model, machine.batch
        # Every rank of a context group has an equal part of the causal triangle.
        whole_s = attention_time_s(
            acc,
            _wide(precision),
            batch=batch.micro_batch,
            heads=model.heads // machine.layout.tensor,
            kv_heads=local_kv_heads(model, machine.layout),
            head_dim=core_head_dim(model),
            sequence=batch.sequence_length,
            causal=True,
            backward=kernel.backward,
        )
        whole_s /= attention_pace(acc, machine.software)
        # Windows leave whole blocks of keys out.
        return whole_s * attended_share(model, batch.sequence_length) / machine.layout.context
    return memory_time_s(acc, kernel.size_bytes / PASS_EFFICIENCY.get(kernel.name, 1.0))


def attention_pace(accelerator: Accelerator, software: SoftwareProfile) -> float:
    """Return the pace of a stack's attention over the best that is known on an accelerator.

    >>> from sim import catalog
    >>> h100 = catalog.accelerator("h100-sxm")
    >>> [attention_pace(h100, catalog.software(name)) for name in ("megatron-core-2025", "fsdp-2024")]
    [1.0, 0.57]
    """
    if software.attention_kernel == "best":
        return 1.0
    return accelerator.flash_2_pace * (FLASH_1_PACE if software.attention_kernel == "flash-1" else 1.0)


def kernel_flop(model: Model, batch: Batch, layout: Layout, kernel: Kernel) -> float:
    """Return the FLOP that one kernel executes.

    A flash kernel skips what the causal mask hides; its backward counts twice its forward, without the scores that it
    computes again. A product over the whole square of scores counts whole.
    """
    if kernel.kind in ("gemm", "grouped"):
        return gemm_flop(m=kernel.m, n=kernel.n, k=kernel.k, batch=kernel.batch)
    if kernel.kind == "attention":
        forward = attention_flop(
            batch=batch.micro_batch,
            heads=model.heads // layout.tensor,
            head_dim=core_head_dim(model),
            sequence=batch.sequence_length,
            causal=True,
        )
        seen = attended_share(model, batch.sequence_length)
        return forward * seen * (2 if kernel.backward else 1) / layout.context
    return 0.0


def waiting_s(software: SoftwareProfile, busy_s: float, launches: float, calls: float) -> float:
    """Return how long a stream of kernels waits for the host; calls: launches of kernels and collectives.

    Where launches block, the host awaits every call before it prepares the next, and its time adds to the GPU's:

    >>> from sim.workload.examples import plain_stack
    >>> queued = replace(plain_stack(), launch_s=1e-5)
    >>> waiting_s(replace(queued, kernel_launch="blocking"), 1.0, 90, 100)
    0.001
    >>> round(waiting_s(queued, 1.0, 90, 100), 9)
    0.0
    """
    if software.kernel_launch == "blocking":
        return calls * software.launch_s
    # A stream that launches slower than it computes is bound by the host.
    launch_s = GRAPH_LAUNCH_S if software.kernel_launch == "graphs" else software.launch_s
    return host_bound_s(busy_s, launches, launch_s) - busy_s


def _op_cost(machine: Machine, passes: Sequence[PassKernels]) -> OpCost:
    peak = machine.accelerator.peak_flops_per_s[machine.batch.precision]
    ideal_s = repeated_s = busy_s = flop = attention_s = uneven_s = 0.0
    # Layers that are alike hold the same kernels, not only equal ones, which are slower to find.
    timed: dict[int, tuple[float, float]] = {}
    launches = 0
    for kernel in (kernel for one in passes for kernel in one.kernels):
        if id(kernel) not in timed:
            work = kernel_flop(machine.model, machine.batch, machine.layout, kernel)
            timed[id(kernel)] = kernel_time_s(machine, kernel), work
        time_s, work = timed[id(kernel)]
        # The busiest GPU works longer on its experts; all together work on no more tokens.
        flop += work / machine.batch.expert_imbalance if kernel.kind == "grouped" else work
        busy_s += time_s
        launches += kernel.launches * (1 if machine.software.grouped_products else kernel.groups)
        attention_s += time_s if kernel.name == "attention" else 0.0
        if kernel.repeated:
            repeated_s += time_s
        else:
            ideal_s += work * kernel.useful / peak
            # What the busiest GPU computes beyond the mean, the others wait for.
            uneven_s += time_s * (1 - 1 / machine.batch.expert_imbalance) if kernel.kind == "grouped" else 0.0
    collectives = sum(one.collectives for one in passes)
    host_s = waiting_s(machine.software, busy_s, launches, launches + collectives)
    communication_s = collectives * machine.tensor_collective_s
    exposed_s = communication_s * (1 - machine.software.tensor_overlap)
    exchange_s = sum(one.exchanges for one in passes) * machine.context_exchange_s
    if _context_ring(machine):
        # Blocks go around a ring while attention works on the ones that came before.
        exchange_s = max(0.0, exchange_s - attention_s)
    return OpCost(
        state_ns={
            "compute_ideal": round(ideal_s * 1e9),
            "kernel_inefficiency": round((busy_s - ideal_s - repeated_s - uneven_s + host_s) * 1e9),
            "imbalance": round(uneven_s * 1e9),
            "recompute": round(repeated_s * 1e9),
            "comm_tensor": round(exposed_s * 1e9),
            "comm_context": round(exchange_s * 1e9),
            "comm_expert": round(_expert_s(machine, passes) * 1e9),
        },
        flop=flop,
    )


def _context_ring(machine: Machine) -> bool:
    kind = machine.layout.context_exchange
    return kind == "ring" or (not kind and machine.software.context_ring)


def _expert_s(machine: Machine, passes: Sequence[PassKernels]) -> float:
    """Return the exposed time of the exchange of tokens with experts."""
    moved_s = sum(
        one.dispatches * machine.dispatch_s + one.combines * machine.combine_s + one.gathers * machine.expert_gather_s
        for one in passes
    )
    return moved_s * (1 - machine.software.expert_overlap)


def _wide(precision: str) -> str:
    """Return the precision of what those below 16 bit do not touch: the attention core and the LM head."""
    return precision if precision in ("fp32", "bf16", "fp16") else "bf16"
