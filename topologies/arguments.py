"""Checks that every family makes on its arguments: a ValueError says what, got and expected."""

import math
from collections.abc import Sequence
from fractions import Fraction

MOST_PORTS = 1 << 16
"""Of a switch: the largest chassis of today has 576."""

MOST_ENDPOINTS = 1 << 20
"""Of a graph: what memory holds."""


def require_count(name: str, value: object, minimum: int = 1) -> int:
    """Return the value if it is an integer of at least the minimum.

    >>> require_count("radix", 64, 2)
    64
    >>> require_count("radix", "64", 2)
    Traceback (most recent call last):
    ValueError: radix: got '64', expected an integer >= 2
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(f"{name}: got {value!r}, expected an integer >= {minimum}")
    return value


def require_ports(name: str, value: object) -> int:
    """Return the ports of a switch: at least 2, and not so many that nothing could hold the graph.

    >>> require_ports("radix", 64)
    64
    >>> require_ports("radix", 10**11)
    Traceback (most recent call last):
    ValueError: radix: got 100000000000, expected at most 65,536
    """
    ports = require_count(name, value, 2)
    if ports > MOST_PORTS:
        raise ValueError(f"{name}: got {ports}, expected at most {MOST_PORTS:,}")
    return ports


def require_number(name: str, value: object, *, zero: bool = False) -> float:
    """Return the value as a float if it is finite and positive (or zero, where that is allowed).

    >>> require_number("latency_s", 0, zero=True)
    0.0
    """
    number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    if not math.isfinite(number) or number < 0 or (number == 0 and not zero):
        raise ValueError(f"{name}: got {value!r}, expected a finite number {'>=' if zero else '>'} 0")
    return number


def require_ratios(value: object, tiers: int) -> tuple[Fraction, ...]:
    """Return oversubscription ratios, one a tier from the bottom, as exact fractions.

    Entry i is the bandwidth below tier i - 1 over that of the links which join it to tier i. Entry 0 belongs to
    the NICs' own links and is therefore 1: a leaf of 3:1 below a full core is written [1, 3, 1]. Below 1 there are
    more links above than below, as in Meta's racks (Gangidi et al., SIGCOMM 2024).

    >>> [str(ratio) for ratio in require_ratios([1, 1.5, 7], 3)]
    ['1', '3/2', '7']
    >>> require_ratios([3, 1], 2)
    Traceback (most recent call last):
    ValueError: oversubscription[0]: got 3, expected 1: a NIC has one link (a leaf of 3:1 is written [1, 3])
    """
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != tiers:
        raise ValueError(f"oversubscription: got {value!r}, expected {tiers} ratios, one a tier from the bottom")
    for position, ratio in enumerate(value):
        require_number(f"oversubscription[{position}]", ratio)
    if value[0] != 1:
        raise ValueError(
            f"oversubscription[0]: got {value[0]!r}, expected 1: a NIC has one link (a leaf of 3:1 is written [1, 3])"
        )
    return tuple(Fraction(ratio).limit_denominator(10_000) for ratio in value)


def require_radices(value: object, tiers: int) -> tuple[int, ...]:
    """Return the ports of a switch by tier, from one number for all tiers or one number a tier.

    >>> require_radices(64, 3)
    (64, 64, 64)
    >>> require_radices([64, 576, 576], 3)
    (64, 576, 576)
    """
    radices = [value] * tiers if isinstance(value, int) else value
    if not isinstance(radices, Sequence) or isinstance(radices, str) or len(radices) != tiers:
        raise ValueError(f"radix: got {value!r}, expected one integer, or {tiers} (one a tier from the bottom)")
    return tuple(require_ports("radix", radix) for radix in radices)


def require_endpoints(endpoints: object, nics_per_node: int, capacity: int, fabric: str) -> int:
    """Return how many endpoints to wire: what was asked (whole nodes, within the capacity), or the capacity.

    >>> require_endpoints(None, 8, 1024, "a fat tree of k = 16")
    1024
    >>> require_endpoints(2048, 8, 1024, "a fat tree of k = 16")
    Traceback (most recent call last):
    ValueError: endpoints: got 2,048, but a fat tree of k = 16 holds at most 1,024
    """
    require_count("nics_per_node", nics_per_node)
    count = capacity - capacity % nics_per_node if endpoints is None else require_count("endpoints", endpoints)
    if count > capacity or count == 0:
        raise ValueError(f"endpoints: got {max(count, nics_per_node):,}, but {fabric} holds at most {capacity:,}")
    if count > MOST_ENDPOINTS:
        raise ValueError(f"endpoints: got {count:,}, expected at most {MOST_ENDPOINTS:,}; state fewer")
    if count % nics_per_node:
        raise ValueError(f"endpoints: got {count:,}, expected a multiple of nics_per_node = {nics_per_node}")
    return count
