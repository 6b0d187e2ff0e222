"""The cost ledger: what was bought (item) x what the GPUs did (state) x why (cause) x phase, to the micro-dollar.

Money is a pure function of the time ledger, the assets, the energy and a price book. Every item is rounded once, to
a micro-dollar, and split exactly by largest remainder: servers, network, storage, facility, rent, staff and
data by the GPU-time of a state; energy and cooling by the energy drawn in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import repeat
from typing import NamedTuple

from sim.catalog.records import PriceBook
from sim.errors import PriceError, unknown_name
from sim.ledger.apportion import split
from sim.ledger.assets import US_PER_YEAR, AssetCharge, Assets, charge, check_book, owned, price_of
from sim.ledger.energy import NJ_PER_KWH, EnergyLedger
from sim.ledger.time_ledger import TimeLedger, net_gpu_us

RENTS: Mapping[str, str] = {"reserved": "rent-reserved", "on-demand": "rent-on-demand"}
"""Price key of a GPU-hour by acquisition; both bill every GPU held, spares included, for the whole run."""

ACQUISITIONS = ("own", *RENTS)

ITEMS = ("server", "network", "storage", "facility", "rent", "energy", "cooling", "staff", "data")
"""Every item of a bill, in order. Rent includes hardware, facility, energy and cooling."""

BY_ENERGY = ("energy", "cooling")

US_PER_HOUR = 3_600_000_000


class Posting(NamedTuple):
    """One amount in micro-dollars."""

    item: str
    state: str
    cause: str
    phase: int
    micro_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLedger:
    """All postings of a run. charges: what owned assets cost, and what they are worth after the run."""

    acquisition: str
    book: str
    postings: tuple[Posting, ...]
    charges: tuple[AssetCharge, ...]


def price(
    ledger: TimeLedger,
    assets: Assets,
    energy: EnergyLedger,
    book: PriceBook,
    acquisition: str,
    start_date: str | None = None,
) -> CostLedger:
    """Return the cost ledger of a run at a book's prices; acquisition "own", "reserved" or "on-demand".

    Raises PriceError for a price that is missing or negative, a book in another currency or not valid on the start
    date (ISO, None: inside the book), and a life shorter than the run; UnknownNameError for another acquisition.
    """
    if acquisition not in ACQUISITIONS:
        raise unknown_name("acquisition", acquisition, ACQUISITIONS, "cost.acquisition")
    check_book(book, start_date)
    held = assets.nodes * assets.gpus_per_node
    if held != ledger.gpus:
        raise PriceError(f"assets hold {held} GPUs; expected the {ledger.gpus} of the time ledger")
    years = Fraction(ledger.wall_us, US_PER_YEAR)
    charges = tuple(charge(asset, years) for asset in owned(assets, book)) if acquisition == "own" else ()
    amounts = {line.item: line.depreciation_usd + line.capital_usd for line in charges}
    if acquisition == "own":
        amounts |= energy_usd(energy, book)
    else:
        amounts["rent"] = rent_usd(ledger, price_of(book, f"{RENTS[acquisition]}/{assets.node}"))
    amounts |= people_and_data_usd(ledger, book)
    postings = _postings(amounts, ledger, energy)
    return CostLedger(acquisition=acquisition, book=book.name, postings=postings, charges=charges)


def rent_usd(ledger: TimeLedger, usd_per_gpu_hour: Fraction) -> Fraction:
    """Return the rent: GPU-hours held x price, whatever the states."""
    return Fraction(ledger.gpus * ledger.wall_us, US_PER_HOUR) * usd_per_gpu_hour


def energy_usd(energy: EnergyLedger, book: PriceBook) -> dict[str, Fraction]:
    """Return the price of IT energy, and of cooling and conversion, (PUE - 1) x IT energy.

    Raises PriceError for a PUE below 1.
    """
    pue = price_of(book, "energy/pue")
    if pue < 1:
        raise PriceError(f"price book '{book.name}': energy/pue: got {float(pue):g}; expected at least 1")
    it_usd = Fraction(sum(energy.it_nj.values()), NJ_PER_KWH) * price_of(book, "energy/kwh")
    return {"energy": it_usd, "cooling": (pue - 1) * it_usd}


def people_and_data_usd(ledger: TimeLedger, book: PriceBook) -> dict[str, Fraction]:
    """Return staff, by calendar time (operations per 1000 GPUs held, research per run), and the data of a run."""
    years = Fraction(ledger.wall_us, US_PER_YEAR)
    operations = price_of(book, "staff/operations") * ledger.gpus / 1000
    people = operations + price_of(book, "staff/research")
    return {"staff": people * price_of(book, "staff/fte") * years, "data": price_of(book, "data/run")}


def _postings(amounts: Mapping[str, Fraction], ledger: TimeLedger, energy: EnergyLedger) -> tuple[Posting, ...]:
    time = net_gpu_us(ledger)
    by_time, by_energy = list(time.values()), list(energy.it_nj.values())
    postings: list[Posting] = []
    for item in (item for item in ITEMS if amounts.get(item)):
        keys, weights = (energy.it_nj, by_energy) if item in BY_ENERGY else (time, by_time)
        parts = split(round(amounts[item] * 10**6), weights)
        # What a named tuple's _make does, without a call in Python for each row.
        rows = ((item, *key, part) for key, part in zip(keys, parts, strict=True) if part)
        postings += map(tuple.__new__, repeat(Posting), rows)
    return tuple(postings)


def usd(micro_usd: int) -> Decimal:
    """Return micro-dollars in dollars.

    >>> usd(5_576_000_000_000)
    Decimal('5576000.000000')
    """
    return Decimal(micro_usd).scaleb(-6)


def total_usd(costs: CostLedger) -> Decimal:
    """Return the whole bill."""
    return usd(sum(posting.micro_usd for posting in costs.postings))


def usd_by(costs: CostLedger, axis: str) -> dict[str | int, Decimal]:
    """Return the bill along "item", "state", "cause" or "phase" (-1: outside the job); each sums to the total."""
    if axis not in Posting._fields[:-1]:
        raise unknown_name("axis of the cost ledger", axis, Posting._fields[:-1])
    index = Posting._fields.index(axis)
    totals: dict[str | int, int] = {}
    for posting in costs.postings:
        totals[posting[index]] = totals.get(posting[index], 0) + posting.micro_usd
    return {name: usd(amount) for name, amount in totals.items()}
