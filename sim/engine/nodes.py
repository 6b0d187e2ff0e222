"""The places of the nodes of a run.

States of a node: job (it computes), failed (still in the job, until the failure is detected), spare, repair, and idle
(nothing is wrong with it, but the network has cut it off).
A failure makes a job's node failed and sends a spare to repair; the job's recovery sends failed nodes to repair and
takes spares into the job; the repair shop returns a node, into a job that waits or to the spares. A node remembers
what broke in it; all of it is renewed when it returns. Every node of the job has a seat, its place in the layout: a
node that joins takes the first empty one.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from sim.engine.clock import IntegerEnvironment
from sim.engine.failures import FailureClock
from sim.engine.record import Record
from sim.reliability.exposure import Life

SendToRepair = Callable[[int, str], None]


class Nodes:
    """Who is in the job, spare, or in repair; every move is recorded.

    Failed nodes are kept with the failure (cause and event) that they are replaced for, nodes that are cut off with the
    one that cut them off.
    """

    __slots__ = (
        "broken",
        "clock",
        "cut",
        "empty",
        "env",
        "failed",
        "in_job",
        "place",
        "record",
        "seat_of",
        "send",
        "size",
        "spares",
        "taken",
    )

    def __init__(self, env: IntegerEnvironment, record: Record, clock: FailureClock, send: SendToRepair) -> None:
        plan = record.plan
        self.env = env
        self.record = record
        self.clock = clock
        self.send = send
        self.size = self.in_job = plan.nodes
        self.place = ["job"] * plan.nodes + ["spare"] * plan.spare_nodes
        # In order of arrival; unlike a dict, it finds its first member at once after many have left.
        self.spares = OrderedDict.fromkeys(range(plan.nodes, plan.nodes + plan.spare_nodes))
        self.broken: dict[int, list[Life]] = {}
        self.failed: dict[int, tuple[str, int]] = {}
        self.cut: dict[int, tuple[str, int]] = {}
        # Empty seats; the seats of nodes that sit elsewhere than at first, and who sits there.
        self.empty: list[int] = []
        self.seat_of: dict[int, int] = {}
        self.taken: dict[int, int] = {}

    def breaks(self, life: Life, cause: str, event: int) -> None:
        """A component that takes its node along has failed, wherever the node is."""
        node = life.node
        self.broken.setdefault(node, []).append(life)
        if self.place[node] == "job":
            self.place[node] = "failed"
            self.failed[node] = (cause, event)
        elif self.place[node] == "spare":
            del self.spares[node]
            self._to_repair(node, cause, event)
        elif self.place[node] == "idle":
            self._to_repair(node, cause, event)

    def cut_off(self, node: int, cause: str, event: int) -> bool:
        """The network cuts a node off, wherever it is; say whether the job loses it by that."""
        self.cut[node] = cause, event
        if self.place[node] == "spare":
            del self.spares[node]
            self._set_aside(node, cause, event)
        if self.place[node] != "job":
            return False
        self.place[node] = "failed"
        self.failed[node] = (cause, event)
        return True

    def reconnected(self, node: int, cause: str, waiting: bool, event: int) -> None:
        """The network reaches a node again; one that was only set aside can be used at once."""
        del self.cut[node]
        if self.place[node] == "idle":
            self._available(node, cause, waiting, event)

    def members(self) -> tuple[int, ...]:
        """Return the nodes of the job by seat, without those that are missing."""
        empty = {*self.empty}
        return tuple(self.taken.get(seat, seat) for seat in range(self.size) if seat not in empty)

    def seated(self) -> tuple[int, ...]:
        """Return the node of every seat, none of which is empty."""
        assert not self.empty, "only a job that lacks no node has all its seats taken"
        return self.members()

    def replace(self, leaving: Iterable[int]) -> None:
        """Failed nodes leave the job for repair, and spares join it while it misses any."""
        for node in leaving:
            cause, event = self.failed.pop(node)
            self.in_job -= 1
            self.clock.leave(node)
            self._stand_up(node)
            if node in self.broken:
                self._to_repair(node, cause, event)
            elif node in self.cut:
                self._set_aside(node, cause, event)
            else:
                self._available(node, cause, False, event)
        while self.spares and self.in_job < self.size:
            self._join(next(iter(self.spares)))

    def missing(self) -> int:
        """Return how many nodes the job lacks."""
        return self.size - self.in_job

    def fit(self) -> int:
        """Return how many nodes are fit for work: in the job and not failed, or spare."""
        return self.in_job - len(self.failed) + len(self.spares)

    def returns(self, node: int, cause: str, waiting: bool) -> None:
        """A repaired node comes back: into the job if that waits for nodes and misses any, else to the spares."""
        event = self.record.event(self.env.now, "repaired", cause, node)
        if node in self.cut:
            self._set_aside(node, *self.cut[node])
        else:
            self._available(node, cause, waiting, event)
        for life in self.broken.pop(node):
            self.clock.renew(life)

    def _available(self, node: int, cause: str, waiting: bool, event: int) -> None:
        self.spares[node] = None
        if waiting and self.in_job < self.size:
            self._join(node)
        else:
            self.place[node] = "spare"
            self.record.move(self.env.now, node, "spare", cause, event)

    def _set_aside(self, node: int, cause: str, event: int) -> None:
        self.place[node] = "idle"
        self.record.move(self.env.now, node, "idle", cause, event)

    def _stand_up(self, node: int) -> None:
        seat = self.seat_of.pop(node, node)
        self.taken.pop(seat, None)
        heappush(self.empty, seat)

    def _sit_down(self, node: int) -> None:
        seat = heappop(self.empty)
        if seat != node:
            self.taken[seat], self.seat_of[node] = node, seat

    def _join(self, node: int) -> None:
        del self.spares[node]
        self.place[node] = "job"
        self.in_job += 1
        self._sit_down(node)
        event = self.record.event(self.env.now, "replaced", "", node)
        self.record.move(self.env.now, node, "job", "", event)
        self.clock.join(node)

    def _to_repair(self, node: int, cause: str, event: int) -> None:
        self.place[node] = "repair"
        self.record.move(self.env.now, node, "repair", cause, event)
        self.send(node, cause)
