"""Distributions of uncertain inputs by their published quantiles, and the samples that are drawn from them."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from sim.catalog.bands import band, kind_of
from sim.scenario import Scenario

Floats = NDArray[np.float64]

FIVE = 1.6448536269514722
"""Standard normal score of 95 %, so that a band of 90 % lies between minus and plus this many deviations."""

SAMPLES = 256
"""Samples of a generation where nothing else is asked for."""


def unit_samples(count: int, dimensions: int, seed: int) -> Floats:
    """Return a Latin hypercube: `count` points in [0, 1), one in each of `count` slices of every dimension.

    Assumption: inputs are independent. The hypercube is scipy's (McKay et al., Technometrics 1979).

    >>> sorted((unit_samples(4, 2, 1)[:, 0] * 4).astype(int).tolist())
    [0, 1, 2, 3]
    """
    from scipy.stats import qmc

    return np.asarray(qmc.LatinHypercube(dimensions, rng=np.random.default_rng(seed)).random(count))


def normal_score(units: Floats) -> Floats:
    """Return the standard normal quantiles of numbers between 0 and 1.

    >>> round(float(normal_score(np.array([0.95]))[0]), 4)
    1.6449
    """
    from scipy.special import ndtri

    return np.asarray(ndtri(np.clip(units, 1e-12, 1 - 1e-12)))


def log_normal(units: Floats, low: float, high: float) -> Floats:
    """Return log-normal values whose 5th and 95th percentile are low and high; the median is sqrt(low x high).

    >>> [round(float(x), 6) for x in log_normal(np.array([0.05, 0.5, 0.95]), 0.5, 2.0)]
    [0.5, 1.0, 2.0]
    """
    return np.asarray(sqrt(low * high) * (high / low) ** (normal_score(units) / (2 * FIVE)))


def by_quantiles(units: Floats, points: Sequence[tuple[float, float]]) -> Floats:
    """Return values by known quantiles (share, value): logarithms are linear in the normal score between and beyond.

    >>> points = [(0.1, 0.9), (0.5, 1.0), (0.9, 1.2)]
    >>> [round(float(x), 6) for x in by_quantiles(np.array([0.1, 0.5, 0.9]), points)]
    [0.9, 1.0, 1.2]
    """
    shares, values = (np.array(column, np.float64) for column in zip(*points, strict=True))
    scores, logs, asked = normal_score(shares), np.log(values), normal_score(units)
    inside = np.interp(asked, scores, logs)
    low = logs[0] + (asked - scores[0]) * (logs[1] - logs[0]) / (scores[1] - scores[0])
    high = logs[-1] + (asked - scores[-1]) * (logs[-1] - logs[-2]) / (scores[-1] - scores[-2])
    return np.asarray(np.exp(np.where(asked < scores[0], low, np.where(asked > scores[-1], high, inside))))


def step_points(scenario: Scenario) -> list[tuple[float, float]]:
    """Return quantiles of measured over simulated step time, as `validate` measured them out of sample.

    The bands of 80 % and 95 % give four points, the simulated time itself the median. A stack without rows of its own,
    and an accelerator that no row scores, are taken as new stacks. Raises UnknownNameError.
    """
    training = scenario.training
    assert training is not None, "a generation trains a model"
    kind = kind_of(training.phases[0].batch.precision, training.model.experts > 0)
    known = training.software.sources["kernel_level"].kind == "fitted" and bool(scenario.machines.accelerator.sustained)
    stack = "known stack" if known else "new stack"
    (low_80, high_80), (low_95, high_95) = (band(kind, stack, coverage) for coverage in (0.8, 0.95))
    points = [(0.025, low_95), (0.1, low_80), (0.5, 1.0), (0.9, high_80), (0.975, high_95)]
    return [point for point in points if point[0] == 0.5 or (point[1] < 1) == (point[0] < 0.5)]
