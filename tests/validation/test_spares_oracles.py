"""Spares and repair through the run engine against queueing theory, by z-test with fixed seeds: |z| < 3.5.

A job on k nodes with s spares, whose nodes fail with exponential lives: load is the rate of a node times its mean time
to repair (MTTR, an hour here). Recovery takes no time, so that a run is either stepping or waiting for a node.
"""

from dataclasses import replace

import pytest

from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import (
    CheckpointPlan,
    FailureClass,
    Law,
    PhasePlan,
    RecoveryPlan,
    RepairPlan,
    RepairStage,
    RunPlan,
    SparePlan,
    SpareTier,
)
from sim.reliability.recovery.spares import erlang_b, poisson_tail, short_fraction, stalled_fraction
from tests.validation.test_reliability_oracles import LIMIT, z

MTTR_S = 3600.0
RUNS = 16

EXPONENTIAL = Law(kind="exponential", mean_s=MTTR_S)
REPAIRS = {
    "exponential": EXPONENTIAL,
    "constant": Law(mean_s=MTTR_S),
    "lognormal": Law(kind="lognormal", mean_s=MTTR_S, shape=1.0),
}


def spares_plan(
    *,
    running: int,
    spares: int,
    load: float,
    repair: Law = EXPONENTIAL,
    crews: int = 0,
    clock: str = "operating",
    plan: SparePlan | None = None,
    mttrs: float,
    seed: int,
) -> RunPlan:
    """A run of so many mean times to repair; all repairs are by crews, of which 0 means enough."""
    at_once, never = RepairStage(time=repair, success=1.0), RepairStage(time=Law(), success=0.0)
    life = Law(kind="exponential", mean_s=MTTR_S / load)
    return RunPlan(
        nodes=running,
        spare_nodes=spares,
        gpus_per_node=1,
        phases=(PhasePlan(name="main", steps=None, step_time_us=1_000_000, tokens_per_step=1),),
        failures=(FailureClass(cause="node", component="node", per_node=1, life=life, replace=True),),
        failure_clock=clock,
        recovery=RecoveryPlan(rework=False, spares=plan or SparePlan()),
        checkpoint=CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0),
        repair=RepairPlan(crews=crews, automatic=never, manual=at_once),
        seed=seed,
        horizon_us=round(mttrs * MTTR_S * 1e6),
    )


def stalled(trace: RunTrace) -> float:
    """The part of the time that the job waits for nodes."""
    return sum(s.duration_us for s in trace.segments if s.state == "wait_for_node") / trace.end_us


def fractions(*, mttrs: float = 4000.0, runs: int = RUNS, **asked: object) -> list[float]:
    """The part of the time that the job waits, in each of some runs."""
    return [
        stalled(simulate_run(spares_plan(mttrs=mttrs, seed=seed, **asked)))  # type: ignore[arg-type]
        for seed in range(700, 700 + runs)
    ]


def assert_is(found: list[float], expected: float, error: float) -> None:
    """The mean is as expected, and would not be so if the expectation were off by an error."""
    assert abs(z(found, expected)) < LIMIT
    assert abs(z(found, (1 + error) * expected)) > LIMIT
    assert abs(z(found, (1 - error) * expected)) > LIMIT


# How long runs are, in mean times to repair, and the relative error that would be seen.
EFFORTS = [
    pytest.param((800.0, 0.12), id="quick"),
    pytest.param((6000.0, 0.05), id="precise", marks=pytest.mark.slow),
]
effort = pytest.mark.parametrize("effort", EFFORTS)


@effort
@pytest.mark.parametrize("law", sorted(REPAIRS))
def test_cold_spares_and_enough_crews_are_erlang_b_whatever_the_law_of_repairs(
    law: str, effort: tuple[float, float]
) -> None:
    found = fractions(running=4, spares=1, load=0.25, repair=REPAIRS[law], mttrs=effort[0])
    assert erlang_b(2, 1.0) == pytest.approx(0.2)
    assert_is(found, erlang_b(2, 1.0), error=effort[1])


def test_the_published_case_is_met_and_its_other_convention_is_not() -> None:
    found = fractions(running=512, spares=8, load=3.88 / 512, mttrs=300)
    expected = erlang_b(9, 3.88)
    assert expected == pytest.approx(0.01142, abs=5e-6)
    assert poisson_tail(8, 3.88) == pytest.approx(0.0180, abs=5e-5)
    assert abs(z(found, expected)) < LIMIT
    assert abs(z(found, poisson_tail(8, 3.88))) > LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("law", sorted(REPAIRS))
def test_the_published_case_whatever_the_law_of_repairs(law: str) -> None:
    found = fractions(running=512, spares=8, load=3.88 / 512, repair=REPAIRS[law], mttrs=3000)
    assert_is(found, erlang_b(9, 3.88), error=0.2)


@effort
def test_spares_that_age_too_are_binomial_with_calendar_clocks(effort: tuple[float, float]) -> None:
    # Twelve nodes, each down a fifth of the time, of which nine must be up.
    found = fractions(running=9, spares=3, load=0.25, clock="calendar", mttrs=effort[0] / 2)
    expected = short_fraction(nodes=12, spares=3, load=0.25)
    assert expected == pytest.approx(0.2054, abs=5e-5)
    assert_is(found, expected, error=1.2 * effort[1])


@pytest.mark.slow
def test_the_binomial_of_many_nodes_is_the_poisson_tail() -> None:
    found = fractions(running=512, spares=8, load=3.88 / 512, clock="calendar", mttrs=1500)
    assert abs(z(found, short_fraction(nodes=520, spares=8, load=3.88 / 512))) < LIMIT
    assert abs(z(found, poisson_tail(8, 3.88))) < LIMIT
    assert abs(z(found, erlang_b(9, 3.88))) > LIMIT


def test_a_binomial_of_more_and_more_nodes_nears_the_poisson_tail() -> None:
    gaps = [
        abs(short_fraction(nodes=nodes, spares=8, load=3.88 / nodes) - poisson_tail(8, 3.88))
        for nodes in (100, 1000, 10_000)
    ]
    assert gaps[0] > 8 * gaps[1] > 64 * gaps[2]


@effort
@pytest.mark.parametrize("crews", [1, 2])
def test_few_crews_are_a_birth_death_process(crews: int, effort: tuple[float, float]) -> None:
    found = fractions(running=4, spares=2, load=0.25, crews=crews, mttrs=effort[0])
    by_hand = {1: 1 / 4, 2: (1 / 4) / (1 + 1 + 1 / 2 + 1 / 4)}[crews]
    assert stalled_fraction(running=4, spares=2, load=0.25, crews=crews) == pytest.approx(by_hand)
    assert_is(found, by_hand, error=2 * effort[1])


@effort
@pytest.mark.parametrize("crews", [0, 1])
def test_few_crews_with_calendar_clocks_are_the_machine_repair_model(crews: int, effort: tuple[float, float]) -> None:
    found = fractions(running=4, spares=2, load=0.2, crews=crews, clock="calendar", mttrs=effort[0])
    assert_is(found, short_fraction(nodes=6, spares=2, load=0.2, crews=crews), error=2 * effort[1])


@effort
def test_hot_spares_age_while_the_job_steps_and_cold_ones_do_not(effort: tuple[float, float]) -> None:
    hot = SparePlan(hot=SpareTier(nodes=2, replace=Law()))
    cold, powered = (fractions(running=4, spares=2, load=0.25, plan=plan, mttrs=effort[0]) for plan in (None, hot))
    expected = stalled_fraction(running=4, spares=2, load=0.25, powered=True)
    # By hand: 6/4, 5/4 and 4/4 failures a time to repair with 0, 1 and 2 nodes down, and 1, 2, 3 repairs.
    assert expected == pytest.approx((1.5 * 1.25 / 6) / (1 + 1.5 + 1.5 * 1.25 / 2 + 1.5 * 1.25 / 6))
    assert_is(powered, expected, error=2 * effort[1])
    assert_is(cold, erlang_b(3, 1.0), error=2 * effort[1])


@effort
def test_spares_of_domains_make_every_domain_an_erlang_b(effort: tuple[float, float]) -> None:
    # Two domains of two nodes and a spare, a = 0.5 each: the job steps while neither has more than one node down, and
    # clocks stop otherwise. p(i, j) ~ a^i / i! a^j / j! up to the first state that stalls.
    spares = SparePlan(per_domain=1, domain_nodes=2)
    found = fractions(running=4, spares=2, load=0.25, plan=spares, mttrs=effort[0])
    weights = [1.0, 0.5, 0.125]
    steps = sum(weights[:2]) ** 2
    stalls = 2 * sum(weights[:2]) * weights[2]
    assert_is(found, stalls / (steps + stalls), error=2 * effort[1])


def test_one_domain_alone_is_a_pool() -> None:
    spares = SparePlan(per_domain=2, domain_nodes=4)
    assert fractions(running=4, spares=2, load=0.25, plan=spares, mttrs=100) == fractions(
        running=4, spares=2, load=0.25, mttrs=100
    )


def test_a_silent_failure_adds_its_relapses() -> None:
    # Each repair fails with q, so that a failure takes 1 / (1 - q) visits: relapses come soon after the node joins.
    load, silent, mttrs = 0.01, 0.5, 4000
    counts = []
    for seed in range(RUNS):
        base = spares_plan(running=4, spares=0, load=load, mttrs=mttrs, seed=seed)
        plan = replace(base, repair=replace(base.repair, unnoticed=silent, relapse=Law(mean_s=1.0)))
        trace = simulate_run(plan)
        stepped = sum(s.duration_us for s in trace.segments if s.state == "step") * 1e-6 / MTTR_S
        failures = sum(event.kind == "failure" for event in trace.events)
        counts.append(failures / (4 * load * stepped))
    assert abs(z(counts, 1 / (1 - silent))) < LIMIT
    assert abs(z(counts, 1.12 / (1 - silent))) > LIMIT
