"""Who runs when: list scheduling of runs on the nodes of shared clusters, as a pure function of how long each takes.

At every instant at which a run ends or may begin, runs that are ready (all that they wait for has ended, their day has
come) take free nodes in the order in which they are written. Under "in-order" the first that does not fit holds back
all behind it on the same cluster, so that nothing starves; under "first-fit" smaller ones pass (Graham, 1966: list
scheduling is at most twice as long as the best for runs of one node). Runs are not preempted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from sim.campaign.records import POLICIES
from sim.errors import SimulationError, unknown_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A run to be placed: nodes of one asset for a time, once others have ended and an instant has come."""

    name: str
    asset: str
    nodes: int
    duration_us: int
    after: tuple[str, ...] = ()
    not_before_us: int = 0


class Slot(NamedTuple):
    """When a task holds its nodes, in microseconds from the start of the campaign."""

    task: Task
    start_us: int
    end_us: int


class Level(NamedTuple):
    """So many nodes in use between two instants."""

    start_us: int
    end_us: int
    nodes: int


def schedule(tasks: Sequence[Task], nodes: Mapping[str, int], policy: str = POLICIES[0]) -> tuple[Slot, ...]:
    """Return when every task runs, in order of their start; nodes: of each asset.

    Raises UnknownNameError for another policy, SimulationError where a task can never begin.

    >>> tasks = [Task(name=f"of {n}", asset="a", nodes=n, duration_us=5) for n in (1, 3, 2)]
    >>> [(slot.task.name, slot.start_us) for slot in schedule(tasks, {"a": 3})]
    [('of 1', 0), ('of 3', 5), ('of 2', 10)]
    >>> [(slot.task.name, slot.start_us) for slot in schedule(tasks, {"a": 3}, "first-fit")]
    [('of 1', 0), ('of 2', 0), ('of 3', 5)]
    """
    if policy not in POLICIES:
        raise unknown_name("queue", policy, POLICIES, "queue")
    waiting, slots, running = dict(enumerate(tasks)), list[Slot](), list[Slot]()
    free, left = dict(nodes), Counter(task.name for task in tasks)
    days = sorted({task.not_before_us for task in tasks}, reverse=True)
    now_us = 0
    while waiting or running:
        for slot in [slot for slot in running if slot.end_us <= now_us]:
            running.remove(slot)
            free[slot.task.asset] += slot.task.nodes
            left[slot.task.name] -= 1
        begun = _begun(waiting, free, left, policy, now_us)
        started = [Slot(task, now_us, now_us + task.duration_us) for task in map(waiting.pop, begun)]
        slots += started
        running += started
        if any(slot.end_us == now_us for slot in started):
            continue
        now_us = _next_us(waiting, running, days, now_us)
    return tuple(slots)


def _begun(
    waiting: Mapping[int, Task], free: dict[str, int], left: Mapping[str, int], policy: str, now_us: int
) -> list[int]:
    """Return the places in the queue of tasks that begin now, which take their nodes."""
    begun, held_back = [], set[str]()
    for place, task in waiting.items():
        ready = task.not_before_us <= now_us and not any(left.get(name) for name in task.after)
        if not ready or task.asset in held_back:
            continue
        if task.nodes <= free[task.asset]:
            free[task.asset] -= task.nodes
            begun.append(place)
        elif policy == "in-order":
            held_back.add(task.asset)
        if all(asset in held_back or not nodes for asset, nodes in free.items()):
            break
    return begun


def _next_us(waiting: Mapping[int, Task], running: Sequence[Slot], days: list[int], now_us: int) -> int:
    """Return the next instant at which something ends or may begin; days: those to come, the next one last."""
    while days and days[-1] <= now_us:
        days.pop()
    instants = [*(slot.end_us for slot in running), *days[-1:]]
    if not instants and waiting:
        first = next(iter(waiting.values()))
        waits = f"; it waits for {', '.join(first.after)}" if first.after else ""
        raise SimulationError(f"run '{first.name}' never begins: it asks for {first.nodes} nodes{waits}")
    return min(instants, default=now_us)


def levels(slots: Sequence[Slot], from_us: int, until_us: int) -> Iterator[Level]:
    """Yield how many nodes are in use from one instant to another, an interval a change; slots of one asset.

    >>> task = Task(name="a", asset="x", nodes=2, duration_us=5)
    >>> [*levels([Slot(task, 1, 6)], 0, 10)]
    [Level(start_us=0, end_us=1, nodes=0), Level(start_us=1, end_us=6, nodes=2), Level(start_us=6, end_us=10, nodes=0)]
    """
    change: dict[int, int] = {from_us: 0, until_us: 0}
    for slot in slots:
        change[slot.start_us] = change.get(slot.start_us, 0) + slot.task.nodes
        change[slot.end_us] = change.get(slot.end_us, 0) - slot.task.nodes
    instants, nodes = sorted(change), 0
    for start_us, end_us in pairwise(instants):
        nodes += change[start_us]
        yield Level(start_us, end_us, nodes)


def idle_node_us(slots: Sequence[Slot], nodes: int, from_us: int, until_us: int) -> int:
    """Return the node-microseconds of a cluster that nobody uses."""
    return sum((nodes - level.nodes) * (level.end_us - level.start_us) for level in levels(slots, from_us, until_us))
