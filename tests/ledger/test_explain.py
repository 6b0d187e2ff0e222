"""A bill explained: every way of taking it apart sums to it, to the micro-dollar."""

import datetime
from collections import Counter
from fractions import Fraction
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.catalog.records import Price, PriceBook, Provenance
from sim.errors import SimulationError
from sim.ledger.bill.cost import CostLedger, Posting, price
from sim.ledger.bill.terms import Contract, Terms
from sim.ledger.bill.usage import US_PER_HOUR
from sim.ledger.explain.evidence import KINDS, evidence, micro_lines
from sim.ledger.explain.failures import COLUMNS as PARTS_AND_REST
from sim.ledger.explain.failures import MILLION, PARTS, EventCost, cause_costs, event_costs, priciest_claim
from sim.ledger.explain.headline import headline
from sim.ledger.explain.parts import whole_parts
from sim.ledger.time.states import STATES
from sim.ledger.time.time_ledger import time_ledger
from sim.ledger.time.trace import RunTrace
from sim.report.money.bill import COLUMNS
from tests.cluster.hardware import price_book
from tests.ledger.bills import EVERYTHING, HALF, bill_of, failing, usage_of
from tests.ledger.hardware import RENTED
from tests.ledger.traces import traces

LOSSES = {state for states in PARTS.values() for state in states}
RUN = usage_of(failing(40))
ACQUISITIONS = st.sampled_from(["own", "reserved", "on-demand", "spot", "colocation"])


def total(costs: CostLedger) -> int:
    return sum(posting.micro_usd for posting in costs.postings)


@given(amounts=st.lists(st.fractions(), min_size=1), drift=st.integers(-3, 3))
def test_whole_parts_sum_and_turn_their_sign(amounts: list[Fraction], drift: int) -> None:
    whole = sum(round(amount) for amount in amounts) + drift
    parts = whole_parts(amounts, whole)
    assert sum(parts) == whole
    assert whole_parts([-amount for amount in amounts], -whole) == [-part for part in parts]


@given(trace=traces(), acquisition=ACQUISITIONS, absorb=st.booleans())
def test_the_headline_is_its_cells_and_its_rungs(trace: RunTrace, acquisition: str, absorb: bool) -> None:
    costs = bill_of(usage_of(trace), EVERYTHING, acquisition, Terms(absorb=absorb, credit_usd=1_000.0))
    found = headline(costs.postings, COLUMNS)
    assert found.total == total(costs)
    assert sum(chain.from_iterable(row.values() for row in found.matrix.values())) == total(costs)
    assert sum(found.rungs.values()) == total(costs)


def test_headline_compute_is_what_the_cluster_costs_while_it_computes_what_is_kept() -> None:
    postings = (
        Posting("server", "compute_ideal", "", 0, 50),
        Posting("server", "bubble", "", 0, 20),
        Posting("energy", "lost_work", "gpu", 0, 8),
        Posting("staff", "compute_ideal", "", 0, 9),
        Posting("debugging", "detect", "gpu", -1, 3),
        Posting("data", "compute_ideal", "", 0, 7),
        Posting("credit", "compute_ideal", "", 0, -2),
    )
    found = headline(postings, COLUMNS)
    assert found.compute == 50
    assert {rung: amount for rung, amount in found.rungs.items() if amount} == {
        "computing": 50,
        "comm+bubble": 20,
        "lost work": 8,
        "people": 12,
        "data": 7,
        "promises and credits": -2,
    }


def test_a_state_without_a_group_is_refused() -> None:
    with pytest.raises(SimulationError, match="bill: state 'asleep' of item 'server' has no group"):
        headline((Posting("server", "asleep", "", 0, 1),), COLUMNS)


@given(trace=traces(), acquisition=ACQUISITIONS, absorb=st.booleans())
def test_causes_sum_to_what_is_posted_with_a_cause(trace: RunTrace, acquisition: str, absorb: bool) -> None:
    usage = usage_of(trace)
    terms = Terms(absorb=absorb, evictions="gpu" if acquisition == "spot" else "")
    costs = bill_of(usage, EVERYTHING, acquisition, terms)
    posted: Counter[str] = Counter()
    for posting in chain(costs.postings, costs.pool):
        posted[posting.cause] += posting.micro_usd
    found = {each.cause: sum(each.micro_usd.values()) for each in cause_costs(usage, costs, {})}
    assert {cause: amount for cause, amount in found.items() if amount} == {
        cause: amount for cause, amount in posted.items() if cause and amount
    }
    held = sum(amount for key, amount in usage.time.items() if key.cause)
    assert sum(sum(each.gpu_us.values()) for each in cause_costs(usage, costs, {})) == held


def test_the_parts_of_a_failure_by_hand() -> None:
    """Two nodes detect and restore for a second each; the failed node is in repair for 1,000 s: 8 GPUs at $4."""
    only_rent = RENTED | dict.fromkeys(("staff/operations", "staff/research", "data/run"), 0.0)
    costs = bill_of(RUN, only_rent, "on-demand")
    (found,) = cause_costs(RUN, costs, {"gpu": 1})
    assert (found.cause, found.failures, found.interruptions) == ("gpu", 1, 1)
    assert {part: us for part, us in found.gpu_us.items() if us} == {
        "detection": 16 * 10**6,
        "restart": 16 * 10**6,
        "repair": 8 * 10**9,
    }
    for part in PARTS_AND_REST:
        assert found.micro_usd[part] == pytest.approx(found.gpu_us[part] * 4e6 / US_PER_HOUR, abs=1)


def test_visits_and_incidents_are_upkeep_of_their_cause() -> None:
    """Eight hours at $250, and a visit at $1,000 of which a warranty gives back 60 %."""
    by_event = {key: value for key, value in EVERYTHING.items() if key != "maintenance/server"}
    (found,) = cause_costs(RUN, bill_of(RUN, by_event), {})
    assert found.micro_usd["upkeep"] == 10**6 * (8 * 250 + 400)


def rows_of(trace: RunTrace) -> list[tuple[int, str, str, int]]:
    ledger = time_ledger(trace, [HALF, HALF])
    columns = (ledger.event, ledger.state, ledger.cause, ledger.gpu_us)
    return [
        (event, STATES[state], ledger.causes[cause], us)
        for event, state, cause, us in zip(*(column.tolist() for column in columns), strict=True)
    ]


@given(trace=traces())
def test_events_sum_to_their_causes(trace: RunTrace) -> None:
    """Each is rounded once; what is posted to a state in which no time was spent belongs to no event."""
    usage = usage_of(trace)
    costs = bill_of(usage, EVERYTHING)
    events = event_costs(rows_of(trace), usage, costs)
    spent = {(key.state, key.cause) for key in usage.time if key.state in LOSSES}
    posted = sum(each.micro_usd for each in costs.postings if each.cause and (each.state, each.cause) in spent)
    assert abs(sum(event.micro_usd for event in events) - posted) <= len(events)
    assert sum(event.gpu_us for event in events) == sum(
        us for key, us in usage.time.items() if key.cause and key.state in LOSSES
    )
    assert list(events) == sorted(events, key=lambda each: (-each.micro_usd, each.event))


def kinds_book(kinds: dict[str, str]) -> PriceBook:
    book = price_book(EVERYTHING)
    prices = {
        key: Price(
            value=each.value,
            unit=each.unit,
            provenance=Provenance(source="x", date="2026-01-01", kind=kinds.get(key, "published")),  # type: ignore[arg-type]
        )
        for key, each in book.prices.items()
    }
    return PriceBook(name="kinds", currency="USD", valid_from=book.valid_from, valid_to=book.valid_to, prices=prices)


@given(
    trace=traces(),
    acquisition=ACQUISITIONS,
    absorb=st.booleans(),
    kinds=st.dictionaries(st.sampled_from(sorted(EVERYTHING)), st.sampled_from([k for k in KINDS if k != "stated"])),
)
@settings(max_examples=50)
def test_kinds_of_evidence_sum_to_the_bill(
    trace: RunTrace, acquisition: str, absorb: bool, kinds: dict[str, str]
) -> None:
    book = kinds_book(kinds)
    costs = price(usage_of(trace), book, acquisition, Terms(absorb=absorb, credit_usd=50.0))
    found = evidence(costs, book)
    assert found.whole == total(costs) + sum(each.micro_usd for each in costs.pool)
    assert sum(found.by_kind.values()) == sum(amount for *_, amount in found.resting) == found.whole


def test_a_line_is_as_weak_as_its_weakest_price() -> None:
    book = kinds_book({"life/server": "assumed", "capital/rate": "derived"})
    found = evidence(price(RUN, book, "own"), book)
    lines = micro_lines(price(RUN, book, "own"))
    assert found.by_kind["assumed"] == sum(amount for line, amount in lines if "life/server" in line.keys)
    assert found.by_kind["derived"] == sum(amount for line, amount in lines if "capital/rate" in line.keys)
    assert ("life/server", "assumed", found.by_kind["assumed"]) in found.resting


def test_what_has_no_price_is_stated() -> None:
    whole_year = Contract(
        name="a", start=datetime.date(2026, 1, 1), end=datetime.date(2026, 12, 1), usd_per_gpu_hour=3.0
    )
    book = price_book(RENTED)
    costs = price(RUN, book, "reserved", Terms(contracts=(whole_year,)), "2026-02-01")
    rent = sum(each.micro_usd for each in costs.postings if each.item == "rent")
    assert evidence(costs, book).by_kind["stated"] == rent > 0


def test_a_million_is_counted() -> None:
    dear = EventCost(1, "gpu", 1, MILLION)
    assert priciest_claim((dear, dear._replace(micro_usd=MILLION - 1))) == "holds: 1 of 2 took $1 M or more"
    assert priciest_claim((dear._replace(micro_usd=5),)) == "does not hold: none of 1 took $1 M"
