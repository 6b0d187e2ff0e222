"""Intervals: closed forms against printed numbers and against each other."""

import re
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from sim.errors import InputError, UnknownNameError
from sim.reliability.records import CheckpointPolicy
from sim.reliability.saving.interval import (
    IntervalState,
    adaptive_s,
    daly_s,
    job_s,
    optimal_s,
    resolve_interval,
    segment_s,
    two_level_interval,
    young_s,
)


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


def state(block_s: float, mtbf_s: float) -> IntervalState:
    return IntervalState(block_s=block_s, mtbf_s=mtbf_s, step_s=5.0, durable_after_s=block_s, restore_s=1.0)


def test_a_job_of_one_segment_has_no_checkpoint() -> None:
    one = job_s(total_s=60, work_s=60, block_s=2, recovery_s=10, mtbf_s=180)
    assert one == segment_s(work_s=60, block_s=0, recovery_s=10, mtbf_s=180)


@pytest.mark.parametrize("kind", ["young", "daly", "optimal"])
def test_a_policy_without_failures_takes_no_checkpoints(kind: str) -> None:
    assert resolve_interval(CheckpointPolicy(kind=kind), state(2.0, inf)) == 0.0


def test_a_fixed_interval_is_taken_as_it_is() -> None:
    assert resolve_interval(CheckpointPolicy(kind="fixed", every_s=77.0), state(0.0, 1.0)) == 77.0


def test_policies_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'daly'"):
        resolve_interval(CheckpointPolicy(kind="dali"), state(2.0, 10.0))
    with pytest.raises(InputError, match="blocks the job"):
        resolve_interval(CheckpointPolicy(kind="young"), state(0.0, 10.0))
    with pytest.raises(InputError, match="positive"):
        resolve_interval(CheckpointPolicy(every_s=0.0), state(1.0, 10.0))


def every_other_hour(_: IntervalState) -> float:
    return 7200.0


def test_a_plugin_says_the_interval_where_it_is_allowed() -> None:
    mine = CheckpointPolicy(kind="tests.reliability.test_interval:every_other_hour")
    assert resolve_interval(mine, state(2.0, 10.0), allow_plugins=True) == 7200.0
    with pytest.raises(InputError, match="--allow-plugins"):
        resolve_interval(mine, state(2.0, 10.0))


def of_numpy(_: IntervalState) -> np.int64:
    return np.int64(7200)


def test_a_plugin_may_say_a_number_of_numpy() -> None:
    mine = CheckpointPolicy(kind="tests.reliability.test_interval:of_numpy")
    assert resolve_interval(mine, state(2.0, 10.0), allow_plugins=True) == 7200.0


def in_words(_: IntervalState) -> str:
    return "10 min"


def of_nothing() -> float:
    return 7200.0


def by_zero(_: IntervalState) -> float:
    return 7200.0 / 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("in_words", "returned '10 min'; expected a number of seconds"),
        ("of_nothing", "failed (TypeError: of_nothing() takes 0"),
        ("by_zero", "failed (ZeroDivisionError"),
    ],
)
def test_a_plugin_that_says_no_number_is_refused_in_one_line(name: str, message: str) -> None:
    mine = CheckpointPolicy(kind=f"tests.reliability.test_interval:{name}")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        resolve_interval(mine, state(2.0, 10.0), allow_plugins=True)
    assert len(str(caught.value).splitlines()) == 1


@given(
    first=st.floats(0.1, 10),
    more=st.floats(0.1, 100),
    first_per_s=st.floats(1e-6, 1e-3),
    second_per_s=st.floats(1e-7, 1e-3),
)
def test_two_level_intervals_are_least_to_first_order(
    first: float, more: float, first_per_s: float, second_per_s: float
) -> None:
    def overhead(interval_s: float, every: int) -> float:
        return (first + more / every) / interval_s + (first_per_s + every * second_per_s) * interval_s / 2

    interval_s, every = two_level_interval(
        first_block_s=first, more_block_s=more, durable_after_s=0.0, first_per_s=first_per_s, second_per_s=second_per_s
    )
    best = overhead(interval_s, every)
    assert best <= overhead(1.01 * interval_s, every)
    assert best <= overhead(0.99 * interval_s, every)
    for other in {max(1, every - 1), every + 1}:
        # The best whole number is one of the two about the best real one.
        at_s = sqrt(2 * (first + more / other) / (first_per_s + other * second_per_s))
        assert best <= overhead(at_s, other) * 1.1


def test_an_adaptive_interval_goes_from_belief_to_what_was_met() -> None:
    long = adaptive_s(first_s=60.0, block_s=2.0, up_s=1e9, failures=9999)
    assert long == pytest.approx(young_s(2.0, 1e5), rel=1e-4)
