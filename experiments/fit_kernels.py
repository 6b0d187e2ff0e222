"""Fit the kernel curves of the catalog to independent kernel measurements.

    python -m experiments.fit_kernels

reads experiments/reference/kernels.json and writes sim/catalog/data/kernels.toml. The model that is fitted is the one
that the simulator uses (sim.workload.kernels): least squares on the logarithm of time with a robust loss.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from experiments.kernel_rows import (
    REFERENCE,
    Row,
    attention_error,
    attention_rows,
    bench,
    gemm_error,
    gemm_rows,
    grouped_error,
    grouped_rows,
    summary,
)
from experiments.kernels_assumed import (
    ASSUMED_ATTENTION,
    ASSUMED_GEMM,
    ASSUMED_GROUPED,
    ASSUMED_HBM,
    FP8_GROUPED,
    LEVELS,
    NVFP4_LEVEL,
    Assumptions,
    Key,
)
from sim.catalog.records import Accelerator, AttentionCurve, GemmCurve

CATALOG = Path(__file__).resolve().parent.parent / "sim" / "catalog" / "data" / "kernels.toml"

LOSS_SCALE = 0.1
STATE_RATIO = 1.15

Table = dict[str, str | float | int]
Measured = Sequence[tuple[Accelerator, Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GemmFit:
    """One curve: the accelerator and precisions it serves, the (gpu, precision) of its rows, what to know of it.

    level: "rows" takes the level of the rows; "middle" puts it midway between two populations of rows; "fast" says
    that its rows are of the fast population of the curve before it, and lowers it to the same middle.
    borrowed: the accelerator whose grouped curve gives everything but the asymptote.
    """

    accelerator: str
    precisions: tuple[str, ...]
    rows: tuple[Key, ...]
    note: str
    level: str = "rows"
    borrowed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionFit:
    """One curve: the accelerator and precisions it serves, its (gpu, kernel), and whose fields it borrows."""

    accelerator: str
    precisions: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    note: str
    borrowed: Mapping[str, str]


GEMM_FITS = (
    GemmFit(
        accelerator="a100-80gb-sxm",
        precisions=("bf16", "fp16"),
        rows=(("A100 (vidur)", "fp16"), ("A100-SXM", "fp16"), ("A100-PCIe", "bf16")),
        note="fp16 and bf16 together; vidur does not say SXM or PCIe, and the bf16 rows are PCIe",
    ),
    GemmFit(
        accelerator="h100-sxm",
        precisions=("bf16", "fp16"),
        rows=(("H100 (vidur)", "fp16"), ("H100-SXM", "bf16")),
        note="mostly fp16 kernel times; the bf16 rows are one weight (2112 x 7168) and run about 14 % faster",
    ),
    GemmFit(
        accelerator="h100-sxm",
        precisions=("fp8",),
        rows=(("H100-SXM", "fp8"), ("H200-SXM", "fp8")),
        note="H100 and H200 together: the same SMs, each with its own memory",
    ),
    GemmFit(
        accelerator="h800-sxm",
        precisions=("fp8",),
        rows=(("H800-SXM", "fp8"),),
        note="DeepGEMM, scales of 1 x 128 and 128 x 128",
    ),
    GemmFit(
        accelerator="b200",
        precisions=("bf16",),
        rows=(("B200", "bf16"), ("B200 class (sm100)", "bf16")),
        note="bimodal, from an undocumented state of clock or power: the level is the geometric middle of both",
        level="middle",
    ),
    GemmFit(
        accelerator="b200",
        precisions=("fp8",),
        rows=(("B200 class (sm100)", "fp8"),),
        note="CUTLASS, at most 1,024 rows and 0.1 ms, on a machine in the fast state: lowered to the middle as bf16 is",
        level="fast",
    ),
)

ATTENTION_FITS = (
    AttentionFit(
        accelerator="a100-80gb-sxm",
        precisions=("bf16", "fp16"),
        rows=(("A100-SXM", "flash_attention_2"), ("A100-PCIe", "te_dot_product_attention")),
        note="FlashAttention-2 forward + backward (SXM) and Transformer Engine (PCIe), fp16 and bf16 together",
        borrowed={},
    ),
    AttentionFit(
        accelerator="h100-sxm",
        precisions=("bf16", "fp16"),
        rows=(("H100-SXM", "cudnn"),),
        note="cuDNN of 2024 (fp16); backward rows are unmasked; forward, FlashAttention-2 runs at {fa2:.2f} and "
        "FlashAttention-3 at {fa3:.2f} of its speed; the two blocks_half are A100's",
        borrowed={"forward_blocks_half": "a100-80gb-sxm", "backward_blocks_half": "a100-80gb-sxm"},
    ),
    AttentionFit(
        accelerator="b200",
        precisions=("bf16",),
        rows=(("B200", "te_dot_product_attention"),),
        note="Transformer Engine; head_dim_half is H100's",
        borrowed={"head_dim_half": "h100-sxm"},
    ),
)

"""Which level a layer on Blackwell gets: the middle (0.57 of peak), and why.

The one machine with many rows of layer-sized products shows 0.49 on long ones and 0.66 on short ones. The best shape of
a search, the fastest of 100 runs, reaches 0.78 (B200, 1,745 TFLOP/s) and 0.73 (GB200, 1,822): a burst on a cool GPU,
which bounds a mean from above (tests/validation). Whole steps, fitted apart from these rows, need 0.56 (reference
README): a training step lives between the sustained state and the burst, as its kernels are short but never stop.
The same fit gives 0.51 for fp8 (0.53 here) and 0.43 for fp4, which nobody measured as a kernel: see NVFP4_LEVEL."""

GROUPED_FITS = (
    GemmFit(
        accelerator="a100-80gb-sxm",
        precisions=("bf16", "fp16"),
        rows=(("A100-PCIe", "bf16"),),
        note="Transformer Engine, 20 and 40 experts; PCIe",
    ),
    GemmFit(
        accelerator="b200",
        precisions=("bf16",),
        rows=(("B200", "bf16"),),
        note="Transformer Engine, 20 to 256 experts of 128 to 9,832 rows, a kernel for each; which state of the "
        "machine is not known, so that the level is the rows' own",
    ),
    GemmFit(
        accelerator="h800-sxm",
        precisions=("fp8",),
        rows=(("H800-SXM", "fp8"),),
        note="DeepGEMM, one kernel, at most 8 experts",
    ),
    GemmFit(
        accelerator="h100-sxm",
        precisions=("bf16", "fp16"),
        rows=(("H100-SXM", "bf16"), ("H200-SXM", "bf16")),
        note="three rows give the level; the rest is that of A100",
        borrowed="a100-80gb-sxm",
    ),
)
"""No wave exponent is fitted for groups: with a cost for each of them the rows leave none (0 to 0.2, no better)."""

HBM_COPIES = (("a100-80gb-sxm", "A100-SXM"), ("h100-sxm", "H100-SXM"), ("h200-sxm", "H200-SXM"))


def fit_gemm(measured: Measured) -> GemmCurve:
    """Return the curve with the least robust error on some rows."""

    def curve(x: Sequence[float]) -> GemmCurve:
        return GemmCurve(asymptote=x[0], wave_exponent=x[1], k_half=x[2], overhead_s=x[3] * 1e-6)

    starts = [(0.7, exponent, 100.0, 3.0) for exponent in (0.2, 0.6)]
    return curve(
        solve(
            lambda x: [gemm_error(accelerator, row, curve(x)) for accelerator, row in measured],
            starts=starts,
            upper=(1.0, 1.0, 2000.0, 20.0),
            scale=(0.1, 0.1, 100.0, 1.0),
        )
    )


def fit_grouped(measured: Measured, borrowed: GemmCurve | None) -> GemmCurve:
    """Return the curve of grouped products with the least robust error on some rows; borrowed: all but its level."""

    def curve(x: Sequence[float]) -> GemmCurve:
        if borrowed is not None:
            return replace(borrowed, asymptote=x[0])
        return GemmCurve(asymptote=x[0], wave_exponent=0.0, k_half=x[1], group_overhead_s=x[2] * 1e-6)

    size = 3 if borrowed is None else 1
    return curve(
        solve(
            lambda x: [grouped_error(accelerator, row, curve(x)) for accelerator, row in measured],
            starts=[(0.6, 200.0, 2.0)[:size]],
            upper=(1.0, 2000.0, 50.0)[:size],
            scale=(0.1, 100.0, 1.0)[:size],
        )
    )


def fit_attention(measured: Measured, borrowed: Mapping[str, float]) -> AttentionCurve:
    """Return the curve with the least robust error on some rows, given some of its fields."""

    def curve(x: Sequence[float]) -> AttentionCurve:
        return AttentionCurve(
            forward_asymptote=x[0],
            forward_s_half=x[1],
            backward_asymptote=x[2],
            backward_s_half=x[3],
            head_dim_half=borrowed.get("head_dim_half", x[4]),
            forward_blocks_half=borrowed.get("forward_blocks_half", x[5]),
            backward_blocks_half=borrowed.get("backward_blocks_half", x[6]),
        )

    return curve(
        solve(
            lambda x: [attention_error(accelerator, row, curve(x)) for accelerator, row in measured],
            starts=[(0.6, 500.0, 0.5, 500.0, 20.0, 1.0, 1.0)],
            upper=(1.0, 1e4, 1.0, 1e4, 1e3, 10.0, 10.0),
            scale=(0.1, 500.0, 0.1, 500.0, 20.0, 1.0, 1.0),
        )
    )


def solve(
    errors: Callable[[Sequence[float]], list[float]],
    *,
    starts: Sequence[Sequence[float]],
    upper: Sequence[float],
    scale: Sequence[float],
) -> list[float]:
    """Return the parameters of the least robust loss over all starts, between zero and upper, rounded."""

    def residuals(x: NDArray[np.float64]) -> list[float]:
        return errors(x.tolist())

    fits = [
        least_squares(residuals, start, bounds=(0.0, upper), x_scale=scale, loss="soft_l1", f_scale=LOSS_SCALE)
        for start in starts
    ]
    best = min(fits, key=lambda fit: float(fit.cost))
    return [round(float(f"{value:.4g}"), 4) for value in best.x.tolist()]


def states(curve: GemmCurve, measured: Measured) -> tuple[float, float]:
    """Return the asymptotes of two populations of rows: the rest, and those STATE_RATIO faster than the curve."""
    errors = [gemm_error(accelerator, row, curve) for accelerator, row in measured]
    split = log(STATE_RATIO)
    slow, fast = [e for e in errors if e <= split], [e for e in errors if e > split]
    return curve.asymptote * exp(median(slow)), curve.asymptote * exp(median(fast))


def gemm_tables(data: Mapping[str, Any], hbm: Mapping[str, Table]) -> dict[Key, Table]:
    """Return the fitted GEMM curves.

    Where the rows are two populations, which of them a training machine belongs to is not known, so that neither is
    preferred by the number of its rows: the asymptote is the geometric middle.
    """
    tables: dict[Key, Table] = {}
    slow = fast = 1.0
    for fit in GEMM_FITS:
        efficiency = float(hbm[fit.accelerator]["efficiency"])
        measured = [(bench(gpu, efficiency), row) for gpu, kind in fit.rows for row in gemm_rows(data, gpu, kind)]
        curve, note = fit_gemm(measured), fit.note
        if fit.level == "middle":
            slow, fast = states(curve, measured)
            note += f" (asymptotes {slow:.2f} and {fast:.2f}; all rows alike would give {curve.asymptote:.2f})"
        if fit.level != "rows":
            top = fast if fit.level == "middle" else curve.asymptote
            curve = replace(curve, asymptote=round(top * (slow / fast) ** 0.5, 4))
        errors = [gemm_error(accelerator, row, curve) for accelerator, row in measured]
        for precision in fit.precisions:
            tables[fit.accelerator, precision] = fitted(curve, errors, measured, data, note)
    return tables


def grouped_tables(data: Mapping[str, Any], hbm: Mapping[str, Table], gemm: Mapping[Key, Table]) -> dict[Key, Table]:
    """Return the curves of grouped products: fitted ones, and fp8 on B200 as its dense curve less what grouping costs.

    What it costs is taken from bf16: the ratio of asymptotes, the difference of k_half, and the time of a group.
    """
    tables: dict[Key, Table] = {}
    for fit in GROUPED_FITS:
        measured = [
            (bench(gpu, float(hbm[fit.accelerator]["efficiency"])), row)
            for gpu, kind in fit.rows
            for row in grouped_rows(data, gpu, kind)
        ]
        curve = fit_grouped(measured, curve_of(tables[fit.borrowed, "bf16"]) if fit.borrowed else None)
        errors = [grouped_error(accelerator, row, curve) for accelerator, row in measured]
        for precision in fit.precisions:
            tables[fit.accelerator, precision] = fitted(curve, errors, measured, data, fit.note)
    dense, wide, grouped = (curve_of(t) for t in (gemm["b200", "fp8"], gemm["b200", "bf16"], tables["b200", "bf16"]))
    narrow = replace(
        dense,
        asymptote=round(dense.asymptote * grouped.asymptote / wide.asymptote, 4),
        k_half=round(dense.k_half + max(0.0, grouped.k_half - wide.k_half), 2),
        group_overhead_s=grouped.group_overhead_s,
    )
    provenance = {name: tables["b200", "bf16"][name] for name in ("source", "date")}
    tables["b200", "fp8"] = {**curve_table(narrow), **provenance, "kind": "assumed", "note": FP8_GROUPED}
    return tables


def curve_of(table: Table) -> GemmCurve:
    """Return the GEMM curve of a table."""
    return GemmCurve(**{field.name: table[field.name] for field in fields(GemmCurve) if field.name in table})  # type: ignore[arg-type]


def curve_table(curve: GemmCurve | AttentionCurve) -> Table:
    """Return the fields of a curve; a dense product has no groups to count."""
    return {name: value for name, value in asdict(curve).items() if name != "group_overhead_s" or value}


def attention_tables(data: Mapping[str, Any], hbm: Mapping[str, Table]) -> dict[Key, Table]:
    """Return the fitted attention curves: causal rows, and backward ones that are published only without a mask."""
    tables: dict[Key, Table] = {}
    speeds = kernel_speeds(data, "H100-SXM")
    for fit in ATTENTION_FITS:
        efficiency = float(hbm[fit.accelerator]["efficiency"])
        measured = [
            (bench(gpu, efficiency), row)
            for gpu, kernel in fit.rows
            for row in attention_rows(data, gpu, (kernel,))
            if row["causal"] or row["direction"] == "bwd"
        ]
        borrowed = {field: float(tables[origin, "bf16"][field]) for field, origin in fit.borrowed.items()}
        curve = fit_attention(measured, borrowed)
        errors = [attention_error(accelerator, row, curve) for accelerator, row in measured]
        note = fit.note.format(fa2=speeds["flash_attention_2"], fa3=speeds["flash_attention_3"])
        for precision in fit.precisions:
            tables[fit.accelerator, precision] = fitted(curve, errors, measured, data, note)
    return tables


def kernel_speeds(data: Mapping[str, Any], gpu: str) -> dict[str, float]:
    """Return the median causal forward speed of each attention kernel over cuDNN's, head dimension 128."""
    speed = {
        kernel: {
            row["seq"]: row["tflops"]
            for row in attention_rows(data, gpu, (kernel,))
            if row["causal"] and row["head_dim"] == 128 and row["direction"] == "fwd"
        }
        for kernel in ("cudnn", "flash_attention_2", "flash_attention_3")
    }
    return {kernel: median(of[seq] / speed["cudnn"][seq] for seq in of) for kernel, of in speed.items()}


def hbm_tables(data: Mapping[str, Any]) -> dict[str, Table]:
    """Return HBM efficiency by accelerator: measured copies, and what is assumed from them."""
    copies = {row["gpu"]: row for row in data["memory"] if row["op"] == "babelstream_copy"}
    tables: dict[str, Table] = {
        name: {
            "efficiency": copies[gpu]["fraction_of_spec"],
            "source": f"kernels.json: {copies[gpu]['source']}, BabelStream copy",
            "date": data["about"]["date"],
            "kind": "measured",
            "note": "",
        }
        for name, gpu in HBM_COPIES
    }
    for name, origin, note in ASSUMED_HBM:
        tables[name] = tables[origin] | {"kind": "assumed", "note": note}
    return tables


def fitted(
    curve: GemmCurve | AttentionCurve, errors: Sequence[float], measured: Measured, data: Mapping[str, Any], note: str
) -> Table:
    """Return a curve with its provenance and its error on the rows."""
    return {
        **curve_table(curve),
        "source": "kernels.json: " + ", ".join(sorted({row["source"] for _, row in measured})),
        "date": data["about"]["date"],
        "kind": "fitted",
        "rows": len(measured),
        "mean_abs_error": round(summary(errors)[0], 3),
        "note": note,
    }


def assume(tables: Mapping[Key, Table], entries: Assumptions) -> dict[Key, Table]:
    """Return the tables with entries taken from the nearest measured ones; row counts and errors stay with those.

    A power cap lowers the asymptotes, and so does nvfp4 from another precision.
    """
    made = dict(tables)
    for key, origin, note in entries:
        level = LEVELS.get(key[0], 1.0) * (NVFP4_LEVEL if key[1] == "nvfp4" and origin[1] != "nvfp4" else 1.0)
        taken = {name: value for name, value in made[origin].items() if name not in ("rows", "mean_abs_error")}
        lowered = {name: round(float(taken[name]) * level, 4) for name in taken if name.endswith("asymptote")}
        made[key] = taken | lowered | {"kind": "assumed", "note": f"from {' '.join(origin)}: {note}"}
    return made


def document(data: Mapping[str, Any]) -> str:
    """Return the catalog file."""
    hbm = hbm_tables(data)
    gemm = assume(gemm_tables(data, hbm), ASSUMED_GEMM)
    grouped = assume(grouped_tables(data, hbm, gemm), ASSUMED_GROUPED)
    attention = assume(attention_tables(data, hbm), ASSUMED_ATTENTION)
    lines = ["# Made by `python -m experiments.fit_kernels` from experiments/reference/kernels.json.", ""]
    for name in sorted(hbm):
        lines += toml_lines(f'hbm."{name}"', hbm[name])
    for kind, tables in (("gemm", gemm), ("grouped", grouped), ("attention", attention)):
        for name, precision in sorted(tables):
            lines += toml_lines(f'{kind}."{name}"."{precision}"', tables[name, precision])
    return "\n".join(lines)


def toml_lines(head: str, table: Table) -> Iterator[str]:
    """Yield the lines of one TOML table."""
    yield f"[{head}]"
    for key, value in table.items():
        yield f"{key} = {json.dumps(value) if isinstance(value, str) else f'{value:.6g}'}"
    yield ""


if __name__ == "__main__":
    CATALOG.write_text(document(json.loads(REFERENCE.read_text())))
