"""A small plan of a run, for doctests and tests."""

from sim.reliability.records import (
    CheckpointPlan,
    FailureClass,
    Law,
    PhasePlan,
    RecoveryPlan,
    RepairPlan,
    RepairStage,
    RunPlan,
)


def run_plan() -> RunPlan:
    """Return four nodes of eight GPUs and a spare that train for 100 steps of 10 s, with a checkpoint every 100 s.

    >>> run_plan().nodes
    4
    """
    gpu = FailureClass(
        cause="gpu", component="gpu", per_node=8, life=Law(kind="exponential", mean_s=16_000.0), replace=True
    )
    software = FailureClass(
        cause="software", component="job", per_node=1, life=Law(kind="exponential", mean_s=1_000.0), replace=False
    )
    return RunPlan(
        nodes=4,
        spare_nodes=1,
        gpus_per_node=8,
        phases=(PhasePlan(name="main", steps=100, step_time_us=10_000_000, tokens_per_step=1_000),),
        failures=(gpu, software),
        failure_clock="calendar",
        recovery=RecoveryPlan(detect=Law(mean_s=5.0), replace=Law(mean_s=10.0), initialize=Law(mean_s=3.0)),
        checkpoint=CheckpointPlan(
            interval_us=100_000_000, block_us=2_000_000, durable_after_us=5_000_000, restore_us=4_000_000
        ),
        repair=RepairPlan(
            crews=1,
            automatic=RepairStage(time=Law(mean_s=60.0), success=0.5),
            manual=RepairStage(time=Law(kind="exponential", mean_s=600.0), success=0.9),
        ),
        seed=1,
    )
