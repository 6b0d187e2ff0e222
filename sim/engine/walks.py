"""Which operations of a stage pass their chunk block by block, and in which order parameters are gathered."""

from collections.abc import Sequence

from sim.engine.stage import Gather, Walk
from sim.workload.apportion import divide
from sim.workload.blocks import Blocks
from sim.workload.step_plan import BACKWARD, FORWARD, WEIGHT, StepPlan, Structure


def walked(
    plan: StepPlan, shape: Structure, index: int, durations: Sequence[int]
) -> tuple[list[Walk | None], list[Gather]]:
    """Return the walk of every position of a stage, None where the blocks do not matter, and the gathers it needs.

    A chunk's first forward, or every forward and input gradient, waits for the gather of each block; the operation that
    completes its gradients, or those of a microbatch or a run of them, launches the reduction of each block, the last
    block first.
    """
    walks: list[Walk | None] = [None] * len(durations)
    gathers: list[Gather] = []
    for position, (kind, chunk) in enumerate(zip(shape.kind[index], shape.chunk[index], strict=True)):
        blocks = plan.blocks[index][chunk]
        gathered = _gathers(plan, shape, index, position) and any(blocks.gather_ns)
        reduced = _reduces(plan, shape, index, position) and any(blocks.reduce_ns)
        if not (gathered or reduced):
            continue
        walks[position] = _walk(blocks, kind, chunk, durations[position], len(gathers) if gathered else -1, reduced)
        if gathered:
            gathers += [Gather(chunk, block, blocks.gather_ns[block]) for block in _order(blocks, kind)]
    return walks, gathers


def _gathers(plan: StepPlan, shape: Structure, index: int, position: int) -> bool:
    return shape.first[index][position] or (plan.regather and shape.kind[index][position] in (FORWARD, BACKWARD))


def _reduces(plan: StepPlan, shape: Structure, index: int, position: int) -> bool:
    """Without overlap what is reduced once comes after everything else, outside the operations."""
    marks = {"each": shape.closes, "turns": shape.turns, "last": shape.last}[plan.reduces]
    return marks[index][position] and (plan.data_overlap or plan.reduces != "last")


def _walk(blocks: Blocks, kind: int, chunk: int, duration_ns: int, gather: int, reduced: bool) -> Walk:
    order = _order(blocks, kind)
    parts = divide(duration_ns, _shares(blocks, kind))
    return Walk(
        chunk=chunk,
        blocks=tuple(order),
        durations=tuple(parts[block] for block in order),
        gather=gather,
        reductions=tuple(blocks.reduce_ns[block] for block in order) if reduced else (),
    )


def _shares(blocks: Blocks, kind: int) -> tuple[int, ...]:
    """Return the relative times of an operation's blocks; the gradients of what runs as one end together."""
    if kind <= WEIGHT:
        return (blocks.forward, blocks.backward, blocks.weight)[kind]
    return tuple(b + w for b, w in zip(blocks.backward, blocks.weight, strict=True))


def _order(blocks: Blocks, kind: int) -> range:
    order = range(len(blocks.forward))
    return order if kind == FORWARD else order[::-1]
