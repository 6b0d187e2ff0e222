"""What an elastic job did with fewer replicas, and what that cost it."""

from collections import Counter
from typing import Any

from sim.ledger.time.trace import RunTrace
from sim.reliability.recovery.elastic import blocks_of
from sim.simulate import RunResult


def elastic_json(result: RunResult) -> dict[str, Any] | None:
    """Return how long a job stepped with fewer replicas, how few they were, and its ETTR at the pace of all of them.

    full_pace_ettr = sum over phases of retained steps x step of all replicas, over the wall time of the job; ETTR
    counts a longer step by its own time. replicas, least_replicas: of the phase that has most; min_replicas: what it
    waits below. shrunk, regrown: how often. None where the job is not elastic.
    """
    elastic, trace = result.plan.recovery.elastic, result.trace
    if elastic is None:
        return None
    nodes_each = result.plan.nodes / elastic.replicas
    small = [row for row in trace.segments if row.state == "step" and row.nodes < result.plan.nodes]
    kinds = Counter(event.kind for event in trace.events)
    return {
        "replicas": elastic.replicas,
        "min_replicas": elastic.min_replicas,
        "block_nodes": len(blocks_of(result.plan)[0]),
        "least_replicas": round(min((row.nodes for row in small), default=result.plan.nodes) / nodes_each),
        "shrunken_s": sum(row.duration_us for row in small) * 1e-6,
        "shrunk": kinds["shrunk"],
        "regrown": kinds["regrown"],
        "full_pace_ettr": full_pace_ettr(trace, [phase.step_time_us for phase in result.plan.phases]),
    }


def full_pace_ettr(trace: RunTrace, step_us: list[int]) -> float:
    """Return the time that retained steps take with all replicas, by phase, over the wall time of the job."""
    retained_us = sum(steps * us for steps, us in zip(trace.retained_steps, step_us, strict=True))
    return retained_us / trace.end_us if trace.end_us else 0.0
