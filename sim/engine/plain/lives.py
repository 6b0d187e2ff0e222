"""The failure clock of a plain run: one heap of lives, one pending event, and no node that is exchanged for another.

What `DormantClock` and `Ageing` do for every plan, with the same events at the same turns.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush

import simpy

from sim.engine.clock import LATE
from sim.engine.limits import limit_us, reach_us
from sim.engine.lives.failures import by_component
from sim.engine.plain.calls import Agenda
from sim.reliability.failures.exposure import Life, Lives
from sim.reliability.records import RunPlan


def _nobody(lives: list[Life], now: int) -> None:
    """Stand for who no longer hears."""


class PlainClock:
    """The reading of the failure clock, the age of each node on it, and who hears of the lives that end.

    Under "calendar" the reading is the time. Under "operating" it advances while the job steps, nodes outside of the
    job do not age, but spares that are powered do.
    """

    __slots__ = (
        "agenda",
        "armed",
        "armed_us",
        "behind_us",
        "calendar",
        "ended",
        "heap",
        "left_us",
        "limit_us",
        "lives",
        "reach_us",
        "reading_us",
        "resting",
        "running",
        "shift_us",
        "sure_us",
    )

    def __init__(
        self, agenda: Agenda, plan: RunPlan, resting: Iterable[int], ended: Callable[[list[Life], int], None]
    ) -> None:
        self.agenda = agenda
        self.lives = Lives(plan.seed, plan.failures, plan.nodes + plan.spare_nodes, plan.ages)
        self.ended = ended
        self.limit_us = limit_us(plan)
        self.reach_us = min(reach_us(plan), self.limit_us)
        self.calendar = self.running = plan.failure_clock == "calendar"
        # The reading where it stands still, and how far it is behind the time where it runs.
        self.reading_us = self.behind_us = 0
        # The reading at which a node's age was 0, and at which those that do not age stopped.
        self.shift_us: dict[int, int] = {}
        self.left_us: dict[int, int] = {} if self.calendar else dict.fromkeys(resting, 0)
        # Lives by the reading at which they end, those before sure_us all; and lives of nodes that do not age.
        self.heap: list[tuple[int, Life]] = []
        self.sure_us = 0
        self.resting: defaultdict[int, list[Life]] = defaultdict(list)
        # The pending event and the reading that it is for; -1: the clock stands still, or is being read.
        self.armed: simpy.Event | None = None
        self.armed_us = -1

    def begin(self) -> None:
        """Begin the first lives."""
        self._extend(0)
        if self.running:
            self._arm()

    def start(self, now: int) -> None:
        """The job steps."""
        if not self.calendar:
            self.running, self.behind_us = True, now - self.reading_us
            self._arm()

    def stop(self, now: int) -> None:
        """The job no longer steps."""
        if not self.calendar:
            self.running, self.reading_us = False, now - self.behind_us
            self.armed_us, self.armed = -1, None

    def leave(self, node: int) -> None:
        """A node leaves the job, or a spare that was powered fails."""
        if not self.calendar:
            self.left_us[node] = self.agenda.now - self.behind_us if self.running else self.reading_us

    def join(self, node: int) -> None:
        """A node joins the job, or a spare is powered."""
        if not self.calendar:
            reading_us, shift_us = self.reading_us, self.shift_us
            if self.running:
                reading_us = self.agenda.now - self.behind_us
            shift_us[node] = shift_us.get(node, 0) + reading_us - self.left_us.pop(node)
            if node in self.resting:
                for life in self.resting.pop(node):
                    self._push(life)

    def idle(self, until_us: int) -> bool:
        """Say whether no life ends up to an instant but those that the pending event is for."""
        if not self.running or self.armed_us >= 0:
            return True
        heap = self.heap
        due_us = heap[0][0] if heap else self.limit_us
        return until_us < min(due_us, self.sure_us) + self.behind_us

    def renew(self, life: Life, now: int) -> None:
        """Begin the next life of a component, at its node's age."""
        if self.calendar:
            self._push(self.lives.renewed(life, now))
            return
        node = life[4]
        left_us = self.left_us.get(node)
        if left_us is None:
            left_us = now - self.behind_us if self.running else self.reading_us
        self._push(self.lives.renewed(life, left_us - self.shift_us.get(node, 0)))

    def forget(self) -> None:
        """The run is over: drop all lives, and who hears of them."""
        self.heap.clear()
        self.resting.clear()
        self.armed, self.ended = None, _nobody

    def _push(self, life: Life) -> None:
        end_us, _, _, _, node = life
        if node in self.left_us:
            self.resting[node].append(life)
            return
        due_us = end_us + self.shift_us.get(node, 0)
        if due_us <= self.limit_us:
            heappush(self.heap, (due_us, life))
            if due_us < self.armed_us:
                self._arm()

    def _extend(self, after_us: int) -> None:
        """Put the first lives that end between after_us and reach_us into the heap."""
        self.heap += [(life[0], life) for life in self.lives.first(after_us, self.reach_us)]
        heapify(self.heap)
        # Rounding may put a life by the border on its far side.
        sure_us = self.reach_us - self.reach_us // 10**9 - 1
        self.sure_us = sure_us if self.reach_us < self.limit_us else 2 * self.limit_us

    def _arm(self) -> None:
        """Have an event pending at the end of the earliest life, if there is one."""
        heap = self.heap
        while self.sure_us <= (heap[0][0] if heap else self.limit_us):
            after_us, self.reach_us = self.reach_us, min(2 * self.reach_us, self.limit_us)
            self._extend(after_us)
        if heap:
            self.armed_us = due_us = heap[0][0]
            self.armed = self.agenda.call(due_us + self.behind_us, LATE, self._ring)
        else:
            self.armed_us, self.armed = 2 * self.limit_us, None

    def _ring(self, event: simpy.Event) -> None:
        """Hand over the lives that end now; those of nodes that rested meanwhile end later than the heap knew."""
        if event is not self.armed:
            return
        reading_us, self.armed_us, self.armed = self.armed_us, -1, None
        heap, shift_us, left_us, ended = self.heap, self.shift_us, self.left_us, []
        while heap and heap[0][0] <= reading_us:
            due_us, life = heappop(heap)
            node = life[4]
            if node in left_us or life[0] + shift_us.get(node, 0) > due_us:
                self._push(life)
            else:
                ended.append(life)
        if ended:
            if len(ended) > 1:
                ended.sort(key=by_component)
            self.ended(ended, self.agenda.now)
        # A job that has stopped and stepped again meanwhile has armed its clock already.
        if self.armed_us < 0 and self.running:
            self._arm()
