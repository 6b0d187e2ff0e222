"""The step engine: operations per second, events per operation, its ratio to a heapq list scheduler; the estimate."""

from heapq import heappop, heappush
from time import perf_counter

import numpy as np

from sim.engine.stages.replicas import replica_steps_ns
from sim.engine.step import simulate_step
from sim.workload.estimate import estimate_step_ns
from sim.workload.step_plan import StepPlan, pipeline_key, structure
from tests.engine.plans import uniform_plan


def heapq_makespan(plan: StepPlan) -> int:
    """Return the makespan by the simplest event loop there is: a heap of (end, stage); no states, no streams."""
    shape = structure(pipeline_key(plan))
    costs = [
        [[c.duration_ns for c in plan.forward[s]], [c.duration_ns for c in plan.backward[s]]]
        for s in range(plan.stages)
    ]
    arrived = [-1] * shape.slots
    position, waits, end = [0] * plan.stages, [-1] * plan.stages, 0
    heap: list[tuple[int, int]] = []

    def advance(s: int, free: int) -> None:
        i = position[s]
        if i == len(shape.kind[s]):
            return
        need = shape.needs[s][i]
        if need >= 0 and arrived[need] < 0:
            waits[s] = need
            return
        waits[s] = -1
        start = max(free, arrived[need]) if need >= 0 else free
        heappush(heap, (start + costs[s][shape.kind[s][i]][shape.chunk[s][i]], s))

    for stage in range(plan.stages):
        advance(stage, 0)
    while heap:
        end, s = heappop(heap)
        feeds, target = shape.feeds[s][position[s]], shape.target[s][position[s]]
        position[s] += 1
        if feeds >= 0:
            arrived[feeds] = end + plan.boundary_ns[s]
            if waits[target] == feeds:
                advance(target, end)
        advance(s, end)
    return end


def measure() -> dict[str, float]:
    """Return seconds, operations per second, events per operation and the ratio to the heapq loop."""
    results: dict[str, float] = {}
    for name, stages, microbatches, chunks in (("p16 v8 m64", 16, 64, 8), ("p64 v2 m512", 64, 512, 2)):
        plan = uniform_plan(
            "interleaved", stages=stages, microbatches=microbatches, chunks=chunks, forward_ns=4800, backward_ns=9600
        )
        operations = 2 * stages * microbatches * chunks
        assert heapq_makespan(plan) == simulate_step(plan).step_ns == estimate_step_ns(plan).step_ns
        plain_s = min(_timed(lambda plan=plan: heapq_makespan(plan)) for _ in range(3))
        step_s = min(_timed(lambda plan=plan: simulate_step(plan)) for _ in range(3))
        estimate_s = min(_timed(lambda plan=plan: estimate_step_ns(plan)) for _ in range(9))
        results |= {
            f"estimate {name}: seconds": estimate_s,
            f"step {name}: seconds": step_s,
            f"step {name}: operations per second": operations / step_s,
            f"step {name}: times a heapq list scheduler": step_s / plain_s,
            f"step {name}: events per operation": simulate_step(plan).events / operations,
        }
    layers = 16
    plan = uniform_plan(
        "1f1b",
        stages=8,
        microbatches=64,
        forward_ns=4800,
        backward_ns=9600,
        blocks=layers,
        gather_ns=800,
        reduce_ns=800,
        regather=True,
        prefetch=1,
        reduces="each",
    )
    step_s = min(_timed(lambda: simulate_step(plan)) for _ in range(3))
    results["step zero3 p8 m64, 16 layers a stage: layers per second"] = 2 * 8 * 64 * layers / step_s
    return results | _all_replicas()


def _all_replicas() -> dict[str, float]:
    """Return what 128 different replicas cost, in seconds and in steps of one of them."""
    plan = uniform_plan(
        "interleaved", stages=16, microbatches=16, chunks=8, forward_ns=48000, backward_ns=96000, slowdown=1.03
    )
    factors = np.random.default_rng(1).integers(1000, 1050, (128, 16))
    all_s = min(_timed(lambda: replica_steps_ns(plan, factors)) for _ in range(3))
    step_s = min(_timed(lambda: simulate_step(plan)) for _ in range(3))
    return {"128 replicas p16 v8 m16: seconds": all_s, "128 replicas p16 v8 m16: times one": all_s / step_s}


def _timed(work: object) -> float:
    start = perf_counter()
    assert callable(work)
    work()
    return perf_counter() - start
