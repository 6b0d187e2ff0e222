"""The profile of a step whose replicas do not run the same number of microbatches: all wait for the slowest."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd

from sim.engine.stages.profile import executed_flop, replica_states, slowest_ns_of
from sim.engine.step import StepTimeline, simulate_step
from sim.workload.profile import STEP_STATES, StepProfile
from sim.workload.step_plan import StepPlan
from sim.workload.stragglers import ReplicaFactors


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """So many replicas of a job that run the same step, and the speeds of those that hold it up: [replica, stage]."""

    replicas: int
    plan: StepPlan
    factors: ReplicaFactors


def profile_mixed(parts: Sequence[Alike], whole: StepProfile, gpus: int) -> tuple[StepProfile, StepTimeline]:
    """Return the profile of a step of replicas of some kinds on `gpus` GPUs, and the timeline of one of the slowest.

    The step ends with the slowest replica. What those of another kind wait for it, at nominal speed, is imbalance; what
    slow GPUs cost is straggler and throttle, as where all are alike. States are summed over the fewest replicas that
    hold the kinds as the job does, which is why they stay integers: stages counts theirs. whole: of the job with all of
    its replicas, whose tokens, model FLOP and memory are taken over.
    """
    timelines = [simulate_step(part.plan) for part in parts]
    slowest = max(timelines, key=lambda timeline: timeline.step_ns)
    own_ns, end_ns = _ends(parts, timelines)
    replicas, each = sum(part.replicas for part in parts), gcd(*(part.replicas for part in parts))
    stages = replicas // each * slowest.plan.stages
    states = Counter({"straggler": stages * (own_ns - slowest.step_ns), "throttle": stages * (end_ns - own_ns)})
    for part, timeline in zip(parts, timelines, strict=True):
        for state, ns in _waiting(timeline, slowest.step_ns).items():
            states[state] += part.replicas // each * ns
    per_stage = gpus / replicas / slowest.plan.stages
    profile = replace(
        whole,
        step_time_ns=end_ns,
        stages=stages,
        gpus=gpus,
        state_ns={state: states[state] for state in STEP_STATES},
        executed_flops=sum(part.replicas * executed_flop(part.plan) for part in parts) * per_stage,
    )
    return profile, slowest


def _ends(parts: Sequence[Alike], timelines: Sequence[StepTimeline]) -> tuple[int, int]:
    """Return the time of a step without throttling and with it: those of the slowest replica of any kind."""
    pairs = zip(parts, timelines, strict=True)
    ends = [slowest_ns_of(part.plan, part.factors, timeline.step_ns) for part, timeline in pairs]
    return max(own_ns for own_ns, _ in ends), max(end_ns for _, end_ns in ends)


def _waiting(timeline: StepTimeline, end_ns: int) -> Counter[str]:
    """Return the states of a replica that waits until a step ends."""
    states = Counter(replica_states(timeline))
    states["imbalance"] += timeline.plan.stages * (end_ns - timeline.step_ns)
    return states
