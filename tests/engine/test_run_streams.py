"""Failures are exogenous: policies, spares and sizes do not move them."""

from dataclasses import replace

from sim.engine.run import simulate_run
from sim.ledger.trace import RunTrace
from sim.reliability.examples import run_plan
from sim.reliability.plan import planned_us
from sim.reliability.records import Law, RunPlan
from tests.engine.run_cases import DAY_US, llama_plan

Key = tuple[str, int, int]


def small(seed: int = 3, *, clock: str = "calendar") -> RunPlan:
    """A few days of a few hundred nodes."""
    return llama_plan(nodes=512, spare_nodes=16, days=20, clock=clock, seed=seed)


def failures(trace: RunTrace) -> dict[Key, int]:
    """When each life ended: (cause, component, ordinal) -> time."""
    return {
        (event.cause, event.component_index, event.ordinal): event.time_us
        for event in trace.events
        if event.kind == "failure"
    }


def test_a_different_seed_gives_a_different_trace() -> None:
    assert simulate_run(small(1)) != simulate_run(small(2))


def test_calendar_first_failures_do_not_move_with_spares_or_policy() -> None:
    base = failures(simulate_run(small()))
    others = [
        replace(small(), spare_nodes=40),
        replace(small(), checkpoint=replace(small().checkpoint, interval_us=3 * 3_600_000_000)),
        replace(small(), recovery=replace(small().recovery, on_failure="queue", rework=False)),
        replace(small(), repair=replace(small().repair, crews=1)),
    ]
    first = {key: time for key, time in base.items() if key[2] == 0}
    assert len(first) > 30
    for other in others:
        moved = {key: time for key, time in failures(simulate_run(other)).items() if key in first}
        assert moved == first


def test_the_kth_life_of_the_job_does_not_move_with_its_size() -> None:
    base, more = failures(simulate_run(small())), failures(simulate_run(replace(small(), nodes=700)))
    software = {key: time for key, time in base.items() if key[0] == "Software Bug"}
    assert len(software) > 10
    assert {key: more[key] for key in software} == software


def test_a_longer_horizon_continues_the_same_run() -> None:
    short, long = simulate_run(small()), simulate_run(replace(small(), horizon_us=25 * DAY_US))
    assert short.events[:-1] == long.events[: len(short.events) - 1]


def test_a_longer_interval_loses_more_work_and_blocks_less() -> None:
    def totals(every_min: int) -> tuple[int, int]:
        trace = simulate_run(llama_plan(days=10, every_min=every_min, seed=4), "dormant")
        lost = sum(r.duration_us for r in trace.reversals if r.state == "lost_work")
        return lost, sum(s.duration_us for s in trace.segments if s.state == "checkpoint")

    (lost_10, blocked_10), (lost_20, blocked_20) = totals(10), totals(20)
    assert lost_20 > 1.5 * lost_10
    assert blocked_20 < 0.6 * blocked_10


def test_the_modes_agree_at_full_size() -> None:
    plan = llama_plan(days=20, seed=5)
    assert simulate_run(plan, "eager") == simulate_run(plan, "dormant")
    operating = replace(plan, failure_clock="operating")
    assert simulate_run(operating, "eager") == simulate_run(operating, "dormant")


def test_without_a_horizon_first_failures_are_found_however_long_the_run() -> None:
    gpu, software = run_plan().failures
    often = replace(software, life=Law(kind="exponential", mean_s=30.0))
    gpus = replace(gpu, life=Law(kind="uniform", mean_s=5_000.0, shape=1.0))
    checkpoint = replace(run_plan().checkpoint, interval_us=20_000_000)
    plan = replace(run_plan(), failures=(gpus, often), checkpoint=checkpoint)
    trace = simulate_run(plan, "dormant")
    assert trace.complete
    assert trace.end_us > 2 * planned_us(plan)
    late = [e for e in trace.events if e.cause == "gpu" and e.ordinal == 0 and e.time_us > 2 * planned_us(plan)]
    assert late
    assert trace == simulate_run(plan, "eager")
