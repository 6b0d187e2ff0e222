"""Consistent traces for the tests of the ledger: a job that steps, fails, recovers and steps again."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from sim.ledger.time.trace import Event, Reversal, RunTrace, Segment, Stay
from sim.workload.profile import STEP_STATES, StepProfile

STEP_US = 1_000


class Incident(NamedTuple):
    """Steps of a phase with checkpoints between them, then a failure that costs the last of them."""

    phase: int
    steps: int
    partial_us: int
    checkpoint_us: int
    lost_steps: int
    cause: str
    detect_us: int
    restore_us: int
    repair_us: int
    replaced: bool


class Workshop:
    """Where every node is: the job's nodes, the spares, and those in repair with the time they return."""

    def __init__(self, nodes: int, spares: int) -> None:
        self.since = {node: ("job" if node < nodes else "spare", 0, "", -1) for node in range(nodes + spares)}
        self.returns: dict[int, int] = {}
        self.stays: list[Stay] = []

    def move(self, node: int, place: str, now_us: int, cause: str = "", event: int = -1) -> None:
        here, since_us, old_cause, old_event = self.since[node]
        if now_us > since_us:
            self.stays.append(Stay(node, here, since_us, now_us, old_cause, old_event))
        self.since[node] = (place, now_us, cause, event)

    def settle(self, now_us: int) -> None:
        for node, back_us in sorted(self.returns.items(), key=lambda item: item[1]):
            if back_us <= now_us:
                self.move(node, "spare", back_us)
                del self.returns[node]

    def placed(self, place: str) -> list[int]:
        return sorted(node for node, (here, *_) in self.since.items() if here == place)


def trace_of(
    incidents: Sequence[Incident], *, nodes: int, spares: int, gpus_per_node: int, in_flight_steps: int = 0
) -> RunTrace:
    """Play incidents one after the other; the last one ends the run instead of failing it."""
    shop = Workshop(nodes, spares)
    segments: list[Segment] = []
    reversals: list[Reversal] = []
    events: list[Event] = []
    processed, lost, in_flight = [0, 0], [0, 0], [0, 0]
    now = 0

    def spend(duration_us: int, state: str, cause: str, event: int, phase: int, in_job: int) -> None:
        nonlocal now
        if duration_us:
            segments.append(Segment(now, now + duration_us, duration_us, state, cause, event, phase, in_job))
            now += duration_us

    for number, incident in enumerate(incidents):
        final = number == len(incidents) - 1
        partial_us = 0 if final else incident.partial_us
        step_us = incident.steps * STEP_US + partial_us
        span = (now, now + step_us + incident.checkpoint_us)
        segments.append(Segment(*span, step_us, "step", "", -1, incident.phase, nodes))
        if incident.checkpoint_us:
            segments.append(Segment(*span, incident.checkpoint_us, "checkpoint", "", -1, incident.phase, nodes))
        now = span[1]
        processed[incident.phase] += incident.steps
        cause = "" if final else incident.cause
        event = len(events)
        events.append(Event(event, now, "horizon" if final else "failure", cause, "gpu", 0, number, 0, not final))
        undone = min(in_flight_steps if final else incident.lost_steps, incident.steps)
        (in_flight if final else lost)[incident.phase] += undone
        reversed_us = undone * STEP_US + partial_us
        if reversed_us:
            state = "in_flight" if final else "lost_work"
            reversals.append(
                Reversal(now, reversed_us, state, cause, event, incident.phase, nodes, undone, now - reversed_us)
            )
        if final:
            break
        spend(incident.detect_us, "detect", cause, event, incident.phase, nodes)
        if incident.replaced:
            failed = shop.placed("job")[number % nodes]
            shop.settle(now)
            shop.move(failed, "repair", now, cause, event)
            shop.returns[failed] = now + incident.repair_us
            if not shop.placed("spare"):
                wait_us = min(shop.returns.values()) - now
                spend(wait_us, "wait_for_node", cause, event, incident.phase, nodes - 1)
                shop.settle(now)
            shop.move(shop.placed("spare")[0], "job", now)
        spend(incident.restore_us, "restore", cause, event, incident.phase, nodes)
    shop.settle(now)
    for node in list(shop.since):
        shop.move(node, "end", now)
    retained = [p - q - r for p, q, r in zip(processed, lost, in_flight, strict=True)]
    return RunTrace(
        gpus_per_node=gpus_per_node,
        nodes=nodes,
        spare_nodes=spares,
        end_us=now,
        complete=False,
        segments=tuple(segments),
        reversals=tuple(reversals),
        stays=tuple(shop.stays),
        events=tuple(events),
        retained_steps=tuple(retained),
        lost_steps=tuple(lost),
        in_flight_steps=tuple(in_flight),
        processed_steps=tuple(processed),
    )


def profile_of(state_ns: dict[str, int], gpus: int = 16) -> StepProfile:
    """A profile of one stage whose model FLOP are those of its compute_ideal time at 1 PFLOP/s."""
    step_ns = sum(state_ns.values())
    flops = state_ns.get("compute_ideal", 0) * 1e-9 * gpus * 1e15
    return StepProfile(
        step_time_ns=step_ns,
        stages=1,
        gpus=gpus,
        tokens=1_000,
        state_ns=state_ns,
        model_flops=flops,
        model_flops_full=flops,
        executed_flops=flops,
        peak_flops_per_s=1e15,
        peak_bf16_flops_per_s=1e15,
    )


incidents = st.builds(
    Incident,
    phase=st.just(0),
    steps=st.integers(1, 5_000),
    partial_us=st.integers(0, STEP_US - 1),
    checkpoint_us=st.integers(0, 10_000),
    lost_steps=st.integers(0, 5_000),
    cause=st.sampled_from(["gpu", "nic", "link"]),
    detect_us=st.integers(0, 10_000),
    restore_us=st.integers(0, 10_000),
    repair_us=st.integers(1, 10_000_000),
    replaced=st.booleans(),
)

profiles = st.dictionaries(st.sampled_from(STEP_STATES), st.integers(1, 10**11), min_size=1).map(profile_of)


@st.composite
def traces(draw: st.DrawFn, gpus_per_node: Sequence[int] = (1, 4, 8)) -> RunTrace:
    """A trace of up to eight incidents, the last ones of them in a second phase."""
    played = draw(st.lists(incidents, min_size=1, max_size=8))
    turn = draw(st.integers(0, len(played)))
    return trace_of(
        [incident._replace(phase=int(number >= turn)) for number, incident in enumerate(played)],
        nodes=draw(st.integers(1, 4)),
        spares=draw(st.integers(0, 3)),
        gpus_per_node=draw(st.sampled_from(gpus_per_node)),
        in_flight_steps=draw(st.integers(0, 100)),
    )


def long_trace(failures: int, nodes: int, spares: int, days: float, gpus_per_node: int = 8) -> RunTrace:
    """A trace of weeks: equal odds of 18 causes, checkpoints in every incarnation, a step of 1 ms for brevity."""
    rng = random.Random(1)
    steps = int(days * 86_400 * 1e6 / STEP_US / (failures + 1) * 0.9)
    played = [
        Incident(
            phase=0,
            steps=rng.randint(steps // 2, steps * 3 // 2),
            partial_us=rng.randrange(STEP_US),
            checkpoint_us=rng.randint(10**6, 10**8),
            lost_steps=rng.randint(0, steps // 20),
            cause=f"cause-{rng.randrange(18)}",
            detect_us=rng.randint(10**6, 10**9),
            restore_us=rng.randint(10**6, 10**9),
            repair_us=rng.randint(10**9, 10**11),
            replaced=rng.random() < 0.7,
        )
        for _ in range(failures + 1)
    ]
    return trace_of(played, nodes=nodes, spares=spares, gpus_per_node=gpus_per_node)
