"""How the nodes of a fleet differ when a run starts: how old they are, and which are lemons.

Who is a lemon is element i of the stream (seed, "lemon") for node i, whatever else there is. Age conditions the first
life of a component, by the same uniform: u' = F(a) + u (1 - F(a)). A life that has no memory does not move.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.cluster.domains import DOMAINS
from sim.errors import InputError, ScenarioError
from sim.quantities import show
from sim.reliability.failures.laws import MAX_US, cdf, quantile
from sim.reliability.records import SHARED_COMPONENTS, STORE, AgeBatch, FailureClass, Law, Lemons
from sim.streams import uniforms

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAST_SURVIVAL = 1e-6
"""Nodes older than all but one in a million ever get are a mistake, and what is left to them lacks digits."""

# Far more than rounding puts a life beside a border, in probability and relative to its age.
_SLACK = 1e-9


def held_by_nodes(component: str) -> bool:
    """Say whether nodes hold components of a sort; the job, the store and parts of the network belong to none.

    >>> held_by_nodes("gpu"), held_by_nodes("leaf"), held_by_nodes("job")
    (True, False, False)
    """
    return component not in ("job", STORE, *SHARED_COMPONENTS, *DOMAINS)


def lemon_nodes(seed: int, lemons: Lemons, nodes: int) -> frozenset[int]:
    """Return which nodes are lemons; more nodes make no other one of them.

    >>> few, many = (lemon_nodes(1, Lemons(fraction=0.1, factor=9.0), nodes) for nodes in (50, 90))
    >>> few == {node for node in many if node < 50}
    True
    """
    return frozenset(np.flatnonzero(uniforms(seed, "lemon", count=nodes) < lemons.fraction).tolist())


def check_ages(ages: Sequence[AgeBatch], failures: Sequence[FailureClass], nodes: int) -> None:
    """Refuse ages that are not those of all nodes, and ages that components hardly ever reach.

    Raises InputError for a batch without nodes or of negative age; ScenarioError for the rest.
    """
    for batch in ages:
        if batch.nodes < 1 or not 0 <= batch.age_s < float("inf"):
            raise InputError(
                f"failures.ages: got {batch.nodes} nodes of {batch.age_s:g} s; expected 1 or more of 0 s or more"
            )
    total = sum(batch.nodes for batch in ages)
    if ages and total != nodes:
        raise ScenarioError(
            f"failures.ages: got ages of {total:,} nodes, expected those of all {nodes:,}, spares included"
        )
    for failure in (failure for failure in failures if ages and _ages(failure)):
        _check_survival(failure, max(batch.age_s for batch in ages))


def _ages(failure: FailureClass) -> bool:
    """Say whether what a cause hits was there before the run; what is planned is planned from its start."""
    return held_by_nodes(failure.component) and failure.planned is None


def _check_survival(failure: FailureClass, age_s: float) -> None:
    if failure.life.kind == "exponential":
        return
    for law, whose in ((failure.life, ""), (_lemon_life(failure), " in a lemon")):
        if 1 - cdf(law, age_s) < LEAST_SURVIVAL:
            raise ScenarioError(
                f"failures.ages: got {show(age_s, 'time')}, which fewer than one in a million lives of "
                f"'{failure.cause}'{whose} reach (mean {show(law.mean_s, 'time')}); expected a younger batch"
            )


class Fleet:
    """The nodes of a run as one cause of failure sees them: cohorts of one law and age."""

    __slots__ = ("age_us", "cohort", "laws", "lemon_life", "lemons", "life", "spent")

    def __init__(self, seed: int, failure: FailureClass, nodes: int, ages: Sequence[AgeBatch]) -> None:
        self.life = failure.life
        self.lemon_life = _lemon_life(failure)
        self.lemons = frozenset[int]() if failure.lemons is None else lemon_nodes(seed, failure.lemons, nodes)
        by_age, cohort = _by_age(() if failure.life.kind == "exponential" else ages, nodes)
        cohort *= 2
        cohort[[*self.lemons]] += 1
        # The cohort of each component; even cohorts are sound, odd ones lemons.
        self.cohort: Integers = np.repeat(cohort, failure.per_node)
        self.laws = [law for _ in by_age for law in (self.life, self.lemon_life)]
        self.age_us: Integers = np.repeat(np.rint(by_age * 1e6).astype(np.int64), 2)
        self.spent: Floats = np.array([cdf(law, age_us * 1e-6) for law, age_us in self._cohorts(self.age_us)])
        # Whoever is new has survived nothing, also where lives of no length are among those that were observed.
        self.spent[self.age_us == 0] = 0.0

    def law(self, node: int) -> Law:
        """Return the law of lives in a node."""
        return self.lemon_life if node in self.lemons else self.life

    def first(self, drawn: Floats, after_us: int, until_us: int | None) -> tuple[Integers, Integers]:
        """Return the components whose first lives end after one moment, and by another, of the run; and these ends.

        drawn: a uniform for each component. Who is near a border of the window is decided by the end, so that windows
        that follow each other hold each life once.
        """
        least, most = self._share(after_us, -_SLACK), self._share(until_us, _SLACK)
        (components,) = ((drawn >= least[self.cohort]) & (drawn < most[self.cohort])).nonzero()
        cohort = self.cohort[components]
        spent, mean_s = self.spent[cohort], np.array([law.mean_s for law in self.laws])[cohort]
        # Below one, as uniforms are: at one, a life is infinite.
        conditional = np.minimum(spent + drawn[components] * (1 - spent), 1 - 2.0**-53)
        lives = quantile(replace(self.life, mean_s=1.0), conditional)
        ends_us = np.rint(np.minimum(lives * mean_s * 1e6, float(MAX_US))).astype(np.int64) - self.age_us[cohort]
        ends_us = np.maximum(ends_us, 1)
        inside = (ends_us > after_us) & (ends_us <= (MAX_US if until_us is None else until_us))
        return components[inside], ends_us[inside]

    def _share(self, moment_us: int | None, slack: float) -> Floats:
        """Return by cohort the share of first lives that end by a moment of the run, a little less or more."""
        if moment_us is None:
            return np.full(len(self.laws), 2.0)
        ages_us = (self.age_us + moment_us) * (1 + slack) + np.sign(slack)
        reached = np.array([cdf(law, age_us * 1e-6) for law, age_us in self._cohorts(ages_us)])
        return np.asarray((reached - self.spent) / (1 - self.spent) + slack)

    def _cohorts(self, ages_us: NDArray[Any]) -> Iterator[tuple[Law, float]]:
        """Yield the law of each cohort with its element of an array, as a number of Python."""
        return zip(self.laws, ages_us.tolist(), strict=True)


def fleet_of(seed: int, failure: FailureClass, nodes: int, ages: Sequence[AgeBatch]) -> Fleet | None:
    """Return the fleet of a cause, or None where its components are alike: of one law, and new or without memory."""
    aged = any(batch.age_s for batch in ages) and failure.life.kind != "exponential" and _ages(failure)
    if failure.holds or not held_by_nodes(failure.component) or (failure.lemons is None and not aged):
        return None
    return Fleet(seed, failure, nodes, ages)


def _lemon_life(failure: FailureClass) -> Law:
    lemons = failure.lemons
    factor = lemons.factor if lemons is not None and lemons.fraction else 1.0
    return replace(failure.life, mean_s=failure.life.mean_s / factor)


def _by_age(ages: Sequence[AgeBatch], nodes: int) -> tuple[Floats, Integers]:
    """Return the different ages, and which of them each node has."""
    if not ages:
        return np.zeros(1), np.zeros(nodes, np.int64)
    of_node = np.repeat([batch.age_s for batch in ages], [batch.nodes for batch in ages])
    different, index = np.unique(of_node, return_inverse=True)
    return different.astype(np.float64), index.astype(np.int64)
