"""What `run --json` and `step --json` print: keys that other programs rely on, and what the screens show besides."""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from sim.catalog.assumed import scored, unmeasured
from sim.catalog.bands import COVERAGES, band, kind_of
from sim.cluster.fabric.fluid import PACKET_BAND, SOURCES
from sim.engine.step import simulate_step
from sim.ledger.time.trace import RunTrace
from sim.reliability.failures.exposure import job_mtbf_s
from sim.reliability.records import RunPlan
from sim.report.money.money import BILL_KEYS, bill_json
from sim.report.run.orders import orders_json
from sim.report.run.replay import replay_json
from sim.report.step.shrinking import elastic_json
from sim.report.step.slowdown import diurnal_json, network_json, stragglers_json
from sim.scenario.records import Scenario
from sim.simulate import RunResult, StepResult, main_phase
from sim.workload.blocks import Blocks
from sim.workload.operations import OpCost
from sim.workload.step_plan import StepPlan

UP_STATES = ("step", "checkpoint")
"""States of a job that a failure can interrupt."""


def run_json(result: RunResult) -> dict[str, Any]:
    """Return the answer of a run; money and energy are None where nothing is billed, MFU and tokens without a model."""
    summary, scenario = result.summary, result.scenario
    machines = scenario.machines
    answer = {
        "name": scenario.name,
        "run_id": result.run_id,
        "seed": scenario.seed,
        "model": scenario.training.model.name if scenario.training else None,
        "accelerator": machines.accelerator.name,
        "gpus": machines.gpus + machines.spare_nodes * machines.node.accelerators,
        "job_gpus": machines.gpus,
        "wall_time_s": summary.wall_time_s,
        "complete": summary.complete,
        "steps": summary.steps,
        "tokens": summary.tokens,
        "step_mfu": summary.step_mfu,
        "effective_mfu": summary.effective_mfu,
        "goodput": summary.goodput,
        "allocation": summary.allocation,
        "ettr": summary.ettr,
        "gpu_hours": summary.gpu_hours,
        "job_gpu_hours": summary.job_gpu_hours,
        "failures": dict(summary.failures),
        "interruptions": dict(summary.interruptions),
        "planned_stops": dict(summary.planned_stops),
        "aborted": summary.aborted,
        "interruptions_expected": expected_interruptions(result.plan, result.trace),
        "job_up_s": job_up_us(result.trace) * 1e-6,
        "replay": replay_json(scenario.failures),
        "network": network_json(result),
        "stragglers": stragglers_json(result),
        "diurnal": diurnal_json(result),
        "elastic": elastic_json(result),
        "orders": orders_json(result),
        "checkpoints": {"started": result.trace.checkpoints_started, "durable": result.trace.checkpoints_durable},
        "states": dict(summary.states),
        "waterfall": dict(summary.waterfall),
        "useful_flop": _useful_flop(result),
        "phases": [_phase_json(result, index) for index in range(len(result.plan.phases))],
        "calibration": _calibration_json(result.steps[0]) if result.steps else None,
        **_money_json(result),
    }
    return with_published(answer, scenario)


def step_json(result: StepResult, scenario: Scenario) -> dict[str, Any]:
    """Return the answer of one optimizer step."""
    profile, plan = result.profile, result.built.plan
    seconds, without_s = profile.step_time_s, step_without(result)
    answer = {
        "name": scenario.name,
        "phase": result.phase.name,
        "model": scenario.training.model.name if scenario.training else None,
        "accelerator": scenario.machines.accelerator.name,
        "job_gpus": profile.gpus,
        "microbatches": plan.microbatches,
        "step_time_s": seconds,
        "tokens": profile.tokens,
        "mfu": profile.mfu,
        "hfu": profile.hfu,
        "mfu_full_attention": profile.mfu * profile.model_flops_full / profile.model_flops,
        "mfu_bf16_peak": profile.mfu * profile.peak_flops_per_s / profile.peak_bf16_flops_per_s,
        "flops_per_s_per_gpu": profile.model_flops / (profile.gpus * seconds),
        "tokens_per_s_per_gpu": profile.tokens / (profile.gpus * seconds),
        "bubble_fraction": profile.bubble_fraction,
        "waterfall": {state: profile.fraction(state) for state in profile.state_ns},
        "memory": _memory_json(result),
        "communication": {name: asdict(cost) for name, cost in result.built.communication.costs.items()},
        "without_s": without_s,
        "packets": _packets_json(result, scenario, without_s),
        "calibration": _calibration_json(result),
        "step_time_band": step_time_band(result, scenario),
        "assumed": _unmeasured(result, scenario),
    }
    # Published figures of a step are those of the main phase.
    training = scenario.training
    if training is None or result.phase != training.phases[main_phase(training)]:
        return answer | {"published": {}, "published_gap": []}
    return with_published(answer, scenario)


def step_time_band(result: StepResult, scenario: Scenario) -> dict[str, Any] | None:
    """Return between which step times a measured one lies in 80 % and 95 % of cases of the same kind.

    None where no measured step scores the accelerator and none anchors the job.

    Errors of steps that were predicted without their source make the band of a known software stack, without their
    stack that of another, without their sweep that of an anchored job.
    """
    training = scenario.training
    # An anchor beyond what a level may move says that something else is off, which no band knows.
    if training is None or (result.anchoring is not None and result.anchoring.at_limit):
        return None
    if result.anchoring is None and not scored(scenario.machines.accelerator):
        return None
    kind = kind_of(result.phase.batch.precision, training.model.experts > 0)
    known = training.software.sources["kernel_level"].kind == "fitted"
    familiarity = "same source" if result.anchoring else "known stack" if known else "new stack"
    seconds = result.profile.step_time_s
    return {
        "kind": kind,
        "familiarity": familiarity,
        **{f"{100 * share:g}": [seconds * factor for factor in band(kind, familiarity, share)] for share in COVERAGES},
    }


def _calibration_json(result: StepResult) -> dict[str, Any] | None:
    return None if result.anchoring is None else asdict(result.anchoring)


def _unmeasured(result: StepResult, scenario: Scenario) -> list[str]:
    """Return what of the step is assumed or fitted: kernel curves, and an accelerator that no measurement scores."""
    experts = scenario.training is not None and scenario.training.model.experts > 0
    return list(unmeasured(scenario.machines.accelerator, result.phase.batch.precision, grouped=experts))


def _packets_json(result: StepResult, scenario: Scenario, without_s: Mapping[str, float]) -> dict[str, Any] | None:
    """Return the step times between which packets would end it, to first order; None where nothing shares a fabric.

    What dimensions that leave the scale-up domain cost the step grows by the band of packets over a fluid.
    """
    costs = result.built.communication.costs
    shared = [name for name, cost in costs.items() if cost.bottleneck != "scale-up"]
    if scenario.machines.network.sharing == "ideal" or not shared:
        return None
    part = sum(1 - without_s[name] / without_s["none"] for name in shared)
    said = SOURCES["PACKET_BAND"]
    return {
        "step_time_s": [result.profile.step_time_s * (1 + (factor - 1) * part) for factor in PACKET_BAND],
        "kind": said.kind,
        "source": said.source,
    }


def step_without(result: StepResult) -> dict[str, float]:
    """Return the step time if one dimension's communication took no time, all else equal, nominal GPUs throughout.

    Exposed communication counts what stages wait for themselves; this is what the whole step would gain, with the
    bubbles that a late message leaves downstream.
    """
    plan = result.built.plan
    free: dict[str, StepPlan] = {
        "tensor": replace(plan, **_without(plan, "comm_tensor")),
        "context": replace(plan, **_without(plan, "comm_context")),
        "expert": replace(plan, **_without(plan, "comm_expert")),
        "pipeline": replace(plan, boundary_ns=(0,) * plan.stages),
        "data": replace(plan, blocks=_without_collectives(plan)),
    }
    steps_ns = {name: simulate_step(free[name]).step_ns for name in result.built.communication.costs}
    return {name: step_ns * 1e-9 for name, step_ns in {"none": result.timeline.step_ns, **steps_ns}.items()}


def _without_collectives(plan: StepPlan) -> tuple[tuple[Blocks, ...], ...]:
    def free(blocks: Blocks) -> Blocks:
        none = (0,) * len(blocks.forward)
        return replace(blocks, gather_ns=none, reduce_ns=none)

    return tuple(tuple(free(chunk) for chunk in stage) for stage in plan.blocks)


def _without(plan: StepPlan, state: str) -> dict[str, Any]:
    def free(rows: tuple[tuple[OpCost, ...], ...]) -> tuple[tuple[OpCost, ...], ...]:
        return tuple(tuple(replace(cost, state_ns={**cost.state_ns, state: 0}) for cost in row) for row in rows)

    return {"forward": free(plan.forward), "backward": free(plan.backward), "weight": free(plan.weight)}


def job_up_us(trace: RunTrace) -> int:
    """Return how long the job was stepping or checkpointing."""
    return sum(segment.duration_us for segment in trace.segments if segment.state in UP_STATES)


def expected_interruptions(plan: RunPlan, trace: RunTrace) -> float | None:
    """Return the interruptions to be expected while the job was up: its up time over its mean time between failures.

    None where their number is no Poisson count: where lives of what stops the job have a memory, or some nodes are
    lemons.
    """
    stopping = [failure for failure in plan.failures if failure.stops]
    if any(failure.life.kind != "exponential" or failure.lemons for failure in stopping):
        return None
    mtbf_s = job_mtbf_s(plan.failures, plan.nodes)
    return 0.0 if math.isinf(mtbf_s) else job_up_us(trace) * 1e-6 / mtbf_s


def _phase_json(result: RunResult, index: int) -> dict[str, Any]:
    phase, summary = result.plan.phases[index], result.summary.phases[index]
    return {
        "name": phase.name,
        "step_time_s": phase.step_time_us * 1e-6,
        "steps": summary.retained_steps,
        "lost_steps": summary.lost_steps,
        "in_flight_steps": summary.in_flight_steps,
        "step_mfu": summary.step_mfu,
        "goodput": summary.goodput,
        "job_gpu_hours": sum(summary.states.values()),
    }


def _useful_flop(result: RunResult) -> float | None:
    if not result.steps:
        return None
    steps = zip(result.trace.retained_steps, result.steps, strict=True)
    return sum(count * step.profile.model_flops for count, step in steps)


def _money_json(result: RunResult) -> dict[str, Any]:
    if result.costs is None or result.usage is None or result.scenario.billing is None:
        return dict.fromkeys(BILL_KEYS)
    return bill_json(result.usage, result.costs, result.scenario.billing.prices, result.scenario.billing.terms)


def _memory_json(result: StepResult) -> dict[str, Any]:
    profile = result.profile
    peak = max(stage.total for stage in profile.memory)
    return {
        "peak_bytes": peak,
        "capacity_bytes": profile.capacity_bytes,
        "fits": peak <= profile.capacity_bytes,
        "stages": [asdict(stage) for stage in profile.memory],
    }


def with_published(answer: dict[str, Any], scenario: Scenario) -> dict[str, Any]:
    """Add the published figures that the answer has a counterpart of."""
    figures = {figure.name: figure for figure in scenario.published if figure.name in answer}
    shown = {name: {"value": f.value, "unit": f.unit, "source": f.source} for name, f in figures.items()}
    return {**answer, "published": shown, "published_gap": list(scenario.published_gap) if shown else []}
