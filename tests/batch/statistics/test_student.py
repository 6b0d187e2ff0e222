"""Intervals of replications, and paired differences."""

import numpy as np
import pytest

from sim.batch.statistics import estimate, paired, tells_apart


def test_students_interval_by_hand() -> None:
    # n = 4, mean 5, s = sqrt(20 / 3): half = 3.182446 x 2.581989 / 2.
    found = estimate([2.0, 4.0, 6.0, 8.0])
    assert found.mean == 5.0
    assert found.low is not None and found.high is not None
    assert found.high - found.mean == pytest.approx(3.182446 * 2.581989 / 2, rel=1e-6)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


def test_one_replication_has_no_interval() -> None:
    found = estimate([3.0])
    assert (found.mean, found.low, found.high, found.replicas) == (3.0, None, None, 1)
    with pytest.raises(ValueError, match="got no value"):
        estimate([])


def test_intervals_cover_what_they_say() -> None:
    draws = np.random.default_rng(7).normal(10.0, 3.0, (2000, 5))
    inside = 0
    for sample in draws:
        found = estimate(sample.tolist())
        assert found.low is not None and found.high is not None
        inside += found.low <= 10.0 <= found.high
    # Binomial: 0.95 +- 3 sqrt(0.95 x 0.05 / 2000) = 0.935 to 0.965.
    assert 0.935 <= inside / 2000 <= 0.965


def test_what_both_share_cancels_in_a_pair() -> None:
    shared = np.random.default_rng(3).normal(100.0, 10.0, 6)
    own = np.random.default_rng(4).normal(0.0, 0.1, 6)
    found = paired((shared + 1.0 + own).tolist(), shared.tolist())
    assert tells_apart(found)
    assert found.mean == pytest.approx(1.0, abs=0.2)
    alone = estimate(shared.tolist())
    assert alone.low is not None and alone.high is not None and found.low is not None and found.high is not None
    assert found.high - found.low < 0.1 * (alone.high - alone.low)
