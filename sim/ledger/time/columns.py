"""A trace as columns of numbers, made once for everything that is worked out from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError, unknown_name
from sim.ledger.time.apportion import Ints
from sim.ledger.time.states import CODES, OUTSIDE_PHASE, STATES
from sim.ledger.time.trace import Reversal, RunTrace, Segment, Stay, plain_rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Time of nodes by state, one element a row: `duration_us` of [start_us, end_us] of `nodes` nodes.

    state: codes of STATES; cause: positions in the causes of the trace. A reversal starts and ends when it is posted.
    """

    state: Ints
    cause: Ints
    phase: Ints
    event: Ints
    start_us: Ints
    end_us: Ints
    nodes: Ints
    duration_us: Ints
    condition: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TraceColumns:
    """A trace and its columns.

    causes: numbered in the order in which segments, reversals and stays outside the job name them, "" first.
    steps, since_us: of every reversal. node, stay_start_us, stay_end_us, in_job: of every stay; outside: the stays that
    are not in the job, as rows.
    """

    trace: RunTrace
    causes: Mapping[str, int]
    segments: Rows
    reversals: Rows
    steps: Ints
    since_us: Ints
    node: Ints
    stay_start_us: Ints
    stay_end_us: Ints
    in_job: NDArray[np.bool_]
    outside: Rows


def columned(trace: RunTrace | TraceColumns) -> TraceColumns:
    """Return the columns of a trace: those given, where they are made already.

    Raises SimulationError for an unknown state.
    """
    if isinstance(trace, TraceColumns):
        return trace
    causes = {"": 0}
    segments = segment_rows(trace.segments, causes)
    reversed_, stays = _fields(Reversal, trace.reversals), _fields(Stay, trace.stays)
    reversals = _reversal_rows(reversed_, causes)
    placed = plain_rows(trace.stays)
    in_job = np.array([place == "job" for place in stays["place"]], np.bool_)
    return TraceColumns(
        trace=trace,
        causes=causes,
        segments=segments,
        reversals=reversals,
        steps=_ints(reversed_["steps"]),
        since_us=_ints(reversed_["since_us"]),
        node=_ints(stays["node"]),
        stay_start_us=_ints(stays["start_us"]),
        stay_end_us=_ints(stays["end_us"]),
        in_job=in_job,
        outside=_stay_rows([placed[index] for index in np.flatnonzero(~in_job).tolist()], causes),
    )


def segment_rows(segments: Sequence[Segment], causes: dict[str, int]) -> Rows:
    """Return segments as rows; causes that are new are numbered on."""
    of = _fields(Segment, segments)
    return Rows(
        state=_codes(of["state"]),
        cause=_numbers(of["cause"], causes),
        phase=_ints(of["phase"]),
        event=_ints(of["event"]),
        start_us=_ints(of["start_us"]),
        end_us=_ints(of["end_us"]),
        nodes=_ints(of["nodes"]),
        duration_us=_ints(of["duration_us"]),
        condition=_ints(of["condition"]),
    )


def reversal_rows(reversals: Sequence[Reversal], causes: dict[str, int]) -> Rows:
    """Return what reversals post as rows; causes that are new are numbered on."""
    return _reversal_rows(_fields(Reversal, reversals), causes)


def _reversal_rows(of: Mapping[str, Sequence[Any]], causes: dict[str, int]) -> Rows:
    time_us = _ints(of["time_us"])
    return Rows(
        state=_codes(of["state"]),
        cause=_numbers(of["cause"], causes),
        phase=_ints(of["phase"]),
        event=_ints(of["event"]),
        start_us=time_us,
        end_us=time_us,
        nodes=_ints(of["nodes"]),
        duration_us=_ints(of["duration_us"]),
        condition=_ints(of["condition"]),
    )


def _stay_rows(stays: Sequence[tuple[Any, ...]], causes: dict[str, int]) -> Rows:
    of = _fields(Stay, stays)
    start_us, end_us = _ints(of["start_us"]), _ints(of["end_us"])
    return Rows(
        state=_codes(of["place"]),
        cause=_numbers(of["cause"], causes),
        phase=np.full(len(stays), OUTSIDE_PHASE, np.int64),
        event=_ints(of["event"]),
        start_us=start_us,
        end_us=end_us,
        nodes=np.ones(len(stays), np.int64),
        duration_us=end_us - start_us,
        condition=np.zeros(len(stays), np.int64),
    )


def _fields(kind: type[Segment | Reversal | Stay], rows: Sequence[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    columns = zip(*plain_rows(rows), strict=True) if rows else ((),) * len(kind._fields)
    return dict(zip(kind._fields, columns, strict=True))


def _ints(values: Sequence[int]) -> Ints:
    return np.fromiter(values, np.int64, len(values))


def _codes(states: Sequence[str]) -> Ints:
    try:
        return np.fromiter(map(CODES.__getitem__, states), np.int64, len(states))
    except KeyError as error:
        raise SimulationError(str(unknown_name("state", error.args[0], STATES, "trace"))) from None


def _numbers(names: Sequence[str], numbers: dict[str, int]) -> Ints:
    for name in dict.fromkeys(names):
        numbers.setdefault(name, len(numbers))
    return np.fromiter(map(numbers.__getitem__, names), np.int64, len(names))
