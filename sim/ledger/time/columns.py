"""A trace as columns of numbers, made once for everything that is worked out from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError, unknown_name
from sim.ledger.time.apportion import Ints
from sim.ledger.time.states import CODES, OUTSIDE_PHASE, STATES
from sim.ledger.time.trace import (
    RETIRED,
    Reversal,
    RunTrace,
    Segment,
    Stay,
    Still,
    Table,
    Worded,
    plain_rows,
    told_rows,
)


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
    steps, since_us: of every reversal. node, stay_start_us, stay_end_us, in_job, retired: of every stay; outside: those
    that are neither in the job nor retired, as rows.
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
    retired: NDArray[np.bool_]
    outside: Rows


def columned(trace: RunTrace | TraceColumns) -> TraceColumns:
    """Return the columns of a trace: those given, where they are made already.

    Raises SimulationError for an unknown state.
    """
    if isinstance(trace, TraceColumns):
        return trace
    causes = {"": 0}
    segments = segment_rows(trace.segments, causes)
    reversed_ = _fields(Reversal, trace.reversals)
    reversals = _reversal_rows(reversed_, causes)
    stays = _stays(trace.stays, causes)
    return TraceColumns(
        trace=trace,
        causes=causes,
        segments=segments,
        reversals=reversals,
        steps=_ints(reversed_["steps"]),
        since_us=_ints(reversed_["since_us"]),
        node=stays.node,
        stay_start_us=stays.start_us,
        stay_end_us=stays.end_us,
        in_job=stays.in_job,
        retired=stays.retired,
        outside=stays.outside,
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


def repair_visits(columns: TraceColumns) -> dict[str, int]:
    """Return how many stays in repair each cause has, in the order in which stays name them."""
    outside, names = columns.outside, tuple(columns.causes)
    causes, first, counts = np.unique(
        outside.cause[outside.state == CODES["repair"]], return_index=True, return_counts=True
    )
    order = np.argsort(first)
    return {names[cause]: count for cause, count in zip(causes[order].tolist(), counts[order].tolist(), strict=True)}


class _Stays(NamedTuple):
    node: Ints
    start_us: Ints
    end_us: Ints
    in_job: NDArray[np.bool_]
    retired: NDArray[np.bool_]
    outside: Rows


def _stays(stays: Sequence[Stay], causes: dict[str, int]) -> _Stays:
    of = _fields(Stay, told_rows(stays))
    in_job, retired = (_are(of["place"], place) for place in ("job", RETIRED))
    outside = {name: _picked(column, ~(in_job | retired)) for name, column in of.items()}
    columns = _Stays(
        node=_ints(of["node"]),
        start_us=_ints(of["start_us"]),
        end_us=_ints(of["end_us"]),
        in_job=in_job,
        retired=retired,
        outside=_stay_rows(outside, causes),
    )
    return _with_still(columns, stays.still) if isinstance(stays, Table) and stays.still else columns


def _are(names: Sequence[str] | Worded, name: str) -> NDArray[np.bool_]:
    """Say which names are one."""
    if isinstance(names, Worded):
        return np.array([word == name for word in names.words])[names.codes]
    return np.fromiter((each == name for each in names), np.bool_, len(names))


def _picked(column: Any, chosen: NDArray[np.bool_]) -> Any:
    """Return the elements of a column, in any of its forms, that are chosen."""
    if isinstance(column, Worded):
        return Worded(column.codes[chosen], column.words)
    return column[chosen] if isinstance(column, np.ndarray) else list(compress(column, chosen.tolist()))


def _with_still(told: _Stays, still: Still) -> _Stays:
    """Return stays with those of nodes that never moved, for which no row is made."""
    job, spare = still.in_place()
    nodes, end_us, outside = np.concatenate((job, spare)), still.end_us, told.outside
    spares = np.ones_like(spare)
    return _Stays(
        node=np.append(told.node, nodes),
        start_us=np.append(told.start_us, 0 * nodes),
        end_us=np.append(told.end_us, np.full_like(nodes, end_us)),
        in_job=np.append(told.in_job, np.arange(len(nodes)) < len(job)),
        retired=np.append(told.retired, np.zeros_like(nodes, np.bool_)),
        outside=Rows(
            state=np.append(outside.state, spares * CODES["spare"]),
            cause=np.append(outside.cause, 0 * spares),
            phase=np.append(outside.phase, spares * OUTSIDE_PHASE),
            event=np.append(outside.event, -spares),
            start_us=np.append(outside.start_us, 0 * spares),
            end_us=np.append(outside.end_us, spares * end_us),
            nodes=np.append(outside.nodes, spares),
            duration_us=np.append(outside.duration_us, spares * end_us),
            condition=np.append(outside.condition, 0 * spares),
        ),
    )


def _stay_rows(of: Mapping[str, Any], causes: dict[str, int]) -> Rows:
    start_us, end_us = _ints(of["start_us"]), _ints(of["end_us"])
    count = len(start_us)
    return Rows(
        state=_codes(of["place"]),
        cause=_numbers(of["cause"], causes),
        phase=np.full(count, OUTSIDE_PHASE, np.int64),
        event=_ints(of["event"]),
        start_us=start_us,
        end_us=end_us,
        nodes=np.ones(count, np.int64),
        duration_us=end_us - start_us,
        condition=np.zeros(count, np.int64),
    )


def _fields(kind: type[Segment | Reversal | Stay], rows: Sequence[Any] | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the columns of rows by field: arrays and `Worded` where they were made as such, else tuples."""
    if isinstance(rows, Table) and rows.columns is not None:
        rows = rows.columns
    if isinstance(rows, Mapping):
        return rows
    columns = zip(*plain_rows(rows), strict=True) if rows else ((),) * len(kind._fields)
    return dict(zip(kind._fields, columns, strict=True))


def _ints(values: Sequence[int] | Ints) -> Ints:
    return values if isinstance(values, np.ndarray) else np.fromiter(values, np.int64, len(values))


def _codes(states: Sequence[str] | Worded) -> Ints:
    if isinstance(states, Worded):
        return np.array([CODES.get(word, -1) for word in states.words], np.int64)[states.codes]
    try:
        return np.fromiter(map(CODES.__getitem__, states), np.int64, len(states))
    except KeyError as error:
        raise SimulationError(str(unknown_name("state", error.args[0], STATES, "trace"))) from None


def _numbers(names: Sequence[str] | Worded, numbers: dict[str, int]) -> Ints:
    if isinstance(names, Worded):
        _, first = np.unique(names.codes, return_index=True)
        for code in names.codes[np.sort(first)].tolist():
            numbers.setdefault(names.words[code], len(numbers))
        return np.array([numbers.get(word, -1) for word in names.words], np.int64)[names.codes]
    for name in dict.fromkeys(names):
        numbers.setdefault(name, len(numbers))
    return np.fromiter(map(numbers.__getitem__, names), np.int64, len(names))
