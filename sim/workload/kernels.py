"""Kernel times: the roofline with an efficiency that depends on shape, fitted to measured kernels.

A kernel takes max(FLOP / (peak x efficiency), bytes / (HBM bandwidth x its efficiency)) + overhead. The efficiency
curves are catalog data (sim/catalog/data/kernels.toml); no curve knows a training step.
"""

from collections.abc import Mapping
from math import ceil
from typing import TypeVar

from sim.catalog.records import Accelerator, AttentionCurve, GemmCurve, GemmShape
from sim.errors import InputError, unknown_name

ELEMENT_BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "mxfp8": 1 + 1 / 32, "nvfp4": 0.5 + 1 / 16}
"""Bytes of one input element by precision, with its share of a block's scale.

fp8: one scale a tensor, or a block of 128 (not counted); mxfp8: E4M3, a scale of one byte for 32 elements (OCP
Microscaling Formats 1.0); nvfp4: E2M1, a scale of one byte for 16 (NVIDIA Transformer Engine)."""

MEMORY_OVERHEAD_S = 3e-6
"""Floor of a memory-bound kernel: between a tiny add (1-2 us) and a tiny normalisation (4-7 us); vidur, A100, H100."""

BACKWARD_FLOP = 2.5
"""Flash attention backward over forward: five products against two (Dao, arXiv 2307.08691)."""

_HOST_SHARPNESS = 4.0
_QUERY_BLOCK = 128
_FULL_HEAD_DIM = 128

_Curve = TypeVar("_Curve")


def gemm_flop(*, m: int, n: int, k: int, batch: int = 1) -> float:
    """Return the FLOP of a product of m x k and k x n, 2 m n k for each of a batch.

    >>> gemm_flop(m=2, n=3, k=4)
    48.0
    """
    return 2.0 * batch * m * n * k


def attention_flop(*, batch: int, heads: int, head_dim: int, sequence: int, causal: bool) -> float:
    """Return the FLOP of a forward attention core: two products of 2 s^2 d for each head, half under a causal mask.

    >>> attention_flop(batch=1, heads=1, head_dim=2, sequence=4, causal=False)
    128.0
    """
    return 4.0 * batch * heads * head_dim * sequence**2 * (0.5 if causal else 1.0)


def wave_quantisation(m: int, n: int, curve: GemmCurve, sm_count: int, batch: int = 1) -> float:
    """Return the useful part of the outputs that whole waves of tiles over the SMs would compute, in (0, 1].

    Tiles of tile_m x tile_n run one on each SM, wave after wave; padding at the edges counts as lost
    (NVIDIA, Matrix Multiplication Background, tile and wave quantisation).

    110 tiles of 128 x 256 on 108 SMs take two waves, as long as 216 tiles:

    >>> curve = GemmCurve(asymptote=0.8, wave_exponent=1.0, k_half=0.0)
    >>> wave_quantisation(128, 110 * 256, curve, 108) == 110 / 216
    True
    """
    tiles = batch * ceil(m / curve.tile_m) * ceil(n / curve.tile_n)
    waves = ceil(tiles / sm_count)
    return batch * m * n / (waves * sm_count * curve.tile_m * curve.tile_n)


def grouped_gemm_time_s(
    accelerator: Accelerator,
    precision: str,
    *,
    groups: int,
    m: int,
    n: int,
    k: int,
    output_bytes: float = 2.0,
    accumulate: bool = False,
) -> float:
    """Return the time of one product of m x k by k x n for each of several groups: the experts of a layer on one GPU.

    m: rows of each expert, all equal. As a dense product, with the curve of grouped ones: tiles of all groups share
    the waves, and no tile spans two groups. Memory moves every group's rows and weights, however few the rows are;
    each group costs group_overhead_s besides (its launch, or its turn in one kernel). These two, not empty tiles, are
    what makes small experts slow in the measured rows. A weight gradient has the rows of an expert as its k: give m
    and n of the weight.

    One row for each of 64 experts is bound by their weights, 64 x 4096 x 7168 x 2 bytes = 3.76 GB at 8 TB/s x 0.835:

    >>> from sim import catalog
    >>> b200 = catalog.accelerator("b200")
    >>> alone_s = grouped_gemm_time_s(b200, "bf16", groups=64, m=1, n=4096, k=7168)
    >>> weights_s = 64 * 4096 * 7168 * 2 / (8e12 * 0.835)
    >>> 1.0 < alone_s / (weights_s + 64 * b200.grouped["bf16"].group_overhead_s) < 1.02
    True

    Raises UnknownNameError for a precision without a curve, InputError for an empty shape.
    """
    if min(groups, m, n, k) < 1:
        raise InputError(
            f"a grouped product needs at least one group, row, column and step; got groups={groups} m={m} n={n} k={k}"
        )
    curve = _curve(accelerator, accelerator.grouped, "grouped gemm", precision)
    exact_s = accelerator.measured_gemm.get(GemmShape(precision=precision, m=m, n=n, k=k, groups=groups))
    if exact_s is not None:
        return exact_s
    efficiency = _efficiency(curve, accelerator.sm_count, m=m, n=n, k=k, batch=groups)
    compute_s = gemm_flop(m=m, n=n, k=k, batch=groups) / (accelerator.peak_flops_per_s[precision] * efficiency)
    moved = _moved_bytes(precision, m=m, n=n, k=k, output_bytes=output_bytes, accumulate=accumulate)
    return max(compute_s, _stream_s(accelerator, groups * moved)) + curve.overhead_s + groups * curve.group_overhead_s


def gemm_efficiency(accelerator: Accelerator, precision: str, *, m: int, n: int, k: int, batch: int = 1) -> float:
    """Return the fraction of the dense peak that a matrix product reaches when memory does not bound it.

    asymptote x wave_quantisation ** wave_exponent x k / (k + k_half): filling and draining the pipeline costs as
    much as k_half steps along k. Raises UnknownNameError for a precision that the accelerator has no curve for.
    """
    curve = _curve(accelerator, accelerator.gemm, "gemm", precision)
    return _efficiency(curve, accelerator.sm_count, m=m, n=n, k=k, batch=batch)


def gemm_time_s(
    accelerator: Accelerator,
    precision: str,
    *,
    m: int,
    n: int,
    k: int,
    batch: int = 1,
    output_bytes: float = 2.0,
    accumulate: bool = False,
) -> float:
    """Return the time of a matrix product (m x k by k x n), or of a batch of equal ones in one kernel.

    Each input is read once and each output written once; accumulate also reads the output (a weight gradient
    added into a main gradient). output_bytes: bytes of one output element. A product that a user measured takes what
    was measured, whatever becomes of its output.
    Raises UnknownNameError for a precision without a curve, InputError for an empty shape.
    """
    if min(m, n, k, batch) < 1:
        raise InputError(f"a matrix product needs at least one row, column and step; got m={m} n={n} k={k} x {batch}")
    efficiency = gemm_efficiency(accelerator, precision, m=m, n=n, k=k, batch=batch)
    exact_s = accelerator.measured_gemm.get(GemmShape(precision=precision, m=m, n=n, k=k, batch=batch))
    if exact_s is not None:
        return exact_s
    compute_s = gemm_flop(m=m, n=n, k=k, batch=batch) / (accelerator.peak_flops_per_s[precision] * efficiency)
    moved = _moved_bytes(precision, m=m, n=n, k=k, output_bytes=output_bytes, accumulate=accumulate)
    return max(compute_s, _stream_s(accelerator, batch * moved)) + accelerator.gemm[precision].overhead_s


def attention_efficiency(
    accelerator: Accelerator,
    precision: str,
    *,
    batch: int,
    heads: int,
    head_dim: int,
    sequence: int,
    causal: bool,
    backward: bool,
) -> float:
    """Return the fraction of the dense peak that a flash attention kernel reaches (see AttentionCurve).

    What counts is the keys that a query attends to: without a mask a sequence is as good as a causal one of twice
    its length (measured, it is up to a quarter better still). Raises UnknownNameError for a precision without a curve.
    """
    curve = _curve(accelerator, accelerator.attention, "attention", precision)
    asymptote, s_half, blocks_half = _direction(curve, backward)
    attended = sequence if causal else 2 * sequence
    blocks = batch * heads * sequence / (_QUERY_BLOCK * accelerator.sm_count)
    fill = blocks / (blocks + blocks_half)
    return asymptote * attended / (attended + s_half) * fill * _head_factor(curve, head_dim)


def attention_time_s(
    accelerator: Accelerator,
    precision: str,
    *,
    batch: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    sequence: int,
    causal: bool,
    backward: bool,
) -> float:
    """Return the time of the attention core as one flash kernel: forward, or the whole backward (2.5 x its FLOP).

    The score matrix never leaves the SMs. Forward moves queries, outputs, keys and values once; backward moves
    these and their gradients. Raises UnknownNameError for a precision without a curve, InputError for an empty shape.
    """
    if min(batch, heads, kv_heads, head_dim, sequence) < 1:
        raise InputError(
            f"attention needs at least one of each; got batch={batch} heads={heads} kv_heads={kv_heads} "
            f"head_dim={head_dim} sequence={sequence}"
        )
    efficiency = attention_efficiency(
        accelerator,
        precision,
        batch=batch,
        heads=heads,
        head_dim=head_dim,
        sequence=sequence,
        causal=causal,
        backward=backward,
    )
    flop = attention_flop(batch=batch, heads=heads, head_dim=head_dim, sequence=sequence, causal=causal)
    work = flop * (BACKWARD_FLOP if backward else 1.0)
    tensors = (4 if backward else 2) * (heads + kv_heads)
    moved = ELEMENT_BYTES[precision] * batch * sequence * head_dim * tensors
    compute_s = work / (accelerator.peak_flops_per_s[precision] * efficiency)
    return max(compute_s, _stream_s(accelerator, moved)) + accelerator.attention[precision].overhead_s


def memory_time_s(accelerator: Accelerator, size_bytes: float) -> float:
    """Return the time of a memory-bound kernel that moves size_bytes (read and written together), with its floor."""
    return _stream_s(accelerator, size_bytes) + MEMORY_OVERHEAD_S


def host_bound_s(busy_s: float, launches: float, launch_s: float) -> float:
    """Return the time of a stream of kernels that the GPU works off in busy_s while the CPU launches them one by one.

    A smooth maximum, (busy ** p + (launches x launch_s) ** p) ** (1 / p) with p = 4: at least the larger of both, at
    most their sum, and 19 % above either where they are equal, because a queue that is as fast as its server runs
    empty now and then. p is assumed: a stream of kernels with equal launches would give a sharp corner, one of
    alternately long and short kernels a sum; 4 keeps within 1 % of the larger when the other is below 0.45 of it.

    >>> host_bound_s(3e-3, 100, 1e-6) < 3.000001e-3  # 0.1 ms of launches hide behind 3 ms of work
    True
    >>> round(host_bound_s(1e-3, 1000, 1e-6) * 1e3, 3)
    1.189
    """
    slow_s, fast_s = max(busy_s, launches * launch_s), min(busy_s, launches * launch_s)
    if slow_s == 0.0:
        return 0.0
    return float(slow_s * (1.0 + (fast_s / slow_s) ** _HOST_SHARPNESS) ** (1.0 / _HOST_SHARPNESS))


def _efficiency(curve: GemmCurve, sm_count: int, *, m: int, n: int, k: int, batch: int) -> float:
    fill = wave_quantisation(m, n, curve, sm_count, batch)
    return curve.asymptote * float(fill**curve.wave_exponent) * k / (k + curve.k_half)


def _moved_bytes(precision: str, *, m: int, n: int, k: int, output_bytes: float, accumulate: bool) -> float:
    """Return the bytes of one product: each input read once, each output written, and read first if accumulated."""
    return ELEMENT_BYTES[precision] * (m + n) * k + output_bytes * m * n * (2 if accumulate else 1)


def _stream_s(accelerator: Accelerator, size_bytes: float) -> float:
    return size_bytes / (accelerator.hbm_bandwidth_bytes_per_s * accelerator.hbm_efficiency)


def _direction(curve: AttentionCurve, backward: bool) -> tuple[float, float, float]:
    if backward:
        return curve.backward_asymptote, curve.backward_s_half, curve.backward_blocks_half
    return curve.forward_asymptote, curve.forward_s_half, curve.forward_blocks_half


def _head_factor(curve: AttentionCurve, head_dim: int) -> float:
    """Return the loss of a short head: the softmax costs the same, whatever the products beside it."""
    d = min(head_dim, _FULL_HEAD_DIM)
    return d * (_FULL_HEAD_DIM + curve.head_dim_half) / (_FULL_HEAD_DIM * (d + curve.head_dim_half))


def _curve(accelerator: Accelerator, curves: Mapping[str, _Curve], kind: str, precision: str) -> _Curve:
    known = curves.keys() & accelerator.peak_flops_per_s.keys() & ELEMENT_BYTES.keys()
    if precision not in known:
        raise unknown_name(f"{kind} precision of {accelerator.name}", precision, known)
    return curves[precision]
