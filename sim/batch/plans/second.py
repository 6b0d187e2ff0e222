"""The second stage of replications: how many more, from what the first stage has left on disk."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sim.batch.design.precision import half_width
from sim.batch.plans.chunks import Chunk, chunks_of
from sim.batch.plans.plan import Plan
from sim.batch.statistics.two_stage import replications_for
from sim.errors import InputError

Samples = Mapping[str, Sequence[NDArray[np.float64]]]
"""Replications of the first stage by metric, a row a variant."""


def wanted_replicas(plan: Plan, samples: Samples) -> int:
    """Return how many replications of every variant bring every metric's interval to the half-width asked for.

    Stein's rule for the variant and the metric that need most, so that variants stay paired by seed; at most
    `until.most`. A relative half-width is taken of the first stage's mean. Raises InputError for a metric that some
    variant lacks.
    """
    until = plan.until
    assert until is not None, "a second stage follows a precision"
    widths = {metric: half_width(value, metric) for metric, value in until.half_width.items()}
    scaled = [
        _scaled(plan, variant, metric, rows[variant], *widths[metric])
        for metric, rows in samples.items()
        for variant in range(len(plan.variants))
    ]
    counts = [replications_for(each[:, np.newaxis], 1.0, until.confidence) for each in scaled]
    return min(until.most, max(plan.replicas, *counts))


def second_chunks(plan: Plan, replicas: int) -> tuple[Chunk, ...]:
    """Return the chunks of replications after those of the first stage."""
    more = replicas - plan.replicas
    return chunks_of(len(plan.variants), plan.replicas, more, plan.size, len(plan.chunks)) if more > 0 else ()


def _scaled(
    plan: Plan, variant: int, metric: str, values: NDArray[np.float64], width: float, relative: bool
) -> NDArray[np.float64]:
    """Return a sample in units of the half-width asked for."""
    name = plan.variants[variant].name
    if len(values) < 2 or not np.isfinite(values).all():
        raise InputError(f"until.half_width: not every run of '{name}' has {metric}; choose others")
    unit = width * abs(float(values.mean())) if relative else width
    if unit == 0 and values.any():
        raise InputError(
            f"until.half_width.{metric}: the mean is 0 for '{name}'; expected a width that is no part of it"
        )
    return np.asarray(values / unit) if unit > 0 else np.zeros_like(values)
