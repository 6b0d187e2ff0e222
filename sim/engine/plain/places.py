"""Who is in the job of a plain run, failed, spare or in repair; what `Nodes` does for every plan.

Nodes that are hot or warm are on a shelf of their own kind (`Shelf`); where none are, spares leave as they came.
"""

from collections import OrderedDict
from collections.abc import Callable, Container

import simpy

from sim.engine.effects.slow import SlowNodes
from sim.engine.places.shelf import Shelf
from sim.engine.plain.calls import Agenda
from sim.engine.plain.lives import PlainClock
from sim.engine.plain.seats import Seats
from sim.engine.plain.shop import PlainShop
from sim.reliability.failures.exposure import JOB, Life
from sim.reliability.failures.slow import FALSE_ALARM, has_slow
from sim.reliability.records import RunPlan
from sim.reliability.recovery.spare_places import cold_spares
from sim.reliability.recovery.swaps import COLD
from sim.reliability.saving.progress import Course

Origin = tuple[int, int]
"""The event that stopped a job, and the position of its cause."""

JOB_PLACE, SPARE_PLACE, REPAIR_PLACE = range(3)

EventRow = tuple[int, int, str, str, str, int, int, int, bool]
"""An `Event`, without its name."""


class Places:
    """Where the nodes are; only this file and `PlainRun` move them.

    job: nodes in it that have not failed; failed: those that have, and why it stops for them; in_job: all of these.
    broken: what a repair has to renew of every node that has failed or is in repair, nothing of one that is well.
    slow: who knows what is slow, where anything may be. drawn: how ready the spares were that the job has taken, a bit
    each, until it is emptied. moves and events: see `Notes`.
    """

    __slots__ = (
        "agenda",
        "broken",
        "causes",
        "clock",
        "drawn",
        "events",
        "failed",
        "in_job",
        "job",
        "moved",
        "moves",
        "ready",
        "seats",
        "shelf",
        "shop",
        "size",
        "slow",
        "slow_parts",
        "state",
    )

    def __init__(
        self,
        agenda: Agenda,
        plan: RunPlan,
        way: Course,
        ended: Callable[[list[Life], int], None],
    ) -> None:
        spares = plan.recovery.spares
        self.agenda = agenda
        self.causes = [(failure.cause, failure.component, failure.replace) for failure in plan.failures]
        if plan.recovery.stragglers:
            self.causes.append((FALSE_ALARM, "", False))
        self.clock = PlainClock(agenda, plan, cold_spares(plan), ended)
        self.shop = PlainShop(agenda, plan, self.returned)
        self.job = set(range(plan.nodes))
        self.failed: dict[int, Origin] = {}
        self.size = self.in_job = plan.nodes
        # Spares as they came, or where some are hot or warm, all by how ready they are.
        self.ready = Shelf(plan) if spares.hot or spares.warm else None
        self.shelf = OrderedDict.fromkeys([] if self.ready else cold_spares(plan))
        self.drawn = 0
        self.broken: dict[int, list[Life]] = {}
        self.slow: SlowNodes | None = None
        # Nodes with parts that are slow, and whether one of them has joined or left the job since these were looked at.
        self.slow_parts: Container[int] = ()
        self.moved = False
        # Where nodes hold what only they do, or one is slower than others.
        self.seats = Seats() if has_slow(plan) or any(tier.local for tier in way.tiers) else None
        # Of the job: "stepping", "recovering" or "waiting" for nodes.
        self.state = "recovering"
        self.moves: list[int] = []
        self.events: list[EventRow] = []

    def tell(self, now: int, kind: str, cause: int = -1) -> int:
        """Tell something else that happened; return its event."""
        event, name = len(self.events), "" if cause < 0 else self.causes[cause][0]
        self.events.append((event, now, kind, name, "", -1, -1, JOB, False))
        return event

    def breaks(self, life: Life, origin: Origin, now: int) -> None:
        """A component that takes its node along has failed."""
        node = life[4]
        lives = self.broken.get(node)
        if lives is not None:
            if not lives and node in self.failed:
                self.failed[node] = origin
            lives.append(life)
            return
        self.broken[node] = [life]
        if node in self.job:
            self._fails(node, origin, now)
            return
        if self.ready is None:
            del self.shelf[node]
        elif self.ready.drop(node) != COLD:
            self.clock.leave(node)
        self._to_repair(node, origin, now)

    def evict(self, node: int, lives: list[Life], origin: Origin) -> None:
        """A node of the job is taken out for repair, with what is wrong in it, if anything is."""
        self.broken[node] = lives
        self._fails(node, origin, self.agenda.now)

    def exchange(self, now: int) -> None:
        """Nodes that have failed leave the job for repair, and spares join while it misses any."""
        for node, origin in self.failed.items():
            self.in_job -= 1
            if self.seats is not None:
                self.seats.leave(node)
            self.clock.leave(node)
            self._to_repair(node, origin, now)
        self.failed.clear()
        ready, shelf = self.ready, self.shelf
        while self.in_job < self.size:
            if ready is not None:
                taken = ready.take(0)
                if taken is None:
                    return
                self.join(*taken, now)
            elif shelf:
                self.join(shelf.popitem(last=False)[0], COLD, now)
            else:
                return

    def join(self, node: int, rank: int, now: int) -> None:
        """A node joins the job; one that was powered ages already."""
        events = self.events
        event = len(events)
        events.append((event, now, "replaced", "", "", -1, -1, node, False))
        self.moves += (now, node, JOB_PLACE, -1, event)
        self.job.add(node)
        self.in_job += 1
        self.drawn |= 1 << rank
        if self.seats is not None:
            self.seats.join(node)
            self.moved = self.moved or node in self.slow_parts
        if rank == COLD:
            self.clock.join(node)

    def ring(self, _: simpy.Event | None = None) -> None:
        """Tell the job that a node is there for which it may wait."""
        raise NotImplementedError

    def returned(self, returns: simpy.Event) -> None:
        """A repaired node comes back: into the job if that waits for nodes and misses any, else to the spares."""
        waiting, now, events = self.state == "waiting", self.agenda.now, self.events
        node, cause = returns._value
        if self.slow is not None:
            self.slow.repaired(node, exchanged=False)
        lives, event = self.broken.pop(node), len(events)
        events.append((event, now, "repaired", self.causes[cause][0], "", -1, -1, node, False))
        if waiting and self.in_job < self.size:
            self.join(node, COLD, now)
        else:
            self.moves += (now, node, SPARE_PLACE, cause, event)
            if self.ready is None:
                self.shelf[node] = None
            elif self.ready.put(node):
                self.clock.join(node)
        for life in lives:
            self.clock.renew(life, now)
        if waiting:
            self.ring()

    def fit(self) -> int:
        """Return how many nodes are fit for work: in the job and not failed, or spare."""
        spare = len(self.shelf) if self.ready is None else len(self.ready.rank)
        return self.in_job - len(self.failed) + spare

    def _fails(self, node: int, origin: Origin, now: int) -> None:
        """A node of the job fails: it stays until that is detected."""
        self.job.remove(node)
        self.failed[node] = origin
        if self.seats is not None:
            self.seats.lose(node, now)
            self.moved = self.moved or node in self.slow_parts

    def _to_repair(self, node: int, origin: Origin, now: int) -> None:
        event, cause = origin
        self.moves += (now, node, REPAIR_PLACE, cause, event)
        self.shop.send(node, cause, now, broken=bool(self.broken[node]))
