"""A pipeline stage in the step simulation.

States of a stage: computing (an event for the end of its operation is pending), waiting (the operation's input has not
arrived; whoever delivers it starts the operation) and drained (no operation left). A stage changes its own
state; another stage may only deliver to it. Its NIC sends one message at a time; its communication stream runs one
collective at a time, beside compute. Both are deterministic queues, so they are arithmetic, not events.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Stage:
    """One stage: its operations in order, where it is, when its streams are free, what it waited for (nanoseconds).

    durations, messages, needs, feeds, opens, closes: by position. messages: how long the output travels; opens: the
    chunk whose parameters the operation is the first to use; closes: the chunk whose gradients it completes (-1: none).
    targets: the stage that each output goes to.
    """

    index: int
    durations: list[int]
    messages: list[int]
    needs: tuple[int, ...]
    feeds: tuple[int, ...]
    opens: list[int]
    closes: list[int]
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
    gathered_at: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
