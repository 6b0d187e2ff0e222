"""Random small plans that are plain: those of `run_plans` without what is not."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.records import RunPlan, SparePlan
from tests.engine.run_plans import run_plans
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
