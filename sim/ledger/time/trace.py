"""The trace of a run: what the run engine hands to the ledger. Times are integer microseconds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

Row = TypeVar("Row", bound=tuple[Any, ...])

JOB_STATES = (
    "detect",
    "diagnose",
    "drain",
    "replace",
    "schedule",
    "initialize",
    "restore",
    "warm_up",
    "checkpoint",
    "evaluation",
    "wait_for_node",
)
"""States of a GPU in the job but not stepping."""

OUTSIDE_STATES = ("spare", "repair", "maintenance", "idle")
"""States of a GPU that is not in the job."""

RETIRED = "retired"
"""The place of a node that is gone for good, until one that was ordered stands there: it holds no GPUs meanwhile."""

RECLASSIFIED_STATES = ("lost_work", "in_flight")
"""States that step time is moved to afterwards: lost to a failure, or not durable when the horizon ended."""


class Segment(NamedTuple):
    """A part of a span of the job: `duration_us` of [start, end] went to one state, "step" or one of JOB_STATES.

    Rows with the same start and end share a span, lie next to each other and their durations sum to end - start
    exactly. Steps and checkpoints that alternate in a span are two rows (state "step", then "checkpoint"); in every
    other span one state lasts from start to end. `nodes` nodes are in the job throughout the span. condition: of the
    network and of slow nodes in a span of steps, which says how long they are; 0 is a job that nothing slows, also
    elsewhere.
    """

    start_us: int
    end_us: int
    duration_us: int
    state: str
    cause: str
    event: int
    phase: int
    nodes: int
    condition: int = 0


class Reversal(NamedTuple):
    """Step time of a phase moved to lost_work or in_flight: `duration_us` of the job's `nodes` nodes, by an event.

    steps counts whole steps; the time of a step that was cut short is in duration_us only. since_us: when the
    checkpoint that the job falls back to was taken, the run's start where there is none (-1: not told). condition: the
    network's when the steps were made.
    """

    time_us: int
    duration_us: int
    state: str
    cause: str
    event: int
    phase: int
    nodes: int
    steps: int
    since_us: int = -1
    condition: int = 0


class Stay(NamedTuple):
    """A node in one place: "job", one of OUTSIDE_STATES, or RETIRED, from start to end."""

    node: int
    place: str
    start_us: int
    end_us: int
    cause: str
    event: int


class Event(NamedTuple):
    """Something that happened: `event` is its position in the trace's events, which lie in the order of time.

    kind is one of
    - failure: component and component_index say what failed ("gpu", 1234), ordinal its how-manieth failure of this
      cause (from 0), node where it sits (-1 for the job itself); interrupted says whether it stopped a stepping or
      checkpointing job (a failure of a spare, in repair or during recovery does not, nor does a silent one);
    - replaced: `node` joined the job; stall: nodes are missing and no spare is left; restart: the job steps again;
    - shock: a shock to a domain of nodes (component, component_index, its how-manieth) has hit what the failures right
      after it name, whose ordinal is -1: they end no life of their own;
    - found: a silent failure was noticed, said as by that failure; interrupted if that stopped the job;
    - planned: a planned stop is due, and interrupted says whether the job stopped for it; maintained: `node` came back;
    - aborted: the run ended, its work being of no use;
    - restored: a part of the network, the store, or a domain of nodes, came back, said as by its failure;
    - slowed: a part became slow without stopping the job, said as a failure is; healed: it is so no more (what comes
      back with its node from repair is healed by that, without a row); detected: it was found, and the job goes on
      with it; evicted: `node` was taken out of the job for being slow, or by a false alarm, which its cause says, and
      interrupted whether that stopped a stepping or checkpointing job;
    - shrunk: replicas that lack nodes left an elastic job; regrown: they are whole, and joined it again (the planned
      stop for that has the cause "regrow"); recalled: too few are whole, and it has its idle nodes back while it waits;
    - repaired: `node` came back from repair; retired: it went there once too often, and a new one is ordered in its
      place, or none where orders replace nodes; delivered: that one has come; displaced: nothing is wrong with `node`,
      but its domain leaves the job;
    - ordered: the stock of spares is so low that new nodes are ordered, ordinal says the how-manieth time (from 0);
      arrived: that order has come, and its nodes are delivered right after;
    - complete or horizon: the end of the run.
    shock, stall, shrunk, restart, restored, repaired, retired and delivered carry the cause of the failure. Checkpoints
    are counted, not listed.
    """

    event: int
    time_us: int
    kind: str
    cause: str
    component: str
    component_index: int
    ordinal: int
    node: int
    interrupted: bool


class Still(NamedTuple):
    """Nodes that stay where they are throughout a run of so many, in the job and then spare: all but those that moved.

    >>> Still(frozenset({0}), 2, 1, 9).rows()
    [(1, 'job', 0, 9, '', -1), (2, 'spare', 0, 9, '', -1)]
    """

    moved: frozenset[int]
    nodes: int
    spare_nodes: int
    end_us: int

    def in_place(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return those of the job, and those that are spare."""
        stays = np.ones(self.nodes + self.spare_nodes, np.bool_)
        stays[list(self.moved)] = False
        still = np.flatnonzero(stays)
        job, spare = np.split(still, [int(np.searchsorted(still, self.nodes))])
        return job, spare

    def rows(self) -> list[tuple[int, str, int, int, str, int]]:
        """Return the stays of these nodes as plain rows."""
        placed = zip(self.in_place(), ("job", "spare"), strict=True)
        return [(node, place, 0, self.end_us, "", -1) for nodes, place in placed for node in nodes.tolist()]


class Worded(NamedTuple):
    """A column of text: positions in words."""

    codes: NDArray[np.int64]
    words: Sequence[str]

    def tolist(self) -> list[str]:
        """Return the text of each row."""
        return list(map(self.words.__getitem__, self.codes.tolist()))


Column = NDArray[np.int64] | Worded


class Table(Sequence[Row]):
    """Rows of one kind, which take their names when somebody first asks for them: most are only ever counted.

    plain: the same rows as plain tuples; they are never changed. columns: the same by the names of fields, where the
    rows were made as columns. told: those of them that somebody has told; the rest are stays of nodes that are still,
    which are made when asked for.

    >>> table = Table(Stay, [(3, "repair", 0, 5, "gpu", 7)])
    >>> table.plain[0][1], table[0].place, table == (Stay(3, "repair", 0, 5, "gpu", 7),)
    ('repair', 'repair', True)
    """

    __slots__ = ("_kind", "_named", "_plain", "_told", "columns", "still")

    def __init__(
        self,
        kind: type[Row],
        told: Sequence[tuple[Any, ...]] | Mapping[str, Column],
        still: Still | None = None,
    ) -> None:
        self._kind = kind
        self._named: tuple[Row, ...] | None = None
        self._plain: Sequence[tuple[Any, ...]] | None = None
        self._told: Sequence[tuple[Any, ...]] | None = None
        self.columns: Mapping[str, Column] | None = None
        self.still = still
        if isinstance(told, Mapping):
            self.columns = told
        else:
            self._told = told

    @property
    def told(self) -> Sequence[tuple[Any, ...]]:
        """The rows that somebody has told, as plain tuples."""
        if self._told is None:
            assert self.columns is not None, "rows are told as rows or as columns"
            self._told = list(zip(*(column.tolist() for column in self.columns.values()), strict=True))
        return self._told

    @property
    def plain(self) -> Sequence[tuple[Any, ...]]:
        """The rows as plain tuples."""
        if self._plain is None:
            self._plain = self.told if self.still is None else [*self.told, *self.still.rows()]
        return self._plain

    def named(self) -> tuple[Row, ...]:
        """Return the rows as what they are."""
        if self._named is None:
            # What a named tuple's _make does, without a call in Python for each row.
            self._named = tuple(map(tuple.__new__, repeat(self._kind), self.plain))
        return self._named

    def __len__(self) -> int:
        return len(self.plain)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.named())

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...

    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        return self.named()[index]

    def __add__(self, other: Iterable[Row]) -> tuple[Row, ...]:
        return (*self.named(), *other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Table):
            return tuple(self.plain) == tuple(other.plain)
        return tuple(self.plain) == other

    def __hash__(self) -> int:
        return hash(tuple(self.plain))

    def __repr__(self) -> str:
        return repr(self.named())


def plain_rows(rows: Sequence[Row]) -> Sequence[tuple[Any, ...]]:
    """Return rows without their names where they have none yet."""
    return rows.plain if isinstance(rows, Table) else rows


def told_rows(rows: Sequence[Row]) -> Sequence[tuple[Any, ...]] | Mapping[str, Column]:
    """Return plain rows without those of nodes that never moved; their columns where they were made as such."""
    if not isinstance(rows, Table):
        return rows
    return rows.told if rows.columns is None else rows.columns


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrace:
    """One simulated run.

    The spans of the segments cover [0, end_us] without gap or overlap; so do the stays of each node, of which those
    that are RETIRED hold no GPUs. Per phase: processed = retained + lost + in_flight steps, whole steps only (the time
    of a partial step is in the reversals). A checkpoint is started when it begins to block, and durable only if nothing
    stopped it before. judged: what the judge of the network called each condition of the segments.
    """

    gpus_per_node: int
    nodes: int
    spare_nodes: int
    end_us: int
    complete: bool
    segments: Sequence[Segment]
    reversals: Sequence[Reversal]
    stays: Sequence[Stay]
    events: Sequence[Event]
    retained_steps: tuple[int, ...]
    lost_steps: tuple[int, ...]
    in_flight_steps: tuple[int, ...]
    processed_steps: tuple[int, ...]
    checkpoints_started: int = 0
    checkpoints_durable: int = 0
    judged: tuple[int, ...] = (0,)
