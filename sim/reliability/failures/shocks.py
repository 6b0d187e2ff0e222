"""Correlated failures at unchanged rates of every component: common shocks (Marshall and Olkin, JASA 62, 1967).

A component of rate r fails by itself at (1 - share) r, and by shocks to its domain at share r. A shock hits each
component of the domain with probability `hit`, whatever becomes of the others, so shocks come at share r / hit. Lives
must be exponential: then what is left of a component's own life after a shock is again such a life.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from sim.cluster.domains import DOMAINS
from sim.reliability.records import SHARED_COMPONENTS, STORE, FailureClass
from sim.streams import named_uniforms


def with_shocks(failures: Sequence[FailureClass]) -> tuple[FailureClass, ...]:
    """Return the clocks behind failure classes: each with what its components do by themselves, then the shocks.

    >>> from sim.reliability.records import Correlated, Law
    >>> racks = Correlated(domain="rack", share=0.2, hit=0.5, names=("rack-0",), holds=((0, 1),))
    >>> life = Law(kind="exponential", mean_s=800.0)
    >>> gpu = FailureClass(cause="c", component="gpu", per_node=8, life=life, replace=True, correlated=racks)
    >>> [(each.component, each.life.mean_s) for each in with_shocks([gpu])]
    [('gpu', 1000.0), ('rack', 2000.0)]
    """
    return (*map(_own, failures), *(_shocks(failures[position]) for position in shocked(failures)))


def shocked(failures: Sequence[FailureClass]) -> list[int]:
    """Return the positions of the classes that have shocks, in the order of their shocks' clocks."""
    return [position for position, failure in enumerate(failures) if failure.correlated is not None]


def struck(failure: FailureClass, seed: int, domain: int, ordinal: int) -> list[int]:
    """Return the components that a shock hits, a domain's `ordinal`-th.

    Each has its own uniform, by its number: what else a domain holds moves nothing.
    """
    shocks, each = failure.correlated, failure.per_node
    assert shocks is not None, "only classes with shocks are hit by them"
    components = [node * each + local for node in shocks.holds[domain] for local in range(each)]
    names = "hit", failure.cause, shocks.names[domain], ordinal
    drawn = named_uniforms(seed, *names, members=[str(component) for component in components])
    return [component for component, uniform in zip(components, drawn, strict=True) if uniform < shocks.hit]


def stops_per_s(failure: FailureClass, nodes: int) -> float:
    """Return how often a cause stops a job on the first `nodes` nodes: once for all that one shock hits.

    Of a domain with m components in the job a part 1 - (1 - hit)^m of the shocks hits it. The store stops none.

    >>> from sim.reliability.records import Correlated, Law
    >>> racks = Correlated(domain="rack", share=0.5, hit=0.5, names=("rack-0", "rack-1"), holds=((0, 1), (2, 3)))
    >>> life = Law(kind="exponential", mean_s=100.0)
    >>> node = FailureClass(cause="c", component="node", per_node=1, life=life, replace=True, correlated=racks)
    >>> round(stops_per_s(node, 4), 6), round(stops_per_s(node, 3), 6)
    (0.035, 0.0275)
    """
    if failure.holds:
        return sum(min(own) < nodes for own in failure.holds) / failure.life.mean_s
    if failure.component in (*SHARED_COMPONENTS, *DOMAINS):
        return len(failure.names) / failure.life.mean_s
    if failure.component == "job":
        return 1 / failure.life.mean_s
    if failure.component == STORE:
        return 0.0
    alone, shocks = nodes * failure.per_node / failure.life.mean_s, failure.correlated
    if shocks is None:
        return alone
    return alone * (1 - shocks.share) + _hits(failure, nodes) * shocks.share / shocks.hit / failure.life.mean_s


def cooccurring(share: float, hit: float, members: int) -> float:
    """Return the part of a cause's failures that do not come alone: share (1 - (1 - hit)^(members - 1)).

    members: components of the cause in a domain.

    >>> cooccurring(0.06, 0.5, 2)
    0.03
    """
    return share * (1 - (1 - hit) ** (members - 1))


def mean_struck(hit: float, members: int) -> float:
    """Return how many of a domain's members a shock hits that hits any: hit members / (1 - (1 - hit)^members).

    >>> round(mean_struck(0.5, 2), 4)
    1.3333
    """
    return hit * members / (1 - (1 - hit) ** members)


def _own(failure: FailureClass) -> FailureClass:
    shocks, life = failure.correlated, failure.life
    if shocks is None:
        return failure
    return replace(failure, life=replace(life, mean_s=life.mean_s / (1 - shocks.share)), correlated=None)


def _shocks(failure: FailureClass) -> FailureClass:
    shocks, life = failure.correlated, failure.life
    assert shocks is not None, "only classes with shocks have clocks of them"
    return FailureClass(
        cause=failure.cause,
        component=shocks.domain,
        per_node=1,
        life=replace(life, mean_s=life.mean_s * shocks.hit / shocks.share),
        replace=failure.replace,
        names=shocks.names,
        holds=shocks.holds,
    )


@lru_cache(maxsize=64)
def _hits(failure: FailureClass, nodes: int) -> float:
    """Return how many domains a shock to each of them hits, in the mean: every run of a job asks."""
    assert failure.correlated is not None
    return sum(1 - (1 - failure.correlated.hit) ** members for members in _members(failure, nodes))


def _members(failure: FailureClass, nodes: int) -> Iterable[int]:
    """Return how many components of each domain are in a job on the first `nodes` nodes."""
    assert failure.correlated is not None
    return (failure.per_node * sum(node < nodes for node in own) for own in failure.correlated.holds)
