"""Kernel times: the roofline, and what shape does to it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import catalog
from sim.catalog.records import Accelerator, AttentionCurve, GemmCurve
from sim.errors import InputError, UnknownNameError
from sim.workload.kernels import (
    BACKWARD_FLOP,
    ELEMENT_BYTES,
    MEMORY_OVERHEAD_S,
    attention_efficiency,
    attention_flop,
    attention_time_s,
    gemm_efficiency,
    gemm_flop,
    gemm_time_s,
    grouped_gemm_time_s,
    host_bound_s,
    memory_time_s,
    wave_quantisation,
)

OVERHEAD_S = 4e-6
GROUP_OVERHEAD_S = 2e-6
ATTENTION = AttentionCurve(
    forward_asymptote=0.6,
    forward_s_half=400.0,
    backward_asymptote=0.5,
    backward_s_half=700.0,
    forward_blocks_half=2.0,
    backward_blocks_half=1.0,
    head_dim_half=64.0,
    overhead_s=OVERHEAD_S,
)

sides = st.integers(1, 20_000)
exponents = st.floats(0.0, 1.0)


def accelerator(*, peak_flops_per_s: float = 1e15, bandwidth_bytes_per_s: float = 4e12, **curve: Any) -> Accelerator:
    """100 SMs, memory at half its bandwidth."""
    gemm = GemmCurve(**{"asymptote": 0.8, "wave_exponent": 0.5, "k_half": 100.0, "overhead_s": OVERHEAD_S} | curve)
    peaks = {"bf16": peak_flops_per_s, "fp8": 2 * peak_flops_per_s}
    return Accelerator(
        name="example",
        vendor="example",
        peak_flops_per_s=peaks,
        sm_count=100,
        hbm_bytes=80e9,
        hbm_bandwidth_bytes_per_s=bandwidth_bytes_per_s,
        hbm_efficiency=0.5,
        scale_up_bandwidth_bytes_per_s=0.0,
        scale_up_efficiency=0.0,
        tdp_w=0.0,
        idle_w=0.0,
        busy_w=0.0,
        communicating_w=0.0,
        gemm={"bf16": gemm, "fp8": gemm},
        grouped={"bf16": replace(gemm, group_overhead_s=GROUP_OVERHEAD_S)},
        attention={"bf16": ATTENTION},
        sources={},
    )


def attention(acc: Accelerator, **changed: Any) -> float:
    shape: dict[str, Any] = {"batch": 1, "heads": 16, "kv_heads": 4, "head_dim": 128, "sequence": 8192, "causal": True}
    return attention_time_s(acc, "bf16", **({"backward": False} | shape | changed))


# Products: numbers that a hand can check.


def test_a_product_of_whole_waves_runs_at_the_asymptote() -> None:
    acc = accelerator(k_half=0.0)
    time_s = gemm_time_s(acc, "bf16", m=1280, n=2560, k=10_000)  # 100 tiles on 100 SMs
    assert time_s == pytest.approx(2 * 1280 * 2560 * 10_000 / 0.8e15 + OVERHEAD_S)


def test_one_tile_more_than_a_wave_costs_a_second_wave() -> None:
    curve = GemmCurve(asymptote=1.0, wave_exponent=1.0, k_half=0.0)
    assert wave_quantisation(128, 100 * 256, curve, 100) == 1.0
    assert wave_quantisation(128, 101 * 256, curve, 100) == 101 / 200
    acc = accelerator(wave_exponent=1.0, bandwidth_bytes_per_s=1e15)
    full, more, double = (gemm_time_s(acc, "bf16", m=128, n=n * 256, k=8192, output_bytes=0.0) for n in (100, 101, 200))
    assert more == pytest.approx(double)
    assert more - OVERHEAD_S == pytest.approx(2 * (full - OVERHEAD_S))


def test_a_partly_filled_tile_costs_a_whole_one() -> None:
    curve = GemmCurve(asymptote=1.0, wave_exponent=1.0, k_half=0.0)
    assert wave_quantisation(64, 256, curve, 1) == 0.5
    assert wave_quantisation(129, 256, curve, 1) == 129 / 256


def test_a_batch_fills_waves_together() -> None:
    curve = GemmCurve(asymptote=1.0, wave_exponent=1.0, k_half=0.0)
    assert wave_quantisation(128, 256, curve, 100) == 0.01
    assert wave_quantisation(128, 256, curve, 100, batch=100) == 1.0


def test_k_half_steps_along_k_halve_the_efficiency() -> None:
    assert gemm_efficiency(accelerator(), "bf16", m=1280, n=2560, k=100) == pytest.approx(0.4)


def test_a_thin_product_takes_the_time_of_its_bytes() -> None:
    time_s = gemm_time_s(accelerator(), "bf16", m=1, n=8192, k=8192)
    moved = 2 * 8192 + 2 * 8192 * 8192 + 2 * 8192
    assert time_s == pytest.approx(moved / 2e12 + OVERHEAD_S)


def test_accumulation_reads_and_writes_the_main_gradient() -> None:
    acc = accelerator(bandwidth_bytes_per_s=1e9)
    shape: dict[str, Any] = {"m": 1024, "n": 1024, "k": 1024}
    plain = gemm_time_s(acc, "bf16", **shape)
    added = gemm_time_s(acc, "bf16", **shape, output_bytes=4.0, accumulate=True)
    assert added - plain == pytest.approx((4 + 4 - 2) * 1024 * 1024 / 0.5e9)


def test_fp8_inputs_are_half_as_many_bytes() -> None:
    acc = accelerator(bandwidth_bytes_per_s=1e9)
    wide, narrow = (gemm_time_s(acc, name, m=512, n=512, k=4096, output_bytes=0.0) for name in ("bf16", "fp8"))
    assert wide - OVERHEAD_S == pytest.approx(2 * (narrow - OVERHEAD_S))


def test_twice_the_peak_halves_compute_and_leaves_overhead() -> None:
    shape: dict[str, Any] = {"m": 8192, "n": 8192, "k": 8192}
    slow, fast = (gemm_time_s(accelerator(peak_flops_per_s=peak), "bf16", **shape) for peak in (1e14, 2e14))
    assert slow - OVERHEAD_S == pytest.approx(2 * (fast - OVERHEAD_S))


def test_an_unknown_precision_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"gemm precision of example 'bf15'; did you mean 'bf16'"):
        gemm_time_s(accelerator(), "bf15", m=1, n=1, k=1)
    with pytest.raises(UnknownNameError, match="attention precision of example 'fp8'"):
        attention_efficiency(
            accelerator(), "fp8", batch=1, heads=1, head_dim=1, sequence=1, causal=True, backward=False
        )


@pytest.mark.parametrize("side", ["m", "n", "k", "batch"])
def test_an_empty_product_is_refused(side: str) -> None:
    shape: dict[str, Any] = {"m": 1, "n": 1, "k": 1, "batch": 1}
    with pytest.raises(InputError, match="at least one"):
        gemm_time_s(accelerator(), "bf16", **(shape | {side: 0}))


# Products: properties.


@given(m=sides, n=sides, k=sides, wave_exponent=exponents)
def test_no_product_beats_the_roofline(m: int, n: int, k: int, wave_exponent: float) -> None:
    acc = accelerator(wave_exponent=wave_exponent)
    time_s = gemm_time_s(acc, "bf16", m=m, n=n, k=k)
    assert 0 < gemm_efficiency(acc, "bf16", m=m, n=n, k=k) <= 0.8
    assert time_s >= gemm_flop(m=m, n=n, k=k) / 0.8e15
    assert time_s >= 2 * (m * k + k * n + m * n) / 2e12


@given(m=sides, n=sides, k=sides, more=sides, wave_exponent=exponents, side=st.sampled_from(["m", "n", "k"]))
def test_a_larger_product_never_takes_less_time(
    m: int, n: int, k: int, more: int, wave_exponent: float, side: str
) -> None:
    acc = accelerator(wave_exponent=wave_exponent)
    small: dict[str, Any] = {"m": m, "n": n, "k": k}
    large = small | {side: small[side] + more}
    assert gemm_time_s(acc, "bf16", **large) >= gemm_time_s(acc, "bf16", **small) * (1 - 1e-12)


@given(m=sides, n=sides, k=sides, wave_exponent=exponents, side=st.sampled_from(["m", "n", "k", "batch"]))
def test_one_product_of_twice_the_size_never_takes_longer_than_two(
    m: int, n: int, k: int, wave_exponent: float, side: str
) -> None:
    acc = accelerator(wave_exponent=wave_exponent)
    one: dict[str, Any] = {"m": m, "n": n, "k": k, "batch": 1}
    double = gemm_time_s(acc, "bf16", **(one | {side: 2 * one[side]}))
    assert double <= 2 * gemm_time_s(acc, "bf16", **one) * (1 + 1e-12)


@given(m=sides, n=sides, batch=st.integers(1, 64))
def test_quantisation_is_a_fraction(m: int, n: int, batch: int) -> None:
    curve = GemmCurve(asymptote=1.0, wave_exponent=1.0, k_half=0.0)
    assert 0 < wave_quantisation(m, n, curve, 132, batch) <= 1


# Attention.


def test_a_causal_forward_core_runs_at_its_efficiency() -> None:
    # 1,000 blocks of 128 queries on 100 SMs: ten each.
    shape: dict[str, Any] = {"batch": 1, "heads": 20, "head_dim": 128, "sequence": 6400, "causal": True}
    efficiency = 0.6 * 6400 / 6800 * 10 / 12
    assert attention_efficiency(accelerator(), "bf16", **shape, backward=False) == pytest.approx(efficiency)
    flop = 2 * 20 * 128 * 6400**2
    time_s = attention_time_s(accelerator(), "bf16", **shape, kv_heads=4, backward=False)
    assert time_s == pytest.approx(flop / (efficiency * 1e15) + OVERHEAD_S)


def test_backward_does_two_and_a_half_times_the_work_at_its_own_efficiency() -> None:
    forward = 0.6 * 8192 / 8592 * 10.24 / 12.24
    backward = 0.5 * 8192 / 8892 * 10.24 / 11.24
    ratio = (attention(accelerator(), backward=True) - OVERHEAD_S) / (attention(accelerator()) - OVERHEAD_S)
    assert ratio == pytest.approx(BACKWARD_FLOP * forward / backward)


def test_without_a_mask_the_work_doubles_and_the_efficiency_rises() -> None:
    causal, full = (attention(accelerator(), causal=causal) - OVERHEAD_S for causal in (True, False))
    assert attention_flop(batch=1, heads=16, head_dim=128, sequence=8192, causal=False) == 4 * 16 * 128 * 8192**2
    assert full / causal == pytest.approx(2 * (8192 / 8592) / (16384 / 16784))


def test_short_heads_lose_and_long_heads_do_not_gain() -> None:
    shape: dict[str, Any] = {"batch": 1, "heads": 16, "sequence": 8192, "causal": True, "backward": False}
    by_dim = [attention_efficiency(accelerator(), "bf16", head_dim=d, **shape) for d in (64, 128, 256)]
    assert by_dim[0] / by_dim[1] == pytest.approx(0.5 / (128 / 192))
    assert by_dim[1] == by_dim[2]


def test_slow_memory_bounds_attention_by_its_tensors() -> None:
    acc = accelerator(bandwidth_bytes_per_s=1e6)
    one_tensor_s = 2 * 8192 * 128 / 0.5e6
    assert attention(acc) == pytest.approx((2 * 16 + 2 * 4) * one_tensor_s)
    assert attention(acc, backward=True) == pytest.approx((4 * 16 + 4 * 4) * one_tensor_s)


@given(
    changed=st.sampled_from(["batch", "heads", "sequence", "head_dim"]),
    size=st.integers(1, 300),
    more=st.integers(1, 300),
    backward=st.booleans(),
)
def test_more_attention_never_takes_less_time(changed: str, size: int, more: int, backward: bool) -> None:
    small, large = (
        attention(accelerator(), backward=backward, kv_heads=1, **{changed: value}) for value in (size, size + more)
    )
    assert 0 < small <= large * (1 + 1e-12)


def test_empty_attention_is_refused() -> None:
    with pytest.raises(InputError, match="heads=0"):
        attention(accelerator(), heads=0)


# Memory-bound kernels.


def test_a_memory_bound_kernel_takes_its_bytes_and_the_floor() -> None:
    assert memory_time_s(accelerator(), 2e9) == pytest.approx(1e-3 + MEMORY_OVERHEAD_S)
    assert memory_time_s(accelerator(), 0.0) == MEMORY_OVERHEAD_S


def test_a_better_memory_efficiency_shortens_every_memory_bound_kernel() -> None:
    better = replace(accelerator(), hbm_efficiency=1.0)
    assert memory_time_s(better, 2e9) - MEMORY_OVERHEAD_S == pytest.approx(0.5e-3)


# The host.


@given(st.floats(0.0, 10.0), st.integers(0, 10_000), st.floats(0.0, 1e-3))
def test_launches_cost_at_least_the_larger_of_host_and_gpu_and_at_most_their_sum(
    busy_s: float, launches: int, launch_s: float
) -> None:
    time_s, host_s = host_bound_s(busy_s, launches, launch_s), launches * launch_s
    assert max(busy_s, host_s) <= time_s <= (busy_s + host_s) * (1 + 1e-12)


@given(st.floats(1e-6, 10.0), st.floats(1e-6, 10.0), st.floats(1.0, 2.0))
def test_more_work_on_either_side_never_takes_less_time(busy_s: float, launch_s: float, factor: float) -> None:
    time_s = host_bound_s(busy_s, 10, launch_s)
    assert host_bound_s(busy_s * factor, 10, launch_s) >= time_s * (1 - 1e-12)
    assert host_bound_s(busy_s, 10, launch_s * factor) >= time_s * (1 - 1e-12)


def test_host_and_gpu_are_symmetric_and_a_half_hides_within_two_percent() -> None:
    assert host_bound_s(2e-3, 1, 1e-3) == host_bound_s(1e-3, 1, 2e-3)
    assert 2e-3 < host_bound_s(2e-3, 1000, 1e-6) < 2e-3 * 1.02


def test_a_graph_that_launches_for_free_leaves_the_gpus_time() -> None:
    assert host_bound_s(1.7e-3, 1000, 0.0) == 1.7e-3
    assert host_bound_s(0.0, 1000, 1e-6) == 1e-3


# Products grouped by expert.


def test_groups_fill_waves_together_and_cost_their_own_overhead() -> None:
    """4 groups of 5 x 5 tiles are one wave of 100 SMs at the asymptote."""
    acc = accelerator(k_half=0.0)
    time_s = grouped_gemm_time_s(acc, "bf16", groups=4, m=5 * 128, n=5 * 256, k=20_000)
    flop = 4 * 2 * 640 * 1280 * 20_000
    assert time_s == pytest.approx(flop / 0.8e15 + OVERHEAD_S + 4 * GROUP_OVERHEAD_S)


def test_one_group_is_a_product_with_one_more_overhead() -> None:
    acc = accelerator()
    one_s = grouped_gemm_time_s(acc, "bf16", groups=1, m=1000, n=2000, k=3000)
    assert one_s == pytest.approx(gemm_time_s(acc, "bf16", m=1000, n=2000, k=3000) + GROUP_OVERHEAD_S)


def test_few_rows_wait_for_the_weights_of_every_expert() -> None:
    """64 weights of 4,096 x 7,168 in 16 bit at half of 4 TB/s; inputs and outputs are 1/5,000 of them."""
    acc = accelerator()
    time_s = grouped_gemm_time_s(acc, "bf16", groups=64, m=1, n=4096, k=7168)
    weights_s = 64 * 4096 * 7168 * 2 / 2e12
    assert weights_s < time_s - OVERHEAD_S - 64 * GROUP_OVERHEAD_S < 1.001 * weights_s


def test_a_gradient_that_adds_into_32_bit_reads_and_writes_it() -> None:
    acc = accelerator()
    shape = {"groups": 8, "m": 4096, "n": 4096, "k": 16}
    plain_s = grouped_gemm_time_s(acc, "bf16", **shape)
    added_s = grouped_gemm_time_s(acc, "bf16", **shape, output_bytes=4.0, accumulate=True)
    assert added_s - plain_s == pytest.approx(8 * 4096**2 * (8 - 2) / 2e12)


@given(st.integers(1, 256), sides, sides, sides)
def test_the_same_rows_in_more_groups_never_take_less_time(groups: int, m: int, n: int, k: int) -> None:
    acc = accelerator()
    whole_s = grouped_gemm_time_s(acc, "bf16", groups=groups, m=2 * m, n=n, k=k)
    assert grouped_gemm_time_s(acc, "bf16", groups=2 * groups, m=m, n=n, k=k) >= whole_s


@pytest.mark.parametrize("field", ["groups", "m", "n", "k"])
def test_an_empty_group_is_refused(field: str) -> None:
    shape = {"groups": 2, "m": 2, "n": 2, "k": 2, field: 0}
    with pytest.raises(InputError, match=f"at least one group, row, column and step; got .*{field}=0"):
        grouped_gemm_time_s(accelerator(), "bf16", **shape)


def test_a_precision_without_a_grouped_curve_names_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"grouped gemm precision of example 'fp8'.* Known: bf16"):
        grouped_gemm_time_s(accelerator(), "fp8", groups=2, m=2, n=2, k=2)


# Elements with block scales.


def test_a_block_scale_is_part_of_an_element() -> None:
    """One byte for 32 elements of mxfp8, one for 16 of nvfp4."""
    assert 32 * ELEMENT_BYTES["mxfp8"] == 32 + 1
    assert 16 * ELEMENT_BYTES["nvfp4"] == 8 + 1


def test_hopper_has_no_block_scales() -> None:
    h100 = catalog.accelerator("h100-sxm")
    with pytest.raises(UnknownNameError, match=r"'mxfp8'; did you mean 'fp8'\? Known: bf16, fp16, fp8"):
        gemm_time_s(h100, "mxfp8", m=128, n=128, k=128)


@pytest.mark.parametrize("name", ["b200", "gb200", "gb300"])
def test_blackwell_gains_from_every_narrower_precision_but_less_than_its_peak_says(name: str) -> None:
    acc = catalog.accelerator(name)
    time_s = {p: gemm_time_s(acc, p, m=8192, n=8192, k=8192) for p in ("bf16", "fp8", "mxfp8", "nvfp4")}
    assert time_s["bf16"] > time_s["fp8"] == time_s["mxfp8"] > time_s["nvfp4"]
    ratio = acc.peak_flops_per_s["nvfp4"] / acc.peak_flops_per_s["fp8"]
    assert time_s["fp8"] / time_s["nvfp4"] < ratio
