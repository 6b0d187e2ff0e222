"""What a layout needs at least, by arithmetic: memory of its first, second and last stage, time of its busiest stage.

Both are true lower bounds of the exact memory and of the estimate, so that a search may pass over what they rule out.

    step >= max over stages of [forwards of the stages before + m x (forwards + backwards of its chunks)
            + backwards of the stages before] + optimizer + overhead

because a stage gets its first microbatch only through all stages before it, and the last gradient leaves by them
again (not where weight gradients are apart: they may run later). Host time, messages of pipelines and collectives of
data-parallel groups are left out.
"""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.analysis.plan.layouts.records import Candidate, Job, batch_of, layout_of
from sim.cluster.records import GpuArray
from sim.errors import LayoutError
from sim.workload.chunks import Chunk, deal_model
from sim.workload.kernels import memory_time_s
from sim.workload.layout import Layout, Schedule
from sim.workload.memory import (
    OPTIMIZER_BYTES,
    PARAMETER_BYTES,
    Parameters,
    buffer_bytes,
    chunk_activation_bytes,
    chunk_parameters,
    key_value_bytes,
    sharded,
    weight_share,
)
from sim.workload.operations import Machine as KernelMachine
from sim.workload.operations import chunk_costs
from sim.workload.schedules import looped_route
from sim.workload.traffic import tensor_bytes

Floats = npt.NDArray[np.float64]

PARTS = (Chunk(layers=1), Chunk(layers=1, moe=1), Chunk(layers=0, embedding=True), Chunk(layers=0, head=True))
"""What chunks are made of; modules that predict further tokens are left out, which a lower bound may."""


class Shares(NamedTuple):
    """How a model is dealt to stages, in PARTS: of each stage in all, and of its first chunk.

    ends: the chunks of the first, the second and the last stage; the first may hold little but the embedding.
    """

    whole: Floats
    first: Floats
    ends: tuple[tuple[int, tuple[Chunk, ...]], ...]


class Bounds:
    """Lower bounds of a job's layouts; what many layouts share is computed once."""

    def __init__(self, job: Job) -> None:
        assert job.scenario.training is not None, "layouts are those of a model"
        training = job.scenario.training
        self.job, self.model, self.accelerator = job, training.model, job.scenario.machines.accelerator
        self.software = training.software
        # Without launches the time of a chunk is the sum of its layers'.
        self.unhosted = replace(training.software, launch_s=1e-15, kernel_launch="queued")
        self._order = job.phase.layout.order or tuple(training.software.rank_order.split("-"))
        self._shares = lru_cache(maxsize=None)(self._deal)
        self._times = lru_cache(maxsize=None)(self._part_times)
        self._activations = lru_cache(maxsize=None)(self._part_activations)
        self._buffers = lru_cache(maxsize=None)(self._buffer_bytes)
        self._weights = lru_cache(maxsize=None)(self._weights_of)
        self._weight_shares = lru_cache(maxsize=None)(self._weight_share)
        self._collectives = lru_cache(maxsize=None)(self._collective_times)

    def shares(self, candidate: Candidate) -> Shares | None:
        """Return how the model is dealt to the stages of a layout, None where a chunk would hold nothing."""
        return self._shares(candidate.pipeline, candidate.chunks)

    def _deal(self, pipeline: int, chunks: int) -> Shares | None:
        layout = Layout(pipeline=pipeline, schedule=Schedule(kind="interleaved", chunks=chunks))
        try:
            dealt = deal_model(self.model, layout, (looped_route(pipeline, chunks),))
        except LayoutError:
            return None
        each = np.array([[counts(chunk) for chunk in stage] for stage in dealt], np.float64)
        stages = sorted({0, min(1, pipeline - 1), pipeline - 1})
        return Shares(whole=each.sum(axis=1), first=each[:, 0], ends=tuple((stage, dealt[stage]) for stage in stages))

    def memory_bytes(self, candidate: Candidate, shares: Shares) -> float:
        """Return the least that the stages at the ends hold, the greatest of them."""
        return max(self._stage_bytes(candidate, stage, chunks) for stage, chunks in shares.ends)

    def _stage_bytes(self, candidate: Candidate, stage: int, chunks: tuple[Chunk, ...]) -> float:
        held = self._weights(*candidate[:4], chunks)
        state = (PARAMETER_BYTES + self.software.gradient_bytes) * held.total
        state += OPTIMIZER_BYTES * sharded(layout_of(candidate), [held])
        dense, moe = self._activations(*_kernels_of(candidate))
        flying = zip(in_flight(candidate, stage), chunks, strict=True)
        activations = sum(count * ((chunk.layers - chunk.moe) * dense + chunk.moe * moe) for count, chunk in flying)
        if candidate.kind in SPLIT:
            activations += self._deferred_bytes(candidate, stage, chunks[0].layers * (moe if chunks[0].moe else dense))
        kinds = chunks[-1].head, chunks[-1].moe > 0
        return state + activations + self._buffers(*_kernels_of(candidate), *kinds)

    def _deferred_bytes(self, candidate: Candidate, stage: int, each: float) -> float:
        """Return what microbatches keep whose weight gradients are behind their backwards."""
        behind = candidate.pipeline - 1 - stage
        twice = 2 if candidate.kind == "zb-h2" else 1
        lag = min(twice * stage, max(0, candidate.microbatches - twice * behind - 1))
        return lag * self._weight_shares(*_kernels_of(candidate)) * each

    def _weight_share(self, *kernels: int | str) -> float:
        candidate = _with_kernels(*kernels)
        batch, layout = batch_of(candidate, self.job.phase.batch), layout_of(candidate)
        return weight_share(self.model, batch, layout, self.software)

    def _weights_of(
        self, tensor: int, context: int, expert: int, expert_tensor: int, chunks: tuple[Chunk, ...]
    ) -> Parameters:
        """Return the weights that a stage holds of all its chunks."""
        layout = Layout(tensor=tensor, context=context, expert=expert, expert_tensor=expert_tensor)
        held = [chunk_parameters(self.model, chunk, layout) for chunk in chunks]
        return Parameters(sum(part.shared for part in held), sum(part.experts for part in held))

    def _part_activations(self, *kernels: int | str) -> tuple[float, float]:
        """Return what a dense and a mixture layer keep of a microbatch."""
        candidate = _with_kernels(*kernels)
        setting = self.model, batch_of(candidate, self.job.phase.batch), layout_of(candidate), self.software
        dense = chunk_activation_bytes(*setting, PARTS[0])
        return dense, chunk_activation_bytes(*setting, PARTS[1]) if self.model.experts else 0.0

    def _buffer_bytes(self, *key: int | str) -> float:
        """Return the working memory of a stage with or without head and mixtures."""
        *kernels, head, moe = key
        candidate = _with_kernels(*kernels)
        chunk = Chunk(layers=1, moe=int(moe), head=bool(head))
        batch, layout = batch_of(candidate, self.job.phase.batch), layout_of(candidate)
        return buffer_bytes(self.model, batch, layout, self.software, (chunk,))

    def step_s(self, candidate: Candidate, shares: Shares) -> float:
        """Return the least time of a step."""
        forward, backward = self._times(*_kernels_of(candidate))
        before = _before(shares.first @ forward)
        if candidate.kind not in SPLIT:
            before += _before(shares.first @ backward)
        pipeline = float((before + candidate.microbatches * (shares.whole @ (forward + backward))).max())
        return pipeline + self._optimizer_s(candidate, shares) + self.software.step_overhead_s

    def _part_times(self, *kernels: int | str) -> tuple[Floats, Floats]:
        """Return the seconds of a forward and of a backward of each of PARTS."""
        works = [self._part_time(_with_kernels(*kernels), part) for part in PARTS]
        forward, backward = np.array(works).T
        return forward, backward

    def _part_time(self, candidate: Candidate, part: Chunk) -> tuple[float, float]:
        if part.moe and not self.model.experts:
            return 0.0, 0.0
        tensor_s, context_s = self._collectives(candidate.tensor, candidate.context, candidate.micro_batch)
        machine = KernelMachine(
            accelerator=self.accelerator,
            software=self.unhosted,
            batch=batch_of(candidate, self.job.phase.batch),
            model=self.model,
            layout=layout_of(candidate),
            tensor_collective_s=tensor_s,
            context_exchange_s=context_s,
        )
        forward, backward = chunk_costs(machine, part)
        # What is rounded to nanoseconds, state by state, must stay a lower bound.
        least = [max(0.0, (cost.duration_ns - len(cost.state_ns)) * 1e-9) for cost in (forward, backward)]
        return least[0], least[1]

    def _collective_times(self, tensor: int, context: int, micro_batch: int) -> tuple[float, float]:
        """Return the times of collectives whose groups fill consecutive GPUs, 0 where ranks are numbered otherwise."""
        machines, network = self.job.scenario.machines, self.job.machine.network
        if machines.placement != "packed" or self._order[:2] != ("tensor", "context"):
            return 0.0, 0.0
        layout = Layout(tensor=tensor, context=context, sequence_parallel=tensor > 1)
        batch = replace(self.job.phase.batch, micro_batch=micro_batch)
        grid = np.arange(machines.gpus, dtype=np.int64).reshape(-1, context, tensor)
        tensor_s = context_s = 0.0
        if tensor > 1:
            groups: GpuArray = grid.reshape(-1, tensor)
            tensor_s = network.cost("all-gather", groups, tensor_bytes(self.model, batch, layout)).time_s
        if context > 1:
            groups = grid.transpose(0, 2, 1).reshape(-1, context)
            context_s = network.cost("all-gather", groups, key_value_bytes(self.model, batch, layout)).time_s
        return tensor_s, context_s

    def _optimizer_s(self, candidate: Candidate, shares: Shares) -> float:
        held = self._weights(*candidate[:4], shares.ends[0][1])
        moved = 2 * OPTIMIZER_BYTES + self.software.gradient_bytes + 2
        return memory_time_s(self.accelerator, sharded(layout_of(candidate), [held]) * moved)


SPLIT = ("zb-h1", "zb-h2")
"""Kinds whose weight gradients are apart."""


def counts(chunk: Chunk) -> tuple[int, int, int, int]:
    """Return how many of each of PARTS a chunk holds.

    >>> counts(Chunk(layers=3, moe=1, head=True))
    (2, 1, 0, 1)
    """
    return chunk.layers - chunk.moe, chunk.moe, int(chunk.embedding), int(chunk.head)


def _before(each: Floats) -> Floats:
    """Return by stage the sum over the stages before it."""
    return np.concatenate([[0.0], np.cumsum(each)[:-1]])


def _kernels_of(candidate: Candidate) -> tuple[int | str, ...]:
    """Return what decides the kernels of a layout: degrees within a stage, micro-batch and recomputation."""
    return (*candidate[:4], candidate.micro_batch, candidate.recompute)


def _with_kernels(*kernels: int | str) -> Candidate:
    """Return a layout of one stage with these kernels."""
    tensor, context, expert, expert_tensor, micro_batch, recompute = kernels
    degrees = int(tensor), int(context), int(expert), int(expert_tensor)
    return Candidate(*degrees, 1, 1, "1f1b", 1, int(micro_batch), str(recompute), "ddp", 1)


def in_flight(candidate: Candidate, stage: int) -> tuple[int, ...]:
    """Return by chunk how many microbatches a stage holds before its first backward, when its warm-up is over.

    Interleaved forwards pass chunk after chunk in groups of as many microbatches as stages, the last group longer.

    >>> base = Candidate(1, 1, 1, 1, 4, 1, "interleaved", 2, 1, "none", "ddp", 8)
    >>> in_flight(base, 0), in_flight(base, 3), in_flight(base._replace(kind="1f1b", chunks=1), 0)
    ((7, 4), (4, 1), (4,))
    """
    stages, microbatches, chunks = candidate.pipeline, candidate.microbatches, candidate.chunks
    behind = stages - 1 - stage
    if chunks == 1:
        warm_up = 2 * behind if candidate.kind == "zb-h2" else behind
        return (min(warm_up + 1, microbatches),)
    group = min(stages, microbatches)
    longest = microbatches - (microbatches // group - 1) * group
    left = min(2 * behind + (chunks - 1) * longest + 1, microbatches * chunks)
    held = [0] * chunks
    for number in range(microbatches // group):
        size = longest if number == microbatches // group - 1 else group
        for chunk in range(chunks):
            taken = min(left, size)
            held[chunk], left = held[chunk] + taken, left - taken
        if not left:
            break
    return tuple(held)
