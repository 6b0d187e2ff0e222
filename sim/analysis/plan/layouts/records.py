"""Records of a search among layouts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sim.machine import Machine
from sim.scenario.records import Phase, Scenario
from sim.workload.layout import Batch, Layout, Schedule

Progress = Callable[[float, str], None]
"""Called with the fraction done and what is being done."""


class Candidate(NamedTuple):
    """One layout of a job, with what it does to its batch."""

    tensor: int
    context: int
    expert: int
    expert_tensor: int
    pipeline: int
    data: int
    kind: str
    chunks: int
    micro_batch: int
    recompute: str
    sharding: str
    global_batch: int

    @property
    def microbatches(self) -> int:
        """Microbatches of a replica in a step."""
        return self.global_batch // (self.data * self.micro_batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What is searched beside the degrees that divide the GPUs.

    tolerance: how far the batch may move, as a fraction, to be a multiple of what a layout needs.
    """

    micro_batches: tuple[int, ...] = (1, 2, 4, 8)
    recomputes: tuple[str, ...] = ("none", "selective", "full")
    shardings: tuple[str, ...] = ("ddp", "zero1")
    split_kinds: tuple[str, ...] = ("zb-h1", "zb-h2")
    least_context_tokens: int = 1024
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What layouts are searched for: a phase of a scenario, and the machine that runs it."""

    scenario: Scenario
    machine: Machine
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A layout with its step: estimated, and simulated where it was verified; seconds.

    per_sequence_s: of the faster-known of both, over the sequences of its batch. mfu, waterfall, peak_bytes: of the
    simulation.
    """

    candidate: Candidate
    bound_s: float
    estimate_s: float
    simulated_s: float | None = None
    mfu: float | None = None
    waterfall: Mapping[str, float] | None = None
    peak_bytes: float | None = None

    @property
    def step_s(self) -> float:
        """The time of a step, simulated where it is known."""
        return self.estimate_s if self.simulated_s is None else self.simulated_s

    @property
    def per_sequence_s(self) -> float:
        """Seconds of the job for a sequence."""
        return self.step_s / self.candidate.global_batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The best layouts, and what became of all: counts by name, which sum to those considered.

    complete: False where the search was interrupted or its time was over; then any layout that was not looked at may
    be faster, by its bound as little as best_left_s a sequence. unbounded: the fastest layout that only memory refuses.
    """

    best: tuple[Ranked, ...]
    considered: int
    counts: Mapping[str, int]
    complete: bool
    seconds: float
    best_left_s: float | None = None
    refused_by_memory: Ranked | None = None


def layout_of(candidate: Candidate) -> Layout:
    """Return the layout of a candidate; sequences are divided among a tensor group."""
    return Layout(
        tensor=candidate.tensor,
        context=candidate.context,
        pipeline=candidate.pipeline,
        data=candidate.data,
        expert=candidate.expert,
        expert_tensor=candidate.expert_tensor,
        schedule=Schedule(kind=candidate.kind, chunks=candidate.chunks),
        sharding=candidate.sharding,
        sequence_parallel=candidate.tensor > 1,
    )


def batch_of(candidate: Candidate, base: Batch) -> Batch:
    """Return the batch of a candidate: what is not searched stays as it is."""
    return Batch(
        sequence_length=base.sequence_length,
        global_batch=candidate.global_batch,
        micro_batch=candidate.micro_batch,
        precision=base.precision,
        recompute=candidate.recompute,
        expert_imbalance=base.expert_imbalance if candidate.expert >= base.expert_imbalance else 1.0,
    )


def phase_of(candidate: Candidate, phase: Phase) -> Phase:
    """Return a phase in another layout."""
    return Phase(
        name=phase.name, tokens=phase.tokens, batch=batch_of(candidate, phase.batch), layout=layout_of(candidate)
    )
