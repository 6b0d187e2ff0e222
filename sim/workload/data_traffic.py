"""Data-parallel traffic of a step: which groups gather parameters and reduce gradients, and how long that takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.catalog.records import SoftwareProfile
from sim.cluster.placement import Groups
from sim.cluster.records import CollectiveCost, GpuArray
from sim.workload.layout import Layout
from sim.workload.memory import PARAMETER_BYTES
from sim.workload.pipelines import SCHEDULES
from sim.workload.sharding import SHARDINGS

BlockGrid = tuple[tuple[tuple[float, ...], ...], ...]
"""Numbers by [stage][chunk][block]."""


class NetworkModel(Protocol):
    """What this floor asks of a network: the time of a collective of all its groups, and how they compare."""

    def cost(self, kind: str, groups: GpuArray, size_bytes: float) -> CollectiveCost:
        """Return the cost of the slowest group; bytes by the convention of nccl-tests."""

    def pace(self, kind: str, groups: GpuArray) -> NDArray[np.float64]:
        """Return each group's time over that of the slowest, shape (G,)."""


class DataCollective(NamedTuple):
    """A collective of the GPUs that hold the same weights: its kind, its groups, its bytes a parameter of one GPU."""

    kind: str
    groups: GpuArray
    bytes_per_parameter: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTimes:
    """Seconds of gathers and reductions by [stage][chunk][block].

    cost, group: of the longest collective of the largest block, and one of the groups that run it; None without any.
    """

    gather_s: BlockGrid
    reduce_s: BlockGrid
    cost: CollectiveCost | None
    group: GpuArray | None


def data_collectives(
    layout: Layout, software: SoftwareProfile, groups: Groups
) -> tuple[list[DataCollective], list[DataCollective]]:
    """Return what gathers a block's parameters and what reduces its gradients, one after the other.

    ddp keeps whole parameters and all-reduces; sharded kinds gather and reduce-scatter within their shard group, and
    all-reduce the shard over the groups' replicas (arXiv 1910.02054; HSDP: FSDP's hybrid shard, arXiv 2304.11277).
    """
    if not SHARDINGS[layout.sharding].optimizer:
        return [], _busy(DataCollective("all-reduce", groups.data, software.reduce_bytes))
    shard = groups.shard.shape[1]
    return _busy(DataCollective("all-gather", groups.shard, PARAMETER_BYTES)), _busy(
        DataCollective("reduce-scatter", groups.shard, software.reduce_bytes),
        DataCollective("all-reduce", groups.replicas, software.reduce_bytes / shard),
    )


def _busy(*collectives: DataCollective) -> list[DataCollective]:
    return [each for each in collectives if each.groups.shape[1] > 1]


def data_times(
    parameters: Sequence[Sequence[Sequence[float]]],
    layout: Layout,
    software: SoftwareProfile,
    groups: Groups,
    network: NetworkModel,
) -> DataTimes:
    """Return the times of data-parallel traffic for weights by [stage][chunk][block]."""
    gathers, reductions = data_collectives(layout, software, groups)
    largest = max(size for stage in parameters for chunk in stage for size in chunk)
    costs = [
        (network.cost(each.kind, each.groups, largest * each.bytes_per_parameter), each.groups[0])
        for each in reductions
    ]
    cost, group = max(costs, key=lambda one: one[0].time_s) if costs else (None, None)
    # Gathers run in the groups of the first reduction and send the same messages around the same rings: one solve.
    paces = [_stage_pace(network.pace("all-gather", each.groups), layout) for each in reductions]

    def seconds(collectives: list[DataCollective]) -> BlockGrid:
        pairs = zip(collectives, paces, strict=False)
        return _sum(parameters, [_seconds(each, parameters, network, pace) for each, pace in pairs])

    return DataTimes(gather_s=seconds(gathers), reduce_s=seconds(reductions), cost=cost, group=group)


def _seconds(
    each: DataCollective,
    parameters: Sequence[Sequence[Sequence[float]]],
    network: NetworkModel,
    pace: Sequence[float],
) -> BlockGrid:
    sizes = sorted({size for stage in parameters for chunk in stage for size in chunk})
    slowest = {size: network.cost(each.kind, each.groups, size * each.bytes_per_parameter).time_s for size in sizes}
    return tuple(
        tuple(tuple(slowest[size] * factor for size in chunk) for chunk in stage)
        for stage, factor in zip(parameters, pace, strict=True)
    )


def _sum(shape: Sequence[Sequence[Sequence[float]]], grids: Sequence[BlockGrid]) -> BlockGrid:
    return tuple(
        tuple(
            tuple(sum((grid[s][c][b] for grid in grids), 0.0) for b in range(len(chunk)))
            for c, chunk in enumerate(stage)
        )
        for s, stage in enumerate(shape)
    )


def _stage_pace(pace: NDArray[np.float64], layout: Layout) -> list[float]:
    """Return the pace of the slowest group of each stage, over that of the slowest of all."""
    copies = SCHEDULES[layout.schedule.kind].copies
    by_stage: list[float] = pace.reshape(layout.pipeline // copies, -1).max(axis=1).tolist()
    # The group of a stage is that of its mirror image.
    return by_stage if copies == 1 else by_stage + by_stage[::-1]
