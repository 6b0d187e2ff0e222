"""Spares that are bought when stock falls: the (s, Q) policy of inventory theory, continuously reviewed.

Decided on the inventory position: nodes that are there or on order, beyond those that the job needs. Nodes in repair
and in maintenance are there: they come back without being bought, as what is due in from repair counts in the theory of
repairable stock (Sherbrooke 1968), and what is bought for them would never be sold again. Seats of the job that are
empty are backorders, which lower the position. So only retirement lowers it, and only an order raises it.

States of a place whose node is retired: vacant, or filled by the node of an order. Places are filled in the order in
which they became vacant; each has the lives that a new node in it has. Only `Orders` fills them.
"""

from collections import deque

from sim.engine.clock import IntegerEnvironment, after
from sim.engine.jobs.record import Record
from sim.engine.places.repair import Outcome, Returned
from sim.reliability.records import Reorder
from sim.reliability.recovery.draws import RepairDraws


class Orders:
    """Orders of new nodes, and the places that wait for them; the lead time of the k-th order is its own draw."""

    __slots__ = ("delivered", "draws", "env", "placed", "plan", "position", "record", "vacant")

    def __init__(
        self, env: IntegerEnvironment, record: Record, plan: Reorder, draws: RepairDraws, delivered: Returned
    ) -> None:
        self.env = env
        self.record = record
        self.plan = plan
        self.draws = draws
        self.delivered = delivered
        self.position = record.plan.spare_nodes
        self.placed = 0
        # Places without a node, and the causes for which theirs was retired: never fewer than are on order, as
        # below + order is at most what there was.
        self.vacant: deque[tuple[int, str]] = deque()

    def retired(self, node: int, cause: str) -> None:
        """A node is gone for good."""
        self.vacant.append((node, cause))
        self.position -= 1
        if self.position <= self.plan.below:
            self._order()

    def _order(self) -> None:
        number = self.placed
        self.placed += 1
        self.position += self.plan.order
        self.record.order(self.env.now, "ordered", number)
        lead_us = max(self.draws.time_us("order", self.plan.lead, number, 0), 1)
        after(self.env, lead_us, lambda _: self._arrives(number))

    def _arrives(self, number: int) -> None:
        self.record.order(self.env.now, "arrived", number)
        for _ in range(self.plan.order):
            node, cause = self.vacant.popleft()
            self.delivered(node, cause, Outcome(new=True))
