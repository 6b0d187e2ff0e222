"""How fast a job steps: the condition of its network, the slow GPUs that it holds, and the swing of the day.

Of an elastic job, whose network is always whole, the condition is how many of its blocks are out. Whoever changes one
of these calls `settle`, as does the job when its nodes have changed; only this file turns the job to another condition.
"""

from collections.abc import Callable, Collection

from sim.engine.effects.host import JobHost, NodesHost
from sim.reliability.failures.outages import SEVERED, Judge, Lost
from sim.reliability.failures.slow import Pacer, Slowed

SlowParts = tuple[frozenset[Slowed], frozenset[Lost]]
"""Slow GPUs of the job, and NICs and links of its nodes that keep a part of their bandwidth."""


class Pace:
    """Under which condition the job steps."""

    __slots__ = ("condition", "job", "judge", "judged", "nodes", "out", "pacer", "settled", "severed", "slow", "swung")

    def __init__(self, nodes: NodesHost, job: JobHost, judge: Judge | None, pacer: Pacer | None) -> None:
        self.nodes = nodes
        self.job = job
        self.judge = judge
        self.pacer = pacer
        # What of the network is out; whoever breaks it keeps it.
        self.out: Collection[Lost] = ()
        self.slow: Callable[[], SlowParts] = lambda: (frozenset(), frozenset())
        self.swung = False
        self.severed = False
        # Whether the condition is that of the job as it was when it was last settled.
        self.settled = True
        self.condition = 0
        # The conditions in the order in which this run met them: their positions number them in its trace.
        self.judged = {0: 0}

    def settle(self) -> None:
        """Take up the condition that the job steps under; while nodes must be replaced there is none to judge."""
        self.settled = not self.nodes.lacks()
        if not self.settled:
            return
        slow, degraded = self.slow()
        network = self._network(degraded)
        self.severed = network == SEVERED
        if self.severed:
            return
        condition = network if self.pacer is None else self.pacer.condition(network, slow, self.swung)
        if condition != self.condition:
            self.condition = condition
            position = self.judged.setdefault(condition, len(self.judged))
            self.nodes.sized(position)
            self.job.turn(position)

    def holds(self) -> bool:
        """Say whether the condition is still that of the job, whoever is in it, unless what is slow has changed."""
        return self.settled and not self.out and self.nodes.blocks_out() < 0

    def step_us(self, position: int) -> tuple[int, ...]:
        """Return how long steps take under a condition, told by its position."""
        asked = self.pacer or self.judge
        assert asked is not None, "only a judge or a pacer changes the condition of a job"
        return asked.step_us([*self.judged][position])

    def _network(self, degraded: frozenset[Lost]) -> int:
        blocks_out = self.nodes.blocks_out()
        if blocks_out >= 0:
            return blocks_out
        if self.judge is None or not (self.out or degraded):
            return 0
        return self.judge.condition((*self.out, *degraded), self.nodes.seated())
