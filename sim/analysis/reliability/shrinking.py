"""Elastic data parallelism against its closed form."""

from collections.abc import Iterator

from sim.analysis.reliability.oracles import oracle
from sim.analysis.reliability.rows import Predicted
from sim.analysis.reliability.runs import failing, run_plan, sample, wall_s
from sim.reliability.records import Law, RecoveryPlan, RepairPlan, RepairStage
from sim.reliability.recovery.records import ElasticPlan

_STEP_S = 0.25
_REPLICAS, _NODES = 4, 2


def elastic_rows() -> Iterator[Predicted]:
    """Yield the share of its replicas that a job steps with, which lose a node and wait for its repair."""
    given = {"replicas": float(_REPLICAS), "g": float(_NODES), "life_s": 400.0, "repair_s": 60.0}
    stage = RepairStage(time=Law(kind="exponential", mean_s=given["repair_s"]), success=1.0)
    plan = run_plan(
        failures=(failing(given["life_s"], cause="node", component="node", replace=True),),
        recovery=RecoveryPlan(mode="elastic", rework=False, elastic=ElasticPlan(replicas=_REPLICAS)),
        step_s=_STEP_S,
        nodes=_REPLICAS * _NODES,
        failure_clock="operating",
        repair=RepairPlan(crews=0, automatic=stage, manual=stage),
        horizon_s=40_000.0,
    )
    found = sample(plan, 16, lambda trace: trace.retained_steps[0] * _STEP_S / wall_s(trace))
    known = 1 / (1 + _NODES * given["repair_s"] / given["life_s"])
    formula = "mu / (g lambda + mu)"
    yield oracle("elastic replicas", known, found, given, unit="fraction", formula=formula, group="elastic")
