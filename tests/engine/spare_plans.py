"""Random small plans with every mechanism of repair and of spares on."""

from dataclasses import replace

from hypothesis import strategies as st

from sim.reliability.records import (
    FailureClass,
    RepairPlan,
    RepairStage,
    RepairStages,
    Retirement,
    RunPlan,
    SparePlan,
    SpareTier,
)
from tests.engine.run_plans import TICK_US, ages, laws, repairs, run_plans


@st.composite
def tiers(draw: st.DrawFn, most: int) -> SpareTier | None:
    """Up to `most` powered spares, or none."""
    nodes = draw(st.integers(0, most))
    return SpareTier(nodes=nodes, replace=draw(laws(most=6))) if nodes else None


@st.composite
def stages(draw: st.DrawFn) -> RepairStages:
    """Stages that succeed in the end."""
    automatic = RepairStage(time=draw(laws(most=30)), success=draw(st.sampled_from([0.0, 0.5, 1.0])))
    return RepairStages(automatic=automatic, manual=RepairStage(time=draw(laws(most=60)), success=0.5))


@st.composite
def shops(draw: st.DrawFn, failures: tuple[FailureClass, ...]) -> RepairPlan:
    """Any repair, with silent failures, retirement and stages by cause."""
    causes = [failure.cause for failure in failures if failure.replace]
    retire = Retirement(
        visits=draw(st.integers(1, 3)),
        within_s=draw(st.integers(1, 400)) * TICK_US * 1e-6,
        replacement=draw(laws(most=80)),
    )
    return replace(
        draw(repairs()),
        by_cause={cause: draw(stages()) for cause in causes if draw(st.booleans())},
        unnoticed=draw(st.sampled_from([0.0, 0.5, 1.0])),
        relapse=draw(laws(most=50, least=5)),
        retire=draw(st.sampled_from([None, retire])),
    )


@st.composite
def spare_plans(draw: st.DrawFn) -> RunPlan:
    """Any small plan with hot, warm and cold spares, of any node or of its domain, and any repair."""
    plan = draw(run_plans())
    often = FailureClass(cause="often", component="node", per_node=1, life=draw(laws(60, 15)), replace=True)
    failures = (*plan.failures, often)
    domain, domains, each = draw(st.sampled_from([(0, 0, 0), (1, 2, 1), (2, 2, 1), (2, 1, 2), (1, 3, 1)]))
    nodes = domain * domains or plan.nodes
    spare_nodes = domains * each + draw(st.integers(0, 1)) * (domain + each) if each else draw(st.integers(0, 4))
    hot = draw(tiers(spare_nodes))
    warm = draw(tiers(spare_nodes - (hot.nodes if hot else 0)))
    spares = SparePlan(hot=hot, warm=warm, per_domain=each, domain_nodes=domain)
    return replace(
        plan,
        nodes=nodes,
        spare_nodes=spare_nodes,
        failures=failures,
        recovery=replace(plan.recovery, spares=spares, resume_when_idle=None),
        ages=draw(ages(nodes + spare_nodes)),
        repair=draw(shops(failures)),
    )
