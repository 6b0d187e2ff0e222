"""[cost]: how a run is paid for."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field, WithJsonSchema, model_validator

from sim import catalog
from sim.catalog.records import Price, PriceBook, Provenance
from sim.errors import InputError, ScenarioError, unknown_name
from sim.ledger.bill.prices import check_book, price_of
from sim.ledger.bill.rent import check_contracts
from sim.ledger.bill.terms import ACQUISITIONS, DEPRECIATIONS, RENTS, Contract, Team, Terms
from sim.reliability.records import FailureClass
from sim.scenario.fields import Fraction, IsoDate, Name, OneOf, PositiveTime, Time, quantity, refuse
from sim.scenario.laws import CLOSED
from sim.scenario.lookup import look_up
from sim.scenario.records import Billing
from sim.scenario.speed import TimeOfDay

MOST_USD = 1e9
"""The largest price that a scenario may state: a bill in micro-dollars has eighteen digits."""

MOST_SPENDING_USD = 1e11

US_PER_HOUR = 3_600_000_000

Money = Annotated[
    float,
    Field(ge=0, le=MOST_SPENDING_USD),
    quantity("money"),
    WithJsonSchema({"type": ["number", "string"], "examples": ["5e6 USD"]}),
]
"""Dollars, as "5e6 USD"."""

OWNED_ONLY = ("depreciation", "depreciation_life", "lead_time", "deposit", "ramp")

Pue = Annotated[float, Field(ge=1, le=10)]
"""Energy of a facility over that of its IT."""

Power = Annotated[float, Field(gt=0), quantity("power"), WithJsonSchema({"type": "string", "examples": ["30 MW"]})]
"""Watts with their unit."""

Size = Annotated[float, Field(ge=0), quantity("size"), WithJsonSchema({"type": "string", "examples": ["50 TB"]})]
"""Bytes with their unit."""


class TeamForm(BaseModel):
    """A team: full-time equivalents from `before` the run until `after` it, and the run's share of them."""

    model_config = CLOSED
    name: Name
    fte: Annotated[float, Field(gt=0, le=1e6)]
    share: Fraction = 1.0
    before: Time = 0.0
    after: Time = 0.0


class ContractForm(BaseModel):
    """GPUs reserved from a day (inclusive) to another (exclusive), by the GPU-hour."""

    model_config = CLOSED
    name: Name
    from_: Annotated[IsoDate, Field(alias="from")]
    to: IsoDate
    price: Money


class PeakForm(BaseModel):
    """Hours of the day in which energy costs energy/kwh-peak; runs begin at 00:00."""

    model_config = CLOSED
    from_: Annotated[TimeOfDay, Field(alias="from")]
    to: TimeOfDay

    @model_validator(mode="after")
    def _check_times(self) -> "PeakForm":
        if self.from_ == self.to:
            raise refuse("from and to are the same time of the day; expected two")
        return self


class CostForm(BaseModel):
    """[cost]; override replaces prices of the book by key, for this run only. See Terms for what the others mean."""

    model_config = CLOSED
    prices: str
    acquisition: Annotated[str, OneOf(what="acquisition", known=ACQUISITIONS)]
    override: dict[str, float] = {}
    absorb: bool = True
    depreciation: Annotated[str, OneOf(what="depreciation", known=DEPRECIATIONS)] = DEPRECIATIONS[0]
    depreciation_life: PositiveTime | None = None
    lead_time: Time = 0.0
    deposit: Fraction = 0.0
    ramp: Time = 0.0
    committed: Time = 0.0
    contracts: list[ContractForm] = []
    commitment: Money = 0.0
    credit: Money = 0.0
    evictions: str = ""
    egress: Size = 0.0
    peak: PeakForm | None = None
    delay_per_day: Money = 0.0
    grid: str | None = None
    pue_by_month: Annotated[list[Annotated[float, Field(ge=1, le=10)]], Field(min_length=12, max_length=12)] | None = (
        None
    )
    power_cap: Power | None = None
    teams: list[TeamForm] = []

    @model_validator(mode="after")
    def _check_read(self) -> "CostForm":
        owns = self.acquisition in ("own", "colocation")
        for key in (*OWNED_ONLY, "peak", "pue_by_month", "power_cap"):
            if key in self.model_fields_set and not owns:
                raise refuse(
                    f"{key}: nothing reads it where the hardware is rented; expected acquisition own or colocation"
                )
        if self.acquisition == "spot" and not self.evictions:
            raise refuse("acquisition 'spot' without evictions; expected the cause of failure by which nodes are lost")
        if "deposit" in self.model_fields_set and not self.lead_time:
            raise refuse("deposit: got a deposit and no lead_time; expected how long before delivery it is paid")
        if self.egress and owns:
            raise refuse("egress: nothing reads it where the hardware is owned")
        return self


def billing_of(
    form: CostForm | None, node: str, storage: str | None, topology: bool, start: date | None
) -> Billing | None:
    """Return how the run is paid for, or None where no bill is asked for; start: the day the run begins.

    Raises ScenarioError, PriceError: said before a long run begins, not after it.
    """
    if form is None:
        return None
    missing = [name for name, there in (("topology", topology), ("storage", storage is not None)) if not there]
    if missing:
        raise ScenarioError("\n".join(f"cluster.{name}: is missing; [cost] needs it for a bill" for name in missing))
    prices = overridden_book(_price_book(form.prices), form.override, "cost.override")
    check_book(prices, start.isoformat() if start else None)
    for key in _needed(form, node, storage or ""):
        price_of(prices, key)
    terms = terms_of(form, start)
    check_contracts(terms.contracts)
    if terms.contracts and start is None:
        raise ScenarioError("cost.contracts: got days, and no run.start that says when the run begins; expected both")
    return Billing(prices=prices, acquisition=form.acquisition, terms=terms)


def terms_of(form: CostForm, start: date | None = None) -> Terms:
    """Return the terms that a form states. Raises ScenarioError for months of a run without a first day."""
    if form.pue_by_month and start is None:
        raise ScenarioError("cost.pue_by_month: got months, and no run.start that says which; expected both")
    life_years = None if form.depreciation_life is None else form.depreciation_life / 31_557_600
    return Terms(
        absorb=form.absorb,
        depreciation=form.depreciation,
        depreciation_years=life_years,
        lead_us=_us(form.lead_time),
        deposit=form.deposit,
        ramp_us=_us(form.ramp),
        committed_us=_us(form.committed),
        contracts=tuple(
            Contract(name=each.name, start=each.from_, end=each.to, usd_per_gpu_hour=each.price)
            for each in form.contracts
        ),
        commitment_usd=form.commitment,
        credit_usd=form.credit,
        evictions=form.evictions,
        egress_bytes=form.egress,
        peak_hours=None if form.peak is None else (form.peak.from_ / US_PER_HOUR, form.peak.to / US_PER_HOUR),
        delay_usd_per_day=form.delay_per_day,
        grid_kg_per_kwh=None if form.grid is None else _grid(form.grid),
        pue_by_month=tuple(form.pue_by_month or ()),
        first_day=start if form.pue_by_month else None,
        power_cap_w=form.power_cap,
        teams=tuple(
            Team(name=t.name, fte=t.fte, share=t.share, before_us=_us(t.before), after_us=_us(t.after))
            for t in form.teams
        ),
    )


def check_evictions(form: CostForm | None, failures: tuple[FailureClass, ...]) -> None:
    """Raise ScenarioError where the cause by which spot nodes are lost is none of the failures."""
    name, causes = form.evictions if form else "", [failure.cause for failure in failures]
    if name and name not in causes:
        raise ScenarioError(str(unknown_name("cause of failure", name, causes, "cost.evictions")))


def _grid(name: str) -> float:
    return look_up(catalog.load_grid, name, "cost.grid").intensity_kg_per_kwh


def _us(seconds: float) -> int:
    return round(seconds * 1e6)


def _price_book(name: str) -> PriceBook:
    try:
        return catalog.load_price_book(name)
    except InputError as error:
        raise type(error)(f"cost.prices: {error}") from None


def _needed(form: CostForm, node: str, storage: str) -> list[str]:
    """Return prices that a bill cannot do without, so that a long run does not end without one."""
    peak = ["energy/kwh-peak"] if form.peak else []
    if form.acquisition in RENTS:
        rents = [f"{RENTS['on-demand' if form.contracts else form.acquisition]}/{node}"]
        return [*rents, *(["egress/tb"] if form.egress else [])]
    housed = ["colocation/kw-month"] if form.acquisition == "colocation" else []
    return [f"server/{node}", f"storage/{storage}", *housed, *peak]


def overridden_book(book: PriceBook, override: Mapping[str, float], where: str) -> PriceBook:
    """Return a book with other prices in place of its own. Raises UnknownNameError, ScenarioError, naming where."""
    prices = dict(book.prices)
    for key, value in override.items():
        if key not in prices:
            raise unknown_name("price", key, prices, where)
        if not 0 <= value <= MOST_USD:
            raise ScenarioError(f'{where}."{key}": got {value:g}; expected 0 to {MOST_USD:g}')
        here = Provenance(source=f"stated in {where}", date="", kind="assumed")
        prices[key] = Price(value=value, unit=prices[key].unit, provenance=here)
    return replace(book, prices=prices)
