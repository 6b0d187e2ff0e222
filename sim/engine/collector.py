"""Python's garbage collector during a simulation: many live events make each collection long for nothing."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = (300_000, 50, 1000)
"""Thresholds: the graph of 16,384 GPUs is about 100,000 objects, none of which is ever garbage."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect rarely inside the block, as before after it."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def collect_rarely() -> None:
    """Collect rarely until this process ends, and never look again at what it has loaded so far.

    A process that only simulates has no use for more: each block that ends would let it search all modules, for longer
    than a short run takes.
    """
    gc.freeze()
    gc.set_threshold(*RARELY)
