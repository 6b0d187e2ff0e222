"""Small jobs to plan: seconds of one core."""

from functools import cache

from sim.analysis.plan.layouts.records import Job
from sim.machine import build_machine
from sim.scenario import load_scenario

SMALL = (
    "model.preset=llama3-8b",
    "model.layers=8",
    "training.phases=[]",
    "training.global_batch=32",
    "training.sequence_length=4096",
    "parallelism.tensor=8",
    "parallelism.pipeline=1",
    "parallelism.data=2",
    'parallelism.schedule={kind = "1f1b"}',
    "cluster.nodes=2",
    "cluster.spare_nodes=0",
    'cluster.topology={kind = "rail-optimized"}',
    "cluster.node=dgx-h100",
    "cluster.network={}",
)


@cache
def small_job(*overrides: str) -> Job:
    """Return eight layers of Llama 3 8B on 16 GPUs."""
    scenario = load_scenario("llama3-405b", [*SMALL, *overrides])
    machine = build_machine(scenario)
    assert machine is not None
    assert scenario.training is not None
    return Job(scenario=scenario, machine=machine, phase=scenario.training.phases[0])
