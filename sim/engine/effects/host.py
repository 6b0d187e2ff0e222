"""What effects ask of the run that they act on: its record, its failure clock, its nodes and its job.

The rooms of the engine answer each for itself; of a plain run one object answers for all (`sim.engine.plain.front`).
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from sim.engine.jobs.stops import Failure
from sim.reliability.failures.exposure import JOB, Life
from sim.reliability.records import RunPlan


class RecordHost(Protocol):
    """Where effects tell what happens."""

    plan: RunPlan

    def slow(self, now: int, kind: str, life: Life) -> None:
        """Add what becomes of a slow part: slowed, healed or detected."""

    def event(self, now: int, kind: str, cause: str = "", node: int = JOB) -> int:
        """Add something else that happened and return its event."""

    def interrupts(self, event: int) -> None:
        """A failure has turned out to stop the job."""


class ClockHost(Protocol):
    """Who begins lives."""

    def renew(self, life: Life) -> None:
        """Begin the next life of a component."""


class NodesHost(Protocol):
    """Who knows where nodes are."""

    size: int

    def lacks(self) -> bool:
        """Say whether nodes must be replaced before it is known who the job steps with."""

    def blocks_out(self) -> int:
        """Return how many blocks of replicas are out of the job, -1 where it has none."""

    def sized(self, condition: int) -> None:
        """Note that the job steps with the nodes that it has, under a condition."""

    def seats_of(self, nodes: Iterable[int]) -> list[int]:
        """Return the seats of nodes, -1 of those that are not in the job, or have failed."""

    def sitter(self, seat: int) -> int:
        """Return the node of a seat that is taken."""

    def seated(self) -> tuple[int, ...]:
        """Return the node of every seat, none of which is empty."""

    def evict(self, node: int, lives: list[Life], cause: str, event: int) -> None:
        """A node of the job is taken out for repair, with what is wrong in it, if anything is."""


class JobHost(Protocol):
    """The job that effects stop, or slow.

    began: is called whenever it has begun to step.
    """

    began: Callable[[], None] | None

    @property
    def state(self) -> str:
        """What it does: it waits for nodes, say."""

    def turn(self, condition: int) -> None:
        """The condition changes under which it steps."""

    def steps_now(self) -> bool:
        """Say whether the job does work."""

    def stops_now(self) -> bool:
        """Say whether a failure would stop steps, a checkpoint or a drain."""

    def hear(self, failure: Failure) -> None:
        """A failure is to be recovered from, as soon as the job notices."""

    def notice(self) -> None:
        """Look at what was heard, unless a recovery goes on that failures do not interrupt."""
