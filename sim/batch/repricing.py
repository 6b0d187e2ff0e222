"""What runs would have cost at the prices of another book: from what they used, with no second simulation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sim.errors import InputError, ScenarioError, unknown_name
from sim.ledger.bill.cost import price, total_usd
from sim.ledger.bill.terms import ACQUISITIONS
from sim.scenario import Billing, load_scenario
from sim.simulate import RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Repricing:
    """Other prices for the same runs: a book and how its things are paid for."""

    book: str
    acquisition: str

    @property
    def label(self) -> str:
        """How it is asked for."""
        return f"{self.book}={self.acquisition}"


def repricing_of(text: str) -> Repricing:
    """Return the repricing of `BOOK=ACQUISITION`. Raises InputError for a way to pay that is not known.

    >>> repricing_of("2026-rented=on-demand").acquisition
    'on-demand'
    """
    book, equals, acquisition = (part.strip() for part in text.rpartition("="))
    if not (equals and book):
        raise InputError(f"--prices {text}: expected BOOK=ACQUISITION, such as 2026-rented=on-demand")
    if acquisition not in ACQUISITIONS:
        raise unknown_name("acquisition", acquisition, ACQUISITIONS, f"--prices {text}")
    return Repricing(book=book, acquisition=acquisition)


def repricings_of(texts: Iterable[str]) -> tuple[Repricing, ...]:
    """Return the repricings that are asked for, each once."""
    return tuple(dict.fromkeys(map(repricing_of, texts)))


def billings(source: str, overrides: Sequence[str], others: Sequence[Repricing]) -> dict[str, Billing]:
    """Return by label how a scenario is billed at other prices; its own overrides of prices and its terms hold.

    Raises InputError for what a book or an acquisition does not know, ScenarioError for a scenario without a bill.
    """
    found = {}
    for each in others:
        asked = [*overrides, f'cost.prices="{each.book}"', f'cost.acquisition="{each.acquisition}"']
        billing = load_scenario(source, asked).billing
        if billing is None:
            raise ScenarioError(f"--prices {each.label}: this scenario has no bill; expected [cost]")
        found[each.label] = billing
    return found


def repriced(run: RunResult, others: dict[str, Billing]) -> dict[str, float]:
    """Return by label what a run would have cost. Raises ScenarioError for one without hardware, PriceError."""
    if others and run.usage is None:
        raise ScenarioError(f"--prices {next(iter(others))}: nothing is billed; expected hardware and a store")
    start = run.scenario.start.isoformat() if run.scenario.start else None
    return {
        label: float(total_usd(price(run.usage, each.prices, each.acquisition, each.terms, start)))
        for label, each in others.items()
        if run.usage is not None
    }
