"""Intervals: closed forms against printed numbers and against each other."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from sim.errors import InputError, UnknownNameError
from sim.reliability.interval import daly_s, job_s, optimal_s, resolve_interval, segment_s, young_s
from sim.reliability.records import CheckpointPolicy


@pytest.mark.parametrize(("mtbf_min", "expected_min"), [(24 * 60, 116.69), (6 * 60, 56.71), (15, 9.17)])
def test_the_exact_optimum_is_what_daly_2006_prints(mtbf_min: float, expected_min: float) -> None:
    assert optimal_s(5.0, mtbf_min) == pytest.approx(expected_min, abs=0.005)


@pytest.mark.parametrize(("mtbf_min", "expected_min"), [(24 * 60, 116.69), (6 * 60, 56.71), (15, 9.14)])
def test_dalys_series_is_close_to_it(mtbf_min: float, expected_min: float) -> None:
    assert daly_s(5.0, mtbf_min) == pytest.approx(expected_min, abs=0.005)


def test_daly_is_the_mtbf_where_a_checkpoint_is_too_long() -> None:
    assert daly_s(25.0, 10.0) == 10.0


@given(block_s=st.floats(0.01, 100), ratio=st.floats(1, 1e5))
def test_the_optimum_minimises_expected_time_over_work(block_s: float, ratio: float) -> None:
    mtbf_s = block_s * ratio

    def cost(work_s: float) -> float:
        return segment_s(work_s=work_s, block_s=block_s, recovery_s=0.3 * mtbf_s, mtbf_s=mtbf_s) / work_s

    best = minimize_scalar(cost, bounds=(mtbf_s * 1e-4, mtbf_s * 2), method="bounded", options={"xatol": mtbf_s * 1e-7})
    assert cost(optimal_s(block_s, mtbf_s)) <= best.fun * (1 + 1e-9)


@given(block_s=st.floats(0.01, 1), mtbf_s=st.floats(1e4, 1e6))
def test_young_and_daly_approach_the_optimum_where_checkpoints_are_short(block_s: float, mtbf_s: float) -> None:
    assert daly_s(block_s, mtbf_s) == pytest.approx(optimal_s(block_s, mtbf_s), rel=1e-4)
    assert young_s(block_s, mtbf_s) == pytest.approx(optimal_s(block_s, mtbf_s), rel=2e-2)


def test_a_job_of_one_segment_has_no_checkpoint() -> None:
    one = job_s(total_s=60, work_s=60, block_s=2, recovery_s=10, mtbf_s=180)
    assert one == segment_s(work_s=60, block_s=0, recovery_s=10, mtbf_s=180)


@pytest.mark.parametrize("kind", ["young", "daly", "optimal"])
def test_a_policy_without_failures_takes_no_checkpoints(kind: str) -> None:
    assert resolve_interval(CheckpointPolicy(kind=kind), 2.0, inf) == 0.0


def test_a_fixed_interval_is_taken_as_it_is() -> None:
    assert resolve_interval(CheckpointPolicy(kind="fixed", every_s=77.0), 0.0, 1.0) == 77.0


def test_policies_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'daly'"):
        resolve_interval(CheckpointPolicy(kind="dali"), 2.0, 10.0)
    with pytest.raises(InputError, match="blocks the job"):
        resolve_interval(CheckpointPolicy(kind="young"), 0.0, 10.0)
    with pytest.raises(InputError, match="positive"):
        resolve_interval(CheckpointPolicy(every_s=0.0), 1.0, 10.0)
