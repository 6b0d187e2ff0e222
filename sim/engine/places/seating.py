"""The seats of the job: the places of its layout, and who sits there.

Only `Nodes` changes them. A node that joins takes the first empty seat of its group: the seats of one scale-up domain
where domains have spares of their own, otherwise all. A group has one home, the domain that its nodes are in.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from sim.reliability.records import RunPlan
from sim.reliability.recovery.spare_places import domain_of


def nth_without(lost: Sequence[int], number: int) -> int:
    """Return the seat of a number, from 0, among those that are not lost; lost ones are in rising order.

    >>> [nth_without([1, 2, 5], number) for number in range(4)]
    [0, 3, 4, 6]
    """
    for seat in lost:
        if seat > number:
            break
        number += 1
    return number


class Seating:
    """Who sits where; seat n is at first that of node n."""

    __slots__ = ("each", "empty", "home", "plan", "seat_of", "serves", "size", "spare_domains", "taken")

    def __init__(self, plan: RunPlan) -> None:
        spares = plan.recovery.spares
        self.plan = plan
        self.size = plan.nodes
        self.each = spares.domain_nodes if spares.per_domain else plan.nodes
        groups = plan.nodes // self.each
        self.home = list(range(groups))
        # The group that each domain serves; those that serve none are spare.
        self.serves = dict(enumerate(self.home))
        domains = 1 + domain_of(plan.nodes + plan.spare_nodes - 1, plan)
        self.spare_domains = list(range(groups, domains))
        # Empty seats of groups that have any; the seats of nodes that sit elsewhere than at first, and who sits there.
        self.empty: dict[int, list[int]] = {}
        self.seat_of: dict[int, int] = {}
        self.taken: dict[int, int] = {}

    def members(self) -> tuple[int, ...]:
        """Return the nodes that sit, by seat."""
        sitting = list(range(self.size))
        for seat, node in self.taken.items():
            sitting[seat] = node
        for seat in sorted((seat for seats in self.empty.values() for seat in seats), reverse=True):
            del sitting[seat]
        return tuple(sitting)

    def members_of(self, group: int) -> tuple[int, ...]:
        """Return the nodes that sit in a group, by seat."""
        empty, seats = self.empty.get(group, ()), range(group * self.each, (group + 1) * self.each)
        return tuple(self.taken.get(seat, seat) for seat in seats if seat not in empty)

    def seat(self, node: int) -> int:
        """Return the seat of a node that sits."""
        return self.seat_of.get(node, node)

    def sitter(self, seat: int) -> int:
        """Return the node of a seat that is taken."""
        return self.taken.get(seat, seat)

    def group_of(self, node: int) -> int:
        """Return the group that a node can sit in, -1 where it can in none."""
        return self.serves.get(domain_of(node, self.plan), -1)

    def stand_up(self, node: int) -> None:
        """A node leaves its seat."""
        seat = self.seat_of.pop(node, node)
        self.taken.pop(seat, None)
        group = seat // self.each
        if group in self.empty:
            heappush(self.empty[group], seat)
        else:
            self.empty[group] = [seat]

    def sit_down(self, node: int, group: int, seat: int | None = None) -> None:
        """A node takes an empty seat of a group, by default the first."""
        seats = self.empty[group]
        if seat is None:
            seat = heappop(seats)
        else:
            seats.remove(seat)
            heapify(seats)
        if not seats:
            del self.empty[group]
        if seat != node:
            self.taken[seat], self.seat_of[node] = node, seat

    def rehouse(self, group: int, domain: int) -> None:
        """A group whose seats are all empty moves to a spare domain, and its own becomes spare."""
        left = self.home[group]
        del self.serves[left]
        self.home[group], self.serves[domain] = domain, group
        self.spare_domains = sorted({*self.spare_domains, left} - {domain})
