"""What a damaged network, slow nodes and the hour of the day cost a run, in longer steps."""

from collections.abc import Iterator
from typing import NamedTuple

from sim.reliability.failures.slow import FALSE_ALARM, touches_network
from sim.reliability.records import RunPlan
from sim.simulate import RunResult


class _Slow(NamedTuple):
    """A stretch of steps: how long it took, and what part of a step was due to network, day and slow nodes."""

    duration_us: int
    nodes: int
    damaged: bool
    network: float
    day: float
    nodes_slow: float


def network_json(result: RunResult) -> dict[str, float] | None:
    """Return how long the job stepped on a damaged network, and the GPU-hours by which its steps were longer for it.

    Longer than the same steps on the whole network, lost ones included; None where no cause touches the network.
    """
    if not any(touches_network(failure) for failure in result.plan.failures):
        return None
    rows = [(row.duration_us, row.network, row.nodes) for row in _slow(result) if row.damaged]
    return {"damaged_s": _seconds(rows), "slowdown_gpu_hours": _gpu_hours(result, rows)}


def stragglers_json(result: RunResult) -> dict[str, float] | None:
    """Return how long slow nodes lengthened steps, the GPU-hours of that, and how many were found; None: nothing slows.

    detected: slow nodes that were found; evicted: of these taken out; false_alarms: healthy nodes taken out.
    """
    if not _can_straggle(result.plan):
        return None
    rows = [(row.duration_us, row.nodes_slow, row.nodes) for row in _slow(result) if row.nodes_slow]
    events = result.trace.events
    evicted = [event.cause for event in events if event.kind == "evicted"]
    alarms = evicted.count(FALSE_ALARM)
    found = sum(event.kind == "detected" for event in events)
    return {
        "seconds": _seconds(rows),
        "gpu_hours": _gpu_hours(result, rows),
        "detected": found + len(evicted) - alarms,
        "evicted": len(evicted) - alarms,
        "false_alarms": alarms,
    }


def diurnal_json(result: RunResult) -> dict[str, float] | None:
    """Return how long the job stepped in the swing of the day, and the GPU-hours of it; None without a swing."""
    if result.plan.swing is None:
        return None
    rows = [(row.duration_us, row.day, row.nodes) for row in _slow(result) if row.day]
    return {"seconds": _seconds(rows), "gpu_hours": _gpu_hours(result, rows)}


def _can_straggle(plan: RunPlan) -> bool:
    stragglers = plan.recovery.stragglers
    slow = any(failure.slowing is not None for failure in plan.failures)
    return slow or (stragglers is not None and stragglers.false_alarm_s is not None)


def _slow(result: RunResult) -> Iterator[_Slow]:
    """Yield the stretches of steps under another condition than that of a job that nothing slows."""
    for row in (row for row in result.trace.segments if row.condition and row.state == "step"):
        pace = result.paces[row.condition - 1]
        whole_ns = result.steps[row.phase].profile.step_time_ns if result.steps else _given_ns(result, row.phase)
        ends = (whole_ns, pace.network_ns[row.phase], pace.swung_ns[row.phase], pace.step_ns[row.phase])
        whole, network, day, slow = (end / ends[-1] for end in ends)
        yield _Slow(row.duration_us, row.nodes, pace.damaged, network - whole, day - network, slow - day)


def _given_ns(result: RunResult, phase: int) -> int:
    return 1000 * result.plan.phases[phase].step_time_us


def _seconds(rows: list[tuple[int, float, int]]) -> float:
    return sum(float(duration_us) for duration_us, _, _ in rows) * 1e-6


def _gpu_hours(result: RunResult, rows: list[tuple[int, float, int]]) -> float:
    return sum(duration_us * part * nodes for duration_us, part, nodes in rows) * result.trace.gpus_per_node / 3.6e9
