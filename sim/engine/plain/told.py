"""What a plain run says of itself afterwards: the rows of its trace, worked out for all of them at once.

While it runs it notes a few numbers for each wait, stint of steps and move of a node; all else follows from these.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sim.engine.plain.durations import STAGES, Durations
from sim.engine.plain.places import JOB_PLACE, SPARE_PLACE, EventRow
from sim.engine.plain.stretches import IN_FLIGHT, LOST, achieved, columns_of, phases_at
from sim.engine.plain.tiers import TieredSteps
from sim.engine.plain.turning import TurningSteps
from sim.ledger.time.apportion import Ints
from sim.ledger.time.trace import Column, Event, Reversal, RunTrace, Segment, Stay, Still, Table, Worded
from sim.reliability.failures.slow import causes_of
from sim.reliability.records import RunPlan
from sim.reliability.saving.progress import Course, steps_of_spans

_STATES = (*STAGES, "step", "checkpoint", "wait_for_node")
_STEP, _CHECKPOINT, _WAIT = (_STATES.index(state) for state in ("step", "checkpoint", "wait_for_node"))

PLACES = ("job", "spare", "repair")
"""Names of JOB_PLACE, SPARE_PLACE and REPAIR_PLACE."""

UNDONE = ("lost_work", "in_flight")
"""States of work that is LOST, or IN_FLIGHT."""


class Notes(NamedTuple):
    """Numbers of a run as they came, so many for each entry, one after the other; causes are positions, -1 for none.

    begun: of waits, the start, number of the recovery, what is waited for (see `Durations`; 0: nodes), nodes in the
    job, cause and event of the failure; told_us: their ends. stints: start, end, the work that they began with, the
    work that is saved then, when its checkpoint began, what becomes of the rest, cause and event of that. moves: when,
    which node, where to, cause and event. judged: the conditions that their numbers stand for. tiers: what keeps
    several, turns: what steps under several conditions, where there are, and their notes.
    """

    begun: list[int]
    told_us: list[int]
    stints: list[int]
    moves: list[int]
    events: list[EventRow]
    judged: Sequence[int] = (0,)
    tiers: TieredSteps | None = None
    turns: TurningSteps | None = None


def trace_of(plan: RunPlan, way: Course, durations: Durations, notes: Notes, end_us: int, complete: bool) -> RunTrace:
    """Return the trace of a plain run from its notes."""
    words = ("", *causes_of(plan))
    stints = columns_of(notes.stints, 8)
    work_us, begun, durable, stretches, undone, backs = achieved(
        way, stints, notes.tiers, notes.turns, rework=plan.recovery.rework
    )
    time_us, undone_us, fate, cause, event, phase, steps, kept_at_us, condition = undone
    reversals: Mapping[str, Column] = {
        "time_us": time_us,
        "duration_us": undone_us,
        "state": Worded(fate, UNDONE),
        "cause": Worded(cause + 1, words),
        "event": event,
        "phase": phase,
        "nodes": np.full(len(phase), plan.nodes),
        "steps": steps,
        "since_us": kept_at_us,
        "condition": condition,
    }
    phases = range(len(plan.phases))
    lost, flying = (
        [int(steps[(phase == each) & (fate == what)].sum()) for each in phases] for what in (LOST, IN_FLIGHT)
    )
    processed = steps_of_spans(way, np.stack((stints[2], work_us), axis=1))
    waited = columns_of(notes.begun, 6)
    back_us, back_to_us = backs
    stops = np.searchsorted(back_us, waited[0], side="right")
    waits = *waited, phases_at(way, np.append(0, back_to_us)[stops])
    stays, moved = _stays(plan, notes.moves, words, end_us)
    return RunTrace(
        gpus_per_node=plan.gpus_per_node,
        nodes=plan.nodes,
        spare_nodes=plan.spare_nodes,
        end_us=end_us,
        complete=complete,
        segments=Table(Segment, _segments(plan, stretches, _waits(durations, notes.told_us, waits), words)),
        reversals=Table(Reversal, reversals),
        stays=Table(Stay, stays, Still(moved, plan.nodes, plan.spare_nodes, end_us)),
        events=Table(Event, notes.events),
        retained_steps=tuple(done - back - beyond for done, back, beyond in zip(processed, lost, flying, strict=True)),
        lost_steps=tuple(lost),
        in_flight_steps=tuple(flying),
        processed_steps=tuple(processed),
        checkpoints_started=begun,
        checkpoints_durable=durable,
        judged=tuple(notes.judged),
    )


def _segments(
    plan: RunPlan, stretches: Sequence[Ints], waits: Iterator[tuple[Ints, ...]], words: Sequence[str]
) -> Mapping[str, Column]:
    """Return the segments: stages that pass while the job waits, the last perhaps cut short, steps and checkpoints."""
    since_us, ended_us, blocked_us, phase, condition = stretches
    none, nodes = np.full(len(since_us), -1), np.full(len(since_us), plan.nodes)
    rows = [
        (since_us, ended_us, ended_us - since_us - blocked_us, none + 1 + _STEP, none, none, nodes, phase, condition),
        (since_us, ended_us, blocked_us, none + 1 + _CHECKPOINT, none, none, nodes, phase, condition),
        *waits,
    ]
    columns = np.concatenate([np.stack(each) for each in rows], axis=1)
    columns = columns[:, columns[2] > 0]
    columns = columns[:, np.argsort(columns[0], kind="stable")]
    start_us, end_us, duration_us, state, cause, event, nodes, phase, condition = columns
    return {
        "start_us": start_us,
        "end_us": end_us,
        "duration_us": duration_us,
        "state": Worded(state, _STATES),
        "cause": Worded(cause + 1, words),
        "event": event,
        "phase": phase,
        "nodes": nodes,
        "condition": condition,
    }


def _waits(durations: Durations, told: Sequence[int], waits: tuple[Ints, ...]) -> Iterator[tuple[Ints, ...]]:
    """Yield the columns of what passed while the job waited: for stages, and for nodes."""
    start_us, number, kind, nodes, cause, event, phase = waits
    told_us = np.fromiter(told, np.int64, len(told))
    until_us = np.minimum(start_us + np.cumsum(durations.spent(number, cause, kind), axis=0), told_us)
    from_us = np.concatenate((start_us[None], until_us[:-1]))
    spent_us = until_us - from_us
    some = np.flatnonzero(spent_us)
    stage, wait = np.divmod(some, len(start_us))
    taken = from_us.ravel()[some], until_us.ravel()[some], spent_us.ravel()[some]
    yield *taken, stage, cause[wait], event[wait], nodes[wait], phase[wait], 0 * wait
    lack = np.flatnonzero(kind == 0)
    if len(lack):
        since_us, until_us = start_us[lack], told_us[lack]
        about = cause[lack], event[lack], nodes[lack], phase[lack], 0 * lack
        yield since_us, until_us, until_us - since_us, 0 * lack + _WAIT, *about


def _stays(
    plan: RunPlan, moves: Sequence[int], words: Sequence[str], end_us: int
) -> tuple[Mapping[str, Column], frozenset[int]]:
    """Return the stays of nodes that moved, in the order of their ends and then of nodes; and which these are."""
    now_us, node, place, cause, event = columns_of(moves, 5)
    order = np.argsort(node, kind="stable")
    ordered = node[order]
    follows = ordered[1:] == ordered[:-1]
    # What each move ends is what the node's move before began; its first ends what the run began with.
    before = np.full(len(node), -1)
    before[order[1:][follows]] = order[:-1][follows]
    begun = before < 0
    since_us = np.where(begun, 0, now_us[before])
    last = order[np.append(~follows, True)[: len(order)]]
    moved = frozenset(node[last].tolist())
    ended = np.flatnonzero(now_us > since_us)
    last = last[now_us[last] < end_us]
    where = np.where(begun, np.where(node < plan.nodes, JOB_PLACE, SPARE_PLACE), place[before])
    why, by = (np.where(begun, -1, column[before]) for column in (cause, event))
    return {
        "node": np.concatenate((node[ended], node[last])),
        "place": Worded(np.concatenate((where[ended], place[last])), PLACES),
        "start_us": np.concatenate((since_us[ended], now_us[last])),
        "end_us": np.concatenate((now_us[ended], np.full(len(last), end_us))),
        "cause": Worded(np.concatenate((why[ended], cause[last])) + 1, words),
        "event": np.concatenate((by[ended], event[last])),
    }, moved
