"""The repair shop.

States of a node in repair: in the automatic stage (which takes any number at once), waiting for a crew, in the
manual stage, repaired. Only the shop changes them. What a try takes and whether it helps is known when it begins, so
that a visit costs one event, and where crews are few one more for each of its manual tries.
"""

from collections.abc import Callable
from heapq import heapreplace
from typing import NamedTuple

import simpy

from sim.engine.clock import IntegerEnvironment, on_event, timeout
from sim.reliability.draws import RepairDraws
from sim.reliability.records import RepairPlan


class Visit(NamedTuple):
    """A visit to the shop: the node, the cause that it is repaired for, and how many it made before."""

    node: int
    cause: str
    number: int


class RepairShop:
    """Repairs nodes: automatically, and by crews, first come first served, where that did not help.

    The k-th try of the v-th visit of a node has its own draws, whatever else happens.
    """

    __slots__ = ("draws", "env", "free_us", "plan", "returned", "visits")

    def __init__(
        self, env: IntegerEnvironment, plan: RepairPlan, draws: RepairDraws, returned: Callable[[int, str], None]
    ) -> None:
        self.env = env
        self.plan = plan
        self.draws = draws
        self.returned = returned
        # When each crew is free: what a try takes is known when it begins, so the queue is arithmetic.
        self.free_us = [0] * plan.crews
        # How often each node has been here: names its draws.
        self.visits: dict[int, int] = {}

    def send(self, node: int, cause: str) -> None:
        """A node arrives."""
        number = self.visits.get(node, 0)
        self.visits[node] = number + 1
        visit, automatic = Visit(node, cause, number), self.plan.automatic
        duration_us = self.draws.time_us("automatic", automatic.time, node, number)
        if self.draws.succeeds("automatic", automatic.success, node, number):
            self._after(duration_us, lambda _: self._returns(visit))
        elif self.free_us:
            self._after(duration_us, lambda _: self._queue(visit, 0))
        else:
            self._after(duration_us + self._crewed_us(visit), lambda _: self._returns(visit))

    def _crewed_us(self, visit: Visit) -> int:
        """Return what the manual tries of a visit take where a crew is always free."""
        tries, total_us = 0, self._try_us(visit, 0)
        while not self._helps(visit, tries):
            tries += 1
            total_us += self._try_us(visit, tries)
        return total_us

    def _queue(self, visit: Visit, tries: int) -> None:
        """A node takes the crew that is free first for one try, and queues again where that does not help."""
        duration_us = self._try_us(visit, tries)
        end_us = max(self.env.now, self.free_us[0]) + duration_us
        heapreplace(self.free_us, end_us)
        if self._helps(visit, tries):
            self._after(end_us - self.env.now, lambda _: self._returns(visit))
        else:
            self._after(end_us - self.env.now, lambda _: self._queue(visit, tries + 1))

    def _try_us(self, visit: Visit, tries: int) -> int:
        return self.draws.time_us("manual", self.plan.manual.time, visit.node, visit.number, tries)

    def _helps(self, visit: Visit, tries: int) -> bool:
        return self.draws.succeeds("manual", self.plan.manual.success, visit.node, visit.number, tries)

    def _returns(self, visit: Visit) -> None:
        self.returned(visit.node, visit.cause)

    def _after(self, delay_us: int, then: Callable[[simpy.Event], None]) -> None:
        on_event(timeout(self.env, delay_us), then)
