"""Dated pairs of books, one of what is owned and one of rents, and how a price moved between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sim import catalog
from sim.catalog.records import PriceBook
from sim.errors import InputError, PriceError
from sim.ledger.bill.terms import RENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What it costs to own and to rent from a day on."""

    owned: PriceBook
    rented: PriceBook

    @property
    def start(self) -> date:
        """The first day on which both hold."""
        return max(date.fromisoformat(book.valid_from) for book in (self.owned, self.rented))


def dated_pairs() -> Iterator[Pair]:
    """Yield the pairs of the catalog, oldest first.

    >>> [pair.owned.name for pair in dated_pairs()][-2:]
    ['2025-owned', '2026-owned']
    """
    names = catalog.names("price-book")
    for owned in sorted(name for name in names if name.endswith("-owned")):
        rented = owned.replace("-owned", "-rented")
        if rented in names:
            yield Pair(owned=catalog.load_price_book(owned), rented=catalog.load_price_book(rented))


def pair_of(owned: str, rented: str) -> Pair:
    """Return a pair of two books by name or file. Raises InputError, PriceError for two that never hold together."""
    books = []
    for option, name in (("--owned", owned), ("--rented", rented)):
        try:
            books.append(catalog.load_price_book(name))
        except InputError as error:
            raise type(error)(f"{option}: {error}") from None
    pair = Pair(owned=books[0], rented=books[1])
    if pair.start >= min(date.fromisoformat(book.valid_to) for book in books):
        held = " and ".join(f"{book.name} from {book.valid_from} to {book.valid_to}" for book in books)
        raise PriceError(f"--owned, --rented: got {held}; expected two that hold on the same day")
    return pair


def lacking(pair: Pair, node: str, storage: str) -> list[str]:
    """Return the prices that a pair would have to have, and has not."""
    keys = [(pair.owned, f"server/{node}"), (pair.owned, f"storage/{storage}")]
    keys += [(pair.rented, f"{RENTS[how]}/{node}") for how in ("reserved", "on-demand")]
    return [f"{key} in {book.name}" for book, key in keys if key not in book.prices]


def dated_prices(key: str, *, rented: bool) -> list[tuple[float, float]]:
    """Return a price in every book that has it, by the year from which the book holds.

    >>> [year for year, _ in dated_prices("server/dgx-h100", rented=False)]
    [2023.0, 2024.0, 2025.0, 2026.0]
    """
    books = [pair.rented if rented else pair.owned for pair in dated_pairs()]
    return [(_year(book), float(book.prices[key].value)) for book in books if key in book.prices]


def _year(book: PriceBook) -> float:
    day = date.fromisoformat(book.valid_from)
    return day.year + (day.timetuple().tm_yday - 1) / 365.25
