"""What holds of every run, whatever its plan."""

from collections import Counter, defaultdict
from dataclasses import replace

from hypothesis import given, settings

from sim.engine.run import simulate_run
from sim.ledger.time.trace import JOB_STATES, OUTSIDE_STATES, RunTrace
from sim.reliability.records import RunPlan
from tests.engine.run_plans import run_plans

SOME = settings(max_examples=80, deadline=None)


@given(run_plans())
@SOME
def test_segments_cover_the_run_without_gap_or_overlap(plan: RunPlan) -> None:
    trace = simulate_run(plan, "dormant")
    spans: dict[tuple[int, int], int] = defaultdict(int)
    for segment in trace.segments:
        assert segment.state in ("step", *JOB_STATES)
        assert segment.duration_us > 0
        spans[segment.start_us, segment.end_us] += segment.duration_us
    now = 0
    for (start, end), duration in spans.items():
        assert start == now
        assert duration == end - start
        now = end
    assert now == trace.end_us


@given(run_plans())
@SOME
def test_every_node_is_somewhere_at_every_moment(plan: RunPlan) -> None:
    trace = simulate_run(plan, "dormant")
    now = Counter[int]()
    for stay in sorted(trace.stays, key=lambda stay: (stay.node, stay.start_us)):
        assert stay.place in ("job", *OUTSIDE_STATES)
        assert stay.start_us == now[stay.node] < stay.end_us
        now[stay.node] = stay.end_us
    assert {now[node] for node in range(plan.nodes + plan.spare_nodes)} == {trace.end_us}


@given(run_plans())
@SOME
def test_nodes_in_the_job_by_segments_are_nodes_in_the_job_by_stays(plan: RunPlan) -> None:
    trace = simulate_run(plan, "dormant")
    by_segments = sum(segment.duration_us * segment.nodes for segment in trace.segments)
    assert by_segments == sum(stay.end_us - stay.start_us for stay in trace.stays if stay.place == "job")
    assert all(segment.nodes == plan.nodes for segment in trace.segments if segment.state in ("step", "checkpoint"))


def step_us(trace: RunTrace, phase: int) -> int:
    """Step time of a phase."""
    return sum(s.duration_us for s in trace.segments if s.state == "step" and s.phase == phase)


def reversed_us(trace: RunTrace, phase: int) -> int:
    """Step time of a phase that was taken back."""
    return sum(r.duration_us for r in trace.reversals if r.phase == phase)


@given(run_plans())
@SOME
def test_steps_and_their_time_are_retained_lost_or_in_flight(plan: RunPlan) -> None:
    trace = simulate_run(plan, "dormant")
    retained_us = 0
    for index, phase in enumerate(plan.phases):
        counts = (trace.retained_steps[index], trace.lost_steps[index], trace.in_flight_steps[index])
        assert all(count >= 0 for count in counts)
        assert sum(counts) == trace.processed_steps[index]
        kept_us = step_us(trace, index) - reversed_us(trace, index)
        retained_us += kept_us
        # Whole steps, and where the work or the horizon ended within one, a part of another.
        assert 0 <= kept_us - trace.retained_steps[index] * phase.step_time_us < phase.step_time_us
        assert phase.steps is None or trace.retained_steps[index] <= phase.steps
    if trace.complete and plan.work_us is not None:
        total = [phase.steps and phase.steps * phase.step_time_us for phase in plan.phases]
        assert retained_us == min([plan.work_us, *([sum(t or 0 for t in total)] if None not in total else [])])


@given(run_plans())
@SOME
def test_a_loss_is_at_most_the_time_since_the_checkpoint_that_is_restored(plan: RunPlan) -> None:
    trace = simulate_run(plan, "dormant")
    loss = Counter[int]()
    for reversal in trace.reversals:
        assert reversal.duration_us > 0
        loss[reversal.event] += reversal.duration_us
        assert loss[reversal.event] <= reversal.time_us - reversal.since_us
        kinds = ("failure", "found") if reversal.state == "lost_work" else ("horizon",)
        assert trace.events[reversal.event].kind in kinds
    if not any(event.interrupted or event.kind == "found" for event in trace.events):
        assert sum(trace.lost_steps) == 0


@given(run_plans())
@SOME
def test_events_are_in_order_and_every_failure_is_accounted_for(plan: RunPlan) -> None:
    trace = simulate_run(plan, "dormant")
    assert [event.event for event in trace.events] == list(range(len(trace.events)))
    times = [event.time_us for event in trace.events]
    assert times == sorted(times)
    ordinals = Counter[tuple[str, int]]()
    for event in trace.events:
        if event.kind == "failure":
            assert event.ordinal == ordinals[event.cause, event.component_index]
            ordinals[event.cause, event.component_index] += 1
    ends = [s for s in trace.segments if s.state in ("step", "checkpoint", "drain")]
    stopped = {segment.end_us for segment in ends} | {segment.start_us for segment in ends} | {0}
    # A job that fails in the microsecond in which it restarts has not stepped.
    stopped |= {event.time_us for event in trace.events if event.kind == "restart"}
    unplanned = [event for event in trace.events if event.interrupted and event.kind != "planned"]
    assert all(event.time_us in stopped for event in unplanned)
    drained = {segment.event for segment in trace.segments if segment.state == "drain"}
    stops = [event for event in trace.events if event.interrupted and event.kind == "planned"]
    assert not plan.checkpoint.durable_after_us or not stops or drained
    last = trace.events[-1].kind
    assert sum(event.kind in ("complete", "horizon", "aborted") for event in trace.events) == 1
    assert last in ("complete", "horizon", "aborted")
    assert (trace.end_us == plan.horizon_us) or trace.complete or last == "aborted"


@given(run_plans())
@SOME
def test_no_failures_means_no_losses_and_no_moves(plan: RunPlan) -> None:
    recovery = replace(plan.recovery, detect_by_cause={})
    trace = simulate_run(replace(plan, failures=(), recovery=recovery), "dormant")
    assert sum(trace.lost_steps) == 0
    assert {stay.place for stay in trace.stays} <= {"job", "spare"}
    assert len(trace.stays) == plan.nodes + plan.spare_nodes


@given(run_plans())
@settings(max_examples=50, deadline=None)
def test_the_same_plan_gives_the_same_trace(plan: RunPlan) -> None:
    assert simulate_run(plan) == simulate_run(plan)
