"""Checkpoint tiers by hand: what each failure leaves, what is lost, and from where the job is restored."""

from dataclasses import replace

import pytest

from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import AgeBatch, CheckpointPlan, FailureClass, Law, RunPlan, Silent, Tier
from sim.reliability.replay.records import Logged, Replay
from tests.engine.test_run_recovery import SECOND, failure, lost_s, plan
from tests.validation.test_reliability_oracles import MINUTE, job_plan
from tests.validation.test_saving_oracles import two_levels

NODES, SPARES, LIFE_S = 4, 4, 10_000.0


def memory(**changes: object) -> Tier:
    """Host memory: blocks 1 s, durable after 3 s, restored in 2 s; a node's part is on the next one too."""
    base = Tier(
        name="host-memory",
        block_us=SECOND,
        durable_after_us=3 * SECOND,
        restore_us=2 * SECOND,
        local=True,
        copies=1,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


GPU = memory(name="gpu", local=False, copies=0, volatile=True)


def store(*faster: Tier, every: int = 2) -> CheckpointPlan:
    """A checkpoint every 50 s of steps; the store blocks 2 s, is durable after 6 s and restored in 4 s."""
    return CheckpointPlan(
        interval_us=50 * SECOND,
        block_us=2 * SECOND,
        durable_after_us=6 * SECOND,
        restore_us=4 * SECOND,
        every=every,
        faster=faster,
    )


def tiered(*causes: FailureClass, saves: CheckpointPlan, old: tuple[int, ...] = (), at_s: float = 0.0) -> RunPlan:
    """Four nodes of a job; nodes that are old fail at at_s."""
    ages = tuple(AgeBatch(nodes=1, age_s=LIFE_S - at_s if node in old else 0.0) for node in range(NODES + SPARES))
    return plan(*causes, nodes=NODES, spare_nodes=SPARES, checkpoint=saves, ages=ages if old else ())


def process_fails(at_s: float, saves: CheckpointPlan, mode: str = "requeue") -> RunTrace:
    base = tiered(failure("crash", at_s, component="job", replaces=False), saves=saves)
    horizon_us = round((at_s + 20) * SECOND)
    return simulate_run(replace(base, horizon_us=horizon_us, recovery=replace(base.recovery, mode=mode)))


def nodes_fail(at_s: float, saves: CheckpointPlan, *nodes: int) -> RunTrace:
    base = tiered(failure("host", LIFE_S), saves=saves, old=nodes, at_s=at_s)
    return simulate_run(replace(base, horizon_us=round((at_s + 30) * SECOND)))


def restored_s(trace: RunTrace) -> list[float]:
    return [row.duration_us / SECOND for row in trace.segments if row.state == "restore"]


# Checkpoint 1 begins at 50 s, in memory alone; checkpoint 2 at 101 s blocks until 103, is in memory at 104 and in the
# store at 107.


@pytest.mark.parametrize(
    ("at_s", "lost", "restore"),
    [
        (40.0, 40.0, 4.0),  # before the first checkpoint: the initial state
        (50.5, 50.0, 4.0),  # during the first save
        (52.0, 51.0, 4.0),  # during its flush
        (60.0, 9.0, 2.0),
        (102.0, 50.0, 2.0),  # during a save
        (103.5, 50.5, 2.0),  # during the flush to memory
        (105.0, 2.0, 2.0),  # during the flush to the store
        (130.0, 27.0, 2.0),
    ],
)
def test_a_process_that_fails_is_restored_from_the_newest_checkpoint_in_memory(
    at_s: float, lost: float, restore: float
) -> None:
    trace = process_fails(at_s, store(memory()))
    assert lost_s(trace) == [lost]
    assert restored_s(trace) == [restore]


@pytest.mark.parametrize(("at_s", "lost", "restore"), [(60.0, 59.0, 4.0), (106.0, 103.0, 4.0), (108.0, 5.0, 4.0)])
def test_what_gpus_hold_dies_with_the_processes_and_the_store_falls_back_to_what_it_has(
    at_s: float, lost: float, restore: float
) -> None:
    trace = process_fails(at_s, store(GPU))
    assert (lost_s(trace), restored_s(trace)) == ([lost], [restore])


def test_what_gpus_hold_lives_on_where_processes_do() -> None:
    trace = process_fails(60.0, store(GPU), "in-process")
    assert (lost_s(trace), restored_s(trace)) == ([9.0], [2.0])


@pytest.mark.parametrize(
    ("nodes", "tier", "lost", "restore"),
    [
        ((0,), memory(), 9.0, 2.0),  # from the copy of its peer
        ((0, 2), memory(), 9.0, 2.0),
        ((0, 1), memory(), 59.0, 4.0),  # its peer is gone too
        ((0, 1), memory(apart=2), 9.0, 2.0),
        ((0, 2), memory(apart=2), 59.0, 4.0),
        ((0, 1), memory(copies=2), 9.0, 2.0),
        ((0,), memory(copies=0), 59.0, 4.0),
    ],
)
def test_a_node_is_restored_from_a_copy_that_lives_and_else_from_the_store(
    nodes: tuple[int, ...], tier: Tier, lost: float, restore: float
) -> None:
    trace = nodes_fail(60.0, store(tier), *nodes)
    assert (lost_s(trace), restored_s(trace)) == ([lost], [restore])


def test_a_node_that_fails_during_a_restore_takes_the_memory_along_and_the_store_is_read() -> None:
    # The process fails at 60 and reads memory from 68 (detect 5, initialize 3); the node fails at 69 by the calendar.
    crash = failure("crash", 60.0, component="job", replaces=False)
    base = tiered(crash, failure("host", LIFE_S), saves=store(memory(copies=0)), old=(0,), at_s=69.0)
    trace = simulate_run(replace(base, failure_clock="calendar", horizon_us=100 * SECOND))
    assert restored_s(trace) == [1.0, 4.0]
    assert sum(lost_s(trace)) == 59.0


@pytest.mark.parametrize(("keep", "restore"), [(1, 4.0), (2, 2.0), (0, 2.0)])
def test_memory_that_keeps_one_checkpoint_cannot_go_back_beyond_a_corruption(keep: int, restore: float) -> None:
    # Corrupt from 60 on, found at 110; checkpoint 2, begun at 102, is bad.
    corrupt = replace(
        failure("sdc", 60.0, component="job", replaces=False), silent=Silent(found_after=Law(mean_s=50.0))
    )
    base = tiered(corrupt, saves=store(memory(keep=keep), every=1))
    trace = simulate_run(replace(base, horizon_us=130 * SECOND))
    assert lost_s(trace) == [56.0]
    assert restored_s(trace) == [restore]


def test_a_planned_stop_saves_in_all_tiers_and_reads_the_fastest() -> None:
    stop = replace(failure("update", 55.0, component="job", replaces=False), planned=Law())
    trace = simulate_run(replace(tiered(stop, saves=store(memory())), horizon_us=90 * SECOND))
    down = [(row.state, row.start_us // SECOND, row.end_us // SECOND) for row in trace.segments if row.event >= 0]
    # The step ends at 61; the store holds all of it 6 s later.
    assert down[:4] == [("drain", 61, 67), ("initialize", 67, 70), ("restore", 70, 72), ("warm_up", 72, 73)]
    assert lost_s(trace) == []


def maintained(blames_right: float, *causes: FailureClass, on_failure: str = "restart") -> RunTrace:
    """A node's maintenance is due at 55 s, and lasts 10."""
    due = failure("maintenance", LIFE_S, replaces=False)
    due = replace(due, planned=Law(mean_s=10.0), logged=(Logged(55 * SECOND, 0),))
    base = tiered(due, *causes, saves=store(memory()), old=(0,), at_s=55.0)
    base = replace(base, failure_clock="calendar", replay=Replay(end_us=120 * SECOND, then="nothing"))
    recovery = replace(base.recovery, blames_right=blames_right, on_failure=on_failure)
    return simulate_run(replace(base, recovery=recovery, horizon_us=120 * SECOND))


def test_nobody_is_blamed_for_a_planned_stop() -> None:
    trace = maintained(0.0)
    assert trace == maintained(1.0)
    assert [stay.place for stay in trace.stays if stay.node == 0] == ["job", "maintenance", "spare"]
    assert not any(stay.place == "repair" for stay in trace.stays)


def test_a_failure_before_a_planned_stop_takes_it_along_also_where_recoveries_queue() -> None:
    # The stop is due at 55 and waits for the end of a step at 61; the job crashes at 58.
    for on_failure in ("restart", "queue"):
        trace = maintained(1.0, failure("crash", 58.0, component="job", replaces=False), on_failure=on_failure)
        assert [stay.place for stay in trace.stays if stay.node == 0] == ["job", "maintenance", "spare"]
        assert not any(row.state == "drain" for row in trace.segments)


def test_a_node_that_breaks_while_it_waits_for_maintenance_is_repaired_for_what_broke() -> None:
    # All work is saved from 61 to 67; the node breaks at 64, by a clock of the same age as that of its maintenance.
    trace = maintained(1.0, failure("host", LIFE_S + 9.0))
    broke = next(event for event in trace.events if event.kind == "failure")
    assert broke.time_us == 64 * SECOND
    stay = next(stay for stay in trace.stays if stay.place == "repair")
    assert (stay.node, stay.cause, stay.event) == (0, "host", broke.event)


def test_a_stage_that_fails_is_tried_again_for_as_long() -> None:
    base = tiered(failure("crash", 60.0, component="job", replaces=False), saves=store(memory()))
    recovery = replace(base.recovery, success={"restore": 0.3})
    spent = [
        restored_s(simulate_run(replace(base, recovery=recovery, seed=seed, horizon_us=110 * SECOND)))[0]
        for seed in range(12)
    ]
    assert {2.0} < {*spent}
    assert all(each % 2.0 == 0 for each in spent)


def test_an_adaptive_interval_nears_the_optimum_of_the_failures_it_meets() -> None:
    # The first is 1 h; once in 180 min and 2 min of block, Young's is 26.8 min and the exact one 26.1 min.
    base = job_plan(mtbf=180, recovery=10, every=60, block=2, horizon=40_000, seed=3)
    trace = simulate_run(replace(base, checkpoint=replace(base.checkpoint, adaptive=True)))
    late = [row for row in trace.segments if row.start_us > trace.end_us // 2]
    stepped = sum(row.duration_us for row in late if row.state == "step") / MINUTE
    blocked = sum(row.duration_us for row in late if row.state == "checkpoint") / MINUTE
    # What a failure cuts short saves nothing, so that there is more to step for each checkpoint than its interval.
    assert 26.0 < stepped / (blocked / 2.0) < 1.25 * 26.8


def test_two_levels_beat_one_where_most_failures_leave_memory_alone() -> None:
    def minutes(seed: int, *, levels: int) -> float:
        both = two_levels(seed, 6_000.0)
        alone = replace(both.checkpoint, faster=(), every=1)
        return simulate_run(both if levels == 2 else replace(both, checkpoint=alone)).end_us / MINUTE

    two, one = (sum(minutes(seed, levels=levels) for seed in range(8)) for levels in (2, 1))
    assert two < 0.97 * one
