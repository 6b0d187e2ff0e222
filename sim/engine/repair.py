"""The repair shop.

States of a node in repair: in the automatic stage (which takes any number at once), waiting for a crew, in the
manual stage, repaired. Only the node's own process changes them; it lives from the node's arrival to its return.
"""

from collections.abc import Callable, Generator
from typing import Any

import simpy

from sim.engine.clock import IntegerEnvironment, timeout
from sim.engine.draws import Draws
from sim.reliability.records import RepairPlan, RepairStage


class RepairShop:
    """Repairs nodes: automatically, and by crews, first come first served, where that did not help."""

    __slots__ = ("crews", "draws", "env", "plan", "returned", "visits")

    def __init__(
        self, env: IntegerEnvironment, plan: RepairPlan, draws: Draws, returned: Callable[[int, str], None]
    ) -> None:
        self.env = env
        self.plan = plan
        self.draws = draws
        self.returned = returned
        self.crews = simpy.Resource(env, plan.crews) if plan.crews else None
        # How often each node has been here: names its draws.
        self.visits: dict[int, int] = {}

    def send(self, node: int, cause: str) -> None:
        """A node arrives."""
        self.env.process(self._repair(node, cause))

    def _repair(self, node: int, cause: str) -> Generator[simpy.Event, Any, None]:
        """The process of a node in repair. The k-th try of its v-th visit has its own draws, whatever else happens."""
        visit = self.visits.get(node, 0)
        self.visits[node] = visit + 1
        repaired = yield from self._try("automatic", self.plan.automatic, node, visit, 0)
        tries = 0
        while not repaired:
            repaired = yield from self._manual(node, visit, tries)
            tries += 1
        self.returned(node, cause)

    def _manual(self, node: int, visit: int, tries: int) -> Generator[simpy.Event, Any, bool]:
        if self.crews is None:
            return (yield from self._try("manual", self.plan.manual, node, visit, tries))
        with self.crews.request() as crew:
            yield crew
            return (yield from self._try("manual", self.plan.manual, node, visit, tries))

    def _try(
        self, name: str, stage: RepairStage, node: int, visit: int, tries: int
    ) -> Generator[simpy.Event, Any, bool]:
        yield timeout(self.env, self.draws.repair_us(name, stage, node, visit, tries))
        return self.draws.repaired(name, stage, node, visit, tries)
