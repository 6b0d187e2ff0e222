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
from sim.workload.memory import PARAMETER_BYTES, Parameters
from sim.workload.pipelines import SCHEDULES
from sim.workload.sharding import SHARDINGS

BlockGrid = tuple[tuple[tuple[float, ...], ...], ...]
"""Numbers by [stage][chunk][block]."""


class NetworkModel(Protocol):
    """What this floor asks of a network: the time of a collective of all its groups, and of each of them."""

    def cost(self, kind: str, groups: GpuArray, size_bytes: float) -> CollectiveCost:
        """Return the cost of the slowest group; bytes by the convention of nccl-tests."""

    def exchange(
        self, groups: GpuArray, size_bytes: float, visits: int, most_domains: int, deduplicated: bool
    ) -> CollectiveCost:
        """Return the cost of sending every token to `visits` members of its group, size_bytes from each rank."""

    def times(self, kind: str, groups: GpuArray, size_bytes: float) -> NDArray[np.float64]:
        """Return each group's seconds, shape (G,)."""


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


def expert_collectives(
    layout: Layout, software: SoftwareProfile, groups: Groups
) -> tuple[list[DataCollective], list[DataCollective]]:
    """Return the same for routed experts, among the GPUs that hold copies of them."""
    if not SHARDINGS[layout.sharding].optimizer:
        return [], _busy(DataCollective("all-reduce", groups.expert_data, software.reduce_bytes))
    return _busy(DataCollective("all-gather", groups.expert_data, PARAMETER_BYTES)), _busy(
        DataCollective("reduce-scatter", groups.expert_data, software.reduce_bytes)
    )


def _busy(*collectives: DataCollective) -> list[DataCollective]:
    return [each for each in collectives if each.groups.shape[1] > 1]


def data_times(
    parameters: Sequence[Sequence[Sequence[Parameters]]],
    layout: Layout,
    software: SoftwareProfile,
    groups: Groups,
    network: NetworkModel,
) -> DataTimes:
    """Return the times of data-parallel traffic for weights by [stage][chunk][block]: routed experts after the rest."""
    parts = [
        (data_collectives(layout, software, groups), _part(parameters, "shared")),
        (expert_collectives(layout, software, groups), _part(parameters, "experts")),
    ]
    gathers: list[BlockGrid] = []
    reductions: list[BlockGrid] = []
    costs: list[tuple[CollectiveCost, GpuArray]] = []
    for (gather, reduce), sizes in parts:
        largest = max(size for stage in sizes for chunk in stage for size in chunk)
        if not largest:
            continue
        costs += [
            (network.cost(each.kind, each.groups, largest * each.bytes_per_parameter), each.groups[0])
            for each in reduce
        ]
        gathers += [_seconds(each, sizes, network, layout) for each in gather]
        reductions += [_seconds(each, sizes, network, layout) for each in reduce]
    cost, group = max(costs, key=lambda one: one[0].time_s) if costs else (None, None)
    return DataTimes(gather_s=_sum(parameters, gathers), reduce_s=_sum(parameters, reductions), cost=cost, group=group)


def _part(parameters: Sequence[Sequence[Sequence[Parameters]]], name: str) -> BlockGrid:
    return tuple(tuple(tuple(getattr(block, name) for block in chunk) for chunk in stage) for stage in parameters)


def _seconds(
    each: DataCollective, parameters: Sequence[Sequence[Sequence[float]]], network: NetworkModel, layout: Layout
) -> BlockGrid:
    sizes = sorted({size for stage in parameters for chunk in stage for size in chunk if size})
    times = {size: network.times(each.kind, each.groups, size * each.bytes_per_parameter) for size in sizes}
    by_stage = {size: _by_stage(seconds, layout) for size, seconds in times.items()}
    return tuple(
        tuple(tuple(by_stage[size][ordinal] if size else 0.0 for size in chunk) for chunk in stage)
        for ordinal, stage in enumerate(parameters)
    )


def _sum(shape: Sequence[Sequence[Sequence[object]]], grids: Sequence[BlockGrid]) -> BlockGrid:
    return tuple(
        tuple(
            tuple(sum((grid[s][c][b] for grid in grids), 0.0) for b in range(len(chunk)))
            for c, chunk in enumerate(stage)
        )
        for s, stage in enumerate(shape)
    )


def _by_stage(times: NDArray[np.float64], layout: Layout) -> list[float]:
    """Return the time of the slowest group of each stage."""
    copies = SCHEDULES[layout.schedule.kind].copies
    by_stage: list[float] = times.reshape(layout.pipeline // copies, -1).max(axis=1).tolist()
    # The group of a stage is that of its mirror image.
    return by_stage if copies == 1 else by_stage + by_stage[::-1]
