"""The search among layouts: its bounds are bounds, its answer is that of trying everything, and it can be stopped."""

from collections import Counter
from itertools import count

import pytest

from sim.analysis.plan.layouts.bounds import Bounds
from sim.analysis.plan.layouts.records import Candidate, Job, Ranking, Space, batch_of, layout_of
from sim.analysis.plan.layouts.search import search_layouts, step_estimate_s, verified
from sim.analysis.plan.layouts.space import candidates
from sim.errors import DoesNotFitError
from sim.workload.memory import stage_memory
from tests.analysis.plan.jobs import small_job

FEW = Space(micro_batches=(1,), recomputes=("none", "full"), shardings=("zero1",))
MIXTURE = ("model.preset=deepseek-v3", "model.layers=6", "training.precision=bf16", "training.sequence_length=2048")


def every(job: Job, space: Space) -> list[Candidate]:
    bounds = Bounds(job)
    return [each for each in candidates(job, space, Counter()) if bounds.shares(each) is not None]


def sampled(job: Job, space: Space, step: int) -> list[Candidate]:
    return every(job, space)[::step]


@pytest.fixture(scope="module")
def ranking() -> Ranking:
    return search_layouts(small_job(), FEW, best=4, limit_s=300)


@pytest.mark.parametrize(("overrides", "step"), [((), 7), (MIXTURE, 29)], ids=["dense", "mixture"])
def test_no_step_is_estimated_faster_than_its_bound(overrides: tuple[str, ...], step: int) -> None:
    job = small_job(*overrides)
    bounds, tried = Bounds(job), 0
    for candidate in sampled(job, FEW, step):
        shares = bounds.shares(candidate)
        assert shares is not None
        try:
            estimate_s = step_estimate_s(job, candidate)
        except DoesNotFitError:
            continue
        tried += 1
        assert bounds.step_s(candidate, shares) <= estimate_s
    assert tried > 3


@pytest.mark.parametrize(("overrides", "step"), [((), 3), (MIXTURE, 31)], ids=["dense", "mixture"])
def test_no_layout_needs_less_memory_than_its_bound_and_most_need_just_that(
    overrides: tuple[str, ...], step: int
) -> None:
    job = small_job(*overrides)
    assert job.scenario.training is not None
    model, software, bounds = job.scenario.training.model, job.scenario.training.software, Bounds(job)
    ratios = []
    for candidate in sampled(job, FEW, step):
        shares = bounds.shares(candidate)
        assert shares is not None
        batch, layout = batch_of(candidate, job.phase.batch), layout_of(candidate)
        exact = max(stage.total for stage in stage_memory(model, batch, layout, software))
        ratios.append(bounds.memory_bytes(candidate, shares) / exact)
    assert max(ratios) <= 1 + 1e-9
    assert sorted(ratios)[len(ratios) // 2] > 0.99


def test_the_best_are_those_of_trying_every_layout(ranking: Ranking) -> None:
    job, steps = small_job(), []
    for candidate in every(job, FEW):
        try:
            steps.append(step_estimate_s(job, candidate))
        except DoesNotFitError:
            continue
    assert [ranked.estimate_s for ranked in ranking.best] == sorted(steps)[:4]


def test_every_layout_is_accounted_for(ranking: Ranking) -> None:
    assert ranking.complete
    assert sum(ranking.counts.values()) == ranking.considered
    assert ranking.counts["estimated"] < ranking.considered / 4


def test_a_search_whose_time_is_over_says_so_and_gives_the_best_so_far() -> None:
    ticks = count()
    stopped = search_layouts(small_job(), FEW, best=4, limit_s=1, clock=lambda: float(next(ticks)) / 2)
    assert not stopped.complete
    assert stopped.counts["not looked at"] > 0
    assert stopped.best_left_s is not None
    assert sum(stopped.counts.values()) == stopped.considered


def test_a_search_estimates_no_more_than_it_may_and_one_at_least() -> None:
    few = search_layouts(small_job(), FEW, best=4, most=2)
    assert few.counts["estimated"] == 2
    assert not few.complete
    late = search_layouts(small_job(), FEW, best=4, limit_s=0)
    assert late.counts["estimated"] == 1


def test_an_interrupted_search_gives_the_best_so_far() -> None:
    def interrupt(fraction: float, what: str) -> None:
        if "best step" in what:
            raise KeyboardInterrupt

    stopped = search_layouts(small_job(), FEW, best=4, progress=interrupt)
    assert len(stopped.best) == 1
    assert not stopped.complete


def test_a_verified_layout_has_a_simulated_step_near_its_estimate(ranking: Ranking) -> None:
    exact = small_job("cluster.speed.distribution=none")
    sure = verified(exact, ranking.best[0])
    assert sure.simulated_s == pytest.approx(ranking.best[0].estimate_s, rel=0.01)
    assert sure.waterfall is not None
    assert sum(sure.waterfall.values()) == pytest.approx(1)
    assert sure.peak_bytes is not None
    assert sure.peak_bytes < exact.scenario.machines.accelerator.hbm_bytes


def test_a_batch_moves_no_further_than_it_may() -> None:
    job = small_job("cluster.nodes=3", "parallelism.data=3", "training.global_batch=33")
    exact = {each.global_batch for each in every(job, FEW)}
    moved = {each.global_batch for each in every(job, Space(tolerance=0.1))}
    assert exact == {33}
    assert moved - exact
    assert all(abs(size - 33) <= 3.3 for size in moved)
