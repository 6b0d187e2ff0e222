"""The record of a run as it happens: rows of the trace, appended and never changed."""

from collections.abc import Iterable, Sequence

from sim.ledger.time.trace import Event, Reversal, RunTrace, Segment, Stay, Still, Table
from sim.reliability.failures.exposure import JOB, Life
from sim.reliability.records import RunPlan
from sim.reliability.saving.holding import Wait
from sim.reliability.saving.progress import Course, Share, steps_of_spans
from sim.reliability.saving.saves import Span

SegmentRow = tuple[int, int, int, str, str, int, int, int, int]
"""A `Segment`, without its name."""


class Record:
    """Rows of one run, and counts of steps and checkpoints."""

    __slots__ = (
        "course",
        "durable",
        "events",
        "failures",
        "in_flight_steps",
        "lost_steps",
        "nodes",
        "plan",
        "present",
        "reversals",
        "segments",
        "sizes",
        "spans",
        "started",
        "stays",
    )

    def __init__(self, plan: RunPlan, course: Course) -> None:
        phases = len(plan.phases)
        self.plan = plan
        self.nodes = plan.nodes
        self.course = course
        self.failures = plan.failures
        # Rows as plain tuples: named ones take three times as long to make one by one.
        self.segments: list[SegmentRow] = []
        self.reversals: list[tuple[int, int, str, str, int, int, int, int, int, int]] = []
        self.events: list[tuple[int, int, str, str, str, int, int, int, bool]] = []
        # Stays that are over, and of each node that has moved: since when it is where, by which cause and event.
        self.stays: list[tuple[int, str, int, int, str, int]] = []
        self.present: dict[int, tuple[int, str, str, int]] = {}
        # Work from and to, of every uninterrupted span.
        self.spans: list[tuple[int, int]] = []
        self.lost_steps = [0] * phases
        self.in_flight_steps = [0] * phases
        # How many nodes are in the job by the condition of its steps, where it is not all of them.
        self.sizes: dict[int, int] = {}
        self.started = 0
        self.durable = 0

    def failure(self, now: int, life: Life, interrupted: bool) -> int:
        """Add the failure that ends a life and return its event."""
        _, cause, component, ordinal, node = life
        failure, events = self.failures[cause], self.events
        event = len(events)
        events.append((event, now, "failure", failure.cause, failure.component, component, ordinal, node, interrupted))
        return event

    def interrupts(self, event: int) -> None:
        """A failure has turned out to stop the job."""
        self.events[event] = (*self.events[event][:-1], True)

    def restored(self, now: int, life: Life) -> int:
        """Add the return of a part of the network and return its event."""
        return self._of_life(now, "restored", life, False)

    def shock(self, now: int, life: Life, cause: str, domain: str) -> None:
        """Add a shock to a domain; the failures that it causes follow."""
        shock = domain, life.component, life.ordinal, life.node
        self.events.append((len(self.events), now, "shock", cause, *shock, False))

    def slow(self, now: int, kind: str, life: Life) -> None:
        """Add what becomes of a slow part: slowed, healed or detected."""
        failure, event = self.plan.failures[life.cause], len(self.events)
        part = failure.component, life.component, life.ordinal, life.node
        self.events.append((event, now, kind, failure.cause, *part, False))

    def event(self, now: int, kind: str, cause: str = "", node: int = JOB) -> int:
        """Add something else that happened and return its event."""
        events = self.events
        event = len(events)
        events.append((event, now, kind, cause, "", -1, -1, node, False))
        return event

    def order(self, now: int, kind: str, number: int) -> None:
        """Add that new nodes are ordered, or have arrived, the how-manieth time."""
        self.events.append((len(self.events), now, kind, "", "", -1, number, JOB, False))

    def found(self, now: int, life: Life, interrupted: bool) -> int:
        """Add that a silent failure is noticed and return its event."""
        return self._of_life(now, "found", life, interrupted)

    def planned(self, now: int, life: Life) -> int:
        """Add that a planned stop is due and return its event."""
        return self._of_life(now, "planned", life, False)

    def progress(self, work_us: int, span: Span, durable: int, waits: Sequence[Wait] = ()) -> None:
        """Add an uninterrupted span of steps and checkpoints that began at `work_us`.

        waits: for how much longer the store made checkpoints block, which is told as the store's.
        """
        for phase, start, end, blocked, condition in span.stretches:
            nodes = self._nodes(condition)
            stepped = end - start - blocked
            if stepped:
                self.segments.append((start, end, stepped, "step", "", -1, phase, nodes, condition))
            for begin, more, (cause, event) in waits:
                if start <= begin < end:
                    self.segments.append((start, end, more, "checkpoint", cause, event, phase, nodes, condition))
                    blocked -= more
            if blocked:
                self.segments.append((start, end, blocked, "checkpoint", "", -1, phase, nodes, condition))
        self.spans.append((work_us, span.work_us))
        for walk in span.walks:
            for batch in walk.batches:
                self.started += batch.number
        self.durable += durable

    def reversal(self, now: int, state: str, cause: str, event: int, safe_at_us: int, undone: Iterable[Share]) -> None:
        """Take back the work beyond what is safe: lost to an event, or in flight at the horizon."""
        steps = self.lost_steps if state == "lost_work" else self.in_flight_steps
        for phase, duration_us, crossed, condition in undone:
            nodes = self._nodes(condition)
            steps[phase] += crossed
            self.reversals.append((now, duration_us, state, cause, event, phase, nodes, crossed, safe_at_us, condition))

    def _nodes(self, condition: int) -> int:
        """Return how many nodes step under a condition."""
        return self.sizes.get(condition, self.plan.nodes) if condition else self.plan.nodes

    def move(self, now: int, node: int, place: str, cause: str, event: int) -> None:
        """A node leaves where it is for another place."""
        present = self.present
        if node in present:
            since, left, why, by = present[node]
        else:
            since, left, why, by = 0, "job" if node < self.nodes else "spare", "", -1
        if now > since:
            self.stays.append((node, left, since, now, why, by))
        present[node] = now, place, cause, event

    def trace(self, end: int, complete: bool, judged: Sequence[int] = (0,)) -> RunTrace:
        """Return the finished trace; nodes that never moved stayed where they began."""
        plan = self.plan
        processed = steps_of_spans(self.course, self.spans)
        counts = processed, self.lost_steps, self.in_flight_steps
        return RunTrace(
            gpus_per_node=plan.gpus_per_node,
            nodes=plan.nodes,
            spare_nodes=plan.spare_nodes,
            end_us=end,
            complete=complete,
            segments=Table(Segment, self.segments),
            reversals=Table(Reversal, self.reversals),
            stays=Table(Stay, self._stays(end), Still(frozenset(self.present), plan.nodes, plan.spare_nodes, end)),
            events=Table(Event, self.events),
            retained_steps=tuple(done - lost - flying for done, lost, flying in zip(*counts, strict=True)),
            lost_steps=tuple(self.lost_steps),
            in_flight_steps=tuple(self.in_flight_steps),
            processed_steps=tuple(processed),
            checkpoints_started=self.started,
            checkpoints_durable=self.durable,
            judged=tuple(judged),
        )

    def forget(self) -> None:
        """Drop all rows."""
        self.segments, self.reversals, self.events, self.stays, self.spans, self.present = [], [], [], [], [], {}

    def _stays(self, end: int) -> list[tuple[int, str, int, int, str, int]]:
        """Return the stays of nodes that moved, in the order of their ends and then of nodes."""
        present = sorted(self.present.items())
        last = [(node, place, since, end, why, by) for node, (since, place, why, by) in present if end > since]
        return self.stays + last

    def _of_life(self, now: int, kind: str, life: Life, interrupted: bool) -> int:
        failure, event = self.plan.failures[life.cause], len(self.events)
        _, _, component, ordinal, node = life
        self.events.append((event, now, kind, failure.cause, failure.component, component, ordinal, node, interrupted))
        return event
