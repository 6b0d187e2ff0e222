"""`own-or-rent` as JSON and on a screen of 80 columns."""

import math
from collections.abc import Mapping
from typing import Any

from sim.campaign.renting.study import DatedRow, RentingStudy
from sim.ledger.bill.terms import RENTS
from sim.quantities import show_count
from sim.report.text import Result, percent, short, short_usd, table, wrapped

HOW = ("reserved", "on-demand")


def renting_json(study: RentingStudy) -> dict[str, Any]:
    """Return the answer: rows by date, in USD a GPU-hour held; uses are fractions, bands follow the moves of rents."""
    run, usage = study.run, study.run.usage
    assert usage is not None, "a study prices its run"
    return {
        "name": run.scenario.name,
        "run_id": run.run_id,
        "node": usage.assets.node,
        "gpus": usage.gpus,
        "gpu_hours": usage.gpus * usage.wall_us / 3.6e9,
        "use": study.use,
        "rows": [_row(row, usage.assets.node) for row in study.rows],
        "rent_factor_per_year": _factors(study.rent_growths),
        "server_factor_per_year": _factors(study.server_growths),
        "skipped": [{"books": books, "lacks": why} for books, why in study.skipped],
    }


def _factors(growths: tuple[float, float, float] | None) -> dict[str, float] | None:
    if growths is None:
        return None
    return dict(zip(("low", "mean", "high"), map(math.exp, growths), strict=True))


def _kinds(row: DatedRow, node: str) -> dict[str, str]:
    """Return whether the prices of a row are published, derived or assumed."""
    owned, rented = row.pair.owned.prices, row.pair.rented.prices
    prices = {"server": owned[f"server/{node}"], **{how: rented[f"{RENTS[how]}/{node}"] for how in HOW}}
    return {name: price.provenance.kind for name, price in prices.items()}


def _row(row: DatedRow, node: str) -> dict[str, Any]:
    years = {"constant": row.years, "low": row.years_low, "high": row.years_high}
    days = {name: row.day(each) for name, each in years.items()}
    return {
        "owned": row.pair.owned.name,
        "rented": row.pair.rented.name,
        "start": row.pair.start.isoformat(),
        "kinds": _kinds(row, node),
        "own_usd": row.own_usd,
        "own_fixed_usd": row.owning.fixed_usd,
        "own_variable_usd": row.owning.variable_usd,
        "reserved_usd": row.reserved_usd,
        "on_demand_usd": row.on_demand_usd,
        "price_usd": row.owning.price_usd,
        "life_years": row.owning.life_years,
        "break_even_use": {"constant": row.use, "low": row.use_low, "high": row.use_high},
        "reserved_use": row.reserved_use,
        "break_even_years": years,
        "break_even_date": {name: None if day is None else day.isoformat() for name, day in days.items()},
    }


def renting_report(result: Result) -> str:
    """Return the report of owning against renting from its JSON."""
    blocks = [_title(result), _hours(result), _when(result), _moves(result), _skipped(result)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _title(result: Result) -> list[str]:
    return wrapped(
        f"{result['name']}: own or rent? {show_count(result['gpus'])} GPUs in {result['node']}, "
        f"{short(result['gpu_hours'])} GPU-hours as simulated, without staff and data, which are the same"
    )


def _hours(result: Result) -> list[str]:
    rows = [["A GPU-hour from", "owned", "of it fixed", "reserved", "on demand", "cheapest"]]
    for row in result["rows"]:
        prices = {"owned": row["own_usd"], "reserved": row["reserved_usd"], "on demand": row["on_demand_usd"]}
        shown = (row["own_usd"], row["own_fixed_usd"], row["reserved_usd"], row["on_demand_usd"])
        rows.append([row["start"], *(f"${usd:.2f}" for usd in shown), min(prices, key=prices.__getitem__)])
    return table(rows, "<>>>>>")


def _when(result: Result) -> list[str]:
    head = ["Owning pays, bought", "from a use of", "band", "date", "band"]
    rows = [head]
    for row in result["rows"]:
        use, day = row["break_even_use"], row["break_even_date"]
        rows.append(
            [
                f"{row['start']}, {short_usd(row['price_usd'])}",
                _use(use["constant"]),
                f"{_use(use['low'])} to {_use(use['high'])}",
                _day(day["constant"]),
                f"{_day(day['low'])} to {_day(day['high'])}",
            ]
        )
    lives = sorted({row["life_years"] for row in result["rows"]})
    life = " to ".join(f"{each:g}" for each in dict.fromkeys((lives[0], lives[-1])))
    return [
        *table(rows, "<><><"),
        *wrapped(
            f"Against on demand; dates at a use of {percent(result['use'], 0)}; never: not while the servers live "
            f"({life} years). A reservation beats on demand from a use of "
            f"{percent(result['rows'][-1]['reserved_use'], 0)} ({result['rows'][-1]['start']})."
        ),
    ]


def _use(use: float | None) -> str:
    return "never" if use is None or use > 1 else percent(use, 0)


def _day(day: str | None) -> str:
    return "never" if day is None else day[:7]


def _moves(result: Result) -> list[str]:
    """Return the yearly moves that make the band."""
    lines = []
    for name, key in (("Rents", "rent_factor_per_year"), ("Servers", "server_factor_per_year")):
        factors: Mapping[str, float] | None = result[key]
        if factors is None:
            lines += wrapped(f"{name} have a single dated price, so there is no band")
            continue
        told = ", ".join(f"{each} {factors[each] - 1:+.0%}".replace("%", " %") for each in ("low", "mean", "high"))
        band = ", which make the band" if name == "Rents" else ""
        lines += wrapped(f"{name} of this node moved by {told} a year between the dated books{band}")
    assumed = [f"{row['start'][:4]} {name}" for row in result["rows"] for name in row["kinds"] if _guessed(row, name)]
    return [*lines, *(wrapped(f"Assumed in the books, not published: {', '.join(assumed)}") if assumed else [])]


def _guessed(row: Mapping[str, Any], name: str) -> bool:
    return bool(row["kinds"][name] == "assumed")


def _skipped(result: Result) -> list[str]:
    return [line for each in result["skipped"] for line in wrapped(f"Left out: {each['books']}: no {each['lacks']}")]
