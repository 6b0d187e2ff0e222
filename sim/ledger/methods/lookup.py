"""Epoch's methods on a run that is known as publications tell it: by model, chip, chip-hours and dates."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from math import floor

from sim.errors import InputError
from sim.ledger.methods.epoch import CapexInputs, acquisition, capex_energy, cloud
from sim.ledger.methods.records import Missing, View
from sim.ledger.methods.tables import (
    Chip,
    Price,
    chip_of,
    constant,
    deflator,
    electricity_usd_per_kwh,
    known_date,
    organization_of,
    pue_of,
    rents,
    vendors_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it is published. chips: None if only chip-hours are known.

    start: of training; bought: when its chips were, at the price of the tables; each None where the methods infer it.
    organization: empty where the name of the model says whose it is.
    """

    model: str
    hardware: str
    chip_hours: float
    published: datetime.date
    chips: float | None = None
    start: datetime.date | None = None
    bought: datetime.date | None = None
    organization: str = ""


def start_of(run: Run) -> datetime.datetime:
    """Return when training began: as known, else publication less 60 days and its duration.

    The duration is chip-hours / chips in whole hours, 793.5 h where the chips are not known.

    >>> day = datetime.date(2023, 9, 6)
    >>> run = Run(model="Falcon-180B", hardware="A100", chip_hours=4096 * 4320, chips=4096, published=day)
    >>> start_of(run)
    datetime.datetime(2023, 1, 9, 0, 0)
    """
    known = run.start or known_date(run.model, "start")
    if known:
        return _midnight(known)
    took = datetime.timedelta(hours=floor(run.chip_hours / run.chips if run.chips else constant("default_hours")))
    ended = known_date(run.model, "end")
    if ended:
        return _midnight(ended) - took
    return _midnight(run.published) - took - datetime.timedelta(days=constant("publication_days"))


def bought_on(chip: Chip) -> datetime.date:
    """Return when a chip was bought: at the day of its price, and not within 90 days of its release; TPUs at once.

    >>> bought_on(chip_of("NVIDIA A100 SXM4 40 GB"))
    datetime.date(2020, 8, 12)
    """
    if chip.tpu:
        return chip.release_date
    return max(chip.price_date, chip.release_date + datetime.timedelta(days=constant("delivery_days")))


def price_usd(chip: Chip) -> float:
    """Return the price of a chip with its share of a server."""
    return chip.price_usd * (chip.server_price_ratio if chip.bare else 1.0)


def held_days(run: Run, chip: Chip) -> int:
    """Return the days from buying to the start of training; GPUs are not used before they are bought."""
    days = (start_of(run) - _midnight(run.bought or bought_on(chip))).days
    return days if chip.tpu and not run.bought else max(days, 0)


def rent_usd_per_hour(run: Run, chip: Chip) -> float | None:
    """Return the rent with three years committed, of the first vendor who has one; None where none does.

    Of each vendor's lists the last one before the purchase counts, 60 days before the start, or the first after it.
    """
    day = (start_of(run) - datetime.timedelta(days=constant("purchase_days"))).date()
    organization = run.organization or organization_of(run.model)
    for vendor in vendors_of(organization, tpu=chip.tpu):
        dated = _price_lists(chip, vendor)
        chosen = [price for price in dated if price[0] <= day][-1:] or dated[:1]
        if chosen and chosen[0][1] is not None:
            return chosen[0][1]
    return None


def _price_lists(chip: Chip, vendor: str) -> list[Price]:
    """Return a vendor's lists of a chip by date: its own, or those of its family."""
    of_vendor = [rent for rent in rents() if rent.vendor == vendor and chip.name.lower().startswith(rent.hardware)]
    own = max(of_vendor, key=lambda rent: len(rent.hardware), default=None)
    return sorted(own.prices, key=lambda price: price[0]) if own else []


def capex_inputs(run: Run, chip: Chip) -> CapexInputs:
    """Return what amortised capex + energy takes of a run, by the methods' own tables."""
    return CapexInputs(
        chip_hours=run.chip_hours,
        price_usd=price_usd(chip),
        held_days=held_days(run, chip),
        server_price_ratio=chip.server_price_ratio,
        tdp_w=chip.tdp_w,
        server_power_ratio=chip.server_power_ratio,
        power_fraction=constant("power_fraction_tpu" if chip.tpu else "power_fraction_gpu"),
        pue=pue_of(run.organization or organization_of(run.model)),
        usd_per_kwh=electricity_usd_per_kwh(run.published.year),
        deflator=deflator(run.published),
        progress_oom_per_year=constant("progress_oom_per_year"),
        interconnect_fraction=constant("interconnect_fraction"),
    )


def epoch_views(run: Run) -> dict[str, View | Missing]:
    """Return the three methods by name: "capex+energy", "cloud" and "acquisition"; each with its terms, or why not."""
    chip = chip_of(run.hardware)
    if chip is None:
        reason = f"Epoch's tables hold no price of '{run.hardware}'"
        return {name: Missing(method=f"Epoch: {name}", reason=reason) for name in METHODS}
    return {
        "capex+energy": _tried("Epoch: amortised capex + energy", lambda: capex_energy(capex_inputs(run, chip))),
        "cloud": _cloud(run, chip),
        "acquisition": _acquisition(run, chip),
    }


METHODS = ("capex+energy", "cloud", "acquisition")


def _cloud(run: Run, chip: Chip) -> View | Missing:
    rent = rent_usd_per_hour(run, chip)
    if rent is None:
        return Missing(method="Epoch: cloud", reason=f"no cloud lists a rent of '{chip.name}' for three years")
    return _tried("Epoch: cloud", lambda: cloud(run.chip_hours, rent, deflator(run.published)))


def _acquisition(run: Run, chip: Chip) -> View | Missing:
    chips = run.chips
    if chips is None:
        return Missing(method="Epoch: acquisition", reason="the number of chips is not known")
    fraction = constant("interconnect_fraction")
    return _tried("Epoch: acquisition", lambda: acquisition(chips, price_usd(chip), deflator(run.published), fraction))


def _tried(method: str, make: Callable[[], View]) -> View | Missing:
    """Return a view, or what its tables lack: a year without a price is a reason, not an end."""
    try:
        return make()
    except InputError as error:
        return Missing(method=method, reason=str(error))


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime(day.year, day.month, day.day)
