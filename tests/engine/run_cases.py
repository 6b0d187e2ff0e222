"""Plans of runs at the scale of Llama 3, for tests and benchmarks."""

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

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000

# Llama 3 (arXiv 2407.21783), table 5: interruptions in 54 days of 16,384 GPUs, with the component of our reading.
LLAMA_CAUSES = (
    ("Faulty GPU", "gpu", 148),
    ("GPU HBM3 Memory", "gpu", 72),
    ("Software Bug", "job", 54),
    ("Network Switch/Cable", "link", 35),
    ("Host Maintenance", "node", 32),
    ("GPU SRAM Memory", "gpu", 19),
    ("GPU System Processor", "gpu", 17),
    ("NIC", "nic", 7),
    ("NCCL Watchdog Timeouts", "job", 7),
    ("Silent Data Corruption", "gpu", 6),
    ("GPU Thermal Interface + Sensor", "gpu", 6),
    ("SSD", "node", 3),
    ("Power Supply", "node", 3),
    ("Server Chassis", "node", 2),
    ("IO Expansion Board", "node", 2),
    ("Dependency", "job", 2),
    ("CPU", "node", 2),
    ("System Memory", "node", 2),
)

_PER_NODE = {"gpu": 8, "nic": 8, "link": 8, "node": 1, "job": 1}


def llama_failures() -> tuple[FailureClass, ...]:
    """The 18 causes with the mean life of one component."""
    return tuple(
        FailureClass(
            cause=cause,
            component=component,
            per_node=_PER_NODE[component],
            life=Law(kind="exponential", mean_s=_components(component) * 54 * 86_400 / count),
            replace=component != "job",
        )
        for cause, component, count in LLAMA_CAUSES
    )


def llama_plan(
    *,
    nodes: int = 2048,
    spare_nodes: int = 24,
    days: int = 54,
    every_min: int = 10,
    crews: int = 8,
    clock: str = "calendar",
    seed: int,
) -> RunPlan:
    """A run of Llama 3's failures per component, with the same mean times whatever its size."""
    return RunPlan(
        nodes=nodes,
        spare_nodes=spare_nodes,
        gpus_per_node=8,
        phases=(PhasePlan(name="main", steps=None, step_time_us=5_300_000, tokens_per_step=16_777_216),),
        failures=llama_failures(),
        failure_clock=clock,
        recovery=RecoveryPlan(
            detect=Law(kind="lognormal", mean_s=120.0, shape=1.0),
            replace=Law(mean_s=120.0),
            initialize=Law(mean_s=180.0),
            warm_up=Law(mean_s=10.0),
        ),
        checkpoint=CheckpointPlan(
            interval_us=every_min * MINUTE_US, block_us=400_000, durable_after_us=8_000_000, restore_us=20_000_000
        ),
        repair=RepairPlan(
            crews=crews,
            automatic=RepairStage(time=Law(mean_s=7_200.0), success=0.6),
            manual=RepairStage(time=Law(kind="exponential", mean_s=172_800.0), success=0.8),
        ),
        seed=seed,
        horizon_us=days * DAY_US,
    )


def _components(component: str) -> int:
    return 1 if component == "job" else 2048 * _PER_NODE[component]
