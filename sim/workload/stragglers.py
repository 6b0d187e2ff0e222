"""Stragglers: GPUs of one kind differ in speed, and a synchronous step waits for the slowest.

Every GPU of a job is slower or faster than the kernel tables by a factor drawn from N(1, spread) by its own element
of a keyed stream; a stage of a replica runs at the pace of the slowest of its tensor-parallel GPUs, and the step
ends with the slowest replica.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.streams import stream
from sim.workload.layout import Layout
from sim.workload.operations import OpCost
from sim.workload.step_plan import StepPlan

COMPUTE_STATES = ("compute_ideal", "kernel_inefficiency", "recompute")
"""States that a slow GPU stretches; communication keeps its pace."""


def stage_slowness(layout: Layout, spread: float, seed: int) -> NDArray[np.float64]:
    """Return the factor on compute time by [replica, stage]: the largest over the GPUs of a stage.

    >>> stage_slowness(Layout(tensor=2, pipeline=2, data=3), 0.0, seed=1).tolist()
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """
    draws = stream(seed, "gpu-speed").standard_normal(layout.gpus)
    factors = np.maximum(1.0 + spread * draws, 0.5)
    return np.asarray(factors.reshape(layout.data, layout.pipeline, -1).max(axis=2))


def slowest_replicas(slowness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows of the replicas to simulate: the two slowest in the mean, and the one with the slowest stage.

    The step ends with the slowest of all. A slow stage delays a replica by less than its factor, since bubbles take
    some of it; what all stages together lose counts as well.
    """
    order = np.argsort(slowness.mean(axis=1))[::-1][:2].tolist()
    chosen = sorted({*order, int(slowness.max(axis=1).argmax())})
    return np.asarray(slowness[chosen])


def slowed_plan(plan: StepPlan, factors: Sequence[float]) -> StepPlan:
    """Return the plan with the compute of stage i stretched by factors[i]."""
    return replace(
        plan,
        forward=tuple(_stretch(row, f) for row, f in zip(plan.forward, factors, strict=True)),
        backward=tuple(_stretch(row, f) for row, f in zip(plan.backward, factors, strict=True)),
        weight=tuple(_stretch(row, f) for row, f in zip(plan.weight, factors, strict=False)),
    )


def _stretch(costs: Sequence[OpCost], factor: float) -> tuple[OpCost, ...]:
    return tuple(
        replace(
            cost,
            state_ns={s: round(ns * factor) if s in COMPUTE_STATES else ns for s, ns in cost.state_ns.items()},
        )
        for cost in costs
    )
