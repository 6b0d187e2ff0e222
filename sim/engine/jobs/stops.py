"""What stops a job, and what it recovers from."""

from typing import NamedTuple


class Failure(NamedTuple):
    """What the job has to recover from; nodes: those to replace.

    before_us: only what was saved before is good, rewind_us: and not so much work before it. planned: nothing has to be
    detected. aborts: the run ends. known: who told of it knows the nodes, and a diagnosis blames no other.
    """

    event: int
    cause: str
    nodes: tuple[int, ...] = ()
    before_us: int | None = None
    rewind_us: int = 0
    planned: bool = False
    aborts: bool = False
    known: bool = False


UP = ("stepping", "draining")
"""States in which work is not saved yet: a failure stops the job at once, also where recoveries queue."""

LAUNCH = Failure(-1, "")
"""What the first start of the job recovers from: nothing."""
