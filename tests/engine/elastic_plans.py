"""Random small plans of elastic jobs: up to six nodes in replicas of one to three, beside whatever else happens."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.records import Law, RunPlan, SparePlan, SpareTier
from sim.reliability.recovery.elastic import REGROWS
from sim.reliability.recovery.records import ElasticPlan
from tests.engine.run_plans import ages, run_plans


@st.composite
def elastic_plans(draw: st.DrawFn) -> RunPlan:
    """Any small plan of an elastic job, also with blocks of several replicas whose seats are not in a row."""
    plan = draw(run_plans())
    blocks, each = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    nodes, spare_nodes = blocks * each, draw(st.integers(0, 2))
    together = draw(st.integers(1, 2))
    scattered = tuple(tuple(range(at, nodes, blocks)) for at in range(blocks))
    elastic = ElasticPlan(
        replicas=blocks * together,
        min_replicas=draw(st.integers(1, blocks * together)),
        blocks=scattered if together > 1 or draw(st.booleans()) else (),
        regrow=draw(st.sampled_from(REGROWS)),
    )
    hot = SparePlan(hot=SpareTier(nodes=1, replace=Law()))
    spares = draw(st.sampled_from([SparePlan(), hot])) if spare_nodes else SparePlan()
    recovery = replace(plan.recovery, mode="elastic", elastic=elastic, spares=spares, resume_when_idle=None)
    faster = tuple(replace(tier, local=False, copies=0) for tier in plan.checkpoint.faster)
    return replace(
        plan,
        nodes=nodes,
        spare_nodes=spare_nodes,
        recovery=recovery,
        checkpoint=replace(plan.checkpoint, faster=faster),
        ages=draw(ages(nodes + spare_nodes)),
    )
