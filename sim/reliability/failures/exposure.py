"""When components fail: lives keyed so that nothing that a policy decides moves them.

Component i of a cause (node x per_node + local, 0 for the whole job) draws its k-th life from element i of the stream
(seed, "failure", cause, k). More nodes, another topology or another policy read other elements, or the same
elements in another order; the k-th life of a component stays what it is. Switches, cables and failure domains draw by
their names, so that what two networks both have keeps its lives.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from math import log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.cluster.domains import DOMAINS
from sim.reliability.failures.fleet import fleet_of
from sim.reliability.failures.laws import MAX_US, cdf, draw_us, durations_us
from sim.reliability.failures.shocks import stops_per_s, with_shocks
from sim.reliability.records import SHARED_COMPONENTS, STORE, AgeBatch, FailureClass
from sim.reliability.saving.progress import make
from sim.streams import Elements, named_uniforms, uniforms

JOB = -1
"""The node of a component that belongs to the job as a whole."""

STRUCK = -1
"""The ordinal of a failure that ends no life of the component's own: a shock has hit it."""

# One uniform drawn alone costs as much as this many drawn in a row (measured).
_ALONE = 400


class Life(NamedTuple):
    """The k-th life of a component and the age of its node, from the start of the run, at which it ends.

    Lives sort by when, then by what.

    cause: position in the plan's failures, beyond which are shocks; ordinal: k, from 0, or STRUCK; node: where the
    component sits, JOB for the whole job.
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

    __slots__ = ("asked", "block", "drawn", "elements", "item", "likely", "names", "seed")

    def __init__(self, seed: int, *names: str | int, likely: int) -> None:
        self.seed = seed
        self.names = names
        self.likely = likely
        self.asked = 0
        self.drawn = 0
        self.elements: Elements | None = None
        self.block: NDArray[np.float64] | None = None
        # Element `index` of what is drawn in a block, without a call in Python; for who asks for likely ones only.
        self.item: Callable[[int], float] | None = None

    def at(self, index: int) -> float:
        """Return element `index`, in [0, 1)."""
        if self.block is not None and index < self.drawn:
            return self.block.item(index)
        self.asked += 1
        size = max(self.likely, 2 * index)
        if self.asked * _ALONE < size:
            if self.elements is None:
                self.elements = Elements(self.seed, *self.names)
            return self.elements.at(index)
        self.drawn = size + 1
        self.block = uniforms(self.seed, *self.names, count=self.drawn)
        self.item = self.block.item
        return self.block.item(index)


class Lives:
    """The lives of all components of `nodes` nodes, as old as `ages` say when the run starts, and of the job.

    Those of shocks follow the plan's failures.

    >>> from sim.reliability.records import Law
    >>> gpu = FailureClass(cause="gpu", component="gpu", per_node=8, life=Law(mean_s=5.0), replace=True)
    >>> Lives(1, [gpu], nodes=2).renewed(Life(5_000_000, 0, 9, 0, 1), 7_000_000)
    Life(end_us=12000000, cause=0, component=9, ordinal=1, node=1)
    """

    def __init__(self, seed: int, failures: Sequence[FailureClass], nodes: int, ages: Sequence[AgeBatch] = ()) -> None:
        self.seed = seed
        self.failures = with_shocks(failures)
        self.nodes = nodes
        self.fleets = tuple(fleet_of(seed, failure, nodes, ages) for failure in self.failures)
        # By cause and ordinal, with the scale of lives that are exponential; a block of any holds all components.
        self._streams: dict[tuple[int, int], tuple[Uniforms, float | None]] = {}

    def renewed(self, life: Life, age_us: int) -> Life:
        """Return the next life of the same component, begun when its node's age is `age_us`: at least 1 us long."""
        _, cause, component, ordinal, node = life
        ordinal += 1
        drawn = self._streams.get((cause, ordinal))
        if drawn is None:
            return self._renewed_alone(life, age_us)
        stream, scale_us = drawn
        item = stream.item
        uniform = stream.at(component) if item is None else item(component)
        if scale_us is not None:
            # The commonest law, without a call: as `draw_us`.
            length_us = round(scale_us * log1p(-uniform))
            if length_us > MAX_US:
                length_us = MAX_US
        else:
            fleet = self.fleets[cause]
            length_us = draw_us(self.failures[cause].life if fleet is None else fleet.law(node), uniform)
        return make(Life, (age_us + (length_us or 1), cause, component, ordinal, node))

    def _renewed_alone(self, life: Life, age_us: int) -> Life:
        """Return the next life of a component that draws by its name, or as the first of its cause and ordinal."""
        _, cause, component, ordinal, node = life
        failure = self.failures[cause]
        if not failure.names:
            count = component_count(failure, self.nodes)
            stream = Uniforms(self.seed, "failure", failure.cause, ordinal + 1, likely=count)
            law = failure.life
            alike = self.fleets[cause] is None and law.kind == "exponential"
            self._streams[cause, ordinal + 1] = stream, -1e6 * law.mean_s if alike else None
            return self.renewed(life, age_us)
        members = failure.names[component : component + 1]
        drawn = named_uniforms(self.seed, "failure", failure.cause, ordinal + 1, members=members)
        length_us = draw_us(failure.life, drawn.item(0))
        return Life(age_us + max(length_us, 1), cause, component, ordinal + 1, node)

    def renewed_all(self, node: int, ordinals: Mapping[tuple[int, int], int], age_us: int) -> Iterator[Life]:
        """Yield the next life of every component of a node that is exchanged for a new one, begun at `age_us`.

        ordinals: of the life that (cause, component) has now, 0 where it is not there. Parts of the network have none:
        they are repaired where they stand.
        """
        for cause, failure in enumerate(self.failures):
            if failure.component == "job" or is_named(failure) or failure.outage is not None:
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
            components, ends_us = self._ends(cause, after_us, until_us)
            ending = ends_us < MAX_US
            components, ends_us = components[ending], np.maximum(ends_us[ending], 1)
            columns = (
                ends_us.tolist(),
                repeat(cause),
                components.tolist(),
                repeat(0),
                _nodes(failure, components).tolist(),
            )
            yield from map(make, repeat(Life), zip(*columns, strict=False))

    def _ends(self, cause: int, after_us: int, until_us: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which first lives of a cause end between two ages, and when."""
        failure, fleet = self.failures[cause], self.fleets[cause]
        drawn = self._first_uniforms(failure)
        if fleet is not None:
            return fleet.first(drawn, after_us, until_us)
        chosen = drawn < (1.0 if until_us is None else cdf(failure.life, until_us * 1e-6))
        if after_us:
            chosen &= drawn >= cdf(failure.life, after_us * 1e-6)
        (components,) = chosen.nonzero()
        return components, durations_us(failure.life, drawn[components])

    def _first_uniforms(self, failure: FailureClass) -> NDArray[np.float64]:
        if is_named(failure):
            return named_uniforms(self.seed, "failure", failure.cause, 0, members=failure.names)
        return uniforms(self.seed, "failure", failure.cause, 0, count=component_count(failure, self.nodes))


def component_count(failure: FailureClass, nodes: int) -> int:
    """Return how many components of a cause `nodes` nodes hold, or the network: one of the job, or the store.

    >>> from sim.reliability.records import Law
    >>> component_count(FailureClass(cause="c", component="gpu", per_node=8, life=Law(), replace=True), 3)
    24
    """
    if is_named(failure):
        return len(failure.names)
    return 1 if failure.component in ("job", STORE) else nodes * failure.per_node


def rate_per_s(failure: FailureClass, nodes: int) -> float:
    """Return how often a cause stops a job on `nodes` nodes in the long run: components over mean life.

    With a fraction f of nodes whose lives are x times shorter, 1 - f + f x times as often. What one shock hits counts
    once.

    >>> from sim.reliability.records import Law, Lemons
    >>> life, lemons = Law(kind="exponential", mean_s=100.0), Lemons(fraction=0.25, factor=5.0)
    >>> rate_per_s(FailureClass(cause="c", component="node", per_node=1, life=life, replace=True, lemons=lemons), 10)
    0.2
    """
    lemons = failure.lemons
    more = 1.0 if lemons is None else 1 - lemons.fraction + lemons.fraction * lemons.factor
    return stops_per_s(failure, nodes) * more


def job_mtbf_s(failures: Sequence[FailureClass], nodes: int) -> float:
    """Return the mean time between failures of a job: one over the sum of the rates of what stops it unplanned.

    Of silent failures those that are noticed count.

    nodes: of the job, the first of the cluster; a shock that hits several of them stops it once.

    Rates are those of the long run (one renewal a mean life, whatever the law): exact at any time for exponential
    lives. For others it is what a fleet long in use shows: a new one fails less often where hazards rise with age
    (Weibull k > 1) and more often where they fall. Of lemons it counts those that are to be expected.

    >>> from sim.reliability.records import Law
    >>> life = Law(kind="exponential", mean_s=1600.0)
    >>> job_mtbf_s((FailureClass(cause="gpu", component="gpu", per_node=8, life=life, replace=True),), nodes=2)
    100.0
    """
    rate = sum(_noticed(f) * rate_per_s(f, nodes) for f in failures if f.stops)
    return 1 / rate if rate else math.inf


def is_named(failure: FailureClass) -> bool:
    """Say whether the components of a cause are those that have names: of a network, or domains of nodes."""
    return failure.component in SHARED_COMPONENTS or failure.component in DOMAINS or bool(failure.holds)


def _noticed(failure: FailureClass) -> float:
    """Return the share of failures that stop the job in the end, unplanned."""
    if failure.planned is not None:
        return 0.0
    return 1.0 if failure.silent is None else failure.silent.recall


def _nodes(failure: FailureClass, components: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where components of a cause sit."""
    shared = failure.component in ("job", STORE) or is_named(failure)
    return np.full_like(components, JOB) if shared else components // failure.per_node
