"""From the timeline of a step to its profile: every nanosecond of every stage in exactly one state."""

from collections import Counter

from sim.catalog.records import Accelerator, Model
from sim.engine.stages.slowest import SlowestReplica
from sim.engine.stages.stage import Stage
from sim.engine.step import StepTimeline, simulate_step
from sim.workload.build import BuiltStep
from sim.workload.layout import Batch, Layout
from sim.workload.profile import STEP_STATES, StepProfile
from sim.workload.step_plan import StepPlan, operation_costs, pipeline_key, runs
from sim.workload.stragglers import GRAINS, ReplicaFactors
from sim.workload.transformer import model_flop_per_token


def stage_states(timeline: StepTimeline, stage: Stage, busiest_ns: int) -> Counter[str]:
    """Return nanoseconds by state of one stage; they sum to the step time exactly.

    bubble: idle because the pipeline fills, drains or waits; imbalance: the part of idle by which the busiest stage
    (busiest_ns of compute) computes longer than this one, and what the mean GPU waits for the busiest experts. Exposed
    communication: waiting for a message in flight (comm_pipeline), for gathers and reductions, and the slow-down of
    kernels beside them (comm_data).
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
    behind = min(idle, busiest_ns - computing_ns)
    states["imbalance"] += behind
    states["bubble"] = idle - behind
    return states


def replica_states(timeline: StepTimeline) -> dict[str, int]:
    """Return nanoseconds by state, every step state included, summed over the stages of the replica."""
    total: Counter[str] = Counter()
    busiest_ns = max(_computing(timeline.plan, i).total() for i in range(timeline.plan.stages))
    for stage in timeline.stages:
        total.update(stage_states(timeline, stage, busiest_ns))
    return {state: total[state] for state in STEP_STATES}


def profile_step(
    built: BuiltStep, model: Model, batch: Batch, layout: Layout, accelerator: Accelerator, factors: ReplicaFactors
) -> tuple[StepProfile, StepTimeline]:
    """Return the profile of a step, and the timeline of a replica whose GPUs all run at the nominal speed.

    Every replica is simulated, and the step ends with the slowest. What it loses to GPUs and nodes that are slow, for
    every GPU, is the state straggler; what it loses on top to those that throttle is the state throttle.
    """
    nominal = simulate_step(built.plan)
    own_ns, slowest_ns = slowest_ns_of(built.plan, factors, nominal.step_ns)
    states = replica_states(nominal)
    states["straggler"] += layout.pipeline * (own_ns - nominal.step_ns)
    states["throttle"] += layout.pipeline * (slowest_ns - own_ns)
    profile = StepProfile(
        step_time_ns=slowest_ns,
        stages=layout.pipeline,
        gpus=layout.gpus,
        tokens=batch.tokens,
        state_ns=states,
        model_flops=batch.tokens * model_flop_per_token(model, batch.sequence_length),
        model_flops_full=batch.tokens * model_flop_per_token(model, batch.sequence_length, causal=False),
        executed_flops=executed_flop(built.plan) * layout.gpus / layout.pipeline,
        peak_flops_per_s=accelerator.peak_flops_per_s[batch.precision],
        peak_bf16_flops_per_s=accelerator.wide_peak_flops_per_s,
        memory=built.memory,
        capacity_bytes=accelerator.hbm_bytes,
    )
    return profile, nominal


def executed_flop(plan: StepPlan) -> float:
    """Return the FLOP that one GPU of every stage executes, summed over stages."""
    counts = runs(pipeline_key(plan))
    return sum(
        times * costs[kind][chunk].flop
        for stage, counted in enumerate(counts)
        for costs in [operation_costs(plan, stage)]
        for (kind, chunk), times in counted.items()
    )


def slowest_ns_of(plan: StepPlan, factors: ReplicaFactors, nominal_ns: int) -> tuple[int, int]:
    """Return the time of a step without throttling and with it: that of the slowest replica, nominal_ns at least.

    A job of GPUs that are all faster than their kind is not taken to be faster: the tables hold the mean of the kind.
    """
    if (factors.own == GRAINS).all() and (factors.throttled == GRAINS).all():
        return nominal_ns, nominal_ns
    replicas = SlowestReplica(plan)
    own_ns = max(replicas.all_ns(factors.own), nominal_ns)
    return own_ns, max(replicas.all_ns(factors.throttled), own_ns)


def _computing(plan: StepPlan, stage: int) -> Counter[str]:
    states: Counter[str] = Counter()
    costs = operation_costs(plan, stage)
    for (kind, chunk), times in runs(pipeline_key(plan))[stage].items():
        for state, duration in costs[kind][chunk].state_ns.items():
            states[state] += times * duration
    return states
