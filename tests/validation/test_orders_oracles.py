"""Spares that are bought, through the run engine, against inventory theory, by z-test with fixed seeds: |z| < 3.5.

All nodes that fail are retired, and lives are exponential. Orders of one node, placed whenever one is retired, are
(S-1, S): each place of a node is then as if it were in repair for the lead time. Orders of more are (s, Q).
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sim.engine.run import simulate_run
from sim.errors import InputError
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import Law, Reorder, Retirement, RunPlan
from sim.reliability.recovery.spares import erlang_b, reordered_fraction, short_fraction
from tests.validation.test_reliability_oracles import LIMIT, z
from tests.validation.test_spares_oracles import MTTR_S, RUNS, assert_is, effort, spares_plan, stalled

LEADS = {
    "constant": Law(mean_s=MTTR_S),
    "exponential": Law(kind="exponential", mean_s=MTTR_S),
    "lognormal": Law(kind="lognormal", mean_s=MTTR_S, shape=1.0),
}
SCRAP = Retirement(visits=1, within_s=1.0, replacement=None)


def orders_plan(
    *, running: int, spares: int, load: float, below: int, order: int, leads: float, seed: int, **changes: object
) -> RunPlan:
    """A run of so many lead times; load: failures of a node in a lead time."""
    lead, clock = changes.get("lead", LEADS["constant"]), str(changes.get("clock", "operating"))
    assert isinstance(lead, Law)
    base = spares_plan(running=running, spares=spares, load=load, mttrs=leads, seed=seed, clock=clock)
    return replace(
        base, repair=replace(base.repair, retire=SCRAP, reorder=Reorder(below=below, order=order, lead=lead))
    )


def found(told: Callable[[RunTrace], float] = stalled, **asked: object) -> list[float]:
    return [told(simulate_run(orders_plan(seed=seed, **asked))) for seed in range(900, 900 + RUNS)]  # type: ignore[arg-type]


@effort
@pytest.mark.parametrize("law", sorted(LEADS))
def test_an_order_for_each_retired_node_is_erlang_b_whatever_the_law_of_lead_times(
    law: str, effort: tuple[float, float]
) -> None:
    # Palm's theorem of a loss system: two nodes may be on order before the job stalls.
    stalls = found(running=4, spares=1, load=0.25, below=0, order=1, lead=LEADS[law], leads=effort[0])
    assert_is(stalls, erlang_b(2, 1.0), error=effort[1])


@effort
def test_an_order_for_each_of_nodes_that_age_all_the_time_is_binomial(effort: tuple[float, float]) -> None:
    stalls = found(running=9, spares=3, load=0.25, below=2, order=1, clock="calendar", leads=effort[0] / 2)
    assert_is(stalls, short_fraction(nodes=12, spares=3, load=0.25), error=1.2 * effort[1])


@effort
@pytest.mark.parametrize(("below", "order"), [(0, 2), (1, 4), (2, 9)])
def test_orders_of_several_nodes_stall_a_job_as_lost_sales_do(
    below: int, order: int, effort: tuple[float, float]
) -> None:
    stalls = found(running=4, spares=below + order, load=0.5, below=below, order=order, leads=effort[0])
    assert_is(stalls, reordered_fraction(below=below, order=order, demand=2.0), error=2 * effort[1])


def mean_position(trace: RunTrace, spares: int, order: int) -> float:
    """The mean inventory position while the job steps."""
    steps = [(s.start_us, s.end_us, s.duration_us) for s in trace.segments if s.state == "step"]
    ends = np.array([0, *(time for start, end, _ in steps for time in (start, end))])
    stepped = np.array([0, *np.cumsum([each for *_, duration in steps for each in (0, duration)])])
    moves = [(0, spares)] + [
        (event.time_us, {"retired": -1, "ordered": order}[event.kind])
        for event in trace.events
        if event.kind in ("retired", "ordered")
    ]
    times = np.array([*(time for time, _ in moves), trace.end_us])
    spent = np.diff(np.interp(times, ends, stepped))
    return float(np.cumsum([by for _, by in moves]) @ spent / spent.sum())


@effort
def test_the_position_is_uniform_between_the_reorder_point_and_what_an_order_raises_it_to(
    effort: tuple[float, float],
) -> None:
    # Each of s + 1 to s + Q is visited once a cycle, for one life of the job: Hadley and Whitin 1963.
    below, order = 2, 6
    means = found(
        lambda trace: mean_position(trace, below + order, order),
        running=4, spares=below + order, load=0.5, below=below, order=order, leads=effort[0],
    )  # fmt: skip
    assert_is(means, below + (order + 1) / 2, error=effort[1] / 4)


def test_orders_that_overlap_have_no_closed_form_here() -> None:
    with pytest.raises(InputError, match="expected at least 0, 4 and 0"):
        reordered_fraction(below=2, order=3, demand=1.0)


def test_no_demand_and_no_lead_stall_nothing_and_a_lead_without_end_does_all_the_time() -> None:
    assert reordered_fraction(below=0, order=2, demand=0.0) == 0.0
    assert reordered_fraction(below=3, order=9, demand=1e-3) < 1e-12
    assert reordered_fraction(below=3, order=9, demand=1e5) > 0.999


def test_what_is_asked_of_the_closed_form_is_what_the_engine_misses_with_another_lead() -> None:
    # The form is no accident of its parameters: twice the lead time is told apart from it.
    stalls = found(running=4, spares=2, load=0.5, below=0, order=2, leads=800)
    assert abs(z(stalls, reordered_fraction(below=0, order=2, demand=4.0))) > LIMIT
