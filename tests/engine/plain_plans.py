"""Random small plans that are plain: those of `run_plans` without what is not, and with slow nodes."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.failures.slow import DAY_US
from sim.reliability.records import RunPlan, SparePlan, Swing
from tests.engine.run_plans import TICK_US, run_plans
from tests.engine.slow_plans import slow_causes, stragglers
from tests.engine.spare_plans import tiers


@st.composite
def plain_plans(draw: st.DrawFn) -> RunPlan:
    """A plan of recoveries that begin anew, of one store or with faster tiers, of cold spares or also hotter ones.

    Half of them are without a horizon near by.
    """
    plan = draw(run_plans(late=False))
    hot = draw(tiers(plan.spare_nodes))
    warm = draw(tiers(plan.spare_nodes - (hot.nodes if hot else 0)))
    recovery = replace(
        plan.recovery,
        mode="requeue",
        on_failure="restart",
        blames_right=1.0,
        spares=SparePlan(hot=hot, warm=warm),
    )
    checkpoint = replace(plan.checkpoint, adaptive=False)
    if not plan.recovery.rework or draw(st.booleans()):
        checkpoint = replace(checkpoint, faster=(), every=1)
    return replace(
        plan,
        checkpoint=checkpoint,
        recovery=recovery,
        horizon_us=plan.horizon_us and plan.horizon_us * draw(st.sampled_from([1, 5])),
    )


@st.composite
def plain_slow_plans(draw: st.DrawFn) -> RunPlan:
    """A plain plan of one store, whose GPUs and nodes become slow, and which the day slows from its start."""
    plan = draw(plain_plans())
    swing = Swing(from_us=DAY_US - 1, to_us=draw(st.integers(1, 300)) * TICK_US, factor=1.5)
    return replace(
        plan,
        failures=(*plan.failures, *draw(slow_causes(["gpu", "node"]))),
        checkpoint=replace(plan.checkpoint, faster=(), every=1),
        recovery=replace(plan.recovery, stragglers=draw(st.none() | stragglers())),
        swing=draw(st.none() | st.just(swing)),
    )
