"""How a run is paid for, beyond the prices of a book: contracts, calendars and what the run is charged for."""

import datetime
from dataclasses import dataclass

DEPRECIATIONS = ("straight-line", "declining-balance")

RENTS = {"reserved": "rent-reserved", "on-demand": "rent-on-demand", "spot": "rent-spot"}
"""Price key of a GPU-hour by acquisition."""

OWNING = ("own", "colocation")
"""Acquisitions whose servers, network and storage are bought."""

ACQUISITIONS = ("own", *RENTS, "colocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """People: full-time equivalents, from so long before the run until so long after it, and the run's share of them.

    A team costs fte x share x (before + run + after) in years x staff/fte.
    """

    name: str
    fte: float
    share: float = 1.0
    before_us: int = 0
    after_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """GPUs reserved from a day (inclusive) to another (exclusive) at a price of its own, billed whatever they do."""

    name: str
    start: datetime.date
    end: datetime.date
    usd_per_gpu_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything a bill needs to know that is neither a price nor what the run used; by default nothing special.

    absorb: whether the run pays for time outside the job (spare, repair, maintenance, idle); otherwise a pool does.
    depreciation: a method of DEPRECIATIONS, over depreciation_years, by default the life of the asset. lead_us: from
    order to the first delivery; deposit: the fraction paid at the order; ramp_us: over which everything is delivered,
    before the run. committed_us: the term of a reservation. commitment_usd: spending that was promised for the run;
    credit_usd: what a provider or the state pays. evictions: the cause of failure by which spot nodes are lost.
    peak_hours: hours of the day (from, to) in which energy/kwh-peak holds. delay_usd_per_day: what a day later costs,
    a shadow price. grid_kg_per_kwh: CO2e of a kWh where the run draws it, None where the book's carbon/kwh holds.
    pue_by_month: of the site, from January on, instead of the book's; first_day: of the run, which says its months.
    power_cap_w: what the site may draw at the meter. teams: instead of staff/research.
    """

    absorb: bool = True
    depreciation: str = "straight-line"
    depreciation_years: float | None = None
    lead_us: int = 0
    deposit: float = 0.0
    ramp_us: int = 0
    committed_us: int = 0
    contracts: tuple[Contract, ...] = ()
    commitment_usd: float = 0.0
    credit_usd: float = 0.0
    evictions: str = ""
    egress_bytes: float = 0.0
    peak_hours: tuple[float, float] | None = None
    delay_usd_per_day: float = 0.0
    grid_kg_per_kwh: float | None = None
    pue_by_month: tuple[float, ...] = ()
    first_day: datetime.date | None = None
    power_cap_w: float | None = None
    teams: tuple[Team, ...] = ()


STANDARD = Terms()
