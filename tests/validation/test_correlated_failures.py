"""Correlated failures through the engine: rates as without them, and joint failures as in closed form. |z| < 3.5."""

from collections import Counter
from dataclasses import replace
from itertools import groupby
from math import comb, sqrt

import numpy as np
import pytest
from scipy.stats import chi2

from sim.engine.run import simulate_run
from sim.ledger.time.trace import Event, RunTrace
from sim.reliability.failures.exposure import STRUCK, job_mtbf_s
from sim.reliability.failures.shocks import cooccurring, mean_struck
from sim.reliability.records import FailureClass, Law, RepairPlan, RepairStage, RunPlan
from tests.engine.run_cases import DAY_US
from tests.engine.shared_plans import correlated
from tests.validation.test_reliability_oracles import LIMIT, job_plan

DAY_S = 86_400.0


def cause(component: str, per_node: int, mean_days: float, **changes: object) -> FailureClass:
    life = Law(kind="exponential", mean_s=mean_days * DAY_S)
    found = FailureClass(cause="any", component=component, per_node=per_node, life=life, replace=False)
    return replace(found, **changes)  # type: ignore[arg-type]


def racks(nodes: int, each: int) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(range(first, first + each)) for first in range(0, nodes, each))


def fleet(failure: FailureClass, *, nodes: int, days: float, seed: int, **changes: object) -> RunPlan:
    """Nodes that are only watched: recovery takes no time, and costs no work."""
    base = job_plan(mtbf=1, recovery=0, horizon=days * 1440, seed=seed, nodes=nodes, failures=(failure,))
    quiet = replace(base, recovery=replace(base.recovery, rework=False))
    return replace(quiet, **changes)  # type: ignore[arg-type]


def failures_of(trace: RunTrace) -> list[Event]:
    return [event for event in trace.events if event.kind == "failure"]


@pytest.mark.parametrize(("share", "hit"), [(0.05, 0.5), (0.6, 0.25), (0.9, 1.0)])
def test_the_rate_of_components_is_what_it_is_without_shocks(share: float, hit: float) -> None:
    nodes, each, days, mean_days = 200, 4, 100.0, 400.0
    gpu = correlated(cause("gpu", 8, mean_days), holds=racks(nodes, each), share=share, hit=hit)
    counts, by_shocks = 0, 0
    seeds = range(6)
    for seed in seeds:
        events = failures_of(simulate_run(fleet(gpu, nodes=nodes, days=days, seed=seed)))
        counts += len(events)
        by_shocks += sum(event.ordinal == STRUCK for event in events)
    expected = len(seeds) * nodes * 8 * days / mean_days
    # A rack of m components has shocks at share r / hit, each of K ~ Binomial(m, hit) failures: E K^2 a shock.
    members = 8 * each
    second = members * hit * (1 - hit) + (members * hit) ** 2
    shocks = len(seeds) * nodes / each * share / hit * days / mean_days
    assert abs(counts - expected) / sqrt((1 - share) * expected + shocks * second) < LIMIT
    assert abs(by_shocks - share * expected) / sqrt(shocks * second) < LIMIT


def test_each_component_by_itself_fails_as_a_poisson_process_of_its_rate() -> None:
    nodes, days, mean_days = 100, 300.0, 30.0
    node = correlated(cause("node", 1, mean_days), holds=racks(nodes, 10), share=0.5, hit=0.4)
    counts = np.zeros(nodes)
    for seed in range(4):
        for event in failures_of(simulate_run(fleet(node, nodes=nodes, days=days, seed=seed))):
            counts[event.node] += 1
    mean = 4 * days / mean_days
    # The sum of squared deviations over the mean is chi-squared but for what nodes of a rack share: two of them have
    # share x hit = 0.2 of their failures in common, and each has 9 others.
    spread = float(((counts - mean) ** 2).sum() / mean)
    assert spread / nodes == pytest.approx(1.0, abs=LIMIT * sqrt(2 * (1 + 9 * 0.2**2) / nodes))


def test_the_rate_holds_where_what_is_hit_is_repaired() -> None:
    # A node works 10 days on average and is repaired for 2, whoever it was that broke it: one failure in 12 days.
    nodes, days = 120, 240.0
    node = correlated(cause("node", 1, 10.0, replace=True), holds=racks(nodes, 6), share=0.7, hit=0.5)
    repaired = RepairStage(time=Law(mean_s=2 * DAY_S), success=1.0)
    counts = []
    for seed in range(8):
        plan = fleet(node, nodes=1, days=days, seed=seed, spare_nodes=nodes - 1)
        plan = replace(plan, repair=RepairPlan(crews=0, automatic=repaired, manual=repaired))
        late = [event for event in failures_of(simulate_run(plan)) if event.time_us > 60 * DAY_US]
        counts.append(float(len(late)))
    expected = nodes * (days - 60) / 12
    assert abs(np.mean(counts) - expected) / (np.std(counts, ddof=1) / sqrt(len(counts))) < LIMIT
    assert np.mean(counts) == pytest.approx(expected, rel=0.02)


def struck_per_shock(trace: RunTrace) -> list[int]:
    """Failures that follow each shock."""
    sizes = []
    for event in trace.events:
        if event.kind == "shock":
            sizes.append(0)
        elif event.kind == "failure" and event.ordinal == STRUCK:
            sizes[-1] += 1
    return sizes


def test_nodes_that_a_shock_hits_are_binomial() -> None:
    nodes, members, hit = 320, 8, 0.3
    node = correlated(cause("node", 1, 60.0), holds=racks(nodes, members), share=0.8, hit=hit)
    sizes = struck_per_shock(simulate_run(fleet(node, nodes=nodes, days=200.0, seed=3)))
    assert len(sizes) > 250
    none = (1 - hit) ** members
    expected = [comb(members, k) * hit**k * (1 - hit) ** (members - k) / (1 - none) for k in range(1, members + 1)]
    seen = Counter(min(size, 5) for size in sizes)
    merged = [*expected[:4], sum(expected[4:])]
    statistic = sum((seen[k + 1] - p * len(sizes)) ** 2 / (p * len(sizes)) for k, p in enumerate(merged))
    assert statistic < chi2.ppf(0.9995, len(merged) - 1)
    mean = mean_struck(hit, members)
    assert mean == pytest.approx(sum(k * p for k, p in enumerate(expected, start=1)))
    assert abs(np.mean(sizes) - mean) / (np.std(sizes, ddof=1) / sqrt(len(sizes))) < LIMIT


def interruptions(failure: FailureClass, nodes: int, spares: int, days: float, seeds: range) -> int:
    """What stopped a job in so many days of steps, over all seeds."""
    total = 0
    for seed in seeds:
        plan = fleet(failure, nodes=nodes, days=days, seed=seed, spare_nodes=spares, failure_clock="operating")
        up = replace(plan, horizon_us=None, work_us=round(days * DAY_US))
        total += sum(event.interrupted for event in simulate_run(up).events)
    return total


def test_a_job_is_interrupted_less_often_where_components_fail_together() -> None:
    nodes, spares, days, seeds = 124, 4, 60.0, range(4)
    apart = cause("gpu", 8, 400.0)
    # Half of the last rack is spare.
    both = correlated(apart, holds=racks(nodes + spares, 8), share=0.5, hit=0.5)
    expected = [len(seeds) * days * DAY_S / job_mtbf_s([each], nodes) for each in (apart, both)]
    for each, mean in zip((apart, both), expected, strict=True):
        assert abs(interruptions(each, nodes, spares, days, seeds) - mean) / sqrt(mean) < LIMIT
    # Half by themselves; of 16 racks of 64 and once 32 GPUs nearly every shock hits one: 16 x 0.5 / 0.5 to 992.
    assert expected[1] / expected[0] == pytest.approx(0.5 + (15 + 1 - 0.5**32) / 992, rel=1e-6)


@pytest.mark.parametrize(("rate", "published"), [(6.5e-3, 0.03), (2.34e-3, 0.05)])
@pytest.mark.parametrize("hit", [1.0, 0.5])
def test_the_published_part_of_failures_that_do_not_come_alone_follows_from_the_share(
    rate: float, published: float, hit: float
) -> None:
    # Kokolis et al. (HPCA 2025, arXiv 2410.21680): 3 % and 5 % of hardware failures of RSC-1 and RSC-2 co-occur; a rack
    # has two servers. The share is the input, the part that comes together the output. In which domain they co-occur is
    # assumed: they may as well be several signs of one fault in one node.
    share = published / hit
    assert cooccurring(share, hit, 2) == pytest.approx(published)
    nodes, days = 2000, 330.0
    node = correlated(cause("node", 1, 1 / rate), holds=racks(nodes, 2), share=share, hit=hit)
    events = failures_of(simulate_run(fleet(node, nodes=nodes, days=days, seed=11)))
    instants = [len(list(own)) for _, own in groupby(events, key=lambda event: event.time_us)]
    pairs = sum(size for size in instants if size > 1)
    expected = published * nodes * days * rate
    # Pairs come as a Poisson process: twice as many failures, with four times its variance.
    assert abs(pairs - expected) / sqrt(2 * expected) < LIMIT
    assert pairs / len(events) == pytest.approx(published, abs=0.012)
