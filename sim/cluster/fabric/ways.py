"""The ways of messages that each take one path: hashed sub-flows, hop by hop."""

from collections.abc import Iterable, Iterator

import numpy as np

from sim.cluster.fabric.arrays import Fabric, IntArray
from sim.cluster.fabric.d_mod_k import d_mod_k_pick
from sim.cluster.fabric.fluid import walks
from sim.cluster.fabric.hashing import Pick, ecmp_pick
from sim.cluster.fabric.placing import Placed
from sim.cluster.fabric.routing import Router
from sim.cluster.records import NetworkSettings

_BLOCK = 1 << 20
"""Sub-flows hashed at once: bounds memory, changes no result."""

Block = tuple[IntArray, Iterable[tuple[IntArray, IntArray]]]
"""The message of every sub-flow of a block, and (sub-flow, cable) hop by hop."""


class Ways:
    """The ways of the sub-flows of placed messages: (message of each sub-flow, its (sub-flow, cable) hop by hop).

    Yields a block of sub-flows at a time. A single block is kept; where there are more they are walked whenever asked.
    """

    def __init__(self, placed: Placed, router: Router, settings: NetworkSettings) -> None:
        self.placed, self.router, self.settings = placed, router, settings
        self._kept: tuple[Block, ...] | None = None

    def __iter__(self) -> Iterator[Block]:
        if self._kept is None and self.placed.nic_source.size <= _block(self.settings):
            self._kept = tuple((part, tuple(hops)) for part, hops in self._walked())
        return self._walked() if self._kept is None else iter(self._kept)

    def _walked(self) -> Iterator[Block]:
        source, target = leaves_of(self.placed, self.router.fabric)
        for part, pick in _subflows(self.placed, self.router, self.settings):
            yield part, walks(self.router, source[part], target[part], pick)


def leaves_of(placed: Placed, fabric: Fabric) -> tuple[IntArray, IntArray]:
    """Return the leaf of each end."""
    return fabric.leaf[placed.nic_source], fabric.leaf[placed.nic_target]


def subflows_each(settings: NetworkSettings) -> int:
    """Return the sub-flows of a message, each of which is hashed."""
    return settings.queue_pairs if settings.routing == "ecmp" else 1


def _block(settings: NetworkSettings) -> int:
    """Return the messages whose sub-flows are hashed at once."""
    return max(1, _BLOCK // subflows_each(settings))


def _subflows(placed: Placed, router: Router, settings: NetworkSettings) -> Iterator[tuple[IntArray, Pick]]:
    """Yield the message of every sub-flow, a block at a time, with its choice of path."""
    each, size = subflows_each(settings), _block(settings)
    for first in range(0, placed.nic_source.size, size):
        block = np.arange(first, min(first + size, placed.nic_source.size))
        source, target = placed.nic_source[block], placed.nic_target[block]
        if settings.routing == "d-mod-k":
            yield block, d_mod_k_pick(router.number[target])
        else:
            yield np.repeat(block, each), ecmp_pick(source[:, None], target[:, None], np.arange(each), settings.seed)
