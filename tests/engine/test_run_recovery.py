"""A run by hand: what a failure costs, stage by stage."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sim.engine.run import simulate_run
from sim.errors import ScenarioError, SimulationError, UnknownNameError
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
)

SECOND = 1_000_000


def failure(cause: str, after_s: float, *, component: str = "node", replaces: bool = True) -> FailureClass:
    """A cause whose every life lasts exactly so long."""
    return FailureClass(cause=cause, component=component, per_node=1, life=Law(mean_s=after_s), replace=replaces)


def plan(*failures: FailureClass, **changes: object) -> RunPlan:
    """One node, steps of 10 s, a checkpoint every 50 s that blocks 2 s and is durable after 6 s; ends after 200 s."""
    base = RunPlan(
        nodes=1,
        spare_nodes=1,
        gpus_per_node=8,
        phases=(PhasePlan(name="main", steps=None, step_time_us=10 * SECOND, tokens_per_step=1),),
        failures=failures,
        failure_clock="operating",
        recovery=RecoveryPlan(
            detect=Law(mean_s=5.0),
            replace=Law(mean_s=7.0),
            initialize=Law(mean_s=3.0),
            warm_up=Law(mean_s=1.0),
            select_host=Law(mean_s=0.0),
        ),
        checkpoint=CheckpointPlan(
            interval_us=50 * SECOND, block_us=2 * SECOND, durable_after_us=6 * SECOND, restore_us=4 * SECOND
        ),
        repair=RepairPlan(
            crews=1,
            automatic=RepairStage(time=Law(mean_s=60.0), success=1.0),
            manual=RepairStage(time=Law(mean_s=600.0), success=1.0),
        ),
        seed=1,
        horizon_us=200 * SECOND,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def states(trace: RunTrace) -> list[tuple[str, float, float, float]]:
    """State, start, end and duration of each segment, in seconds."""
    return [(s.state, s.start_us / SECOND, s.end_us / SECOND, s.duration_us / SECOND) for s in trace.segments]


def kinds(trace: RunTrace) -> list[tuple[str, float, int]]:
    """Kind, time in seconds and node of each event."""
    return [(event.kind, event.time_us / SECOND, event.node) for event in trace.events]


def lost_s(trace: RunTrace) -> list[float]:
    """Seconds of each loss."""
    return [r.duration_us / SECOND for r in trace.reversals if r.state == "lost_work"]


def test_a_failed_node_is_detected_replaced_and_the_job_restored() -> None:
    trace = simulate_run(plan(failure("node", 75.0), horizon_us=100 * SECOND))
    assert states(trace) == [
        ("step", 0, 75, 73),
        ("checkpoint", 0, 75, 2),
        ("detect", 75, 80, 5),
        ("replace", 80, 87, 7),
        ("initialize", 87, 90, 3),
        ("restore", 90, 94, 4),
        ("warm_up", 94, 95, 1),
        ("step", 95, 100, 5),
    ]
    assert kinds(trace) == [("failure", 75, 0), ("replaced", 80, 1), ("restart", 95, -1), ("horizon", 100, -1)]
    # Saved at 50, so 23 s are lost: two steps and a part of one.
    assert lost_s(trace) == [23]
    assert (trace.processed_steps, trace.lost_steps, trace.in_flight_steps) == ((7,), (2,), (0,))
    assert (trace.checkpoints_started, trace.checkpoints_durable) == (1, 1)


def test_nodes_stay_in_the_job_until_the_failure_is_detected() -> None:
    trace = simulate_run(plan(failure("node", 75.0), horizon_us=150 * SECOND))
    places = [(s.node, s.place, s.start_us / SECOND, s.end_us / SECOND) for s in trace.stays]
    assert places == [
        (0, "job", 0, 80),
        (1, "spare", 0, 80),
        (0, "repair", 80, 140),
        (0, "spare", 140, 150),
        (1, "job", 80, 150),
    ]


def test_a_failure_without_replacement_has_no_replace_stage() -> None:
    trace = simulate_run(plan(failure("hang", 75.0, component="job", replaces=False), horizon_us=90 * SECOND))
    assert [state for state, *_ in states(trace)] == [
        "step",
        "checkpoint",
        "detect",
        "initialize",
        "restore",
        "warm_up",
        "step",
    ]
    assert {stay.place for stay in trace.stays if stay.node == 0} == {"job"}


def test_a_checkpoint_that_is_not_durable_does_not_count() -> None:
    assert lost_s(simulate_run(plan(failure("node", 55.0), horizon_us=70 * SECOND))) == [53]
    assert lost_s(simulate_run(plan(failure("node", 56.0), horizon_us=70 * SECOND))) == [4]


def test_without_spares_the_job_waits_for_the_repair() -> None:
    recovery = replace(plan().recovery, select_host=Law(mean_s=2.0))
    trace = simulate_run(plan(failure("node", 73.0), spare_nodes=0, recovery=recovery, horizon_us=170 * SECOND))
    assert states(trace)[0] == ("schedule", 0, 2, 2)
    assert states(trace)[3:8] == [
        ("detect", 75, 80, 5),
        ("wait_for_node", 80, 140, 60),
        ("schedule", 140, 142, 2),
        ("replace", 142, 149, 7),
        ("initialize", 149, 152, 3),
    ]
    assert [s.nodes for s in trace.segments if s.state == "wait_for_node"] == [0]
    assert kinds(trace)[:4] == [("failure", 75, 0), ("stall", 80, -1), ("repaired", 140, 0), ("replaced", 140, 0)]
    assert [stay.place for stay in trace.stays] == ["job", "repair", "job"]


def clashing(**changes: object) -> RunPlan:
    """A node that fails at 75 s and a job that hangs at 82 s, during the recovery; the spare is soon repaired."""
    causes = (failure("node", 75.0), failure("hang", 82.0, component="job", replaces=False))
    repair = replace(plan().repair, automatic=RepairStage(time=Law(mean_s=1.0), success=1.0))
    return plan(*causes, failure_clock="calendar", repair=repair, horizon_us=110 * SECOND, **changes)


def test_a_failure_during_recovery_restarts_it() -> None:
    trace = simulate_run(clashing())
    assert states(trace)[2:] == [
        ("detect", 75, 80, 5),
        ("replace", 80, 82, 2),
        ("detect", 82, 87, 5),
        ("replace", 87, 94, 7),
        ("initialize", 94, 97, 3),
        ("restore", 97, 101, 4),
        ("warm_up", 101, 102, 1),
        ("step", 102, 110, 8),
    ]
    assert [e.interrupted for e in trace.events if e.kind == "failure"] == [True, False, False]


def test_or_queues_another() -> None:
    trace = simulate_run(clashing(recovery=replace(plan().recovery, on_failure="queue")))
    assert states(trace)[2:] == [
        ("detect", 75, 80, 5),
        ("replace", 80, 87, 7),
        ("initialize", 87, 90, 3),
        ("restore", 90, 94, 4),
        ("warm_up", 94, 95, 1),
        ("detect", 95, 100, 5),
        ("initialize", 100, 103, 3),
        ("restore", 103, 107, 4),
        ("warm_up", 107, 108, 1),
        ("step", 108, 110, 2),
    ]
    assert [kind for kind, *_ in kinds(trace)].count("restart") == 1


def test_two_nodes_that_fail_together_are_replaced_together() -> None:
    trace = simulate_run(plan(failure("node", 75.0), nodes=2, spare_nodes=2, horizon_us=100 * SECOND))
    assert kinds(trace)[:5] == [
        ("failure", 75, 0),
        ("failure", 75, 1),
        ("replaced", 80, 2),
        ("replaced", 80, 3),
        ("restart", 95, -1),
    ]
    assert [e.interrupted for e in trace.events[:2]] == [True, False]


def test_work_finished_at_an_instant_counts_before_a_failure_at_it() -> None:
    done = simulate_run(plan(failure("node", 62.0), phases=(replace(plan().phases[0], steps=6),)))
    assert (done.complete, done.end_us) == (True, 62 * SECOND)
    assert [event.kind for event in done.events] == ["complete"]
    undone = simulate_run(plan(failure("node", 61.999999), phases=(replace(plan().phases[0], steps=6),)))
    assert undone.end_us > 62 * SECOND


def test_progress_survives_without_rework() -> None:
    recovery = replace(plan().recovery, rework=False)
    trace = simulate_run(plan(failure("node", 75.0), recovery=recovery, horizon_us=100 * SECOND))
    assert trace.reversals == ()
    assert (trace.processed_steps, trace.retained_steps) == ((7,), (7,))


def test_what_is_not_durable_at_the_horizon_is_in_flight() -> None:
    trace = simulate_run(plan(horizon_us=80 * SECOND))
    assert [(r.state, r.duration_us, r.steps, r.since_us) for r in trace.reversals] == [
        ("in_flight", 28 * SECOND, 2, 50 * SECOND)
    ]
    assert trace.events[trace.reversals[0].event].kind == "horizon"
    assert (trace.processed_steps, trace.retained_steps, trace.in_flight_steps) == ((7,), (5,), (2,))
    assert not trace.complete


def test_a_rollback_may_cross_phases() -> None:
    phases = tuple(PhasePlan(name=n, steps=4, step_time_us=10 * SECOND, tokens_per_step=1) for n in "ab")
    trace = simulate_run(plan(failure("node", 45.0), phases=phases, horizon_us=46 * SECOND))
    assert [(r.phase, r.duration_us, r.steps) for r in trace.reversals] == [(0, 40 * SECOND, 4), (1, 5 * SECOND, 0)]
    assert trace.segments[-1].phase == 0


def test_a_spare_that_fails_goes_to_repair_without_interrupting() -> None:
    # Lives of one cause are equal, so the spare fails with the job's node: only one of them interrupts.
    trace = simulate_run(plan(failure("node", 75.0), failure_clock="calendar", horizon_us=136 * SECOND))
    assert kinds(trace)[:4] == [("failure", 75, 0), ("failure", 75, 1), ("stall", 80, -1), ("repaired", 135, 1)]
    assert [e.interrupted for e in trace.events[:2]] == [True, False]


def test_spares_do_not_age_under_operating_clocks() -> None:
    trace = simulate_run(plan(failure("node", 75.0), horizon_us=300 * SECOND))
    assert [(e.time_us / SECOND, e.node) for e in trace.events if e.kind == "failure"] == [(75, 0), (170, 1), (265, 0)]


def test_detection_may_depend_on_the_cause() -> None:
    recovery = replace(plan().recovery, detect_by_cause={"node": Law(mean_s=9.0)})
    trace = simulate_run(plan(failure("node", 75.0), recovery=recovery, horizon_us=100 * SECOND))
    assert ("detect", 75, 84, 9) in states(trace)


def test_crews_repair_in_the_order_of_arrival() -> None:
    repair = replace(plan().repair, automatic=RepairStage(time=Law(mean_s=10.0), success=0.0))
    cases: Sequence[tuple[int, list[float]]] = [(1, [690, 1290]), (2, [690, 690]), (0, [690, 690])]
    for crews, expected in cases:
        trace = simulate_run(
            plan(
                failure("node", 75.0),
                nodes=2,
                spare_nodes=0,
                repair=replace(repair, crews=crews),
                horizon_us=1400 * SECOND,
            )
        )
        assert [time for kind, time, _ in kinds(trace) if kind == "repaired"][:2] == expected


def test_a_run_that_makes_no_way_is_given_up() -> None:
    phases = (replace(plan().phases[0], steps=6),)
    hopeless = plan(failure("hang", 30.0, component="job", replaces=False), phases=phases, horizon_us=None)
    with pytest.raises(SimulationError, match="horizon"):
        simulate_run(hopeless)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'eager'"):
        simulate_run(plan(), "eagre")


def two_lives(**changes: object) -> RunTrace:
    """Two nodes for one job, each of which fails after 75 s of work and is away for 1,000 s."""
    base = plan(failure("node", 75.0), horizon_us=2000 * SECOND)
    away = replace(base.repair, automatic=RepairStage(time=Law(mean_s=1000.0), success=1.0))
    return simulate_run(replace(base, repair=away, recovery=replace(base.recovery, **changes)))  # type: ignore[arg-type]


def test_a_stalled_job_restarts_with_the_first_node_unless_it_waits_for_more() -> None:
    for asked, returns in ((None, 0), (1, 0), (2, 1), (9, 1)):
        trace = two_lives(resume_when_idle=asked)
        stalled = next(event.time_us for event in trace.events if event.kind == "stall")
        back = [event.time_us for event in trace.events if event.kind == "repaired"]
        waited = next(s for s in trace.segments if s.state == "wait_for_node")
        last = [s for s in trace.segments if s.state == "wait_for_node" and s.event == waited.event][-1]
        assert (waited.start_us, last.end_us) == (stalled, back[returns])


def test_hosts_are_selected_at_the_start_and_after_a_stall_only() -> None:
    spent = [s for s in states(two_lives(select_host=Law(mean_s=2.0))) if s[0] == "schedule"]
    assert [(start, duration) for _, start, _, duration in spent][:2] == [(0, 2), (1082, 2)]


def test_a_stall_cannot_wait_for_fewer_nodes_than_the_job_has() -> None:
    with pytest.raises(ScenarioError, match="resume_when_idle: got 3; expected at least 4"):
        simulate_run(plan(nodes=4, recovery=RecoveryPlan(resume_when_idle=3)))
