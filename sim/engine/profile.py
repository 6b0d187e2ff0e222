"""From the timeline of a step to its profile: every nanosecond of every stage in exactly one state."""

from collections import Counter

from sim.engine.stage import Stage
from sim.engine.step import StepTimeline
from sim.workload.operations import OpCost
from sim.workload.profile import STEP_STATES
from sim.workload.step_plan import StepPlan


def stage_states(timeline: StepTimeline, stage: Stage, busiest_ns: int) -> Counter[str]:
    """Return nanoseconds by state of one stage; they sum to the step time exactly.

    bubble: idle because the pipeline fills, drains or waits; imbalance: the part of idle by which the busiest stage
    (busiest_ns of compute) computes longer than this one. Exposed communication: waiting for a message in flight (comm_pipeline), for
    gathers and reductions, and the slow-down of kernels beside them (comm_data).
    """
    plan, i = timeline.plan, stage.index
    states = _computing(plan, i)
    computing_ns = states.total()
    states["comm_pipeline"] += stage.waited_message + stage.sending
    states["comm_data"] += stage.waited_gather + stage.slowed + timeline.reduced_ns[i] - stage.free_at
    states["optimizer"] += plan.optimizer_ns[i]
    states["kernel_inefficiency"] += plan.overhead_ns
    idle = timeline.step_ns - states.total()
    assert idle >= 0, "a stage cannot be busy for longer than the step"
    states["imbalance"] = min(idle, busiest_ns - computing_ns)
    states["bubble"] = idle - states["imbalance"]
    return states


def replica_states(timeline: StepTimeline) -> dict[str, int]:
    """Return nanoseconds by state, every step state included, summed over the stages of the replica."""
    total: Counter[str] = Counter()
    busiest_ns = max(_computing(timeline.plan, i).total() for i in range(timeline.plan.stages))
    for stage in timeline.stages:
        total.update(stage_states(timeline, stage, busiest_ns))
    return {state: total[state] for state in STEP_STATES}


def executed_flop(plan: StepPlan) -> float:
    """Return the FLOP that one GPU of every stage executes, summed over stages."""
    return plan.microbatches * sum(cost.flop for row in (*plan.forward, *plan.backward) for cost in row)


def _computing(plan: StepPlan, stage: int) -> Counter[str]:
    states: Counter[str] = Counter()
    costs: tuple[OpCost, ...] = (*plan.forward[stage], *plan.backward[stage])
    for cost in costs:
        for state, duration in cost.state_ns.items():
            states[state] += plan.microbatches * duration
    return states
