"""Which operations of a stage pass their chunk block by block, and in which order parameters are gathered."""

from collections.abc import Sequence

from sim.engine.stage import Gather, Walk
from sim.workload.blocks import Blocks, divide
from sim.workload.step_plan import StepPlan, Structure

FORWARD = 0


def walked(
    plan: StepPlan, shape: Structure, index: int, durations: Sequence[int]
) -> tuple[list[Walk | None], list[Gather]]:
    """Return the walk of every position of a stage, None where the blocks do not matter, and the gathers it needs.

    A chunk's first forward waits for the gather of each block; the operation that completes its gradients launches
    the reduction of each block, the last block first. All others run as one.
    """
    walks: list[Walk | None] = [None] * len(durations)
    gathers: list[Gather] = []
    blocks = plan.blocks[index]
    for position, (first, last) in enumerate(zip(shape.first[index], shape.last[index], strict=True)):
        chunk = shape.chunk[index][position]
        gathered = first and any(blocks[chunk].gather_ns)
        reduced = last and plan.data_overlap and any(blocks[chunk].reduce_ns)
        if not (gathered or reduced):
            continue
        order = range(len(blocks[chunk].forward))
        order = order if shape.kind[index][position] == FORWARD else order[::-1]
        walks[position] = Walk(
            chunk=chunk,
            blocks=tuple(order),
            durations=_durations(blocks[chunk], shape.kind[index][position], durations[position]),
            gather=len(gathers) if gathered else -1,
            reductions=tuple(blocks[chunk].reduce_ns[block] for block in order) if reduced else (),
        )
        if gathered:
            gathers += [Gather(chunk, block, blocks[chunk].gather_ns[block]) for block in order]
    return walks, gathers


def _durations(blocks: Blocks, kind: int, duration_ns: int) -> tuple[int, ...]:
    """Return an operation's time by block, in the order in which it passes them."""
    parts = divide(duration_ns, (blocks.forward, blocks.backward, blocks.weight)[kind])
    return parts if kind == FORWARD else parts[::-1]
