"""The seats of the nodes of a plain run's job, and when what was held on one of them is lost."""

from heapq import heappop, heappush

Loss = tuple[int, int]
"""When a seat lost its node, and which seat."""


class Seats:
    """Who sits where, which is at first the seat of a node's own number: as `Seating` says of one group.

    losses: in order. seat_of: of nodes that sit elsewhere than at first; taken: who sits in such a seat.
    """

    __slots__ = ("empty", "losses", "seat_of", "taken")

    def __init__(self) -> None:
        self.losses: list[Loss] = []
        self.seat_of: dict[int, int] = {}
        self.taken: dict[int, int] = {}
        self.empty: list[int] = []

    def lose(self, node: int, now: int) -> None:
        """A node of the job fails."""
        self.losses.append((now, self.seat_of.get(node, node)))

    def leave(self, node: int) -> None:
        """A node leaves its seat."""
        seat = self.seat_of.pop(node, node)
        self.taken.pop(seat, None)
        heappush(self.empty, seat)

    def join(self, node: int) -> None:
        """A node takes the first empty seat."""
        self.seat_of[node] = seat = heappop(self.empty)
        self.taken[seat] = node
