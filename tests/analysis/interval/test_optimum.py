"""The fitted optimum: unbiased on closed forms, and its interval covers what it says."""

from math import exp, expm1

import numpy as np
import pytest

from sim.analysis.interval.optimum import find_optimum
from sim.analysis.interval.rules import asynchronous_optimal_s
from sim.reliability.saving.interval import asynchronous_efficiency, optimal_s, segment_s

RATIOS = 2.0 ** (np.arange(-4, 5) / 2)


@pytest.mark.parametrize(("block", "mtbf"), [(2.0, 180.0), (0.05, 180.0), (20.0, 180.0), (5.0, 30.0)])
def test_the_optimum_of_the_closed_form_is_found(block: float, mtbf: float) -> None:
    best = optimal_s(block, mtbf)
    x = 1.1 * best * RATIOS
    curve = np.array([each / segment_s(work_s=each, block_s=block, recovery_s=10.0, mtbf_s=mtbf) for each in x])
    found = find_optimum(x.tolist(), np.array([curve, curve]), higher_is_better=True, seed=1)
    assert found is not None
    assert found.interval_s == pytest.approx(best, rel=0.003)
    assert found.at_end is None
    dollars = find_optimum(x.tolist(), 5e6 / np.array([curve, curve]), higher_is_better=False, seed=1)
    assert dollars is not None
    assert dollars.interval_s == pytest.approx(found.interval_s, rel=1e-9)


def test_an_optimum_beyond_what_was_simulated_is_said_to_be() -> None:
    x = np.array([10.0, 14.0, 20.0, 28.0, 40.0])
    for curve, end in ((1 - x / 100, "shortest"), (x / 100, "longest")):
        found = find_optimum(x.tolist(), np.array([curve, curve]), higher_is_better=True, seed=1)
        assert found is not None
        assert found.at_end == end


def test_too_few_intervals_have_no_fit() -> None:
    assert find_optimum([10.0, 20.0, 20.0, 30.0], np.ones((5, 4)), higher_is_better=True, seed=1) is None


@pytest.mark.slow
def test_the_interval_of_the_optimum_covers_it() -> None:
    """400 sweeps of 20 replications with noise that intervals share, and noise of their own."""
    generator = np.random.default_rng(4)
    block, mtbf, inside = 2.0, 180.0, 0
    best = optimal_s(block, mtbf)
    x = best * RATIOS
    curve = np.array([each / segment_s(work_s=each, block_s=block, recovery_s=10.0, mtbf_s=mtbf) for each in x])
    for _ in range(400):
        shared, own = generator.normal(0, 0.01, (20, 1)), generator.normal(0, 0.003, (20, len(x)))
        found = find_optimum(x.tolist(), curve + shared + own, higher_is_better=True, seed=1)
        assert found is not None
        inside += found.low_s <= best <= found.high_s
    assert 0.92 <= inside / 400 <= 0.98


@pytest.mark.parametrize(("block", "durable", "flights"), [(0.05, 60.05, 0), (0.05, 60.05, 1), (0.05, 10.0, 4)])
def test_the_asynchronous_optimum_is_the_best_of_its_closed_form(block: float, durable: float, flights: int) -> None:
    least = durable / flights - block if flights else 0.01
    x = np.geomspace(least, 200.0, 200_001)
    mtbf, later = 180.0, durable - block
    curve = x * exp(-later / mtbf) / (mtbf * exp(10 / mtbf) * np.expm1((x + block) / mtbf))
    at = 12.0
    assert at * exp(-later / mtbf) / (mtbf * exp(10 / mtbf) * expm1((at + block) / mtbf)) == pytest.approx(
        asynchronous_efficiency(work_s=at, block_s=block, durable_after_s=later, recovery_s=10.0, mtbf_s=mtbf)
    )
    assert asynchronous_optimal_s(block, durable, mtbf, flights) == pytest.approx(x[curve.argmax()], rel=1e-3)


def test_intervals_under_which_a_run_retains_nothing_are_left_out_of_the_fit() -> None:
    x = np.array([10.0, 14.0, 20.0, 28.0, 40.0, 56.0])
    curve = 1 / (1.05 + 2 / x + x / 200)
    samples = np.array([curve, curve])
    samples[0, -1] = 0.0
    found = find_optimum(x.tolist(), samples, higher_is_better=True, seed=1)
    assert found is not None
    assert found.window_s[1] == pytest.approx(40.0)
    assert find_optimum(x.tolist(), 0 * samples, higher_is_better=True, seed=1) is None
