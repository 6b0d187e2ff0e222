"""Stragglers: GPUs of one kind differ in speed, nodes can be slow, GPUs throttle, and a step waits for the slowest.

Every GPU of a cluster has a factor on the time of its kernels, by its own elements of keyed streams, so that GPU i
keeps its factor whatever the layout, the order of ranks or the placement. A stage of a replica runs at the pace of the
slowest of the GPUs that wait for each other in every layer, and the step ends with the slowest replica.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import lcm, log1p, sqrt

import numpy as np
from numpy.typing import NDArray

from sim.cluster.records import GpuArray
from sim.streams import stream, uniforms
from sim.workload.layout import Layout
from sim.workload.operations import OpCost
from sim.workload.sharding import regathers, shards
from sim.workload.step_plan import StepPlan

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

COMPUTE_STATES = ("compute_ideal", "kernel_inefficiency", "recompute")
"""States that a slow GPU stretches; communication keeps its pace."""

DISTRIBUTIONS = ("normal", "lognormal", "none")
"""Distributions of the time of a kernel over the GPUs of a kind, each with mean 1 and a given standard deviation."""

FASTEST = 0.5
"""The least factor that a normal distribution may draw: no GPU is twice as fast as its kind."""

GRAINS = 1000
"""Grains of a factor of 1: replicas whose stages agree to a grain are one class. A step's time is not changed by more
than half a grain, over the least factor (0.05 % where no GPU is faster than its kind): a step is at most as much longer
as its most stretched kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How the GPUs of a cluster differ: factors on the time of kernels.

    spread: standard deviation of the distribution, whose mean is 1. slow_nodes: (node, factor) pairs. throttled: the
    fraction of GPUs that run at a lower clock, with throttle_factor.
    """

    distribution: str = "none"
    spread: float = 0.0
    slow_nodes: tuple[tuple[int, float], ...] = ()
    throttled: float = 0.0
    throttle_factor: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaFactors:
    """Factors by [replica, stage], in grains: own, without what throttling adds, and throttled, with it.

    Replicas that run in step, because their GPUs wait for each other in every layer, are one row.
    """

    own: IntArray
    throttled: IntArray


def drawn_factors(speed: Speed, gpus: int, seed: int) -> FloatArray:
    """Return the factor of each GPU of a kind, shape (gpus,): element i never depends on how many there are.

    normal: 1 + spread z, at least 0.5; lognormal: exp(sigma z - sigma^2 / 2) with sigma^2 = ln(1 + spread^2).

    >>> drawn_factors(Speed(), 3, seed=1).tolist()
    [1.0, 1.0, 1.0]
    """
    if speed.distribution == "none" or speed.spread == 0:
        return np.ones(gpus)
    draws = stream(seed, "gpu-speed").standard_normal(gpus)
    if speed.distribution == "lognormal":
        sigma = sqrt(log1p(speed.spread**2))
        return np.exp(sigma * draws - sigma**2 / 2)
    return np.maximum(1.0 + speed.spread * draws, FASTEST)


def own_factors(speed: Speed, gpus: int, node_gpus: int, seed: int) -> FloatArray:
    """Return the factor of each GPU without throttling: what is drawn, times that of its node.

    >>> own_factors(Speed(slow_nodes=((1, 1.2),)), gpus=4, node_gpus=2, seed=1).tolist()
    [1.0, 1.0, 1.2, 1.2]
    """
    factors = drawn_factors(speed, gpus, seed)
    for node, factor in speed.slow_nodes:
        factors[node * node_gpus : (node + 1) * node_gpus] *= factor
    return factors


def throttle_factors(speed: Speed, gpus: int, seed: int) -> FloatArray:
    """Return what throttling adds to each GPU's factor; a larger fraction throttles the same GPUs and more.

    >>> throttle_factors(Speed(throttled=1.0, throttle_factor=1.15), 2, seed=1).tolist()
    [1.15, 1.15]
    """
    drawn = uniforms(seed, "gpu-throttle", count=gpus) < speed.throttled
    return np.where(drawn, speed.throttle_factor, 1.0)


def replica_factors(speed: Speed, layout: Layout, placement: GpuArray, node_gpus: int, seed: int) -> ReplicaFactors:
    """Return the factors of every replica's stages; placement: the GPU of each rank.

    >>> speed = Speed(slow_nodes=((1, 1.2),))
    >>> replica_factors(speed, Layout(tensor=2, pipeline=2, data=2), np.arange(8), 4, seed=1).own.tolist()
    [[1000, 1000], [1200, 1200]]
    """
    gpus = int(placement.max()) + 1
    own = own_factors(speed, gpus, node_gpus, seed)
    throttled = own * throttle_factors(speed, gpus, seed)
    return ReplicaFactors(
        own=_in_grains(stage_factors(own[placement], layout)),
        throttled=_in_grains(stage_factors(throttled[placement], layout)),
    )


def stage_factors(by_rank: FloatArray, layout: Layout) -> FloatArray:
    """Return the largest factor of every stage over the GPUs that run in step, by [replicas in step, stage].

    >>> stage_factors(np.array([1.0, 1.1, 1.2, 1.3]), Layout(tensor=2, data=2)).tolist()
    [[1.1], [1.3]]
    >>> stage_factors(np.array([1.0, 1.1, 1.2, 1.3]), Layout(data=4, expert=2)).tolist()
    [[1.1], [1.3]]
    """
    grid = by_rank.reshape(-1, replicas_in_step(layout), layout.pipeline, layout.context * layout.tensor)
    return np.asarray(grid.max(axis=(1, 3)))


def replicas_in_step(layout: Layout) -> int:
    """Return how many replicas that follow each other run in step.

    The GPUs of a tensor or context group wait for each other in every layer, and belong to one replica; so do those
    that exchange tokens with each other's experts, or gather each layer from each other, which may belong to several.

    >>> replicas_in_step(Layout(tensor=2, data=8)), replicas_in_step(Layout(tensor=2, data=8, expert=8))
    (1, 4)
    >>> replicas_in_step(Layout(pipeline=2, data=8, sharding="zero3"))
    8
    """
    ranks = layout.tensor * layout.context
    together = lcm(ranks, layout.expert * layout.expert_tensor)
    if regathers(layout):
        together = lcm(together, layout.tensor * lcm(layout.context, shards(layout)))
    return together // ranks


def slowed_plan(plan: StepPlan, factors: Sequence[float]) -> StepPlan:
    """Return the plan with the compute of stage i stretched by factors[i]."""
    return replace(
        plan,
        forward=tuple(_stretch(row, f) for row, f in zip(plan.forward, factors, strict=True)),
        backward=tuple(_stretch(row, f) for row, f in zip(plan.backward, factors, strict=True)),
        weight=tuple(_stretch(row, f) for row, f in zip(plan.weight, factors, strict=False)),
    )


def _stretch(costs: Sequence[OpCost], factor: float) -> tuple[OpCost, ...]:
    # The chunks of a stage mostly share their costs.
    distinct = {id(cost): cost for cost in costs}
    stretched = {key: _stretched(cost, factor) for key, cost in distinct.items()}
    return tuple(stretched[id(cost)] for cost in costs)


def _stretched(cost: OpCost, factor: float) -> OpCost:
    states = {s: round(ns * factor) if s in COMPUTE_STATES else ns for s, ns in cost.state_ns.items()}
    return replace(cost, state_ns=states)


def _in_grains(factors: FloatArray) -> IntArray:
    return np.rint(factors * GRAINS).astype(np.int64)
