"""Every dollar is one posting; items, states, causes and phases sum to the same total."""

import dataclasses
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.records import BomLine
from sim.errors import PriceError, UnknownNameError
from sim.ledger.bill.assets import Asset, book_value_usd, charge, depreciation_usd, owned
from sim.ledger.bill.cost import CostLedger, Posting, price, total_usd, usd_by
from sim.ledger.bill.usage import US_PER_YEAR, Assets, Usage
from sim.ledger.power.energy import energy_ledger, nameplate_w
from sim.ledger.time.time_ledger import net_gpu_us, time_ledger
from sim.ledger.time.trace import RunTrace
from sim.workload.profile import StepProfile
from tests.cluster.hardware import price_book
from tests.ledger.hardware import ACCELERATOR, BILL, NODE, OWNED, RENTED, STORAGE
from tests.ledger.traces import Incident, profile_of, profiles, trace_of, traces

HALF = profile_of({"compute_ideal": 500, "bubble": 500})
AXES = ("item", "state", "cause", "phase")
YEAR_H = Fraction(8_766)


def assets_of(trace: RunTrace) -> Assets:
    nodes = trace.nodes + trace.spare_nodes
    watts = nameplate_w(NODE, nodes, BILL, STORAGE)
    return Assets(
        node="box", nodes=nodes, gpus_per_node=trace.gpus_per_node, bill=BILL, storage="shelf", nameplate_w=watts
    )


def bill_of(
    trace: RunTrace,
    prices: dict[str, float],
    acquisition: str = "own",
    profile: StepProfile | None = HALF,
    start_date: str | None = None,
) -> CostLedger:
    return price(usage_of(trace, profile), price_book(prices), acquisition, start_date=start_date)


def usage_of(trace: RunTrace, profile: StepProfile | None = HALF) -> Usage:
    ledger = time_ledger(trace, [profile, profile])
    energy = energy_ledger(ledger, [profile, profile], NODE, ACCELERATOR, BILL, STORAGE)
    assets = assets_of(trace)
    time = net_gpu_us(ledger)
    return Usage(gpus=ledger.gpus, wall_us=ledger.wall_us, time=time, energy=energy, assets=assets)


def days(count: int, spares: int = 1, lost_steps: int = 0) -> RunTrace:
    """Two nodes for so many days, half of them before a failure that costs a node and some steps."""
    steps = count * 86_400 * 1_000 // 2
    one = Incident(0, steps, 0, 0, lost_steps, "gpu", 10**6, 10**6, 10**9, replaced=spares > 0)
    return trace_of([one, one], nodes=2, spares=spares, gpus_per_node=8)


@given(trace=traces(), profile=profiles, acquisition=st.sampled_from(["own", "reserved", "on-demand"]))
def test_every_axis_sums_to_the_total_to_the_micro_dollar(
    trace: RunTrace, profile: StepProfile, acquisition: str
) -> None:
    costs = bill_of(trace, OWNED | RENTED, acquisition, profile)
    sums = [sum(usd_by(costs, axis).values()) for axis in AXES]
    assert sums == [total_usd(costs)] * 4


@given(trace=traces(), cents=st.lists(st.integers(0, 10**9), min_size=len(OWNED), max_size=len(OWNED)))
def test_any_prices_split_exactly(trace: RunTrace, cents: list[int]) -> None:
    prices = {key: value / 100 for key, value in zip(OWNED, cents, strict=True)}
    fixed = {key: OWNED[key] for key in OWNED if key.startswith(("life/", "residual/")) or key == "energy/pue"}
    costs = bill_of(trace, prices | fixed)
    assert {sum(usd_by(costs, axis).values()) for axis in AXES} == {total_usd(costs)}


def test_owned_items_by_hand() -> None:
    """A tenth of a year: 876.6 h."""
    trace = trace_of([Incident(0, 10, 0, 0, 0, "", 0, 0, 1, False)], nodes=2, spares=1, gpus_per_node=8)
    tenth = US_PER_YEAR // 10
    segment = trace.segments[0]._replace(end_us=tenth, duration_us=tenth)
    stays = tuple(stay._replace(end_us=tenth) for stay in trace.stays)
    trace = dataclasses.replace(trace, end_us=tenth, segments=(segment,), stays=stays)
    items = usd_by(bill_of(trace, OWNED, profile=None), "item")
    assert items["server"] == Decimal("32280")  # 1.2 M: (1.08 M / 4 + 8 % of 0.66 M) / 10
    assert items["network"] == Decimal("1560")  # 65 k: (13,000 + 8 % of 32,500) / 10
    assert items["storage"] == Decimal("24000")  # 1 M: (200 k + 8 % of 0.5 M) / 10
    assert items["facility"] == Decimal("4546.666667")  # 34.1 kW x 12.5: 426,250 x (1/15 + 4 %) / 10
    it_kwh = Decimal("876.6") * (Decimal(16) * 900 + 8 * 300 + 2_100 + 2_000) / 1000
    assert items["energy"] == it_kwh * Decimal("0.07")
    assert items["cooling"] == items["energy"] / 4
    assert items["staff"] == (Decimal("0.048") + 10) * 40_000
    assert items["data"] == Decimal("123456.78")


@pytest.mark.parametrize(
    ("key", "item"),
    [
        ("server/box", "server"),
        ("storage/shelf", "storage"),
        ("facility/watt", "facility"),
        ("energy/kwh", "energy"),
        ("staff/fte", "staff"),
        ("data/run", "data"),
    ],
)
def test_doubling_a_price_doubles_its_item_and_no_other(key: str, item: str) -> None:
    """To the micro-dollar that an item is rounded to; the price of a kWh also doubles cooling."""
    once = usd_by(bill_of(days(100), OWNED), "item")
    twice = usd_by(bill_of(days(100), OWNED | {key: 2 * OWNED[key]}), "item")
    doubled = {item, "cooling"} if item == "energy" else {item}
    for name, amount in once.items():
        assert abs(twice[name] - (2 if name in doubled else 1) * amount) <= Decimal("0.000001"), name


def test_doubling_the_network_takes_switches_and_cables() -> None:
    once = usd_by(bill_of(days(100), OWNED), "item")
    doubled = {key: 2 * value for key, value in OWNED.items() if key.startswith(("switch/", "cable/"))}
    twice = usd_by(bill_of(days(100), OWNED | doubled), "item")
    assert abs(twice["network"] - 2 * once["network"]) <= Decimal("0.000001")


@given(
    cents=st.integers(1, 10**11),
    residual=st.integers(0, 100),
    life=st.integers(1, 20),
    years=st.fractions(0, 25),
)
def test_depreciation_and_book_value_sum_to_the_price(cents: int, residual: int, life: int, years: Fraction) -> None:
    asset = Asset(
        item="server",
        price_usd=Fraction(cents, 100),
        residual_usd=Fraction(cents * residual, 10_000),
        life_years=Fraction(life),
        capital_rate=Fraction(),
    )
    assert depreciation_usd(asset, years) + book_value_usd(asset, years) == asset.price_usd
    assert asset.residual_usd <= book_value_usd(asset, years) <= asset.price_usd
    assert book_value_usd(asset, Fraction(life)) == asset.residual_usd


def test_the_bill_and_the_book_value_sum_to_the_price() -> None:
    costs = bill_of(days(100), OWNED | {"capital/rate": 0.0})
    items = usd_by(costs, "item")
    assert [line.item for line in costs.charges] == ["server", "network", "storage", "facility"]
    for line in costs.charges:
        assert line.depreciation_usd + line.book_value_usd == line.price_usd
        assert abs(Fraction(items[line.item]) - line.depreciation_usd) <= Fraction(1, 2_000_000)


@pytest.mark.parametrize("acquisition", ["reserved", "on-demand"])
@given(trace=traces(), profile=profiles)
def test_rent_is_hours_held_times_price_whatever_the_states(
    acquisition: str, trace: RunTrace, profile: StepProfile
) -> None:
    costs = bill_of(trace, RENTED, acquisition, profile)
    hours = Fraction(trace.gpus_per_node * (trace.nodes + trace.spare_nodes) * trace.end_us, 3_600_000_000)
    rent = hours * Fraction(RENTED[f"rent-{acquisition}/box"])
    assert abs(Fraction(usd_by(costs, "item").get("rent", Decimal())) - rent) <= Fraction(1, 2_000_000)
    assert set(usd_by(costs, "item")) <= {"rent", "staff", "data"}
    assert costs.charges == ()


def test_owning_and_renting_at_equal_dollars_an_hour_agree() -> None:
    """A server that loses 350,640 USD in 10 years costs 4 USD an hour, or 0.5 USD a GPU-hour."""
    trace = days(200)
    free = dict.fromkeys(OWNED, 0.0) | {key: OWNED[key] for key in OWNED if key.startswith("life/")}
    hours = float(YEAR_H * 10 * 4)
    owned_at = free | {"server/box": hours, "life/server": 10.0, "energy/pue": 1.0}
    rented_at = dict.fromkeys(RENTED, 0.0) | {"rent-reserved/box": 0.5}
    own, rent = bill_of(trace, owned_at), bill_of(trace, rented_at, "reserved")
    assert total_usd(own) == total_usd(rent) > 0
    assert usd_by(own, "state") == usd_by(rent, "state")


def test_deepseek_v3_cost_5_576_million_dollars() -> None:
    """arXiv 2412.19437, table 1: 2.788 million H800-hours at 2 USD."""
    wall_us = round(2.788e6 / 2_048 * 3.6e9)
    step = [Incident(0, wall_us // 1_000, 0, wall_us % 1_000, 0, "", 0, 0, 1, False)]
    trace = trace_of(step, nodes=256, spares=0, gpus_per_node=8)
    assert usd_by(bill_of(trace, RENTED, "reserved"), "item")["rent"] == 5_576_000


def test_spares_and_repair_are_charged_like_any_state() -> None:
    states = usd_by(bill_of(days(100), OWNED), "state")
    assert states["spare"] > 0
    assert states["repair"] > 0


def test_moving_time_to_lost_work_moves_its_money_and_leaves_the_total() -> None:
    kept = bill_of(days(100), OWNED)
    moved = bill_of(days(100, lost_steps=86_400_000), OWNED)
    lost = usd_by(moved, "state")["lost_work"]
    assert abs(total_usd(kept) - total_usd(moved)) <= Decimal("0.00001")
    assert usd_by(moved, "cause")["gpu"] - usd_by(kept, "cause")["gpu"] == pytest.approx(lost, abs=Decimal("0.0001"))
    assert float(lost / total_usd(moved)) == pytest.approx(16 / 24 / 100, rel=0.03)  # a day of 100; energy differs


def test_energy_is_shared_by_power_and_servers_by_time() -> None:
    postings = bill_of(days(100), OWNED).postings

    def share(item: str, state: str) -> float:
        whole = sum(row.micro_usd for row in postings if row.item == item)
        return sum(row.micro_usd for row in postings if row.item == item and row.state == state) / whole

    assert share("server", "compute_ideal") == pytest.approx(share("server", "bubble"), rel=1e-6)
    assert share("energy", "compute_ideal") > share("energy", "bubble")
    assert share("cooling", "spare") == pytest.approx(share("energy", "spare"), rel=1e-6)
    assert share("energy", "spare") < share("server", "spare")


def test_cost_rises_with_time_price_and_pue() -> None:
    base = total_usd(bill_of(days(100), OWNED))
    assert total_usd(bill_of(days(101), OWNED)) > base
    assert total_usd(bill_of(days(100, spares=2), OWNED)) > base
    for key in ("server/box", "energy/kwh", "energy/pue", "capital/rate", "staff/research"):
        assert total_usd(bill_of(days(100), OWNED | {key: 1.1 * OWNED[key]})) > base


@pytest.mark.parametrize(("prices", "acquisition"), [(OWNED, "own"), (RENTED, "on-demand")])
def test_cost_falls_in_mfu(prices: dict[str, float], acquisition: str) -> None:
    """The same work, 30 days of compute at peak, at 30 and at 50 %."""
    slow = profile_of({"compute_ideal": 3, "kernel_inefficiency": 7})
    fast = profile_of({"compute_ideal": 5, "kernel_inefficiency": 5})
    dear = bill_of(days(100), prices, acquisition, slow)
    cheap = bill_of(days(60), prices, acquisition, fast)
    assert total_usd(cheap) < total_usd(dear)


def test_a_missing_price_names_the_nearest() -> None:
    prices = {key: value for key, value in OWNED.items() if key != "server/box"} | {"server/boxes": 1.0}
    with pytest.raises(PriceError, match="price book 'book': unknown price 'server/box'; did you mean 'server/boxes'"):
        bill_of(days(1), prices)
    with pytest.raises(PriceError, match="unknown price 'rent-reserved/box'"):
        bill_of(days(1), OWNED, "reserved")


@pytest.mark.parametrize("bad", [-0.01, float("nan"), float("inf")])
def test_a_price_must_be_a_number_that_is_not_negative(bad: float) -> None:
    with pytest.raises(PriceError, match=r"energy/kwh: got .*; expected a finite number >= 0"):
        bill_of(days(1), OWNED | {"energy/kwh": bad})


@pytest.mark.parametrize("date", ["2025-12-31", "2027-01-01"])
def test_a_start_outside_the_book_is_refused(date: str) -> None:
    with pytest.raises(PriceError, match=rf"run.start: got {date}; expected a date from 2026-01-01"):
        bill_of(days(1), OWNED, start_date=date)
    assert bill_of(days(1), OWNED, start_date="2026-12-31").postings


def test_a_start_that_is_no_date_is_refused() -> None:
    with pytest.raises(PriceError, match=r"run\.start: got 'soon'; expected a date like"):
        bill_of(days(1), OWNED, start_date="soon")


def test_only_dollars_are_understood() -> None:
    with pytest.raises(PriceError, match="currency: got 'EUR'; expected 'USD'"):
        price(usage_of(days(1), None), price_book(OWNED, "EUR"), "own")


def test_a_life_shorter_than_the_run_is_refused() -> None:
    with pytest.raises(PriceError, match=r"life/network: got 0.1 years; expected at least the run's 0.\d+ years"):
        bill_of(days(100), OWNED | {"life/network": 0.1})


def test_a_residual_above_the_price_or_a_pue_below_one_is_refused() -> None:
    with pytest.raises(PriceError, match=r"energy/pue: got 0\.9; expected at least 1"):
        bill_of(days(1), OWNED | {"energy/pue": 0.9})
    with pytest.raises(PriceError, match=r"residual/server: got 1\.1; expected at most 1"):
        bill_of(days(1), OWNED | {"residual/server": 1.1})


def test_an_unknown_acquisition_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'reserved'"):
        bill_of(days(1), OWNED, "reserve")


def test_assets_must_be_the_gpus_of_the_ledger() -> None:
    trace = days(1)
    fewer = dataclasses.replace(usage_of(trace), assets=dataclasses.replace(assets_of(trace), nodes=2))
    with pytest.raises(PriceError, match="assets hold 16 GPUs; expected the 24"):
        price(fewer, price_book(OWNED), "own")


def test_an_unknown_item_of_the_bill_is_named() -> None:
    odd = (BomLine(item="cabel", name="dac", count=1, power_w=0.0),)
    with pytest.raises(PriceError, match="did you mean 'cable'"):
        owned(dataclasses.replace(assets_of(days(1)), bill=odd), price_book(OWNED))


def test_a_charge_is_depreciation_and_capital() -> None:
    line = charge(owned(assets_of(days(1)), price_book(OWNED))[0], Fraction(1))
    assert [float(line.depreciation_usd), float(line.capital_usd)] == [270_000, 52_800]
    assert float(line.book_value_usd) == 930_000


def test_postings_are_whole_micro_dollars_of_known_items() -> None:
    for posting in bill_of(days(10), OWNED).postings:
        assert isinstance(posting, Posting)
        assert isinstance(posting.micro_usd, int)
    with pytest.raises(UnknownNameError, match="axis"):
        usd_by(bill_of(days(1), OWNED), "node")
