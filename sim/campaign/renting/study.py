"""One simulated run under dated books: a GPU-hour owned, reserved and on demand, and when owning pays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

from sim.campaign.renting.books import Pair, dated_pairs, dated_prices, lacking
from sim.campaign.renting.break_even import (
    HOURS_PER_YEAR,
    Owning,
    break_even_use,
    break_even_years,
    growths,
    mean_rent_factor,
)
from sim.errors import PriceError, ScenarioError
from sim.ledger.bill.cost import CostLedger, price
from sim.ledger.bill.prices import price_of
from sim.ledger.bill.terms import RENTS, STANDARD, Terms
from sim.ledger.bill.usage import US_PER_HOUR, US_PER_YEAR, Usage
from sim.scenario import Scenario
from sim.simulate import Progress, RunResult, simulate

COMMON = ("staff", "debugging", "data", "licence", "egress", "commitment", "credit")
"""Items that are the same whoever owns the hardware, or are no matter of it: left out of a GPU-hour."""

VARIABLE = ("energy", "cooling")
"""Items of an owner that stand still while nothing runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedRow:
    """What a GPU-hour costs from a day on, and when owning pays.

    use: of break-even against on demand; use_low, use_high: with the mean rent of the servers' life, rents moving as
    they did at their highest and lowest; years: until an owner has paid no more, with rents as they are, and in the
    same band (None: not within the life of the servers). reserved_use: from which a reservation beats on demand.
    """

    pair: Pair
    owning: Owning
    reserved_usd: float
    on_demand_usd: float
    use: float | None
    use_low: float | None
    use_high: float | None
    years: float | None
    years_low: float | None
    years_high: float | None

    @property
    def own_usd(self) -> float:
        """A GPU-hour that is owned, at full use."""
        return self.owning.fixed_usd + self.owning.variable_usd

    @property
    def reserved_use(self) -> float:
        """The use from which a reservation is cheaper than on demand."""
        return self.reserved_usd / self.on_demand_usd

    def day(self, years: float | None) -> date | None:
        """Return the day after so many years."""
        return None if years is None else self.pair.start + timedelta(days=years * 365.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class RentingStudy:
    """A run, its rows oldest first, and how rents and servers moved: ln of the lowest, mean and highest yearly factor.

    skipped: pairs of books, and the prices that they lack.
    """

    run: RunResult
    use: float
    rows: tuple[DatedRow, ...]
    rent_growths: tuple[float, float, float] | None
    server_growths: tuple[float, float, float] | None
    skipped: tuple[tuple[str, str], ...]


def study_renting(
    scenario: Scenario,
    *,
    pairs: Sequence[Pair] = (),
    use: float = 1.0,
    progress: Progress = lambda fraction, what: None,
    allow_plugins: bool = False,
) -> RentingStudy:
    """Return what a scenario's run costs owned and rented, under pairs of books (by default all of the catalog).

    Raises ScenarioError for a scenario without [cost], or that buys nodes meanwhile; PriceError where no pair prices
    its hardware.
    """
    if scenario.repair is not None and scenario.repair.reorder is not None:
        raise ScenarioError("repair.reorder: own or rent is asked of nodes that are all there; expected replacement")
    run = simulate(scenario, progress, allow_plugins)
    if run.usage is None:
        raise ScenarioError("cost: is missing; expected a scenario with [cost]: what is owned follows from it")
    node, store = run.usage.assets.node, run.usage.assets.storage
    asked = list(pairs or dated_pairs())
    skipped = [
        (f"{p.owned.name}, {p.rented.name}", "; ".join(miss)) for p in asked if (miss := lacking(p, node, store))
    ]
    priced = [pair for pair in asked if not lacking(pair, node, store)]
    if not priced:
        why = "; ".join(f"{names}: no {what}" for names, what in skipped)
        raise PriceError(f"no books price {node} both owned and rented ({why})")
    rents = growths(dated_prices(f"{RENTS['on-demand']}/{node}", rented=True))
    return RentingStudy(
        run=run,
        use=use,
        rows=tuple(dated_row(scenario, run.usage, pair, use, rents) for pair in priced),
        rent_growths=rents,
        server_growths=growths(dated_prices(f"server/{node}", rented=False)),
        skipped=tuple(skipped),
    )


def dated_row(
    scenario: Scenario, usage: Usage, pair: Pair, use: float, rents: tuple[float, float, float] | None
) -> DatedRow:
    """Return what a run's hardware costs under a pair of books."""
    reserved, on_demand = (
        per_gpu_hour(usage, price(usage, pair.rented, how, STANDARD)) for how in ("reserved", "on-demand")
    )
    owning = owning_of(usage, price(usage, pair.owned, "own", owner_terms(scenario)), pair)
    low, high = (0.0, 0.0) if rents is None else (rents[0], rents[2])
    a_year = on_demand * usage.gpus * HOURS_PER_YEAR

    def use_at(growth: float) -> float | None:
        return break_even_use(owning, on_demand * mean_rent_factor(growth, owning.life_years))

    return DatedRow(
        pair=pair,
        owning=owning,
        reserved_usd=reserved,
        on_demand_usd=on_demand,
        use=break_even_use(owning, on_demand),
        use_low=use_at(high),
        use_high=use_at(low),
        years=break_even_years(owning, a_year, use),
        years_low=break_even_years(owning, a_year, use, high),
        years_high=break_even_years(owning, a_year, use, low),
    )


def owner_terms(scenario: Scenario) -> Terms:
    """Return the terms on which an owner buys: those of the scenario where it owns, standard ones where it rents.

    Idle time, people and credits are left out: a GPU-hour here is of the hardware, whoever it is charged to.
    """
    billing = scenario.billing
    if billing is None or billing.acquisition != "own":
        return STANDARD
    return replace(billing.terms, absorb=True, teams=(), credit_usd=0.0, commitment_usd=0.0)


def per_gpu_hour(usage: Usage, costs: CostLedger, items: Sequence[str] | None = None) -> float:
    """Return the dollars of a GPU-hour held, of some items or of all that differ between owning and renting."""
    counted = [row for row in costs.postings if (row.item in items if items else row.item not in COMMON)]
    hours = Fraction(usage.gpus * usage.wall_us, US_PER_HOUR)
    return float(Fraction(sum(row.micro_usd for row in counted), 10**6) / hours)


def owning_of(usage: Usage, costs: CostLedger, pair: Pair) -> Owning:
    """Return what owning a run's cluster costs an hour, a year and at once, from its bill."""
    whole, variable = per_gpu_hour(usage, costs), per_gpu_hour(usage, costs, VARIABLE)
    years = Fraction(usage.wall_us, US_PER_YEAR)
    gpu_hours_a_year = usage.gpus * HOURS_PER_YEAR
    depreciation = float(sum((charge.depreciation_usd for charge in costs.charges), Fraction()) / years)
    return Owning(
        fixed_usd=whole - variable,
        variable_usd=variable,
        price_usd=float(sum((charge.price_usd for charge in costs.charges), Fraction())),
        running_usd_per_year=(whole - variable) * gpu_hours_a_year - depreciation,
        energy_usd_per_year=variable * gpu_hours_a_year,
        life_years=float(price_of(pair.owned, "life/server")),
    )
