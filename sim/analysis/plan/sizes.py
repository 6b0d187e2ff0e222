"""How many GPUs a plan may hold: whole nodes, in steps of a quarter of a power of two."""

from math import ceil, floor

from sim.catalog.records import Node

STEPS = (4, 5, 6, 7)
"""Quarters of a power of two: sizes at most a quarter apart whose divisors leave many layouts."""


def ladder(most_nodes: int) -> list[int]:
    """Return the numbers of nodes that are considered, in order.

    >>> ladder(16)
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16]
    """
    sizes = {step << power for power in range(most_nodes.bit_length()) for step in STEPS} | {1, 2, 3}
    return sorted(size for size in sizes if size <= most_nodes)


def at_least(gpus: float, node: Node) -> int:
    """Return the fewest GPUs on the ladder that are as many.

    >>> from sim import catalog
    >>> at_least(1000, catalog.node("dgx-h100")), at_least(1030, catalog.node("dgx-h100"))
    (1024, 1280)
    """
    nodes = max(1, ceil(gpus / node.accelerators - 1e-9))
    return next(size for size in ladder(4 * nodes) if size >= nodes) * node.accelerators


def at_most(gpus: float, node: Node) -> int:
    """Return the most GPUs on the ladder that are no more, 0 where not even a node is.

    >>> from sim import catalog
    >>> at_most(1030, catalog.node("dgx-h100")), at_most(7, catalog.node("dgx-h100"))
    (1024, 0)
    """
    nodes = floor(gpus / node.accelerators + 1e-9)
    return max(ladder(nodes), default=0) * node.accelerators if nodes > 0 else 0
