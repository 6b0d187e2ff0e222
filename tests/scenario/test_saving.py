"""Checkpoint tiers, interval policies, late and planned failures of a scenario: what they resolve to, and errors."""

import pytest

from sim.errors import InputError
from sim.scenario import load_scenario
from sim.simulate import prepare, run_plan

TIERS = 'checkpoint.tiers=[{kind="host-memory", replicas=1}, {kind="remote", every=4, keep=3}]'


def plan_of(*overrides: str) -> object:
    scenario = load_scenario("tiny", overrides)
    prepared = prepare(scenario)
    return run_plan(scenario, prepared.steps, prepared.machine)


def test_a_tier_in_host_memory_blocks_for_the_copy_and_is_durable_with_its_replica() -> None:
    checkpoint = plan_of(TIERS).checkpoint  # type: ignore[attr-defined]
    (host,) = checkpoint.faster
    assert (host.name, host.local, host.copies, host.volatile) == ("host-memory", True, 1, False)
    assert host.block_us == checkpoint.block_us < host.durable_after_us < checkpoint.durable_after_us
    assert (checkpoint.every, checkpoint.keep, host.every) == (4, 3, 1)


def test_training_waits_for_a_synchronous_tier_until_it_is_durable() -> None:
    (host,) = plan_of(TIERS, "checkpoint.asynchronous=false").checkpoint.faster  # type: ignore[attr-defined]
    (beside,) = plan_of(TIERS).checkpoint.faster  # type: ignore[attr-defined]
    assert host.block_us == host.durable_after_us == beside.durable_after_us > beside.block_us


def test_an_increment_is_written_and_the_whole_is_read() -> None:
    whole = plan_of(TIERS).checkpoint.faster[0]  # type: ignore[attr-defined]
    part = plan_of(TIERS.replace("replicas=1", "replicas=1, incremental=0.25")).checkpoint.faster[0]  # type: ignore[attr-defined]
    assert part.block_us == pytest.approx(whole.block_us / 4, abs=1)
    assert part.restore_us == whole.restore_us


def test_an_interval_in_steps_is_that_of_the_main_phase() -> None:
    plan = plan_of('checkpoint.interval={kind="steps", steps=100}')
    assert plan.checkpoint.interval_us == 100 * plan.phases[1].step_time_us  # type: ignore[attr-defined]


def test_an_interval_that_no_clock_holds_is_refused() -> None:
    plan_of('checkpoint.interval={kind="steps", steps=1000000000}')
    with pytest.raises(InputError, match=r"checkpoint.interval: kind 'steps' got .* s between .* at most 100000 y$"):
        plan_of('checkpoint.interval={kind="steps", steps=100000000000000}')


def test_two_levels_take_the_stores_share_from_what_the_fast_tier_survives() -> None:
    tiers = 'checkpoint.tiers=[{kind="host-memory", block="1 s", durable_after="1 s", restore="2 s"}, {kind="remote"}]'
    store = "checkpoint.block=5 s", "checkpoint.durable_after=9 s"
    plan = plan_of('checkpoint.interval={kind="two-level"}', tiers, *store)
    # 16 links in 20 d and the software in 10 h leave it alone, 16 GPUs in 8 d do not: sqrt(4 x 3.7 / 2.3) = 2.5.
    assert plan.checkpoint.every == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ('checkpoint.tiers=[{kind="host-memory"}]', "no 'remote'"),
        ('checkpoint.tiers=[{kind="hostmemory"}, {kind="remote"}]', "did you mean 'host-memory'"),
        ('checkpoint.tiers=[{kind="remote"}, {kind="remote"}]', "each kind once"),
        (
            'checkpoint.tiers=[{kind="host-memory", every=2}, {kind="remote", every=2}]',
            "no tier takes every checkpoint",
        ),
        ('checkpoint.tiers=[{kind="nvme"}, {kind="remote"}]', "no bandwidth of a node's disks"),
        ('checkpoint.tiers=[{kind="remote", replicas=2}]', "replicas of the store is not read"),
        ('checkpoint.tiers=[{kind="host-memory", apart=2}, {kind="remote"}]', "there are no replicas"),
        ('checkpoint.interval={kind="steps"}', "needs steps, such as 100"),
        ('checkpoint.interval={kind="adaptive"}', "needs every"),
        ('checkpoint.interval={kind="two-level"}', "needs two checkpoint.tiers"),
        ('checkpoint.interval={kind="dally"}', "did you mean 'daly'"),
        ("recovery.rejoin=1 s", "expected none, or mode 'in-process'"),
        ("recovery.success={initialise=0.5}", "did you mean 'initialize'"),
        ("recovery.success={initialize=0}", "never pass"),
        ('failures.causes=[{component="gpu",name="a",kind="exponential",mean="9 d",recall=0.5}]', "or neither"),
        (
            'failures.causes=[{component="job",name="a",kind="constant",mean="9 d",planned="1 h"}]',
            "no node away",
        ),
    ],
)
def test_what_makes_no_sense_is_named(override: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        load_scenario("tiny", [override, "recovery.detect_by_cause={}"])
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
