"""The lives that a log gives: each logged failure ends one, at its time, whatever the job and the repairs do.

Time is that of the calendar. The k-th logged failure of a component has ordinal k, as its k-th life has where clocks
draw them, and no other life begins in between: a failure of what is already in repair still happens, and counts.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from sim.errors import SimulationError
from sim.reliability.failures.exposure import JOB, Life, Lives
from sim.reliability.failures.laws import MAX_US
from sim.reliability.records import SHARED_COMPONENTS, STORE, FailureClass
from sim.reliability.replay.records import Replay


class LoggedLives:
    """The lives of failure classes some of which have a log; those of the others are drawn as they are without it.

    drawn: makes the lives of the classes without a log, in their order, so that random numbers stay common.

    >>> from sim.reliability.records import Law
    >>> from sim.reliability.replay.records import Logged
    >>> log = (Logged(5, 9), Logged(8, 9))
    >>> gpu = FailureClass(cause="gpu", component="gpu", per_node=8, life=Law(), replace=True, logged=log)
    >>> lives = LoggedLives([gpu], Replay(end_us=10), lambda drawn: Lives(1, drawn, nodes=2), nodes=2)
    >>> [(life.end_us, life.ordinal, life.node) for life in lives.first(0, 8)]
    [(5, 0, 1)]
    """

    __slots__ = ("drawn", "logs", "nodes", "position")

    def __init__(
        self,
        failures: Sequence[FailureClass],
        replay: Replay,
        drawn: Callable[[Sequence[FailureClass]], Lives],
        nodes: int,
    ) -> None:
        self.nodes = nodes
        self.logs = {cause: _Log(cause, each, replay) for cause, each in enumerate(failures) if each.logged is not None}
        # The plan's number of each cause that is drawn.
        self.position = [cause for cause in range(len(failures)) if cause not in self.logs]
        self.drawn = drawn([failures[cause] for cause in self.position])
        # Shocks follow all causes, as they do without a log.
        shocks = len(self.drawn.failures) - len(self.position)
        self.position += range(len(failures), len(failures) + shocks)

    def first(self, after_us: int, until_us: int) -> Iterator[Life]:
        """Yield the first lives that end between two ages, and all that the log ends from the one until the other."""
        for life in self.drawn.first(after_us, until_us):
            yield life._replace(cause=self.position[life.cause])
        for log in self.logs.values():
            yield from log.lives(after_us, until_us)

    def renewed(self, life: Life, age_us: int) -> Life:
        """Return the next life of a component; of one whose failures are logged it never ends by itself."""
        if life.cause in self.logs:
            return Life(MAX_US, life.cause, life.component, life.ordinal + 1, life.node)
        own = life._replace(cause=self.position.index(life.cause))
        return self.drawn.renewed(own, age_us)._replace(cause=life.cause)

    def renewed_all(self, node: int, ordinals: Mapping[tuple[int, int], int], age_us: int) -> Iterator[Life]:
        """No node is exchanged for a new one: a log does not say what would become of its failures."""
        raise SimulationError(f"node {node} was exchanged at {age_us} us, and the failures of a log are its own")

    def away_us(self, life: Life) -> int | None:
        """Return how long the log says that what has failed is away; None where it does not say."""
        log = self.logs.get(life.cause)
        return log.away_us(life) if log else None


class _Log:
    """The log of one class, by time; with a period, the same again and again."""

    __slots__ = ("away", "cause", "count", "failure", "ordinals", "period_us", "times_us")

    def __init__(self, cause: int, failure: FailureClass, replay: Replay) -> None:
        logged = failure.logged or ()
        self.cause = cause
        self.failure = failure
        self.period_us = replay.end_us if replay.then == "repeat" else 0
        self.times_us = [each.at_us for each in logged]
        self.count: Counter[int] = Counter()
        self.ordinals: list[int] = []
        self.away: dict[tuple[int, int], int] = {}
        for each in logged:
            ordinal = self.count[each.component]
            self.ordinals.append(ordinal)
            self.count[each.component] += 1
            if each.away_us >= 0:
                self.away[each.component, ordinal] = each.away_us

    def lives(self, after_us: int, until_us: int) -> Iterator[Life]:
        if not self.period_us:
            yield from self._cycle(0, after_us, until_us)
            return
        # What the log ends with falls on the instant at which it starts again.
        for cycle in range(max(after_us - 1, 0) // self.period_us, (until_us - 1) // self.period_us + 1):
            yield from self._cycle(cycle, after_us, until_us)

    def away_us(self, life: Life) -> int | None:
        return self.away.get((life.component, life.ordinal % self.count[life.component]))

    def _cycle(self, cycle: int, after_us: int, until_us: int) -> Iterator[Life]:
        begun_us = cycle * self.period_us
        logged = self.failure.logged or ()
        for row in range(bisect_left(self.times_us, after_us - begun_us), len(logged)):
            at_us, component, _ = logged[row]
            if begun_us + at_us >= until_us:
                return
            ordinal = self.ordinals[row] + cycle * self.count[component]
            yield Life(begun_us + at_us, self.cause, component, ordinal, node_of(self.failure, component))


def node_of(failure: FailureClass, component: int) -> int:
    """Return the node that a component sits in, JOB where it belongs to the job or the network.

    >>> from sim.reliability.records import Law
    >>> node_of(FailureClass(cause="gpu", component="gpu", per_node=8, life=Law(), replace=True), 17)
    2
    """
    shared = failure.component in ("job", STORE, *SHARED_COMPONENTS)
    return JOB if shared else component // failure.per_node
