"""The shelf: spares that can be taken at once.

A spare on the shelf is hot, warm or cold, and serves the domain it is in. Only `Nodes` puts spares on the shelf and
takes them off. One that is put there is hot while fewer than planned are, then warm, then cold.
"""

from collections import OrderedDict

from sim.reliability.records import RunPlan
from sim.reliability.recovery.spare_places import domain_of, spares_by_readiness
from sim.reliability.recovery.swaps import COLD, HOT, WARM

# In order of arrival; unlike a dict, it finds its first member at once after many have left.
Row = OrderedDict[int, None]


class Shelf:
    """Spares by domain and readiness."""

    __slots__ = ("apart", "open", "plan", "rank", "rows")

    def __init__(self, plan: RunPlan) -> None:
        spares = plan.recovery.spares
        self.plan = plan
        self.apart = spares.per_domain > 0
        # How ready every spare on the shelf is, and how many more are to be hot and warm.
        self.rank: dict[int, int] = {}
        self.open = [tier.nodes if tier else 0 for tier in (spares.hot, spares.warm)]
        self.rows: dict[int, tuple[Row, Row, Row]] = {0: (OrderedDict(), OrderedDict(), OrderedDict())}
        nodes = spares_by_readiness(plan)
        ready = nodes if self.apart else nodes[: sum(self.open)]
        for node in ready:
            self.put(node)
        self.rank.update(dict.fromkeys(nodes[len(ready) :], COLD))
        self.rows[0][COLD].update(dict.fromkeys(nodes[len(ready) :]))

    def put(self, node: int) -> bool:
        """Put a spare on the shelf; say whether it is powered."""
        rank = HOT if self.open[HOT] else WARM if self.open[WARM] else COLD
        if rank != COLD:
            self.open[rank] -= 1
        self.rank[node] = rank
        rows = self._rows_of(node) if self.apart else self.rows[0]
        rows[rank][node] = None
        return rank != COLD

    def drop(self, node: int) -> int:
        """Take a spare off the shelf; return how ready it was."""
        rank = self.rank.pop(node)
        if rank != COLD:
            self.open[rank] += 1
        rows = self._rows_of(node) if self.apart else self.rows[0]
        del rows[rank][node]
        return rank

    def take(self, domain: int) -> tuple[int, int] | None:
        """Take the first spare of a domain off the shelf; return it and how ready it was."""
        for rank, row in enumerate(self.rows.get(domain, ())):
            for node in row:
                del row[node], self.rank[node]
                if rank != COLD:
                    self.open[rank] += 1
                return node, rank
        return None

    def first(self, domain: int) -> int | None:
        """Return the hottest spare of a domain, of several the one that came first."""
        for row in self.rows.get(domain, ()):
            for node in row:
                return node
        return None

    def count(self, domain: int) -> int:
        """Return how many spares a domain has."""
        return sum(map(len, self.rows.get(domain, ())))

    def _rows_of(self, node: int) -> tuple[Row, Row, Row]:
        domain = domain_of(node, self.plan)
        if domain not in self.rows:
            self.rows[domain] = (OrderedDict(), OrderedDict(), OrderedDict())
        return self.rows[domain]
