"""The shelf: spares that can be taken at once.

A spare on the shelf is hot, warm or cold, and serves the domain it is in. Only `Nodes` puts spares on the shelf and
takes them off. One that is put there is hot while fewer than planned are, then warm, then cold.
"""

from collections import OrderedDict

from sim.reliability.records import RunPlan
from sim.reliability.spare_places import domain_of, spares_by_readiness
from sim.reliability.swaps import COLD, HOT, WARM

# In order of arrival; unlike a dict, it finds its first member at once after many have left.
Row = OrderedDict[int, None]


class Shelf:
    """Spares by domain and readiness."""

    __slots__ = ("open", "plan", "rank", "rows")

    def __init__(self, plan: RunPlan) -> None:
        spares = plan.recovery.spares
        self.plan = plan
        self.rows: dict[int, tuple[Row, Row, Row]] = {}
        # How ready every spare on the shelf is, and how many more are to be hot and warm.
        self.rank: dict[int, int] = {}
        self.open = [tier.nodes if tier else 0 for tier in (spares.hot, spares.warm)]
        for node in spares_by_readiness(plan):
            self.put(node)

    def put(self, node: int) -> bool:
        """Put a spare on the shelf; say whether it is powered."""
        rank = HOT if self.open[HOT] else WARM if self.open[WARM] else COLD
        if rank != COLD:
            self.open[rank] -= 1
        self.rank[node] = rank
        self._rows(domain_of(node, self.plan))[rank][node] = None
        return rank != COLD

    def drop(self, node: int) -> int:
        """Take a spare off the shelf; return how ready it was."""
        rank = self.rank.pop(node)
        if rank != COLD:
            self.open[rank] += 1
        del self.rows[domain_of(node, self.plan)][rank][node]
        return rank

    def first(self, domain: int) -> int | None:
        """Return the hottest spare of a domain, of several the one that came first."""
        return next((next(iter(row)) for row in self.rows.get(domain, ()) if row), None)

    def count(self, domain: int) -> int:
        """Return how many spares a domain has."""
        return sum(map(len, self.rows.get(domain, ())))

    def _rows(self, domain: int) -> tuple[Row, Row, Row]:
        if domain not in self.rows:
            self.rows[domain] = (OrderedDict(), OrderedDict(), OrderedDict())
        return self.rows[domain]
