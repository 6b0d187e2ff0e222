"""Every method on every sample: what each says that the simulated run cost, with the method's own constants moved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from sim.analysis.generations.book import moved_book
from sim.analysis.generations.draws import Draws, usage_of
from sim.analysis.generations.simulated import Simulated
from sim.analysis.generations.spread import Floats, log_normal
from sim.analysis.generations.table import Generation, published
from sim.errors import InputError
from sim.ledger.bill.cost import price, total_usd
from sim.ledger.bill.usage import Usage
from sim.ledger.methods.epoch import acquisition, capex_energy, cloud, development
from sim.ledger.methods.lookup import Run, capex_inputs, price_usd, rent_usd_per_hour
from sim.ledger.methods.records import View
from sim.ledger.methods.tables import Chip, chip_of, deflator

US_PER_HOUR = 3.6e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Samples of a generation: wall time and GPU-hours, and what each method that applies says, in its unit."""

    days: Floats
    hours: Floats
    job_hours: Floats
    flop: Floats
    amounts: Mapping[str, Floats]
    reasons: Mapping[str, str]


def sampled(generation: Generation, simulated: Simulated, draws: Draws) -> Sampled:
    """Return every sample of a generation under every method; reasons: why a method does not apply."""
    rows = [_row(generation, simulated, draws, index) for index in range(draws.count)]
    chip, reasons = chip_of(generation.hardware), {}
    names = [name for name in rows[0].amounts if all(name in row.amounts for row in rows)]
    if chip is None:
        reasons = dict.fromkeys(("amortised", "cloud", "acquisition"), f"Epoch has no price of '{generation.hardware}'")
    elif "cloud" not in names:
        reasons = {"cloud": f"no cloud lists a rent of '{chip.name}' for three years"}
    return Sampled(
        days=np.array([row.days for row in rows]),
        hours=np.array([row.hours for row in rows]),
        job_hours=np.array([row.job_hours for row in rows]),
        flop=simulated.flop * draws.values["compute"],
        amounts={name: np.array([row.amounts[name] for row in rows]) for name in names},
        reasons=reasons,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    days: float
    hours: float
    job_hours: float
    amounts: Mapping[str, float]


def _row(generation: Generation, simulated: Simulated, draws: Draws, index: int) -> _Row:
    factors = draws.factors(index)
    usage, job_share = usage_of(simulated, factors)
    hours = sum(usage.time.values()) / US_PER_HOUR
    amounts = {"chip-hours": hours * job_share, "bill": _bill(simulated, usage, factors)}
    amounts |= dict(_epoch(generation, usage, hours, factors, float(draws.staff[index])))
    for figure in generation.figures:
        if figure.usd_per_hour is not None:
            amounts[figure.method] = hours * job_share * figure.usd_per_hour
    days = usage.wall_us / US_PER_HOUR / 24
    return _Row(days=days, hours=hours, job_hours=hours * job_share, amounts=amounts)


def _bill(simulated: Simulated, usage: Usage, factors: Mapping[str, float]) -> float:
    """Return the scenario's own bill at moved prices."""
    billing = simulated.scenario.billing
    assert billing is not None, "a generation is billed"
    book = moved_book(billing.prices, factors, factors["PUE"])
    return float(total_usd(price(usage, book, billing.acquisition, billing.terms)))


def _epoch(
    generation: Generation, usage: Usage, hours: float, factors: Mapping[str, float], staff: float
) -> Iterator[tuple[str, float]]:
    """Yield Epoch's methods on a sample's chip-hours, by name; none of a chip that its tables do not know."""
    chip = chip_of(generation.hardware)
    if chip is None:
        return
    run = Run(
        model=generation.model,
        hardware=generation.hardware,
        chip_hours=hours,
        chips=float(usage.gpus),
        published=generation.published,
    )
    amortised = _amortised(run, chip, factors)
    if amortised is not None:
        yield "amortised", amortised.total
        if generation.staff:
            low, _, high = published(generation.staff)
            usd = float(log_normal(np.array([staff]), low, high)[0])
            yield "development", development(usd, amortised, factors["experiments"]).total
    rent = rent_usd_per_hour(run, chip)
    if rent is not None:
        yield "cloud", cloud(hours, rent * factors["rent"], deflator(run.published)).total
    server = factors["server ratio"] if chip.bare else 1.0
    each, count = price_usd(chip) * factors["hardware"] * server, usage.gpus * factors["chips"]
    yield "acquisition", acquisition(count, each, deflator(run.published), _fraction(factors)).total


def _amortised(run: Run, chip: Chip, factors: Mapping[str, float]) -> View | None:
    """Return amortised capex + energy with its constants moved, None for a year without a price of electricity."""
    try:
        told = capex_inputs(run, chip)
    except InputError:
        return None
    server = factors["server ratio"] if chip.bare else 1.0
    moved = replace(
        told,
        price_usd=told.price_usd * factors["hardware"] * server,
        pue=factors["PUE"],
        usd_per_kwh=told.usd_per_kwh * factors["electricity"],
        progress_oom_per_year=factors["progress"],
        interconnect_fraction=_fraction(factors),
    )
    return capex_energy(moved)


def _fraction(factors: Mapping[str, float]) -> float:
    """Return the interconnect's share of a cluster from cluster over servers.

    >>> round(_fraction({"interconnect": 1.25}), 12)
    0.2
    """
    return 1 - 1 / factors["interconnect"]
