"""The failure clock: how old nodes are, and who rings when a life ends.

Two ways to keep the lives of all components give the same failures at the same times. Both hold lives that are
pending, and hand all lives that end at an instant to one function, in their order. `eager` has a SimPy process for
every node, waiting for the node's next failure. `dormant` keeps all lives in one heap and only the earliest as a
SimPy event: with 100,000 nodes nothing else is affordable. Only the clock ends a life; only whoever repairs a
component begins its next one (`renew`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from typing import Protocol

import simpy

from sim.engine.clock import LATE, Call, IntegerEnvironment
from sim.engine.lives.ageing import Ageing
from sim.reliability.failures.exposure import Life

EndOfLives = Callable[[list[Life]], None]
"""Hears which lives end at an instant."""


class Lives(Protocol):
    """Where lives come from: drawn, or from a log."""

    nodes: int

    def first(self, after_us: int, until_us: int) -> Iterator[Life]:
        """Yield the first lives that end between two ages, in any order."""

    def renewed(self, life: Life, age_us: int) -> Life:
        """Return the next life of the same component, begun when its node's age is `age_us`."""

    def renewed_all(self, node: int, ordinals: Mapping[tuple[int, int], int], age_us: int) -> Iterator[Life]:
        """Yield the next life of every component of a node that is exchanged for a new one, begun at `age_us`."""


class FailureClock(Protocol):
    """What the rest of the engine asks of either way."""

    def begin(self) -> None:
        """Begin the first lives."""

    def renew(self, life: Life, within_us: int | None = None) -> None:
        """Begin the next life of a component, at its node's age; badly repaired, it lasts within_us at most."""

    def renewed_all(self, node: int) -> None:
        """A new node stands in the place of an old one: all its components begin their next lives."""

    def start(self) -> None:
        """The job steps."""

    def stop(self) -> None:
        """The job no longer steps."""

    def leave(self, node: int) -> None:
        """A node leaves the job, or is no longer powered."""

    def join(self, node: int) -> None:
        """A node joins the job, or a spare is powered."""

    def forget(self) -> None:
        """The run is over: drop all lives."""


class DormantClock:
    """All lives in one heap by the reading at which they end; one pending event.

    First lives are turned into times as far as `reach_us` of reading, further when that is passed; none ends
    after `limit_us`.
    """

    __slots__ = (
        "ageing",
        "armed",
        "armed_us",
        "ended",
        "env",
        "heap",
        "limit_us",
        "lives",
        "ordinals",
        "reach_us",
        "resting",
        "sure_us",
    )

    def __init__(
        self, env: IntegerEnvironment, lives: Lives, ageing: Ageing, ended: EndOfLives, reach_us: int, limit_us: int
    ) -> None:
        self.env = env
        self.lives = lives
        self.ageing = ageing
        self.ended = ended
        self.reach_us = min(reach_us, limit_us)
        self.limit_us = limit_us
        # Lives that end before this reading are all in the heap.
        self.sure_us = 0
        self.heap: list[tuple[int, Life]] = []
        self.resting: defaultdict[int, list[Life]] = defaultdict(list)
        # Of the present lives that are not the first.
        self.ordinals: dict[tuple[int, int], int] = {}
        # The reading that the pending event is for: no life is earlier. -1: the clock stands still, or is being read.
        self.armed_us = -1
        self.armed: simpy.Event | None = None

    def begin(self) -> None:
        self._extend(0)
        self._arm()

    def renew(self, life: Life, within_us: int | None = None) -> None:
        _, cause, component, ordinal, node = life
        self.ordinals[cause, component] = ordinal + 1
        ageing = self.ageing
        age_us = self.env.now if ageing.calendar else ageing.age_us(node)
        renewed = self.lives.renewed(life, age_us)
        if within_us is not None:
            renewed = cut_short(renewed, age_us, within_us)
        self._push(renewed)

    def renewed_all(self, node: int) -> None:
        begun = new_lives(self.lives, node, self.ordinals, self.ageing)
        # Parts of the network that belong to a node stay where they are, and keep their lives.
        gone = {life.cause for life in begun}
        if node in self.resting:
            self.resting[node] = [life for life in self.resting[node] if life.cause not in gone]
        self.heap = [each for each in self.heap if each[1].node != node or each[1].cause not in gone]
        heapify(self.heap)
        for life in begun:
            self._push(life)

    def start(self) -> None:
        ageing = self.ageing
        if not ageing.calendar:
            ageing.running, ageing.since_us = True, self.env.now
            self._arm()

    def stop(self) -> None:
        ageing = self.ageing
        if ageing.running and not ageing.calendar:
            ageing.elapsed_us += self.env.now - ageing.since_us
            ageing.running, self.armed_us, self.armed = False, -1, None

    def leave(self, node: int) -> None:
        ageing = self.ageing
        if not ageing.calendar:
            ageing.left_us[node] = ageing.reading_us() if ageing.running else ageing.elapsed_us

    def join(self, node: int) -> None:
        ageing = self.ageing
        if ageing.calendar:
            return
        reading_us, shift_us = ageing.reading_us() if ageing.running else ageing.elapsed_us, ageing.shift_us
        shift_us[node] = shift_us.get(node, 0) + reading_us - ageing.left_us.pop(node)
        if node in self.resting:
            for life in self.resting.pop(node):
                self._push(life)

    def forget(self) -> None:
        self.heap.clear()
        self.resting.clear()

    def _push(self, life: Life) -> None:
        end_us, _, _, _, node = life
        ageing = self.ageing
        if node in ageing.left_us:
            self.resting[node].append(life)
            return
        due_us = end_us + ageing.shift_us.get(node, 0)
        if due_us <= self.limit_us:
            heappush(self.heap, (due_us, life))
            if due_us < self.armed_us:
                self._arm()

    def _extend(self, after_us: int) -> None:
        """Put the first lives that end between after_us and reach_us into the heap."""
        first = self.lives.first(after_us, self.reach_us)
        # A component that was exchanged before its first life ended has begun another; of a log all lives are first.
        if present := self.ordinals:
            first = (life for life in first if life[3] >= present.get(life[1:3], 0))
        self.heap += [(life[0], life) for life in first]
        heapify(self.heap)
        # Rounding may put a life by the border on its far side.
        sure_us = self.reach_us - self.reach_us // 10**9 - 1
        self.sure_us = sure_us if self.reach_us < self.limit_us else 2 * self.limit_us

    def _arm(self) -> None:
        """Have an event pending at the end of the earliest life, if the clock runs and there is one."""
        ageing, heap = self.ageing, self.heap
        if not ageing.running:
            return
        while self.sure_us <= (heap[0][0] if heap else self.limit_us):
            after_us, self.reach_us = self.reach_us, min(2 * self.reach_us, self.limit_us)
            self._extend(after_us)
        if heap:
            now = self.env.now
            reading_us = now if ageing.calendar else ageing.elapsed_us + now - ageing.since_us
            self.armed_us = due_us = heap[0][0]
            self.armed = Call(self.env, due_us - reading_us, LATE, self._ring)
        else:
            self.armed_us, self.armed = 2 * self.limit_us, None

    def _ring(self, event: simpy.Event) -> None:
        """Hand over the lives that end now; those of nodes that rested meanwhile end later than the heap knew."""
        if event is not self.armed:
            return
        reading_us, self.armed_us, self.armed = self.armed_us, -1, None
        heap, ageing, ended = self.heap, self.ageing, []
        shift_us, left_us = ageing.shift_us, ageing.left_us
        while heap and heap[0][0] <= reading_us:
            due_us, life = heappop(heap)
            end_us, _, _, _, node = life
            if node in left_us or end_us + shift_us.get(node, 0) > due_us:
                self._push(life)
            else:
                ended.append(life)
        if ended:
            self.ended(ended if len(ended) < 2 else sorted(ended, key=by_component))
        # A job that has stopped and stepped again meanwhile has armed its clock already.
        if self.armed_us < 0 and ageing.running:
            self._arm()


def by_component(life: Life) -> tuple[int, int]:
    """Return what lives that end at one instant are ordered by."""
    return life.cause, life.component


def cut_short(life: Life, age_us: int, within_us: int) -> Life:
    """Return a life that ends within_us after its begin at the latest: its component is badly repaired."""
    return life._replace(end_us=min(life.end_us, age_us + max(within_us, 1)))


def new_lives(lives: Lives, node: int, ordinals: dict[tuple[int, int], int], ageing: Ageing) -> list[Life]:
    """Return the lives that the components of a new node begin, and count them."""
    begun = list(lives.renewed_all(node, ordinals, ageing.age_us(node)))
    ordinals.update({(life.cause, life.component): life.ordinal for life in begun})
    return begun
