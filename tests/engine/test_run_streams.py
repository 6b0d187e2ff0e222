"""Failures are exogenous: policies, spares and sizes do not move them."""

from dataclasses import replace

from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.examples import run_plan
from sim.reliability.plan import planned_us
from sim.reliability.records import AgeBatch, Law, Lemons, RunPlan
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


def lengths(plan: RunPlan) -> dict[Key, int]:
    """How long each life lasted on a calendar clock: from the renewal of its component, or the start."""
    replaced = {failure.cause for failure in plan.failures if failure.replace}
    found: dict[Key, int] = {}
    begun: dict[tuple[str, int], int] = {}
    broken: dict[int, list[tuple[str, int]]] = {}
    for event in simulate_run(plan).events:
        key = (event.cause, event.component_index)
        if event.kind == "failure":
            found[*key, event.ordinal] = event.time_us - begun.get(key, 0)
            begun[key] = event.time_us
            if event.cause in replaced:
                broken.setdefault(event.node, []).append(key)
        elif event.kind == "repaired":
            # Whatever broke in a node is new when the node returns.
            begun |= dict.fromkeys(broken.pop(event.node, ()), event.time_us)
    return found


def test_the_kth_life_of_a_component_lasts_as_long_whatever_the_policy_spares_or_size() -> None:
    lemons = Lemons(fraction=0.05, factor=30.0)
    causes = tuple(
        replace(
            cause,
            life=replace(cause.life, kind="weibull", mean_s=cause.life.mean_s / 8, shape=1.4),
            replace=position % 2 == 0,
            lemons=lemons,
        )
        for position, cause in enumerate(small().failures)
        if cause.component != "job"
    )
    ages = (AgeBatch(nodes=300, age_s=0.0), AgeBatch(nodes=228, age_s=15 * 86_400.0))
    plan = replace(small(), failures=causes, ages=ages)
    base = lengths(plan)
    others = [
        replace(plan, spare_nodes=40, ages=(*ages, AgeBatch(nodes=24, age_s=86_400.0))),
        replace(plan, nodes=600, ages=(*ages, AgeBatch(nodes=88, age_s=0.0))),
        replace(plan, checkpoint=replace(plan.checkpoint, interval_us=3 * 3_600_000_000)),
        replace(plan, recovery=replace(plan.recovery, on_failure="queue", rework=False, detect=Law(mean_s=900.0))),
        replace(plan, repair=replace(plan.repair, crews=1)),
    ]
    later = {key for key in base if key[2] > 0}
    assert len(later) > 30
    for other in others:
        found = lengths(other)
        shared = base.keys() & found.keys()
        assert len(shared) > 0.7 * len(base)
        assert len(shared & later) > 10
        assert {key: found[key] for key in shared} == {key: base[key] for key in shared}
