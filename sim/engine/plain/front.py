"""A plain run as effects know the runs that they act on, which are made for the rooms of the engine.

What they do is rare, so that they are asked as they are: see `sim.engine.effects.host`.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sim.engine.effects.pace import Pace
from sim.engine.effects.slow import SlowNodes
from sim.engine.forgetting import forget
from sim.engine.jobs.stops import Failure
from sim.reliability.failures.exposure import JOB, Life
from sim.reliability.failures.slow import Pacer

if TYPE_CHECKING:
    from sim.engine.plain.run import PlainRun


class Front:
    """The record, the failure clock, the nodes and the job of a plain run, for who changes them from outside.

    pace, slow_nodes: who slows the job.
    """

    __slots__ = ("began", "pace", "plan", "positions", "run", "size", "slow_nodes")

    def __init__(self, run: "PlainRun", pacer: Pacer | None) -> None:
        self.run = run
        self.plan = run.plan
        self.size = run.size
        self.positions = {cause: position for position, (cause, _, _) in enumerate(run.causes)}
        self.began: Callable[[], None] | None = None
        self.pace = Pace(self, self, None, pacer)
        self.slow_nodes = SlowNodes(run.agenda.env, self, self, self, self, self.pace)

    def forget(self) -> None:
        """Part from the run, and have the effects part from each other."""
        forget([self.pace, self.slow_nodes], lent=[self, self.run, self.pace.pacer])
        del self.run

    def unsettled(self) -> bool:
        """Say whether what is slow, or the pace for it, has to be looked at even if no slow node has moved."""
        return self.slow_nodes.looked is None or not self.pace.settled

    def slow(self, now: int, kind: str, life: Life) -> None:
        """Add what becomes of a slow part: slowed, healed or detected."""
        _, cause, component, ordinal, node = life
        events, (name, part, _) = self.run.events, self.run.causes[cause]
        events.append((len(events), now, kind, name, part, component, ordinal, node, False))

    def event(self, now: int, kind: str, cause: str = "", node: int = JOB) -> int:
        """Add something else that happened and return its event."""
        events = self.run.events
        events.append((len(events), now, kind, cause, "", -1, -1, node, False))
        return len(events) - 1

    def interrupts(self, event: int) -> None:
        """A failure has turned out to stop the job."""
        events = self.run.events
        number, now, kind, cause, part, component, ordinal, node, _ = events[event]
        events[event] = (number, now, kind, cause, part, component, ordinal, node, True)

    def renew(self, life: Life) -> None:
        """Begin the next life of a component."""
        self.run.clock.renew(life, self.run.agenda.now)

    def lacks(self) -> bool:
        """Say whether nodes must be replaced before it is known who the job steps with."""
        return bool(self.run.failed) or self.run.in_job < self.size

    def blocks_out(self) -> int:
        """No replicas of it are ever out of it."""
        return -1

    def sized(self, condition: int) -> None:
        """It always steps with all of its nodes."""

    def seats_of(self, nodes: Iterable[int]) -> list[int]:
        """Return the seats of nodes, -1 of those that are not in the job, or have failed."""
        seats, job = self.run.seats, self.run.job
        assert seats is not None, "who asks for seats has them kept"
        return [seats.seat_of.get(node, node) if node in job else -1 for node in nodes]

    def sitter(self, seat: int) -> int:
        """Return the node of a seat that is taken."""
        seats = self.run.seats
        assert seats is not None, "who asks for seats has them kept"
        return seats.taken.get(seat, seat)

    def seated(self) -> tuple[int, ...]:
        """Return the node of every seat, none of which is empty."""
        return tuple(map(self.sitter, range(self.size)))

    def evict(self, node: int, lives: list[Life], cause: str, event: int) -> None:
        """A node of the job is taken out for repair, with what is wrong in it, if anything is."""
        self.run.evict(node, lives, (event, self.positions[cause]))

    @property
    def state(self) -> str:
        """What the job does."""
        return self.run.state

    def turn(self, condition: int) -> None:
        """The condition changes under which it steps."""
        self.run.change(condition)

    def steps_now(self) -> bool:
        """Say whether the job does work."""
        return self.run.state == "stepping" and self.run.first is None

    stops_now = steps_now

    def hear(self, failure: Failure) -> None:
        """A failure is to be recovered from, as soon as the job notices."""
        self.run.hear((failure.event, self.positions[failure.cause]))

    def notice(self) -> None:
        """Look at what was heard."""
        if self.run.newest is not None:
            self.run.ring()
