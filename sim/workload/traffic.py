"""Traffic of a step: bytes per collective, per parallel group, and how long each takes on the cluster's network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sim.catalog.records import Model, SoftwareProfile
from sim.cluster.placement import Groups
from sim.cluster.records import CollectiveCost, GpuArray
from sim.workload.layout import Batch, Chunk, Layout
from sim.workload.memory import PARAMETER_BYTES, chunk_parameters
from sim.workload.transformer import ACTIVATION_BYTES

NetworkCost = Callable[[str, GpuArray, float], CollectiveCost]
"""Time of a collective: kind, groups of GPUs (all at once), bytes by the convention of nccl-tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Communication:
    """Times of a step's communication: one tensor collective, one boundary message, gathers and reductions by chunk.

    costs: the network's full answer by dimension, for the largest collective of each.
    """

    tensor_s: float
    boundary_s: float
    gather_s: tuple[tuple[float, ...], ...]
    reduce_s: tuple[tuple[float, ...], ...]
    costs: Mapping[str, CollectiveCost]


def tensor_bytes(model: Model, batch: Batch) -> float:
    """Return the bytes of one tensor-parallel collective: the activations of a microbatch, 2 b s h.

    >>> from sim.workload.examples import gpt
    >>> tensor_bytes(gpt(layers=1, hidden=64), Batch(sequence_length=32, global_batch=1))
    4096.0
    """
    return ACTIVATION_BYTES * batch.micro_batch * batch.sequence_length * model.hidden


def boundary_bytes(model: Model, batch: Batch, layout: Layout) -> float:
    """Return the bytes each GPU sends to the next stage: 2 b s h / t (scatter-gather, Narayanan et al. 2104.04473)."""
    return tensor_bytes(model, batch) / layout.tensor


def communication(
    model: Model,
    batch: Batch,
    layout: Layout,
    software: SoftwareProfile,
    dealt: Sequence[Sequence[Chunk]],
    groups: Groups,
    network: NetworkCost,
) -> Communication:
    """Return the times of all communication of a step; a dimension of size one costs nothing."""
    costs: dict[str, CollectiveCost] = {}

    def time_s(dimension: str, kind: str, members: GpuArray, size_bytes: float) -> float:
        cost = network(kind, members, size_bytes)
        if dimension not in costs or cost.time_s > costs[dimension].time_s:
            costs[dimension] = cost
        return cost.time_s

    tensor_s = boundary_s = 0.0
    if layout.tensor > 1:
        kind = "all-gather" if layout.sequence_parallel else "all-reduce"
        tensor_s = time_s("tensor", kind, groups.tensor, tensor_bytes(model, batch))
    if layout.pipeline > 1:
        boundary_s = time_s("pipeline", "p2p", groups.pipeline, boundary_bytes(model, batch, layout))
    parameters = [[chunk_parameters(model, chunk, layout.tensor) for chunk in stage] for stage in dealt]
    gather, reduce = _data_collectives(layout, software)

    def by_chunk(kind: str, bytes_per_parameter: float) -> tuple[tuple[float, ...], ...]:
        if not kind or layout.data == 1:
            return tuple((0.0,) * len(stage) for stage in parameters)
        sizes = {size for stage in parameters for size in stage}
        times = {size: time_s("data", kind, groups.data, size * bytes_per_parameter) for size in sorted(sizes)}
        return tuple(tuple(times[size] for size in stage) for stage in parameters)

    return Communication(
        tensor_s=tensor_s,
        boundary_s=boundary_s,
        gather_s=by_chunk(gather, PARAMETER_BYTES),
        reduce_s=by_chunk(reduce, software.reduce_bytes),
        costs=costs,
    )


def _data_collectives(layout: Layout, software: SoftwareProfile) -> tuple[str, str]:
    """Return the kinds of parameter gather and gradient reduction: ddp keeps whole parameters and all-reduces."""
    return ("", "all-reduce") if layout.sharding == "ddp" else ("all-gather", "reduce-scatter")
