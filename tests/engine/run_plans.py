"""Random small plans of runs: a few nodes that fail often, with every mechanism."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.failures.hazards import bathtub_law, piecewise_law
from sim.reliability.failures.laws import empirical_law
from sim.reliability.records import (
    AgeBatch,
    CheckpointPlan,
    FailureClass,
    Law,
    Lemons,
    PhasePlan,
    RecoveryPlan,
    RepairPlan,
    RepairStage,
    RunPlan,
    Silent,
    Tier,
)

TABLES = {
    "bathtub": bathtub_law(1.0, 6.0, 0.2, 0.9, 0.3),
    "piecewise": piecewise_law(1.0, [0.1, 1.5], [5.0, 0.5, 3.0]),
    "empirical": empirical_law([0.5, 0.5, 0.8, 2.2]),
}
"""Laws with a table, of mean one."""

LEMONS = Lemons(fraction=0.4, factor=3.0)

# Durations on a coarse grid of 1 ms make ties between failures, stages and checkpoints frequent.
TICK_US = 1000


def durations(most: int) -> st.SearchStrategy[int]:
    """Durations of up to `most` ticks, in microseconds."""
    return st.integers(0, most).map(lambda ticks: ticks * TICK_US)


@st.composite
def laws(draw: st.DrawFn, most: int, least: int = 0) -> Law:
    """A law whose mean is at most `most` ticks."""
    kind = draw(st.sampled_from(["constant", "exponential", "weibull", "lognormal", "uniform", "gamma", *TABLES]))
    mean_s = draw(st.integers(least, most)) * TICK_US * 1e-6
    if kind in TABLES:
        return replace(TABLES[kind], mean_s=mean_s)
    return Law(kind=kind, mean_s=mean_s, shape=draw(st.sampled_from([0.5, 1.0, 0.9])))


@st.composite
def failures(draw: st.DrawFn, late: bool = True) -> tuple[FailureClass, ...]:
    """Up to three causes, of components of different kinds; late: also such as do not stop the job at once."""
    components = draw(st.lists(st.sampled_from(["gpu", "nic", "node", "job"]), max_size=3))
    return tuple(draw(failure(component, position, late)) for position, component in enumerate(components))


@st.composite
def failure(draw: st.DrawFn, component: str, position: int, late: bool) -> FailureClass:
    """A cause that stops the job at once, is noticed later, or is planned."""
    effect = draw(st.sampled_from(["stops", "stops", "silent", "planned"])) if late else "stops"
    return FailureClass(
        cause=f"{component}-{position}",
        component=component,
        per_node=2 if component == "gpu" else 1,
        life=draw(laws(most=400, least=10)),
        replace=component != "job" and effect != "planned" and draw(st.booleans()),
        silent=draw(silences()) if effect == "silent" else None,
        planned=draw(laws(most=40)) if effect == "planned" else None,
        lemons=draw(st.none() | st.just(LEMONS)) if component != "job" else None,
    )


@st.composite
def silences(draw: st.DrawFn) -> Silent:
    """A failure that is noticed late, or never."""
    return Silent(
        found_after=draw(laws(most=100)),
        recall=draw(st.sampled_from([0.0, 0.5, 1.0])),
        rewind_s=draw(st.integers(0, 50)) * TICK_US * 1e-6,
        aborts=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def checkpoints(draw: st.DrawFn) -> CheckpointPlan:
    """Any checkpoint, also none, in up to three tiers."""
    block_us = draw(durations(5))
    interval_us = draw(durations(40))
    faster = draw(st.lists(tiers(), max_size=2))
    return CheckpointPlan(
        interval_us=interval_us,
        block_us=block_us,
        durable_after_us=block_us + draw(durations(50)),
        restore_us=draw(durations(3)),
        max_in_flight=draw(st.integers(0, 3)),
        every=draw(st.integers(1, 4)) if any(tier.every == 1 for tier in faster) else 1,
        keep=draw(st.integers(0, 3)),
        faster=tuple(faster),
        adaptive=draw(st.booleans()) and interval_us > 0 and all(tier.block_us for tier in faster) and block_us > 0,
    )


@st.composite
def tiers(draw: st.DrawFn) -> Tier:
    """A tier faster than the store."""
    block_us = draw(durations(3))
    local = draw(st.booleans())
    return Tier(
        name="host-memory",
        block_us=block_us,
        durable_after_us=block_us + draw(durations(10)),
        restore_us=draw(durations(2)),
        every=draw(st.sampled_from([1, 1, 2, 3])),
        max_in_flight=draw(st.integers(0, 2)),
        keep=draw(st.integers(0, 2)),
        volatile=draw(st.booleans()),
        local=local,
        copies=draw(st.integers(0, 2)) if local else 0,
        apart=draw(st.integers(1, 2)),
    )


@st.composite
def recoveries(draw: st.DrawFn) -> RecoveryPlan:
    """Any recovery."""
    return RecoveryPlan(
        mode=draw(st.sampled_from(["requeue", "in-process"])),
        on_failure=draw(st.sampled_from(["restart", "queue"])),
        detect=draw(laws(most=8)),
        diagnose=draw(laws(most=4)),
        blames_right=draw(st.sampled_from([0.5, 1.0, 1.0])),
        requeue=draw(laws(most=4)),
        rejoin=draw(st.none() | laws(most=4)),
        success=draw(st.sampled_from([{}, {"initialize": 0.5}, {"restore": 0.5, "replace": 0.7}])),
        select_host=draw(laws(most=4)),
        replace=draw(laws(most=8)),
        initialize=draw(laws(most=8)),
        warm_up=draw(laws(most=4)),
        rework=draw(st.booleans()),
        resume_when_idle=draw(st.none() | st.integers(4, 6)),
    )


@st.composite
def repairs(draw: st.DrawFn) -> RepairPlan:
    """Any repair that succeeds in the end."""
    return RepairPlan(
        crews=draw(st.integers(0, 2)),
        automatic=RepairStage(time=draw(laws(most=30)), success=draw(st.sampled_from([0.0, 0.5, 1.0]))),
        manual=RepairStage(time=draw(laws(most=60)), success=draw(st.sampled_from([0.5, 1.0]))),
    )


@st.composite
def phases(draw: st.DrawFn) -> tuple[PhasePlan, ...]:
    """One to three phases, the last perhaps without end."""
    count = draw(st.integers(1, 3))
    steps = [draw(st.integers(1, 30)) for _ in range(count - 1)] + [draw(st.none() | st.integers(1, 60))]
    return tuple(
        PhasePlan(
            name=f"phase-{position}",
            steps=number,
            step_time_us=draw(st.integers(1, 12)) * TICK_US,
            tokens_per_step=1,
        )
        for position, number in enumerate(steps)
    )


@st.composite
def ages(draw: st.DrawFn, nodes: int) -> tuple[AgeBatch, ...]:
    """Ages of all nodes, or none; no component is older than a third of the shortest life, lemons aside."""
    if draw(st.booleans()):
        return ()
    young = draw(st.integers(0, nodes - 1))
    batches = [AgeBatch(nodes=young, age_s=0.0)] if young else []
    return (*batches, AgeBatch(nodes=nodes - young, age_s=draw(st.sampled_from([1, 3])) * TICK_US * 1e-6))


@st.composite
def run_plans(draw: st.DrawFn, late: bool = True) -> RunPlan:
    """Any small plan; its horizon is short, so that no run is long. late: with failures that are noticed late."""
    nodes, spare_nodes = draw(st.integers(1, 4)), draw(st.integers(0, 2))
    return RunPlan(
        nodes=nodes,
        spare_nodes=spare_nodes,
        gpus_per_node=2,
        phases=draw(phases()),
        failures=draw(failures(late)),
        failure_clock=draw(st.sampled_from(["calendar", "operating"])),
        recovery=draw(recoveries()),
        checkpoint=draw(checkpoints()),
        repair=draw(repairs()),
        seed=draw(st.integers(0, 10_000)),
        horizon_us=draw(st.integers(1, 800)) * TICK_US,
        work_us=draw(st.none() | st.integers(1, 400_000)),
        ages=draw(ages(nodes + spare_nodes)),
    )
