"""Failures that several nodes share: of a domain, which takes all nodes that it holds along, and shocks to one.

Nothing here has a state of its own. A domain's failure is one event that moves every node of it, wherever the node is;
its clock goes on at once, as its nodes are repaired and not the domain. A shock is an event of its own that ends no
life, followed by a failure of each component that it hits; a component that waits to be renewed is not hit again, and
under operating clocks only nodes in the job are, as only those age. Both clocks read as the job's own.
"""

from sim.engine.clock import IntegerEnvironment
from sim.engine.jobs.job import Job
from sim.engine.jobs.record import Record
from sim.engine.jobs.stops import Failure
from sim.engine.lives.failures import FailureClock
from sim.engine.places.nodes import Nodes
from sim.ledger.time.trace import RETIRED
from sim.reliability.failures.exposure import STRUCK, Life
from sim.reliability.failures.shocks import shocked, struck
from sim.reliability.records import FailureClass


class Shared:
    """What failures of several nodes do to them and to the job."""

    __slots__ = ("clock", "env", "job", "nodes", "record", "shocked")

    def __init__(self, env: IntegerEnvironment, record: Record, clock: FailureClock, nodes: Nodes, job: Job) -> None:
        self.env = env
        self.record = record
        self.clock = clock
        self.nodes = nodes
        self.job = job
        self.shocked = shocked(record.plan.failures)

    def takes(self, life: Life) -> bool:
        """Do what follows from the end of a life that no component by itself has; say whether it was one.

        A component that a shock has hit has broken already: its own life ends unnoticed, and begins anew when it is
        renewed, which for exponential lives is as if it had not gone on.
        """
        failures = self.record.plan.failures
        if life.cause >= len(failures):
            self._shake(life)
            return True
        failure = failures[life.cause]
        if failure.holds and failure.outage is None and failure.planned is None:
            self._take_along(life, failure)
            return True
        if failure.correlated is None or not self.nodes.is_broken(life):
            return False
        self.nodes.broken[life.node].append(life)
        return True

    def _take_along(self, life: Life, failure: FailureClass) -> None:
        nodes = failure.holds[life.component]
        inside = tuple(node for node in nodes if self.nodes.place[node] == "job")
        event = self.record.failure(self.env.now, life, bool(inside) and self.job.stops_now())
        for node in nodes if failure.replace else ():
            self.nodes.fails(node, failure.cause, event)
        self.clock.renew(life)
        if inside:
            self.job.inbox.append(Failure(event, failure.cause, inside if failure.replace else ()))

    def _shake(self, shock: Life) -> None:
        cause = self.shocked[shock.cause - len(self.record.plan.failures)]
        failure, now = self.record.plan.failures[cause], self.env.now
        hits = [
            Life(now, cause, component, STRUCK, component // failure.per_node)
            for component in struck(failure, self.record.plan.seed, shock.component, shock.ordinal)
        ]
        hits = [hit for hit in hits if self._reaches(hit)]
        if hits and failure.correlated is not None:
            self.record.shock(now, shock, failure.cause, failure.correlated.domain)
        self._hit(hits, failure)
        self.clock.renew(shock)

    def _reaches(self, hit: Life) -> bool:
        """Say whether a component works, and ages."""
        place, calendar = self.nodes.place[hit.node], self.record.plan.failure_clock == "calendar"
        ages = place in ("job", "failed") or (calendar and place != RETIRED)
        return ages and not self.nodes.is_broken(hit)

    def _hit(self, hits: list[Life], failure: FailureClass) -> None:
        """Components fail together: the job, which the first of them in it stops, recovers from all of them at once."""
        inside: dict[int, int] = {}
        for hit in hits:
            in_job = self.nodes.place[hit.node] == "job"
            event = self.record.failure(hit.end_us, hit, in_job and not inside and self.job.stops_now())
            if failure.replace:
                self.nodes.breaks(hit, failure.cause, event)
            if in_job:
                inside.setdefault(hit.node, event)
        if inside:
            nodes = tuple(inside) if failure.replace else ()
            self.job.inbox.append(Failure(next(iter(inside.values())), failure.cause, nodes))
