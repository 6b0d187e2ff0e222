"""Failures of whole runs against renewal theory, by z-test with fixed seeds: |z| < 3.5.

M(t), the failures of a component by t, solves the renewal equation M(t) = F(t) + integral of M(t - d - u) dF(u), d the
time in repair; where the first life is conditional on age, that integral is over the first life's distribution.
"""

from collections import Counter
from dataclasses import replace
from math import gamma

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import gammaincinv

from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.failures.fleet import lemon_nodes
from sim.reliability.failures.hazards import bathtub_law, piecewise_law
from sim.reliability.failures.laws import cdf, empirical_law
from sim.reliability.records import AgeBatch, FailureClass, Law, Lemons, RepairPlan, RepairStage, RunPlan
from tests.validation.test_reliability_oracles import LIMIT, job_plan, z

DAY = 86_400.0
LIVES = [
    Law(kind="weibull", mean_s=100 * DAY, shape=1.5),
    Law(kind="weibull", mean_s=100 * DAY, shape=0.7),
    Law(kind="lognormal", mean_s=100 * DAY, shape=1.0),
    Law(kind="gamma", mean_s=100 * DAY, shape=3.0),
    bathtub_law(100 * DAY, 8.0, 10 * DAY, 80 * DAY, 40 * DAY),
    piecewise_law(100 * DAY, [5 * DAY, 120 * DAY], [6.0, 1.0, 4.0]),
]


def shares(law: Law, days: int, steps: int, age_s: float = 0.0) -> NDArray[np.float64]:
    """F on a grid of times, of those who have reached an age."""
    reached = np.array([cdf(law, age_s + day * DAY / steps) for day in range(days * steps + 1)])
    return (reached - reached[0] * (age_s > 0)) / (1 - reached[0] * (age_s > 0))


def renewals(law: Law, days: int, *, repair_days: int = 0, age_s: float = 0.0, steps: int = 8) -> NDArray[np.float64]:
    """M on a grid of `steps` a day, by the trapezoid rule: a life of a step ends at its middle."""
    found, first = _solved(shares(law, days, steps), None, repair_days * steps), shares(law, days, steps, age_s)
    return found if age_s == 0 else _solved(first, found, repair_days * steps)


def _solved(reached: NDArray[np.float64], later: NDArray[np.float64] | None, away: int) -> NDArray[np.float64]:
    """Failures of a first life distributed as `reached`, and of what follows (by default the same again)."""
    ended, found = np.diff(reached), reached.copy()
    follow = found if later is None else later
    for k in range(1, len(found)):
        left = k - away
        if left < 1:
            continue
        same = later is None and away == 0
        middles = (follow[left:0:-1] + follow[left - 1 :: -1]) / 2
        if same:
            # The life that ends in the first step is followed by M(t) itself, which is not known yet.
            middles[0] = follow[left - 1] / 2
        found[k] = (reached[k] + ended[:left] @ middles) / (1 - ended[0] / 2 if same else 1)
    return found


def fleet_plan(life: Law, *, nodes: int, days: int, seed: int, repair_days: int = 0, **changes: object) -> RunPlan:
    """Nodes whose one component fails, and is renewed at once or after a repair; the job goes on at once."""
    cause = FailureClass(cause="node", component="node", per_node=1, life=life, replace=repair_days > 0)
    stage = RepairStage(time=Law(mean_s=repair_days * DAY), success=1.0)
    plan = job_plan(mtbf=1, recovery=0, horizon=days * 1440, seed=seed, nodes=nodes, failures=(cause,))
    plan = replace(
        plan,
        recovery=replace(plan.recovery, rework=False),
        repair=RepairPlan(crews=0, automatic=stage, manual=stage),
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


def failures(trace: RunTrace, after_day: int = 0) -> int:
    return sum(event.kind == "failure" and event.time_us > after_day * DAY * 1e6 for event in trace.events)


def test_the_renewal_equation_of_lives_without_memory_is_a_straight_line() -> None:
    exponential = Law(kind="exponential", mean_s=100 * DAY)
    assert renewals(exponential, 250)[-1] == pytest.approx(2.5, rel=1e-6)
    assert renewals(exponential, 250, age_s=30 * DAY)[-1] == pytest.approx(2.5, rel=1e-6)


@pytest.mark.parametrize("life", LIVES, ids=lambda law: f"{law.kind}-{law.shape}")
def test_ages_are_kept_at_restarts_and_renewed_at_replacement(life: Law) -> None:
    expected = 200 * renewals(life, 250)[-1]
    counts = [float(failures(simulate_run(fleet_plan(life, nodes=200, days=250, seed=s)))) for s in range(16)]
    assert abs(z(counts, expected)) < LIMIT
    # As many failures as the same number of exponential lives would be seen to be wrong.
    assert abs(z(counts, 500.0)) > LIMIT


def test_a_node_in_repair_does_not_age() -> None:
    life = LIVES[0]
    counts = []
    for seed in range(16):
        plan = fleet_plan(life, nodes=100, days=250, seed=seed, repair_days=20, spare_nodes=100)
        counts.append(float(failures(simulate_run(plan))))
    assert abs(z(counts, 200 * renewals(life, 250, repair_days=20)[-1])) < LIMIT
    assert abs(z(counts, 200 * renewals(life, 250)[-1])) > LIMIT


@pytest.mark.parametrize("life", [LIVES[0], LIVES[2], LIVES[4]], ids=lambda law: law.kind)
def test_batches_of_different_ages_fail_as_those_who_got_as_old(life: Law) -> None:
    ages = (AgeBatch(nodes=100, age_s=0.0), AgeBatch(nodes=100, age_s=90 * DAY))
    new, old = (100 * renewals(life, 25, age_s=batch.age_s, steps=24)[-1] for batch in ages)
    counts = [
        float(failures(simulate_run(fleet_plan(life, nodes=200, days=25, seed=seed, ages=ages)))) for seed in range(32)
    ]
    assert abs(z(counts, new + old)) < LIMIT
    assert abs(z(counts, 2 * new)) > LIMIT


@pytest.mark.parametrize(("shape", "new"), [(1.5, 65), (0.7, 774)])
def test_a_fleet_long_in_use_fails_once_a_mean_life(shape: float, new: int) -> None:
    # 4,096 nodes of a mean life of 100 d, for 7 d: 65 and 774 while all are new, 286.7 once ages have settled.
    life = Law(kind="weibull", mean_s=100 * DAY, shape=shape)
    assert 4096 * renewals(life, 7, steps=400)[-1] == pytest.approx(new, abs=2)
    # In a settled fleet the share of ages below a is the integral of 1 - F over the mean: P(1/k, (a/scale)^k).
    below = (np.arange(4096) + 0.5) / 4096
    scale_s = life.mean_s / gamma(1 + 1 / shape)
    ages = tuple(AgeBatch(nodes=1, age_s=float(a)) for a in scale_s * gammaincinv(1 / shape, below) ** (1 / shape))
    counts = [
        float(failures(simulate_run(fleet_plan(life, nodes=4096, days=7, seed=seed, ages=ages)))) for seed in range(12)
    ]
    assert abs(z(counts, 4096 * 0.07)) < LIMIT
    assert abs(z(counts, float(new))) > LIMIT


def test_a_new_fleet_settles() -> None:
    life = LIVES[0]
    traces = (simulate_run(fleet_plan(life, nodes=100, days=600, seed=seed)) for seed in range(8))
    counts = [float(failures(trace, after_day=400)) for trace in traces]
    expected = renewals(life, 600, steps=4)
    assert expected[-1] - expected[4 * 400] == pytest.approx(2.0, abs=2e-3)
    assert abs(z(counts, 100 * (expected[-1] - expected[4 * 400]))) < LIMIT


def test_lemons_have_the_share_of_failures_that_was_published() -> None:
    # Kokolis et al. (arXiv 2410.21680): 1.2 % of nodes are lemons, which 13 % of daily jobs meet: 12.3 times the rate.
    fraction, share = 0.012, 0.13
    factor = share * (1 - fraction) / (fraction * (1 - share))
    assert factor == pytest.approx(12.3, abs=0.01)
    assert fraction * factor / (1 - fraction + fraction * factor) == pytest.approx(share)
    lemons = Lemons(fraction=fraction, factor=factor)
    by_lemons, by_all = [], []
    for seed in range(40):
        plan = fleet_plan(Law(kind="exponential", mean_s=DAY / 6.5e-3), nodes=1000, days=60, seed=seed)
        plan = replace(plan, failures=(replace(plan.failures[0], lemons=lemons),))
        bad = lemon_nodes(seed, lemons, 1000)
        nodes = Counter(event.component_index for event in simulate_run(plan).events if event.kind == "failure")
        by_lemons.append(sum(nodes[node] for node in bad))
        by_all.append(sum(nodes.values()))
    parts, totals = np.array(by_lemons, np.float64), np.array(by_all, np.float64)
    assert abs(z(parts - share * totals, 0.0)) < LIMIT
    # Neither half the factor nor none would pass.
    assert abs(z(parts - fraction * totals, 0.0)) > LIMIT
    assert abs(z(parts - 0.07 * totals, 0.0)) > LIMIT
    assert abs(z(totals, 1000 * 60 * 6.5e-3 * (1 - fraction + fraction * factor))) < LIMIT


def test_recoveries_drawn_from_a_log_last_as_long_as_its_mean() -> None:
    log = [60.0, 90.0, 90.0, 120.0, 3_000.0]
    plan = job_plan(mtbf=600, recovery=0, horizon=600 * 400, seed=3, failure_clock="operating")
    trace = simulate_run(replace(plan, recovery=replace(plan.recovery, detect=empirical_law(log), rework=False)))
    lasted = [s.duration_us * 1e-6 for s in trace.segments if s.state == "detect"]
    assert {*lasted} == {*log}
    assert abs(z(lasted, float(np.mean(log)))) < LIMIT
    assert len(lasted) > 300
