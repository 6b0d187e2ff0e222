"""Stein's two stages: how many replications, how wide, and that intervals cover what they say."""

import numpy as np
import pytest

from sim.batch.statistics.bootstrap import percentile_interval, resampled_means
from sim.batch.statistics.two_stage import FIRST, replications_for, two_stage, variance_ratio

EXPERIMENTS = 1000


def test_so_many_replications_by_hand() -> None:
    # s0 = 2 of 5 values, t of 4 degrees of freedom is 2.776445: (2.776445 x 2 / 0.5)^2 = 123.3.
    first = np.array([-1.0, 1.0, -1.0, 1.0, 0.0])[:, None] * 2
    assert first.std(ddof=1) == pytest.approx(2.0)
    assert replications_for(first, precision=0.5) == 124
    assert replications_for(first, precision=100.0) == 5


def test_the_widest_quantity_decides() -> None:
    draws = np.random.default_rng(1).normal(0.0, [1.0, 3.0], (20, 2))
    alone = [replications_for(draws[:, [column]], precision=0.5) for column in (0, 1)]
    assert replications_for(draws, precision=0.5) == max(alone)


def test_without_a_second_stage_it_is_students_interval() -> None:
    found = two_stage([2.0, 4.0, 6.0, 8.0], first=4)
    assert found.high == pytest.approx(5 + 3.182446 * 2.581989 / 2, rel=1e-6)
    assert two_stage([3.0], first=20).low is None


@pytest.mark.parametrize("wrong", [0.0, -1.0])
def test_a_precision_that_nothing_reaches_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="expected more than 0"):
        replications_for(np.ones((3, 1)), precision=wrong)


@pytest.mark.parametrize("precision", [0.2, 0.6, 5.0])
def test_the_interval_covers_what_it_says_under_its_own_stopping(precision: float) -> None:
    """1,000 experiments of normals (mean 10, deviation 2): 0.95 +- 3 standard errors is 0.93 to 0.97."""
    generator = np.random.default_rng(2024)
    inside, widest = 0, 0.0
    for _ in range(EXPERIMENTS):
        first = generator.normal(10.0, 2.0, FIRST)
        count = replications_for(first[:, None], precision)
        found = two_stage(np.concatenate([first, generator.normal(10.0, 2.0, count - FIRST)]), first=FIRST)
        assert found.low is not None and found.high is not None
        inside += found.low <= 10.0 <= found.high
        widest = max(widest, (found.high - found.low) / 2)
    assert 0.93 <= inside / EXPERIMENTS <= 0.97
    assert widest <= precision


def test_looking_after_every_replication_covers_less() -> None:
    """Why two stages: stopping as soon as Student's interval of 3 or more is narrow covers 0.90."""
    generator = np.random.default_rng(5)
    inside = 0
    for _ in range(EXPERIMENTS):
        sample = generator.normal(0.0, 1.0, 3)
        while replications_for(sample[:, None], 0.5) > len(sample):
            sample = np.append(sample, generator.normal())
        found = two_stage(sample, first=len(sample))
        assert found.low is not None and found.high is not None
        inside += found.low <= 0.0 <= found.high
    assert inside / EXPERIMENTS < 0.925


def test_quantities_that_share_a_stopping_rule_are_each_covered() -> None:
    generator = np.random.default_rng(11)
    root = np.linalg.cholesky(np.array([[1.0, 0.9], [0.9, 1.0]]))
    inside = np.zeros(3)
    for _ in range(EXPERIMENTS):
        first = generator.normal(size=(FIRST, 2)) @ root.T
        targets = np.column_stack([first, first[:, 0] - first[:, 1]])
        count = replications_for(targets, 0.3)
        pairs = np.concatenate([first, generator.normal(size=(count - FIRST, 2)) @ root.T])
        for index, values in enumerate((pairs[:, 0], pairs[:, 1], pairs[:, 0] - pairs[:, 1])):
            found = two_stage(values, first=FIRST)
            assert found.low is not None and found.high is not None
            inside[index] += found.low <= 0.0 <= found.high
    assert (inside / EXPERIMENTS).min() >= 0.93
    assert (inside / EXPERIMENTS).max() <= 0.97


def test_what_pairs_share_shrinks_the_variance_of_their_difference() -> None:
    shared = np.random.default_rng(3).normal(0.0, 3.0, 400)
    own = np.random.default_rng(4).normal(0.0, 1.0, (2, 400))
    assert variance_ratio(shared + own[0], shared + own[1]) == pytest.approx(10.0, rel=0.2)
    assert variance_ratio(own[0], own[1]) == pytest.approx(1.0, rel=0.2)
    assert variance_ratio(shared, shared) is None


def test_the_bootstrap_of_a_mean_covers_what_it_says_with_few_replications() -> None:
    generator = np.random.default_rng(8)
    inside = 0
    for _ in range(EXPERIMENTS):
        means = resampled_means(generator.normal(1.0, 1.0, (12, 1)), 1, "test", count=1000)
        low, high = percentile_interval(means[:, 0], replications=12)
        inside += low <= 1.0 <= high
    assert 0.93 <= inside / EXPERIMENTS <= 0.97
