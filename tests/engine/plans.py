"""Step plans for tests: uniform or random durations, nothing else unless asked for."""

from sim.workload.operations import OpCost
from sim.workload.step_plan import StepPlan


def cost(duration_ns: int) -> OpCost:
    return OpCost(state_ns={"compute_ideal": duration_ns}, flop=0.0)


def uniform_plan(
    schedule: str,
    *,
    stages: int,
    microbatches: int,
    chunks: int = 1,
    forward_ns: int = 600,
    backward_ns: int = 1200,
    message_ns: int = 0,
    gather_ns: int = 0,
    reduce_ns: int = 0,
    data_overlap: bool = True,
    nic_share: float = 0.0,
    blocking_send: bool = False,
    slowdown: float = 1.0,
    optimizer_ns: int = 0,
    overhead_ns: int = 0,
) -> StepPlan:
    """Return a plan whose stages all take forward_ns and backward_ns a microbatch (all chunks together)."""
    assert forward_ns % chunks == backward_ns % chunks == 0
    return StepPlan(
        schedule=schedule,
        stages=stages,
        chunks=chunks,
        microbatches=microbatches,
        forward=((cost(forward_ns // chunks),) * chunks,) * stages,
        backward=((cost(backward_ns // chunks),) * chunks,) * stages,
        boundary_ns=(message_ns,) * stages,
        blocking_send=blocking_send,
        gather_ns=((gather_ns,) * chunks,) * stages,
        reduce_ns=((reduce_ns,) * chunks,) * stages,
        data_overlap=data_overlap,
        nic_share=nic_share,
        slowdown=slowdown,
        optimizer_ns=(optimizer_ns,) * stages,
        overhead_ns=overhead_ns,
    )
