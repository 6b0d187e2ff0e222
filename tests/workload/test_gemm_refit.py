"""Measured products in an accelerator: exact where they were measured, a refitted curve elsewhere."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from sim import catalog
from sim.catalog.gemm_table import MeasuredGemm
from sim.catalog.records import Accelerator, GemmShape
from sim.errors import InputError, UnknownNameError
from sim.workload.gemm_refit import ENOUGH, with_measured_gemm
from sim.workload.kernels import gemm_time_s, grouped_gemm_time_s

H100 = catalog.accelerator("h100-sxm")
SHAPES = [(m, n, k) for m in (1000, 4096, 8192) for n in (2048, 5000) for k in (512, 2048, 8192)]


def measured(acc: Accelerator, shapes: Iterable[tuple[int, int, int]], *, groups: int = 1) -> list[MeasuredGemm]:
    """Times that an accelerator of the catalog would give."""
    products = []
    for line, (m, n, k) in enumerate(shapes, start=2):
        if groups > 1:
            time_s = grouped_gemm_time_s(acc, "bf16", groups=groups, m=m, n=n, k=k)
        else:
            time_s = gemm_time_s(acc, "bf16", m=m, n=n, k=k)
        shape = GemmShape(precision="bf16", m=m, n=n, k=k, groups=groups)
        products.append(MeasuredGemm(shape=shape, time_s=time_s, where=f"my.csv: line {line}"))
    return products


def test_a_measured_shape_takes_its_time_and_no_other_does() -> None:
    shape = GemmShape(precision="bf16", m=4096, n=4096, k=4096)
    acc = with_measured_gemm(H100, [MeasuredGemm(shape=shape, time_s=0.123, where="my.csv: line 2")])
    assert gemm_time_s(acc, "bf16", m=4096, n=4096, k=4096) == 0.123
    assert gemm_time_s(acc, "bf16", m=4096, n=4096, k=4096, output_bytes=4.0, accumulate=True) == 0.123
    for other in ({"m": 4097}, {"n": 4097}, {"k": 4097}, {"batch": 2}):
        assert gemm_time_s(acc, "bf16", **{"m": 4096, "n": 4096, "k": 4096} | other) != 0.123
    assert gemm_time_s(acc, "fp16", m=4096, n=4096, k=4096) == gemm_time_s(H100, "fp16", m=4096, n=4096, k=4096)


def test_many_products_give_back_the_curve_that_made_them() -> None:
    true = replace(H100, gemm={"bf16": replace(H100.gemm["bf16"], asymptote=0.6, k_half=300.0, wave_exponent=0.5)})
    curve = with_measured_gemm(H100, measured(true, SHAPES)).gemm["bf16"]
    assert len(SHAPES) >= ENOUGH
    assert curve.asymptote == pytest.approx(0.6, rel=0.01)
    assert curve.k_half == pytest.approx(300.0, rel=0.03)
    assert curve.wave_exponent == pytest.approx(0.5, rel=0.03)


def test_few_products_move_the_level_only() -> None:
    true = replace(H100, gemm={"bf16": replace(H100.gemm["bf16"], asymptote=0.6)})
    curve = with_measured_gemm(H100, measured(true, SHAPES[-3:])).gemm["bf16"]
    assert curve.asymptote == pytest.approx(0.6, rel=0.01)
    assert replace(curve, asymptote=0.0) == replace(H100.gemm["bf16"], asymptote=0.0)


def test_groups_refit_their_own_curve() -> None:
    true_curve = replace(H100.grouped["bf16"], asymptote=0.5, group_overhead_s=8e-6)
    true = replace(H100, grouped={"bf16": true_curve})
    acc = with_measured_gemm(H100, measured(true, SHAPES, groups=16))
    assert acc.grouped["bf16"].asymptote == pytest.approx(0.5, rel=0.02)
    assert acc.grouped["bf16"].group_overhead_s == pytest.approx(8e-6, rel=0.1)
    assert acc.gemm == H100.gemm
    m, n, k = SHAPES[0]
    assert grouped_gemm_time_s(acc, "bf16", groups=16, m=m, n=n, k=k) == pytest.approx(
        grouped_gemm_time_s(true, "bf16", groups=16, m=m, n=n, k=k), rel=1e-12
    )


def test_a_refitted_curve_says_so() -> None:
    acc = with_measured_gemm(H100, measured(H100, SHAPES[:2]))
    source = acc.sources["gemm.bf16"]
    assert (source.kind, source.source, source.note) == ("fitted", "my.csv", "refitted to 2 products of my.csv")
    assert acc.sources["gemm.fp8"] == H100.sources["gemm.fp8"]


def test_a_product_above_the_peak_is_refused() -> None:
    shape = GemmShape(precision="bf16", m=1000, n=1000, k=1000)
    with pytest.raises(InputError, match=r"my.csv: line 7: got 2,000.0 TFLOP/s in bf16, .*peak of h100-sxm, 989.4"):
        with_measured_gemm(H100, [MeasuredGemm(shape=shape, time_s=1e-6, where="my.csv: line 7")])


def test_a_precision_that_the_accelerator_lacks_is_refused() -> None:
    shape = GemmShape(precision="mxfp8", m=1, n=1, k=1)
    with pytest.raises(UnknownNameError, match=r"my.csv: line 2: unknown precision of h100-sxm 'mxfp8'; .*'fp8'"):
        with_measured_gemm(H100, [MeasuredGemm(shape=shape, time_s=1.0, where="my.csv: line 2")])
