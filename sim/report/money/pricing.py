"""Runs that are priced again from their results."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from sim.catalog.records import PriceBook
from sim.errors import InputError, OutputError, PriceError
from sim.ledger.bill.cost import CostLedger, pool_usd, price, total_usd
from sim.ledger.bill.prices import acquisitions_of, date_of
from sim.ledger.bill.terms import ACQUISITIONS, Terms
from sim.ledger.files.parquet import read_table
from sim.ledger.files.stored import StoredRun, read_book, read_stored
from sim.ledger.files.tables import cost_table
from sim.report.money.money import bill_json, methods_json


def results_in(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the results directories among some, or inside them. Raises OutputError for one that holds none."""
    for path in paths:
        if (path / "runs.parquet").exists():
            yield path
            continue
        inside = sorted(each.parent for each in path.glob("*/runs.parquet"))
        if not inside:
            raise OutputError(
                f"{path}: no results; expected the directory of a run, or one that holds such directories"
            )
        yield from inside


def amounts_of(texts: Iterable[str]) -> dict[str, float]:
    """Return prices by key from key=value.

    >>> amounts_of(["energy/kwh=0.1"])
    {'energy/kwh': 0.1}
    """
    amounts = {}
    for text in texts:
        key, equals, value = text.partition("=")
        try:
            amounts[key] = float(value)
        except ValueError:
            raise InputError(f"--override {text}: got {value or 'no value'!r}; expected KEY=NUMBER") from None
        if not (key and equals):
            raise InputError(f"--override {text}: expected KEY=NUMBER, such as energy/kwh=0.1")
    return amounts


def repriced(
    directory: Path, book: PriceBook, acquisition: str | None, start: str | None
) -> tuple[StoredRun, CostLedger]:
    """Return a stored run and its cost ledger at the prices of a book.

    acquisition, start: by default those of the run. Terms that another acquisition does not know are dropped with it.
    Raises PriceError where the book has no prices for the acquisition, with those that it has prices for.
    """
    stored = read_stored(directory)
    wanted = acquisition or stored.acquisition
    terms = stored.terms if wanted == stored.acquisition else _common(stored.terms)
    if start and terms.first_day:
        terms = replace(terms, first_day=date_of(start, "--start"))
    stored = replace(stored, acquisition=wanted, terms=terms, start=start or stored.start)
    _check_offered(stored, book)
    return stored, price(stored.usage, book, wanted, terms, stored.start)


def _check_offered(stored: StoredRun, book: PriceBook) -> None:
    """Raise PriceError where a book is of other acquisitions; what it lacks for all of them is for the bill to say."""
    node, wanted = stored.usage.assets.node, stored.acquisition
    offered = acquisitions_of(book, node, stored.usage.assets.storage)
    if wanted in offered or wanted not in ACQUISITIONS or stored.terms.contracts or not offered:
        return
    *others, last = offered
    raise PriceError(
        f"price book '{book.name}': has no prices of {node} for acquisition '{wanted}'; expected --acquisition "
        f"{' or '.join(filter(None, (', '.join(others), last)))}"
    )


def _common(terms: Terms) -> Terms:
    """Return the terms that every acquisition knows."""
    return Terms(
        absorb=terms.absorb,
        commitment_usd=terms.commitment_usd,
        credit_usd=terms.credit_usd,
        delay_usd_per_day=terms.delay_usd_per_day,
        teams=terms.teams,
    )


def pricing_json(directory: Path, stored: StoredRun, costs: CostLedger, book: PriceBook) -> dict[str, Any]:
    """Return the answer of a run that was priced again, beside what its results say that it cost."""
    cost = Counter[str]()
    for item, account, usd in zip(*_columns(directory, "item", "account", "cost_usd"), strict=True):
        if account == "run":
            cost[item] += usd
    start = stored.start
    model = stored.row["run_id"].rsplit("-", 1)[0]
    return {
        "run_id": stored.run_id,
        **bill_json(stored.usage, costs, book, stored.terms),
        "gpu_hours": stored.usage.held_gpu_us / 3.6e9,
        "tokens": stored.usage.tokens,
        "useful_flop": None,
        "methods": methods_json(stored.usage, book, stored.terms, model, start) if start else [],
        "before": {
            "cost_usd": float(stored.row["cost_usd"]),
            "cost": {item: float(usd) for item, usd in cost.items()},
            "acquisition": stored.row["acquisition"],
            "prices": read_book(directory).name,
        },
    }


def pricing_row(stored: StoredRun, costs: CostLedger) -> dict[str, Any]:
    """Return the row of one of many runs that were priced again."""
    return {
        "run_id": stored.run_id,
        "cost_usd": float(total_usd(costs)),
        "pool_usd": float(pool_usd(costs)),
        "before_usd": float(stored.row["cost_usd"]),
        "acquisition": costs.acquisition,
        "prices": costs.book,
    }


def _columns(directory: Path, *names: str) -> list[list[Any]]:
    table = read_table(directory, "cost_ledger")
    return [table.column(name).to_pylist() for name in names]


def priced_table(priced: Iterable[tuple[str, CostLedger]]) -> pa.Table:
    """Return the cost ledgers of runs that were priced again, one after the other."""
    return pa.concat_tables([cost_table(run_id, costs) for run_id, costs in priced])
