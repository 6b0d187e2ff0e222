"""DualPipe and DualPipeV (DeepSeek-V3, arXiv 2412.19437): forwards and backwards of two directions, in pairs.

Their orders are cut from patterns: a step is "F0" (forward of chunk 0), "B1" (input gradient of chunk 1), "w" (weight
gradient of the backward just run) or "W" (the oldest weight gradient put off). Steps of one group run as a unit: a pair
of a forward and the backward of another microbatch as fused kernels, a backward with its weight gradient as one. Where
a pattern needs more microbatches than there are, the order of enough of them is cut down to those there are: what is
left of an order that ends also ends.
"""

from collections import deque

from sim.errors import LayoutError
from sim.workload.schedules import Op, Order, Route
from sim.workload.zero_bubble import expect_chunks

Group = tuple[Op, ...]
"""Operations that run as a unit, (F, B, W) where a forward overlaps with the backward of another microbatch."""


def dualpipe_routes(stages: int, microbatches: int, chunks: int) -> tuple[Route, ...]:
    """Return the routes of DualPipe: the first half of the microbatches down by chunk 0, the second up by chunk 1.

    >>> dualpipe_routes(2, 2, 2)
    (((0, 0), (1, 0)), ((1, 1), (0, 1)))
    """
    _expect_halves(stages, microbatches, chunks)
    down = tuple((i, 0) for i in range(stages))
    up = tuple((i, 1) for i in reversed(range(stages)))
    return (down,) * (microbatches // 2) + (up,) * (microbatches // 2)


def dualpipe(stages: int, microbatches: int, chunks: int) -> Order:
    """Return DualPipe (DeepSeek-V3, arXiv 2412.19437, section 3.2.1): two pipelines in opposite directions.

    Each stage holds the parameters of two chunks, its own and its mirror's, and at most p + 1 microbatches'
    activations. With m >= 2p, W <= min(F, B), no time for messages and the groups of `dualpipe_groups` run as units,
    a pair in max(F, B + W) <= FB <= F + B + W, the stage that idles longest idles (p/2 - 1)(FB + max(F, B) - 2W): for
    F <= B the formula of DeepSeek-V3's table 2. With each operation by itself every stage idles (p/2 - 1)(F + B - W)
    or more, exactly that if F = B. Any even m and p.
    Raises LayoutError for odd stages or microbatches, or unless there are two chunks.

    >>> [" ".join(f"{op.kind}{op.microbatch}{'ab'[op.chunk]}" for op in ops) for ops in dualpipe(2, 2, 2)]
    ['F0a F1b B1b W1b B0a W0a', 'F1b F0a B0a W0a B1b W1b']
    """
    return tuple(_flat(stage) for stage in dualpipe_groups(stages, microbatches, chunks))


def dualpipe_groups(stages: int, microbatches: int, chunks: int) -> tuple[tuple[Group, ...], ...]:
    """Return the order of DualPipe in units: (F, B, W) overlap, (B, W) is one backward, the rest stands alone.

    >>> [len(group) for group in dualpipe_groups(2, 6, 2)[0]]
    [1, 1, 3, 3, 3, 3, 2, 1, 1]
    """
    _expect_halves(stages, microbatches, chunks)
    arm, half = stages // 2, microbatches // 2
    groups = []
    for stage in range(stages):
        depth = min(stage, stages - 1 - stage)
        steps = _dualpipe_steps(arm, depth, max(half, stages))
        groups.append(_expand(steps, half, mirrored=stage >= arm, shift=half))
    return tuple(groups)


def dualpipev(stages: int, microbatches: int, chunks: int) -> Order:
    """Return DualPipeV, DualPipe cut in half (github.com/deepseek-ai/DualPipe): p = 2 x stages virtual stages in a V.

    Bubbles and activations as `dualpipe`, durations and activations per virtual stage, for m >= p. Any m.
    Raises LayoutError unless there are two chunks.

    >>> [" ".join(f"{op.kind}{op.microbatch}{'ab'[op.chunk]}" for op in ops) for ops in dualpipev(1, 1, 2)]
    ['F0a F0b B0b W0b B0a W0a']
    """
    return tuple(_flat(stage) for stage in dualpipev_groups(stages, microbatches, chunks))


def dualpipev_groups(stages: int, microbatches: int, chunks: int) -> tuple[tuple[Group, ...], ...]:
    """Return the order of DualPipeV in units: (F, B, W) overlap, (B, W) is one backward, the rest stands alone.

    >>> [len(group) for group in dualpipev_groups(1, 3, 2)[0]]
    [1, 1, 3, 3, 3, 3, 2, 1, 1]
    """
    expect_chunks("dualpipev", chunks, 2)
    enough = max(microbatches, 2 * stages)
    return tuple(_expand(_dualpipe_steps(stages, i, enough), microbatches) for i in range(stages))


def _dualpipe_steps(arm: int, depth: int, microbatches: int) -> list[str]:
    """Steps of a stage that is `depth` from the outer end of an arm, for microbatches of one direction."""
    inner = arm - 1 - depth
    return [
        *["F0"] * (2 * inner),
        *["F0", "F1"] * (depth + 1),
        *["B1", "W", "F1"] * inner,
        *["F0 B1 w", "F1 B0 w"] * (microbatches - 2 * arm + depth + 1),
        *["B1 w", "F1 B0 w"] * inner,
        *_turning(depth + 1),
        *["W", "B0"] * inner,
        *["W"] * (depth + 1),
    ]


def _turning(rounds: int) -> list[str]:
    """Backwards of both chunks in turn; the second half of them leaves its weight gradients for later."""
    return [f"B{1 - i % 2}" + (" w" if i < rounds else "") for i in range(2 * rounds)]


def _expand(steps: list[str], microbatches: int, *, mirrored: bool = False, shift: int = 0) -> tuple[Group, ...]:
    """Number the microbatches of each chunk and drop those that are not there; chunk 1's are `shift` further on."""
    count: dict[str, int] = {}
    put_off: deque[Op] = deque()
    groups = []
    for step in steps:
        group = []
        for token in step.split():
            if token in "wW":
                group.append(put_off.pop() if token == "w" else put_off.popleft())
                continue
            number = count[token] = count.get(token, -1) + 1
            chunk = int(token[1]) ^ mirrored
            group.append(Op(token[0], number + shift * chunk, chunk))
            if token[0] == "B":
                put_off.append(Op("W", *group[-1][1:]))
        groups.append(tuple(op for op in group if op.microbatch - shift * op.chunk < microbatches))
    return tuple(group for group in groups if group)


def _flat(groups: tuple[Group, ...]) -> tuple[Op, ...]:
    return tuple(op for group in groups for op in group)


def _expect_halves(stages: int, microbatches: int, chunks: int) -> None:
    expect_chunks("dualpipe", chunks, 2)
    for name, number in (("stages", stages), ("microbatches", microbatches)):
        if number % 2:
            raise LayoutError(
                f"parallelism.schedule: dualpipe needs an even number of {name}, got {number}; "
                f"nearest: {f'{number - 1} or ' if number > 1 else ''}{number + 1}"
            )
