"""The repair shop.

States of a node in repair: in the automatic stage (which takes any number at once), waiting for a crew, in the manual
stage, repaired; or retired, until a new one is there, if one is sent. Only the shop changes them. What a try takes and
whether it helps is known when it begins, so that a visit costs one event, and where crews are few one more for each of
its manual tries.
"""

from collections import deque
from collections.abc import Callable
from heapq import heapreplace
from typing import NamedTuple, cast

import simpy

from sim.engine.clock import FINISHED, Call, IntegerEnvironment, after
from sim.reliability.records import RepairPlan, Retirement
from sim.reliability.recovery.draws import Attempt, RepairDraws
from sim.reliability.saving.progress import make

# The try of a visit that is the automatic stage; those by hand count from 0.
_AUTOMATIC = -1


class Visit(NamedTuple):
    """A visit to the shop: the node, the cause that it is repaired for, and how many it made before."""

    node: int
    cause: str
    number: int


class Outcome(NamedTuple):
    """How a node comes back: it may be a new one; or what broke fails again within relapse_us, for it is not repaired.

    A duration of a relapse is of the node's age, as lives are.
    """

    new: bool = False
    relapse_us: int | None = None


WELL = Outcome()

Returned = Callable[[int, str, Outcome], None]

SendToRepair = Callable[[int, str, bool], bool]
"""Sends a node to repair for a cause, with whether anything is broken in it; says whether it is retired."""


class RepairShop:
    """Repairs nodes: automatically, and by crews, first come first served, where that did not help.

    The k-th try of the v-th visit of a node has its own draws, whatever else happens.
    """

    __slots__ = ("arrivals", "attempts", "draws", "env", "free_us", "plan", "returned", "visits")

    def __init__(self, env: IntegerEnvironment, plan: RepairPlan, draws: RepairDraws, returned: Returned) -> None:
        self.env = env
        self.plan = plan
        self.draws = draws
        self.returned = returned
        # When each crew is free: what a try takes is known when it begins, so the queue is arithmetic.
        self.free_us = [0] * plan.crews
        # How often each node has been here: names its draws.
        self.visits: dict[int, int] = {}
        # Attempts by the cause that they are for, visit and try, -1 the automatic one.
        self.attempts: dict[tuple[str, int, int], Attempt] = {}
        # When each node came last, as often as retirement looks back.
        self.arrivals: dict[int, deque[int]] = {}

    def send(self, node: int, cause: str, broken: bool) -> bool:
        """A node arrives, perhaps one in which nothing is broken; say whether it is retired.

        The automatic stage finds that nothing is broken.
        """
        visits = self.visits
        number = visits.get(node, 0)
        visits[node] = number + 1
        visit = make(Visit, (node, cause, number))
        if self.plan.retire is not None and self._retires(visit, self.plan.retire):
            return True
        duration_us, helps = self._attempt(visit, _AUTOMATIC)(node)
        if not broken:
            after(self.env, duration_us, lambda _: self.returned(node, cause, WELL))
        elif helps:
            Call(self.env, duration_us, FINISHED, self._returns, visit)
        elif self.free_us:
            after(self.env, duration_us, lambda _: self._queue(visit, 0))
        else:
            Call(self.env, duration_us + self._crewed_us(visit), FINISHED, self._returns, visit)
        return False

    def _attempt(self, visit: Visit, tries: int) -> Attempt:
        """Return what says how a try of a visit goes."""
        _, cause, number = visit
        if (cause, number, tries) not in self.attempts:
            stages = self.plan.by_cause.get(cause, self.plan)
            self.attempts[cause, number, tries] = (
                self.draws.attempts("automatic", stages.automatic, number)
                if tries == _AUTOMATIC
                else self.draws.attempts("manual", stages.manual, number, tries)
            )
        return self.attempts[cause, number, tries]

    def _retires(self, visit: Visit, retire: Retirement) -> bool:
        """Say whether a node comes too often; a new one is sent in its place, unless orders see to that."""
        node = visit.node
        arrivals = self.arrivals.setdefault(node, deque(maxlen=retire.visits))
        arrivals.append(self.env.now)
        if len(arrivals) < retire.visits or self.env.now - arrivals[0] > retire.within_s * 1e6:
            return False
        del self.arrivals[node]
        if retire.replacement is not None:
            lead_us = self.draws.time_us("replacement", retire.replacement, node, visit.number)
            after(self.env, lead_us, lambda _: self.returned(node, visit.cause, Outcome(new=True)))
        return True

    def _crewed_us(self, visit: Visit) -> int:
        """Return what the manual tries of a visit take where a crew is always free."""
        tries, total_us, helps = 0, 0, False
        while not helps:
            duration_us, helps = self._attempt(visit, tries)(visit[0])
            total_us += duration_us
            tries += 1
        return total_us

    def _queue(self, visit: Visit, tries: int) -> None:
        """A node takes the crew that is free first for one try, and queues again where that does not help."""
        duration_us, helps = self._attempt(visit, tries)(visit.node)
        end_us = max(self.env.now, self.free_us[0]) + duration_us
        heapreplace(self.free_us, end_us)
        if helps:
            after(self.env, end_us - self.env.now, self._returns, visit)
        else:
            after(self.env, end_us - self.env.now, lambda _: self._queue(visit, tries + 1))

    def _returns(self, event: simpy.Event) -> None:
        visit = cast(Visit, event.value)
        node, cause, _ = visit
        self.returned(node, cause, self._outcome(visit) if self.plan.unnoticed else WELL)

    def _outcome(self, visit: Visit) -> Outcome:
        """Say whether what seems repaired is, and if not when it fails again."""
        if not self.draws.succeeds("silent", self.plan.unnoticed, visit.node, visit.number):
            return WELL
        return Outcome(relapse_us=self.draws.time_us("relapse", self.plan.relapse, visit.node, visit.number))
