"""The steps of an elastic job of a model with blocks of its replicas out, simulated as those of the whole one."""

from functools import cache
from typing import Any

import pytest

from sim.errors import ScenarioError
from sim.scenario import load_scenario
from sim.simulate import Prepared, prepare
from sim.steps.shrunken import Shrinking, shrunken_step
from tests.steps.jobs import EVEN, RECOVERY, prepared


@cache
def job() -> Prepared:
    return prepared()


def shrinking(of: Prepared) -> Shrinking:
    assert of.shrinking is not None
    return of.shrinking


def test_replicas_of_a_model_are_blocks_of_nodes_and_as_few_as_fit_may_be_left() -> None:
    plan = shrinking(job()).plan
    assert plan.blocks == ((0, 4), (1, 5), (2, 6), (3, 7))
    assert (plan.replicas, plan.min_replicas) == (8, 2)


def test_with_all_blocks_left_the_step_is_the_usual_one_bit_for_bit() -> None:
    ready = job()
    again = shrunken_step(ready.scenario, ready.machine, ready.steps[0], shrinking(ready).plan.blocks, 4)  # type: ignore[arg-type]
    assert again.profile == ready.steps[0].profile
    assert again.built.plan == ready.steps[0].built.plan


def test_a_step_of_three_quarters_is_that_of_a_job_of_so_many_replicas_at_their_microbatches() -> None:
    # 64 microbatches over 6 replicas: four run 11, two run 10. A job of six whose replicas all run 11 takes as long.
    ready = prepared(cluster__nodes=6, training__global_batch=66, recovery__mode="requeue")
    shrunk = shrinking(job()).steps_with(1)[0].profile
    assert shrunk.step_time_ns == pytest.approx(ready.steps[0].profile.step_time_ns, rel=2e-3)
    assert (shrunk.gpus, shrunk.tokens) == (48, job().steps[0].profile.tokens)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_step_keeps_its_tokens_and_its_useful_work_and_its_states_sum(lost: int) -> None:
    whole, shrunk = (shrinking(job()).steps_with(blocks)[0].profile for blocks in (0, lost))
    assert shrunk.tokens == whole.tokens
    assert sum(shrunk.state_ns.values()) == shrunk.stages * shrunk.step_time_ns
    useful = [
        each.state_ns["compute_ideal"] * each.gpus * other.stages for each, other in ((whole, shrunk), (shrunk, whole))
    ]
    assert useful[0] == useful[1]
    assert shrunk.executed_flops == pytest.approx(whole.executed_flops)
    assert shrunk.memory[0].optimizer >= whole.memory[0].optimizer


def test_fewer_replicas_take_longer_but_less_than_in_proportion_as_the_bubble_stays() -> None:
    steps = [shrinking(job()).steps_with(lost)[0].profile.step_time_ns for lost in range(4)]
    assert steps == sorted(set(steps))
    for lost, step_ns in enumerate(steps):
        more = -(-64 // (8 - 2 * lost)) / 8
        assert step_ns < steps[0] * more or lost == 0


def test_shards_of_the_optimizer_grow_as_replicas_leave() -> None:
    ready = prepared(parallelism__sharding="zero1")
    whole, half = (shrinking(ready).steps_with(lost)[0].profile.memory[0] for lost in (0, 2))
    assert half.optimizer == pytest.approx(2 * whole.optimizer)


def test_a_replica_whose_gpus_are_slow_holds_up_those_that_are_left() -> None:
    slow = {**EVEN, "slow_nodes": [{"node": 0, "factor": 1.2}]}
    even, held_up = (shrinking(each).steps_with(1)[0].profile for each in (job(), prepared(cluster__speed=slow)))
    assert even.state_ns["straggler"] == 0 < held_up.state_ns["straggler"]
    assert held_up.step_time_ns > even.step_time_ns


def test_more_replicas_than_fit_are_asked_for_by_name() -> None:
    # Interleaved orders of 17 to 31 microbatches on 16 stages are one long group, which keeps more activations.
    with pytest.raises(
        ScenarioError, match=r"min_replicas: got 64; expected at least 80 of 128: with 79 of 128 replica"
    ):
        prepare(load_scenario("llama3-405b-54d", ['recovery.mode="elastic"', "recovery.min_replicas=64"]))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"recovery": {**RECOVERY, "replicas": 8}},
            r"recovery.replicas: got 8, but the replicas of a \[model\] are those",
        ),
        ({"recovery": {**RECOVERY, "min_replicas": 9}}, "min_replicas: got 9; expected 1 to 8, the replicas"),
        ({"parallelism": {"tensor": 8, "pipeline": 8}}, "nothing to leave out"),
    ],
)
def test_a_model_that_cannot_shrink_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        prepared(**changes)


MIXTURE = {
    "layers": 8,
    "hidden": 2048,
    "heads": 16,
    "kv_heads": 8,
    "head_dim": 128,
    "attention": "gqa",
    "vocab": 32000,
    "ffn_hidden": 5632,
    "gated_ffn": True,
    "tied_embeddings": False,
    "experts": 16,
    "experts_per_token": 2,
    "expert_ffn_hidden": 1024,
}


@pytest.mark.parametrize(
    ("blocks", "changes"),
    [
        (4, {"parallelism": {"tensor": 4, "pipeline": 2, "sharding": "zero3"}}),
        (4, {"parallelism": {"tensor": 4, "pipeline": 2, "schedule": {"kind": "zb-1p"}}}),
        (2, {"parallelism": {"tensor": 4, "pipeline": 1, "sharding": "hsdp", "shard": 8}}),
        (8, {"model": MIXTURE, "parallelism": {"tensor": 1, "pipeline": 1, "expert": 8}}),
        (4, {"model": MIXTURE, "parallelism": {"tensor": 1, "pipeline": 1, "expert": 16}}),
    ],
)
def test_whatever_ties_replicas_what_is_left_keeps_tokens_and_useful_work(blocks: int, changes: dict[str, Any]) -> None:
    ready = prepared(**changes)
    assert len(shrinking(ready).plan.blocks) == blocks
    whole, shrunk = (shrinking(ready).steps_with(lost)[0].profile for lost in (0, 1))
    assert shrunk.gpus == whole.gpus * (blocks - 1) // blocks
    assert sum(shrunk.state_ns.values()) == shrunk.stages * shrunk.step_time_ns
    useful = [each.state_ns["compute_ideal"] * each.gpus for each in (whole, shrunk)]
    assert useful[0] * shrunk.stages == useful[1] * whole.stages
    assert (shrunk.tokens, shrunk.step_time_ns > whole.step_time_ns) == (whole.tokens, True)


def test_a_schedule_that_cannot_run_so_many_microbatches_cannot_shrink() -> None:
    with pytest.raises(ScenarioError, match=r"cannot leave anything out.* 11 microbatches each, .*even number"):
        prepared(parallelism={"tensor": 4, "pipeline": 2, "schedule": {"kind": "dualpipe", "chunks": 2}})
