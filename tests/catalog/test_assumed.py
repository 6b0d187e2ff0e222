"""What a step rests on that was not measured."""

import pytest

from sim import catalog
from sim.catalog.assumed import curves_used, unmeasured


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
        assert len(curves_used(acc, precision, grouped=True)) == (4 if precision in ("bf16", "fp16") else 5)


def test_assumed_curves_come_first() -> None:
    kinds = [line.split(": ")[1] for line in unmeasured(catalog.accelerator("b200"), "mxfp8", grouped=True)]
    assert kinds == sorted(kinds)
    assert set(kinds) == {"assumed", "fitted"}
