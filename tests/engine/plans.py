"""Step plans for tests: uniform or random durations, nothing else unless asked for."""

from dataclasses import replace
from typing import Any

from sim.workload.apportion import divide
from sim.workload.blocks import Blocks
from sim.workload.operations import OpCost
from sim.workload.step_plan import StepPlan
from sim.workload.zero_bubble import PassTimes


def cost(duration_ns: int) -> OpCost:
    return OpCost(state_ns={"compute_ideal": duration_ns}, flop=0.0)


def split_plan(
    schedule: str, p: int, m: int, passes: tuple[int, int, int], exposed_ns: tuple[int, int] = (0, 0), **options: Any
) -> StepPlan:
    """Return a plan of two chunks a stage with (F, B, W) of each chunk, of which F and B hold exposed communication."""

    def grid(duration_ns: int, exposed_ns: int = 0) -> tuple[tuple[OpCost, ...], ...]:
        states = {"compute_ideal": duration_ns - exposed_ns, "comm_tensor": exposed_ns}
        return ((OpCost(state_ns=states, flop=1.0),) * 2,) * p

    plan = uniform_plan(
        schedule, stages=p, microbatches=m, chunks=2, forward_ns=2, backward_ns=2, weight_ns=2, **options
    )
    return replace(
        plan,
        forward=grid(passes[0], exposed_ns[0]),
        backward=grid(passes[1], exposed_ns[1]),
        weight=grid(passes[2]),
    )


def uniform_plan(
    schedule: str,
    *,
    stages: int,
    microbatches: int,
    chunks: int = 1,
    forward_ns: int = 600,
    backward_ns: int = 1200,
    weight_ns: int | None = None,
    weight_share: float = 1.0,
    message_ns: int = 0,
    gather_ns: int = 0,
    reduce_ns: int = 0,
    blocks: int = 1,
    regather: bool = False,
    prefetch: int | None = None,
    reduces: str = "last",
    data_overlap: bool = True,
    nic_share: float = 0.0,
    blocking_send: bool = False,
    slowdown: float = 1.0,
    optimizer_ns: int = 0,
    optimizer_sync: str = "global-norm",
    overhead_ns: int = 0,
) -> StepPlan:
    """Return a plan whose stages all take forward_ns and backward_ns a microbatch (all chunks together).

    gather_ns, reduce_ns: of a chunk, in equal blocks.

    weight_ns: of weight gradients, for schedules that keep them apart.
    """
    assert forward_ns % chunks == backward_ns % chunks == (weight_ns or 0) % chunks == 0
    weight = () if weight_ns is None else ((cost(weight_ns // chunks),) * chunks,) * stages
    times = None if weight_ns is None else PassTimes(forward_ns, backward_ns, weight_ns, message_ns)
    parts = Blocks(
        forward=(1,) * blocks,
        backward=(1,) * blocks,
        weight=(1,) * blocks,
        gather_ns=divide(gather_ns, (1,) * blocks),
        reduce_ns=divide(reduce_ns, (1,) * blocks),
    )
    return StepPlan(
        schedule=schedule,
        stages=stages,
        chunks=chunks,
        microbatches=microbatches,
        forward=((cost(forward_ns // chunks),) * chunks,) * stages,
        backward=((cost(backward_ns // chunks),) * chunks,) * stages,
        weight=weight,
        times=times,
        weight_share=weight_share,
        boundary_ns=(message_ns,) * stages,
        blocking_send=blocking_send,
        blocks=((parts,) * chunks,) * stages,
        regather=regather,
        prefetch=prefetch,
        reduces=reduces,
        data_overlap=data_overlap,
        nic_share=nic_share,
        slowdown=slowdown,
        optimizer_ns=(optimizer_ns,) * stages,
        optimizer_sync=optimizer_sync,
        overhead_ns=overhead_ns,
    )
