"""What of a checkpoint on the nodes themselves outlives the nodes that are lost."""

from bisect import bisect_left
from collections.abc import Sequence

from sim.reliability.records import Tier


class LocalParts:
    """Whether each node's part of a checkpoint lives on: on the node, or on one that holds a copy.

    Of one checkpoint after the other: seats that are lost since it began are lost to it.
    """

    __slots__ = ("at_us", "heard", "lives", "losses", "lost", "reach", "seats")

    def __init__(self, tier: Tier, seats: int, losses: Sequence[tuple[int, int]]) -> None:
        self.reach = range(tier.apart, tier.apart * tier.copies + 1, tier.apart)
        self.seats = seats
        self.losses = losses
        self.at_us = -1
        self.lost: set[int] = set()
        self.heard = 0
        self.lives = True

    def live(self, at_us: int) -> bool:
        """Say whether all parts of the checkpoint that began at a time live."""
        if at_us != self.at_us:
            self.at_us, self.lost, self.lives = at_us, set(), True
            self.heard = bisect_left(self.losses, (at_us, 0))
        while self.lives and self.heard < len(self.losses):
            _, seat = self.losses[self.heard]
            self.heard += 1
            self.lost.add(seat)
            # It may have held the last copy of another's part.
            held = (seat, *((seat - away) % self.seats for away in self.reach))
            self.lives = all(self._lives(each) for each in held)
        return self.lives

    def _lives(self, seat: int) -> bool:
        return seat not in self.lost or any((seat + away) % self.seats not in self.lost for away in self.reach)
