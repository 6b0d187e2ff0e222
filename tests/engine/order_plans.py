"""Random small plans that retire nodes and order new ones, beside every other mechanism."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.records import FailureClass, Law, Reorder, Retirement, RunPlan, SparePlan
from tests.engine.elastic_plans import elastic_plans
from tests.engine.run_plans import TICK_US, laws
from tests.engine.shared_plans import shared_plans
from tests.engine.slow_plans import slow_plans
from tests.engine.spare_plans import spare_plans
from tests.engine.store_plans import store_plans


@st.composite
def order_plans(draw: st.DrawFn) -> RunPlan:
    """Any small plan with a spare at least, whose nodes are retired after a visit or two, and are ordered anew."""
    kinds = spare_plans(), slow_plans(), shared_plans(network=True), elastic_plans(), store_plans()
    plan = draw(st.one_of(*kinds))
    spare_nodes = max(plan.spare_nodes, draw(st.integers(1, 3)))
    below = draw(st.integers(0, spare_nodes - 1))
    often = FailureClass(cause="worn", component="node", per_node=1, life=draw(laws(60, 15)), replace=True)
    retire = Retirement(visits=draw(st.integers(1, 2)), within_s=400 * TICK_US * 1e-6, replacement=None)
    reorder = Reorder(below=below, order=draw(st.integers(1, spare_nodes - below)), lead=draw(laws(most=120, least=1)))
    spares = plan.recovery.spares
    pooled = SparePlan() if spares.per_domain else spares
    return replace(
        plan,
        spare_nodes=spare_nodes,
        failures=(*plan.failures, often),
        recovery=replace(plan.recovery, spares=pooled, resume_when_idle=None),
        repair=replace(
            plan.repair, retire=retire, reorder=reorder, relapse=Law(mean_s=9.0) if plan.repair.unnoticed else Law()
        ),
        ages=plan.ages if spare_nodes == plan.spare_nodes else (),
    )
