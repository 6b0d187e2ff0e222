"""The repair shop of a plain run, whose repairs are what they seem: nodes in the automatic stage, then with a crew."""

from collections.abc import Callable
from heapq import heapreplace

import simpy

from sim.engine.clock import FINISHED
from sim.engine.plain.calls import Agenda
from sim.reliability.failures.slow import causes_of
from sim.reliability.records import RunPlan
from sim.reliability.recovery.draws import Attempt, RepairDraws

Returned = Callable[[simpy.Event], None]


class PlainShop:
    """Repairs nodes, first come first served; `returned` hears of each by an event of the node and the cause.

    What `RepairShop` does for every plan, with the same draws, and the same events at the same turns.
    """

    __slots__ = ("agenda", "automatic", "draws", "free_us", "manual", "returned", "stages", "visits")

    def __init__(self, agenda: Agenda, plan: RunPlan, returned: Returned) -> None:
        repair = plan.repair
        self.agenda = agenda
        self.draws = RepairDraws(plan.seed, plan.nodes + plan.spare_nodes)
        self.returned = returned
        self.stages = [repair.by_cause.get(cause, repair) for cause in causes_of(plan)]
        # When each crew is free.
        self.free_us = [0] * repair.crews
        # How often each node has been here: names its draws.
        self.visits: dict[int, int] = {}
        # Attempts by cause and visit, those by hand by the number of the try besides.
        self.automatic: list[list[Attempt]] = [[] for _ in self.stages]
        self.manual: dict[tuple[int, int, int], Attempt] = {}

    def send(self, node: int, cause: int, now: int, *, broken: bool) -> None:
        """A node arrives for a cause: a position among those of `causes_of`; where nothing is broken, that is found."""
        visit = self.visits[node] = self.visits.get(node, -1) + 1
        attempts = self.automatic[cause]
        if visit >= len(attempts):
            stage, begin = self.stages[cause].automatic, len(attempts)
            attempts += [self.draws.attempts("automatic", stage, number) for number in range(begin, visit + 1)]
        duration_us, helps = attempts[visit](node)
        if helps or not broken:
            self.agenda.call(now + duration_us, FINISHED, self.returned)._value = node, cause
        elif self.free_us:
            self.agenda.call(now + duration_us, FINISHED, self._queued)._value = node, cause, visit, 0
        else:
            tries, helps = 0, False
            while not helps:
                spent_us, helps = self._by_hand(cause, visit, tries)(node)
                duration_us += spent_us
                tries += 1
            self.agenda.call(now + duration_us, FINISHED, self.returned)._value = node, cause

    def _by_hand(self, cause: int, visit: int, tries: int) -> Attempt:
        attempt = self.manual.get((cause, visit, tries))
        if attempt is None:
            stage = self.stages[cause].manual
            attempt = self.manual[cause, visit, tries] = self.draws.attempts("manual", stage, visit, tries)
        return attempt

    def _queued(self, event: simpy.Event) -> None:
        """A node takes the crew that is free first for one try, and queues again where that does not help."""
        node, cause, visit, tries = event._value
        duration_us, helps = self._by_hand(cause, visit, tries)(node)
        end_us = max(self.agenda.now, self.free_us[0]) + duration_us
        heapreplace(self.free_us, end_us)
        if helps:
            self.agenda.call(end_us, FINISHED, self.returned)._value = node, cause
        else:
            self.agenda.call(end_us, FINISHED, self._queued)._value = node, cause, visit, tries + 1
