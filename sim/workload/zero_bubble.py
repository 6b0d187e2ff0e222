"""Zero-bubble schedules (Qi et al. arXiv 2401.10241) of one chunk a stage.

A backward falls apart into its input gradient ("B"), which the stage before waits for, and its weight gradient ("W"),
which nobody waits for and which therefore fills the gaps. Microbatches follow `looped_route(stages, 1)`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import product
from math import inf
from typing import NamedTuple

from sim.errors import LayoutError
from sim.workload.schedules import Op, Order

_ROUNDING = 1e-9
"""Sums of shares are not exact; no memory is that small a part of a microbatch."""


class PassTimes(NamedTuple):
    """Durations of the three passes of a microbatch on one stage, and the latency of a message between two stages."""

    forward_s: float
    backward_s: float
    weight_s: float
    message_s: float


def zb_h1(stages: int, microbatches: int, chunks: int) -> Order:
    """Return ZB-H1: stage i = 1..p runs p - i + 1 F, then {B; W if #B - #W > i - 1; F}, then the W left.

    Memory as 1F1B; bubble (p - 1)(F + B - W) if W <= min(F, B), m >= p and messages take no time. Any m.
    Raises LayoutError for more than one chunk.

    >>> [" ".join(f"{op.kind}{op.microbatch}" for op in ops) for ops in zb_h1(2, 2, 1)]
    ['F0 F1 B0 W0 B1 W1', 'F0 B0 F1 B1 W0 W1']
    """
    expect_chunks("zb-h1", chunks, 1)
    return tuple(_split_1f1b(microbatches, stages - stage, stage) for stage in range(stages))


def zb_h2(stages: int, microbatches: int, chunks: int) -> Order:
    """Return ZB-H2: stage i = 1..p runs 2p - 2i + 1 F, then {B; W if #B - #W > 2i - 2; F}, then the W left.

    Up to 2p - 1 microbatches' activations; every stage idles (p - 1)(F + B - 2W) or less within its own span if
    W <= min(F, B), m >= 2p - 1 and messages take no time. Any m. Raises LayoutError for more than one chunk.

    >>> [" ".join(f"{op.kind}{op.microbatch}" for op in ops) for ops in zb_h2(2, 3, 1)]
    ['F0 F1 F2 B0 W0 B1 W1 B2 W2', 'F0 B0 F1 B1 F2 B2 W0 W1 W2']
    """
    expect_chunks("zb-h2", chunks, 1)
    return tuple(_split_1f1b(microbatches, 2 * (stages - stage) - 1, 2 * stage) for stage in range(stages))


def zb_1p(stages: int, microbatches: int, chunks: int, times: PassTimes, weight_share: float) -> Order:
    """Return the shortest order found within the memory of 1F1B, p microbatches' activations: never worse than ZB-H1.

    >>> zb_1p(4, 8, 1, PassTimes(1, 1, 1, 0), 0.4) == zb_h1(4, 8, 1)
    True
    """
    expect_chunks("zb-1p", chunks, 1)
    return zb_within(stages, microbatches, times, weight_share, stages)


def zb_2p(stages: int, microbatches: int, chunks: int, times: PassTimes, weight_share: float) -> Order:
    """Return the shortest order found within 2p microbatches' activations: never worse than ZB-H2.

    >>> zb_2p(4, 8, 1, PassTimes(1, 1, 1, 0), 0.4) == zb_h2(4, 8, 1)
    True
    """
    expect_chunks("zb-2p", chunks, 1)
    return zb_within(stages, microbatches, times, weight_share, 2 * stages)


def zb_within(stages: int, microbatches: int, times: PassTimes, weight_share: float, limit: float) -> Order:
    """Return the order of the shortest span among ZB-H1, ZB-H2 and a greedy heuristic, within a limit of memory.

    limit counts whole microbatches of one stage, held from F to B; weight_share of it stays from B to W (for GPT
    32h / (34h + 5as)). The span is the longest time from a stage's own start to its end (arXiv 2401.10241, section 5).
    The heuristic follows the paper's section 3.1: forwards until the first B is due, then F and B in turn, W where
    nothing else can run or where memory is full. Raises LayoutError for a limit below one microbatch.

    >>> [op.kind for op in zb_within(1, 2, PassTimes(1, 1, 1, 0), 0.5, 1.0)[0]]
    ['F', 'B', 'W', 'F', 'B', 'W']
    """
    if limit < 1 or not 0 <= weight_share <= 1:
        raise LayoutError(
            f"schedule: a limit of {limit:g} microbatches, of which {weight_share:g} stays for the weight gradient; "
            "expected a limit of at least 1 and a share between 0 and 1"
        )
    orders = [order(stages, microbatches, 1) for order in (zb_h1, zb_h2)]
    known = [order for order in orders if max(_peak(ops, weight_share) for ops in order) <= limit + _ROUNDING]
    jobs = [
        _Job(
            stages=stages,
            microbatches=microbatches,
            times=times,
            weight_share=weight_share,
            limit=limit,
            eager=eager,
            patient=patient,
        )
        for eager, patient in product((False, True), repeat=2)
    ]
    return min((*known, *(_greedy(job) for job in jobs)), key=lambda order: _span_s(order, times))


def expect_chunks(kind: str, got: int, expected: int) -> None:
    """Raise LayoutError unless a schedule gets the number of chunks it is made for."""
    if got != expected:
        raise LayoutError(
            f"parallelism.schedule.chunks: {kind} holds {expected} {'chunk' if expected == 1 else 'chunks'} a stage, "
            f"got {got}; expected {expected}"
        )


def _split_1f1b(microbatches: int, warm_up: int, lag: int) -> tuple[Op, ...]:
    forwards = min(warm_up, microbatches)
    weights = 0
    ops = [Op("F", i, 0) for i in range(forwards)]
    for i in range(microbatches):
        ops.append(Op("B", i, 0))
        if i + 1 - weights > lag:
            ops.append(Op("W", weights, 0))
            weights += 1
        if forwards < microbatches:
            ops.append(Op("F", forwards, 0))
            forwards += 1
    return (*ops, *(Op("W", i, 0) for i in range(weights, microbatches)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What the heuristic is asked: eager forwards may delay the first B, patient stages idle while others idle more."""

    stages: int
    microbatches: int
    times: PassTimes
    weight_share: float
    limit: float
    eager: bool
    patient: bool

    def duration_s(self, kind: str) -> float:
        return self.times["FBW".index(kind)]


@dataclass(slots=True, kw_only=True)
class _Stage:
    """How far a stage is: operations run by kind, when inputs arrive, since when it is free and how long it idled."""

    index: int
    ops: list[Op] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=lambda: {"F": 0, "B": 0, "W": 0})
    arrivals: dict[str, list[float]] = field(default_factory=lambda: {"F": [], "B": []})
    turn: str = "F"
    free_s: float = 0.0
    idle_s: float = 0.0


def _greedy(job: _Job) -> Order:
    stages = [_Stage(index=i) for i in range(job.stages)]
    stages[0].arrivals["F"] = [0.0] * job.microbatches
    events = [(0.0, 0)]
    while events:
        now, index = heappop(events)
        stage = stages[index]
        if stage.free_s > now:
            continue
        kind = _choose(job, stage, now, max(other.idle_s for other in stages) if job.patient else 0.0)
        if kind:
            _run(job, stage, kind, now)
            heappush(events, (stage.free_s, index))
            if message := _message(job, stages, stage, kind):
                heappush(events, message)
    return tuple(tuple(stage.ops) for stage in stages)


def _choose(job: _Job, stage: _Stage, now: float, most_idle_s: float) -> str | None:
    done = stage.done
    due = {kind: _due_s(job, stage, kind, now) for kind in "FB"}
    room = done["F"] - done["B"] + job.weight_share * (done["B"] - done["W"]) + 1 <= job.limit + _ROUNDING
    forward = room and due["F"] <= now
    gap = min(due["B"], due["F"] if room else inf) - now
    if stage.turn == "F" and done["B"] and done["W"] < done["B"] and not room and done["F"] < job.microbatches:
        return "W"
    if stage.turn == "F" and done["B"] and forward:
        return "F"
    if due["B"] <= now:
        return "B"
    if forward and (now + job.duration_s("F") <= due["B"] or (job.eager and not done["B"])):
        return "F"
    if done["W"] < done["B"]:
        fits = job.duration_s("W") <= gap
        return "W" if fits or not job.patient or stage.idle_s + gap > most_idle_s else None
    return None


def _due_s(job: _Job, stage: _Stage, kind: str, now: float) -> float:
    """When the next input arrives: known once its sender has started, the earliest possible before."""
    number, times = stage.done[kind], job.times
    if number >= (job.microbatches if kind == "F" else stage.done["F"]):
        return inf
    if number < len(stage.arrivals[kind]):
        return stage.arrivals[kind][number]
    sent_s = now + job.duration_s(kind) + times.message_s
    if kind == "F":
        return sent_s
    hops = job.stages - 1
    back_s = (hops - stage.index) * (times.backward_s + times.message_s)
    return max(sent_s, job.stages * times.forward_s + hops * times.message_s + back_s)


def _run(job: _Job, stage: _Stage, kind: str, now: float) -> None:
    if stage.ops:
        stage.idle_s += now - stage.free_s
    stage.ops.append(Op(kind, stage.done[kind], 0))
    stage.done[kind] += 1
    stage.free_s = now + job.duration_s(kind)
    if kind != "W":
        stage.turn = "B" if kind == "F" else "F"


def _message(job: _Job, stages: Sequence[_Stage], stage: _Stage, kind: str) -> tuple[float, int] | None:
    """Note when the operation just started reaches whom; nobody is told of the last stage's F but itself."""
    if kind == "F" and stage.index + 1 == job.stages:
        stage.arrivals["B"].append(stage.free_s)
        return None
    target = stage.index + {"F": 1, "B": -1, "W": -job.stages}[kind]
    if target < 0:
        return None
    arrival_s = stage.free_s + job.times.message_s
    stages[target].arrivals[kind].append(arrival_s)
    return arrival_s, target


def _peak(ops: Sequence[Op], weight_share: float) -> float:
    change = {"F": 1.0, "B": weight_share - 1.0, "W": -weight_share}
    live = peak = 0.0
    for op in ops:
        live += change[op.kind]
        peak = max(peak, live)
    return peak


def _span_s(order: Order, times: PassTimes) -> float:
    """Longest time from a stage's own start to its end, every operation as early as its input and order allow."""
    duration_s = dict(zip("FBW", times[:3], strict=True))
    sent_s: dict[tuple[str, int, int], float] = {}
    starts, free = [-1.0] * len(order), [0.0] * len(order)
    at = [0] * len(order)
    while any(at[i] < len(ops) for i, ops in enumerate(order)):
        for i, ops in enumerate(order):
            while at[i] < len(ops) and (ready := _ready_s(ops[at[i]], i, len(order), sent_s)) is not None:
                op = ops[at[i]]
                begin = max(free[i], ready)
                starts[i] = begin if at[i] == 0 else starts[i]
                free[i] = begin + duration_s[op.kind]
                sent_s[op.kind, op.microbatch, i] = free[i] + times.message_s
                at[i] += 1
    return max(end - start for start, end in zip(starts, free, strict=True))


def _ready_s(op: Op, stage: int, stages: int, sent_s: Mapping[tuple[str, int, int], float]) -> float | None:
    source = stage + {"F": -1, "B": 1, "W": stages}[op.kind]
    return sent_s.get((op.kind, op.microbatch, source)) if 0 <= source < stages else 0.0
