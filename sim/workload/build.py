"""From model, batch, layout and machine to the plan of a step: the only function of this floor that sees them all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.catalog.records import Accelerator, Model, SoftwareProfile
from sim.cluster.placement import Groups
from sim.workload.blocks import Blocks, deal_blocks
from sim.workload.chunks import Chunk, deal_model
from sim.workload.data_traffic import NetworkModel
from sim.workload.kernels import memory_time_s
from sim.workload.layout import Batch, Layout
from sim.workload.layout_checks import check_layout
from sim.workload.memory import (
    OPTIMIZER_BYTES,
    check_memory,
    chunk_parameters,
    microbatches,
    pipeline_for,
    sharded,
    stage_memory,
)
from sim.workload.operations import Machine, OpCost, chunk_costs
from sim.workload.pipelines import schedule_kind
from sim.workload.profile import StageMemory
from sim.workload.sharding import SHARDINGS, check_sharding, reduces, regathers
from sim.workload.step_plan import StepPlan
from sim.workload.traffic import Communication, boundary_bytes, collective_channels, communication
from sim.workload.zero_bubble import PassTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltStep:
    """A plan, and what it was made from: memory by stage, communication, layers by stage."""

    plan: StepPlan
    memory: tuple[StageMemory, ...]
    communication: Communication
    dealt: tuple[tuple[Chunk, ...], ...]


def build_step(
    model: Model,
    batch: Batch,
    layout: Layout,
    accelerator: Accelerator,
    software: SoftwareProfile,
    groups: Groups,
    network: NetworkModel,
    node_gpus: int,
) -> BuiltStep:
    """Return the plan of one optimizer step of a representative replica."""
    check_layout(model, batch, layout, accelerator)
    check_sharding(layout)
    kind = schedule_kind(layout.schedule.kind, layout.schedule.chunks)
    routes = kind.routes(layout.pipeline, microbatches(batch, layout), layout.schedule.chunks)
    dealt = deal_model(model, layout, routes)
    parts = deal_blocks(model, layout, dealt, software.data_overlap)
    times = communication(model, batch, layout, software, parts, groups, network)
    machine = Machine(
        accelerator=accelerator,
        software=software,
        batch=batch,
        model=model,
        layout=layout,
        tensor_collective_s=times.tensor_s,
        context_exchange_s=times.context_s,
        dispatch_s=times.dispatch_s,
        combine_s=times.combine_s,
        expert_gather_s=times.expert_gather_s,
    )
    costs = _costs(machine, (*dealt, *(chunk for stage in parts for chunk in stage)), kind.split)
    passes = _pass_times(costs, dealt, times) if kind.timed else None
    memory = stage_memory(model, batch, layout, software, passes)
    check_memory(memory, model, batch, layout, software, accelerator.hbm_bytes)
    key = pipeline_for(model, batch, layout, software, passes)
    plan = StepPlan(
        schedule=key.kind,
        stages=key.stages,
        chunks=key.chunks,
        microbatches=key.microbatches,
        times=passes,
        weight_share=key.weight_share,
        forward=_grid(costs, dealt, 0),
        backward=_grid(costs, dealt, 1),
        weight=_grid(costs, dealt, 2) if kind.split else (),
        boundary_ns=tuple(round(value * 1e9) for value in times.boundary_s),
        blocking_send=not software.pipeline_overlap,
        blocks=_blocks(costs, parts, times, kind.split),
        regather=regathers(layout),
        prefetch=layout.prefetch if SHARDINGS[layout.sharding].parameters else None,
        reduces=reduces(layout),
        data_overlap=software.data_overlap,
        nic_share=_nic_share(model, batch, layout, times, node_gpus),
        slowdown=_slowdown(accelerator, groups, node_gpus),
        pair_slowdown=_left_by(accelerator, EXCHANGE_SMS),
        optimizer_ns=tuple(_optimizer_ns(machine, stage) for stage in dealt),
        optimizer_sync=layout.optimizer_sync,
        overhead_ns=round(software.step_overhead_s * 1e9),
    )
    return BuiltStep(plan=plan, memory=memory, communication=times, dealt=dealt)


EXCHANGE_SMS = 20
"""SMs that move tokens and activations beside compute (DeepSeek-V3, arXiv 2412.19437, section 3.2.2: 20 of 132)."""

Costs = dict[Chunk, tuple[OpCost, ...]]
"""Forward, backward and, where it is apart, weight gradient of each chunk and of each block."""


def _costs(machine: Machine, chunks: Iterable[Sequence[Chunk]], split: bool) -> Costs:
    return {chunk: chunk_costs(machine, chunk, split) for chunk in {chunk for some in chunks for chunk in some}}


def _grid(costs: Costs, dealt: tuple[tuple[Chunk, ...], ...], kind: int) -> tuple[tuple[OpCost, ...], ...]:
    return tuple(tuple(costs[chunk][kind] for chunk in stage) for stage in dealt)


def _pass_times(costs: Costs, dealt: tuple[tuple[Chunk, ...], ...], times: Communication) -> PassTimes:
    """Return the longest passes of any stage and the mean message, for an order that follows from durations."""
    forward, backward, weight = (
        max(costs[chunk][kind].duration_ns for stage in dealt for chunk in stage) * 1e-9 for kind in range(3)
    )
    return PassTimes(forward, backward, weight, sum(times.boundary_s) / len(times.boundary_s))


def _optimizer_ns(machine: Machine, chunks: tuple[Chunk, ...]) -> int:
    """Return the Adam update of a stage's shard: FP32 state read and written, gradient read, weight written."""
    layout = machine.layout
    held = [chunk_parameters(machine.model, chunk, layout) for chunk in chunks]
    moved = 2 * OPTIMIZER_BYTES + machine.software.gradient_bytes + 2
    return round(memory_time_s(machine.accelerator, sharded(layout, held) * moved) * 1e9)


def _slowdown(accelerator: Accelerator, groups: Groups, node_gpus: int) -> float:
    """Return the factor on kernels beside a data-parallel collective: the SMs that its channels leave them."""
    return _left_by(accelerator, collective_channels(groups.shard[0], node_gpus))


def _left_by(accelerator: Accelerator, taken: int) -> float:
    """Return the factor on kernels beside communication that holds so many SMs; 1 where it has engines of its own."""
    return 1.0 if accelerator.collective_engines else accelerator.sm_count / (accelerator.sm_count - taken)


def _nic_share(model: Model, batch: Batch, layout: Layout, times: Communication, node_gpus: int) -> float:
    """Return the part of a NIC that a data-parallel collective takes: its bandwidth over that of the fastest message.

    0 where messages or collectives stay in the scale-up domain.
    """
    ways = [times.costs[name].bottleneck for name in ("pipeline", "data") if name in times.costs]
    if len(ways) < 2 or "scale-up" in ways or times.data.group is None:
        return 0.0
    ranks = int(np.bincount(times.data.group // node_gpus).max())
    message = boundary_bytes(model, batch, layout) / min(time for time in times.boundary_s if time > 0)
    return min(1.0, times.costs["data"].busbw_bytes_per_s / ranks / message)


def _blocks(
    costs: Costs, parts: tuple[tuple[tuple[Chunk, ...], ...], ...], times: Communication, split: bool
) -> tuple[tuple[Blocks, ...], ...]:
    def of_chunk(chunk: tuple[Chunk, ...], gather_s: tuple[float, ...], reduce_s: tuple[float, ...]) -> Blocks:
        forward, backward, *weight = zip(*([c.duration_ns for c in costs[part]] for part in chunk), strict=True)
        return Blocks(
            forward=forward,
            backward=backward,
            weight=weight[0] if split else (),
            gather_ns=_nanoseconds(gather_s),
            reduce_ns=_nanoseconds(reduce_s),
        )

    grids = zip(parts, times.data.gather_s, times.data.reduce_s, strict=True)
    return tuple(tuple(of_chunk(*chunk) for chunk in zip(*stage, strict=True)) for stage in grids)


def _nanoseconds(seconds: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(round(value * 1e9) for value in seconds)
