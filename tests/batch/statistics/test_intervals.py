"""What intervals cover, by 1,000 experiments each: of skewed replications, of several at once, of quantiles."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.batch.statistics import Estimate, estimate, paired, tells_apart
from sim.batch.statistics.bootstrap import percentile_interval, resampled_means
from sim.batch.statistics.quantiles import quantile
from sim.batch.statistics.simultaneous import each_covers

EXPERIMENTS = 1000

LOGNORMAL_SIGMA = 0.3
"""Twice as skewed as the dollars of a run of `tiny` over seeds."""


def covered(intervals: list[Estimate], truth: float) -> float:
    inside = 0
    for found in intervals:
        assert found.low is not None and found.high is not None
        inside += found.low <= truth <= found.high
    return inside / len(intervals)


def skewed(seed: int, count: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).lognormal(0.0, LOGNORMAL_SIGMA, (EXPERIMENTS, count))


@pytest.mark.parametrize("count", [5, 20])
def test_students_interval_covers_the_mean_of_skewed_replications(count: int) -> None:
    found = [estimate(sample.tolist()) for sample in skewed(12, count)]
    assert 0.93 <= covered(found, float(np.exp(LOGNORMAL_SIGMA**2 / 2))) <= 0.97


def test_the_bootstrap_covers_the_mean_of_skewed_replications() -> None:
    inside, truth = 0, float(np.exp(LOGNORMAL_SIGMA**2 / 2))
    for sample in skewed(13, 20):
        low, high = percentile_interval(resampled_means(sample[:, None], 1, "test", count=1000)[:, 0], replications=20)
        inside += low <= truth <= high
    assert 0.93 <= inside / EXPERIMENTS <= 0.97


def test_each_of_several_covers_more_so_that_all_hold_at_once() -> None:
    """Four variants against a fifth, none differing: all intervals hold 0 in 93 to 97 % (a normal shared by seed)."""
    generator = np.random.default_rng(14)
    together = alone = 0
    for _ in range(EXPERIMENTS):
        samples = generator.normal(0.0, 1.0, (5, 10)) + generator.normal(0.0, 3.0, 10)
        for coverage in (each_covers(4), 0.95):
            found = [paired(sample.tolist(), samples[0].tolist(), coverage) for sample in samples[1:]]
            hold = not any(map(tells_apart, found))
            together, alone = (together + hold, alone) if coverage > 0.95 else (together, alone + hold)
    assert 0.93 <= together / EXPERIMENTS <= 0.97
    assert alone / EXPERIMENTS < 0.9


def test_no_comparisons_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one at least"):
        each_covers(0)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_an_interval_between_order_statistics_covers_the_quantile_of_any_law(level: float) -> None:
    """No less than 95 %; how much more, the binomial says, as ranks are whole: 96.9 % and 97.0 % of 50."""
    generator = np.random.default_rng(15)
    laws = {
        "exponential": (generator.exponential(1.0, (EXPERIMENTS, 50)), -np.log1p(-level)),
        "uniform": (generator.uniform(0.0, 1.0, (EXPERIMENTS, 50)), level),
    }
    for draws, truth in laws.values():
        assert 0.945 <= covered([quantile(sample.tolist(), level) for sample in draws], float(truth)) <= 0.985


def test_an_end_that_so_few_replications_do_not_give_is_open() -> None:
    sample = [float(each) for each in range(1, 11)]
    found = quantile(sample, 0.9)
    assert found.low is not None and found.high is None
    assert quantile(sample[:5], 0.5).low is None
    # 0.9^35 = 0.0250: the largest of 36 lies above the quantile in 97.5 % of cases, that of 35 not quite.
    assert quantile([float(each) for each in range(35)], 0.9).high is None
    assert quantile([float(each) for each in range(36)], 0.9).high == 35.0


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1])
def test_a_level_at_an_end_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        quantile([1.0], level)
    with pytest.raises(ValueError, match="got no value"):
        quantile([], 0.5)
