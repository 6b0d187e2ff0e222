"""The repair shop.

States of a node in repair: in the automatic stage (which takes any number at once), waiting for a crew, in the
manual stage, repaired. Only the node's own process changes them; it lives from the node's arrival to its return.
"""

from collections.abc import Callable, Generator
from heapq import heapreplace
from typing import Any

import simpy

from sim.engine.clock import IntegerEnvironment, timeout
from sim.reliability.draws import RepairDraws
from sim.reliability.records import RepairPlan


class RepairShop:
    """Repairs nodes: automatically, and by crews, first come first served, where that did not help."""

    __slots__ = ("draws", "env", "free_us", "plan", "returned", "visits")

    def __init__(
        self, env: IntegerEnvironment, plan: RepairPlan, draws: RepairDraws, returned: Callable[[int, str], None]
    ) -> None:
        self.env = env
        self.plan = plan
        self.draws = draws
        self.returned = returned
        # When each crew is free: what a try takes is known when a node arrives, so the queue is arithmetic.
        self.free_us = [0] * plan.crews
        # How often each node has been here: names its draws.
        self.visits: dict[int, int] = {}

    def send(self, node: int, cause: str) -> None:
        """A node arrives."""
        simpy.Process(self.env, self._repair(node, cause))

    def _repair(self, node: int, cause: str) -> Generator[simpy.Event, Any, None]:
        """The process of a node in repair. The k-th try of its v-th visit has its own draws, whatever else happens."""
        visit = self.visits.get(node, 0)
        self.visits[node] = visit + 1
        automatic, manual = self.plan.automatic, self.plan.manual
        yield timeout(self.env, self.draws.time_us("automatic", automatic, node, visit, 0))
        repaired = self.draws.succeeds("automatic", automatic, node, visit, 0)
        tries = 0
        while not repaired:
            duration_us = self.draws.time_us("manual", manual, node, visit, tries)
            yield timeout(self.env, self._crew_delay_us(duration_us) + duration_us)
            repaired = self.draws.succeeds("manual", manual, node, visit, tries)
            tries += 1
        self.returned(node, cause)

    def _crew_delay_us(self, duration_us: int) -> int:
        """Take the crew that is free first for a duration, and return how long the node waits for it."""
        if not self.free_us:
            return 0
        now = self.env.now
        start = max(now, self.free_us[0])
        heapreplace(self.free_us, start + duration_us)
        return start - now
