"""The places of the nodes of a run.

States of a node: job (it computes), failed (still in the job, until the failure is detected), spare and repair.
A failure makes a job's node failed and sends a spare to repair; the job's recovery sends failed nodes to repair and
takes spares into the job; the repair shop returns a node, into a job that waits or to the spares. A node remembers
what broke in it; all of it is renewed when it returns.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from sim.engine.clock import IntegerEnvironment
from sim.engine.failures import FailureClock
from sim.engine.record import Record
from sim.reliability.exposure import Life

SendToRepair = Callable[[int, str], None]


class Nodes:
    """Who is in the job, spare, or in repair; every move is recorded.

    Failed nodes are kept with the failure (cause and event) that they are replaced for.
    """

    __slots__ = ("broken", "clock", "env", "failed", "in_job", "place", "record", "send", "size", "spares")

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

    def replace(self, leaving: Iterable[int]) -> None:
        """Failed nodes leave the job for repair, and spares join it while it misses any."""
        for node in leaving:
            cause, event = self.failed.pop(node)
            self.in_job -= 1
            self.clock.leave(node)
            self._to_repair(node, cause, event)
        while self.spares and self.in_job < self.size:
            self._join(next(iter(self.spares)))

    def missing(self) -> int:
        """Return how many nodes the job lacks."""
        return self.size - self.in_job

    def returns(self, node: int, cause: str, waiting: bool) -> None:
        """A repaired node comes back: into the job if that waits for nodes and misses any, else to the spares."""
        event = self.record.event(self.env.now, "repaired", cause, node)
        self.spares[node] = None
        if waiting and self.in_job < self.size:
            self._join(node)
        else:
            self.place[node] = "spare"
            self.record.move(self.env.now, node, "spare", cause, event)
        for life in self.broken.pop(node):
            self.clock.renew(life)

    def _join(self, node: int) -> None:
        del self.spares[node]
        self.place[node] = "job"
        self.in_job += 1
        event = self.record.event(self.env.now, "replaced", "", node)
        self.record.move(self.env.now, node, "job", "", event)
        self.clock.join(node)

    def _to_repair(self, node: int, cause: str, event: int) -> None:
        self.place[node] = "repair"
        self.record.move(self.env.now, node, "repair", cause, event)
        self.send(node, cause)
