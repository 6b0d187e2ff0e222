"""What a store that fails costs, in closed form: up for an exponential time of mean M, then out for one of mean R."""

from math import exp, expm1


def availability(*, up_s: float, out_s: float) -> float:
    """Return the fraction of time that a store is up: M / (M + R), whatever the laws of both (renewal theorem).

    >>> availability(up_s=9.0, out_s=1.0)
    0.9
    """
    return up_s / (up_s + out_s)


def durable_share(*, durable_after_s: float, up_s: float, out_s: float) -> float:
    """Return the share of checkpoints beside training that the store gets: it is up, and stays so for d seconds.

    M / (M + R) e^(-d/M), of checkpoints that come whatever the store does.

    >>> round(durable_share(durable_after_s=0.9, up_s=9.0, out_s=1.0), 4)
    0.8144
    """
    return availability(up_s=up_s, out_s=out_s) * exp(-durable_after_s / up_s)


def use_s(*, length_s: float, up_s: float, out_s: float, after_s: float | None = None) -> float:
    """Return the expected time of a use of the store that waits until it is up, and begins anew after each outage.

    P R + (e^(t/M) - 1)(M + R), for a use of t seconds and a store that is out at its begin with probability P: R /
    (M + R) at any time; after_s seconds after it was up (1 - e^(-s (1/M + 1/R))) times that. The second term is the
    time to t uninterrupted seconds (as that of a segment: Daly, FGCS 22, 2006).

    >>> [round(use_s(length_s=0.9, up_s=9.0, out_s=1.0, after_s=after), 4) for after in (None, 0.0)]
    [1.1517, 1.0517]
    """
    share = 1.0 if after_s is None else -expm1(-after_s * (1 / up_s + 1 / out_s))
    return share * (1 - availability(up_s=up_s, out_s=out_s)) * out_s + expm1(length_s / up_s) * (up_s + out_s)
