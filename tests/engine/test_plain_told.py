"""A plain run tells its rows as columns: they say what rows would, for ledgers, bills and ratios."""

from dataclasses import replace

from hypothesis import given, settings

from sim.engine.plain.run import PlainRun
from sim.engine.run import RunSimulation
from sim.ledger.time.columns import columned, repair_visits
from sim.ledger.time.ratios import retained_step_us
from sim.ledger.time.time_ledger import time_ledger
from sim.ledger.time.trace import RunTrace, Table
from sim.reliability.records import RunPlan
from tests.engine.plain_plans import plain_plans
from tests.engine.run_cases import llama_plan

COLUMNS = ("state", "cause", "phase", "event", "start_us", "end_us", "nodes", "gpu_us")


def both(plan: RunPlan) -> tuple[RunTrace, RunTrace]:
    return PlainRun(plan).trace(), RunSimulation(plan, "dormant", explicit=False).trace()


@given(plain_plans())
@settings(max_examples=60, deadline=None)
def test_ledgers_of_columns_are_those_of_rows(plan: RunPlan) -> None:
    told, rows = both(plan)
    assert isinstance(told.segments, Table)
    assert told.segments.columns is not None
    assert isinstance(rows.segments, Table)
    assert rows.segments.columns is None
    one, other = (time_ledger(trace, [None] * len(plan.phases)) for trace in (told, rows))
    assert one.causes == other.causes
    assert one.net == other.net
    assert all((getattr(one, name) == getattr(other, name)).all() for name in COLUMNS)
    assert list(repair_visits(columned(told)).items()) == list(repair_visits(columned(rows)).items())
    assert retained_step_us(told) == retained_step_us(rows)


def test_columns_of_months_are_rows_of_plain_integers_and_words() -> None:
    told, rows = both(replace(llama_plan(seed=3), spare_nodes=3))
    for one, other in ((told.segments, rows.segments), (told.stays, rows.stays), (told.reversals, rows.reversals)):
        assert one == other
        assert repr(one[0]) == repr(other[0])
    assert any(segment.state == "wait_for_node" for segment in told.segments)
