"""Checks of a run's plan, and how long it would take if nothing failed."""

from collections import Counter

from sim.errors import InputError, ScenarioError, unknown_name
from sim.reliability.laws import check_law
from sim.reliability.progress import NEVER_US, advance, course
from sim.reliability.records import SHARED_COMPONENTS, FailureClass, RepairPlan, RunPlan

COMPONENTS = ("gpu", "nic", "link", "node", "job", *SHARED_COMPONENTS)
"""What a failure class may hit."""

FAILURE_CLOCKS = ("calendar", "operating")
"""Whether failure clocks advance always, or only while the job steps or checkpoints."""

ON_FAILURE = ("restart", "queue")
"""What a failure during recovery does."""


def planned_us(plan: RunPlan) -> int:
    """Return how long a run takes if nothing fails: to the end of its work, or to its horizon.

    >>> from sim.reliability.examples import run_plan
    >>> planned_us(run_plan())
    1018000000
    """
    way = course(plan.phases, plan.checkpoint, plan.work_us)
    length_us = advance(way, 0, 0).stretches[-1].end_us if way.end_us < NEVER_US else NEVER_US
    return length_us if plan.horizon_us is None else min(length_us, plan.horizon_us)


def check_plan(plan: RunPlan) -> None:
    """Refuse a plan that cannot be run.

    Raises InputError for numbers out of range, UnknownNameError for unknown names and ScenarioError for parts that do
    not fit together: a run without an end, a job's component that replaces a node, two failure classes of
    one cause, a repair that never succeeds.
    """
    _check_numbers(plan)
    _check_names(plan)
    _check_resume(plan)
    _check_laws(plan)
    for failure in plan.failures:
        _check_failure(failure)
    twice = [cause for cause, count in Counter(failure.cause for failure in plan.failures).items() if count > 1]
    if twice:
        raise ScenarioError(f"failures: cause '{twice[0]}' stands in two failure classes; expected one each")
    if any(failure.replace for failure in plan.failures):
        _check_repair(plan.repair)
    if planned_us(plan) >= NEVER_US:
        raise ScenarioError("run: neither work, nor steps of every phase, nor a horizon: it would never end")


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
    _at_least(0, {"checkpoint: block_us": checkpoint.block_us, "checkpoint: restore_us": checkpoint.restore_us})
    _at_least(0, {"checkpoint: max_in_flight": checkpoint.max_in_flight, "repair: crews": plan.repair.crews})
    _at_least(checkpoint.block_us, {"checkpoint: durable_after_us": checkpoint.durable_after_us})


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
    recovery, repair = plan.recovery, plan.repair
    laws = {
        "recovery.detect": recovery.detect,
        "recovery.select_host": recovery.select_host,
        "recovery.replace": recovery.replace,
        "recovery.initialize": recovery.initialize,
        "recovery.warm_up": recovery.warm_up,
        "repair.automatic": repair.automatic.time,
        "repair.manual": repair.manual.time,
    }
    laws |= {f"recovery.detect_by_cause.{cause}": law for cause, law in recovery.detect_by_cause.items()}
    for where, law in laws.items():
        check_law(law, where)


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


def _check_outage(failure: FailureClass, where: str) -> None:
    if failure.component in SHARED_COMPONENTS and failure.outage is None:
        raise ScenarioError(f"{where}: got no outage; a {failure.component} is out until it is exchanged")
    if failure.outage is None:
        return
    check_law(failure.outage, f"{where}: outage")
    if failure.component not in (*SHARED_COMPONENTS, "nic", "link"):
        raise ScenarioError(f"{where}: a {failure.component} is no part of the network; expected no outage")
    if failure.replace:
        raise ScenarioError(f"{where}: got both an outage and a node to replace; expected one of them")


def _check_repair(repair: RepairPlan) -> None:
    for name, success in {"automatic": repair.automatic.success, "manual": repair.manual.success}.items():
        if not 0 <= success <= 1:
            raise InputError(f"repair.{name}: success is {success}; expected a probability")
    if repair.automatic.success < 1 and repair.manual.success == 0:
        raise ScenarioError("repair: where the automatic stage fails, the manual one never succeeds")
