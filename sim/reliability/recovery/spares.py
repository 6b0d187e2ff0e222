"""How much of the time nodes are missing, in closed form: a job on k nodes with s spares and nodes in repair.

Nodes fail with exponential lives, each at rate lambda; a repair takes MTTR on average; the load of a node is
lambda x MTTR. Detection and recovery take no time: they only lower the number of failures. Without limit on crews the
law of repairs does not matter, only its mean; with few crews repairs are exponential.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import exp, inf, lgamma, log
from operator import mul

from sim.errors import InputError


def erlang_b(servers: int, offered: float) -> float:
    """Return the part of the time that all of a number of servers are busy, where arrivals then are lost.

    B(0) = 1, B(n) = a B(n-1) / (n + a B(n-1)); for any law of service (Erlang 1917; insensitivity: Sevastyanov 1957).

    >>> round(erlang_b(9, 3.88), 5)
    0.01142
    >>> erlang_b(1, 1.0), erlang_b(2, 1.0)
    (0.5, 0.2)
    """
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = offered * blocked / (busy + offered * blocked)
    return blocked


def birth_death(births: Sequence[float], deaths: Sequence[float]) -> list[float]:
    """Return the steady state of a birth-death process: births[n] from n to n + 1, deaths[n] from n + 1 to n.

    p(n) = p(0) prod births[i] / deaths[i], i < n.

    >>> birth_death([1.0, 1.0], [1.0, 2.0])
    [0.4, 0.4, 0.2]
    """
    ratios = (birth / death for birth, death in zip(births, deaths, strict=True))
    weights = list(accumulate(ratios, mul, initial=1.0))
    total = sum(weights)
    return [weight / total for weight in weights]


def stalled_fraction(*, running: int, spares: int, load: float, crews: int = 0, powered: bool = False) -> float:
    """Return the part of the time that a job is stalled whose nodes age only while it steps.

    With n nodes down, k fail at rate lambda each, and the s - n spares with them if they are powered; min(n, crews) are
    repaired; at n = s + 1 the job waits and nothing fails. Cold spares and unlimited crews: ErlangB(s + 1, k load).
    Few crews: M/M/c/K, a birth-death process. crews 0: unlimited. Raises InputError for no nodes.

    >>> round(stalled_fraction(running=512, spares=8, load=3.88 / 512), 5)
    0.01142
    >>> stalled_fraction(running=1, spares=1, load=1.0, crews=1), stalled_fraction(running=1, spares=1, load=1.0)
    (0.3333333333333333, 0.2)
    """
    _check(running, spares, load)
    failing = [running + (spares - down if powered else 0) for down in range(spares + 1)]
    return birth_death([each * load for each in failing], _repairing(spares + 1, crews))[-1]


def short_fraction(*, nodes: int, spares: int, load: float, crews: int = 0) -> float:
    """Return the part of the time that more than `spares` of `nodes` nodes are down, which all age all the time.

    Unlimited crews: the tail of a binomial law, each node being down for load / (1 + load) of the time; few crews: the
    machine-repair model, births (nodes - n) lambda, deaths min(n, crews) / MTTR. crews 0: unlimited.

    >>> round(short_fraction(nodes=520, spares=8, load=3.88 / 512), 4), round(poisson_tail(8, 3.88), 4)
    (0.0184, 0.018)
    >>> short_fraction(nodes=2, spares=1, load=1.0)
    0.25
    """
    _check(nodes, spares, load)
    births = [(nodes - down) * load for down in range(nodes)]
    return sum(birth_death(births, _repairing(nodes, crews))[spares + 1 :])


def poisson_tail(spares: int, offered: float) -> float:
    """Return the probability that more than `spares` of very many nodes are down, of which `offered` are on average.

    >>> round(poisson_tail(0, 1.0), 4)
    0.6321
    """
    return 1.0 - sum(exp(down * log(offered) - offered - lgamma(down + 1)) for down in range(spares + 1))


def reordered_fraction(*, below: int, order: int, demand: float) -> float:
    """Return the part of the time that a job is stalled whose failed nodes are all replaced by orders: (s, Q).

    Nodes fail while the job steps, and `order` new ones are ordered, for a lead time that is always the same, as soon
    as `below` spares are left; it stalls with the (below + 1)-th failure of a lead time. demand: mean failures in a
    lead time of stepping. A cycle is that of lost sales (Hadley and Whitin 1963, chapter 4): order failures, and a
    stall for what a Poisson number D of them exceeds the stock by,

        E[(D - s - 1)+] / (Q + E[(D - s - 1)+]).

    One order at a time is under way. Raises InputError for order <= below + 1, where there may be several.

    >>> round(reordered_fraction(below=0, order=2, demand=1.0), 4)  # E[(D - 1)+] = 1 / e
    0.1554
    """
    if below < 0 or order <= below + 1 or not 0 <= demand < inf:
        raise InputError(
            f"orders: got below {below}, order {order} and a demand of {demand}; expected at least 0, {below + 2} and 0"
        )
    enough = below + 1
    missing = demand * poisson_tail(below, demand) - enough * poisson_tail(enough, demand) if demand else 0.0
    return missing / (order + missing)


def spares_for(*, running: int, load: float, most_stalled: float) -> int:
    """Return the fewest cold spares with which a job is stalled for at most that part of the time, crews unlimited.

    Raises InputError where no number of spares does.

    >>> spares_for(running=512, load=3.88 / 512, most_stalled=0.0115)
    8
    """
    _check(running, 0, load)
    if not 0 < most_stalled < inf:
        raise InputError(f"most_stalled: got {most_stalled}; expected more than 0, as any number of spares may be down")
    spares, blocked, offered = -1, 1.0, running * load
    while spares < 0 or blocked > most_stalled:
        spares += 1
        blocked = offered * blocked / (spares + 1 + offered * blocked)
    return spares


def _repairing(most: int, crews: int) -> list[float]:
    return [float(min(down, crews) if crews else down) for down in range(1, most + 1)]


def _check(nodes: int, spares: int, load: float) -> None:
    if nodes < 1 or spares < 0 or not 0 <= load < inf:
        raise InputError(
            f"spares: got {nodes} nodes, {spares} spares and a load of {load}; expected at least 1, 0 and 0"
        )
