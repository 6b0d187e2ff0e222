"""Random small plans that are plain: those of `run_plans` without what is not."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.records import RunPlan
from tests.engine.run_plans import run_plans


@st.composite
def plain_plans(draw: st.DrawFn) -> RunPlan:
    """A plan of one store, half the time with faster tiers, and of recoveries that begin anew.

    Half of them are without a horizon near by.
    """
    plan = draw(run_plans(late=False))
    recovery = replace(plan.recovery, mode="requeue", on_failure="restart", blames_right=1.0)
    checkpoint = replace(plan.checkpoint, adaptive=False)
    if not plan.recovery.rework or draw(st.booleans()):
        checkpoint = replace(checkpoint, faster=(), every=1)
    return replace(
        plan,
        checkpoint=checkpoint,
        recovery=recovery,
        horizon_us=plan.horizon_us and plan.horizon_us * draw(st.sampled_from([1, 5])),
    )
