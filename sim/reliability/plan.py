"""Checks of a run's plan, and how long it would take if nothing failed."""

from collections import Counter
from functools import lru_cache
from math import inf

from sim.cluster.domains import DOMAINS
from sim.errors import InputError, ScenarioError, unknown_name
from sim.reliability.checks import check_orders, check_repair, check_spares
from sim.reliability.failures.domain_checks import check_held
from sim.reliability.failures.fleet import check_ages, held_by_nodes
from sim.reliability.failures.laws import check_law
from sim.reliability.failures.slow import check_slowing, check_stragglers
from sim.reliability.records import (
    NODE_PARTS,
    SHARED_COMPONENTS,
    STORE,
    CheckpointPlan,
    FailureClass,
    Law,
    PhasePlan,
    RunPlan,
    Tier,
    tiers_of,
)
from sim.reliability.recovery.elastic import check_elastic
from sim.reliability.replay.check import check_replay
from sim.reliability.saving.progress import NEVER_US, advance, course

COMPONENTS = (*NODE_PARTS, "job", STORE, *SHARED_COMPONENTS, *DOMAINS)
"""What a failure class may hit."""

FAILURE_CLOCKS = ("calendar", "operating")
"""Whether failure clocks advance always, or only while the job steps or checkpoints."""

MODES = ("requeue", "in-job", "in-process", "elastic")
"""How a job restarts: through the queue, on its nodes, with the processes that live, or with fewer replicas."""

STAGES = ("detect", "diagnose", "requeue", "select_host", "replace", "initialize", "restore", "warm_up")
"""Stages of a recovery in their order."""

ON_FAILURE = ("restart", "queue")
"""What a failure during recovery does."""


def planned_us(plan: RunPlan) -> int:
    """Return how long a run takes if nothing fails: to the end of its work, or to its horizon.

    >>> from sim.reliability.examples import run_plan
    >>> planned_us(run_plan())
    1018000000
    """
    length_us = _length_us(tuple(plan.phases), plan.checkpoint, plan.work_us)
    return length_us if plan.horizon_us is None else min(length_us, plan.horizon_us)


@lru_cache(maxsize=256)
def _length_us(phases: tuple[PhasePlan, ...], checkpoint: CheckpointPlan, work_us: int | None) -> int:
    way = course(phases, checkpoint, work_us)
    return advance(way, 0, 0).stretches[-1].end_us if way.end_us < NEVER_US else NEVER_US


def check_plan(plan: RunPlan) -> None:
    """Refuse a plan that cannot be run.

    Raises InputError for numbers out of range, UnknownNameError for unknown names and ScenarioError for parts that do
    not fit together: a run without an end, a job's component that replaces a node, two failure classes of
    one cause, a repair that never succeeds, spares that are not there.
    """
    _check_numbers(plan)
    _check_names(plan)
    _check_resume(plan)
    _check_laws(plan)
    for failure in plan.failures:
        _check_failure(failure)
        check_held(failure, plan.nodes + plan.spare_nodes, f"failures: {failure.cause}")
    check_ages(plan.ages, plan.failures, plan.nodes + plan.spare_nodes)
    twice = [cause for cause, count in Counter(failure.cause for failure in plan.failures).items() if count > 1]
    if twice:
        raise ScenarioError(f"failures: cause '{twice[0]}' stands in two failure classes; expected one each")
    check_stragglers(plan.recovery.stragglers, plan.swing)
    if plan.recovery.stragglers or any(failure.replace for failure in plan.failures):
        check_repair(plan.repair, {failure.cause for failure in plan.failures})
    check_spares(plan)
    apart, idle = plan.recovery.spares.per_domain > 0, plan.recovery.resume_when_idle
    check_orders(plan.repair, plan.nodes, plan.spare_nodes, apart=apart, idle=idle)
    check_elastic(plan)
    if planned_us(plan) >= NEVER_US:
        raise ScenarioError("run: neither work, nor steps of every phase, nor a horizon: it would never end")
    check_replay(plan, planned_us(plan))


def _check_numbers(plan: RunPlan) -> None:
    checkpoint = plan.checkpoint
    if not plan.phases:
        raise InputError("phases: none; expected at least one")
    for phase in plan.phases:
        _at_least(1, {f"phase {phase.name}: step_time_us": phase.step_time_us})
        _at_least(1, {f"phase {phase.name}: steps": 1 if phase.steps is None else phase.steps})
    _at_least(1, {"nodes": plan.nodes, "gpus_per_node": plan.gpus_per_node})
    _at_least(1, {"horizon_us": plan.horizon_us or 1, "work_us": plan.work_us or 1})
    _at_least(0, {"spare_nodes": plan.spare_nodes, "checkpoint: interval_us": checkpoint.interval_us})
    _at_least(0, {"repair: crews": plan.repair.crews})
    for tier in tiers_of(checkpoint):
        _check_tier(tier)
    if checkpoint.adaptive and not (checkpoint.interval_us and all(tier.block_us for tier in tiers_of(checkpoint))):
        raise InputError("checkpoint: adaptive intervals need a first one, and checkpoints that block the job; got 0")
    if all(tier.every > 1 for tier in tiers_of(checkpoint)):
        raise ScenarioError("checkpoint: no tier takes every checkpoint; expected one with every = 1")
    if checkpoint.synchronous and checkpoint.durable_after_us != checkpoint.block_us:
        raise InputError(
            f"checkpoint: a synchronous one blocks until it is durable; got block_us {checkpoint.block_us} and "
            f"durable_after_us {checkpoint.durable_after_us}, expected the same"
        )


def _check_tier(tier: Tier) -> None:
    where = "checkpoint" if tier.name == "remote" else f"checkpoint: tier {tier.name}"
    _at_least(0, {f"{where}: block_us": tier.block_us, f"{where}: restore_us": tier.restore_us})
    _at_least(tier.block_us, {f"{where}: durable_after_us": tier.durable_after_us})
    _at_least(0, {f"{where}: max_in_flight": tier.max_in_flight, f"{where}: keep": tier.keep})
    _at_least(0, {f"{where}: copies": tier.copies})
    _at_least(1, {f"{where}: every": tier.every, f"{where}: apart": tier.apart})


def _at_least(least: int, values: dict[str, int]) -> None:
    for name, value in values.items():
        if value < least:
            raise InputError(f"{name} is {value}; expected at least {least}")


def _check_names(plan: RunPlan) -> None:
    if plan.failure_clock not in FAILURE_CLOCKS:
        raise unknown_name("failure clock", plan.failure_clock, FAILURE_CLOCKS, "failures.clock")
    if plan.recovery.on_failure not in ON_FAILURE:
        raise unknown_name("rule for failures", plan.recovery.on_failure, ON_FAILURE, "recovery.on_failure")
    causes = {failure.cause for failure in plan.failures}
    for cause in plan.recovery.detect_by_cause:
        if cause not in causes:
            raise unknown_name("cause", cause, causes, "recovery.detect_by_cause")


def _check_resume(plan: RunPlan) -> None:
    idle = plan.recovery.resume_when_idle
    if idle is not None and idle < plan.nodes:
        raise ScenarioError(
            f"recovery.resume_when_idle: got {idle}; expected at least {plan.nodes}, the nodes of the job"
        )


def _check_laws(plan: RunPlan) -> None:
    recovery = plan.recovery
    laws = {
        "recovery.detect": recovery.detect,
        "recovery.diagnose": recovery.diagnose,
        "recovery.requeue": recovery.requeue,
        "recovery.rejoin": recovery.rejoin or Law(),
        "recovery.select_host": recovery.select_host,
        "recovery.replace": recovery.replace,
        "recovery.initialize": recovery.initialize,
        "recovery.warm_up": recovery.warm_up,
    }
    laws |= {f"recovery.detect_by_cause.{cause}": law for cause, law in recovery.detect_by_cause.items()}
    for where, law in laws.items():
        check_law(law, where)
    for stage, success in recovery.success.items():
        if stage not in STAGES:
            raise unknown_name("stage", stage, STAGES, "recovery.success")
        if not 0 < success <= 1:
            raise InputError(f"recovery.success.{stage}: is {success}; expected a probability above 0")
    _at_least(0, {"recovery.initialize_more_us": recovery.initialize_more_us})
    _check_probability(recovery.blames_right, "recovery.blames_right")
    if recovery.mode not in MODES:
        raise unknown_name("recovery mode", recovery.mode, MODES, "recovery.mode")


def _check_probability(value: float, where: str) -> None:
    if not 0 <= value <= 1:
        raise InputError(f"{where} is {value}; expected a probability")


def _check_failure(failure: FailureClass) -> None:
    where = f"failures: {failure.cause}"
    if failure.component not in COMPONENTS:
        raise unknown_name("component", failure.component, COMPONENTS, where)
    check_law(failure.life, where)
    if failure.life.mean_s <= 0:
        raise InputError(f"{where}: the mean life is {failure.life.mean_s} s; expected more than 0")
    _at_least(1, {f"{where}: per_node": failure.per_node})
    if failure.component == "job" and failure.replace:
        raise ScenarioError(f"{where}: a failure of the whole job hits no node, so it cannot replace one")
    _check_outage(failure, where)
    _check_effect(failure, where)
    _check_lemons(failure, where)
    check_slowing(failure, where)


def _check_effect(failure: FailureClass, where: str) -> None:
    silent, effects = failure.silent, (failure.outage, failure.silent, failure.planned, failure.slowing)
    if sum(effect is not None for effect in effects) > 1:
        raise ScenarioError(f"{where}: got several of outage, silent, planned and slowing; expected one of them")
    if failure.correlated is not None and any(effect is not None for effect in effects[1:]):
        raise ScenarioError(f"{where}: what fails together stops the job; expected no correlated, or only that")
    if failure.component in DOMAINS and silent is not None:
        raise ScenarioError(f"{where}: a {failure.component} does not fail silently; expected a part of a node, or job")
    if silent is not None:
        check_law(silent.found_after, f"{where}: found")
        _check_probability(silent.recall, f"{where}: recall")
        if not 0 <= silent.rewind_s < inf:
            raise InputError(f"{where}: rewind_s is {silent.rewind_s}; expected 0 or more")
    if failure.planned is not None:
        check_law(failure.planned, f"{where}: planned")
        if failure.replace:
            raise ScenarioError(f"{where}: planned maintenance brings a node back; expected no replace")


def _check_lemons(failure: FailureClass, where: str) -> None:
    lemons = failure.lemons
    if lemons is None:
        return
    if not (0 <= lemons.fraction <= 1 and 1 <= lemons.factor < inf):
        raise InputError(
            f"{where}: lemons are {lemons.fraction:g} of nodes with a factor of {lemons.factor:g}; expected a "
            "fraction, and a factor of 1 or more"
        )
    if not held_by_nodes(failure.component):
        raise ScenarioError(f"{where}: nodes are lemons, and a {failure.component} belongs to none")
    if failure.correlated is not None:
        raise ScenarioError(f"{where}: shocks hit all nodes alike; expected lemons or correlated")


def _check_outage(failure: FailureClass, where: str) -> None:
    if failure.data_loss and failure.component != STORE:
        raise ScenarioError(f"{where}: a {failure.component} holds no checkpoints; expected no data_loss, or {STORE}")
    if failure.component in (STORE, *SHARED_COMPONENTS) and failure.outage is None:
        raise ScenarioError(f"{where}: got no outage; a {failure.component} is out until it is exchanged")
    if failure.outage is None:
        return
    check_law(failure.outage, f"{where}: outage")
    if failure.component not in (STORE, *SHARED_COMPONENTS, *DOMAINS, "nic", "link"):
        raise ScenarioError(
            f"{where}: a {failure.component} is no part of the network, no store and no domain of nodes; expected no "
            "outage"
        )
    if failure.replace:
        raise ScenarioError(f"{where}: got both an outage and a node to replace; expected one of them")
