"""Goodput, allocation, ETTR and MFU are identities of the ledger."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.ledger.time.states import STATES
from sim.ledger.time.summary import summarize
from sim.ledger.time.time_ledger import time_ledger
from sim.ledger.time.trace import RunTrace
from sim.workload.profile import STEP_STATES, StepProfile
from tests.ledger.traces import STEP_US, Incident, profile_of, profiles, trace_of, traces

HALF = profile_of({"compute_ideal": 500_000, "bubble": 300_000, "comm_data": 200_000})


def one_failure() -> RunTrace:
    """Two nodes of 8 GPUs and a spare, 15 steps of 1 ms; 2 are lost, 1 is in flight at the end."""
    one = Incident(0, 10, 0, 100, 2, "gpu", 50, 70, 10**6, replaced=True)
    two = Incident(1, 5, 0, 0, 0, "gpu", 0, 0, 1, replaced=False)
    return trace_of([one, two], nodes=2, spares=1, gpus_per_node=8, in_flight_steps=1)


def test_the_numbers_of_a_small_run() -> None:
    trace = one_failure()
    run = summarize(trace, time_ledger(trace, [HALF, HALF]), [HALF, HALF])
    assert run.wall_time_s == pytest.approx(0.015_22)
    assert (run.steps, run.tokens, run.complete) == (12, 12_000, False)
    assert run.ettr == 12_000 / 15_220
    assert run.goodput == 12_000 * 16 / (15_220 * 16)
    assert run.allocation == 2 / 3
    assert run.step_mfu == 0.5
    assert run.gpu_hours == pytest.approx(15_220 * 24 / 3.6e9)
    assert run.job_gpu_hours == pytest.approx(15_220 * 16 / 3.6e9)
    assert (run.failures, run.interruptions) == ({"gpu": 1}, {"gpu": 1})
    assert run.waterfall["in_flight"] == pytest.approx(1_000 * 16 / (15_220 * 24))
    assert [phase.retained_steps for phase in run.phases] == [8, 4]
    assert run.phases[1].goodput == 0.8


@given(trace=traces(), first=profiles, second=profiles)
def test_effective_mfu_is_step_mfu_times_goodput_times_allocation(
    trace: RunTrace, first: StepProfile, second: StepProfile
) -> None:
    run = summarize(trace, time_ledger(trace, [first, second]), [first, second])
    assert run.step_mfu is not None
    assert run.effective_mfu == pytest.approx(run.step_mfu * run.goodput * run.allocation, rel=1e-12)


@given(trace=traces(), first=profiles, second=profiles)
def test_the_waterfall_sums_to_one_and_names_every_state(
    trace: RunTrace, first: StepProfile, second: StepProfile
) -> None:
    run = summarize(trace, time_ledger(trace, [first, second]), [first, second])
    assert math.fsum(run.waterfall.values()) == pytest.approx(1, abs=1e-12)
    assert set(run.waterfall) == set(run.states) == set(STATES) - {"step"}
    assert math.fsum(run.states.values()) == pytest.approx(run.gpu_hours, rel=1e-12)
    in_phases = math.fsum(hours for phase in run.phases for hours in phase.states.values())
    assert in_phases == pytest.approx(run.job_gpu_hours, rel=1e-12)


@given(trace=traces())
def test_without_a_model_mfu_is_unknown_and_the_step_is_one_state(trace: RunTrace) -> None:
    run = summarize(trace, time_ledger(trace, [None, None]), [None, None])
    assert (run.step_mfu, run.effective_mfu, run.tokens) == (None, None, None)
    assert not set(STEP_STATES) & set(run.waterfall)
    assert run.waterfall["step"] == pytest.approx(run.goodput * run.allocation, rel=1e-12)
    assert math.fsum(run.waterfall.values()) == pytest.approx(1, abs=1e-12)


@given(steps=st.integers(1, 10**6), compute=st.integers(1, 10**9), other=st.integers(0, 10**9))
def test_step_mfu_is_that_of_the_flop_of_the_profile(steps: int, compute: int, other: int) -> None:
    """The profile's MFU comes from FLOP and peak, the ledger's from time: a GPU-microsecond of rounding apart."""
    profile = profile_of({"compute_ideal": compute, "bubble": other})
    trace = trace_of([Incident(0, steps, 0, 0, 0, "", 0, 0, 1, False)], nodes=2, spares=0, gpus_per_node=8)
    run = summarize(trace, time_ledger(trace, [profile, profile]), [profile, profile])
    assert run.step_mfu == pytest.approx(profile.mfu, abs=1 / (steps * STEP_US * 16))


def hours_at(mfu_percent: int) -> Fraction:
    """GPU-time of a run of 3,000 compute-microseconds a GPU at an MFU, through the ledger."""
    profile = profile_of({"compute_ideal": mfu_percent, "kernel_inefficiency": 100 - mfu_percent})
    steps = 300 * 100 // mfu_percent
    trace = trace_of([Incident(0, steps, 0, 0, 0, "", 0, 0, 1, False)], nodes=2, spares=0, gpus_per_node=8)
    ledger = time_ledger(trace, [profile, profile])
    run = summarize(trace, ledger, [profile, profile])
    assert run.effective_mfu == pytest.approx(mfu_percent / 100)
    assert run.states["compute_ideal"] * 3.6e9 == pytest.approx(300 * STEP_US * 16)
    return Fraction(ledger.gpus * ledger.wall_us)


def test_mfu_from_30_to_50_percent_needs_40_percent_fewer_gpu_hours() -> None:
    assert hours_at(50) / hours_at(30) == Fraction(60, 100)
    assert float(hours_at(30) / hours_at(50)) - 1 == pytest.approx(0.667, abs=5e-4)  # equivalent GPUs


def test_a_run_of_nothing_has_no_goodput() -> None:
    trace = trace_of([Incident(0, 0, 0, 7, 0, "", 0, 0, 1, False)], nodes=1, spares=0, gpus_per_node=8)
    run = summarize(trace, time_ledger(trace, [HALF, HALF]), [HALF, HALF])
    assert (run.goodput, run.ettr, run.step_mfu, run.allocation) == (0, 0, 0, 1)
