"""A pipeline stage in the step simulation.

States of a stage: computing (an event for the end of its operation is pending), waiting (the operation's input has not
arrived; whoever delivers it starts the operation) and drained (no operation left). A stage changes its own
state; another stage may only deliver to it. Its NIC sends one message at a time; its communication stream runs one
collective at a time, in the order of their launch, beside compute. Both are deterministic queues, and nobody but the
stage puts anything into them, so they are arithmetic, not events: an operation that runs block by block, waiting
for gathers and launching reductions between blocks, is walked through when it starts and is still one event.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

NEVER = 1 << 62
"""Later than anything in a step."""


class Walk(NamedTuple):
    """An operation block by block, in the order in which it runs them.

    durations: compute of each block; gather: the stage's gather that the first block waits for, the next ones follow
    (-1: none); reductions: time of the reduction that each block launches at its end (empty: none).
    """

    chunk: int
    blocks: tuple[int, ...]
    durations: tuple[int, ...]
    gather: int
    reductions: tuple[int, ...]


class Collective(NamedTuple):
    """A collective on the communication stream of a stage: kind "all-gather" or "reduce"."""

    kind: str
    chunk: int
    block: int
    start_ns: int
    end_ns: int


class Gather(NamedTuple):
    """A parameter all-gather to come, in the order of use."""

    chunk: int
    block: int
    duration_ns: int


@dataclass(slots=True)
class Stage:
    """One stage: its operations in order, where it is, when its streams are free, what it waited for (nanoseconds).

    durations, messages, needs, feeds, walks: by position. messages: how long the output travels; walks: how the
    operation passes its blocks, where those matter. targets: the stage that each output goes to. gathers: parameter
    all-gathers in the order of use; gathered_at: when those issued so far end; collectives: all so far. slack_ns: by
    how much later the gathers at the start of the step could have begun.
    """

    index: int
    durations: list[int]
    messages: list[int]
    needs: tuple[int, ...]
    feeds: tuple[int, ...]
    walks: list[Walk | None]
    gathers: list[Gather]
    targets: list["Stage"] = field(default_factory=list, repr=False)
    position: int = 0
    waits_for: int = -1
    free_at: int = 0
    nic_free_at: int = 0
    collective_free_at: int = 0
    waited_message: int = 0
    waited_gather: int = 0
    waited_input: int = 0
    slowed: int = 0
    sending: int = 0
    slack_ns: int = NEVER
    gathered_at: list[int] = field(default_factory=list)
    collectives: list[Collective] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def collect(self, kind: str, chunk: int, block: int, ready_ns: int, duration_ns: int) -> int:
        """Launch a collective; return when it ends."""
        start_ns = max(ready_ns, self.collective_free_at)
        self.collective_free_at = start_ns + duration_ns
        if duration_ns:
            self.collectives.append(Collective(kind, chunk, block, start_ns, self.collective_free_at))
        return self.collective_free_at

    def issue(self, count: int, now_ns: int) -> None:
        """Launch gathers until `count` of the stage's have been."""
        for gather in self.gathers[len(self.gathered_at) : count]:
            end_ns = self.collect("all-gather", gather.chunk, gather.block, now_ns, gather.duration_ns)
            self.gathered_at.append(end_ns)

    def delay_collectives(self, begin_ns: int, lost_ns: int) -> None:
        """Move what the communication stream has not finished at an instant: it lost time to a message."""
        self.collective_free_at += lost_ns
        for i in range(len(self.gathered_at) - 1, -1, -1):
            if self.gathered_at[i] <= begin_ns:
                break
            self.gathered_at[i] += lost_ns
        for i in range(len(self.collectives) - 1, -1, -1):
            one = self.collectives[i]
            if one.end_ns <= begin_ns:
                break
            start_ns = one.start_ns + lost_ns if one.start_ns > begin_ns else one.start_ns
            self.collectives[i] = one._replace(start_ns=start_ns, end_ns=one.end_ns + lost_ns)
