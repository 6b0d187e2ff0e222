"""When components fail: lives keyed so that nothing that a policy decides moves them.

Component i of a cause (node x per_node + local, 0 for the whole job) draws its k-th life from element i of the stream
(seed, "failure", cause, k). More nodes, another topology or another policy read other elements, or the same
elements in another order; the k-th life of a component stays what it is. Switches and cables draw by their names, so
that what two networks both have keeps its lives.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.reliability.laws import MAX_US, cdf, draw_us, durations_us
from sim.reliability.records import SHARED_COMPONENTS, FailureClass
from sim.streams import named_uniforms, uniform_at, uniforms

JOB = -1
"""The node of a component that belongs to the job as a whole."""

# One uniform drawn alone costs as much as this many drawn in a row (measured, caches cold).
_ALONE = 4000


class Life(NamedTuple):
    """The k-th life of a component and the age of its node at which it ends; lives sort by when, then by what.

    cause: position in the plan's failures; ordinal: k, from 0; node: where the component sits, JOB for the whole job.
    """

    end_us: int
    cause: int
    component: int
    ordinal: int
    node: int


class Uniforms:
    """The uniforms of one stream by element: one at a time while few are asked for, then in a block.

    `likely` elements are drawn at once when that pays; the numbers do not depend on how they are drawn.

    >>> few, many = Uniforms(1, "a", likely=4), Uniforms(1, "a", likely=10_000)
    >>> few.at(2) == many.at(2)
    True
    """

    __slots__ = ("asked", "block", "drawn", "likely", "names", "seed")

    def __init__(self, seed: int, *names: str | int, likely: int) -> None:
        self.seed = seed
        self.names = names
        self.likely = likely
        self.asked = 0
        self.drawn = 0
        self.block: NDArray[np.float64] = np.empty(0)

    def at(self, index: int) -> float:
        """Return element `index`, in [0, 1)."""
        if index < self.drawn:
            return self.block.item(index)
        self.asked += 1
        size = max(self.likely, 2 * index)
        if self.asked * _ALONE < size:
            return uniform_at(self.seed, *self.names, index=index)
        self.drawn = size + 1
        self.block = uniforms(self.seed, *self.names, count=self.drawn)
        return self.block.item(index)


class Lives:
    """The lives of all components of `nodes` nodes, and of the job.

    >>> from sim.reliability.records import Law
    >>> gpu = FailureClass(cause="gpu", component="gpu", per_node=8, life=Law(mean_s=5.0), replace=True)
    >>> Lives(1, [gpu], nodes=2).renewed(Life(5_000_000, 0, 9, 0, 1), 7_000_000)
    Life(end_us=12000000, cause=0, component=9, ordinal=1, node=1)
    """

    def __init__(self, seed: int, failures: Sequence[FailureClass], nodes: int) -> None:
        self.seed = seed
        self.failures = tuple(failures)
        self.nodes = nodes
        self._uniforms: dict[tuple[int, int], Uniforms] = {}

    def renewed(self, life: Life, age_us: int) -> Life:
        """Return the next life of the same component, begun when its node's age is `age_us`: at least 1 us long."""
        _, cause, component, ordinal, node = life
        ordinal += 1
        failure = self.failures[cause]
        if failure.names:
            drawn_by_name = named_uniforms(
                self.seed, "failure", failure.cause, ordinal, members=failure.names[component : component + 1]
            )
            length_us = draw_us(failure.life, drawn_by_name.item(0))
            return Life(age_us + max(length_us, 1), cause, component, ordinal, node)
        drawn = self._uniforms.get((cause, ordinal))
        if drawn is None:
            count = component_count(failure, self.nodes)
            drawn = Uniforms(self.seed, "failure", failure.cause, ordinal, likely=count)
            self._uniforms[cause, ordinal] = drawn
        length_us = draw_us(failure.life, drawn.at(component))
        return Life(age_us + max(length_us, 1), cause, component, ordinal, node)

    def renewed_all(self, node: int, ordinals: Mapping[tuple[int, int], int], age_us: int) -> Iterator[Life]:
        """Yield the next life of every component of a node that is exchanged for a new one, begun at `age_us`.

        ordinals: of the life that (cause, component) has now, 0 where it is not there. Parts of the network have none:
        they are repaired where they stand.
        """
        for cause, failure in enumerate(self.failures):
            if failure.component == "job" or failure.component in SHARED_COMPONENTS or failure.outage is not None:
                continue
            for component in range(node * failure.per_node, (node + 1) * failure.per_node):
                old = Life(age_us, cause, component, ordinals.get((cause, component), 0), node)
                yield self.renewed(old, age_us)

    def first(self, after_us: int = 0, until_us: int | None = None) -> Iterator[Life]:
        """Yield the first lives that end between two ages, in any order; all of them by default.

        All uniforms of a cause are one vector; only those between the two quantiles are turned into times. A life
        that rounding puts on the border may be on either side, but never on both.
        """
        for cause, failure in enumerate(self.failures):
            drawn = self._first_uniforms(failure)
            chosen = drawn < (1.0 if until_us is None else cdf(failure.life, until_us * 1e-6))
            if after_us:
                chosen &= drawn >= cdf(failure.life, after_us * 1e-6)
            (components,) = chosen.nonzero()
            ends_us = durations_us(failure.life, drawn[components]).tolist()
            for component, end_us in zip(components.tolist(), ends_us, strict=True):
                if end_us < MAX_US:
                    yield Life(max(end_us, 1), cause, component, 0, _node(failure, component))

    def _first_uniforms(self, failure: FailureClass) -> NDArray[np.float64]:
        if failure.component in SHARED_COMPONENTS:
            return named_uniforms(self.seed, "failure", failure.cause, 0, members=failure.names)
        return uniforms(self.seed, "failure", failure.cause, 0, count=component_count(failure, self.nodes))


def component_count(failure: FailureClass, nodes: int) -> int:
    """Return how many components of a cause `nodes` nodes hold, or the network: one where the job as a whole is hit.

    >>> from sim.reliability.records import Law
    >>> component_count(FailureClass(cause="c", component="gpu", per_node=8, life=Law(), replace=True), 3)
    24
    """
    if failure.component in SHARED_COMPONENTS:
        return len(failure.names)
    return 1 if failure.component == "job" else nodes * failure.per_node


def job_mtbf_s(failures: Sequence[FailureClass], nodes: int) -> float:
    """Return the mean time between failures of a job: one over the sum of the rates of what stops it.

    >>> from sim.reliability.records import Law
    >>> life = Law(kind="exponential", mean_s=1600.0)
    >>> job_mtbf_s((FailureClass(cause="gpu", component="gpu", per_node=8, life=life, replace=True),), nodes=2)
    100.0
    """
    rate = sum(component_count(f, nodes) / f.life.mean_s for f in failures if f.stops)
    return 1 / rate if rate else math.inf


def _node(failure: FailureClass, component: int) -> int:
    shared = failure.component == "job" or failure.component in SHARED_COMPONENTS
    return JOB if shared else component // failure.per_node
