"""Whole runs: what the published job gives, that numbers move the right way, and that results repeat to the byte."""

from dataclasses import replace
from pathlib import Path

import pytest

from sim.engine.step import simulate_step
from sim.ledger.bill.cost import total_usd, usd_by
from sim.machine import build_machine, placed_ranks
from sim.report.run.answers import run_json
from sim.report.run.results import existing_run, write_run
from sim.scenario import Scenario, load_scenario, scenario_of
from sim.scenario.records import Machines
from sim.simulate import (
    RunResult,
    StepResult,
    prepare,
    reseeded,
    run_id,
    simulate,
    simulate_phase,
    simulate_prepared,
    simulate_step_of,
)
from sim.workload.profile import StepProfile
from sim.workload.stragglers import GRAINS, replica_factors, slowed_plan


@pytest.fixture(scope="module")
def llama() -> RunResult:
    return simulate(load_scenario("llama3-405b"))


@pytest.fixture(scope="module")
def tiny() -> RunResult:
    return simulate(load_scenario("tiny"))


def llama_step(*overrides: str) -> StepResult:
    return simulate_step_of(load_scenario("llama3-405b", list(overrides)))


def hours(result: RunResult, state: str) -> float:
    return result.summary.states[state]


def test_llama_3_step_mfu_is_near_the_published_41_percent(llama: RunResult) -> None:
    assert llama.summary.step_mfu is not None
    assert 0.38 <= llama.summary.step_mfu <= 0.43


LATENT = ("attention=mla", "kv_heads=16", "kv_lora_rank=512", "q_lora_rank=1024", "rope_head_dim=64", "v_head_dim=128")
MIXTURE = ("experts=16", "experts_per_token=2", "expert_ffn_hidden=1024", "dense_layers=1")


@pytest.mark.parametrize(
    ("model", "tensor", "sequence_parallel"),
    [
        ((), 2, True),
        (("kv_heads=1",), 8, True),
        (LATENT, 8, False),
        (LATENT, 8, True),
        (MIXTURE, 8, False),
    ],
)
def test_useful_flop_of_the_waterfall_is_mfu_whatever_ranks_do_alike(
    model: tuple[str, ...], tensor: int, sequence_parallel: bool
) -> None:
    """Copies of key-value heads, latents and routers of tokens that all ranks hold are executed, and no model FLOP."""
    overrides = [f"model.{key}" for key in model]
    overrides += [f"parallelism.tensor={tensor}", f"parallelism.sequence_parallel={str(sequence_parallel).lower()}"]
    profile = simulate_step_of(load_scenario("tiny", overrides)).profile
    assert profile.fraction("compute_ideal") == pytest.approx(profile.mfu, rel=2e-3)
    assert profile.hfu >= profile.mfu * 0.999


def test_half_the_gpus_work_better_by_the_measured_factor() -> None:
    """430 against 400 TFLOP/s a GPU at 8,192 and 16,384 GPUs (arXiv 2407.21783, table 4)."""
    whole = llama_step().profile
    half = llama_step("cluster.nodes=1024", "parallelism.data=64", "cluster.spare_nodes=0").profile
    assert half.mfu / whole.mfu == pytest.approx(1.075, abs=0.03)


def test_long_context_of_llama_3_is_near_the_published_38_percent() -> None:
    """16 context ranks, 131,072 tokens: 380 TFLOP/s a GPU (arXiv 2407.21783, table 4). Nothing was fitted to it."""
    profile = simulate_step_of(load_scenario("llama3-405b"), phase=3).profile
    assert profile.mfu == pytest.approx(0.38, abs=0.03)
    assert profile.hfu == pytest.approx(profile.mfu, rel=1e-3)
    assert profile.fraction("comm_context") > 0.02


def test_llama_3_is_interrupted_419_times_in_54_days_of_job_up_time(llama: RunResult) -> None:
    answer = run_json(llama)
    interruptions = sum(answer["interruptions"].values())
    days = answer["job_up_s"] / 86_400
    assert answer["interruptions_expected"] == pytest.approx(419 * days / 54, rel=1e-9)
    assert abs(interruptions - 419 * days / 54) < 3.5 * (419 * days / 54) ** 0.5
    assert sum(answer["failures"].values()) > interruptions


def test_llama_3_trains_effectively_for_more_than_90_percent_of_its_time(llama: RunResult) -> None:
    assert llama.summary.ettr > 0.90


def test_llama_3_takes_the_gpu_hours_of_its_card_within_5_percent(llama: RunResult) -> None:
    assert llama.summary.job_gpu_hours == pytest.approx(30.84e6, rel=0.05)
    assert llama.summary.complete
    assert llama.summary.tokens is not None
    assert llama.summary.tokens >= 15.6e12


def test_effective_mfu_is_the_product_of_its_factors(llama: RunResult, tiny: RunResult) -> None:
    for summary in (llama.summary, tiny.summary):
        assert summary.step_mfu is not None
        product = summary.step_mfu * summary.goodput * summary.allocation
        assert summary.effective_mfu == pytest.approx(product, rel=1e-12)
        assert sum(summary.waterfall.values()) == pytest.approx(1, abs=1e-12)


def test_the_bill_has_one_total_by_item_state_and_cause(llama: RunResult, tiny: RunResult) -> None:
    for result in (llama, tiny):
        assert result.costs is not None
        sums = {sum(usd_by(result.costs, axis).values()) for axis in ("item", "state", "cause", "phase")}
        assert sums == {total_usd(result.costs)}


def test_half_the_nic_bandwidth_exposes_communication_and_leaves_compute_alone() -> None:
    scenario = load_scenario("llama3-405b")
    node = scenario.machines.node
    slow = replace(node, nic_bandwidth_bytes_per_s=node.nic_bandwidth_bytes_per_s / 2)
    slower = replace(scenario, machines=replace(scenario.machines, node=slow))

    def profile(which: Scenario) -> StepResult:
        assert which.training is not None
        return simulate_phase(which, build_machine(which), which.training.phases[1])

    fast_step, slow_step = profile(scenario).profile, profile(slower).profile
    assert slow_step.state_ns["comm_data"] > fast_step.state_ns["comm_data"]
    assert slow_step.step_time_ns > fast_step.step_time_ns
    for state in ("compute_ideal", "kernel_inefficiency", "recompute", "comm_tensor"):
        assert slow_step.state_ns[state] == fast_step.state_ns[state]


def test_twice_the_failure_rate_interrupts_about_twice_as_often() -> None:
    # With the preset's crews and spares, repair would not keep up with twice the failures and the job would stall.
    enough = ["repair.crews=0", "cluster.spare_nodes=80"]
    once = simulate(load_scenario("llama3-405b-54d", enough))
    twice = simulate(load_scenario("llama3-405b-54d", [*enough, "failures.scale=2"]))
    counts = [sum(result.summary.interruptions.values()) for result in (once, twice)]
    assert 1.6 < counts[1] / counts[0] < 2.2
    assert hours(twice, "lost_work") > hours(once, "lost_work")
    assert twice.summary.goodput < once.summary.goodput


def test_twice_the_checkpoint_interval_loses_more_work_and_checkpoints_less() -> None:
    often = simulate(load_scenario("llama3-405b-54d"))
    interval = 'checkpoint.interval={kind = "fixed", every = "20 min"}'
    seldom = simulate(load_scenario("llama3-405b-54d", [interval]))
    assert hours(seldom, "lost_work") > 1.6 * hours(often, "lost_work")
    assert hours(seldom, "checkpoint") < 0.6 * hours(often, "checkpoint")


def test_checkpoints_every_30_minutes_would_contradict_the_published_90_percent() -> None:
    interval = 'checkpoint.interval={kind = "fixed", every = "30 min"}'
    assert simulate(load_scenario("llama3-405b-54d", [interval])).summary.ettr < 0.90


def test_spares_change_no_failure_of_the_others() -> None:
    few = simulate(load_scenario("llama3-405b-54d", ["cluster.spare_nodes=20"]))
    many = simulate(load_scenario("llama3-405b-54d", ["cluster.spare_nodes=40"]))

    def first(result: RunResult) -> dict[tuple[str, int], int]:
        events = [e for e in result.trace.events if e.kind == "failure" and e.ordinal == 0 and e.node < 2048 + 20]
        return {(e.cause, e.component_index): e.time_us for e in events if e.component != "job"}

    shared = first(few).keys() & first(many).keys()
    assert len(shared) > 300
    assert all(first(few)[key] == first(many)[key] for key in shared)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    def written(name: str, seed: int) -> dict[str, bytes]:
        result = simulate(load_scenario("tiny", [f"run.seed={seed}"]))
        write_run(result, run_json(result), tmp_path / name, force=False)
        return {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}

    once, again, other = written("a", 1), written("b", 1), written("c", 2)
    assert once == again
    assert once["time_ledger.parquet"] != other["time_ledger.parquet"]
    assert once["events.parquet"] != other["events.parquet"]


def test_a_complete_run_is_found_again(tiny: RunResult, tmp_path: Path) -> None:
    answer = run_json(tiny)
    write_run(tiny, answer, tmp_path / "results", force=False)
    assert existing_run(tmp_path / "results", tiny.run_id) == answer
    assert existing_run(tmp_path / "results", "another") is None


def test_a_run_is_named_by_everything_that_determines_it() -> None:
    names = {
        run_id(load_scenario("tiny", overrides))
        for overrides in (
            [],
            ["run.seed=2"],
            ["cluster.spare_nodes=2"],
            ["cost.acquisition=reserved", "cost.prices=2026-rented"],
        )
    }
    assert len(names) == 4


def test_a_study_without_a_model_has_no_mfu_and_no_bill() -> None:
    result = simulate(_without_model())
    answer = run_json(result)
    assert answer["step_mfu"] is None
    assert answer["tokens"] is None
    assert answer["cost_usd"] is None
    assert answer["steps"] > 0
    assert 0 < answer["ettr"] <= 1


def _without_model() -> Scenario:
    return scenario_of(
        {
            "name": "given",
            "training": {"step_time": "10 s"},
            "cluster": {"node": "dgx-h100", "nodes": 16, "spare_nodes": 1},
            "failures": {"preset": "llama3-2024", "scale": 20.0},
            "recovery": {"detect": "2 min", "replace": "5 min", "initialize": "3 min"},
            "repair": {
                "crews": 1,
                "automatic": {"time": "2 h", "success": 0.6},
                "manual": {"time": "1 d", "success": 0.8},
            },
            "checkpoint": {"interval": {"kind": "young"}, "block": "5 s", "durable_after": "20 s", "restore": "10 s"},
            "run": {"horizon": "20 d"},
        },
        "given",
    )


def test_slow_and_throttled_gpus_take_their_own_states_and_leave_the_others() -> None:
    def profile(*overrides: str) -> StepProfile:
        return llama_step(*overrides).profile

    even = profile("cluster.speed.distribution=none")
    slow = profile("cluster.speed.distribution=none", "cluster.speed.slow_nodes=[{node = 17, factor = 1.2}]")
    hot = profile("cluster.speed.throttle={fraction = 0.02, factor = 1.15}")
    usual = profile()
    assert even.state_ns["straggler"] == even.state_ns["throttle"] == 0
    assert slow.state_ns["throttle"] == usual.state_ns["throttle"] == 0
    assert slow.state_ns["straggler"] == slow.stages * (slow.step_time_ns - even.step_time_ns) > 0
    assert hot.state_ns["straggler"] == usual.state_ns["straggler"] > 0
    assert hot.state_ns["throttle"] == hot.stages * (hot.step_time_ns - usual.step_time_ns) > 0
    for each in (even, slow, hot, usual):
        assert sum(each.state_ns.values()) == each.stages * each.step_time_ns
        assert {k: v for k, v in each.state_ns.items() if k not in ("straggler", "throttle")} == {
            k: v for k, v in even.state_ns.items() if k not in ("straggler", "throttle")
        }


def test_a_step_of_16384_gpus_waits_for_the_slowest_of_all_its_replicas() -> None:
    scenario = load_scenario("llama3-405b")
    machine = build_machine(scenario)
    assert machine is not None
    assert scenario.training is not None
    phase = scenario.training.phases[0]
    result = simulate_phase(scenario, machine, phase)
    placement = placed_ranks(scenario, phase.layout, machine.cluster)
    rows = replica_factors(scenario.machines.speed, phase.layout, placement, 8, scenario.seed).own
    assert len(rows) == 128
    each = [simulate_step(slowed_plan(result.built.plan, (row / GRAINS).tolist())).step_ns for row in rows]
    assert result.profile.step_time_ns == max(each)


def test_a_step_that_takes_as_long_everywhere_is_not_simulated_again() -> None:
    scenario = load_scenario("tiny", ["cluster.speed.spread=0.02", "cluster.network.routing=adaptive"])
    machine = build_machine(scenario)
    assert machine is not None and scenario.training is not None
    phase = scenario.training.phases[0]
    first = simulate_phase(scenario, machine, phase)
    assert simulate_phase(scenario, machine, phase, before=[first]).timeline is first.timeline
    for other in (replace(scenario, seed=scenario.seed + 1), replace(scenario, machines=_slower(scenario))):
        again = simulate_phase(other, build_machine(other), phase, before=[first])
        assert again.timeline is not first.timeline
        assert again.profile == simulate_phase(other, build_machine(other), phase).profile != first.profile


def _slower(scenario: Scenario) -> Machines:
    node = scenario.machines.node
    slow = replace(node, nic_bandwidth_bytes_per_s=node.nic_bandwidth_bytes_per_s / 2)
    return replace(scenario.machines, node=slow)


@pytest.mark.parametrize("preset", ["llama3-405b-54d", "tiny"])
def test_a_job_under_another_seed_is_that_of_its_scenario(preset: str) -> None:
    job = prepare(load_scenario(preset))
    for seed in (job.scenario.seed, job.scenario.seed + 1):
        scenario = load_scenario(preset, [f"run.seed={seed}"])
        again, made = reseeded(job, scenario), prepare(scenario)
        assert [step.profile for step in again.steps] == [step.profile for step in made.steps]
        assert simulate_prepared(again).trace == simulate_prepared(made).trace
