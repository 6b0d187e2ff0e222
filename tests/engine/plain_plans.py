"""Random small plans that are plain: those of `run_plans` without what is not."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.records import RunPlan
from tests.engine.run_plans import run_plans


@st.composite
def plain_plans(draw: st.DrawFn) -> RunPlan:
    """A plan of one store and recoveries that begin anew; half of them without a horizon near by."""
    plan = draw(run_plans(late=False))
    recovery = replace(plan.recovery, mode="requeue", on_failure="restart", blames_right=1.0)
    return replace(
        plan,
        checkpoint=replace(plan.checkpoint, faster=(), every=1, adaptive=False),
        recovery=recovery,
        horizon_us=plan.horizon_us and plan.horizon_us * draw(st.sampled_from([1, 5])),
    )
