"""ZB-V, the zero-bubble schedule of two chunks a stage, which microbatches pass down and back up in a V."""

from collections import deque

from sim.workload.schedules import Op, Order, Route
from sim.workload.zero_bubble import expect_chunks


def v_routes(stages: int, microbatches: int, chunks: int) -> tuple[Route, ...]:
    """Return the route of every microbatch: down the stages by chunk 0, back up by chunk 1.

    >>> v_routes(2, 1, 2)
    (((0, 0), (1, 0), (1, 1), (0, 1)),)
    """
    expect_chunks("a V", chunks, 2)
    return ((*((i, 0) for i in range(stages)), *((i, 1) for i in reversed(range(stages)))),) * microbatches


def zb_v(stages: int, microbatches: int, chunks: int) -> Order:
    """Return the handcrafted ZB-V (Qi et al. arXiv 2401.10241, section 6), made for F = B = W.

    No stage idles within its span if F = B = W, m >= 2p - 1 and messages take no time; every stage then holds p
    microbatches' activations. Fewer microbatches run in the order of 2p - 1, cut down to those there are: what is
    left of an order that ends also ends. Raises LayoutError unless there are two chunks.

    >>> [" ".join(f"{op.kind}{op.microbatch}{'ab'[op.chunk]}" for op in ops) for ops in zb_v(1, 1, 2)]
    ['F0a F0b B0b W0b B0a W0a']
    """
    expect_chunks("zb-v", chunks, 2)
    enough = max(microbatches, 2 * stages - 1)
    return tuple(_numbered(_pattern(stages, stage, enough), microbatches) for stage in range(stages))


def _pattern(stages: int, depth: int, microbatches: int) -> list[str]:
    """Return a stage's steps: "F0" forward of chunk 0, "B1" input gradient of chunk 1, "w" the weight gradient of the
    backward just run, "W" the oldest one put off.
    """
    rest = stages - depth
    warm_up = 2 * rest - 1 + depth
    both = ["B0", "w", "F1", "B1", "w"]
    return [
        *["F0"] * (2 * rest - 1),
        *["F1", "F0"] * depth,
        *["F1", "B1", "w"] * rest,
        *["F0", *both] * (microbatches - warm_up),
        *both * (warm_up - stages),
        *["B0", "B1"] * depth,
        *["B0", "W"] * rest,
        *["W"] * (2 * depth),
    ]


def _numbered(steps: list[str], microbatches: int) -> tuple[Op, ...]:
    """Number the microbatches of each chunk, and drop those that are not there."""
    count: dict[str, int] = {}
    put_off: deque[Op] = deque()
    ops = []
    for step in steps:
        if step in "wW":
            ops.append(put_off.pop() if step == "w" else put_off.popleft())
            continue
        count[step] = number = count.get(step, -1) + 1
        op = Op(step[0], number, int(step[1]))
        ops.append(op)
        if op.kind == "B":
            put_off.append(op._replace(kind="W"))
    return tuple(op for op in ops if op.microbatch < microbatches)
