"""Which operations of a stage pass their chunk block by block, and in which order parameters are gathered."""

from collections.abc import Sequence

from sim.engine.stages.stage import Gather, Walk
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
    opens, closes = _opens(plan, shape, index), _closes(plan, shape, index)
    for position in [i for i, marks in enumerate(zip(opens, closes, strict=True)) if True in marks]:
        kind, chunk = shape.kind[index][position], shape.chunk[index][position]
        blocks = plan.blocks[index][chunk]
        gathered, reduced = (
            marks[position] and any(times) for marks, times in ((opens, blocks.gather_ns), (closes, blocks.reduce_ns))
        )
        if not (gathered or reduced):
            continue
        walks[position] = _walk(blocks, kind, chunk, durations[position], len(gathers) if gathered else -1, reduced)
        if gathered:
            gathers += [Gather(chunk, block, blocks.gather_ns[block]) for block in _order(blocks, kind)]
    return walks, gathers


def _opens(plan: StepPlan, shape: Structure, index: int) -> Sequence[bool]:
    """Return which positions wait for gathers."""
    if not plan.regather:
        return shape.first[index]
    return [kind in (FORWARD, BACKWARD) for kind in shape.kind[index]]


def _closes(plan: StepPlan, shape: Structure, index: int) -> Sequence[bool]:
    """Return which positions launch reductions; without overlap what is reduced once comes after all operations."""
    if plan.reduces == "last" and not plan.data_overlap:
        return (False,) * len(shape.kind[index])
    return {"each": shape.closes, "turns": shape.turns, "last": shape.last}[plan.reduces][index]


def _walk(blocks: Blocks, kind: int, chunk: int, duration_ns: int, gather: int, reduced: bool) -> Walk:
    order = _order(blocks, kind)
    parts = divide(duration_ns, block_shares(blocks, kind))
    return Walk(
        chunk=chunk,
        blocks=tuple(order),
        durations=tuple(parts[block] for block in order),
        gather=gather,
        reductions=tuple(blocks.reduce_ns[block] for block in order) if reduced else (),
    )


def block_shares(blocks: Blocks, kind: int) -> tuple[int, ...]:
    """Return the relative times of an operation's blocks; the gradients of what runs as one end together."""
    if kind <= WEIGHT:
        return (blocks.forward, blocks.backward, blocks.weight)[kind]
    return tuple(b + w for b, w in zip(blocks.backward, blocks.weight, strict=True))


def _order(blocks: Blocks, kind: int) -> range:
    order = range(len(blocks.forward))
    return order if kind == FORWARD else order[::-1]
