"""The blocks of an elastic job: replicas that are in it, and those that are out because a seat of theirs is empty.

A block is in the job or out; only `Nodes` moves one, when the job recovers or waits. Nodes of a block that is out keep
their seats and are idle: under operating clocks they do not age, and one that breaks leaves its seat.
"""

from sim.reliability.records import RunPlan
from sim.reliability.recovery.elastic import blocks_of, least_blocks


class Blocks:
    """Which seats of which block are empty, which blocks are out, and what for."""

    __slots__ = ("at_once", "block_of", "each", "empty", "least", "out", "seats", "why")

    def __init__(self, plan: RunPlan) -> None:
        assert plan.recovery.elastic is not None, "only an elastic job has blocks"
        self.seats = blocks_of(plan)
        self.each = len(self.seats[0])
        # Whether a stop is planned for a block that is whole again, or it waits for the next restart.
        self.at_once = plan.recovery.elastic.regrow == "at-once"
        self.least = least_blocks(plan.recovery.elastic, len(self.seats))
        self.block_of = {seat: block for block, seats in enumerate(self.seats) for seat in seats}
        self.empty: dict[int, set[int]] = {}
        self.out: set[int] = set()
        # Cause and event of what emptied a seat of each block that lacks some last.
        self.why: dict[int, tuple[str, int]] = {}

    def stand_up(self, seat: int, cause: str, event: int) -> None:
        """A seat becomes empty."""
        block = self.block_of[seat]
        self.empty.setdefault(block, set()).add(seat)
        self.why[block] = cause, event

    def sit_down(self, seat: int) -> None:
        """A seat is taken."""
        block = self.block_of[seat]
        self.empty[block].discard(seat)
        if not self.empty[block]:
            del self.empty[block], self.why[block]

    def enough(self) -> bool:
        """Say whether as many blocks are whole as the job needs."""
        return len(self.seats) - len(self.empty) >= self.least

    def by_need(self) -> list[int]:
        """Return the blocks that lack nodes, those that lack fewest first."""
        return sorted(self.empty, key=lambda block: (len(self.empty[block]), block))

    def can_grow(self, spares: int) -> bool:
        """Say whether so many spares make a block whole."""
        return any(len(seats) <= spares for seats in self.empty.values())

    def shrinking(self) -> list[int]:
        """Return the blocks that have to leave the job: they lack nodes, and enough others do not."""
        return sorted(self.empty.keys() - self.out) if self.enough() else []

    def growing(self) -> list[int]:
        """Return the blocks that join the job again: they are whole, or the job waits for them all."""
        return sorted(self.out - self.empty.keys() if self.enough() else self.out)
