"""The headline taken apart: what it buys that computes, and everything that comes on top until the whole is paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.errors import SimulationError
from sim.ledger.bill.cost import ITEMS, Posting

BEYOND = {
    "people": ("staff", "debugging"),
    "data": ("data",),
    "promises and credits": ("commitment", "credit"),
}
"""Items that no GPU is; all others are the cluster's: its servers or their rent, housing, energy, upkeep, licences."""

Groups = Mapping[str, Sequence[str]]
"""States of a GPU by what it does; the first group computes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A total in micro-dollars, taken apart two ways that both sum to it.

    matrix: by item and by what the GPUs did. rungs: from headline compute (what the cluster costs while it computes
    what is kept) to all-in: what it costs while it does anything else, then people, data, promises and credits.
    """

    total: int
    matrix: Mapping[str, Mapping[str, int]]
    rungs: Mapping[str, int]

    @property
    def compute(self) -> int:
        """What the cluster costs while it computes what is kept."""
        return next(iter(self.rungs.values()))


def headline(postings: Sequence[Posting], groups: Groups) -> Headline:
    """Return the total of postings taken apart, each posting in one cell and on one rung.

    "The real cost is significantly higher than headline compute": all-in over the first rung says by how much.
    Raises SimulationError for a state that no group holds.
    """
    group_of = {state: group for group, states in groups.items() for state in states}
    beyond = {item: rung for rung, items in BEYOND.items() for item in items}
    matrix: dict[str, dict[str, int]] = {}
    rungs = dict.fromkeys((*groups, *BEYOND), 0)
    for posting in postings:
        if posting.state not in group_of:
            raise SimulationError(f"bill: state '{posting.state}' of item '{posting.item}' has no group")
        group = group_of[posting.state]
        row = matrix.setdefault(posting.item, dict.fromkeys(groups, 0))
        row[group] += posting.micro_usd
        rungs[beyond.get(posting.item, group)] += posting.micro_usd
    ordered = {item: matrix[item] for item in ITEMS if item in matrix}
    return Headline(total=sum(posting.micro_usd for posting in postings), matrix=ordered, rungs=rungs)
