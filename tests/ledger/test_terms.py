"""Terms of a bill: what is rented, housed, deferred, promised or shared out, exact and nothing twice."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import PriceError, UnknownNameError
from sim.ledger.bill.assets import Asset, book_value_usd, charge, depreciation_usd
from sim.ledger.bill.cost import CostLedger, pool_usd, total_usd, usd_by
from sim.ledger.bill.power import check_cap, peak_share
from sim.ledger.bill.terms import ACQUISITIONS, DEPRECIATIONS, Contract, Team, Terms
from sim.ledger.bill.usage import US_PER_DAY, US_PER_HOUR, US_PER_YEAR
from sim.ledger.time.trace import OUTSIDE_STATES, RunTrace
from sim.workload.profile import StepProfile
from tests.cluster.hardware import price_book
from tests.ledger.bills import EVERYTHING, MORE, bill_of, failing, lasting, usage_of
from tests.ledger.hardware import OWNED, RENTED
from tests.ledger.traces import profiles, traces

AXES = ("item", "state", "cause", "phase")
RUN = usage_of(failing(40))
HOURS = Fraction(RUN.gpus * RUN.wall_us, US_PER_HOUR)
REPAIR_H = Fraction(sum(us for key, us in RUN.time.items() if key.state == "repair"), US_PER_HOUR)
FACTORS = ("life/", "residual/", "rma/", "sla/", "head-node/per", "energy/pue", "carbon/")
PRICES = [key for key in sorted(EVERYTHING) if not key.startswith(FACTORS)]
YEARS = Fraction(RUN.wall_us, US_PER_YEAR)
MICRO = Decimal("0.000001")


def items(costs: CostLedger) -> dict[str | int, Decimal]:
    return usd_by(costs, "item")


def near(amount: Decimal, exact: Fraction, within: Decimal = MICRO) -> bool:
    return abs(Fraction(amount) - exact) <= Fraction(within)


def terms_for(acquisition: str) -> st.SearchStrategy[Terms]:
    """Return terms that an acquisition knows."""
    days = st.integers(0, 400).map(lambda count: count * US_PER_DAY)
    common = {
        "absorb": st.booleans(),
        "commitment_usd": st.sampled_from([0.0, 1e5, 1e9]),
        "credit_usd": st.sampled_from([0.0, 12_345.67, 1e9]),
        "teams": st.lists(st.builds(Team, name=st.just("lab"), fte=st.floats(0.5, 90), before_us=days), max_size=2).map(
            tuple
        ),
    }
    owning = {
        "depreciation": st.sampled_from(DEPRECIATIONS),
        "lead_us": days,
        "deposit": st.floats(0, 1),
        "ramp_us": days,
        "peak_hours": st.none() | st.just((22.0, 6.5)),
    }
    rented = {"egress_bytes": st.sampled_from([0.0, 5e13])}
    own = {"own": owning, "colocation": owning, "reserved": {**rented, "committed_us": days}, "on-demand": rented}
    return st.builds(Terms, **common, **own.get(acquisition, {**rented, "evictions": st.just("gpu")}))


@settings(deadline=None)
@given(trace=traces(), profile=profiles, data=st.data(), acquisition=st.sampled_from(ACQUISITIONS))
def test_every_axis_sums_to_the_total_whatever_the_terms(
    trace: RunTrace, profile: StepProfile, data: st.DataObject, acquisition: str
) -> None:
    terms = data.draw(terms_for(acquisition))
    costs = bill_of(usage_of(trace, profile), EVERYTHING, acquisition, terms)
    assert {sum(usd_by(costs, axis).values(), Decimal()) for axis in AXES} == {total_usd(costs)}
    exact = sum((line.usd for line in costs.lines), Fraction())
    grand = Fraction(total_usd(costs) + pool_usd(costs))
    assert abs(grand - exact) <= Fraction(len(costs.lines), 2 * 10**6)


@settings(deadline=None)
@given(trace=traces(), acquisition=st.sampled_from(ACQUISITIONS))
def test_charging_idle_time_to_the_run_or_not_leaves_the_grand_total(trace: RunTrace, acquisition: str) -> None:
    usage = usage_of(trace)
    charged, shared = (bill_of(usage, EVERYTHING, acquisition, Terms(absorb=absorb)) for absorb in (True, False))
    assert total_usd(charged) == total_usd(shared) + pool_usd(shared)
    assert not {posting.state for posting in shared.postings} & {*OUTSIDE_STATES}
    assert {posting.state for posting in shared.pool} <= {*OUTSIDE_STATES}


@pytest.mark.parametrize("key", PRICES)
@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_doubling_a_price_adds_exactly_the_lines_that_it_makes(acquisition: str, key: str) -> None:
    """A line is linear in the price of what it buys; lives and ratios enter as factors."""
    terms = Terms(evictions="gpu") if acquisition == "spot" else Terms()
    once = bill_of(RUN, EVERYTHING, acquisition, terms)
    twice = bill_of(RUN, EVERYTHING | {key: 2 * EVERYTHING[key]}, acquisition, terms)
    made = sum((line.usd for line in once.lines if key in line.keys), Fraction())
    assert near(total_usd(twice) - total_usd(once), made, MICRO * 40)


def test_a_declining_balance_falls_at_twice_the_rate_and_never_below_the_residual() -> None:
    asset = Asset(
        item="server",
        price_usd=Fraction(400_000),
        residual_usd=Fraction(40_000),
        life_years=Fraction(4),
        capital_rate=Fraction(),
        method="declining-balance",
    )
    values = [book_value_usd(asset, Fraction(years)) for years in range(6)]
    assert values == [400_000, 200_000, 100_000, 50_000, 40_000, 40_000]
    assert all(
        depreciation_usd(asset, Fraction(y, 3)) + book_value_usd(asset, Fraction(y, 3)) == 400_000 for y in range(20)
    )


def test_capital_waits_for_delivery() -> None:
    """At 8 %: a tenth paid 180 days ahead, all of it half of a ramp of 60 days before the run."""
    asset = Asset(
        item="server",
        price_usd=Fraction(1_000_000),
        residual_usd=Fraction(),
        life_years=Fraction(4),
        capital_rate=Fraction(8, 100),
    )
    terms = Terms(lead_us=180 * US_PER_DAY, deposit=0.1, ramp_us=60 * US_PER_DAY)
    before = charge(asset, Fraction(1, 10), terms).capital_usd - charge(asset, Fraction(1, 10)).capital_usd
    assert before == Fraction(8, 100) * (100_000 * Fraction(180) + 1_000_000 * Fraction(30)) / Fraction(36525, 100)


def test_a_depreciation_longer_than_the_life_of_the_asset_is_refused() -> None:
    with pytest.raises(PriceError, match=r"cost.depreciation_life: got 6 years; expected at most the 4 years of life/"):
        bill_of(RUN, OWNED, terms=Terms(depreciation_years=6))
    shorter = bill_of(RUN, OWNED, terms=Terms(depreciation_years=2))
    assert items(shorter)["server"] > items(bill_of(RUN, OWNED))["server"]
    assert items(shorter)["facility"] == items(bill_of(RUN, OWNED))["facility"]


def test_a_colocation_bills_neither_facility_nor_cooling() -> None:
    own, housed = bill_of(RUN, EVERYTHING), bill_of(RUN, EVERYTHING, "colocation")
    assert {"facility", "cooling"} <= {*items(own)}
    assert not {"facility", "cooling", "cdu"} & {*items(housed)}
    months = YEARS * 12
    assert near(items(housed)["colocation"], Fraction(RUN.assets.nameplate_w) / 1000 * months * 150)
    assert items(housed)["server"] == items(own)["server"]


def test_an_evicted_spot_node_is_not_billed_and_another_repair_is() -> None:
    evicted = bill_of(RUN, RENTED | {"rent-spot/box": 1.0}, "spot", Terms(evictions="gpu"))
    other = bill_of(RUN, RENTED | {"rent-spot/box": 1.0}, "spot", Terms(evictions="preempted"))
    assert near(items(evicted)["rent"], HOURS - REPAIR_H)
    assert near(items(other)["rent"], HOURS)


def test_a_provider_credits_repair_by_its_service_level() -> None:
    costs = bill_of(RUN, RENTED | {"sla/repair": 0.5}, "on-demand")
    assert near(items(costs)["rent"], 4 * HOURS - 2 * REPAIR_H)
    repaired = sum(row.micro_usd for row in costs.postings if (row.item, row.state) == ("rent", "repair"))
    assert near(Decimal(repaired).scaleb(-6), 2 * REPAIR_H, MICRO * 2)
    assert items(bill_of(RUN, RENTED | {"sla/repair": 0.5}, "reserved"))["rent"] == round(2 * HOURS * 10**6) * MICRO


def test_the_rest_of_a_term_goes_to_the_pool() -> None:
    wall_us = RUN.wall_us
    costs = bill_of(RUN, RENTED, "reserved", Terms(committed_us=3 * wall_us))
    assert near(pool_usd(costs), 2 * 2 * HOURS)
    assert items(costs)["rent"] == items(bill_of(RUN, RENTED, "reserved"))["rent"]


def test_contracts_bill_their_days_and_the_rest_is_on_demand() -> None:
    days = Fraction(RUN.wall_us, US_PER_DAY)
    winter = Contract(name="winter", start=date(2025, 12, 22), end=date(2026, 1, 11), usd_per_gpu_hour=1.5)
    costs = bill_of(RUN, RENTED, "reserved", Terms(contracts=(winter,)), "2026-01-01")
    each = RUN.gpus * 24
    assert near(items(costs)["rent"], each * (10 * Fraction("1.5") + (days - 10) * 4))
    assert near(pool_usd(costs), each * 10 * Fraction("1.5"))


def test_contracts_that_overlap_or_end_first_are_refused() -> None:
    one = Contract(name="one", start=date(2026, 1, 1), end=date(2026, 3, 1), usd_per_gpu_hour=1.5)
    other = replace(one, name="other", start=date(2026, 2, 1), end=date(2026, 4, 1))
    with pytest.raises(
        PriceError, match=r"one \(2026-01-01 to 2026-03-01\) and other .* overlap; expected contracts one"
    ):
        bill_of(RUN, RENTED, "reserved", Terms(contracts=(other, one)), "2026-01-01")
    with pytest.raises(PriceError, match=r"other: got 2026-02-01 to 2026-01-01; expected a later end"):
        bill_of(RUN, RENTED, "reserved", Terms(contracts=(replace(other, end=date(2026, 1, 1)),)), "2026-01-01")
    with pytest.raises(PriceError, match=r"cost.contracts: got days, and no run.start"):
        bill_of(RUN, RENTED, "reserved", Terms(contracts=(one,)))
    with pytest.raises(PriceError, match=r"cost.contracts: got a reservation for acquisition 'on-demand'"):
        bill_of(RUN, RENTED, "on-demand", Terms(contracts=(one,)), "2026-01-01")
    with pytest.raises(PriceError, match=r"cost.evictions: got 'gpu' for acquisition 'on-demand'"):
        bill_of(RUN, RENTED, "on-demand", Terms(evictions="gpu"))


def test_what_is_promised_and_not_spent_goes_to_the_pool_and_credits_are_negative() -> None:
    plain = bill_of(RUN, OWNED)
    costs = bill_of(RUN, OWNED, terms=Terms(commitment_usd=1e9, credit_usd=1000.0))
    assert near(pool_usd(costs), 10**9 - Fraction(total_usd(plain)), MICRO * 40)
    assert items(costs)["credit"] == -1000
    assert near(total_usd(costs), Fraction(total_usd(plain)) - 1000, MICRO * 40)
    free = bill_of(RUN, OWNED, terms=Terms(credit_usd=1e9))
    assert abs(total_usd(free)) <= MICRO * 40


def test_energy_by_the_hour_sums_to_the_energy_and_equal_prices_make_no_difference() -> None:
    assert sum(RUN.by_hour_nj) == pytest.approx(sum(RUN.energy.it_nj.values()), rel=1e-6)
    flat = bill_of(RUN, OWNED)
    peaked = bill_of(RUN, OWNED | {"energy/kwh-peak": OWNED["energy/kwh"]}, terms=Terms(peak_hours=(8.0, 20.0)))
    assert items(peaked)["energy"] == items(flat)["energy"]
    assert items(peaked)["cooling"] == items(flat)["cooling"]


def test_peak_hours_cost_what_is_drawn_in_them() -> None:
    costs = bill_of(RUN, OWNED | {"energy/kwh-peak": 0.14}, terms=Terms(peak_hours=(0.0, 6.0)))
    share = peak_share(RUN.by_hour_nj, (0.0, 6.0))
    flat = Fraction(items(bill_of(RUN, OWNED))["energy"])
    assert near(items(costs)["energy"], flat * (1 + share), MICRO * 2)
    with pytest.raises(PriceError, match="not known by hour of the day"):
        bill_of(replace(RUN, by_hour_nj=()), OWNED | {"energy/kwh-peak": 1.0}, terms=Terms(peak_hours=(0.0, 6.0)))


def test_a_demand_charge_is_paid_by_the_peak_at_the_meter() -> None:
    more = Fraction(
        items(bill_of(RUN, OWNED | {"energy/demand": 12.0}))["energy"] - items(bill_of(RUN, OWNED))["energy"]
    )
    expected = Fraction(RUN.energy.peak_it_w) / 1000 * Fraction("1.25") * 12 * YEARS * 12
    assert abs(more - expected) <= Fraction(2, 10**6)


def test_people_are_paid_by_the_calendar() -> None:
    """FACTS row 14: a run that takes a tenth longer costs a tenth more in people."""
    short, long = (items(bill_of(lasting(RUN, days), OWNED))["staff"] for days in (40, 44))
    assert abs(long - short * Decimal("1.1")) <= MICRO * 2


def test_teams_stand_in_the_place_of_research() -> None:
    team = Team(name="safety", fte=20.0, share=0.25, before_us=US_PER_YEAR, after_us=US_PER_YEAR)
    costs = bill_of(RUN, OWNED, terms=Terms(teams=(team,)))
    operations = Fraction(2 * RUN.gpus, 1000) * 400_000 * YEARS
    assert near(items(costs)["staff"], operations + 5 * 400_000 * (YEARS + 2))


def test_incidents_and_visits_are_billed_by_cause() -> None:
    prices = OWNED | {
        key: MORE[key] for key in ("maintenance/event", "rma/credit", "staff/hours-per-incident", "staff/hour")
    }
    costs = bill_of(replace(RUN, visits={"gpu": 3, "nic": 1}, interruptions={"gpu": 2}), prices)
    assert items(costs)["debugging"] == 2 * 8 * 250
    assert items(costs)["maintenance"] == Decimal(4 * 1000) * Decimal("0.4")
    repaired = {row.cause: row.micro_usd for row in costs.postings if row.item == "maintenance"}
    assert repaired == {"gpu": 1_200_000_000, "nic": 400_000_000}


def test_what_a_book_leaves_out_is_said() -> None:
    assert bill_of(RUN, OWNED).unpriced == (
        *("scale-up/box", "head-node/unit", "energy/demand", "maintenance/server", "maintenance/event", "rma/credit"),
        *("staff/hours-per-incident", "licence/gpu-year"),
    )
    assert bill_of(RUN, EVERYTHING).unpriced == ()
    assert "support/rent" in bill_of(RUN, RENTED, "reserved").unpriced


def test_liquid_cooling_has_units_of_its_own() -> None:
    liquid = replace(RUN, assets=replace(RUN.assets, liquid=True))
    assert "cdu" not in items(bill_of(RUN, EVERYTHING))
    charged = next(line for line in bill_of(liquid, EVERYTHING).charges if line.item == "cdu")
    assert charged.price_usd == Fraction(RUN.assets.nameplate_w) / 2


def test_an_unknown_depreciation_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'straight-line'"):
        bill_of(RUN, OWNED, terms=Terms(depreciation="straight"))


def test_a_pue_of_each_month_is_weighed_by_the_days_of_the_run() -> None:
    """40 days from 2026-01-12: 20 in January at 1.1, 20 in February at 1.3."""
    run = lasting(RUN, 40)
    by_month = (1.1, 1.3, *[9.0] * 10)
    costs = bill_of(run, OWNED, terms=Terms(pue_by_month=by_month, first_day=date(2026, 1, 12)))
    assert near(items(costs)["cooling"], Fraction(items(costs)["energy"]) * Fraction("0.2"), MICRO)


def test_a_cap_says_what_would_fit() -> None:
    book = price_book(OWNED)
    check_cap(8e6, 800, None, book, Terms(power_cap_w=10e6))
    with pytest.raises(PriceError, match=r"got 9 MW for nodes that draw 10 MW at their peak; .* about 720 nodes"):
        check_cap(8e6, 800, None, book, Terms(power_cap_w=9e6))
    check_cap(8e6, 800, 1.08, book, Terms(power_cap_w=9e6))
    with pytest.raises(PriceError, match=r"draw 16 MW"):
        check_cap(8e6, 800, 1.08, book, Terms(power_cap_w=9e6, pue_by_month=(1.0,) * 6 + (2.0,) * 6))


def test_the_power_of_gpus_is_part_of_the_power_of_nodes() -> None:
    energy = RUN.energy
    assert 0 < energy.chips_nj < energy.nodes_nj < sum(energy.it_nj.values())
