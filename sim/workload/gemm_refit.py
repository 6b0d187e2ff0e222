"""An accelerator with a user's measured products: exact times of measured shapes, a refitted curve for all others."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import log

from sim.catalog.gemm_table import MeasuredGemm
from sim.catalog.records import Accelerator, GemmCurve, Provenance
from sim.errors import InputError, unknown_name
from sim.workload.kernels import gemm_flop, gemm_time_s, grouped_gemm_time_s

ENOUGH = 12
"""Products from which the shape of a curve is fitted, not its level only: four for each of its three coefficients."""

_ROBUST_SCALE = 0.1


def with_measured_gemm(accelerator: Accelerator, products: Sequence[MeasuredGemm]) -> Accelerator:
    """Return an accelerator whose products take what was measured.

    A shape of the table takes its time as it stands. Every other shape goes through the catalog's curve of its
    precision, refitted: from 12 products on its asymptote, k_half and wave exponent (of groups: their overhead
    instead), below that its asymptote alone, by least squares on the logarithm of time with a robust loss. Dense and
    grouped products refit their own curve, and a precision without a line keeps the catalog's.

    Raises UnknownNameError for a precision that the accelerator does not have, InputError for a product that is faster
    than its dense peak; both name file and line.
    """
    for product in products:
        _check(accelerator, product)
    gemm, grouped, sources = dict(accelerator.gemm), dict(accelerator.grouped), dict(accelerator.sources)
    for kind, curves, is_grouped in (("gemm", gemm, False), ("grouped", grouped, True)):
        for precision in sorted({product.shape.precision for product in products}):
            own = [p for p in products if p.shape.precision == precision and (p.shape.groups > 1) == is_grouped]
            if own:
                curves[precision] = _refitted(accelerator, curves[precision], own)
                sources[f"{kind}.{precision}"] = _provenance(own)
    exact = {product.shape: product.time_s for product in products}
    return replace(accelerator, gemm=gemm, grouped=grouped, sources=sources, measured_gemm=exact)


def _refitted(accelerator: Accelerator, curve: GemmCurve, products: Sequence[MeasuredGemm]) -> GemmCurve:
    from scipy.optimize import least_squares  # loaded by those who bring a table: it takes a tenth of a second

    grouped = products[0].shape.groups > 1
    unit = 1e-6
    upper = [1.0, 5e3, 50.0 if grouped else 1.0]
    third = curve.group_overhead_s / unit if grouped else curve.wave_exponent
    start = [curve.asymptote, max(curve.k_half, 1.0), third]
    size = 3 if len(products) >= ENOUGH else 1

    def with_values(x: Iterable[float]) -> GemmCurve:
        level, *shape = (float(value) for value in x)
        if not shape:
            return replace(curve, asymptote=level)
        if grouped:
            return replace(curve, asymptote=level, k_half=shape[0], group_overhead_s=shape[1] * unit)
        return replace(curve, asymptote=level, k_half=shape[0], wave_exponent=shape[1])

    def residuals(x: Iterable[float]) -> list[float]:
        return _errors(accelerator, with_values(x), products)

    fit = least_squares(
        residuals,
        [min(value, 0.99 * most) for value, most in zip(start[:size], upper[:size], strict=True)],
        bounds=([1e-3, 0.0, 0.0][:size], upper[:size]),
        x_scale=[0.1, 100.0, 1.0 if grouped else 0.1][:size],
        loss="soft_l1",
        f_scale=_ROBUST_SCALE,
    )
    return with_values(float(f"{value:.6g}") for value in fit.x)


def _errors(accelerator: Accelerator, curve: GemmCurve, products: Sequence[MeasuredGemm]) -> list[float]:
    """Return log(modelled / measured time) of products under a curve."""
    precision = products[0].shape.precision
    bare = replace(accelerator, gemm={precision: curve}, grouped={precision: curve}, measured_gemm={})

    def modelled_s(product: MeasuredGemm) -> float:
        shape = product.shape
        if shape.groups > 1:
            return grouped_gemm_time_s(bare, precision, groups=shape.groups, m=shape.m, n=shape.n, k=shape.k)
        return gemm_time_s(bare, precision, m=shape.m, n=shape.n, k=shape.k, batch=shape.batch)

    return [log(modelled_s(product) / product.time_s) for product in products]


def _check(accelerator: Accelerator, product: MeasuredGemm) -> None:
    shape, peaks = product.shape, accelerator.peak_flops_per_s
    if shape.precision not in peaks:
        raise unknown_name(f"precision of {accelerator.name}", shape.precision, peaks, product.where)
    rate = gemm_flop(m=shape.m, n=shape.n, k=shape.k, batch=shape.batch * shape.groups) / product.time_s
    if rate > peaks[shape.precision]:
        raise InputError(
            f"{product.where}: got {rate / 1e12:,.1f} TFLOP/s in {shape.precision}, expected at most the dense peak of "
            f"{accelerator.name}, {peaks[shape.precision] / 1e12:,.1f}"
        )


def _provenance(products: Sequence[MeasuredGemm]) -> Provenance:
    table = products[0].where.rpartition(": line ")[0]
    count = f"{len(products)} product{'s' if len(products) > 1 else ''}"
    return Provenance(source=table, date="", kind="fitted", note=f"refitted to {count} of {table}")
