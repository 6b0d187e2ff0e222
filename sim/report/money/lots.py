"""What a bill says of nodes that were bought in its run, and of those that were retired."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from operator import attrgetter
from typing import Any

from sim.ledger.bill.assets import AssetCharge
from sim.ledger.bill.cost import CostLedger
from sim.ledger.bill.lots import arrived, retired
from sim.ledger.bill.usage import Usage
from sim.quantities import show_count
from sim.report.text import Result, short_usd, wrapped


def lots_json(usage: Usage, costs: CostLedger) -> dict[str, Any] | None:
    """Return what came and went, None where all nodes were there throughout; USD of what is owned, 0 of what is rented.

    bought: nodes; price_usd: what they were bought for, charged_usd: depreciation and capital of them in the run.
    retired: nodes by cause, those that were bought too; written_off_usd: what was left of their price.
    """
    if not usage.assets.lots:
        return None
    bought = [charge for charge in costs.charges if charge.since_us]
    worn_usd = _total(bought, "depreciation_usd") - _total(bought, "written_off_usd")
    return {
        "bought": arrived(usage),
        "price_usd": float(_total(bought, "price_usd")),
        "charged_usd": float(worn_usd + _total(bought, "capital_usd")),
        "retired": retired(usage),
        "written_off_usd": float(_total(costs.charges, "written_off_usd")),
    }


def _total(charges: Iterable[AssetCharge], name: str) -> Fraction:
    return sum(map(attrgetter(name), charges), Fraction())


def lots_said(result: Result) -> Iterator[str]:
    """Yield sentences of what was bought and written off; nothing where nothing was."""
    lots = result.get("lots") or {"price_usd": 0, "written_off_usd": 0}
    if lots["price_usd"]:
        price, charged = short_usd(lots["price_usd"]), short_usd(lots["charged_usd"])
        yield (
            f"Bought in the run: {show_count(lots['bought'])} nodes for {price}, of which it is charged {charged} with "
            "their capital"
        )
    if lots["written_off_usd"]:
        count = show_count(sum(lots["retired"].values()))
        yield f"Written off: {short_usd(lots['written_off_usd'])} of {count} nodes that were retired"


def lots_text(result: Result) -> list[str]:
    """Return the same in lines of a screen."""
    return [line for said in lots_said(result) for line in wrapped(said)]
