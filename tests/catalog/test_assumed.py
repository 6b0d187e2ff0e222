"""What a step rests on that was not measured."""

import pytest

from sim import catalog
from sim.catalog.assumed import OUT_OF_CLAIMS, curves_used, scored, unmeasured


def test_nothing_is_assumed_of_a100_and_h100_in_16_bit() -> None:
    for name in ("a100-80gb-sxm", "h100-sxm"):
        lines = unmeasured(catalog.accelerator(name), "bf16", grouped=True)
        assert [line.split(": ")[1] for line in lines] == ["fitted", "fitted", "fitted"]
        assert [line.split(": ")[0] for line in lines] == ["gemm.bf16", "grouped.bf16", "attention.bf16"]


def test_everything_is_assumed_of_gb300() -> None:
    lines = unmeasured(catalog.accelerator("gb300"), "nvfp4", grouped=False)
    assert [line.split(": ")[:2] for line in lines] == [
        ["gemm.nvfp4", "assumed"],
        ["gemm.bf16", "assumed"],
        ["attention.bf16", "assumed"],
        ["hbm_efficiency", "assumed"],
    ]
    assert "no nvfp4 product was measured" in lines[0]


@pytest.mark.parametrize("name", catalog.names("accelerator"))
def test_every_curve_of_every_precision_is_found(name: str) -> None:
    acc = catalog.accelerator(name)
    for precision in acc.peak_flops_per_s:
        assert len(curves_used(acc, precision, grouped=True)) == (4 if precision in ("fp32", "bf16", "fp16") else 5)


@pytest.mark.parametrize("name", catalog.names("accelerator"))
def test_what_no_measurement_scores_says_so_in_its_steps_and_in_the_catalog(name: str) -> None:
    acc = catalog.accelerator(name)
    wide = "bf16" if "bf16" in acc.peak_flops_per_s else "fp16"
    first = unmeasured(acc, wide, grouped=False)[0]
    rows = {row.field: row.value for row in catalog.describe("accelerator", name)}
    if scored(acc):
        assert name not in first.split(": ")[0]
        assert "accuracy" not in rows
    else:
        assert first == f"{name}: assumed: {OUT_OF_CLAIMS}"
        assert rows["accuracy"] == OUT_OF_CLAIMS
        assert all(acc.sources[curve].kind == "assumed" for curve in curves_used(acc, wide, grouped=True))


def test_nodes_of_such_accelerators_say_so_too() -> None:
    said = {name for name in catalog.names("node") if catalog.describe("node", name)[-1].field == "accuracy"}
    assert said == {n for n in catalog.names("node") if not scored(catalog.accelerator(catalog.node(n).accelerator))}
    assert {"mi300x-platform", "tpu-v4", "dgx-1-v100"} <= said


def test_every_measured_generation_is_scored() -> None:
    for name in ("a100-80gb-sxm", "h100-sxm", "h800-sxm", "b200", "gb200", "gb300"):
        assert scored(catalog.accelerator(name))


def test_assumed_curves_come_first() -> None:
    kinds = [line.split(": ")[1] for line in unmeasured(catalog.accelerator("b200"), "mxfp8", grouped=True)]
    assert kinds == sorted(kinds)
    assert set(kinds) == {"assumed", "fitted"}
