"""The bill of a run, as its tables take it."""

from dataclasses import replace
from decimal import Decimal

from sim.cluster.front_end import joined
from sim.cluster.records import Cluster
from sim.errors import PriceError
from sim.ledger.bill.cost import total_usd
from sim.ledger.files.schema import USD
from sim.ledger.files.tables import Bill
from sim.simulate import RunResult, hours_of

MOST_USD = Decimal(10) ** (USD.precision - USD.scale)
"""A bill has to stay below: what its column holds."""


def bill_of(result: RunResult, hours: bool = True) -> Bill | None:
    """Return what a billed run adds to its results; hours: its energy by hour of the day too, for any later tariff.

    Raises PriceError for a bill that no table holds.
    """
    billing = result.scenario.billing
    if result.usage is None or result.costs is None or billing is None:
        return None
    _check(total_usd(result.costs), result.costs.book)
    usage = result.usage
    if hours and not usage.by_hour_nj:
        usage = replace(usage, by_hour_nj=hours_of(result))
    return Bill(usage=usage, costs=result.costs, book=billing.prices, terms=billing.terms)


def wired_cluster(result: RunResult) -> Cluster | None:
    """Return a run's cluster with its front end in one graph, None where it has no network."""
    if result.machine is None:
        return None
    cluster, front_end = result.machine.cluster, result.machine.front_end
    return cluster if front_end is None else replace(cluster, graph=joined(cluster.graph, front_end))


def _check(cost_usd: Decimal, book: str) -> None:
    if cost_usd >= MOST_USD:
        raise PriceError(
            f"price book '{book}': a bill of {float(cost_usd):.3g} USD; expected less than {float(MOST_USD):g}, which "
            "is what a table holds"
        )
