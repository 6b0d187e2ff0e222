"""What a rented cluster costs: on demand, reserved, spot, or under dated contracts. Exact fractions of a dollar.

On demand and reserved, every GPU held is billed, whatever it does; spot nodes that were evicted are not billed until
they come back. Reserved GPUs are billed for the whole run, also where a node is retired and none has come. A provider
may credit part of the hours in repair (its service level), except of a reservation. One for longer than the run is
billed to its end, and the rest goes to the pool. Hours that no contract covers are on demand.
"""

import datetime
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from sim.catalog.records import PriceBook
from sim.errors import PriceError
from sim.ledger.bill.line import Line
from sim.ledger.bill.prices import date_of, exact, price_of, price_or_none
from sim.ledger.bill.terms import RENTS, Contract, Terms
from sim.ledger.bill.usage import US_PER_DAY, US_PER_HOUR, US_PER_MONTH, Usage

OPTIONAL = ("support/rent", "storage-rent/pb-month", "sla/repair")
"""Prices that a book of rents may leave out."""


def rent_lines(usage: Usage, book: PriceBook, acquisition: str, terms: Terms, start: str | None) -> Iterator[Line]:
    """Yield the lines of a rented cluster.

    Raises PriceError for a missing price, contracts that overlap or have no day to begin on, and terms that the
    acquisition does not know.
    """
    _check_terms(acquisition, terms)
    rents = [*_rents(usage, book, acquisition, terms, start)]
    yield from rents
    if acquisition != "reserved" and (credit := price_or_none(book, "sla/repair")) is not None:
        key = f"{RENTS[acquisition]}/{usage.assets.node}"
        credited_us = repair_us(usage) - (repair_us(usage, terms.evictions) if acquisition == "spot" else 0)
        hours = Fraction(credited_us, US_PER_HOUR)
        yield Line("rent", "service level", -credit * hours * price_of(book, key), ("sla/repair", key), "repair")
    if (support := price_or_none(book, "support/rent")) is not None:
        for line in rents:
            if not line.pool:
                yield Line("support", line.detail, support * line.usd, ("support/rent", *line.keys))
    if (each := price_or_none(book, "storage-rent/pb-month")) is not None:
        petabytes, months = exact(usage.assets.storage_bytes) / 10**15, Fraction(usage.wall_us, US_PER_MONTH)
        yield Line("storage", "rent", petabytes * months * each, ("storage-rent/pb-month",))
    if terms.egress_bytes:
        terabytes = exact(terms.egress_bytes) / 10**12
        yield Line("egress", "egress", terabytes * price_of(book, "egress/tb"), ("egress/tb",))


def repair_us(usage: Usage, cause: str | None = None) -> int:
    """Return the GPU-microseconds in repair, for a cause or for all."""
    return sum(
        amount for key, amount in usage.time.items() if key.state == "repair" and (cause is None or key.cause == cause)
    )


def _check_terms(acquisition: str, terms: Terms) -> None:
    if acquisition != "reserved" and (terms.contracts or terms.committed_us):
        name = "contracts" if terms.contracts else "committed"
        raise PriceError(f"cost.{name}: got a reservation for acquisition '{acquisition}'; expected 'reserved'")
    if acquisition != "spot" and terms.evictions:
        raise PriceError(f"cost.evictions: got '{terms.evictions}' for acquisition '{acquisition}'; expected 'spot'")


def _rents(usage: Usage, book: PriceBook, acquisition: str, terms: Terms, start: str | None) -> Iterator[Line]:
    if terms.contracts:
        yield from _contract_lines(usage, book, terms, start)
        return
    key = f"{RENTS[acquisition]}/{usage.assets.node}"
    each = price_of(book, key)
    reserved = acquisition == "reserved"
    hours = Fraction(usage.gpus * usage.wall_us if reserved else usage.held_gpu_us, US_PER_HOUR)
    if acquisition == "spot":
        present = hours - Fraction(repair_us(usage, terms.evictions), US_PER_HOUR)
        yield Line("rent", acquisition, present * each, (key,), "present")
        return
    yield Line("rent", acquisition, hours * each, (key,))
    if terms.committed_us > usage.wall_us:
        rest = Fraction(usage.gpus * (terms.committed_us - usage.wall_us), US_PER_HOUR)
        yield Line("rent", "rest of the term", rest * each, (key,), pool=True)


def _contract_lines(usage: Usage, book: PriceBook, terms: Terms, start: str | None) -> Iterator[Line]:
    if start is None:
        raise PriceError("cost.contracts: got days, and no run.start that says when the run begins; expected both")
    check_contracts(terms.contracts)
    first, covered_us = date_of(start, "run.start"), 0
    for contract in terms.contracts:
        begin_us, end_us = (_us_since(first, day) for day in (contract.start, contract.end))
        held_us = max(0, min(end_us, usage.wall_us) - max(begin_us, 0))
        covered_us += held_us
        each, name = exact(contract.usd_per_gpu_hour), f"contract {contract.name}"
        yield Line("rent", name, Fraction(usage.gpus * held_us, US_PER_HOUR) * each, ())
        rest = Fraction(usage.gpus * (end_us - begin_us - held_us), US_PER_HOUR)
        yield Line("rent", f"{name}, outside the run", rest * each, (), pool=True)
    if covered_us < usage.wall_us:
        key = f"{RENTS['on-demand']}/{usage.assets.node}"
        hours = Fraction(usage.gpus * (usage.wall_us - covered_us), US_PER_HOUR)
        yield Line("rent", "on-demand", hours * price_of(book, key), (key,))


def check_contracts(contracts: tuple[Contract, ...]) -> None:
    """Raise PriceError for a contract that ends before it starts, and for two that overlap."""
    for contract in contracts:
        if contract.start >= contract.end:
            raise PriceError(
                f"cost.contracts: {contract.name}: got {contract.start} to {contract.end}; expected a later end"
            )
    for one, other in pairwise(sorted(contracts, key=lambda contract: contract.start)):
        if other.start < one.end:
            raise PriceError(
                f"cost.contracts: {one.name} ({one.start} to {one.end}) and {other.name} ({other.start} to "
                f"{other.end}) overlap; expected contracts one after the other (an end is exclusive)"
            )


def _us_since(first: datetime.date, day: datetime.date) -> int:
    return (day - first).days * US_PER_DAY
