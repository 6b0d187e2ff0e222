"""From a scenario with a failure log to the failures of its run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sim.errors import InputError, ScenarioError
from sim.reliability.records import NODE_PARTS, FailureClass, RecoveryPlan
from sim.reliability.replay.classes import cause_names, logged_classes
from sim.reliability.replay.entries import FailureLog
from sim.reliability.replay.records import Replay
from sim.reliability.replay.seats import Fleet
from sim.scenario.faults.failures import FailuresForm
from sim.scenario.faults.log import LogForm, read_log
from sim.scenario.faults.parts import UNCOUNTED, per_node
from sim.scenario.records import Failures, Machines, ReplayedLog


def with_log(
    failures: Failures, form: FailuresForm | None, machines: Machines, horizon_s: float | None, seed: int
) -> Failures:
    """Return failures with those of the log, if there is one: instead of the clocks' unless it says with_causes.

    Raises InputError for a log that cannot be read, or does not fit the cluster; ScenarioError for operating clocks
    and a scale, which a log has not.
    """
    if form is None or form.log is None:
        return failures
    log = read_log(form.log)
    _check_clocks(form, form.log)
    if form.scale == 0:
        return failures
    fleet = Fleet(
        nodes=machines.nodes,
        spare_nodes=machines.spare_nodes,
        per_node={name: _per_node(name, machines, log) for name in NODE_PARTS},
        seed=seed,
    )
    until_us = None if horizon_s is None else round(horizon_s * 1e6)
    with _about(form.log.file):
        classes, seating = logged_classes(
            log, fleet, form.log.nodes, until_us, repeats=form.log.repeat, log_nodes=form.log.log_nodes or 0
        )
    _check_repeated(log, form.log)
    clocks = failures.classes if form.log.with_causes else ()
    kept = sum(len(each.logged or ()) for each in classes)
    _check_names(clocks, classes)
    _check_outages(classes, wired=machines.topology is not None)
    return replace(
        failures,
        classes=(*clocks, *classes),
        replay=Replay(end_us=log.end_us, then=form.log.then),
        provenance=ReplayedLog(
            file=form.log.file,
            failures=kept,
            nodes=seating.nodes,
            rule=seating.rule,
            left_out=log.outside + len(log.entries) - seating.unsampled - kept,
            passed_over=log.passed_over,
            set_aside=0 if form.log.with_causes else len(failures.classes),
            unsampled=seating.unsampled,
        ),
    )


def logged_causes(form: FailuresForm) -> tuple[str, ...]:
    """Return the names of the causes of a log, none without one."""
    if form.log is None:
        return ()
    log = read_log(form.log)
    with _about(form.log.file):
        return cause_names(log)


@contextmanager
def _about(file: str) -> Iterator[None]:
    """Say of what is wrong with the failures of a log whose they are."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"failures.log: {file}: {error}") from error


def of_causes(recovery: RecoveryPlan | None, failures: Failures) -> RecoveryPlan | None:
    """Return a recovery without the detection of causes that a log has taken the place of, or that it has not."""
    if recovery is None or failures.replay is None:
        return recovery
    causes = {each.cause for each in failures.classes}
    detect = {cause: law for cause, law in recovery.detect_by_cause.items() if cause in causes}
    return replace(recovery, detect_by_cause=detect)


def _per_node(component: str, machines: Machines, log: FailureLog) -> int:
    """Return how many of a part a node holds; of those that no record counts, as many as the log numbers, or one."""
    numbered = 1 + max((entry.index for entry in log.entries if entry.component == component), default=0)
    if component in UNCOUNTED:
        return max(1, numbered)
    counted = per_node(component, machines.node, machines.nic_ports, None, "failures.log")
    return max(counted, numbered) if component == "hbm" else counted


def _check_clocks(form: FailuresForm, log: LogForm) -> None:
    if form.clock != "calendar":
        raise ScenarioError(
            f"failures.clock: got '{form.clock}' with a log, whose failures happen at their times whatever the job "
            "does; expected 'calendar'"
        )
    if form.scale not in (0, 1) and not log.with_causes:
        raise ScenarioError(
            f"failures.scale: got {form.scale:g} with a log, whose failures are as many as they were; expected 1, 0 "
            "for none, or log with_causes = true for the rates of the causes beside it"
        )


def _check_repeated(log: FailureLog, form: LogForm) -> None:
    """Refuse a log that repeats so fast that no recovery would ever end."""
    if form.repeat and log.end_us < 1_000_000 * max(len(log.entries), 1):
        raise ScenarioError(
            f"failures.log: {form.file}: repeats {len(log.entries)} failures every {log.end_us * 1e-6:g} s; expected "
            "at most one a second, so a later end"
        )


def _check_outages(logged: Sequence[FailureClass], *, wired: bool) -> None:
    out = [each.cause for each in logged if each.of_network]
    if out and not wired:
        raise ScenarioError(
            f"failures.log: '{out[0]}' is an outage of the network; expected a cluster.topology, whose graph says what "
            "it stops"
        )


def _check_names(clocks: Sequence[FailureClass], logged: Sequence[FailureClass]) -> None:
    known = {each.cause for each in clocks}
    twice = [each.cause for each in logged if each.cause in known]
    if twice:
        raise ScenarioError(f"failures.log: '{twice[0]}' is a cause of the scenario too; expected each name once")
