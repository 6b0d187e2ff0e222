"""What Epoch's methods look up: chips, organisations, rents, electricity and the price index (epoch.toml)."""

import datetime
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from sim.catalog.read import read_toml
from sim.errors import InputError

Price = tuple[datetime.date, float | None]
"""The day of a price list, and what an hour costs in it; None where the list has no price for three years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A chip as the methods know it. bare: its price is that of the chip alone, without its share of a server."""

    name: str
    hardware: tuple[str, ...]
    tpu: bool
    price_usd: float
    price_date: datetime.date
    release_date: datetime.date
    server_price_ratio: float
    server_power_ratio: float
    tdp_w: float
    note: str
    bare: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rent:
    """The price lists of a vendor for the chips whose name begins with `hardware`, by date."""

    hardware: str
    vendor: str
    prices: tuple[Price, ...]


@cache
def _tables() -> dict[str, Any]:
    return read_toml(resources.files("sim.ledger.methods") / "data" / "epoch.toml", "epoch.toml")


def source() -> str:
    """Return where the numbers come from."""
    return str(_tables()["source"])


def constant(name: str) -> float:
    """Return a constant of the methods.

    >>> constant("progress_oom_per_year"), constant("interconnect_fraction")
    (0.14, 0.19)
    """
    return float(_tables()["constants"][name])


@cache
def chips() -> tuple[Chip, ...]:
    """Return the chips, those with the longer names first."""
    dates = ("price_date", "release_date")
    return tuple(
        Chip(
            **{
                **{key: value for key, value in table.items() if key not in dates},
                "hardware": tuple(table["hardware"]),
                **{key: datetime.date.fromisoformat(table[key]) for key in dates},
            }
        )
        for table in _tables()["chips"]
    )


@cache
def rents() -> tuple[Rent, ...]:
    """Return the price lists of every chip and vendor."""
    return tuple(
        Rent(hardware=table["hardware"], vendor=table["vendor"], prices=tuple(map(_price, table["usd_per_hour"])))
        for table in _tables()["rents"]
    )


def _price(row: list[Any]) -> Price:
    return datetime.date.fromisoformat(row[0]), row[1] if len(row) > 1 else None


def chip_of(hardware: str) -> Chip | None:
    """Return the chip that a text names, None for one that the methods have no price of.

    >>> [chip_of(name).name for name in ("NVIDIA A100 SXM4 80 GB", "NVIDIA A100", "h100-sxm", "Google TPU v4")]
    ['A100 80 GB', 'A100', 'H100', 'TPU v4']
    >>> chip_of("AMD Instinct MI300X") is None
    True
    """
    told = hardware.lower()
    return next((chip for chip in chips() if any(name in told for name in chip.hardware)), None)


def organization_of(model: str) -> str:
    """Return whose model it is, by its name; an empty text where the tables do not know.

    >>> organization_of("Llama 3.1-405B"), organization_of("GPT-4"), organization_of("Mine")
    ('Meta AI', 'OpenAI', '')
    """
    return next((name for text, name in _tables()["models"]["organization"] if text in model.lower()), "")


def hardware_of(model: str) -> str:
    """Return what a model was trained on, where its name alone is told; an empty text where the tables do not know.

    >>> hardware_of("BLOOM dynamic / idle energy")
    'NVIDIA A100 SXM4 80 GB'
    """
    return next((name for text, name in _tables()["models"]["hardware"] if text in model.lower()), "")


def known_date(model: str, which: str) -> datetime.date | None:
    """Return the known "start" or "end" of a model's training, None where it is inferred from publication."""
    found = next((day for text, day in _tables()["models"][which] if model.lower().startswith(text)), None)
    return datetime.date.fromisoformat(found) if found else None


def pue_of(organization: str) -> float:
    """Return the PUE: a hyperscaler's, or another's.

    >>> pue_of("Meta AI"), pue_of("OpenAI")
    (1.1, 1.25)
    """
    names = _tables()["organizations"]["hyperscaler"]
    return constant("pue_hyperscaler" if any(name in organization.lower() for name in names) else "pue_other")


def vendors_of(organization: str, *, tpu: bool) -> tuple[str, ...]:
    """Return the clouds to ask, in order: the organisation's own, then the large ones; TPUs are Google's.

    >>> vendors_of("OpenAI", tpu=False)
    ('Microsoft Azure', 'Amazon Web Services', 'Google Cloud')
    """
    table = _tables()["organizations"]
    if tpu:
        return ("Google Cloud",)
    own = [vendor for name, vendor in table["vendors"] if name in organization.lower()]
    return tuple(dict.fromkeys([*(own or [table["default_vendor"]]), *table["fallback_vendors"]]))


def electricity_usd_per_kwh(year: int) -> float:
    """Return the mean price for US industry in a year. Raises InputError for one without a price.

    >>> electricity_usd_per_kwh(2023)
    0.0806
    """
    prices = _tables()["electricity"]["usd_per_kwh"]
    if str(year) not in prices:
        raise InputError(f"electricity: no price for {year}; expected {min(prices)} to {max(prices)}")
    return float(prices[str(year)])


def deflator(day: datetime.date) -> float:
    """Return the price index of the base month over that of a day's month. Raises InputError beyond the index.

    >>> round(deflator(datetime.date(2023, 3, 15)), 6)
    1.010725
    """
    base = datetime.date.fromisoformat(f"{_tables()['price_index']['base']}-01")
    return _index(base) / _index(day)


def _index(day: datetime.date) -> float:
    years = _tables()["price_index"]
    months = years.get(str(day.year), [])
    if day.month > len(months):
        known = sorted(year for year in years if year != "base")
        last = f"{known[-1]}-{len(years[known[-1]]):02}"
        raise InputError(f"price index: none for {day:%Y-%m}; expected {known[0]}-01 to {last}")
    return float(months[day.month - 1])
