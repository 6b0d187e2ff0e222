"""A price book whose prices are all moved by what is uncertain of them."""

from collections.abc import Mapping
from dataclasses import replace

from sim.catalog.records import PriceBook

MOVED: Mapping[str, tuple[str, ...]] = {
    "hardware": ("server/", "scale-up/", "switch/", "cable/", "storage/", "head-node/unit", "cdu/"),
    "rent": ("rent-on-demand/", "rent-reserved/", "rent-spot/", "colocation/", "storage-rent/", "egress/"),
    "electricity": ("energy/kwh", "energy/demand"),
    "people": ("staff/fte", "staff/hour"),
    "data": ("data/",),
    "life": ("life/",),
    "facility": ("facility/",),
}
"""Which keys of a book a factor moves, by how they begin."""


def factor_of(key: str, factors: Mapping[str, float]) -> float:
    """Return the factor on a price, 1 where none moves it.

    >>> factor_of("server/dgx-h100", {"hardware": 2.0}), factor_of("staff/hours-per-incident", {"people": 2.0})
    (2.0, 1.0)
    """
    if key == "staff/hours-per-incident":
        return 1.0
    moving = (name for name, heads in MOVED.items() if name in factors and key.startswith(heads))
    return next((factors[name] for name in moving), 1.0)


def moved_book(book: PriceBook, factors: Mapping[str, float], pue: float | None = None) -> PriceBook:
    """Return a book with every price times its factor, and another PUE; prices that nothing moves are the same.

    >>> from sim import catalog
    >>> moved_book(catalog.price_book("2026-owned"), {"electricity": 2.0}).prices["energy/kwh"].value
    0.1652
    """
    prices = {key: replace(price, value=price.value * factor_of(key, factors)) for key, price in book.prices.items()}
    if pue is not None and "energy/pue" in prices:
        prices["energy/pue"] = replace(prices["energy/pue"], value=pue)
    return replace(book, prices=prices)
