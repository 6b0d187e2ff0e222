"""Runs of an elastic job of a model: nothing is lost or counted twice, and one that never shrinks is as any other."""

from functools import cache

import pytest

from sim.engine.run import simulate_run
from sim.ledger.time.conservation import check_conservation
from sim.report.run.answers import run_json
from sim.scenario import scenario_of
from sim.simulate import RunResult, planned, prepare, reseeded, simulate_prepared
from tests.scenario.trees import changed
from tests.steps.jobs import ELASTIC, prepared


@cache
def ran() -> RunResult:
    return simulate_prepared(prepared())


def test_a_job_goes_on_with_fewer_replicas_and_takes_them_back_at_the_step_of_each_condition() -> None:
    result = ran()
    shrinking = prepared().shrinking
    assert shrinking is not None
    seen = {(row.condition, row.nodes) for row in result.trace.segments if row.state == "step"}
    assert len(seen) >= 3
    for condition, nodes in seen:
        lost = (8 - nodes) // 2
        expected_ns = shrinking.steps_with(lost)[0].profile.step_time_ns
        pace_ns = result.paces[condition - 1].step_ns[0] if condition else result.steps[0].profile.step_time_ns
        assert pace_ns == expected_ns
    kinds = {event.kind for event in result.trace.events}
    assert {"shrunk", "regrown"} <= kinds


def test_mfu_goodput_and_allocation_multiply_and_useful_work_is_that_of_the_steps_retained() -> None:
    summary, profile = ran().summary, ran().steps[0].profile
    assert summary.step_mfu is not None
    assert summary.effective_mfu == pytest.approx(summary.step_mfu * summary.goodput * summary.allocation, rel=1e-12)
    assert summary.tokens == summary.steps * profile.tokens
    # Steps of all sizes hold the same useful GPU-time; clocks round each to a microsecond.
    useful_h = profile.state_ns["compute_ideal"] / profile.stages * profile.gpus * summary.steps / 3.6e12
    assert summary.states["compute_ideal"] == pytest.approx(useful_h, rel=1e-5)
    assert sum(summary.waterfall.values()) == pytest.approx(1, abs=1e-12)


def test_trace_and_ledger_of_steps_of_all_sizes_are_conserved() -> None:
    check_conservation(ran().trace, ran().ledger)


def test_whoever_keeps_the_clocks_and_however_steps_are_walked_the_trace_is_the_same() -> None:
    planning = planned(prepared(run__horizon="3 d"))
    one, *others = (
        simulate_run(planning.plan, mode, explicit=explicit, pacer=planning.pacer)
        for mode, explicit in (("dormant", False), ("eager", False), ("dormant", True))
    )
    assert len(one.judged) > 1
    assert all(other == one for other in others)


def test_a_job_that_never_shrinks_runs_as_one_that_does_not_know_how() -> None:
    spared, plain = (
        simulate_prepared(prepared(cluster__spare_nodes=8, recovery__mode=mode)) for mode in ("elastic", "requeue")
    )
    assert not [event for event in spared.trace.events if event.kind == "shrunk"]
    assert [event for event in spared.trace.events if event.kind == "replaced"]
    assert spared.trace.segments == plain.trace.segments
    assert spared.trace.events == plain.trace.events
    assert spared.summary == plain.summary


def test_a_job_that_needs_all_of_its_replicas_waits_for_them() -> None:
    needing = simulate_prepared(prepared(recovery__min_replicas=8))
    waiting = simulate_prepared(prepared(recovery__mode="requeue"))
    assert needing.summary == waiting.summary
    assert waiting.summary.states["wait_for_node"] > 0


def test_what_shrinking_cost_is_told_and_ettr_at_the_pace_of_all_replicas_beside_that_of_time() -> None:
    result = ran()
    told = run_json(result)["elastic"]
    rows = [row for row in result.trace.segments if row.state == "step" and row.nodes < 8]
    assert told["shrunken_s"] == pytest.approx(sum(row.duration_us for row in rows) * 1e-6)
    assert told["least_replicas"] == min(row.nodes for row in rows)
    step_s = result.steps[0].profile.step_time_s
    expected = result.summary.steps * step_s / result.summary.wall_time_s
    assert told["full_pace_ettr"] == pytest.approx(expected, rel=1e-6)
    assert told["full_pace_ettr"] < result.summary.ettr
    assert run_json(simulate_prepared(prepared(recovery__mode="requeue")))["elastic"] is None


def test_another_seed_draws_the_speeds_of_a_shrunken_job_anew() -> None:
    spread = {"distribution": "normal", "spread": 0.02}
    first = prepared(cluster__speed=spread)
    later = reseeded(first, scenario_of(changed(ELASTIC, cluster__speed=spread, run__seed=2), "file.toml"))
    own = prepare(later.scenario)
    for each in (first, later, own):
        assert each.shrinking is not None
    steps = [each.shrinking.steps_with(1)[0].profile for each in (first, later, own)]  # type: ignore[union-attr]
    assert steps[0] != steps[1] == steps[2]
