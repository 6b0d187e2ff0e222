"""The places of the nodes of a run.

States of a node: job (it computes), failed (still in the job, until the failure is detected), spare, repair,
maintenance (planned), and idle (nothing is wrong with it, but the network or an outage of its domain has cut it off).
A failure makes a job's node failed and sends a spare to repair; the job's recovery sends failed nodes to repair and
takes spares into the job; the repair shop returns a node, into a job that waits or to the spares. A node remembers
what broke in it; all of it is renewed when it returns. Every node of the job has a seat, its place in the layout: a
node that joins takes the first empty one.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from sim.engine.clock import IntegerEnvironment, on_event, timeout
from sim.engine.failures import FailureClock
from sim.engine.record import Record
from sim.reliability.exposure import STRUCK, Life

SendToRepair = Callable[[int, str], None]


class Nodes:
    """Who is in the job, spare, or in repair; every move is recorded.

    Failed nodes are kept with the failure (cause and event) that they are replaced for, nodes that are cut off with the
    one that cut them off.
    """

    __slots__ = (
        "away",
        "broken",
        "clock",
        "cut",
        "empty",
        "env",
        "failed",
        "in_job",
        "job_waits",
        "losses",
        "place",
        "record",
        "ring",
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
        # Nodes that are due for maintenance or in it, and for how long.
        self.away: dict[int, int] = {}
        # Whether the job waits for nodes, and how to tell it that one is there.
        self.job_waits: Callable[[], bool] = lambda: False
        self.ring: Callable[[], None] = lambda: None
        # When a node left its seat, or failed on it, and which seat: what it held is gone.
        self.losses: list[tuple[int, int]] = []
        # Empty seats; the seats of nodes that sit elsewhere than at first, and who sits there.
        self.empty: list[int] = []
        self.seat_of: dict[int, int] = {}
        self.taken: dict[int, int] = {}

    def breaks(self, life: Life, cause: str, event: int) -> None:
        """A component that takes its node along has failed, wherever the node is."""
        self.broken.setdefault(life.node, []).append(life)
        self.fails(life.node, cause, event)

    def fails(self, node: int, cause: str, event: int) -> None:
        """A node must be repaired, wherever it is."""
        self.broken.setdefault(node, [])
        if self.place[node] == "job":
            self._fails(node, cause, event)
        elif self.place[node] == "spare":
            del self.spares[node]
            self._to_repair(node, cause, event)
        elif self.place[node] == "idle":
            self._to_repair(node, cause, event)

    def is_broken(self, life: Life) -> bool:
        """Say whether the component of a life is among what a repair has yet to renew."""
        return any(each[1:3] == life[1:3] for each in self.broken.get(life.node, ()))

    def cut_off(self, node: int, cause: str, event: int) -> bool:
        """The network cuts a node off, wherever it is; say whether the job loses it by that."""
        self.cut[node] = cause, event
        if self.place[node] == "spare":
            del self.spares[node]
            self._set_aside(node, cause, event)
        if self.place[node] != "job":
            return False
        self._fails(node, cause, event)
        return True

    def accuse(self, node: int, cause: str, event: int) -> None:
        """A healthy node of the job is taken for the one that failed."""
        self.broken.setdefault(node, [])
        self._fails(node, cause, event)

    def maintain(self, node: int, duration_us: int, cause: str, event: int) -> bool:
        """A node is due for maintenance, a spare at once; say whether the job has to let it go first."""
        if self.place[node] not in ("job", "spare") or node in self.away:
            return False
        self.away[node] = duration_us
        if self.place[node] == "job":
            return True
        del self.spares[node]
        self._to_maintenance(node, cause, event)
        return False

    def excuse(self, nodes: Iterable[int], cause: str, event: int) -> None:
        """Nodes that are due for maintenance leave with the others that leave next."""
        for node in nodes:
            if self.place[node] == "job":
                self._fails(node, cause, event)

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
            if node in self.broken or node in self.cut:
                self.away.pop(node, None)
            if node in self.broken:
                self._to_repair(node, cause, event)
            elif node in self.cut:
                self._set_aside(node, cause, event)
            elif node in self.away:
                self._to_maintenance(node, cause, event)
            else:
                self._available(node, cause, False, event)
        while self.spares and self.in_job < self.size:
            self._join(next(iter(self.spares)))

    def missing(self) -> int:
        """Return how many nodes the job lacks."""
        return self.size - self.in_job

    def returns(self, node: int, cause: str, waiting: bool) -> None:
        """A repaired node comes back: into the job if that waits for nodes and misses any, else to the spares."""
        event = self.record.event(self.env.now, "repaired", cause, node)
        if node in self.cut:
            self._set_aside(node, *self.cut[node])
        else:
            self._available(node, cause, waiting, event)
        for life in self.broken.pop(node):
            # What a shock has hit has a life of its own that goes on.
            if life.ordinal != STRUCK:
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

    def _fails(self, node: int, cause: str, event: int) -> None:
        self.place[node] = "failed"
        self.failed[node] = (cause, event)
        self.losses.append((self.env.now, self.seat_of.get(node, node)))

    def _to_maintenance(self, node: int, cause: str, event: int) -> None:
        self.place[node] = "maintenance"
        self.record.move(self.env.now, node, "maintenance", cause, event)
        on_event(timeout(self.env, self.away[node]), lambda _: self._maintained(node, cause))

    def _maintained(self, node: int, cause: str) -> None:
        """Maintenance ends: what broke or was cut off meanwhile is seen to now."""
        del self.away[node]
        event = self.record.event(self.env.now, "maintained", cause, node)
        if node in self.broken:
            self._to_repair(node, cause, event)
        elif node in self.cut:
            self._set_aside(node, *self.cut[node])
        else:
            waiting = self.job_waits()
            self._available(node, cause, waiting, event)
            if waiting:
                self.ring()

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
