"""The kernel measurements of experiments/reference/kernels.json, and the error of a curve on one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import Any

from sim.catalog.records import Accelerator, AttentionCurve, GemmCurve
from sim.workload.kernels import (
    BACKWARD_FLOP,
    attention_flop,
    attention_time_s,
    gemm_flop,
    gemm_time_s,
    grouped_gemm_time_s,
)

REFERENCE = Path(__file__).resolve().parent / "reference" / "kernels.json"

MIN_SIDE = 128
"""Products with a shorter side are decoding shapes, bound by memory; no training step holds them."""

Row = Mapping[str, Any]


def bench(gpu: str, hbm_efficiency: float) -> Accelerator:
    """Return the accelerator behind a row's gpu, without curves: dense peaks, SMs and bandwidth as the vendor states.

    >>> bench("H100 (vidur)", 0.9).sm_count
    132
    """
    ampere = {"bf16": 312e12, "fp16": 312e12}
    hopper = {"bf16": 989.4e12, "fp16": 989.4e12, "fp8": 1978.9e12}
    blackwell = {"bf16": 2.25e15, "fp16": 2.25e15, "fp8": 4.5e15}
    known = {
        "A100-PCIe": (ampere, 108, 1.6e12),
        "A100": (ampere, 108, 2.039e12),
        "H200": (hopper, 132, 4.8e12),
        "H": (hopper, 132, 3.35e12),
        "B": (blackwell, 148, 8e12),
    }
    peaks, sm_count, bandwidth = next(known[start] for start in known if gpu.startswith(start))
    return Accelerator(
        name=gpu,
        vendor="nvidia",
        peak_flops_per_s=peaks,
        sm_count=sm_count,
        hbm_bytes=80e9,
        hbm_bandwidth_bytes_per_s=bandwidth,
        hbm_efficiency=hbm_efficiency,
        scale_up_bandwidth_bytes_per_s=0.0,
        scale_up_efficiency=0.0,
        tdp_w=0.0,
        idle_w=0.0,
        busy_w=0.0,
        communicating_w=0.0,
        gemm={},
        attention={},
        sources={},
    )


def gemm_rows(data: Mapping[str, Any], gpu: str, precision: str) -> list[Row]:
    """Return the products of one gpu and precision: none that is suspect, none with a side below MIN_SIDE."""
    return [
        row
        for row in data["gemm"]
        if (row["gpu"], row["precision"]) == (gpu, precision)
        and not row.get("suspect")
        and min(row["m"], row["n"]) >= MIN_SIDE
    ]


def grouped_rows(data: Mapping[str, Any], gpu: str, precision: str) -> list[Row]:
    """Return the grouped products of one gpu and precision.

    SimuMax lists B200 twice. The weight gradients of its second series would move up to 1.5 times what the HBM is
    specified for if they added into 32-bit outputs as they are labelled: they are left out.
    """
    rows: list[Row] = []
    seen = set()
    for row in data["grouped_gemm"]:
        if (row["gpu"], row["precision"]) != (gpu, precision):
            continue
        case = (row["source"], row["stage"], *grouped_shape(row).items())
        if not (row.get("accumulate") and case in seen):
            rows.append(row)
        seen.add(case)
    return rows


def grouped_shape(row: Row) -> dict[str, int]:
    """Return groups, m, n, k of a row as its product has them: n and k of a row are those of the forward.

    >>> forward = {"groups": 8, "m_per_group": 64, "n": 4096, "k": 512}
    >>> grouped_shape({**forward, "stage": "bwd_grad_act"})
    {'groups': 8, 'm': 64, 'n': 512, 'k': 4096}
    >>> grouped_shape({**forward, "stage": "bwd_grad_w"})
    {'groups': 8, 'm': 4096, 'n': 512, 'k': 64}
    """
    groups, n, k = row["groups"], row["n"], row["k"]
    rows = row["m_per_group"] if "m_per_group" in row else row["m_total"] // groups
    if row["stage"] == "bwd_grad_act":
        n, k = k, n
    elif row["stage"] == "bwd_grad_w":
        rows, n, k = n, k, rows
    return {"groups": groups, "m": rows, "n": n, "k": k}


def attention_rows(data: Mapping[str, Any], gpu: str, kernels: Sequence[str]) -> list[Row]:
    """Return the 16-bit attention rows of some kernels on one gpu whose direction, mask and heads are stated.

    Rows with value heads of another size than the keys' are left out: a curve knows one head dimension.
    """
    return [
        row
        for row in data["attention"]
        if row["gpu"] == gpu
        and row["kernel"] in kernels
        and row["precision"] in ("bf16", "fp16")
        and row["direction"] in ("fwd", "bwd", "fwd+bwd")
        and row["causal"] is not None
        and "heads" in row
        and row.get("v_head_dim", row["head_dim"]) == row["head_dim"]
    ]


def gemm_error(accelerator: Accelerator, row: Row, curve: GemmCurve) -> float:
    """Return log(modelled / measured time) of one product."""
    precision, accumulate = row["precision"], row.get("accumulate", False)
    shape = {side: row[side] for side in ("m", "n", "k")}
    modelled_s = gemm_time_s(
        replace(accelerator, gemm={precision: curve}),
        precision,
        output_bytes=4.0 if accumulate else 2.0,
        accumulate=accumulate,
        **shape,
    )
    return log(modelled_s * row["tflops"] * 1e12 / gemm_flop(**shape))


def grouped_error(accelerator: Accelerator, row: Row, curve: GemmCurve) -> float:
    """Return log(modelled / measured time) of one grouped product; weight gradients add into 32 bit."""
    precision, shape = row["precision"], grouped_shape(row)
    accumulate = bool(row.get("accumulate"))
    modelled_s = grouped_gemm_time_s(
        replace(accelerator, grouped={precision: curve}),
        precision,
        output_bytes=4.0 if accumulate else 2.0,
        accumulate=accumulate,
        **shape,
    )
    flop = gemm_flop(m=shape["m"], n=shape["n"], k=shape["k"], batch=shape["groups"])
    return log(modelled_s * row["tflops"] * 1e12 / flop)


def attention_error(accelerator: Accelerator, row: Row, curve: AttentionCurve) -> float:
    """Return log(modelled / measured time) of one attention row (published FLOP: backward 2.5 x forward)."""
    carrier = replace(accelerator, attention={"fp16": curve})
    shape = {"batch": row["batch"], "heads": row["heads"], "head_dim": row["head_dim"], "sequence": row["seq"]}
    kv_heads = row.get("kv_heads", row["heads"])
    passes = [backward for backward, word in ((False, "fwd"), (True, "bwd")) if word in row["direction"]]
    modelled_s = sum(
        attention_time_s(carrier, "fp16", kv_heads=kv_heads, causal=row["causal"], backward=backward, **shape)
        for backward in passes
    )
    flop = attention_flop(causal=row["causal"], **shape) * sum(BACKWARD_FLOP if b else 1.0 for b in passes)
    return log(modelled_s * row["tflops"] * 1e12 / flop)


def summary(errors: Sequence[float]) -> tuple[float, float]:
    """Return the mean absolute and the mean relative error of times whose log(modelled / measured) are given.

    >>> [round(value, 3) for value in summary([log(1.1), log(0.9)])]
    [0.1, 0.0]
    """
    relative = [exp(error) - 1 for error in errors]
    return fmean(map(abs, relative)), fmean(relative)
