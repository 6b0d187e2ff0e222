"""Small plans whose nodes become slow, on the calendar or in operation, beside whatever else happens."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.failures.slow import DAY_US, GivenPacer
from sim.reliability.records import FailureClass, Law, RunPlan, Slowing, StragglerPlan, Swing
from tests.engine.outage_plans import RuleJudge, outages
from tests.engine.run_plans import TICK_US, laws, run_plans

PER_NODE = {"gpu": 2, "node": 1, "link": 2}


@st.composite
def slow_causes(draw: st.DrawFn, among: Sequence[str] = (*PER_NODE,)) -> tuple[FailureClass, ...]:
    """Causes of slow GPUs and nodes, and of links that keep half of their bandwidth."""
    parts = draw(st.lists(st.sampled_from(among), min_size=1, max_size=3))
    return tuple(
        FailureClass(
            cause=f"slow {part} {position}",
            component=part,
            per_node=PER_NODE[part],
            life=draw(laws(most=300, least=10)),
            replace=False,
            stops=False,
            slowing=Slowing(
                longer=Law(mean_s=draw(st.sampled_from([0.05, 0.2, 1.0]))),
                bandwidth=0.5 if part == "link" else 1.0,
                state=draw(st.sampled_from(["straggler", "throttle"])),
                heals=draw(st.none() | laws(most=60)),
            ),
        )
        for position, part in enumerate(parts)
    )


@st.composite
def stragglers(draw: st.DrawFn) -> StragglerPlan:
    """Any way to look for slow nodes."""
    policy = draw(st.sampled_from(["evict", "wait"]))
    alarms = draw(st.none() | st.integers(20, 300)) if policy == "evict" else None
    return StragglerPlan(
        threshold=draw(st.sampled_from([1.0, 1.1])),
        delay=draw(laws(most=40)),
        policy=policy,
        false_alarm_s=None if alarms is None else alarms * TICK_US * 1e-6,
    )


@st.composite
def slow_plans(draw: st.DrawFn) -> RunPlan:
    """Any small plan with slow nodes, some of whose networks fail too, and which the day slows from its start."""
    plan = draw(run_plans())
    swing = Swing(from_us=DAY_US - 1, to_us=draw(st.integers(1, 300)) * TICK_US, factor=1.5)
    return replace(
        plan,
        failures=(*plan.failures, *draw(slow_causes()), *draw(st.just(()) | outages())),
        recovery=replace(plan.recovery, stragglers=draw(st.none() | stragglers())),
        swing=draw(st.none() | st.just(swing)),
    )


def judges(plan: RunPlan) -> dict[str, RuleJudge | GivenPacer]:
    """Who judges a plan: rules for its network, the given step for the rest."""
    judge = RuleJudge(plan, dual=True)
    return {"judge": judge, "pacer": GivenPacer(judge.step_us, plan.swing)}
